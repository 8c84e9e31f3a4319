//! What may stand in a message that people read.

/// Whether nothing in it breaks a line, turns it around or hides.
pub(crate) fn is_one_line(text: &str) -> bool {
    !text.chars().any(hides)
}

/// The text on one line, cut to so many characters: for a message, never for what a code is bound to.
pub(crate) fn line(text: &str, most: usize) -> String {
    let mut kept: String = text.chars().map(|c| if hides(c) { ' ' } else { c }).take(most).collect();
    if text.chars().count() > most {
        kept.push_str("...");
    }
    kept
}

/// Controls, separators, direction marks and invisible joiners (Unicode UAX 9).
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payee_cannot_write_a_line_of_its_own() {
        assert_eq!(line("Acme\n\u{202e}123456", 100), "Acme  123456");
        assert_eq!(line("Müller & Söhne", 6), "Müller...");
        assert!(is_one_line("€39.99 – 东京") && !is_one_line("a\u{200b}b"));
    }
}
