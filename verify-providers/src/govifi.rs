//! GoViFi's hosted sessions, as whoever holds a session's credential sees them: read the challenge, have its code sent,
//! confirm with the answer; and as their server does: take the signed webhooks.
//!
//! There is no call that checks an answer alone: it goes with the confirmation, which moves money. So GoViFi is a gate whose
//! result is learned from [`Session::confirm`] or from a [webhook](WebhookReceiver), and no maker of codes for anything else.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use verify_providers::HttpClient;
//! use verify_providers::govifi::{Confirmation, ErrorKind, Session};
//!
//! // Nobody listens there.
//! let session = Session::new(HttpClient::new()?, "cs_1a2b", "cs_1a2b_secret_3c")?.base_url("http://127.0.0.1:1")?;
//! let confirmation = Confirmation::new("tok_1", "card")?.with_code("sms", "123456");
//! // What is no documented answer is an error that says so, and never a payment.
//! let error = session.confirm(&confirmation).await.unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Unavailable);
//! # Ok(()) }
//! ```

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, ORIGIN};
use http::{Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use verify_core::{Fetch, FetchErrorKind};
use zeroize::Zeroizing;

use crate::exchange::again_if_unsent;

mod confirmation;
mod error;
mod view;
mod webhook;

pub use confirmation::{Confirmation, Confirmed};
pub use error::{ErrorCode, ErrorKind, GoViFiError};
pub use view::{Challenge, SessionView};
pub use webhook::{Webhook, WebhookError, WebhookReceiver};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// One session, with its credential. Cheap to clone.
#[derive(Clone)]
pub struct Session {
    client: Arc<dyn Fetch>,
    id: String,
    credentials: HeaderValue,
    origin: Option<HeaderValue>,
    base_url: String,
}

/// What [`Session`] was given makes no sense. It repeats nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Not a session's id.
    #[error("a session's id is `cs_` and letters and digits")]
    Id,
    /// Not a credential.
    #[error("a session's credential is visible ASCII")]
    Credential,
    /// Not an origin.
    #[error("an origin is as `https://shop.example`")]
    Origin,
    /// Not an address to call.
    #[error("the base URL is https without a query; plain http only to this machine")]
    BaseUrl,
    /// There was no randomness for a key.
    #[error("no random key could be drawn: try again")]
    Random,
}

impl Session {
    /// A session's id and its `client_secret`. Calls nobody yet.
    ///
    /// # Errors
    /// When one of them has not its form.
    pub fn new(client: impl Fetch, session_id: &str, client_secret: &str) -> Result<Self, SessionError> {
        let rest = session_id.strip_prefix("cs_").unwrap_or_default();
        if rest.is_empty() || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(SessionError::Id);
        }
        if client_secret.is_empty() || !client_secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SessionError::Credential);
        }
        let bearer = Zeroizing::new(format!("Bearer {client_secret}"));
        let mut credentials = HeaderValue::from_str(&bearer).map_err(|_| SessionError::Credential)?;
        credentials.set_sensitive(true);
        Ok(Self {
            client: Arc::new(client),
            id: session_id.to_owned(),
            credentials,
            origin: None,
            base_url: "https://api.govifi.com".to_owned(),
        })
    }

    /// Another server that speaks this API, as the gateway of this project does. Default: `https://api.govifi.com`.
    ///
    /// # Errors
    /// When it is not https, unless it is this machine: the credential and every answer travel there.
    pub fn base_url(mut self, url: &str) -> Result<Self, SessionError> {
        self.base_url = crate::base_url::safe(url).ok_or(SessionError::BaseUrl)?;
        Ok(self)
    }

    /// The origin of the page that this acts for, one that is registered for the session. Default: none is sent.
    ///
    /// # Errors
    /// When it is no origin.
    pub fn origin(mut self, origin: &str) -> Result<Self, SessionError> {
        let origin = verify_core::Origin::parse(origin).map_err(|_| SessionError::Origin)?;
        self.origin = Some(HeaderValue::from_str(origin.as_str()).map_err(|_| SessionError::Origin)?);
        Ok(self)
    }

    /// The session's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The session as its page may see it, with the challenge that is yet to be satisfied. Asked once more if there was no
    /// answer.
    ///
    /// # Errors
    /// GoViFi's refusal, or that there was no answer that counts.
    pub async fn read(&self) -> Result<SessionView, GoViFiError> {
        let request = || self.request(Method::GET, "", None, &Bytes::new());
        let view: SessionView = read(&self.ask_safely(request).await?)?;
        // An answer about another session is none.
        if view.is_of(&self.id) { Ok(view) } else { Err(GoViFiError::unreadable(StatusCode::OK)) }
    }

    /// Has the code sent; the challenge as it stands then, or nothing where none has to be satisfied. It is safe to repeat,
    /// so it is asked once more if there was no answer: within its window GoViFi sends nothing twice. A
    /// [`code_sent`](Challenge::code_sent) says beforehand that it is not needed.
    ///
    /// # Errors
    /// As [`Session::read`].
    pub async fn send(&self) -> Result<Option<Challenge>, GoViFiError> {
        let request = || self.request(Method::POST, "/challenge/send", None, &Bytes::new());
        read(&self.ask_safely(request).await?)
    }

    /// Confirms, with the answer to the challenge: it moves money. Where there was no answer, or one that can be recovered
    /// from by waiting, confirm with the very same [`Confirmation`] again: its key makes that safe. It is asked again by
    /// itself only if it certainly never left.
    ///
    /// # Errors
    /// GoViFi's refusal, by its [code](GoViFiError::code): `challenge_required`, `challenge_failed`, `card_declined` and the
    /// like; or that there was no answer that counts, and then it may have been paid.
    pub async fn confirm(&self, confirmation: &Confirmation) -> Result<Confirmed, GoViFiError> {
        let body = confirmation.body();
        let request = || self.request(Method::POST, "/confirm", Some(confirmation.key()), &body);
        let answer = again_if_unsent(&*self.client, request, GoViFiError::unanswered).await?;
        let confirmed: Confirmed = read(&answer)?;
        // Nothing but a clear yes about this very session is one.
        if confirmed.is_of(&self.id) { Ok(confirmed) } else { Err(GoViFiError::unreadable(StatusCode::OK)) }
    }

    /// Asks once more where there was no whole answer, because nothing happens twice.
    async fn ask_safely(
        &self,
        request: impl Fn() -> Result<Request<Bytes>, GoViFiError>,
    ) -> Result<Response<Bytes>, GoViFiError> {
        match self.client.fetch(request()?).await {
            Ok(answer) => Ok(answer),
            Err(error) if matches!(error.kind(), FetchErrorKind::Forbidden | FetchErrorKind::Busy) => {
                Err(GoViFiError::unanswered(error))
            }
            Err(_) => self.client.fetch(request()?).await.map_err(GoViFiError::unanswered),
        }
    }

    fn request(
        &self,
        method: Method,
        rest: &str,
        key: Option<&str>,
        body: &Bytes,
    ) -> Result<Request<Bytes>, GoViFiError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/v1/hosted-sessions/{}{rest}", self.base_url, self.id))
            .header(AUTHORIZATION, self.credentials.clone())
            .header(ACCEPT, "application/json");
        if let Some(origin) = &self.origin {
            request = request.header(ORIGIN, origin.clone());
        }
        if let Some(key) = key {
            request = request.header(KEY, key).header(CONTENT_TYPE, "application/json");
        }
        request.body(body.clone()).map_err(|_| GoViFiError::misconfigured())
    }
}

fn read<T: DeserializeOwned>(answer: &Response<Bytes>) -> Result<T, GoViFiError> {
    if answer.status() != StatusCode::OK {
        return Err(GoViFiError::refused(answer));
    }
    serde_json::from_slice(answer.body()).map_err(|_| GoViFiError::unreadable(answer.status()))
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.id).finish_non_exhaustive()
    }
}
