//! The documented results: an id, a text and a status. Clients match on the id.

use http::StatusCode;
use serde_json::json;
use verify_core::Reply;

/// What becomes of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Send {
    Sent,
    TooEarly,
    Exceeded,
    Dead,
}

/// What becomes of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    Right,
    Wrong,
    Expired,
    Exceeded,
    Dead,
}

impl Send {
    pub(crate) fn reply(self) -> Reply {
        let (id, message) = match self {
            Self::Sent => (0, "Verification code has been sent"),
            Self::TooEarly => (1, "Resend requested too early"),
            Self::Exceeded => (2, "Resends exceeded"),
            Self::Dead => (3, "Cannot verify transaction"),
        };
        reply(id, message)
    }
}

impl Check {
    pub(crate) fn reply(self) -> Reply {
        let (id, message) = match self {
            Self::Right => (0, "Successful verification"),
            Self::Wrong => (1, "Verification code does not match"),
            Self::Expired => (2, "Transaction has expired"),
            Self::Exceeded => (3, "Maximum tries exceeded"),
            Self::Dead => (4, "Cannot verify transaction"),
        };
        reply(id, message)
    }
}

/// Exactly 200 for success: the vendor's library takes every other status for an error.
pub(crate) fn reply(id: u8, message: &str) -> Reply {
    let status = if id == 0 { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    crate::json::reply(status, &json!({ "message_id": id, "message": message }))
}
