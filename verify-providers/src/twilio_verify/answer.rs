//! What Twilio Verify answers, as far as it counts.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::RETRY_AFTER;
use serde::Deserialize;
use verify_core::{CodeServiceError, CodeServiceErrorKind, PaymentText};

use crate::twilio_verify::meaning::{Call, Meaning, meaning};

/// Longer than any window of this API; a longer wait is somebody's mistake.
const LONGEST_WAIT: u64 = 24 * 3600;

/// A verification, or the answer to a check.
#[derive(Deserialize)]
pub(super) struct Verification {
    pub(super) sid: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) valid: bool,
    amount: Option<String>,
    payee: Option<String>,
}

impl Verification {
    pub(super) fn read(body: &Bytes) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// Whether it is about exactly this payment. Without one nothing has to be linked.
    pub(super) fn is_linked_to(&self, payment: Option<&PaymentText>) -> bool {
        payment.is_none_or(|payment| {
            self.amount.as_deref() == Some(payment.amount()) && self.payee.as_deref() == Some(payment.payee())
        })
    }
}

/// An error of the API, or of whatever stands in front of it.
pub(super) struct Refusal {
    status: u16,
    code: Option<u32>,
    message: String,
    retry_after: Option<Duration>,
}

#[derive(Deserialize)]
struct Body {
    code: u32,
    #[serde(default)]
    message: String,
}

impl Refusal {
    pub(super) fn read(answer: &Response<Bytes>) -> Self {
        let body: Option<Body> = serde_json::from_slice(answer.body()).ok();
        let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let (code, message) = body.map_or((None, String::new()), |body| (Some(body.code), body.message));
        Self {
            status: answer.status().as_u16(),
            code,
            message,
            retry_after: seconds.map(|seconds: u64| Duration::from_secs(seconds.min(LONGEST_WAIT))),
        }
    }

    pub(super) fn meaning(&self, call: Call) -> Meaning {
        meaning(call, self.status, self.code, &self.message)
    }

    /// Status and code go along; the message may repeat an address, so it does not.
    pub(super) fn error(&self, call: Call) -> CodeServiceError {
        let kind = match self.meaning(call) {
            Meaning::Unreachable => CodeServiceErrorKind::Refused,
            Meaning::Limited | Meaning::Locked => CodeServiceErrorKind::RateLimited,
            Meaning::Misconfigured => CodeServiceErrorKind::Misconfigured,
            Meaning::Unavailable | Meaning::Wrong | Meaning::Gone => CodeServiceErrorKind::Unavailable,
        };
        let code = self.code.map(|code| format!(", code {code}")).unwrap_or_default();
        let error = CodeServiceError::new(kind).with_source(format!("status {}{code}", self.status));
        match self.retry_after {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }
}
