//! Confirming: the challenge before the money, one payment for one session, and one outcome for one `Idempotency-Key`.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderName, StatusCode};
use serde_json::{Map, Value, json};
use verify_core::Reply;
use zeroize::Zeroizing;

use crate::detached;
use crate::govifi::Declined;
use crate::govifi::access;
use crate::govifi::answer::Response;
use crate::govifi::book::{Completed, Kept};
use crate::govifi::fault::{Code, Fault};
use crate::govifi::inner::{Inner, members};
use crate::govifi::payments::Payment;
use crate::govifi::session::Record;
use crate::json;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A confirmation, as it comes.
pub(crate) struct Wish {
    token: Zeroizing<String>,
    method: String,
    acknowledged: bool,
    response: Option<Response>,
    details: Map<String, Value>,
}

/// All that a confirmation takes, so that it can go on by itself.
struct Asked {
    record: Record,
    wish: Wish,
    origin: Option<String>,
    /// The `Idempotency-Key`, and the digest of the body that it is for.
    key: Option<(String, String)>,
}

impl Inner {
    pub(crate) async fn confirm(
        self: &Arc<Self>,
        parts: &Parts,
        record: &Record,
        body: &[u8],
    ) -> Result<Reply, Fault> {
        let members = members(body).ok_or_else(|| self.invalid("The body is a JSON object"))?;
        // Of what the members mean, and not of how they are written.
        let text = Zeroizing::new(Value::Object(members.clone()).to_string());
        let digest = self.book.notes.pseudonym(&[b"body", text.as_bytes()]);
        let wish = self.wish(record, members)?;
        let key = match parts.headers.get(KEY) {
            Some(key) => {
                let key = key.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
                let key =
                    key.ok_or_else(|| self.invalid("Idempotency-Key is 1 to 255 visible characters"))?;
                if let Some(claimed) = self.book.claimed(record, key).await? {
                    return self.again(record, key, &claimed, &digest).await;
                }
                Some((key.to_owned(), digest))
            }
            None => None,
        };
        let origin = access::origin(&parts.headers).map(str::to_owned);
        let asked = Asked { record: record.clone(), wish, origin, key };
        let inner = Arc::clone(self);
        // A payer who closes the page while the money moves ends nothing: it is noted and told all the same.
        let outcome = detached::finished(async move { inner.once(asked).await }).await;
        outcome.unwrap_or_else(|| Err(Declined::Unknown.fault()))
    }

    fn wish(&self, record: &Record, mut members: Map<String, Value>) -> Result<Wish, Fault> {
        let text = |members: &mut Map<String, Value>, name: &str| match members.remove(name) {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            _ => None,
        };
        let token = text(&mut members, "processor_token").map(Zeroizing::new);
        let token = token.ok_or_else(|| self.invalid("processor_token is required, as text"))?;
        let method =
            text(&mut members, "method").filter(|method| record.asked.allowed_methods.contains(method));
        let method = method.ok_or_else(|| self.invalid("method is required, one of the session's"))?;
        let acknowledged = match members.remove("duplicate_acknowledged") {
            Some(Value::Bool(acknowledged)) => acknowledged,
            None | Some(Value::Null) => false,
            Some(_) => return Err(self.invalid("duplicate_acknowledged is true or false")),
        };
        let response = match members.remove("challenge_response") {
            None | Some(Value::Null) => None,
            Some(response) => Some(serde_json::from_value(response).map_err(|_| {
                self.invalid("challenge_response is an object with type, and token or code as text")
            })?),
        };
        Ok(Wish { token, method, acknowledged, response, details: members })
    }

    /// The answer that was given before under this key.
    async fn again(&self, record: &Record, key: &str, claimed: &str, digest: &str) -> Result<Reply, Fault> {
        if claimed != digest {
            return Err(self.invalid("This Idempotency-Key was used with another body"));
        }
        let Some(kept) = self.book.kept(record, key).await? else { return Err(Fault::under_way()) };
        Ok(json::text(StatusCode::from_u16(kept.status).unwrap_or_default(), kept.body))
    }

    async fn once(self: &Arc<Self>, mut asked: Asked) -> Result<Reply, Fault> {
        let response = asked.wish.response.take();
        let Asked { record, wish, origin, key } = &asked;
        match self.require_open(record).await {
            Ok(()) => {}
            Err(fault) if fault.code == Code::SessionExpired => return self.gone(record, fault).await,
            Err(fault) => return Err(fault),
        }
        // What asks for an answer, or for one of another form, leaves no trace, so the same key may come again with it.
        let pending = match self.pending(record).await? {
            Some(challenge) => {
                let answer = self.answer_to(challenge, response)?;
                self.require_attempts(record).await?;
                Some((challenge, answer))
            }
            None => None,
        };
        if let Some((key, digest)) = key
            && let Some(claimed) = self.book.claim(record, key, digest, self.now()).await?
        {
            return self.again(record, key, &claimed, digest).await;
        }
        let checked = match &pending {
            Some((challenge, answer)) => self.check(record, challenge, answer, origin.as_deref()).await,
            None => Ok(()),
        };
        let outcome = match checked {
            Ok(()) => self.pay(record, wish).await,
            Err(fault) => Err(fault),
        };
        let (reply, is_passing) = match outcome {
            Ok(done) => {
                let mut reply = self.paid(record, &done);
                // Before all else that may fail: the money has moved.
                if let Some(errand) = self.tell_completed(record) {
                    errand.leave_with(&mut reply);
                }
                (reply, false)
            }
            Err(fault) => {
                let is_passing = fault.passing;
                (fault.reply(), is_passing)
            }
        };
        if let Some((key, _)) = key {
            let noted = match is_passing {
                true => self.book.give_up(record, key).await,
                false => {
                    let body = String::from_utf8_lossy(reply.body()).into_owned();
                    let kept = Kept { status: reply.status().as_u16(), body };
                    self.book.keep(record, key, &kept, self.now()).await
                }
            };
            // It has been logged; a repeat then hears that the outcome is not known, and this answer is as true as before.
            noted.ok();
        }
        Ok(reply)
    }

    /// Pays, if nobody else does or has.
    async fn pay(self: &Arc<Self>, record: &Record, wish: &Wish) -> Result<Completed, Fault> {
        if !self.book.take_permit(record).await? {
            self.require_open(record).await?;
            return Err(Fault::under_way());
        }
        let asked = &record.asked;
        let payment = Payment {
            session: &record.id,
            account: &record.account,
            amount: asked.amount,
            currency: &asked.currency,
            customer: asked.customer_id.as_deref(),
            token: &wish.token,
            method: &wish.method,
            acknowledged: wish.acknowledged,
            details: &wish.details,
        };
        match self.payments.pay(&payment).await {
            Ok(paid) => {
                let done = Completed { at: self.now(), payment: paid.id };
                if self.book.complete(record, &done).await.is_err() {
                    let session = &record.id;
                    tracing::error!(target: "verify", session, "a payment was made and could not be noted: ask the processor for it");
                    return Err(Declined::Unknown.fault());
                }
                Ok(done)
            }
            Err(declined) => {
                if declined != Declined::Unknown {
                    self.book.return_permit(record, self.now()).await?;
                }
                Err(declined.fault())
            }
        }
    }

    fn paid(&self, record: &Record, done: &Completed) -> Reply {
        let body = json!({
            "session_id": record.id,
            "status": "completed",
            "amount": record.asked.amount,
            "currency": record.asked.currency,
            "payment_id": done.payment,
            "success_url": record.asked.success_url,
        });
        json::reply(StatusCode::OK, &body)
    }
}
