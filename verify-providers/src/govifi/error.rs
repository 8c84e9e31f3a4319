//! What GoViFi says no with.

use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Response, StatusCode};
use serde::Deserialize;
use verify_core::{FetchError, FetchErrorKind};

/// A longer wait than a day is somebody's mistake.
const LONGEST_WAIT: u64 = 24 * 3600;

/// The codes of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// The card was declined.
    CardDeclined,
    /// The card has expired.
    ExpiredCard,
    /// The card's code is wrong.
    IncorrectCvc,
    /// There is not enough money.
    InsufficientFunds,
    /// The payment was not processed.
    ProcessingError,
    /// The processor was not reached.
    NetworkError,
    /// The session is over, or there is none.
    SessionExpired,
    /// The request has not the right form.
    ValidationError,
    /// The page's origin is not registered.
    OriginNotAllowed,
    /// Too many requests, or too many messages: wait.
    RateLimited,
    /// The challenge has to be answered first.
    ChallengeRequired,
    /// The answer to the challenge is wrong.
    ChallengeFailed,
    /// It looks like a payment before.
    DuplicatePayment,
    /// The session is paid already.
    AlreadyConfirmed,
    /// The credential is not for this.
    InsufficientScope,
}

/// A refusal, or no answer that counts. Its text repeats nothing that was sent.
#[derive(Debug, thiserror::Error)]
#[error("GoViFi did not do it ({kind:?}{})", code.map(|code| format!(", {code:?}")).unwrap_or_default())]
pub struct GoViFiError {
    kind: ErrorKind,
    code: Option<ErrorCode>,
    recoverable: bool,
    status: Option<u16>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    source: Option<FetchError>,
}

/// What a [`GoViFiError`] means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A documented refusal, which has a [code](GoViFiError::code).
    Refused,
    /// The client does not call that address.
    Misconfigured,
    /// It was not reached, was too slow, or failed. What was asked may have happened.
    Unavailable,
    /// It answered something that is not documented. What was asked may have happened.
    Unreadable,
}

#[derive(Deserialize)]
struct Body {
    code: ErrorCode,
    #[serde(default)]
    recoverable: bool,
    request_id: Option<String>,
}

impl GoViFiError {
    /// What it means.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The documented code, of a refusal.
    #[must_use]
    pub const fn code(&self) -> Option<ErrorCode> {
        self.code
    }

    /// Whether the payer can put it right in place; otherwise it takes a new session. Unsaid, it is not.
    #[must_use]
    pub const fn is_recoverable(&self) -> bool {
        self.recoverable
    }

    /// The status of the answer, if there was one.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        self.status
    }

    /// The request's id, for GoViFi's support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// How long to wait, where the answer says so.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    pub(super) const fn misconfigured() -> Self {
        Self::new(ErrorKind::Misconfigured, None)
    }

    pub(super) fn unreadable(status: StatusCode) -> Self {
        Self::new(ErrorKind::Unreadable, Some(status.as_u16()))
    }

    pub(super) fn unanswered(error: FetchError) -> Self {
        let kind = match error.kind() {
            FetchErrorKind::Forbidden => ErrorKind::Misconfigured,
            _ => ErrorKind::Unavailable,
        };
        Self { source: Some(error), ..Self::new(kind, None) }
    }

    /// An answer that is not 200: a refusal if it is one of the API's own, and trouble of whatever stands in front of it if
    /// it is not.
    pub(super) fn refused(answer: &Response<Bytes>) -> Self {
        let status = answer.status().as_u16();
        let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let retry_after = seconds.map(|seconds: u64| Duration::from_secs(seconds.min(LONGEST_WAIT)));
        let body: Option<Body> = serde_json::from_slice(answer.body()).ok();
        let error = match body {
            Some(Body { code, recoverable, request_id }) if status >= 400 => {
                // An id that is none is no use to anybody.
                let request_id =
                    request_id.filter(|id| id.len() <= 128 && id.bytes().all(|b| b.is_ascii_graphic()));
                let refused = Self::new(ErrorKind::Refused, Some(status));
                Self { code: Some(code), recoverable, request_id, ..refused }
            }
            _ if status >= 500 || status == 429 => Self::new(ErrorKind::Unavailable, Some(status)),
            _ => Self::new(ErrorKind::Unreadable, Some(status)),
        };
        Self { retry_after, ..error }
    }

    const fn new(kind: ErrorKind, status: Option<u16>) -> Self {
        Self {
            kind,
            code: None,
            recoverable: false,
            status,
            request_id: None,
            retry_after: None,
            source: None,
        }
    }
}
