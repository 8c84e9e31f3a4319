//! Twisto's Verification API: a payment's customer gets a code, and no invoice is made before it was right.
//!
//! [`Twisto`] makes the two calls. [`TwistoCodes`] puts it behind an engine's code factor.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;
use verify_core::{Fetch, FetchError, FetchErrorKind};
use zeroize::Zeroizing;

use crate::exchange::again_if_unsent;

mod codes;

pub use codes::{Transactions, TwistoCodes};

/// A second send comes no sooner than so long after the end of the evaluation.
const RESEND_AFTER: Duration = Duration::from_secs(10);

/// A client with one pair of keys. Cheap to clone.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::SystemTime;
/// use verify_providers::HttpClient;
/// use verify_providers::twisto::{ErrorKind, TransactionId, Twisto};
///
/// // Nobody listens there.
/// let twisto = Twisto::new(HttpClient::new()?, "public", "secret")?.base_url("http://127.0.0.1:1/v2")?;
/// let transaction = TransactionId::new("4711", SystemTime::UNIX_EPOCH)?;
/// // What is no documented answer is an error, and never a wrong code.
/// let error = twisto.verify(&transaction, "1234").await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Unavailable);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Twisto {
    client: Arc<dyn Fetch>,
    credentials: HeaderValue,
    base_url: String,
}

/// A transaction that was evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionId {
    id: String,
    evaluation_ended_at: SystemTime,
}

/// What becomes of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sent {
    /// The code is on its way (0).
    Sent,
    /// Not before this moment (1).
    TooEarly {
        /// Ten seconds after the end of the evaluation.
        retry_at: SystemTime,
    },
    /// No further message: take the button away (2).
    SendsExhausted,
    /// This transaction cannot be verified, and no later send changes that (3).
    Dead,
}

/// What becomes of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Checked {
    /// It is right: make the invoice (0).
    Passed,
    /// It is wrong, or was empty (1).
    Mismatch,
    /// The transaction has expired (2).
    Expired,
    /// Too many codes were wrong (3).
    Exhausted,
    /// This transaction cannot be verified (4).
    Dead,
}

/// What [`Twisto`] was given makes no sense. It repeats nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TwistoError {
    /// Not a key.
    #[error("a key is visible ASCII, and a public key has no comma")]
    Key,
    /// Not an id.
    #[error("a transaction's id is 1 to 128 letters, digits, `-`, `_` and `.`")]
    Transaction,
    /// Not an address to call.
    #[error("the base URL is https without a query; plain http only to this machine")]
    BaseUrl,
}

/// A call without a documented answer. It never repeats a code or a key.
#[derive(Debug, thiserror::Error)]
#[error("Twisto gave no answer that counts ({kind:?}{})", status.map(|status| format!(", status {status}")).unwrap_or_default())]
pub struct CallError {
    kind: ErrorKind,
    status: Option<u16>,
    source: Option<FetchError>,
}

/// What a [`CallError`] means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The keys are wrong, or the client does not call that address: trying again does not help.
    Misconfigured,
    /// It was not reached, was too slow, or failed. A later attempt may work; a code may have been counted.
    Unavailable,
    /// It answered something that is not documented: an unknown id, a status that does not go with it, no JSON.
    Unreadable,
}

impl TransactionId {
    /// A transaction's id, and when its evaluation ended: all waits run from there.
    ///
    /// # Errors
    /// When the id would not stand in a path.
    pub fn new(id: impl Into<String>, evaluation_ended_at: SystemTime) -> Result<Self, TwistoError> {
        let id = id.into();
        let fits = (1..=128).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
            && !matches!(id.as_str(), "." | "..");
        if fits { Ok(Self { id, evaluation_ended_at }) } else { Err(TwistoError::Transaction) }
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl CallError {
    /// What it means.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The status of the answer, if there was one.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        self.status
    }

    fn of(kind: ErrorKind, status: StatusCode) -> Self {
        Self { kind, status: Some(status.as_u16()), source: None }
    }
}

#[derive(Deserialize)]
struct Body {
    message_id: Option<u8>,
}

impl Twisto {
    /// A client for this pair of keys. Calls nobody yet.
    ///
    /// # Errors
    /// When a key could not stand in a header field.
    pub fn new(client: impl Fetch, public: &str, secret: &str) -> Result<Self, TwistoError> {
        let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !visible(public) || public.contains(',') || !visible(secret) {
            return Err(TwistoError::Key);
        }
        let pair = Zeroizing::new(format!("{public},{secret}"));
        let mut credentials = HeaderValue::from_str(&pair).map_err(|_| TwistoError::Key)?;
        credentials.set_sensitive(true);
        let base_url = "https://api.twisto.cz/v2".to_owned();
        Ok(Self { client: Arc::new(client), credentials, base_url })
    }

    /// Another server that speaks this API, up to its version, as `https://verify.example/twisto/v2`. Default:
    /// `https://api.twisto.cz/v2`, whose Verification API is switched off at present.
    ///
    /// # Errors
    /// When it is not https, unless it is this machine: keys and codes travel there.
    pub fn base_url(mut self, url: &str) -> Result<Self, TwistoError> {
        self.base_url = crate::base_url::safe(url).ok_or(TwistoError::BaseUrl)?;
        Ok(self)
    }

    /// Has the code sent, or sent once more. Repeated by itself only if it certainly never left, since each message counts.
    ///
    /// # Errors
    /// For whatever is no documented answer.
    pub async fn send(&self, transaction: &TransactionId) -> Result<Sent, CallError> {
        let id = self.post(transaction, "verification/send/", Bytes::new()).await?;
        Ok(match id {
            (0, _) => Sent::Sent,
            (1, _) => Sent::TooEarly { retry_at: transaction.evaluation_ended_at + RESEND_AFTER },
            (2, _) => Sent::SendsExhausted,
            (3, _) => Sent::Dead,
            (_, status) => return Err(CallError::of(ErrorKind::Unreadable, status)),
        })
    }

    /// Has a code checked. Repeated by itself only if it certainly never left, since each code counts.
    ///
    /// # Errors
    /// For whatever is no documented answer: it is neither right nor wrong.
    pub async fn verify(&self, transaction: &TransactionId, code: &str) -> Result<Checked, CallError> {
        let body = json!({ "code": code }).to_string();
        Ok(match self.post(transaction, "verification/", body.into()).await? {
            (0, _) => Checked::Passed,
            (1, _) => Checked::Mismatch,
            (2, _) => Checked::Expired,
            (3, _) => Checked::Exhausted,
            (4, _) => Checked::Dead,
            (_, status) => return Err(CallError::of(ErrorKind::Unreadable, status)),
        })
    }

    async fn post(
        &self,
        transaction: &TransactionId,
        rest: &str,
        body: Bytes,
    ) -> Result<(u8, StatusCode), CallError> {
        let url = format!("{}/check/{}/{rest}", self.base_url, transaction.id);
        let request = || {
            Request::post(&url)
                .header(AUTHORIZATION, self.credentials.clone())
                .header(CONTENT_TYPE, "application/json")
                .header(ACCEPT, "application/json")
                .body(body.clone())
                .map_err(|_| CallError { kind: ErrorKind::Misconfigured, status: None, source: None })
        };
        read(&again_if_unsent(&*self.client, request, unanswered).await?)
    }
}

fn unanswered(error: FetchError) -> CallError {
    let kind = match error.kind() {
        FetchErrorKind::Forbidden => ErrorKind::Misconfigured,
        _ => ErrorKind::Unavailable,
    };
    CallError { kind, status: None, source: Some(error) }
}

/// The id, if it goes with its status: success is 200 and 0, and everything else that is documented 400 and another id.
fn read(answer: &Response<Bytes>) -> Result<(u8, StatusCode), CallError> {
    let status = answer.status();
    let kind = match status.as_u16() {
        200 | 400 => {
            let id = serde_json::from_slice(answer.body()).ok().and_then(|body: Body| body.message_id);
            match id {
                Some(id) if (id == 0) == (status == StatusCode::OK) => return Ok((id, status)),
                _ => ErrorKind::Unreadable,
            }
        }
        401 | 403 | 404 | 405 => ErrorKind::Misconfigured,
        429 | 500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::Unreadable,
    };
    Err(CallError::of(kind, status))
}

impl fmt::Debug for Twisto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twisto").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}
