//! What ALTCHA Sentinel, or another server that holds the same secret, vouches for.

use std::time::SystemTime;

use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

use super::parameters::unix_seconds;
use super::v1::parameter;
use super::{Reason, hex, payload};

/// The hash of a server's signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServerAlgorithm {
    /// `SHA-1`, where the server still signs v1 challenges with it.
    Sha1,
    /// `SHA-256`, the usual one.
    #[default]
    Sha256,
    /// `SHA-384`.
    Sha384,
    /// `SHA-512`.
    Sha512,
}

impl ServerAlgorithm {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// HMAC over the hash of what is vouched for, the hash as bytes.
    fn sign(self, secret: &[u8], data: &str) -> Vec<u8> {
        fn mac<M: hmac::Mac + hmac::KeyInit>(secret: &[u8], message: &[u8]) -> Vec<u8> {
            #[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104)")]
            let mut mac = <M as hmac::KeyInit>::new_from_slice(secret).expect("HMAC takes any key");
            mac.update(message);
            mac.finalize().into_bytes().to_vec()
        }
        match self {
            Self::Sha1 => mac::<hmac::Hmac<Sha1>>(secret, &Sha1::digest(data)),
            Self::Sha256 => mac::<hmac::Hmac<Sha256>>(secret, &Sha256::digest(data)),
            Self::Sha384 => mac::<hmac::Hmac<Sha384>>(secret, &Sha384::digest(data)),
            Self::Sha512 => mac::<hmac::Hmac<Sha512>>(secret, &Sha512::digest(data)),
        }
    }
}

/// A verification that another server has signed: everything in here was under its signature.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use verify_core::altcha::{ServerAlgorithm, Verification};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use base64::{Engine, engine::general_purpose::STANDARD};
/// # let field = STANDARD.encode(concat!(
/// #     r#"{"algorithm":"SHA-256","verified":true,"verificationData":"#,
/// #     r#""expire=1767226200&id=v-1&score=1.5&time=1767225600&verified=true","#,
/// #     r#""signature":"8fbcbd79d34931832cfa1b427c260cac10c98f828bd84d8bd804500d4a45a3d4"}"#,
/// # ));
/// let now = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
/// let secret = b"the secret that both servers hold";
/// let verification = Verification::verify(&field, ServerAlgorithm::Sha256, secret, now)?;
/// assert_eq!(verification.parameter("score").as_deref(), Some("1.5"));
/// assert_eq!(verification.id().as_deref(), Some("v-1"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    data: String,
}

impl Verification {
    /// Checks what a widget has brought from such a server (the form field `altcha`, where its JSON has
    /// `verificationData`).
    ///
    /// `algorithm` is the one that the server signs with; another in the payload is refused, since the signature does not
    /// cover it. The server must say in its signed text that it verified, and until when that is good: the outer
    /// `verified` must say the same, and the outer `id` and `apiKey`, which nobody signed, are not looked at. An answer stays
    /// right until it expires: make it single use by [`Verification::id`].
    ///
    /// # Errors
    ///
    /// A [`Reason`]; any input whatever gets one, and none panics. [`Reason::Wrong`] is a signed no.
    pub fn verify(
        payload: &str,
        algorithm: ServerAlgorithm,
        secret: &[u8],
        now: SystemTime,
    ) -> Result<Self, Reason> {
        let value = payload::read(payload)?;
        let text = |name| value.get(name).and_then(Value::as_str).ok_or(Reason::Malformed);
        let data = text("verificationData")?;
        let signature = hex::decode(text("signature")?).ok_or(Reason::Malformed)?;
        if text("algorithm")? != algorithm.name() {
            return Err(Reason::Mismatch);
        }
        if !bool::from(algorithm.sign(secret, data).ct_eq(&signature)) {
            return Err(Reason::Mismatch);
        }
        let read = Self { data: data.to_owned() };
        let expiry = read.parameter("expire").and_then(|text| text.parse::<u64>().ok());
        if unix_seconds(now) >= expiry.ok_or(Reason::Malformed)? {
            return Err(Reason::Expired);
        }
        let inside = read.parameter("verified").as_deref() == Some("true");
        if inside && value.get("verified") == Some(&Value::Bool(true)) {
            Ok(read)
        } else {
            Err(Reason::Wrong)
        }
    }

    /// One of the signed values, if it is there exactly once: `score`, `classification`, `country`, `email`, `fieldsHash`,
    /// `reasons` (separated by commas), `time` and whatever else the server says.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameter(&format!("?{}", self.data), name)
    }

    /// The signed name of this verification, to make it single use.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        self.parameter("id")
    }
}
