//! Webhooks: believed only with their signature, while they are fresh, and once.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use verify_core::{Engine, Notes, StoreError};

/// Whatever is older is refused.
const OLDEST: Duration = Duration::from_secs(240 * 60);

/// So much may their clock be ahead of ours.
const SKEW: Duration = Duration::from_secs(300);

/// Takes the webhooks of an account. What was taken is remembered in the engine's store, so that of any number of processes
/// one acts on a message.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use verify_core::{Engine, KeyRing, Origin};
/// use verify_providers::govifi::{WebhookError, WebhookReceiver};
///
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// let engine = Engine::builder(keys, Origin::parse("https://shop.example")?).build()?;
/// let receiver = WebhookReceiver::new(&engine, "a secret of webhooks")?;
/// let forged = br#"{"webhook_id":"wh_1","event_type":"checkout_session.completed","timestamp":"2026-01-01T00:00:00Z"}"#;
/// let refused = receiver.take(forged, "sha256=00").await.unwrap_err();
/// assert!(matches!(refused, WebhookError::Signature));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct WebhookReceiver {
    secret: Hmac<Sha256>,
    engine: Engine,
    notes: Notes,
}

/// A message that is theirs.
#[derive(Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Webhook {
    /// The message's id.
    pub webhook_id: String,
    /// `checkout_session.completed`, `checkout_session.expired` and others to come.
    pub event_type: String,
    #[serde(rename = "timestamp")]
    stamp: Value,
    /// What happened, about whom.
    #[serde(default)]
    pub data: Value,
}

impl Webhook {
    /// The session that it is about.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.data.get("session_id").and_then(Value::as_str)
    }

    /// Whether it says that its session was paid, and so that its challenge was passed.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.event_type == "checkout_session.completed"
    }

    /// The text that was signed, and the moment that it stands for.
    fn stamp(&self) -> Option<(String, SystemTime)> {
        let from = |seconds: i64| {
            u64::try_from(seconds).ok().map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds))
        };
        let number = |number: i64| {
            // Milliseconds are as long as no number of seconds is for thousands of years.
            if number > 100_000_000_000 { from(number / 1000) } else { from(number) }
        };
        match &self.stamp {
            Value::String(text) => {
                let at = match text.parse() {
                    Ok(seconds) => number(seconds),
                    Err(_) => from(OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp()),
                };
                Some((text.clone(), at?))
            }
            Value::Number(value) => Some((value.to_string(), number(value.as_i64()?)?)),
            _ => None,
        }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Webhook");
        shown.field("webhook_id", &self.webhook_id).field("event_type", &self.event_type);
        shown.finish_non_exhaustive()
    }
}

/// Why a message is not acted on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The secret is empty.
    #[error("the secret of webhooks is empty")]
    Secret,
    /// It is not theirs, or was changed on the way. Answer 401.
    #[error("the webhook's signature is missing or wrong")]
    Signature,
    /// It is theirs, and not in the documented form. Answer 400.
    #[error("the webhook is not in the documented form")]
    Form,
    /// It is older than 240 minutes, or from the future. Answer 400.
    #[error("the webhook is too old, or its clock is ahead")]
    Age,
    /// It was taken before. Answer 200, and do nothing.
    #[error("the webhook was taken before")]
    Repeated,
    /// The store did not answer, so nobody knows whether it was taken before. Answer 503; it comes again.
    #[error("the store did not answer")]
    Store(#[from] StoreError),
}

impl WebhookReceiver {
    /// A receiver with the account's secret, over an engine's store and clock.
    ///
    /// # Errors
    /// When the secret is empty.
    pub fn new(engine: &Engine, secret: &str) -> Result<Self, WebhookError> {
        if secret.is_empty() {
            return Err(WebhookError::Secret);
        }
        let secret = Hmac::new_from_slice(secret.as_bytes()).map_err(|_| WebhookError::Secret)?;
        Ok(Self { secret, engine: engine.clone(), notes: engine.notes("govifi-webhooks") })
    }

    /// Takes a message: its body, byte for byte as it came, and `X-Webhook-Signature`. Of any number of callers with one
    /// message, one gets it. Should acting on it fail, [give it back](WebhookReceiver::give_back), so that it is taken when
    /// it comes again.
    ///
    /// Messages come in any order: decide by what each one says of its session, and not by which came last.
    ///
    /// # Errors
    /// Says what to answer.
    pub async fn take(&self, body: &[u8], signature: &str) -> Result<Webhook, WebhookError> {
        let digits = signature.trim();
        let digits = digits.strip_prefix("sha256=").unwrap_or(digits);
        let signed = from_hex(digits).ok_or(WebhookError::Signature)?;
        // The moment stands in the body, so it is read before it is believed; nothing else is done with it until then.
        let webhook: Webhook = serde_json::from_slice(body).map_err(|_| WebhookError::Signature)?;
        let (text, at) = webhook.stamp().ok_or(WebhookError::Signature)?;
        let mut mac = self.secret.clone();
        mac.update(text.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac.verify_slice(&signed).map_err(|_| WebhookError::Signature)?;
        let now = self.engine.now();
        let fresh = match now.duration_since(at) {
            Ok(age) => age <= OLDEST,
            Err(ahead) => ahead.duration() <= SKEW,
        };
        if !fresh {
            return Err(WebhookError::Age);
        }
        if webhook.webhook_id.is_empty() {
            return Err(WebhookError::Form);
        }
        // Remembered for longer than it is fresh, so that it is never taken twice.
        let remembered = OLDEST + 2 * SKEW;
        let name = self.notes.name(&[webhook.webhook_id.as_bytes()]);
        if self.notes.insert(&name, &[], remembered).await? {
            Ok(webhook)
        } else {
            Err(WebhookError::Repeated)
        }
    }

    /// Gives a message back that could not be acted on.
    ///
    /// # Errors
    /// The store's: it will not be taken again.
    pub async fn give_back(&self, webhook: &Webhook) -> Result<(), WebhookError> {
        self.notes.take(&self.notes.name(&[webhook.webhook_id.as_bytes()])).await?;
        Ok(())
    }
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() || digits.len() != 64 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

impl fmt::Debug for WebhookReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookReceiver").finish_non_exhaustive()
    }
}
