//! The derivations on offer, and their names on the wire.

use std::num::NonZeroU32;
use std::str::FromStr;

use super::InvalidParameters;

/// How a key is derived from a counter.
///
/// What takes memory is behind a feature (`argon2id`, `scrypt`), and a name that is not listed here is refused.
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
    /// `ARGON2ID` (RFC 9106), version 1.3; cost is the number of passes, memory is in KiB. Graphics cards gain little
    /// over a browser; but neither does the server, so ask in [deterministic mode](super::Challenge::issue_fixed).
    #[cfg(feature = "argon2id")]
    Argon2id,
    /// `SCRYPT` (RFC 7914); cost is N, a power of two, memory is the block size r, and parallelism is p. It takes 128 × N
    /// × r bytes. The same advice holds.
    #[cfg(feature = "scrypt")]
    Scrypt,
}

/// What an algorithm starts from where nothing else is said.
pub(super) struct Defaults {
    pub(super) cost: NonZeroU32,
    pub(super) memory_cost: Option<NonZeroU32>,
}

impl Algorithm {
    const ALL: &[Self] = &[
        Self::Pbkdf2Sha256,
        Self::Pbkdf2Sha384,
        Self::Pbkdf2Sha512,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        #[cfg(feature = "argon2id")]
        Self::Argon2id,
        #[cfg(feature = "scrypt")]
        Self::Scrypt,
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
            #[cfg(feature = "argon2id")]
            Self::Argon2id => "ARGON2ID",
            #[cfg(feature = "scrypt")]
            Self::Scrypt => "SCRYPT",
        }
    }

    /// Bytes in a derived key that this crate asks for: 32, or the whole digest for the longer bare hashes.
    ///
    /// It is no setting there. ALTCHA's widget cuts the digest after every round and its server library cuts once at
    /// the end; they agree only while there is nothing to cut.
    #[must_use]
    pub const fn key_length(self) -> usize {
        match self {
            Self::Sha384 => 48,
            Self::Sha512 => 64,
            _ => 32,
        }
    }

    /// Whether one derivation takes memory: then the server lets only a few run at a time.
    #[must_use]
    pub const fn takes_memory(self) -> bool {
        match self {
            #[cfg(feature = "argon2id")]
            Self::Argon2id => true,
            #[cfg(feature = "scrypt")]
            Self::Scrypt => true,
            _ => false,
        }
    }

    /// For `ARGON2ID` 2 passes over 19 MiB, which is the least that OWASP advises for passwords and no more than a
    /// phone can spare; for `SCRYPT` 16 MiB; for the rest 5000 rounds, ALTCHA's own advice.
    pub(super) const fn defaults(self) -> Defaults {
        let (cost, memory_cost) = match self {
            #[cfg(feature = "argon2id")]
            Self::Argon2id => (2, 19 * 1024),
            #[cfg(feature = "scrypt")]
            Self::Scrypt => (1 << 14, 8),
            _ => (5000, 0),
        };
        let cost = match NonZeroU32::new(cost) {
            Some(cost) => cost,
            None => NonZeroU32::MIN,
        };
        Defaults { cost, memory_cost: NonZeroU32::new(memory_cost) }
    }

    /// Bytes that one derivation takes at these settings, beside a few hundred.
    #[cfg_attr(
        not(feature = "scrypt"),
        expect(unused_variables, reason = "only scrypt's hangs on all of them")
    )]
    pub(crate) fn memory(self, cost: u32, memory_cost: u32) -> u64 {
        match self {
            #[cfg(feature = "argon2id")]
            Self::Argon2id => u64::from(memory_cost).saturating_mul(1024),
            #[cfg(feature = "scrypt")]
            Self::Scrypt => u64::from(cost).saturating_mul(u64::from(memory_cost).saturating_mul(128)),
            _ => 0,
        }
    }
}

impl FromStr for Algorithm {
    type Err = InvalidParameters;

    fn from_str(name: &str) -> Result<Self, InvalidParameters> {
        Self::ALL.iter().copied().find(|one| one.name() == name).ok_or(InvalidParameters::Algorithm)
    }
}
