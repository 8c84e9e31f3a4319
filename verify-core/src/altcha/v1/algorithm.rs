//! The hashes of the first format.

use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::super::{InvalidParameters, hex};

/// What hashes the number, and signs the digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// `SHA-1`, for clients that know nothing else. Collisions are of no use here and HMAC-SHA-1 stands, so it is no
    /// hole; but it is never taken unless the server has asked for it.
    Sha1,
    /// `SHA-256`, the default of every ALTCHA library.
    #[default]
    Sha256,
    /// `SHA-512`.
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
        }
    }

    /// The digest of salt and number, the latter in decimal.
    pub(super) fn digest(self, salt: &str, number: u64) -> String {
        fn hash<D: Digest>(salt: &str, number: u64) -> String {
            hex::encode(&D::new().chain_update(salt).chain_update(number.to_string()).finalize())
        }
        match self {
            Self::Sha1 => hash::<Sha1>(salt, number),
            Self::Sha256 => hash::<Sha256>(salt, number),
            Self::Sha512 => hash::<Sha512>(salt, number),
        }
    }

    /// HMAC with this hash, in hex.
    pub(super) fn sign(self, secret: &[u8], message: &[u8]) -> String {
        match self {
            Self::Sha1 => mac::<Hmac<Sha1>>(secret, message),
            Self::Sha256 => mac::<Hmac<Sha256>>(secret, message),
            Self::Sha512 => mac::<Hmac<Sha512>>(secret, message),
        }
    }
}

fn mac<M: Mac + KeyInit>(secret: &[u8], message: &[u8]) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104), so this cannot fail")]
    let mut mac = <M as KeyInit>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(message);
    hex::encode(&mac.finalize().into_bytes())
}

impl FromStr for Algorithm {
    type Err = InvalidParameters;

    fn from_str(name: &str) -> Result<Self, InvalidParameters> {
        Self::ALL.into_iter().find(|one| one.name() == name).ok_or(InvalidParameters::Algorithm)
    }
}
