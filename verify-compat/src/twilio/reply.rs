//! Answers.

use http::StatusCode;
use serde_json::Value;
use verify_core::Reply;

use crate::json;

/// Something was made.
pub(crate) fn created(body: &Value) -> Reply {
    json::reply(StatusCode::CREATED, body)
}

/// Something was found, or changed.
pub(crate) fn ok(body: &Value) -> Reply {
    json::reply(StatusCode::OK, body)
}

/// Something is gone.
pub(crate) fn gone() -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply
}
