//! What the API says no with: one of fifteen codes, whether the page can go on, and a request's id.

use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::json;
use verify_core::{Refused, Reply, StoreError};

/// The codes of the original. Its clients know no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    CardDeclined,
    ExpiredCard,
    IncorrectCvc,
    InsufficientFunds,
    ProcessingError,
    NetworkError,
    SessionExpired,
    ValidationError,
    OriginNotAllowed,
    RateLimited,
    ChallengeRequired,
    ChallengeFailed,
    DuplicatePayment,
    AlreadyConfirmed,
    InsufficientScope,
}

/// A refusal.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) recoverable: bool,
    /// Whether asking once more, unchanged, may end otherwise: such an answer is not kept for a repeated key.
    pub(crate) passing: bool,
    status: StatusCode,
    message: String,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Fault {
    pub(crate) fn new(status: u16, code: Code, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
            code,
            message: message.into(),
            recoverable: true,
            passing: false,
            header: None,
        }
    }

    /// The page cannot go on with this session.
    pub(crate) fn for_good(mut self) -> Self {
        self.recoverable = false;
        self
    }

    /// Whether something else stands in the way of it just now.
    pub(crate) fn is_conflict(&self) -> bool {
        self.status == StatusCode::CONFLICT
    }

    fn passing(mut self) -> Self {
        self.passing = true;
        self
    }

    pub(crate) fn with(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        self.header = value.try_into().ok().map(|value| (name, value));
        self
    }

    /// No such session, or none that these credentials may see. The original's codes know no "not found"; the page makes a
    /// new session either way.
    pub(crate) fn unknown() -> Self {
        Self::new(404, Code::SessionExpired, "There is no such session").for_good()
    }

    pub(crate) fn expired() -> Self {
        Self::new(410, Code::SessionExpired, "The session has expired").for_good()
    }

    pub(crate) fn confirmed() -> Self {
        Self::new(409, Code::AlreadyConfirmed, "The session is confirmed already").for_good()
    }

    /// Another confirmation is under way, or one broke off after the payment had begun.
    pub(crate) fn under_way() -> Self {
        let fault =
            Self::new(409, Code::ProcessingError, "A confirmation is under way, or its outcome unknown");
        fault.passing().with(header::RETRY_AFTER, 1_u64)
    }

    pub(crate) fn no_credentials() -> Self {
        let fault = Self::new(401, Code::InsufficientScope, "Authorization is missing or wrong").for_good();
        fault.with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    pub(crate) fn scope() -> Self {
        let message = "This credential is not for payments";
        Self::new(403, Code::InsufficientScope, message).for_good()
    }

    pub(crate) fn origin() -> Self {
        Self::new(403, Code::OriginNotAllowed, "This origin is not registered").for_good()
    }

    pub(crate) fn limited(message: &'static str, seconds: u64) -> Self {
        Self::new(429, Code::RateLimited, message).with(header::RETRY_AFTER, seconds.max(1))
    }

    pub(crate) fn no_path() -> Self {
        Self::new(404, Code::ValidationError, "Nothing is served here").for_good()
    }

    pub(crate) fn method(allow: &'static str) -> Self {
        let fault = Self::new(405, Code::ValidationError, "This method is not served here").for_good();
        fault.with(header::ALLOW, HeaderValue::from_static(allow))
    }

    /// Something that this needs did not answer; nobody is let through because of it.
    pub(crate) fn unavailable() -> Self {
        let fault = Self::new(503, Code::ProcessingError, "Try again in a moment").passing();
        fault.with(header::RETRY_AFTER, 5_u64)
    }

    /// The program lacks what this API needs, or what was noted cannot be read.
    pub(crate) fn internal() -> Self {
        Self::new(500, Code::ProcessingError, "This cannot be done").for_good()
    }

    pub(crate) fn body(too_large: bool) -> Self {
        match too_large {
            true => Self::new(413, Code::ValidationError, "The request body is too long"),
            false => Self::new(400, Code::ValidationError, "The request body broke off"),
        }
    }

    pub(crate) fn reply(self) -> Reply {
        let id = request_id();
        let body = json!({
            "code": self.code,
            "message": self.message,
            "recoverable": self.recoverable,
            "request_id": id,
        });
        let mut reply = crate::json::reply(self.status, &body);
        reply.headers_mut().extend(self.header);
        reply
    }
}

/// Another one for each answer; without randomness none has one of its own, and nothing hangs on it.
fn request_id() -> String {
    format!("req_{:016x}", getrandom::u64().unwrap_or_default())
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        tracing::error!(target: "verify", kind = ?error.kind(), "the store failed; the request is refused");
        Self::unavailable()
    }
}

impl From<serde_json::Error> for Fault {
    fn from(_: serde_json::Error) -> Self {
        tracing::error!(target: "verify", "a session cannot be read; the request is refused");
        Self::internal()
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        tracing::error!(target: "verify", kind = ?refused.kind(), "the engine refused; so is the request");
        Self::unavailable()
    }
}
