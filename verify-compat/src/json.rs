//! Answers in JSON.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use verify_core::Reply;

/// JSON, which nobody in between is to keep.
pub(crate) fn reply(status: StatusCode, body: &Value) -> Reply {
    text(status, body.to_string())
}

/// The same of a text that is JSON already.
pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut reply = Reply::new(body.into());
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}
