//! Where money goes: an IBAN, or an account of another kind.

use std::fmt;

use crate::transaction::iban::{Iban, InvalidIban, grouped};

const IBAN: &str = "iban";
const MAX_KIND: usize = 16;
const MAX_ID: usize = 64;

/// An account, by its kind and its id. Both are bound: the same digits of another kind are another account.
///
/// ```
/// use verify_core::Account;
///
/// assert_eq!(Account::iban("de89 3704 0044 0532 0130 00")?.id(), "DE89370400440532013000");
/// assert_eq!(Account::other("uk-sort", "20-00-00/55779911")?.kind(), "uk-sort");
/// assert!(Account::iban("DE00").is_err());
/// # Ok::<(), verify_core::InvalidAccount>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    kind: String,
    id: String,
}

impl Account {
    /// An account by its IBAN, in its electronic form.
    ///
    /// # Errors
    /// When it is no IBAN.
    pub fn iban(text: &str) -> Result<Self, InvalidAccount> {
        let iban = Iban::parse(text)?;
        Ok(Self { kind: IBAN.to_owned(), id: iban.as_str().to_owned() })
    }

    /// An account of another kind, by an id that the application knows to be one. It is bound exactly as it is.
    ///
    /// # Errors
    /// When the kind is not 1 to 16 lower-case letters, digits or dashes, or is `iban`, or when the id is not 1 to 64
    /// visible ASCII characters.
    pub fn other(kind: &str, id: &str) -> Result<Self, InvalidAccount> {
        let kind_fits = (1..=MAX_KIND).contains(&kind.len())
            && kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !kind_fits || kind == IBAN {
            return Err(InvalidAccount::Kind);
        }
        if !(1..=MAX_ID).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidAccount::Id);
        }
        Ok(Self { kind: kind.to_owned(), id: id.to_owned() })
    }

    pub(super) fn read(kind: &str, id: &str) -> Option<Self> {
        if kind == IBAN { Self::iban(id) } else { Self::other(kind, id) }.ok()
    }

    /// The kind: `iban`, or what the application calls it.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// As people read it: an IBAN in groups of four.
    #[must_use]
    pub fn display(&self) -> String {
        if self.kind == IBAN { grouped(&self.id) } else { self.id.clone() }
    }

    /// Its beginning and its end, for a short message.
    #[must_use]
    pub fn hint(&self) -> String {
        let characters: Vec<char> = self.id.chars().collect();
        if characters.len() <= 10 {
            return self.id.clone();
        }
        let (head, tail) =
            (characters.iter().take(4), characters.iter().skip(characters.len().saturating_sub(4)));
        format!("{}..{}", head.collect::<String>(), tail.collect::<String>())
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({}, [redacted])", self.kind)
    }
}

/// The text is no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAccount {
    /// Not an IBAN.
    #[error(transparent)]
    Iban(#[from] InvalidIban),
    /// Not a kind of account.
    #[error(
        "a kind of account is 1 to 16 lower-case letters, digits or dashes; for `iban` there is a method of its own"
    )]
    Kind,
    /// Not an id.
    #[error("an account's id is 1 to 64 visible ASCII characters, without spaces")]
    Id,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e58_the_kind_is_part_of_the_account() {
        let id = "DE89370400440532013000";
        assert_ne!(Account::iban(id).unwrap(), Account::other("internal", id).unwrap());
        for (kind, id) in [
            ("iban", "1"),
            ("", "1"),
            ("UK", "1"),
            ("a b", "1"),
            ("x", ""),
            ("x", "1 2"),
            ("x", "é"),
            ("x", "1\n"),
        ] {
            assert!(Account::other(kind, id).is_err(), "{kind:?} {id:?}");
        }
    }

    #[test]
    fn r60_an_account_does_not_print() {
        let account = Account::iban("DE89370400440532013000").unwrap();
        assert!(!format!("{account:?}").contains("3704"));
        assert_eq!(account.hint(), "DE89..3000");
        assert_eq!(account.display(), "DE89 3704 0044 0532 0130 00");
    }
}
