//! `Jun 9 2020 9:03AM`: a moment that does not say where.

use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const FORM: &[BorrowedFormatItem<'_>] = format_description!(
    "[month repr:short] [day padding:none] [year] [hour repr:12 padding:none]:[minute][period case:upper]"
);

/// Reads it with one space between its parts, or two where a number is padded. It has no zone, and none is guessed.
pub(super) fn parse(text: &str) -> Option<PrimitiveDateTime> {
    let mut parts = text.split(' ').filter(|part| !part.is_empty());
    let single = [parts.next()?, parts.next()?, parts.next()?, parts.next()?].join(" ");
    if parts.next().is_some() || single.len() + 4 < text.len() {
        return None;
    }
    PrimitiveDateTime::parse(&single, FORM).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn phonesverification_rule_15_moments_are_read_with_one_space_or_two() {
        for (text, moment) in [
            ("Jun 9 2020 9:03AM", datetime!(2020-06-09 9:03)),
            ("Jun  9 2020  9:03AM", datetime!(2020-06-09 9:03)),
            ("Dec 31 2020 12:00AM", datetime!(2020-12-31 0:00)),
            ("Dec 31 2020 12:59PM", datetime!(2020-12-31 12:59)),
            ("Jan 10 2021 11:00PM", datetime!(2021-01-10 23:00)),
        ] {
            assert_eq!(parse(text), Some(moment), "{text}");
        }
        for text in [
            "",
            "Jun 9 2020",
            "Jun 31 2020 9:03AM",
            "Jun 9 2020 13:03AM",
            "2020-06-09T09:03",
            "Jun 9 2020 9:03AM UTC",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
