//! What may stand in a message that people read.

/// Whether nothing in it breaks a line, turns it around or hides.
pub(crate) fn is_one_line(text: &str) -> bool {
    !text.chars().any(hides)
}

/// The text on one line, with one space where it has any white space or anything that hides: for a message, never for what a
/// code is bound to.
pub(crate) fn line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || hides(c));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Controls, separators, direction marks, invisible joiners and letters without ink (Unicode UAX 9, UTS 39).
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payee_cannot_write_a_line_of_its_own() {
        assert_eq!(line("Acme\n\u{202e}123456"), "Acme 123456");
        assert_eq!(
            line(&format!(" Acme Inc.{}\u{3000}via Mallory ", " ".repeat(31))),
            "Acme Inc. via Mallory"
        );
        assert_eq!(line(" \u{200b}\u{3164} "), "");
        assert!(is_one_line("€39.99 – 东京") && !is_one_line("a\u{200b}b"));
    }
}
