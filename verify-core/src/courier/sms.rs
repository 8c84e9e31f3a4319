//! How long a text message is, and so what it costs.

/// What a text message takes on the air (3GPP TS 23.038 and 23.040).
///
/// ```
/// use verify_core::{SmsEncoding, SmsLength};
///
/// let plain = SmsLength::of("Your code is 471147");
/// assert_eq!((plain.encoding(), plain.units(), plain.parts()), (SmsEncoding::Gsm7, 19, 1));
///
/// let euros = SmsLength::of("5 €");
/// assert_eq!(euros.units(), 4, "the euro sign counts twice");
///
/// let other = SmsLength::of(&"код ".repeat(20));
/// assert_eq!((other.encoding(), other.units(), other.parts()), (SmsEncoding::Ucs2, 80, 2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmsLength {
    encoding: SmsEncoding,
    units: usize,
    parts: usize,
}

/// How a text message is written on the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SmsEncoding {
    /// The default alphabet, seven bits a character; those of its extension table, as `€` and `[`, take two. One message
    /// has room for 160, a part of several for 153.
    Gsm7,
    /// UTF-16, as soon as one character is not in that alphabet. One message has room for 70 units, a part of several for 67.
    Ucs2,
}

/// The default alphabet, without the escape (TS 23.038, 6.2.1).
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§\
                     ¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Its extension table (6.2.1.1).
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

impl SmsLength {
    /// Measures a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let septets = |c: char| match c {
            _ if BASIC.contains(c) => Some(1),
            _ if EXTENSION.contains(c) => Some(2),
            _ => None,
        };
        let gsm: Option<Vec<usize>> = text.chars().map(septets).collect();
        let (encoding, sizes, single, part) = match gsm {
            Some(sizes) => (SmsEncoding::Gsm7, sizes, 160, 153),
            None => (SmsEncoding::Ucs2, text.chars().map(char::len_utf16).collect(), 70, 67),
        };
        let units = sizes.iter().sum();
        let parts = if units <= single { 1 } else { fill(&sizes, part) };
        Self { encoding, units, parts }
    }

    /// How it is written.
    #[must_use]
    pub const fn encoding(self) -> SmsEncoding {
        self.encoding
    }

    /// Septets, or units of UTF-16.
    #[must_use]
    pub const fn units(self) -> usize {
        self.units
    }

    /// How many messages are paid for.
    #[must_use]
    pub const fn parts(self) -> usize {
        self.parts
    }
}

/// How many parts are filled, if no character is torn apart.
fn fill(sizes: &[usize], room: usize) -> usize {
    let (mut parts, mut used) = (1, 0);
    for size in sizes {
        if used + size > room {
            parts += 1;
            used = 0;
        }
        used += size;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p19_parts_begin_where_the_standard_says() {
        for (text, units, parts) in [
            ("a".repeat(160), 160, 1),
            ("a".repeat(161), 161, 2),
            ("a".repeat(306), 306, 2),
            ("a".repeat(307), 307, 3),
            ("€".repeat(80), 160, 1),
            ("€".repeat(81), 162, 2),
            ("ж".repeat(70), 70, 1),
            ("ж".repeat(71), 71, 2),
            ("ж".repeat(134), 134, 2),
            ("ж".repeat(135), 135, 3),
            ("😀".repeat(35), 70, 1),
            ("😀".repeat(36), 72, 2),
        ] {
            let length = SmsLength::of(&text);
            assert_eq!((length.units(), length.parts()), (units, parts), "{}", text.chars().count());
        }
    }

    #[test]
    fn p19_no_character_is_torn_apart() {
        // The escape would be the last septet of the first part, and its character the first of the second.
        let text = format!("{}€{}", "a".repeat(152), "a".repeat(152));
        assert_eq!(SmsLength::of(&text).units(), 306);
        assert_eq!(SmsLength::of(&text).parts(), 3);
        let text = format!("{}😀{}", "ж".repeat(66), "ж".repeat(66));
        assert_eq!((SmsLength::of(&text).units(), SmsLength::of(&text).parts()), (134, 3));
    }

    #[test]
    fn p19_the_alphabet_has_127_characters_and_ten_more() {
        assert_eq!((BASIC.chars().count(), EXTENSION.chars().count()), (127, 10));
        assert_eq!(SmsLength::of("ç").encoding(), SmsEncoding::Ucs2, "only the capital is in it");
    }
}
