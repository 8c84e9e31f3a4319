//! The server's check of an answer of the first format: one hash and one HMAC.

use std::time::SystemTime;

use serde_json::Value;
use subtle::ConstantTimeEq;

use super::super::parameters::unix_seconds;
use super::super::{Reason, payload};
use super::{Algorithm, salt};

/// Larger numbers are not exact in JavaScript, so no client can mean one.
const LARGEST: u64 = (1 << 53) - 1;

/// An answer that was right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    challenge: String,
    salt: String,
}

impl Accepted {
    /// The digest that names the challenge: mark it to make an answer single use.
    #[must_use]
    pub fn challenge(&self) -> &str {
        &self.challenge
    }

    /// The salt as it was received, which is the one that was signed.
    #[must_use]
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// A text that travelled with the challenge, if it is there exactly once.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        salt::parameter(&self.salt, name)
    }
}

/// Checks an answer to a challenge that was made with this algorithm and this secret, here or by any ALTCHA library.
///
/// The salt is hashed **as it was received** and never put together again from its parts. Everything in it is signed, the
/// expiry too; a salt without its last `&`, as very old libraries made them, is refused, since digits of the number could
/// have been moved over into it.
///
/// A right answer stays right: make it single use, and mark it as used only after this returned `Ok`. Compare the salt
/// or its parameters with what this request was asked for, so that the answer of another one does not count.
///
/// # Errors
///
/// A [`Reason`]; any input whatever gets one, and none panics.
pub fn verify(
    payload: &str,
    algorithm: Algorithm,
    secret: &[u8],
    now: SystemTime,
) -> Result<Accepted, Reason> {
    let value = payload::read(payload)?;
    let text = |name| value.get(name).and_then(Value::as_str).ok_or(Reason::Malformed);
    let number = value.get("number").and_then(Value::as_u64).filter(|number| *number <= LARGEST);
    let number = number.ok_or(Reason::Malformed)?;
    let (challenge, salt, signature) = (text("challenge")?, text("salt")?, text("signature")?);
    if text("algorithm")? != algorithm.name() {
        return Err(Reason::Mismatch);
    }
    if !salt.ends_with('&') {
        return Err(Reason::Malformed);
    }
    let signed = algorithm.sign(secret, challenge.as_bytes());
    if !bool::from(signed.as_bytes().ct_eq(signature.as_bytes())) {
        return Err(Reason::Mismatch);
    }
    if !bool::from(algorithm.digest(salt, number).as_bytes().ct_eq(challenge.as_bytes())) {
        return Err(Reason::Wrong);
    }
    // Only now is the salt known to be ours. Each expiry in it counts, since libraries differ in which of two they read.
    let now = unix_seconds(now);
    for expiry in salt::parameters(salt, "expires").chain(salt::parameters(salt, "expire")) {
        let expiry = expiry.and_then(|text| text.parse::<u64>().ok()).ok_or(Reason::Malformed)?;
        if now >= expiry {
            return Err(Reason::Expired);
        }
    }
    Ok(Accepted { challenge: challenge.to_owned(), salt: salt.to_owned() })
}
