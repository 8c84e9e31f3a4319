//! Telling somebody that a verification is over, signed.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, Uri, header};
use serde_json::json;
use sha2::Sha256;
use verify_core::{Errand, Fetch, FetchErrorKind, Notes};
use zeroize::Zeroizing;

use crate::twilio::verification::{Channel, End, Record};
use crate::twilio::{ConfigError, WebhookConfig, date};

/// How often one message is tried: at once, since nothing here waits, and so that both fit what is allowed after an answer
/// where each takes as long as `HttpClient` lets it.
const TRIES: usize = 2;

/// Who is told.
pub(crate) struct Webhook {
    url: Uri,
    secret: Hmac<Sha256>,
    fetch: Arc<dyn Fetch>,
}

impl Webhook {
    pub(crate) fn new(config: &WebhookConfig, fetch: Option<Arc<dyn Fetch>>) -> Result<Self, ConfigError> {
        let wrong = |what| ConfigError::Webhook { what };
        let url: Uri = config.url.parse().map_err(|_| wrong("`url` is not one"))?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
            return Err(wrong("`url` is absolute: https://app.example/verified"));
        }
        const SECRET: &str = "`secret` is whsec_ and Base64 of 24 to 64 bytes: openssl rand -base64 32";
        let encoded = config.secret.expose().strip_prefix("whsec_").ok_or_else(|| wrong(SECRET))?;
        let secret = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| wrong(SECRET))?);
        if !(24..=64).contains(&secret.len()) {
            return Err(wrong(SECRET));
        }
        let secret = Hmac::new_from_slice(&secret).map_err(|_| wrong(SECRET))?;
        let fetch = fetch.ok_or_else(|| wrong("it takes an HTTP client: `.fetch(..)`"))?;
        Ok(Self { url, secret, fetch })
    }

    /// The message, signed as Standard Webhooks has it, to be sent once the request is answered. It names nobody: whoever
    /// started the verification knows its id.
    pub(crate) fn tell(&self, notes: &Notes, record: &Record, channel: Option<Channel>, end: End) -> Errand {
        let status = end.status.name();
        let id = format!("msg_{}", notes.pseudonym(&[b"webhook", record.sid.as_bytes(), status.as_bytes()]));
        let body = json!({
            "type": format!("verification.{status}"),
            "timestamp": date::text(end.at),
            "data": {
                "sid": record.sid,
                "service_sid": record.service,
                "account_sid": record.account,
                "status": status,
                "channel": channel.map(Channel::name),
            },
        })
        .to_string();
        let at = end.at / 1000;
        let mut mac = self.secret.clone();
        mac.update(format!("{id}.{at}.{body}").as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let (fetch, url) = (Arc::clone(&self.fetch), self.url.clone());
        Errand::of(async move {
            for _ in 0..TRIES {
                let request = Request::post(url.clone())
                    .header(header::CONTENT_TYPE, "application/json")
                    .header("webhook-id", &id)
                    .header("webhook-timestamp", at)
                    .header("webhook-signature", &signature)
                    .body(Bytes::from(body.clone()));
                let Ok(request) = request else { break };
                match fetch.fetch(request).await {
                    Ok(response) if response.status().is_success() => return,
                    // Its receiver has it and says no: once more does not help.
                    Ok(response) if response.status().is_client_error() => break,
                    Err(error) if error.kind() == FetchErrorKind::Forbidden => break,
                    // The id is the same each time, so that a receiver that has it already can tell.
                    Ok(_) | Err(_) => {}
                }
            }
            tracing::warn!(target: "verify", "a webhook was not taken: see its receiver");
        })
    }
}
