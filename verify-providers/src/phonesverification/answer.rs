//! What the service answers to a call that is to be placed.

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use verify_core::{CodeHandle, CodeServiceError, CodeServiceErrorKind};

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Response")]
    response: Option<Placed>,
    #[serde(rename = "Status")]
    status: u32,
}

#[derive(Deserialize)]
struct Placed {
    id: u64,
}

/// The service's number for the call. The envelope's status counts, whatever the status of HTTP; the message may repeat a
/// number, so it goes nowhere.
pub(super) fn read(answer: &Response<Bytes>) -> Result<CodeHandle, CodeServiceError> {
    let Ok(Envelope { response, status }) = serde_json::from_slice(answer.body()) else {
        return Err(unavailable(format!("HTTP status {} without an envelope", answer.status().as_u16())));
    };
    let kind = match (status, response) {
        (0, Some(Placed { id })) => return Ok(CodeHandle::new(id.to_string())),
        // The call may have been placed all the same, so nothing is repeated.
        (0, None) => return Err(unavailable("status 0 without a number of the call".to_owned())),
        // Everything else that is sent is known to be well-formed, so this is the number.
        (4, _) => CodeServiceErrorKind::Refused,
        // Missing parameters, credentials; statuses, keywords and commands that this call does not have.
        (2 | 3 | 6..=8, _) => CodeServiceErrorKind::Misconfigured,
        _ => CodeServiceErrorKind::Unavailable,
    };
    Err(CodeServiceError::new(kind).with_source(format!("status {status}")))
}

fn unavailable(what: String) -> CodeServiceError {
    CodeServiceError::new(CodeServiceErrorKind::Unavailable).with_source(what)
}
