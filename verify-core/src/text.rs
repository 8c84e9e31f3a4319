//! Which characters may stand in a text that people read.

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

/// RFC 3339, in whole seconds and UTC.
pub(crate) fn timestamp(millis: u64) -> String {
    let seconds = i64::try_from(millis / 1000).unwrap_or(i64::MAX);
    time::OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok())
        .unwrap_or_default()
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
    }
}
