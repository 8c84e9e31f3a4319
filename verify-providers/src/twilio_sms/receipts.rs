//! What Twilio says of messages that it had taken.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{Method, Request, StatusCode};
use sha1::Sha1;
use verify_core::{Api, Engine, Fate, ReceiptOutcome, Reply};

use crate::twilio_sms::{TwilioSmsError, address};

/// Twilio's status callbacks, as an [`Api`] for `verify-tower` or `verify-actix` to mount. Each becomes an event of the
/// engine, [`Arrived`](verify_core::EventKind::Arrived) or [`Lost`](verify_core::EventKind::Lost), and so counts in its metrics.
///
/// A call counts if Twilio has signed it (`X-Twilio-Signature`, over the configured address and every field), and once,
/// however often it comes. Others are answered with 403 and tell nothing.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use verify_core::{Engine, KeyRing, Origin};
/// use verify_providers::TwilioReceipts;
///
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// # let engine = Engine::builder(keys, Origin::parse("https://bank.example")?).build()?;
/// let receipts = TwilioReceipts::new(&engine, "the account's token", "https://bank.example/receipts/twilio")?;
/// assert!(TwilioReceipts::new(&engine, "", "https://bank.example/receipts/twilio").is_err());
/// # let _ = receipts;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct TwilioReceipts {
    engine: Engine,
    key: Hmac<Sha1>,
    url: String,
}

impl TwilioReceipts {
    /// The receipts of an engine's messages, signed with the token of the account, at the address that
    /// [`TwilioSms::receipts_at`](crate::TwilioSms::receipts_at) names. Whatever a request says of its host is not believed.
    ///
    /// # Errors
    /// When there is no token, or the address is not https.
    pub fn new(engine: &Engine, token: &str, url: &str) -> Result<Self, TwilioSmsError> {
        if token.is_empty() {
            return Err(TwilioSmsError::Token);
        }
        let key = Hmac::new_from_slice(token.as_bytes()).map_err(|_| TwilioSmsError::Token)?;
        Ok(Self { engine: engine.clone(), key, url: address(url)? })
    }

    /// The fields, if Twilio has signed them for this address: its characters, then each name and value, sorted by name.
    fn fields(&self, request: &Request<Bytes>) -> Option<BTreeMap<String, String>> {
        let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(request.body()).ok()?;
        let count = fields.len();
        let fields: BTreeMap<_, _> = fields.into_iter().collect();
        let mut mac = self.key.clone();
        mac.update(self.url.as_bytes());
        if let Some(query) = request.uri().query() {
            mac.update(b"?");
            mac.update(query.as_bytes());
        }
        for (name, value) in &fields {
            mac.update(name.as_bytes());
            mac.update(value.as_bytes());
        }
        let signature = STANDARD.decode(request.headers().get("x-twilio-signature")?).ok()?;
        mac.verify_slice(&signature).ok()?;
        // Which of two would count?
        (fields.len() == count).then_some(fields)
    }

    async fn receive(&self, request: &Request<Bytes>) -> StatusCode {
        if request.method() != Method::POST {
            return StatusCode::METHOD_NOT_ALLOWED;
        }
        let Some(fields) = self.fields(request) else { return StatusCode::FORBIDDEN };
        let fate = match fields.get("MessageStatus").map(String::as_str) {
            Some("delivered" | "read") => Fate::Arrived,
            Some("undelivered" | "failed") => Fate::Lost,
            // On its way: accepted, queued, sending, sent.
            Some(_) => return StatusCode::NO_CONTENT,
            None => return StatusCode::BAD_REQUEST,
        };
        let query = request.uri().query().unwrap_or_default();
        let receipt = query.split('&').find_map(|pair| pair.strip_prefix("receipt="));
        match self.engine.receive(receipt.unwrap_or_default(), fate).await {
            Ok(ReceiptOutcome::Recorded | ReceiptOutcome::Repeated) => StatusCode::NO_CONTENT,
            Ok(_) => StatusCode::NOT_FOUND,
            // Twilio may say it again.
            Err(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

#[async_trait]
impl Api for TwilioReceipts {
    async fn answer(&self, request: Request<Bytes>) -> Reply {
        reply(self.receive(&request).await)
    }

    fn refuse_body(&self, _: &http::request::Parts, too_large: bool) -> Reply {
        reply(if too_large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST })
    }
}

fn reply(status: StatusCode) -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = status;
    reply.headers_mut().insert(http::header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    reply
}

impl fmt::Debug for TwilioReceipts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioReceipts").field("url", &self.url).finish_non_exhaustive()
    }
}
