//! A signed question, as it is sent to the client.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::derive::{derive, sign};
use super::{InvalidParameters, Parameters, canonical_json, hex};

/// Parameters with the signature over them; serialises to what an ALTCHA client reads.
///
/// ```
/// use verify_core::altcha::{Challenge, Parameters};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let challenge = Challenge::issue(Parameters::new([1; 16], [2; 16]), b"a long random secret");
/// let json = challenge.to_json(); // the body of an `application/json` answer
/// assert!(json.starts_with(r#"{"parameters":{"algorithm":"PBKDF2/SHA-256","cost":5000,"#));
/// assert_eq!(Challenge::from_json(&json)?, challenge);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    parameters: Parameters,
    signature: [u8; 32],
}

impl Challenge {
    /// Signs a question: one HMAC-SHA-256, a few microseconds. The client searches counters from zero until a key
    /// starts with [`Parameters::key_prefix`].
    ///
    /// `secret` is the server's alone; 32 random bytes are plenty. ALTCHA's own libraries take a text and use its
    /// UTF-8 bytes, so give them the same text where they are to verify as well.
    #[must_use]
    pub fn issue(parameters: Parameters, secret: &[u8]) -> Self {
        let signature = sign(secret, parameters.canonical().as_bytes());
        Self { parameters, signature }
    }

    /// Signs a question whose answer the server knows ("deterministic mode"): the prefix becomes the first half of
    /// the key of `counter`, and a second signature lets [`verify_fixed`](super::verify_fixed) check without
    /// deriving anything.
    ///
    /// The client does exactly `counter + 1` derivations, so choose it at random from a range such as 100 to 400
    /// and tell nobody. Issuing costs one derivation: an endpoint that anybody may call should use
    /// [`issue`](Self::issue). The two secrets must differ.
    #[must_use]
    pub fn issue_fixed(mut parameters: Parameters, counter: u32, secret: &[u8], key_secret: &[u8]) -> Self {
        let key = derive(&parameters, counter);
        let half = key.get(..key.len() / 2).unwrap_or_default();
        parameters.set_fixed_key(hex::encode(half), sign(key_secret, &key));
        Self::issue(parameters, secret)
    }

    /// Reads a challenge that a server has sent, for a client that is to solve it. The signature is not checked:
    /// only the server can.
    ///
    /// # Errors
    ///
    /// [`InvalidParameters`] when it is not a v2 challenge, or asks for something that this crate does not do. Extra
    /// fields beside `parameters` and `signature` are for widgets and ignored.
    pub fn from_json(json: &str) -> Result<Self, InvalidParameters> {
        let value: Value = serde_json::from_str(json).map_err(|_| InvalidParameters::Malformed)?;
        let parameters =
            Parameters::from_value(value.get("parameters").ok_or(InvalidParameters::Malformed)?)?;
        let signature = value.get("signature").and_then(Value::as_str).and_then(hex::decode);
        let signature =
            signature.and_then(|bytes| bytes.try_into().ok()).ok_or(InvalidParameters::Malformed)?;
        Ok(Self { parameters, signature })
    }

    /// What is asked.
    #[must_use]
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The JSON text to send, in canonical form.
    #[must_use]
    pub fn to_json(&self) -> String {
        canonical_json(&self.to_value())
    }

    pub(super) fn to_value(&self) -> Value {
        json!({ "parameters": self.parameters.to_value(), "signature": hex::encode(&self.signature) })
    }
}

impl Serialize for Challenge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}
