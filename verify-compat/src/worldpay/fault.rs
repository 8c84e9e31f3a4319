//! What the API says no with: a status, a name and, for a body, every fault in it.

use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use verify_core::{Reply, StoreError};

use crate::worldpay::media::Version;
use crate::worldpay::{reader, reply};

/// A refusal.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    name: &'static str,
    message: &'static str,
    header: Option<&'static str>,
    faults: Vec<reader::Fault>,
    allowed: Option<&'static str>,
}

impl Fault {
    const fn of(status: StatusCode, name: &'static str, message: &'static str) -> Self {
        Self { status, name, message, header: None, faults: Vec::new(), allowed: None }
    }

    pub(super) const fn access_denied() -> Self {
        Self::of(StatusCode::UNAUTHORIZED, "accessDenied", "Access to the requested resource has been denied")
    }

    pub(super) const fn not_boarded() -> Self {
        Self::of(StatusCode::FORBIDDEN, "boardingError", "The merchant entity is not one of this account")
    }

    pub(super) const fn not_found() -> Self {
        Self::of(StatusCode::NOT_FOUND, "resourceNotFound", "Requested resource was not found")
    }

    pub(super) const fn not_ready() -> Self {
        Self::of(
            StatusCode::NOT_FOUND,
            "verificationNotReady",
            "The verification has concluded, but is not ready to be viewed. Please try again later.",
        )
    }

    pub(super) fn method_not_allowed(allowed: &'static str) -> Self {
        Self {
            allowed: Some(allowed),
            ..Self::of(StatusCode::METHOD_NOT_ALLOWED, "methodNotAllowed", "Requested method is not allowed")
        }
    }

    pub(super) fn header_is_missing(header: &'static str) -> Self {
        let message = "Mandatory header is missing";
        Self { header: Some(header), ..Self::of(StatusCode::BAD_REQUEST, "headerIsMissing", message) }
    }

    pub(super) fn header_has_invalid_value(header: &'static str) -> Self {
        let message = "Header has a value that is not allowed";
        Self { header: Some(header), ..Self::of(StatusCode::BAD_REQUEST, "headerHasInvalidValue", message) }
    }

    pub(super) const fn not_acceptable() -> Self {
        Self::of(StatusCode::NOT_ACCEPTABLE, "unsupportedAcceptHeader", "Accept header is not supported")
    }

    /// Version 6 has another name for it.
    pub(super) fn unsupported_type(version: Version) -> Self {
        let message = "Content-Type header is not supported";
        match version {
            Version::Five => Self::of(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupportedContentType", message),
            Version::Six => Self {
                header: Some("Content-Type"),
                ..Self::of(StatusCode::UNSUPPORTED_MEDIA_TYPE, "headerHasInvalidValue", message)
            },
        }
    }

    pub(super) const fn body_is_empty() -> Self {
        Self::of(StatusCode::BAD_REQUEST, "bodyIsEmpty", "The body within the request is empty")
    }

    pub(super) const fn body_is_not_json() -> Self {
        Self::of(StatusCode::BAD_REQUEST, "bodyIsNotJson", "The body within the request is not valid JSON")
    }

    pub(super) fn body_does_not_match(faults: Vec<reader::Fault>) -> Self {
        let message = "The JSON body provided does not match the expected schema";
        Self { faults, ..Self::of(StatusCode::BAD_REQUEST, "bodyDoesNotMatchSchema", message) }
    }

    /// The reference names another verification already, whatever became of that one.
    pub(super) fn duplicate() -> Self {
        let message = "The transaction reference has been used before";
        Self::body_does_not_match(vec![reader::Fault {
            name: "fieldHasInvalidValue",
            message,
            path: "$.transactionReference".to_owned(),
        }])
    }

    /// The body is too long, or broke off.
    pub(super) const fn body(too_large: bool) -> Self {
        match too_large {
            true => Self::of(
                StatusCode::PAYLOAD_TOO_LARGE,
                "bodyDoesNotMatchSchema",
                "The body within the request is too long",
            ),
            false => Self::body_is_not_json(),
        }
    }

    /// Whether the issuer was asked is not known to the caller: the reference stays used.
    pub(super) const fn internal(version: Version) -> Self {
        let name = match version {
            Version::Five => "internalErrorOccurred",
            Version::Six => "internalServerError",
        };
        Self::of(StatusCode::INTERNAL_SERVER_ERROR, name, "Internal server error occurred")
    }

    /// The store did not answer; each version has a name of its own for it.
    pub(super) fn store(version: Version) -> impl Fn(StoreError) -> Self {
        move |error| {
            tracing::error!(target: "verify", kind = ?error.kind(), "the store failed; the request is refused");
            Self::internal(version)
        }
    }

    pub(super) fn reply(self, correlation: &HeaderValue) -> Reply {
        let mut body = Map::new();
        body.insert("errorName".to_owned(), self.name.into());
        body.insert("message".to_owned(), self.message.into());
        if let Some(header) = self.header {
            body.insert("headerName".to_owned(), header.into());
        }
        if !self.faults.is_empty() {
            let fault = |fault: &reader::Fault| json!({ "errorName": fault.name, "message": fault.message, "jsonPath": fault.path });
            body.insert("validationErrors".to_owned(), self.faults.iter().map(fault).collect());
        }
        let body = Value::Object(body).to_string();
        let mut reply = reply::of(self.status, "application/json", body.into(), correlation);
        let mut put = |name: HeaderName, value: &'static str| {
            reply.headers_mut().insert(name, HeaderValue::from_static(value));
        };
        if self.status == StatusCode::UNAUTHORIZED {
            put(header::WWW_AUTHENTICATE, "Basic realm=\"verifications\"");
        }
        if let Some(allowed) = self.allowed {
            put(header::ALLOW, allowed);
        }
        reply
    }
}
