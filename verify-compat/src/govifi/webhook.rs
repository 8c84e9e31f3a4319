//! Telling a server that a session is over, signed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, Uri, header};
use serde_json::json;
use sha2::Sha256;
use verify_core::{Errand, Fetch, Notes};

use crate::govifi::session::Record;
use crate::govifi::{ConfigError, WebhookConfig};
use crate::moment;
use crate::outgoing::{self, TRIES};

/// What is told.
pub(crate) enum Told {
    Completed,
    Expired,
}

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
        let url = url.ok_or_else(|| wrong("`url` is absolute: https://shop.example/paid"))?;
        if config.secret.expose().len() < 16 {
            return Err(wrong("`secret` has 16 characters or more: openssl rand -hex 32"));
        }
        let secret = Hmac::new_from_slice(config.secret.expose().as_bytes());
        let secret = secret.map_err(|_| wrong("`secret` makes no key"))?;
        let fetch = fetch.ok_or_else(|| wrong("it takes an HTTP client: `.fetch(..)`"))?;
        Ok(Self { url, secret, fetch, within })
    }

    /// The message, to be sent in the background. Its id is the same each time, so that a receiver that has it
    /// already can tell. It names nobody but by the server's own names.
    pub(crate) fn tell(&self, notes: &Notes, record: &Record, told: &Told, now: u64) -> Errand {
        let (event, status) = match told {
            Told::Completed => ("checkout_session.completed", "completed"),
            Told::Expired => ("checkout_session.expired", "expired"),
        };
        let id = format!("wh_{}", notes.pseudonym(&[b"webhook", record.id.as_bytes(), status.as_bytes()]));
        let timestamp = moment::text(now);
        let body = json!({
            "webhook_id": id,
            "event_type": event,
            "timestamp": timestamp,
            "data": {
                "session_id": record.id,
                "status": status,
                "amount": record.asked.amount,
                "currency": record.asked.currency,
                "customer_id": record.asked.customer_id,
                "metadata": record.asked.metadata,
            },
        })
        .to_string();
        let mut mac = self.secret.clone();
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        mac.update(body.as_bytes());
        let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let (fetch, url, within) = (Arc::clone(&self.fetch), self.url.clone(), self.within);
        Errand::of(async move {
            let request = || {
                let request = Request::post(url.clone())
                    .header(header::CONTENT_TYPE, "application/json")
                    .header("x-webhook-signature", format!("sha256={digest}"));
                request.body(Bytes::from(body.clone())).ok()
            };
            if !outgoing::tell(&*fetch, TRIES, within, request).await {
                tracing::warn!(target: "verify", "a webhook was not taken: see its receiver");
            }
        })
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}
