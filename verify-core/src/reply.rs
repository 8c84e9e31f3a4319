//! Answers: problems (RFC 9457), JSON, and the header fields that every answer of the engine bears.

use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::binding::BindError;
use crate::decision::Reply;
use crate::engine::Core;
use crate::inquiry::Asking;
use crate::limit::Wait;
use crate::problem::Problem;
use crate::refusal::Refusal;

/// Names the policy on every blocked answer, so that a program can tell a block from the application's own answers.
const CHALLENGE_REQUIRED: HeaderName = HeaderName::from_static("challenge-required");
/// Carries a clearance, both ways.
pub(crate) const CHALLENGE_CLEARANCE: HeaderName = HeaderName::from_static("challenge-clearance");

/// What decides between a page and JSON has to be in `Vary`, lest a cache mix them up.
const VARY: HeaderValue = HeaderValue::from_static("accept, cookie, sec-fetch-mode");

/// How an answer should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) page: bool,
    pub(crate) head: bool,
}

/// How a refusal is worded.
pub(crate) struct Words {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) recoverable: bool,
}

impl Refusal {
    pub(crate) fn words(self) -> Words {
        let (status, code, title, recoverable) = match self {
            Self::Invalid(_) => (400, "validation_error", "The request is not understood", true),
            Self::Wrong => (403, "challenge_failed", "The answer is wrong", true),
            Self::Pending => {
                (409, "answer_pending", "The PIN has not been dialled yet; ask again in a moment", true)
            }
            Self::Unanswered => (409, "answer_pending", "The call reached nobody; ask for another one", true),
            Self::Unsolved(_) => (403, "challenge_failed", "The captcha was not solved; solve another", true),
            Self::Declined => {
                (403, "challenge_failed", "The card did not pass; check it or take another", true)
            }
            Self::FellBack => {
                (503, "unavailable", "The captcha's vendor is down; start again with another way", false)
            }
            Self::Unpaid => {
                (403, "proof_required", "Something has to be proven before a message is sent", true)
            }
            Self::Locked | Self::LastTry => {
                (403, "challenge_failed", "Too many wrong answers; start again", false)
            }
            Self::AlreadyUsed => (
                409,
                "already_used",
                "The challenge is used, over or was never sent; ask for a new code",
                false,
            ),
            Self::SessionExpired => (410, "session_expired", "The challenge has expired; start again", false),
            Self::RateLimited(_) => (429, "rate_limited", "Too many requests; wait a little", true),
            Self::Unavailable => (503, "unavailable", "Verification is not available right now", true),
            Self::Foreign => (403, "origin_not_allowed", "The request comes from another site", false),
            Self::NotFound => (404, "not_found", "There is no such endpoint", false),
            Self::MethodNotAllowed(_) => {
                (405, "method_not_allowed", "The endpoint takes another method", false)
            }
            Self::UnsupportedMediaType => (415, "unsupported_media_type", "The body has to be JSON", false),
            Self::Executed => {
                (409, "already_executed", "This request was executed, or is being executed", false)
            }
            Self::OtherRequest => {
                (422, "idempotency_mismatch", "This idempotency key belongs to another request", false)
            }
            Self::TooSlow => {
                (408, "request_timeout", "The body took too long to arrive; send it again", true)
            }
            Self::TooLarge => (413, "too_large", "The body is too large", false),
            Self::Misconfigured => {
                (500, "misconfigured", "The application is not set up for this challenge", false)
            }
        };
        Words {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            code,
            title,
            recoverable,
        }
    }

    /// Header fields that the status calls for.
    fn headers(self, reply: &mut Reply) {
        let retry = match self {
            Self::RateLimited(wait) => Some(wait),
            Self::Unavailable => Some(Duration::from_secs(5)),
            _ => None,
        };
        if let Some(wait) = retry {
            // Coarse on purpose: a precise figure tells an attacker how the budgets are cut (OWASP, bots).
            let seconds = Wait::at_least(wait).retry_after().as_secs();
            reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Self::MethodNotAllowed(allowed) = self {
            reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
        }
    }
}

/// A refusal as `application/problem+json`.
pub(crate) fn problem(look: Look, refusal: Refusal) -> Reply {
    let words = refusal.words();
    let mut problem = Problem::new(&words);
    match refusal {
        Refusal::Invalid(detail) => problem.detail = Some(detail.into()),
        Refusal::Unanswered => problem.reason = Some("unanswered"),
        Refusal::Locked | Refusal::LastTry => problem.reason = Some("locked"),
        Refusal::Unsolved(kind) => problem.reason = Some(kind.name()),
        _ => {}
    }
    let mut reply = json(words.status, PROBLEM, &problem, look);
    refusal.headers(&mut reply);
    reply
}

/// A transaction that cannot be read: which field, and what to send instead.
pub(crate) fn unbindable(look: Look, error: &BindError) -> Reply {
    let words = unbindable_words();
    let mut problem = Problem::new(&words);
    problem.detail = Some(error.to_string().into());
    problem.field = error.field();
    json(words.status, PROBLEM, &problem, look)
}

pub(crate) fn unbindable_words() -> Words {
    Words {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        code: "validation_error",
        title: "The transaction is not understood",
        recoverable: true,
    }
}

/// The type of a problem (RFC 9457, section 3).
pub(crate) const PROBLEM: &str = "application/problem+json";

/// What nearly every answer fits into, so that it is written without being moved.
const USUAL_LENGTH: usize = 1000;

pub(crate) fn json(status: StatusCode, kind: &'static str, body: &impl Serialize, look: Look) -> Reply {
    let mut text = Vec::with_capacity(USUAL_LENGTH);
    if let Err(error) = serde_json::to_writer(&mut text, body) {
        // None of our bodies has a map with keys that are no text, which is all that could be wrong with one.
        tracing::error!(target: "verify", %error, "an answer could not be written");
    }
    plain(status, HeaderValue::from_static(kind), text.into(), look)
}

/// The answer to a CORS preflight: nothing, and no permission.
pub(crate) fn no_content() -> Reply {
    let mut reply = Response::new(Bytes::new());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// An answer that no cache keeps and no browser sniffs at.
pub(crate) fn plain(status: StatusCode, kind: HeaderValue, body: Bytes, look: Look) -> Reply {
    let length = body.len();
    let mut reply = Response::new(if look.head { Bytes::new() } else { body });
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    if look.head {
        // A server would take the length of the empty body, which is that of another answer (RFC 9110, 8.6).
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, VARY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}

/// An unchanging file of ours.
pub(crate) fn asset(kind: &'static str, body: &'static str, look: Look) -> Reply {
    let mut reply =
        plain(StatusCode::OK, HeaderValue::from_static(kind), Bytes::from_static(body.as_bytes()), look);
    reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    reply
}

/// Says which policy the request has to satisfy.
pub(crate) fn required(mut reply: Reply, policy: &str) -> Reply {
    if let Ok(name) = HeaderValue::from_str(policy) {
        reply.headers_mut().insert(CHALLENGE_REQUIRED, name);
    }
    reply
}

/// Asks for a more recent or a stronger authentication (RFC 9470, 3); `max_age` in seconds.
pub(crate) fn step_up(mut reply: Reply, policy: &str, max_age: u64) -> Reply {
    let text = format!(
        "Bearer error=\"insufficient_user_authentication\", \
         error_description=\"A different authentication level is required\", \
         acr_values=\"{policy}\", max_age=\"{max_age}\""
    );
    if let Ok(value) = HeaderValue::from_str(&text) {
        reply.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    reply
}

/// Puts a refusal's header fields on an answer that is a page.
pub(crate) fn with_refusal_headers(mut reply: Reply, refusal: Refusal) -> Reply {
    refusal.headers(&mut reply);
    reply
}

/// Sends the browser on with GET: the answer to a form that did its work.
pub(crate) fn see_other(target: &str, look: Look) -> Reply {
    let mut reply = plain(
        StatusCode::SEE_OTHER,
        HeaderValue::from_static("text/plain; charset=utf-8"),
        Bytes::new(),
        look,
    );
    if let Ok(location) = HeaderValue::from_str(target) {
        reply.headers_mut().insert(header::LOCATION, location);
    }
    reply
}

/// Adds the cookie of a visitor who was not known before.
pub(crate) fn with_visitor(mut reply: Reply, asking: &Asking) -> Reply {
    if let Some(id) = &asking.new_visitor {
        add_visitor(&mut reply, &asking.core, id);
    }
    reply
}

/// Adds the cookie of this visitor.
pub(crate) fn add_visitor(reply: &mut Reply, core: &Core, id: &str) {
    append_cookie(reply, &core.cookies.set_visitor(id));
}

/// Adds the clearance, as cookie and as header field.
pub(crate) fn with_headers(mut reply: Reply, headers: Vec<(HeaderName, HeaderValue)>) -> Reply {
    for (name, value) in headers {
        reply.headers_mut().append(name, value);
    }
    reply
}

fn append_cookie(reply: &mut Reply, cookie: &str) {
    if let Ok(mut value) = HeaderValue::from_str(cookie) {
        value.set_sensitive(true);
        reply.headers_mut().append(header::SET_COOKIE, value);
    }
}
