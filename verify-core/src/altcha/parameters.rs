//! What is asked of the client: the price of a try, and the digits that a key has to start with.

use std::num::NonZeroU32;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::{Algorithm, canonical_json, hex};

/// Parameters that cannot be issued, or a received challenge that this crate does not understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidParameters {
    /// The algorithm is none of [`Algorithm`].
    #[error("use PBKDF2/SHA-256, -384, -512, SHA-256, -384, -512, or with its feature ARGON2ID or SCRYPT")]
    Algorithm,
    /// The prefix is empty, too long, or not lower-case hex.
    #[error("use a key prefix of lower-case hex digits, at least one and at most half of the key")]
    KeyPrefix,
    /// A field is missing, unknown, or not of its type.
    #[error("send a challenge with the fields of the ALTCHA v2 format, and no others")]
    Malformed,
    /// The cost, the memory or the parallelism is none that the algorithm takes.
    #[error(
        "for SCRYPT the cost is a power of two, for ARGON2ID the memory is 8 KiB a lane, and 1 GiB is the most"
    )]
    Cost,
}

/// The question of one challenge: everything that is signed.
///
/// Two equal values always serialise to the same bytes, so a server need not keep what it has issued: it can
/// rebuild the value from a sealed ticket and hand it to [`verify()`](super::verify()).
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use verify_core::altcha::Parameters;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let parameters = Parameters::new([0xab; 16], [0xcd; 16])
///     .with_key_prefix("000")? // one key in 4096
///     .with_expiry(UNIX_EPOCH + Duration::from_secs(1_767_226_200))
///     .with_data([("action", "sign-up")]);
/// assert_eq!(
///     parameters.canonical(),
///     concat!(
///         r#"{"algorithm":"PBKDF2/SHA-256","cost":5000,"data":{"action":"sign-up"},"expiresAt":1767226200,"#,
///         r#""keyLength":32,"keyPrefix":"000","nonce":"abababababababababababababababab","#,
///         r#""salt":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"}"#,
///     ),
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    pub(super) algorithm: Algorithm,
    pub(super) nonce: [u8; 16],
    pub(super) salt: [u8; 16],
    pub(super) cost: Option<NonZeroU32>,
    pub(super) memory_cost: Option<NonZeroU32>,
    pub(super) parallelism: Option<NonZeroU32>,
    pub(super) key_length: Option<usize>,
    pub(super) key_prefix: String,
    pub(super) expires_at: Option<u64>,
    pub(super) data: Map<String, Value>,
    pub(super) key_signature: Option<[u8; 32]>,
}

impl Parameters {
    /// Iterations unless told otherwise: about 0.6 ms of one server core, and the value that ALTCHA recommends.
    pub const DEFAULT_COST: NonZeroU32 = NonZeroU32::new(5000).unwrap();
    /// Wanted digits unless told otherwise: one key in 256 has them.
    pub const DEFAULT_KEY_PREFIX: &'static str = "00";

    /// A question at the default price. Both arguments must be random and fresh for every challenge, since a
    /// repeated pair lets one solution answer two challenges.
    #[must_use]
    pub fn new(nonce: [u8; 16], salt: [u8; 16]) -> Self {
        Self {
            algorithm: Algorithm::default(),
            nonce,
            salt,
            cost: None,
            memory_cost: None,
            parallelism: None,
            key_length: None,
            key_prefix: Self::DEFAULT_KEY_PREFIX.to_owned(),
            expires_at: None,
            data: Map::new(),
            key_signature: None,
        }
    }

    /// Changes the algorithm, default [`Algorithm::Pbkdf2Sha256`], and with it the defaults of cost and memory.
    #[must_use]
    pub fn with_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Changes the price of one try: iterations, passes of Argon2id or N of scrypt. Default 5000, 2 or 16,384. The
    /// server pays it once for every answer that claims the right digits, so raise the number of digits before the
    /// cost.
    #[must_use]
    pub fn with_cost(mut self, cost: NonZeroU32) -> Self {
        self.cost = Some(cost);
        self
    }

    /// Changes the memory of one try: KiB for Argon2id, the block size r for scrypt; nothing for the others. Default
    /// 19,456 (19 MiB) or 8.
    #[must_use]
    pub fn with_memory_cost(mut self, memory_cost: NonZeroU32) -> Self {
        self.memory_cost = Some(memory_cost);
        self
    }

    /// Changes the lanes of Argon2id or the p of scrypt. Default: not said, which is 1.
    #[must_use]
    pub fn with_parallelism(mut self, parallelism: NonZeroU32) -> Self {
        self.parallelism = Some(parallelism);
        self
    }

    /// Changes the digits that a key has to start with, default `00`. Each digit makes it sixteen times harder;
    /// an odd number of digits is fine. Only their number matters.
    ///
    /// # Errors
    ///
    /// [`InvalidParameters::KeyPrefix`] unless it is 1 to 32 lower-case hex digits: an empty prefix is no work.
    pub fn with_key_prefix(mut self, digits: impl Into<String>) -> Result<Self, InvalidParameters> {
        self.key_prefix = checked_prefix(digits.into(), 32)?;
        Ok(self)
    }

    /// Sets the first moment at which an answer is too late, cut to whole seconds; without one it never is.
    #[must_use]
    pub fn with_expiry(mut self, at: SystemTime) -> Self {
        self.expires_at = Some(unix_seconds(at));
        self
    }

    /// Sets the texts that travel signed with the challenge, by name. They are public. Texts only, because a number
    /// may change its spelling on its way through a client.
    #[must_use]
    pub fn with_data<K: Into<String>, V: Into<String>>(
        mut self,
        data: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.data = data.into_iter().map(|(name, text)| (name.into(), Value::String(text.into()))).collect();
        self
    }

    /// Rebuilds what [`Challenge::issue_fixed`](super::Challenge::issue_fixed) has made, for a server that kept the
    /// prefix and the signature of the key. Set the algorithm first: it says how long a prefix may be.
    ///
    /// # Errors
    ///
    /// [`InvalidParameters::KeyPrefix`] unless it is lower-case hex and at most half of the key.
    pub fn with_fixed_key(
        mut self,
        key_prefix: impl Into<String>,
        key_signature: [u8; 32],
    ) -> Result<Self, InvalidParameters> {
        self.key_prefix = checked_prefix(key_prefix.into(), self.key_length())?;
        self.key_signature = Some(key_signature);
        Ok(self)
    }

    pub(super) fn set_fixed_key(&mut self, key_prefix: String, key_signature: [u8; 32]) {
        self.key_prefix = key_prefix;
        self.key_signature = Some(key_signature);
    }

    /// How keys are derived.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The first sixteen bytes of every password.
    #[must_use]
    pub const fn nonce(&self) -> &[u8; 16] {
        &self.nonce
    }

    /// The salt of every derivation.
    #[must_use]
    pub const fn salt(&self) -> &[u8; 16] {
        &self.salt
    }

    /// Iterations, passes or N of one try.
    #[must_use]
    pub fn cost(&self) -> NonZeroU32 {
        self.cost.unwrap_or(self.algorithm.defaults().cost)
    }

    /// KiB or block size of one try; nothing for algorithms that take no memory.
    #[must_use]
    pub fn memory_cost(&self) -> Option<NonZeroU32> {
        self.memory_cost.or(self.algorithm.defaults().memory_cost)
    }

    /// Lanes of one try, where they were said.
    #[must_use]
    pub const fn parallelism(&self) -> Option<NonZeroU32> {
        self.parallelism
    }

    /// Bytes in a key: [`Algorithm::key_length`], or what a received challenge says.
    #[must_use]
    pub fn key_length(&self) -> usize {
        self.key_length.unwrap_or(self.algorithm.key_length())
    }

    /// The hex digits that a key has to start with.
    #[must_use]
    pub fn key_prefix(&self) -> &str {
        &self.key_prefix
    }

    /// The first second, counted from 1970, at which an answer is too late.
    #[must_use]
    pub const fn expires_at(&self) -> Option<u64> {
        self.expires_at
    }

    /// What travels with the challenge: texts, if this crate has made it.
    #[must_use]
    pub const fn data(&self) -> &Map<String, Value> {
        &self.data
    }

    /// The signature of the one key that is looked for, if the server chose it.
    #[must_use]
    pub const fn key_signature(&self) -> Option<&[u8; 32]> {
        self.key_signature.as_ref()
    }

    /// The bytes that are signed, which are also the bytes that are sent; see [`canonical_json`].
    #[must_use]
    pub fn canonical(&self) -> String {
        canonical_json(&self.to_value())
    }

    pub(super) fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("algorithm".to_owned(), json!(self.algorithm.name()));
        map.insert("cost".to_owned(), json!(self.cost()));
        if !self.data.is_empty() {
            map.insert("data".to_owned(), json!(self.data));
        }
        if let Some(seconds) = self.expires_at {
            map.insert("expiresAt".to_owned(), json!(seconds));
        }
        map.insert("keyLength".to_owned(), json!(self.key_length()));
        map.insert("keyPrefix".to_owned(), json!(self.key_prefix));
        if let Some(signature) = &self.key_signature {
            map.insert("keySignature".to_owned(), json!(hex::encode(signature)));
        }
        if let Some(memory) = self.memory_cost() {
            map.insert("memoryCost".to_owned(), json!(memory));
        }
        map.insert("nonce".to_owned(), json!(hex::encode(&self.nonce)));
        if let Some(lanes) = self.parallelism {
            map.insert("parallelism".to_owned(), json!(lanes));
        }
        map.insert("salt".to_owned(), json!(hex::encode(&self.salt)));
        Value::Object(map)
    }
}

/// At most half of a key may be told: whoever knows all of it has no work left.
pub(super) fn checked_prefix(digits: String, most: usize) -> Result<String, InvalidParameters> {
    let fits = (1..=most).contains(&digits.len()) && hex::is_digits(&digits);
    if fits { Ok(digits) } else { Err(InvalidParameters::KeyPrefix) }
}

/// Whole seconds since 1970; a clock before that reads as zero.
pub(super) fn unix_seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
