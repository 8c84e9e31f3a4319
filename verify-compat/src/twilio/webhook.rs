//! Telling somebody that a verification is over, signed.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, Uri, header};
use serde_json::json;
use sha2::Sha256;
use verify_core::{Errand, Fetch, Notes};
use zeroize::Zeroizing;

use crate::moment;
use crate::outgoing::{self, TRIES};
use crate::twilio::verification::{Channel, End, Record};
use crate::twilio::{ConfigError, WebhookConfig};

/// Who is told.
pub(crate) struct Webhook {
    url: Uri,
    secret: Hmac<Sha256>,
    fetch: Arc<dyn Fetch>,
    /// How long all tries of one message may take.
    within: Duration,
}

impl Webhook {
    pub(crate) fn new(
        config: &WebhookConfig,
        fetch: Option<Arc<dyn Fetch>>,
        within: Duration,
    ) -> Result<Self, ConfigError> {
        let wrong = |what| ConfigError::Webhook { what };
        let url = outgoing::url(&config.url);
        let url = url.ok_or_else(|| wrong("`url` is absolute: https://app.example/verified"))?;
        const SECRET: &str = "`secret` is whsec_ and Base64 of 24 to 64 bytes: openssl rand -base64 32";
        let encoded = config.secret.expose().strip_prefix("whsec_").ok_or_else(|| wrong(SECRET))?;
        let secret = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| wrong(SECRET))?);
        if !(24..=64).contains(&secret.len()) {
            return Err(wrong(SECRET));
        }
        let secret = Hmac::new_from_slice(&secret).map_err(|_| wrong(SECRET))?;
        let fetch = fetch.ok_or_else(|| wrong("it takes an HTTP client: `.fetch(..)`"))?;
        Ok(Self { url, secret, fetch, within })
    }

    /// The message, signed as Standard Webhooks has it, to be sent in the background. It names nobody: whoever
    /// started the verification knows its id.
    pub(crate) fn tell(&self, notes: &Notes, record: &Record, channel: Option<Channel>, end: End) -> Errand {
        let status = end.status.name();
        let id = format!("msg_{}", notes.pseudonym(&[b"webhook", record.sid.as_bytes(), status.as_bytes()]));
        let body = json!({
            "type": format!("verification.{status}"),
            "timestamp": moment::text(end.at),
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
        let (fetch, url, within) = (Arc::clone(&self.fetch), self.url.clone(), self.within);
        Errand::of(async move {
            // The id is the same each time, so that a receiver that has it already can tell.
            let request = || {
                let request = Request::post(url.clone())
                    .header(header::CONTENT_TYPE, "application/json")
                    .header("webhook-id", &id)
                    .header("webhook-timestamp", at)
                    .header("webhook-signature", &signature);
                request.body(Bytes::from(body.clone())).ok()
            };
            if !outgoing::tell(&*fetch, TRIES, within, request).await {
                tracing::warn!(target: "verify", "a webhook was not taken: see its receiver");
            }
        })
    }
}
