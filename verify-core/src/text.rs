//! Texts that people read: which characters may stand in them, and how moments are written.

use std::fmt;

use serde::{Serialize, Serializer};

/// Controls, line and paragraph separators, direction overrides and invisible joiners: what can forge a line of a
/// message or turn a name around (Unicode UAX 9; WICG origin-bound codes read the last line).
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{00ad}'
                | '\u{061c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
        )
}

/// A moment, in milliseconds since 1970, as people and programs read it: RFC 3339, in whole seconds and UTC. Written where it
/// is wanted, since each blocked answer says two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timestamp(pub(crate) u64);

/// The last second that four digits of a year can say: 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;

impl Timestamp {
    /// `2026-01-01T00:00:00Z`.
    pub(crate) fn text(self) -> [u8; 20] {
        let seconds = i64::try_from(self.0 / 1000).unwrap_or(LAST_SECOND).min(LAST_SECOND);
        let at =
            time::OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second) = at.to_hms();
        let year = year.unsigned_abs();
        let digit = |number: u32| b'0' + (number % 10) as u8;
        let pair = |number: u8| [digit(u32::from(number / 10)), digit(u32::from(number))];
        let [m, o] = pair(u8::from(month));
        let [d, a] = pair(day);
        let [h, r] = pair(hour);
        let [i, n] = pair(minute);
        let [s, e] = pair(second);
        let [k, c, x, y] = [1000, 100, 10, 1].map(|unit| digit(year / unit));
        [k, c, x, y, b'-', m, o, b'-', d, a, b'T', h, r, b':', i, n, b':', s, e, b'Z']
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

/// The same as text of its own.
pub(crate) fn timestamp(millis: u64) -> String {
    Timestamp(millis).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r64_what_forges_a_line_is_unprintable() {
        assert!("\r\n\0\u{85}\u{2028}\u{202e}\u{2066}\u{200b}".chars().all(is_unprintable));
        assert!(!"Müller & Söhne – 东京 O'Neil".chars().any(is_unprintable));
    }

    #[test]
    fn timestamps_are_rfc_3339() {
        assert_eq!(timestamp(1_767_225_600_999), "2026-01-01T00:00:00Z");
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(1_709_251_199_000), "2024-02-29T23:59:59Z");
        assert_eq!(timestamp(u64::MAX), "9999-12-31T23:59:59Z");
        assert_eq!(serde_json::to_string(&Timestamp(951_782_400_000)).unwrap(), "\"2000-02-29T00:00:00Z\"");
    }
}
