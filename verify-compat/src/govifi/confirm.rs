//! Confirming: the challenge before the money, one payment for one session, and one outcome for one `Idempotency-Key`.

use http::request::Parts;
use http::{HeaderName, StatusCode};
use serde_json::{Map, Value, json};
use verify_core::Reply;
use zeroize::Zeroizing;

use crate::govifi::Declined;
use crate::govifi::access;
use crate::govifi::answer::Response;
use crate::govifi::book::{Completed, Kept};
use crate::govifi::fault::{Code, Fault};
use crate::govifi::inner::{Inner, members};
use crate::govifi::payments::Payment;
use crate::govifi::session::Record;
use crate::govifi::webhook::Told;
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

impl Inner {
    pub(crate) async fn confirm(&self, parts: &Parts, record: &Record, body: &[u8]) -> Result<Reply, Fault> {
        let members = members(body).ok_or_else(|| self.invalid("The body is a JSON object"))?;
        // Of what the members mean, and not of how they are written.
        let text = Zeroizing::new(Value::Object(members.clone()).to_string());
        let digest = self.book.notes.pseudonym(&[b"body", text.as_bytes()]);
        let wish = self.wish(record, members)?;
        let Some(key) = parts.headers.get(KEY) else {
            return self.once(parts, record, wish, None).await;
        };
        let key = key.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
        let key = key.ok_or_else(|| self.invalid("Idempotency-Key is 1 to 255 visible characters"))?;
        if let Some(claimed) = self.book.claimed(record, key).await? {
            return self.again(record, key, &claimed, &digest).await;
        }
        self.once(parts, record, wish, Some((key, &digest))).await
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

    async fn once(
        &self,
        parts: &Parts,
        record: &Record,
        mut wish: Wish,
        key: Option<(&str, &str)>,
    ) -> Result<Reply, Fault> {
        match self.require_open(record).await {
            Ok(()) => {}
            Err(fault) if fault.code == Code::SessionExpired => return self.gone(record, fault).await,
            Err(fault) => return Err(fault),
        }
        // What asks for an answer, or for one of another form, leaves no trace, so the same key may come again with it.
        let pending = match self.pending(record).await? {
            Some(challenge) => {
                let answer = self.answer_to(challenge, wish.response.take())?;
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
            Some((challenge, answer)) => {
                self.check(record, challenge, answer, access::origin(&parts.headers)).await
            }
            None => Ok(()),
        };
        let outcome = match checked {
            Ok(()) => self.pay(record, &wish).await,
            Err(fault) => Err(fault),
        };
        let (mut reply, is_passing) = match outcome {
            Ok(done) => (self.paid(record, &done), false),
            Err(fault) => {
                let is_passing = fault.passing;
                (fault.reply(), is_passing)
            }
        };
        match key {
            Some((key, _)) if is_passing => self.book.give_up(record, key).await?,
            Some((key, _)) => {
                let body = String::from_utf8_lossy(reply.body()).into_owned();
                let kept = Kept { status: reply.status().as_u16(), body };
                self.book.keep(record, key, &kept, self.now()).await?;
            }
            None => {}
        }
        if reply.status() == StatusCode::OK
            && let Some(webhook) = &self.webhook
        {
            let now = self.now();
            webhook.tell(&self.book.notes, record, &Told::Completed, now).leave_with(&mut reply);
        }
        Ok(reply)
    }

    /// Pays, if nobody else does or has.
    async fn pay(&self, record: &Record, wish: &Wish) -> Result<Completed, Fault> {
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
                self.book.complete(record, &done).await?;
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
