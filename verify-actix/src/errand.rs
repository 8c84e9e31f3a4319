//! What is left to do once a request is answered.

use std::time::Duration;

use verify_core::Errand;

/// Delivers in the background, so that the answer does not wait for the courier.
pub(crate) fn run(errand: Errand, deadline: Duration) {
    // The second wait is for a store that hangs as well when the errand wants to end what it has begun.
    actix_web::rt::spawn(tokio::time::timeout(deadline * 2, errand.run_within(tokio::time::sleep(deadline))));
}
