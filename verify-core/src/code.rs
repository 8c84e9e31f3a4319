//! One-time codes: derived from the ticket, never stored, compared in constant time.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::keys::MasterKey;

/// The longest answer that is looked at; anything longer is malformed (no code is longer than ten).
const MAX_TYPED_BYTES: usize = 64;

/// A one-time code. It has no `Display` and no `Serialize`, and its `Debug` is redacted: the only way out is
/// [`Code::expose`], which a courier calls to write the message.
#[derive(Clone)]
pub struct Code(Zeroizing<String>);

impl Code {
    /// The code as text, for the message that carries it. Keep it out of logs, errors and URLs.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A code that the caller has chosen: 4 to 10 ASCII letters or digits.
    ///
    /// # Errors
    /// When the text has another length or other characters.
    pub fn chosen(text: &str) -> Result<Self, InvalidCode> {
        if (4..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(InvalidCode)
        }
    }

    /// Whether it can be dialled as a reverse PIN: eight digits at most.
    pub(crate) fn is_pin(&self) -> bool {
        self.0.len() <= 8 && self.0.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Derives the digits of one challenge. `generation` changes when a resend asks for a fresh code.
    pub(crate) fn derive(
        key: &MasterKey,
        ticket: &[u8; 16],
        factor: &[u8; 8],
        generation: u64,
        digits: u8,
    ) -> Self {
        let digits = u32::from(digits.clamp(4, 10));
        let modulus = 10_u64.pow(digits);
        // Rejection sampling: below `fair`, every residue is equally likely. One block of four draws fails all of
        // them with a probability below 2^-100, and then the next block decides.
        let fair = u64::MAX - u64::MAX % modulus;
        let mut number = None;
        for block in 0_u8..=u8::MAX {
            let mut mac = key.code.start();
            mac.update(ticket);
            mac.update(factor);
            mac.update(&generation.to_be_bytes());
            mac.update(&[block]);
            let bytes = Zeroizing::new(mac.finish());
            let (draws, _) = bytes.as_chunks::<8>();
            number = draws.iter().map(|draw| u64::from_be_bytes(*draw)).find(|draw| *draw < fair);
            if number.is_some() {
                break;
            }
        }
        let number = number.unwrap_or_default() % modulus;
        Self(Zeroizing::new(format!("{number:0width$}", width = digits as usize)))
    }

    /// What an authenticator app shows.
    pub(crate) fn shown(digits: String) -> Self {
        Self(Zeroizing::new(digits))
    }

    /// Whether it is the same code, without telling how much of it is.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }

    /// Compares without telling how much was right.
    pub(crate) fn matches(&self, typed: &Typed) -> bool {
        self.0.as_bytes().ct_eq(typed.0.as_bytes()).into()
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code([redacted])")
    }
}

/// A chosen code is not 4 to 10 ASCII letters or digits.
#[derive(Debug, thiserror::Error)]
#[error("a chosen code is 4 to 10 ASCII letters or digits")]
#[non_exhaustive]
pub struct InvalidCode;

/// What somebody typed, after the documented normalisation and nothing more: ASCII white space and dashes are
/// dropped (people copy `123 456`), and what is left must be 4 to 10 ASCII letters or digits. Other scripts'
/// digits are refused rather than guessed at.
pub(crate) struct Typed(Zeroizing<String>);

impl Typed {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_TYPED_BYTES {
            return None;
        }
        let kept: String = text.chars().filter(|c| !c.is_ascii_whitespace() && *c != '-').collect();
        let kept = Zeroizing::new(kept);
        let fits = (4..=10).contains(&kept.len()) && kept.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then_some(Self(kept))
    }

    /// For a service that checks it.
    pub(crate) fn expose(&self) -> Zeroizing<String> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::KeyRing;

    fn ring() -> KeyRing {
        KeyRing::parse(&format!("k:{}", "07".repeat(32))).unwrap()
    }

    #[test]
    fn r32_codes_are_uniform_and_keep_leading_zeros() {
        let ring = ring();
        let mut counts = [[0_u32; 10]; 6];
        let draws = 60_000_u32;
        let mut leading_zero = 0;
        for n in 0..draws {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&n.to_be_bytes());
            let code = Code::derive(ring.newest(), &id, &[1; 8], 0, 6);
            assert_eq!(code.expose().len(), 6);
            leading_zero += u32::from(code.expose().starts_with('0'));
            for (place, digit) in code.expose().bytes().enumerate() {
                counts[place][usize::from(digit - b'0')] += 1;
            }
        }
        assert!(leading_zero > 0);
        // Chi-squared with nine degrees of freedom: 40 is passed by chance once in about 100,000 runs, and the
        // draws are fixed, so this either always holds or never.
        for place in counts {
            let expected = f64::from(draws) / 10.0;
            let chi: f64 = place.iter().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum();
            assert!(chi < 40.0, "{place:?}");
        }
    }

    #[test]
    fn r43_another_generation_ticket_or_factor_is_another_code() {
        let ring = ring();
        let code = |id: u8, factor: u8, generation| {
            Code::derive(ring.newest(), &[id; 16], &[factor; 8], generation, 10).expose().to_owned()
        };
        assert_eq!(code(1, 1, 0), code(1, 1, 0));
        assert_ne!(code(1, 1, 0), code(1, 1, 1));
        assert_ne!(code(1, 1, 0), code(2, 1, 0));
        assert_ne!(code(1, 1, 0), code(1, 2, 0));
    }

    #[test]
    fn r60_a_code_does_not_print() {
        let code = Code::chosen("731946").unwrap();
        assert_eq!(format!("{code:?}"), "Code([redacted])");
    }

    #[test]
    fn r50_only_spaces_and_dashes_are_dropped() {
        let code = Code::chosen("012345").unwrap();
        for same in ["012345", " 012345\r\n", "012 345", "012-345"] {
            assert!(code.matches(&Typed::parse(same).unwrap()), "{same:?}");
        }
        for other in
            ["", "12345", "0123456", "０１２３４５", "012\u{200b}345", "012_345", "+12345", &"0".repeat(65)]
        {
            assert!(!Typed::parse(other).is_some_and(|typed| code.matches(&typed)), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn r49_no_text_panics(text in ".*") {
            let _ = Typed::parse(&text);
        }
    }
}
