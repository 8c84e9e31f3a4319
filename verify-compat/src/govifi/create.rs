//! What the server does with a session: make it, ask how it stands, end it.

use std::sync::Arc;

use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use verify_core::{Contact, Origin, Reply};

use crate::Secret;
use crate::govifi::access::{self, Account};
use crate::govifi::fault::{Code, Fault};
use crate::govifi::inner::Inner;
use crate::govifi::session::{Challenge, Record};
use crate::govifi::{ChallengeKind, CreatedSession, SessionError, SessionRequest, SessionStatus};
use crate::json;
use crate::moment::{self, at};

impl Inner {
    pub(crate) async fn create_over_http(&self, parts: &Parts, body: &[u8]) -> Result<Reply, Fault> {
        if parts.method != Method::POST {
            return Err(Fault::method("POST"));
        }
        let account = self.accounts.authenticate(&parts.headers).ok_or_else(Fault::no_credentials)?;
        let asked = serde_json::from_slice(body).map_err(|_| {
            self.invalid(
                "The body is a JSON object with amount and currency, each member of its documented type",
            )
        })?;
        let created = self.create(account, asked).await.map_err(|error| match error {
            SessionError::Invalid(what) => self.invalid(what),
            SessionError::Unavailable => Fault::unavailable(),
            _ => Fault::internal(),
        })?;
        let body = json!({
            "session_id": created.session_id,
            "client_secret": created.expose_secret(),
            "expires_at": moment::text(moment::millis(created.expires_at)),
            "hosted_url": created.hosted_url.as_ref().map_or(Value::Null, |url| url.expose().into()),
        });
        Ok(json::reply(StatusCode::CREATED, &body))
    }

    pub(crate) async fn create(
        &self,
        account: &Account,
        mut asked: SessionRequest,
    ) -> Result<CreatedSession, SessionError> {
        if let Some(what) = asked.fault() {
            return Err(SessionError::Invalid(what));
        }
        asked.origins = match asked.origins.is_empty() {
            true => account.origins.clone(),
            // As a browser writes them.
            false => {
                let origins = asked.origins.iter().filter_map(|origin| Origin::parse(origin).ok());
                origins.map(|origin| origin.as_str().to_owned()).collect()
            }
        };
        let kind = self.policy.challenge(&asked.fraud_signals, &asked);
        let challenge = kind.map(|kind| self.decided(kind, &asked)).transpose()?;
        let (id, secret) = (random()?, random()?);
        let id = format!("cs_{id}");
        let secret = format!("{id}_secret_{secret}");
        let now = self.now();
        let record = Record {
            account: account.uid.clone(),
            secret: access::digest(&secret),
            challenge,
            expires: now.saturating_add(u64::from(asked.expires_in_seconds) * 1000),
            asked,
            id,
        };
        self.book.enter(&record, now).await.map_err(|_| SessionError::Unavailable)?;
        let hosted_url = self.settings.hosted_page.as_ref();
        Ok(CreatedSession {
            hosted_url: hosted_url.map(|page| Secret::from(format!("{page}#cs={secret}"))),
            client_secret: secret.into(),
            expires_at: at(record.expires),
            session_id: record.id,
        })
    }

    /// A challenge that can be satisfied: a code takes an address, and a captcha its verifier. Whoever makes the session is
    /// told now, and not the payer later.
    fn decided(&self, kind: ChallengeKind, asked: &SessionRequest) -> Result<Challenge, SessionError> {
        let signals = &asked.fraud_signals;
        let to = match kind {
            ChallengeKind::Sms => {
                let phone = signals.phone.as_deref().and_then(|phone| Contact::phone(phone).ok());
                Some(phone.ok_or(SessionError::Invalid("fraud_signals.phone is needed, as +12025550123"))?)
            }
            ChallengeKind::Email => {
                let email = signals.email.as_deref().or(asked.customer_email.as_deref());
                let email = email.and_then(|email| Contact::email(email).ok());
                Some(email.ok_or(SessionError::Invalid("fraud_signals.email is needed"))?)
            }
            ChallengeKind::Hcaptcha | ChallengeKind::Turnstile => None,
        };
        let served = match kind.channel() {
            Some(_) => self.gates.iter().any(|(known, _)| *known == kind),
            None => self.verifier(kind).is_some(),
        };
        if !served {
            tracing::error!(target: "verify", challenge = kind.name(), "the policy asks for what nobody is there to check or deliver");
            return Err(SessionError::Misconfigured);
        }
        Ok(Challenge { kind, to: to.map(|to| to.expose().to_owned()) })
    }

    pub(crate) async fn known(&self, id: &str) -> Result<Record, SessionError> {
        let record = self.book.find(id).await.map_err(|_| SessionError::Unavailable)?;
        record.ok_or(SessionError::Unknown)
    }

    pub(crate) async fn status(self: &Arc<Self>, record: &Record) -> Result<SessionStatus, SessionError> {
        match self.require_open(record).await {
            Ok(()) => match self.book.has_permit(record).await {
                Ok(true) => Ok(SessionStatus::Open),
                // It may have been paid in between.
                Ok(false) => match self.book.completed(&record.id).await {
                    Ok(Some(_)) => Ok(SessionStatus::Completed),
                    Ok(None) => Ok(SessionStatus::Unsettled),
                    Err(_) => Err(SessionError::Unavailable),
                },
                Err(_) => Err(SessionError::Unavailable),
            },
            Err(fault) if fault.is_conflict() && fault.code == Code::ProcessingError => {
                Ok(SessionStatus::Unsettled)
            }
            Err(fault) if fault.code == Code::AlreadyConfirmed => Ok(SessionStatus::Completed),
            Err(fault) if fault.code == Code::SessionExpired => Ok(SessionStatus::Expired),
            Err(_) => Err(SessionError::Unavailable),
        }
    }

    /// Ends a session: whoever has the permit to pay decides, so nothing is paid after it, and nothing that is being paid is
    /// ended.
    pub(crate) async fn expire(self: &Arc<Self>, record: &Record) -> Result<(), Fault> {
        match self.require_open(record).await {
            Ok(()) => {}
            Err(fault) if fault.code == Code::SessionExpired => return Ok(()),
            Err(fault) => return Err(fault),
        }
        if self.end(record).await? {
            return Ok(());
        }
        // Somebody pays, or has paid just now.
        self.require_open(record).await?;
        Err(Fault::under_way())
    }

    pub(crate) async fn expire_over_http(self: &Arc<Self>, record: &Record) -> Result<Reply, Fault> {
        self.expire(record).await?;
        let body = json!({ "session_id": record.id, "status": "expired" });
        let mut reply = json::reply(StatusCode::OK, &body);
        if let Some(errand) = self.tell_expired(record).await? {
            errand.leave_with(&mut reply);
        }
        Ok(reply)
    }
}

fn random() -> Result<String, SessionError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| SessionError::Unavailable)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
