//! Messages to a sender of one's own, signed.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Request, Response};
use serde_json::json;
use sha2::Sha256;
use verify_core::{Channel, Courier, CourierError, CourierErrorKind, Delivery, Fetch, FetchErrorKind};
use zeroize::Zeroizing;

use crate::persistence::{Persistence, Try, persistent, unavailable};
use crate::transport::is_private;

/// Hands every message to a program of your own by HTTP: a courier for any channel, where a team has a sender already.
///
/// # What is sent
///
/// A `POST` with a JSON object, signed as [Standard Webhooks](https://www.standardwebhooks.com/) has it, so that there are
/// libraries for receivers in most languages, and [`WebhookKey::verify`] in this one:
///
/// | member | what it is |
/// |---|---|
/// | `id` | names the message, the same for every try: send each once. Also in `webhook-id` |
/// | `channel`, `to` | `sms`, `email`, `voice` or `whatsapp`, and the address |
/// | `text`, `subject`, `html`, `language` | the message; `null` where there is none |
/// | `code` | the code alone, for templates of your own |
/// | `sent_at`, `expires_at` | seconds since 1970; from `expires_at` on, throw it away |
/// | `receipt` | for [`Engine::receive`](verify_core::Engine::receive), if you learn what became of it |
///
/// # What follows from the answer
///
/// | answer | what follows |
/// |---|---|
/// | 2xx | taken |
/// | none, 408, 425, 429, 5xx | the same message again, up to three times within 8 seconds and while the code lives: the receiver knows it by its id |
/// | 410, 422 | [`Refused`](CourierErrorKind::Refused): this address is never reached this way |
/// | any other | an error in the log, since no visitor can help it |
/// | five failures in a row | nothing is tried for 30 seconds ([`CircuitBreaker`](crate::CircuitBreaker)) |
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use verify_core::{Channel, Engine, KeyRing, Origin};
/// use verify_providers::{HttpClient, Webhook, WebhookKey};
///
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// # let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
/// let sender = Webhook::new(HttpClient::new()?, "https://sender.bank.example/codes", WebhookKey::parse(secret)?)?;
/// let engine = Engine::builder(keys, Origin::parse("https://bank.example")?)
///     .courier(Channel::Email, sender)
///     .build()?;
/// assert!(WebhookKey::parse("whsec_c2hvcnQ=").is_err(), "a short key does not start");
/// # let _ = engine;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Webhook {
    client: Arc<dyn Fetch>,
    url: http::Uri,
    key: WebhookKey,
    persistence: Persistence,
}

persistent!(Webhook);

impl Webhook {
    /// Where messages go, and the key that both sides have. Calls nobody yet.
    ///
    /// # Errors
    /// When the address is not https, unless it is this machine: codes travel there.
    pub fn new(client: impl Fetch, url: &str, key: WebhookKey) -> Result<Self, WebhookError> {
        let url: http::Uri = url.parse().map_err(|_| WebhookError::Url)?;
        if !is_private(&url) {
            return Err(WebhookError::Url);
        }
        Ok(Self { client: Arc::new(client), url, key, persistence: Persistence::default() })
    }

    async fn once(&self, delivery: &Delivery, body: &Bytes) -> Try {
        // Signed anew for each try, or a receiver would take a late one for a repetition by somebody else.
        let at = seconds(self.persistence.clock.now());
        let id = format!("msg_{}", delivery.id());
        let request = Request::post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-timestamp", at)
            .header("webhook-signature", self.key.sign(&id, at, body))
            .header("webhook-id", id)
            .body(body.clone());
        let Ok(request) = request else {
            return Try::Misconfigured(unavailable("the message cannot be written as a request"));
        };
        match self.client.fetch(request).await {
            Ok(answer) => read(&answer),
            Err(error) => {
                let kind = error.kind();
                let error = CourierError::new(CourierErrorKind::Unavailable).with_source(error);
                match kind {
                    FetchErrorKind::Forbidden => Try::Misconfigured(error),
                    FetchErrorKind::Busy => Try::Queued(error),
                    _ => Try::Again(error, None),
                }
            }
        }
    }
}

fn read(answer: &Response<Bytes>) -> Try {
    let status = answer.status();
    let error = |kind| CourierError::new(kind).with_source(format!("status {}", status.as_u16()));
    let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    match status.as_u16() {
        200..=299 => Try::Taken,
        410 | 422 => Try::Refused(error(CourierErrorKind::Refused)),
        429 => Try::Throttled(error(CourierErrorKind::Unavailable), seconds.map(Duration::from_secs)),
        408 | 425 | 500.. => {
            Try::Again(error(CourierErrorKind::Unavailable), seconds.map(Duration::from_secs))
        }
        _ => Try::Misconfigured(error(CourierErrorKind::Unavailable)),
    }
}

#[async_trait]
impl Courier for Webhook {
    async fn deliver(&self, delivery: &Delivery) -> Result<(), CourierError> {
        let message = delivery.message();
        let body = json!({
            "id": delivery.id(),
            "channel": Channel::name(delivery.channel()),
            "to": delivery.to().expose(),
            "text": message.text(),
            "subject": message.subject(),
            "html": message.html(),
            "language": message.language(),
            "code": delivery.code().expose(),
            "sent_at": seconds(delivery.sent_at()),
            "expires_at": seconds(delivery.expires_at()),
            "receipt": delivery.receipt(),
        });
        let body = Bytes::from(body.to_string());
        self.persistence.deliver(delivery, || self.once(delivery, &body)).await
    }

    fn is_development(&self) -> bool {
        false
    }
}

/// The key that a [`Webhook`] and its receiver share.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use http::HeaderMap;
/// use verify_providers::{WebhookError, WebhookKey};
///
/// // In the receiver, before anything is believed:
/// # let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
/// let key = WebhookKey::parse(secret)?;
/// let (headers, body) = (HeaderMap::new(), b"{}");
/// let verified = key.verify(&headers, body, SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600));
/// assert_eq!(verified.unwrap_err(), WebhookError::Unsigned);
/// # Ok::<(), WebhookError>(())
/// ```
#[derive(Clone)]
pub struct WebhookKey(Hmac<Sha256>);

impl WebhookKey {
    /// How far a message's time may be from the receiver's: 5 minutes, as Standard Webhooks has it. Within it, a receiver
    /// that sends each id once is safe from repetitions; behind it, from all others.
    pub const WINDOW: Duration = Duration::from_secs(300);

    /// Reads `whsec_` and the Base64 of 24 to 64 bytes (`openssl rand -base64 32`).
    ///
    /// # Errors
    /// When it is not of that form.
    pub fn parse(text: &str) -> Result<Self, WebhookError> {
        let encoded = text.strip_prefix("whsec_").ok_or(WebhookError::Key)?;
        let key = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| WebhookError::Key)?);
        if !(24..=64).contains(&key.len()) {
            return Err(WebhookError::Key);
        }
        Hmac::new_from_slice(&key).map(Self).map_err(|_| WebhookError::Key)
    }

    /// Whether a request comes from who has the key, is whole, and is of now; the id by which to send it once.
    ///
    /// # Errors
    /// [`WebhookError::Unsigned`] when a header is missing or the signature is none of this key's;
    /// [`WebhookError::Stale`] when it is right and its time is not within [`WebhookKey::WINDOW`].
    pub fn verify<'h>(
        &self,
        headers: &'h HeaderMap,
        body: &[u8],
        now: SystemTime,
    ) -> Result<&'h str, WebhookError> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (Some(id), Some(at), Some(signatures)) =
            (text("webhook-id"), text("webhook-timestamp"), text("webhook-signature"))
        else {
            return Err(WebhookError::Unsigned);
        };
        let at: u64 = at.parse().map_err(|_| WebhookError::Unsigned)?;
        // Several, while a key is being changed.
        let signed = signatures.split(' ').filter_map(|each| STANDARD.decode(each.strip_prefix("v1,")?).ok());
        if !signed.into_iter().any(|each| self.mac(id, at, body).verify_slice(&each).is_ok()) {
            return Err(WebhookError::Unsigned);
        }
        if seconds(now).abs_diff(at) > Self::WINDOW.as_secs() {
            return Err(WebhookError::Stale);
        }
        Ok(id)
    }

    fn mac(&self, id: &str, at: u64, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{at}.").as_bytes());
        mac.update(body);
        mac
    }

    fn sign(&self, id: &str, at: u64, body: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(self.mac(id, at, body).finalize().into_bytes()))
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookKey([redacted])")
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("host", &self.url.host())
            .field("persistence", &self.persistence)
            .finish_non_exhaustive()
    }
}

/// A webhook that is not set up well, or a request that is none of it. It repeats nothing of either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// Not an address.
    #[error("a webhook's URL is https; plain http only on this machine")]
    Url,
    /// Not a key.
    #[error("a webhook's key is whsec_ and Base64 of 24 to 64 bytes: openssl rand -base64 32")]
    Key,
    /// Not signed by this key.
    #[error("the request is not signed with this key: answer 401 and send nothing")]
    Unsigned,
    /// Signed, and of another time.
    #[error("the request is of another time: check the clocks, or somebody repeats it")]
    Stale,
}
