//! The secret that an authenticator app and the server share.

use std::fmt;
use std::time::{Duration, SystemTime};

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

use crate::clock::unix_millis;
use crate::code::{Code, Typed};
use crate::random::random;

/// The hash under the passwords (RFC 6238, 1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TotpAlgorithm {
    /// HMAC-SHA-1: the one that every app implements, and sound for this use (RFC 4226, B.2). The default.
    #[default]
    Sha1,
    /// HMAC-SHA-256. Some apps take it for SHA-1 without a word, and show codes that never match.
    Sha256,
    /// HMAC-SHA-512. The same holds.
    Sha512,
}

/// The secret that an authenticator app and the server share, with what both have agreed on: steps of 30 seconds, six
/// digits and SHA-1, unless it says otherwise.
///
/// It has no `Display` and a redacted `Debug`. Store it as you store what opens accounts: encrypted.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use verify_core::TotpSecret;
///
/// // The secret of RFC 6238, appendix B.
/// let secret = TotpSecret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")?.digits(8)?;
/// assert_eq!(secret.code_at(UNIX_EPOCH + Duration::from_secs(59)).expose(), "94287082");
/// assert!(TotpSecret::from_base32("GEZDGNBV").is_err(), "five bytes can be tried out");
/// # Ok::<(), verify_core::InvalidTotpSecret>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret {
    bytes: Zeroizing<Vec<u8>>,
    algorithm: TotpAlgorithm,
    digits: u8,
}

impl TotpSecret {
    /// How long one password stands: 30 seconds (RFC 6238, 5.2), which is what apps assume.
    pub const STEP: Duration = Duration::from_secs(30);

    /// A new one: 20 random bytes, the length that RFC 4226, R6 recommends.
    pub(crate) fn generate() -> Result<Self, getrandom::Error> {
        let bytes = Zeroizing::new(random::<20>()?);
        Ok(Self { bytes: Zeroizing::new(bytes.to_vec()), algorithm: TotpAlgorithm::default(), digits: 6 })
    }

    /// Takes 16 to 64 bytes, as they were stored.
    ///
    /// # Errors
    /// When there are fewer, which could be tried out (RFC 4226, R6), or more.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidTotpSecret> {
        if !(16..=64).contains(&bytes.len()) {
            return Err(InvalidTotpSecret::Length);
        }
        Ok(Self { bytes: Zeroizing::new(bytes.to_vec()), algorithm: TotpAlgorithm::default(), digits: 6 })
    }

    /// Takes the text that apps take: base32 (RFC 4648, section 6), in either case, with or without padding and spaces.
    ///
    /// # Errors
    /// When it is not base32, or not 16 to 64 bytes.
    pub fn from_base32(text: &str) -> Result<Self, InvalidTotpSecret> {
        if text.len() > 256 {
            return Err(InvalidTotpSecret::Length);
        }
        let kept = text.bytes().filter(|byte| !matches!(byte, b' ' | b'='));
        let kept = Zeroizing::new(kept.map(|byte| byte.to_ascii_uppercase()).collect::<Vec<u8>>());
        let bytes = Zeroizing::new(BASE32_NOPAD.decode(&kept).map_err(|_| InvalidTotpSecret::Base32)?);
        Self::from_bytes(&bytes)
    }

    /// The same secret for an app that was set up with another hash. Default: SHA-1.
    #[must_use]
    pub fn algorithm(mut self, algorithm: TotpAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The same secret for an app that was set up with another number of digits. Default: six.
    ///
    /// # Errors
    /// When it is neither six nor eight, which is what apps show.
    pub fn digits(mut self, digits: u8) -> Result<Self, InvalidTotpSecret> {
        if !matches!(digits, 6 | 8) {
            return Err(InvalidTotpSecret::Digits);
        }
        self.digits = digits;
        Ok(self)
    }

    /// The bytes, for your store. Keep them out of logs, errors and URLs.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// The text that apps take: base32 without padding.
    #[must_use]
    pub fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&self.bytes))
    }

    /// What the app shows at that moment: for tests, and for tools that stand in for an app.
    #[must_use]
    pub fn code_at(&self, moment: SystemTime) -> Code {
        self.code_of(step_at(unix_millis(moment)))
    }

    /// The step whose code was typed: the present one, or one that is at most `drift` steps away.
    pub(crate) fn step_of(&self, typed: &Typed, now_millis: u64, drift: u8) -> Option<u64> {
        let (now, drift) = (step_at(now_millis), u64::from(drift));
        let mut found = None;
        // All of them are compared, so that the time it takes does not tell which it was.
        for step in now.saturating_sub(drift)..=now.saturating_add(drift) {
            if self.code_of(step).matches(typed) {
                found = Some(step);
            }
        }
        found
    }

    /// How the URI of RFC 6238's apps names what both have agreed on.
    pub(crate) fn parameters(&self) -> String {
        let algorithm = match self.algorithm {
            TotpAlgorithm::Sha1 => "SHA1",
            TotpAlgorithm::Sha256 => "SHA256",
            TotpAlgorithm::Sha512 => "SHA512",
        };
        format!("algorithm={algorithm}&digits={}&period={}", self.digits, Self::STEP.as_secs())
    }

    /// RFC 4226, 5.3, over the number of the step.
    fn code_of(&self, step: u64) -> Code {
        let mac = match self.algorithm {
            TotpAlgorithm::Sha1 => mac::<Hmac<Sha1>>(&self.bytes, step),
            TotpAlgorithm::Sha256 => mac::<Hmac<Sha256>>(&self.bytes, step),
            TotpAlgorithm::Sha512 => mac::<Hmac<Sha512>>(&self.bytes, step),
        };
        let offset = usize::from(mac.last().copied().unwrap_or_default() & 0x0f);
        let word = mac.get(offset..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default();
        let number = u32::from_be_bytes(word) & 0x7fff_ffff;
        let digits = usize::from(self.digits);
        Code::shown(format!("{:0digits$}", number % 10_u32.pow(u32::from(self.digits))))
    }
}

/// The number of the step that this moment falls into.
pub(crate) fn step_at(millis: u64) -> u64 {
    millis / 1000 / TotpSecret::STEP.as_secs()
}

fn mac<M: Mac + KeyInit>(key: &[u8], step: u64) -> Zeroizing<Vec<u8>> {
    // HMAC takes a key of any length.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return Zeroizing::default() };
    mac.update(&step.to_be_bytes());
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret([redacted])")
    }
}

/// A secret that cannot be one. It does not repeat what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTotpSecret {
    /// Too short to be safe, or longer than any app takes.
    #[error("a secret has 16 to 64 bytes, 26 to 103 characters of base32 (RFC 4226, R6)")]
    Length,
    /// Not base32.
    #[error("write the secret in base32: the letters A to Z and the digits 2 to 7")]
    Base32,
    /// A number of digits that no app shows.
    #[error("an authenticator app shows six digits or eight")]
    Digits,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the digits of the secret repeated to the length of each hash.
    fn vector(algorithm: TotpAlgorithm, length: usize) -> TotpSecret {
        let bytes: Vec<u8> = b"1234567890".iter().copied().cycle().take(length).collect();
        TotpSecret::from_bytes(&bytes).unwrap().algorithm(algorithm).digits(8).unwrap()
    }

    #[test]
    fn r51_the_vectors_of_rfc_6238() {
        let rows = [
            (59, "94287082", "46119246", "90693936"),
            (1_111_111_109, "07081804", "68084774", "25091201"),
            (1_111_111_111, "14050471", "67062674", "99943326"),
            (1_234_567_890, "89005924", "91819424", "93441116"),
            (2_000_000_000, "69279037", "90698825", "38618901"),
            (20_000_000_000, "65353130", "77737706", "47863826"),
        ];
        for (seconds, sha1, sha256, sha512) in rows {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            for (algorithm, length, code) in [
                (TotpAlgorithm::Sha1, 20, sha1),
                (TotpAlgorithm::Sha256, 32, sha256),
                (TotpAlgorithm::Sha512, 64, sha512),
            ] {
                assert_eq!(vector(algorithm, length).code_at(at).expose(), code, "{algorithm:?} {seconds}");
            }
            let six = vector(TotpAlgorithm::Sha1, 20).digits(6).unwrap();
            assert_eq!(six.code_at(at).expose(), &sha1[2..], "six digits are the last six");
        }
    }

    #[test]
    fn r51_a_neighbouring_step_counts_as_far_as_the_drift_goes() {
        let secret = vector(TotpAlgorithm::Sha1, 20);
        let now = 1_111_111_111_u64;
        let step = step_at(now * 1000);
        for away in -3_i64..=3 {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(now.saturating_add_signed(away * 30));
            let typed = Typed::parse(secret.code_at(at).expose()).unwrap();
            for drift in 0_u8..=2 {
                let found = secret.step_of(&typed, now * 1000, drift);
                let expected =
                    (away.unsigned_abs() <= u64::from(drift)).then(|| step.saturating_add_signed(away));
                assert_eq!(found, expected, "{away} away, drift {drift}");
            }
        }
    }

    #[test]
    fn r60_a_secret_does_not_print() {
        assert_eq!(format!("{:?}", vector(TotpAlgorithm::Sha1, 20)), "TotpSecret([redacted])");
    }

    #[test]
    fn base32_is_read_as_apps_print_it_and_nothing_else() {
        let secret = TotpSecret::from_base32("gezd gnbv gy3t qojq gezd gnbv gy3t qojq").unwrap();
        assert_eq!(secret.to_base32().as_str(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for bad in ["", "GEZDGNBV", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1", &"A".repeat(300), "日本語"] {
            assert!(TotpSecret::from_base32(bad).is_err(), "{bad}");
        }
        assert_eq!(secret.digits(7), Err(InvalidTotpSecret::Digits));
    }
}
