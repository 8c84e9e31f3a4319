//! The derivations on offer, and their names on the wire.

use std::str::FromStr;

use super::InvalidParameters;

/// How a key is derived from a counter.
///
/// SCRYPT and ARGON2ID exist in the format and are not offered: they take memory from the server for every answer
/// that it checks. A name that is not listed here is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// `PBKDF2/SHA-256` (RFC 8018); cost is the number of iterations. The default: browsers run it natively.
    #[default]
    Pbkdf2Sha256,
    /// `PBKDF2/SHA-384`.
    Pbkdf2Sha384,
    /// `PBKDF2/SHA-512`.
    Pbkdf2Sha512,
    /// `SHA-256`, hashed `cost` times over. Specialised code is ten to a hundred times faster than a browser here.
    Sha256,
    /// `SHA-384`, hashed `cost` times over.
    Sha384,
    /// `SHA-512`, hashed `cost` times over.
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 6] = [
        Self::Pbkdf2Sha256,
        Self::Pbkdf2Sha384,
        Self::Pbkdf2Sha512,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
    ];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pbkdf2Sha256 => "PBKDF2/SHA-256",
            Self::Pbkdf2Sha384 => "PBKDF2/SHA-384",
            Self::Pbkdf2Sha512 => "PBKDF2/SHA-512",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// Bytes in a derived key: 32, or the whole digest for the longer bare hashes.
    ///
    /// The length is not a setting. ALTCHA's widget cuts the digest after every round and its server library cuts
    /// once at the end; they agree only while there is nothing to cut.
    #[must_use]
    pub const fn key_length(self) -> usize {
        match self {
            Self::Pbkdf2Sha256 | Self::Pbkdf2Sha384 | Self::Pbkdf2Sha512 | Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

impl FromStr for Algorithm {
    type Err = InvalidParameters;

    fn from_str(name: &str) -> Result<Self, InvalidParameters> {
        Self::ALL.into_iter().find(|one| one.name() == name).ok_or(InvalidParameters::Algorithm)
    }
}
