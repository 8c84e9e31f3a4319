//! Answers that are none of the documented results: their id is `null`, so that no client takes one for a result.

use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use verify_core::{Refused, Reply, StoreError};

/// A request that is refused before there could be a result.
#[derive(Debug)]
pub(crate) struct Fault {
    status: StatusCode,
    message: &'static str,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Fault {
    fn new(status: StatusCode, message: &'static str) -> Self {
        Self { status, message, header: None }
    }

    pub(crate) fn credentials() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Bad credentials")
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found")
    }

    pub(crate) fn method() -> Self {
        let allow = Some((header::ALLOW, HeaderValue::from_static("POST")));
        Self { header: allow, ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed") }
    }

    pub(crate) fn invalid(message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn body(too_large: bool) -> Self {
        match too_large {
            true => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "The request body is too long"),
            false => Self::new(StatusCode::BAD_REQUEST, "The request body broke off"),
        }
    }

    /// Something that this needs did not answer; nobody is let through because of it.
    pub(crate) fn unavailable() -> Self {
        let wait = Some((header::RETRY_AFTER, HeaderValue::from_static("5")));
        Self { header: wait, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "Service unavailable") }
    }

    /// The engine lacks what this API needs.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
    }

    pub(crate) fn reply(self) -> Reply {
        let body = json!({ "message_id": Value::Null, "message": self.message });
        let mut reply = crate::json::reply(self.status, &body);
        reply.headers_mut().extend(self.header);
        reply
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        tracing::error!(target: "verify", kind = ?error.kind(), "the store failed; the request is refused");
        Self::unavailable()
    }
}

/// What was noted cannot be read any more: a newer version wrote it.
impl From<serde_json::Error> for Fault {
    fn from(_: serde_json::Error) -> Self {
        tracing::error!(target: "verify", "a transaction cannot be read; the request is refused");
        Self::internal()
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        tracing::error!(target: "verify", kind = ?refused.kind(), "the engine refused; so is the request");
        Self::unavailable()
    }
}
