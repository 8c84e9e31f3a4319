//! What goes on when a request is answered.

use std::time::Duration;

use actix_web::http::header::HeaderValue;
use bytes::Bytes;
use http::StatusCode;
use verify_core::{Errand, Settlement};

/// Delivers in the background, so that the answer does not wait for the courier.
pub(crate) fn run(errand: Errand, deadline: Duration) {
    // The second wait is for a store that hangs as well when the errand wants to end what it has begun.
    actix_web::rt::spawn(tokio::time::timeout(
        deadline.saturating_mul(2),
        errand.run_within(tokio::time::sleep(deadline)),
    ));
}

/// Tells the settlement, in a task of its own: a client that leaves does not end it, and an answer waits for it no longer
/// than the deadline.
pub(crate) async fn tell(
    settlement: Settlement,
    status: StatusCode,
    kind: Option<HeaderValue>,
    body: Option<Bytes>,
    deadline: Duration,
) {
    if settlement.wants_body().is_none() && !status.is_server_error() {
        // Nothing is kept and nothing given back: no store is asked.
        return settlement.settle(status, None, None).await;
    }
    let settling = async move {
        settlement.settle(status, kind.as_ref().map(HeaderValue::as_bytes), body.as_deref()).await;
    };
    // The second wait is for a store that is late, and ends with one that hangs.
    let settling = actix_web::rt::spawn(tokio::time::timeout(deadline.saturating_mul(2), settling));
    tokio::time::timeout(deadline, settling).await.ok();
}
