//! Recovery codes: for whoever has lost the phone (NIST SP 800-63B-4, 3.1.2: look-up secrets).

use std::fmt;

use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

use crate::engine::{Core, Engine};
use crate::facts;
use crate::random::random;
use crate::subject::Subject;
use crate::totp::EnrolmentError;

/// How many codes a set has: enough for years of lost phones, few enough to print.
const COUNT: usize = 10;

/// 50 bits, beyond the 20 that a look-up secret needs (NIST SP 800-63B-4, 3.1.2.1).
const CHARACTERS: usize = 10;

/// A new set of recovery codes: show the texts once, keep the digests. Its `Debug` is redacted.
pub struct RecoveryCodes {
    texts: Vec<Zeroizing<String>>,
    digests: Vec<RecoveryDigest>,
}

/// What stands for a recovery code where it is kept: a keyed digest that is worth nothing to another subject, and nothing at
/// all to whoever reads the table.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RecoveryDigest([u8; 32]);

impl Engine {
    /// Ten new recovery codes for this user, who needs one the day the authenticator is lost: one use each. They take the
    /// place of the set before, if you replace its digests by theirs.
    ///
    /// # Errors
    /// When the machine gives no random bytes.
    pub fn recovery_codes(&self, subject: &Subject<'_>) -> Result<RecoveryCodes, EnrolmentError> {
        let mut texts = Vec::with_capacity(COUNT);
        let mut digests = Vec::with_capacity(COUNT);
        for _ in 0..COUNT {
            let bytes = Zeroizing::new(random::<7>().map_err(|_| EnrolmentError::NoRandomness)?);
            let text = Zeroizing::new(BASE32_NOPAD.encode(bytes.as_slice()));
            let typed = Typed(Zeroizing::new(text.chars().take(CHARACTERS).collect()));
            digests.push(typed.digest(&self.core, subject));
            texts.push(typed.printed());
        }
        Ok(RecoveryCodes { texts, digests })
    }
}

impl RecoveryCodes {
    /// The codes, for the page that shows them once: two groups of five characters. Case, spaces and dashes do not count.
    #[must_use]
    pub fn expose(&self) -> impl ExactSizeIterator<Item = &str> {
        self.texts.iter().map(|text| text.as_str())
    }

    /// What to keep.
    #[must_use]
    pub fn digests(&self) -> &[RecoveryDigest] {
        &self.digests
    }
}

impl RecoveryDigest {
    /// The 32 bytes, for your store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Takes what was stored.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// What somebody typed for a recovery code, in its one form.
pub(crate) struct Typed(Zeroizing<String>);

impl Typed {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        let kept = text.chars().filter(|c| !c.is_ascii_whitespace() && *c != '-');
        let kept = Zeroizing::new(kept.map(|c| c.to_ascii_uppercase()).collect::<String>());
        let fits = kept.len() == CHARACTERS && kept.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'));
        fits.then_some(Self(kept))
    }

    pub(crate) fn digest(&self, core: &Core, subject: &Subject<'_>) -> RecoveryDigest {
        let mut mac = core.keys.facts().fact.start();
        mac.update(b"recovery-code");
        mac.update(&facts::identity(core.keys.facts(), subject));
        mac.update(self.0.as_bytes());
        RecoveryDigest(mac.finish())
    }

    fn printed(&self) -> Zeroizing<String> {
        let (left, right) = self.0.split_at_checked(CHARACTERS / 2).unwrap_or_default();
        Zeroizing::new(format!("{left}-{right}"))
    }
}

impl fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCodes([redacted])")
    }
}

impl fmt::Debug for RecoveryDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryDigest([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r50_a_recovery_code_is_read_as_people_type_it() {
        let typed = |text: &str| Typed::parse(text).map(|typed| typed.0.to_string());
        for same in ["ABCDE-FGH23", "abcde fgh23", " abcdefgh23\n"] {
            assert_eq!(typed(same).as_deref(), Some("ABCDEFGH23"), "{same:?}");
        }
        for bad in
            ["", "ABCDEFGH2", "ABCDEFGH234", "ABCDE_FGH23", "ABCDEFGH21", "ＡBCDEFGH2", &"A".repeat(65)]
        {
            assert_eq!(typed(bad), None, "{bad:?}");
        }
    }
}
