//! Answers.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use verify_core::Reply;

/// JSON, which nobody in between is to keep.
pub(crate) fn json(status: StatusCode, body: &Value) -> Reply {
    let mut reply = Reply::new(Bytes::from(body.to_string()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// Something was made.
pub(crate) fn created(body: &Value) -> Reply {
    json(StatusCode::CREATED, body)
}

/// Something was found, or changed.
pub(crate) fn ok(body: &Value) -> Reply {
    json(StatusCode::OK, body)
}

/// Something is gone.
pub(crate) fn gone() -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply
}
