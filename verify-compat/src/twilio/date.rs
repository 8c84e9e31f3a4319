//! Moments as a client writes them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

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
    use crate::moment::text;

    #[test]
    fn twilio_rule_03_dates_are_whole_seconds_with_a_z() {
        assert_eq!(text(1_767_225_600_999), "2026-01-01T00:00:00Z");
        assert_eq!(parse("2026-01-01T00:00:00Z"), Some(1_767_225_600_000));
        assert_eq!(parse("2026-01-01"), parse("2026-01-01T01:00:00+01:00"));
        assert_eq!(parse("yesterday"), None);
        assert_eq!(parse("1960-01-01"), None);
    }
}
