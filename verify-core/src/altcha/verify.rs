//! The server's check of an answer: everything cheap first, the one derivation last.

use std::time::SystemTime;

use serde_json::Value;
use subtle::ConstantTimeEq;

use super::derive::{derive, sign};
use super::parameters::unix_seconds;
use super::{Parameters, canonical_json, hex, payload};

/// Why an answer is refused. The client may be told all of them: none says more than it knows already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Longer than [`MAX_PAYLOAD`](super::MAX_PAYLOAD); nothing was parsed.
    #[error("send an answer of at most 8 KiB")]
    TooLarge,
    /// Not base64, not JSON, or a field is missing or not of its exact form.
    #[error("send the payload exactly as the ALTCHA client made it")]
    Malformed,
    /// The answer is for another challenge, or the challenge in it was altered.
    #[error("answer the challenge that was issued for this request")]
    Mismatch,
    /// The challenge was this one, and its time is over.
    #[error("the challenge has expired, ask for a new one")]
    Expired,
    /// The work was not done.
    #[error("the answer does not solve the challenge, solve it again")]
    Wrong,
}

/// Checks an answer to a challenge of [`Challenge::issue`](super::Challenge::issue), by deriving its key again.
///
/// `expected` are the parameters **as issued**, from the server's own records. What the payload claims is only
/// compared with them, so a lower cost, another algorithm, a later expiry or a shorter prefix cannot be smuggled in,
/// even by somebody who knows `secret`. A derivation is done only for an answer that passes every other check; to
/// cause one, a client needs a challenge issued to it that has not expired.
///
/// It also accepts an answer to [`Challenge::issue_fixed`](super::Challenge::issue_fixed).
///
/// A right answer stays right: make it single use, and mark it as used only after this returned `Ok`.
///
/// # Errors
///
/// A [`Reason`]; any input whatever gets one, and none panics.
pub fn verify(payload: &str, expected: &Parameters, secret: &[u8], now: SystemTime) -> Result<(), Reason> {
    let claim = Claim::read(payload, expected, secret, now)?;
    let key = derive(expected, claim.counter);
    let same = bool::from(key.ct_eq(&claim.key));
    // Equality would do, after the check of the claimed key; but this is the line that must never get lost.
    if same && hex::encode(&key).starts_with(expected.key_prefix()) { Ok(()) } else { Err(Reason::Wrong) }
}

/// Checks an answer to a challenge of [`Challenge::issue_fixed`](super::Challenge::issue_fixed) with two HMACs and
/// no derivation.
///
/// `expected` must carry the signature of its key, as the issued challenge does (see
/// [`Parameters::with_fixed_key`]); without one every answer is [`Reason::Wrong`]. The rest is as for [`verify`].
///
/// # Errors
///
/// A [`Reason`]; any input whatever gets one, and none panics.
pub fn verify_fixed(
    payload: &str,
    expected: &Parameters,
    secret: &[u8],
    key_secret: &[u8],
    now: SystemTime,
) -> Result<(), Reason> {
    let claim = Claim::read(payload, expected, secret, now)?;
    let signature = expected.key_signature().ok_or(Reason::Wrong)?;
    if bool::from(sign(key_secret, &claim.key).ct_eq(signature)) { Ok(()) } else { Err(Reason::Wrong) }
}

/// An answer that has passed everything but the work.
struct Claim {
    counter: u32,
    key: Vec<u8>,
}

impl Claim {
    fn read(payload: &str, expected: &Parameters, secret: &[u8], now: SystemTime) -> Result<Self, Reason> {
        let value = payload::read(payload)?;
        let field =
            |outer, inner| value.get(outer).and_then(|part: &Value| part.get(inner)).ok_or(Reason::Malformed);

        let bytes = |value: &Value| value.as_str().and_then(hex::decode).ok_or(Reason::Malformed);
        let parameters = field("challenge", "parameters")?;
        let signature = bytes(field("challenge", "signature")?)?;
        let counter = field("solution", "counter")?.as_u64().and_then(|counter| u32::try_from(counter).ok());
        let counter = counter.ok_or(Reason::Malformed)?;
        let key = bytes(field("solution", "derivedKey")?)?;
        if key.len() != expected.key_length() {
            return Err(Reason::Malformed);
        }

        let issued = expected.canonical();
        if canonical_json(parameters) != issued {
            return Err(Reason::Mismatch);
        }
        if !bool::from(sign(secret, issued.as_bytes()).as_slice().ct_eq(&signature)) {
            return Err(Reason::Mismatch);
        }
        if expected.expires_at().is_some_and(|expiry| unix_seconds(now) >= expiry) {
            return Err(Reason::Expired);
        }
        if !hex::encode(&key).starts_with(expected.key_prefix()) {
            return Err(Reason::Wrong);
        }
        Ok(Self { counter, key })
    }
}
