//! The hosted-session challenges of GoViFi: its checkout pages are pointed at [`HostedSessions`] and find what they know.
//!
//! A server makes a session for one payment and says what it knows of the payer; from that a
//! [policy](ChallengePolicy) decides which challenge, if any, stands before the money. The page reads the session, has a code
//! sent, and confirms with the answer; only then are the [`Payments`] called.
//!
//! ```
//! # fn now<F: Future>(future: F) -> F::Output {
//! #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! #     match std::pin::pin!(future).poll(&mut context) {
//! #         std::task::Poll::Ready(output) => output,
//! #         std::task::Poll::Pending => unreachable!("nothing is waited for"),
//! #     }
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use bytes::Bytes;
//! use verify_compat::govifi::{AccountConfig, ChallengeKind, FraudSignals, HostedSessions, Sandbox, SessionRequest};
//! use verify_core::{Api, Channel, Countries, Engine, KeyRing, Origin};
//! # use verify_core::{Courier, CourierError, Delivery};
//! # #[derive(Debug)] struct Carrier;
//! # #[async_trait::async_trait] impl Courier for Carrier {
//! #     async fn deliver(&self, _: &Delivery) -> Result<(), CourierError> { Ok(()) }
//! #     fn is_development(&self) -> bool { false }
//! # }
//! # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
//! let engine = Engine::builder(keys, Origin::parse("https://pay.example")?)
//!     .courier(Channel::Sms, Carrier)
//!     .countries(Countries::only(["US"])?)
//!     .build()?;
//! let sessions = HostedSessions::builder(&engine)
//!     .account(AccountConfig::new("acct_1", "token").on("https://shop.example"))
//!     .policy(|signals: &FraudSignals, _: &SessionRequest| {
//!         (signals.is_authorized != Some(true)).then_some(ChallengeKind::Sms)
//!     })
//!     .payments(Sandbox::default()) // for development; your processor in earnest
//!     .build()?;
//! // axum:  .nest_service("/v1/hosted-sessions", verify_tower::ApiService::new(sessions.clone()))
//! // actix: .service(verify_actix::api("/v1/hosted-sessions", sessions.clone()))
//!
//! let mut asked = SessionRequest::new(4999, "USD");
//! asked.fraud_signals.phone = Some("+12025550123".to_owned());
//! let session = now(sessions.create("acct_1", asked))?;
//!
//! let confirm = http::Request::post(format!("/v1/hosted-sessions/{}/confirm", session.session_id))
//!     .header("authorization", format!("Bearer {}", session.expose_secret()))
//!     .body(Bytes::from(r#"{"processor_token":"tok_1","method":"card"}"#))?;
//! let refused = now(sessions.answer(confirm));
//! assert_eq!(refused.status(), 403);
//! assert!(String::from_utf8_lossy(refused.body()).contains("challenge_required"));
//! # Ok(()) }
//! ```
//!
//! # What is served
//!
//! To servers, with an account's token: `POST hosted-sessions`, `GET …/{id}`, `POST …/{id}/expire`. To pages, with a session's
//! credential and from a registered origin: `GET …/{id}`, `POST …/{id}/challenge/send`, `POST …/{id}/confirm`, and the
//! preflights of these. `PATCH` and fee quotes are not served.
//!
//! Where the original's documentation is silent or contradicts itself, these are our choices:
//!
//! | case | answer |
//! |---|---|
//! | a session that does not exist, or a credential of another | 404 `session_expired`, not recoverable: the page makes a new session |
//! | no credential, or a wrong token of a server | 401 `insufficient_scope` |
//! | a session that has expired or was ended | 410 `session_expired` |
//! | `delivery_hint` | `***-***-1234`; `a***@e***.com` |
//! | a send where nothing is to be satisfied | 200 with `null`; [`Settings::refuse_send_without_challenge`] |
//! | a send within 30 seconds of the one before | 200 with the same body, and nothing is sent; [`Settings::send_window_seconds`] |
//! | a fourth send | 429 `rate_limited` with `Retry-After`; [`Settings::sends`] |
//! | no answer to the challenge | 403 `challenge_required`; [`Settings::challenge_status`] |
//! | a wrong answer | 403 `challenge_failed`, recoverable until five were wrong; [`Settings::attempts`] |
//! | an answer of another type, or both a token and a code | `challenge_failed`, not counted |
//! | an answer without its token or code | `validation_error`; [`Settings::validation_status`] |
//! | a decline after the challenge | the challenge stays passed |
//! | a second confirmation while the first is under way | 409 `processing_error` with `Retry-After` |
//! | a wallet's credential at a send or a confirmation | 403 `insufficient_scope` |
//! | the same `Idempotency-Key` | the same answer, byte for byte; with another body `validation_error`. What asks for an answer to the challenge is not kept, so the same key may bring it |
//! | `timestamp` of a webhook | `2026-11-25T21:00:00Z`, signed as it stands in the body |
//! | a session whose time ends while it is being paid, or that may be paid | 409 `processing_error` with `Retry-After`, and no webhook |
//! | a session that expires | its webhook is sent when somebody next asks for it |
//!
//! # One payment
//!
//! Each session has one permit to pay, in the engine's store: whoever takes it pays, and gives it back if certainly nothing was
//! paid. A payment goes on to its end, its note and its webhook also when the payer has gone or the request took too long. If a
//! process ends while it pays, or what was paid cannot be noted, the permit is gone: the session takes no further payment, and
//! nobody calls it expired, since [it may be paid](SessionStatus::Unsettled).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http::request::Parts;
use verify_core::{Api, Engine, Reply};

use crate::govifi::fault::Fault;
use crate::govifi::inner::Inner;
use crate::govifi::session::Record;

mod access;
mod answer;
mod book;
mod builder;
mod challenge;
mod config;
mod confirm;
mod create;
mod fault;
mod inner;
mod payments;
mod session;
mod signals;
mod webhook;

pub use builder::HostedSessionsBuilder;
pub use config::{AccountConfig, Config, ConfigError, Settings, WebhookConfig};
pub use payments::{Declined, Paid, Payment, Payments, Sandbox};
pub use session::{CreatedSession, Scope, SessionRequest, SessionStatus};
pub use signals::{ChallengeKind, ChallengePolicy, FraudSignals, Rule};

/// The API, to be mounted at `/v1/hosted-sessions`. Cheap to clone; clones are one.
#[derive(Clone)]
pub struct HostedSessions {
    inner: Arc<Inner>,
}

/// Why a session was not made, found or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Invalid(&'static str),
    /// No such account is configured.
    #[error("no account of that name is configured")]
    Account,
    /// There is no such session, or it is forgotten, a day after its end.
    #[error("there is no such session")]
    Unknown,
    /// It is paid, or is being paid.
    #[error("the session is paid, or is being paid")]
    Paid,
    /// The policy asks for what nobody is there to check or deliver.
    #[error("the policy asks for a challenge that has no verifier and no courier")]
    Misconfigured,
    /// The store did not answer.
    #[error("the store did not answer: try again")]
    Unavailable,
}

impl HostedSessions {
    /// Starts to build over an engine, whose store, couriers, keys and clock it uses.
    pub fn builder(engine: &Engine) -> HostedSessionsBuilder {
        HostedSessionsBuilder::new(engine)
    }

    /// Makes a session for an account, as `POST hosted-sessions` does.
    ///
    /// # Errors
    /// When what is asked for makes no sense, or the challenge that follows from it cannot be satisfied.
    pub async fn create(
        &self,
        account: &str,
        session: SessionRequest,
    ) -> Result<CreatedSession, SessionError> {
        let account = self.inner.accounts.get(account).ok_or(SessionError::Account)?;
        self.inner.create(account, session).await
    }

    /// How a session stands. Of one that has expired the webhook is sent, as where a page asks.
    ///
    /// # Errors
    /// When there is none of that id, and when the store did not answer.
    pub async fn status(&self, session_id: &str) -> Result<SessionStatus, SessionError> {
        let record = self.inner.known(session_id).await?;
        let status = self.inner.status(&record).await?;
        if status == SessionStatus::Expired {
            self.tell_expired(&record).await?;
        }
        Ok(status)
    }

    /// Ends a session that is not paid, and sends its webhook; once more changes nothing. Nothing is paid after it.
    ///
    /// # Errors
    /// When it is [paid](SessionError::Paid) or unknown, and when the store did not answer.
    pub async fn expire(&self, session_id: &str) -> Result<(), SessionError> {
        let record = self.inner.known(session_id).await?;
        self.inner.expire(&record).await.map_err(|fault| match fault.code {
            fault::Code::AlreadyConfirmed => SessionError::Paid,
            fault::Code::ProcessingError if fault.is_conflict() => SessionError::Paid,
            _ => SessionError::Unavailable,
        })?;
        self.tell_expired(&record).await
    }

    async fn tell_expired(&self, record: &Record) -> Result<(), SessionError> {
        let left = self.inner.tell_expired(record).await.map_err(|_| SessionError::Unavailable)?;
        if let Some(errand) = left {
            // No runtime, so nobody else to send it. A receiver that takes none is in the log.
            errand.run().await.ok();
        }
        Ok(())
    }
}

#[async_trait]
impl Api for HostedSessions {
    async fn answer(&self, request: Request<Bytes>) -> Reply {
        self.inner.answer(request).await
    }

    fn refuse_body(&self, head: &Parts, too_large: bool) -> Reply {
        self.inner.refuse(head, Fault::body(too_large))
    }

    fn too_late(&self, head: &Parts) -> Reply {
        self.inner.refuse(head, Fault::unavailable())
    }

    fn deadline(&self) -> Duration {
        self.inner.engine.deadline()
    }
}

impl fmt::Debug for HostedSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostedSessions").field("accounts", &self.inner.accounts).finish_non_exhaustive()
    }
}
