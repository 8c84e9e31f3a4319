//! A signed question of the first format.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::super::{InvalidParameters, canonical_json};
use super::{Algorithm, Salt};

/// A digest whose number is looked for, with the signature over it; serialises to what an ALTCHA client reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    pub(super) algorithm: Algorithm,
    pub(super) challenge: String,
    pub(super) max_number: Option<u64>,
    pub(super) salt: String,
    pub(super) signature: String,
}

impl Challenge {
    /// Signs a question: one hash and one HMAC, a microsecond or two.
    ///
    /// `number` is the answer: draw it at random from zero to `max_number`, of which the client tries half on average, and
    /// tell nobody. `secret` is the server's alone; ALTCHA's own libraries take a text and use its UTF-8 bytes.
    #[must_use]
    pub fn issue(algorithm: Algorithm, salt: &Salt, number: u32, max_number: u32, secret: &[u8]) -> Self {
        let salt = salt.text();
        let challenge = algorithm.digest(&salt, number.into());
        let signature = algorithm.sign(secret, challenge.as_bytes());
        Self { algorithm, challenge, max_number: Some(max_number.into()), salt, signature }
    }

    /// Reads a challenge that a server has sent, for a client that is to solve it. The signature is not checked: only
    /// the server can.
    ///
    /// # Errors
    ///
    /// [`InvalidParameters`] when it is no v1 challenge, or its algorithm is unknown. The largest number may be missing,
    /// and both of the spellings that are about are taken.
    pub fn from_json(json: &str) -> Result<Self, InvalidParameters> {
        let value: Value = serde_json::from_str(json).map_err(|_| InvalidParameters::Malformed)?;
        let text = |name| {
            let text = value.get(name).and_then(Value::as_str).ok_or(InvalidParameters::Malformed);
            text.map(str::to_owned)
        };
        let largest = value.get("maxnumber").or_else(|| value.get("maxNumber"));
        Ok(Self {
            algorithm: text("algorithm")?.parse()?,
            challenge: text("challenge")?,
            max_number: largest.and_then(Value::as_u64),
            salt: text("salt")?,
            signature: text("signature")?,
        })
    }

    /// What hashes.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The salt as it is hashed.
    #[must_use]
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// The digest whose number is looked for. It names the challenge: mark it to make an answer single use.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.challenge
    }

    /// The largest number that has to be tried, where it is said.
    #[must_use]
    pub const fn max_number(&self) -> Option<u64> {
        self.max_number
    }

    /// The JSON text to send.
    #[must_use]
    pub fn to_json(&self) -> String {
        canonical_json(&self.to_value())
    }

    fn to_value(&self) -> Value {
        let mut value = json!({
            "algorithm": self.algorithm.name(),
            "challenge": self.challenge,
            "salt": self.salt,
            "signature": self.signature,
        });
        if let (Value::Object(members), Some(largest)) = (&mut value, self.max_number) {
            members.insert("maxnumber".to_owned(), largest.into());
        }
        value
    }
}

impl Serialize for Challenge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}
