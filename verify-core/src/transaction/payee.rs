//! Who gets the money: the name that the payer sees, and the account that the bank pays to.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_security::MixedScript;
use unicode_security::confusable_detection::skeleton;

use crate::transaction::Account;

/// As long as a name in a SEPA payment may be (EPC rulebooks, AT-21).
const MAX_NAME: usize = 70;

/// A payee. Name and account are both bound (RTS 2018/389, 5(1)(c)): the account decides where the money goes, and the
/// name is what the payer has agreed to.
///
/// ```
/// use verify_core::{Account, Payee};
///
/// let account = Account::iban("DE89370400440532013000")?;
/// let payee = Payee::new("M\u{fc}ller & S\u{f6}hne", account.clone())?;
/// assert_eq!(payee, Payee::new("Mu\u{308}ller & So\u{308}hne", account.clone())?, "one name, however it is typed");
/// assert!(Payee::new("Acme\n@evil.example #000000", account).is_err(), "a name is one line");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Payee {
    name: String,
    account: Account,
}

impl Payee {
    /// A name of 1 to 70 characters and an account. The name is brought into Unicode's composed form (NFC), in which
    /// nothing that looks different becomes the same, and is otherwise bound as it is.
    ///
    /// # Errors
    /// When the name is empty, too long, begins or ends with white space, or has a character that could forge a line or
    /// turn the text around: controls, line breaks, direction marks, invisible ones.
    pub fn new(name: &str, account: Account) -> Result<Self, InvalidPayee> {
        // Composing may shorten a name, never to less than a fourth.
        if name.len() > MAX_NAME * 16 {
            return Err(InvalidPayee::Length);
        }
        let name: String = name.nfc().collect();
        if !(1..=MAX_NAME).contains(&name.chars().count()) {
            return Err(InvalidPayee::Length);
        }
        if name.trim() != name || name.chars().any(crate::text::is_unprintable) {
            return Err(InvalidPayee::Characters);
        }
        Ok(Self { name, account })
    }

    /// The name, as it is shown.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Whether the name could be made to be taken for another (UTS #39): a word in it mixes scripts that no language
    /// mixes, or looks exactly like Latin letters and is none, in a name that has no other word of its script. A reason
    /// to look twice, and not to refuse: it says nothing about who they are.
    #[must_use]
    pub fn looks_confusable(&self) -> bool {
        let words = || self.name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let foreign = |word: &str| word.chars().all(|c| c.is_alphabetic() && !is_latin(c));
        let imitates = |word: &str| foreign(word) && skeleton(word).all(|c| c.is_ascii_alphabetic());
        words().any(|word| !word.is_single_script())
            || (words().any(imitates) && !words().any(|word| foreign(word) && !imitates(word)))
    }
}

/// Latin letters with whatever accents.
fn is_latin(c: char) -> bool {
    use unicode_normalization::char::decompose_canonical;
    let mut base = None;
    decompose_canonical(c, |part| {
        base.get_or_insert(part);
    });
    base.is_some_and(|base| base.is_ascii_alphabetic())
        || matches!(c, '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

impl fmt::Debug for Payee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payee([redacted])")
    }
}

/// The name is no payee's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPayee {
    /// Empty, or longer than 70 characters.
    #[error("a payee's name has 1 to 70 characters")]
    Length,
    /// White space around it, or characters that are not seen.
    #[error("a payee's name is one line of visible characters, without white space around it")]
    Characters,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payee(name: &str) -> Result<Payee, InvalidPayee> {
        Payee::new(name, Account::iban("DE89370400440532013000").unwrap())
    }

    #[test]
    fn e59_names_are_composed_and_nothing_more() {
        assert_eq!(payee("Mu\u{308}ller").unwrap(), payee("M\u{fc}ller").unwrap());
        // NFKC would make these the same, though they look different.
        for (one, other) in [("ﬁrm", "firm"), ("Ａｃｍｅ", "Acme"), ("Acme", "ACME"), ("A  B", "A B")] {
            assert_ne!(payee(one).unwrap(), payee(other).unwrap(), "{one} {other}");
        }
    }

    #[test]
    fn e60_what_forges_or_hides_is_refused() {
        for bad in [
            "",
            " ",
            " Acme",
            "Acme ",
            "Ac\nme",
            "Ac\rme",
            "Ac\0me",
            "Ac\u{200b}me",
            "Ac\u{202e}me",
            "Ac\u{2066}me",
            "Ac\u{2028}me",
            "Ac\u{ad}me",
            "X\n@evil.example #000000",
            "Acme\u{feff}",
            "\u{a0}Acme",
        ] {
            assert!(payee(bad).is_err(), "{bad:?}");
        }
        assert_eq!(payee(&"a".repeat(71)), Err(InvalidPayee::Length));
        assert!(payee(&"é".repeat(70)).is_ok() && payee(&"e\u{301}".repeat(70)).is_ok());
        assert_eq!(payee(&"a".repeat(100_000)), Err(InvalidPayee::Length));
    }

    #[test]
    fn e61_a_name_that_imitates_another_is_flagged_and_not_refused() {
        for risky in
            ["\u{410}CME", "\u{410}\u{421}\u{41c}\u{415}", "P\u{430}yPal Ltd", "Acme \u{421}\u{415}O"]
        {
            assert!(payee(risky).unwrap().looks_confusable(), "{risky}");
        }
        for plain in [
            "Acme Inc.",
            "Müller & Söhne",
            "東京ガス",
            "Ελλάς ΑΕ",
            "Ромашка ООО",
            "O'Neil-Smith",
            "Łódź",
            "ÆØÅ A/S",
            "שלום",
            "삼성전자",
            "Straße 5",
            "Nguyễn Văn A",
        ] {
            assert!(!payee(plain).unwrap().looks_confusable(), "{plain}");
        }
    }
}
