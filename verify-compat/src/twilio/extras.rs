//! What the original does not tell: header fields, which no client of it trips over.

use http::{HeaderName, HeaderValue};
use verify_core::Reply;

use crate::moment;
use crate::twilio::call::Call;
use crate::twilio::fault::Fault;
use crate::twilio::verification::Status;

const ATTEMPTS_LEFT: HeaderName = HeaderName::from_static("verify-attempts-left");
const EXPIRES_AT: HeaderName = HeaderName::from_static("verify-expires-at");
const STATUS: HeaderName = HeaderName::from_static("verify-status");

/// How many answers will yet be compared, and until when.
pub(crate) fn tell(reply: &mut Reply, left: Option<u64>, expires: u64) {
    if let Some(left) = left {
        reply.headers_mut().insert(ATTEMPTS_LEFT, left.into());
    }
    if let Ok(expires) = HeaderValue::try_from(moment::text(expires)) {
        reply.headers_mut().insert(EXPIRES_AT, expires);
    }
}

/// The 404 of a verification that is over, with how it ended.
pub(crate) fn over(call: &Call, status: Status) -> Fault {
    call.not_found().with(STATUS, HeaderValue::from_static(status.name()))
}
