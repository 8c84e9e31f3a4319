//! What receives the callbacks.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};
use verify_core::{Api, Engine, Heard, Reply};

use crate::phonesverification::report::{self, Said};

/// Receives the callbacks of [`PhonesVerification`](crate::PhonesVerification); made by
/// [`PhonesVerification::callbacks`](crate::PhonesVerification::callbacks), and mounted anywhere: the last segment of the path
/// is a call's token.
///
/// What is understood is answered with 200, believed or not, so that nobody learns which tokens there are and the service does
/// not ask again. What is not is answered with 400, and 503 asks for the same callback once more.
#[derive(Clone)]
pub struct PhonesVerificationCallbacks {
    engine: Engine,
}

impl PhonesVerificationCallbacks {
    pub(super) fn new(engine: &Engine) -> Self {
        Self { engine: engine.clone() }
    }

    async fn hear(&self, token: &str, query: &str) -> StatusCode {
        let report = match report::read(query) {
            None => return StatusCode::BAD_REQUEST,
            Some(Said::Underway) => return StatusCode::OK,
            Some(Said::Over(report)) => report,
        };
        match self.engine.hear(token, &report).await {
            Ok(Heard::Entered) => StatusCode::OK,
            Ok(_) => {
                tracing::debug!(target: "verify", "a callback was ignored: unknown, repeated, late, or about another call");
                StatusCode::OK
            }
            Err(error) => {
                tracing::error!(target: "verify", kind = ?error.kind(), "a callback could not be entered: {error}");
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

#[async_trait]
impl Api for PhonesVerificationCallbacks {
    async fn answer(&self, request: Request<Bytes>) -> Reply {
        if request.method() != Method::GET {
            let mut refused = reply(StatusCode::METHOD_NOT_ALLOWED);
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
            return refused;
        }
        let token = request.uri().path().rsplit('/').next().unwrap_or_default();
        reply(self.hear(token, request.uri().query().unwrap_or_default()).await)
    }

    fn refuse_body(&self, _: &http::request::Parts, _: bool) -> Reply {
        reply(StatusCode::BAD_REQUEST)
    }

    fn body_limit(&self) -> usize {
        1024
    }
}

fn reply(status: StatusCode) -> Reply {
    let text = if status == StatusCode::OK { "ok" } else { "this is no callback" };
    let mut reply = Reply::new(Bytes::from_static(text.as_bytes()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

impl fmt::Debug for PhonesVerificationCallbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhonesVerificationCallbacks")
    }
}
