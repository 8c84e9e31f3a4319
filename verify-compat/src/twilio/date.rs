//! Moments as the wire has them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// Milliseconds since 1970.
pub(crate) fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn at(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}

/// In whole seconds and UTC, with a `Z`: a client reads fractions or an offset as text, and not as a date.
pub(crate) fn text(millis: u64) -> String {
    let seconds = i64::try_from(millis / 1000).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|at| at.format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z")).ok())
        .unwrap_or_default()
}

/// A moment, or midnight of a day, as a filter names it.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let moment = match text.len() {
        10 => OffsetDateTime::parse(&format!("{text}T00:00:00Z"), &Rfc3339),
        _ => OffsetDateTime::parse(text, &Rfc3339),
    };
    u64::try_from(moment.ok()?.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twilio_rule_03_dates_are_whole_seconds_with_a_z() {
        assert_eq!(text(1_767_225_600_999), "2026-01-01T00:00:00Z");
        assert_eq!(parse("2026-01-01T00:00:00Z"), Some(1_767_225_600_000));
        assert_eq!(parse("2026-01-01"), parse("2026-01-01T01:00:00+01:00"));
        assert_eq!(parse("yesterday"), None);
        assert_eq!(parse("1960-01-01"), None);
    }
}
