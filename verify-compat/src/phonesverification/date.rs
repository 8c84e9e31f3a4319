//! Moments as the wire has them: in UTC, and without saying so.

use std::time::SystemTime;

use time::OffsetDateTime;
use time::macros::format_description;

/// `2016-06-06T08:02:17.1`: as many digits of a fraction as it takes, milliseconds at most.
pub(crate) fn created(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let whole = at.format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]"));
    let fraction = format!(".{:03}", at.millisecond());
    whole.unwrap_or_default() + fraction.trim_end_matches('0').trim_end_matches('.')
}

/// `Jun 9 2020 9:03AM`.
pub(crate) fn spoken(at: SystemTime) -> String {
    let format = format_description!(
        "[month repr:short] [day padding:none] [year] [hour repr:12 padding:none]:[minute][period case:upper]"
    );
    OffsetDateTime::from(at).format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn phonesverification_rule_03_15_moments_have_the_forms_of_the_samples() {
        let at = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        assert_eq!(created(at(1_465_200_137_100)), "2016-06-06T08:02:17.1");
        assert_eq!(created(at(1_465_200_137_000)), "2016-06-06T08:02:17");
        assert_eq!(created(at(1_465_200_137_045)), "2016-06-06T08:02:17.045");
        assert_eq!(spoken(at(1_591_693_380_000)), "Jun 9 2020 9:03AM");
        assert_eq!(spoken(at(1_609_372_800_000)), "Dec 31 2020 12:00AM");
        assert_eq!(spoken(at(1_609_416_000_000)), "Dec 31 2020 12:00PM");
    }
}
