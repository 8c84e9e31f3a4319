//! What is left to do once a request is answered.

use std::time::Duration;

use verify_core::Errand;

/// Delivers in the background, so that the answer does not wait for the courier.
pub(crate) fn run(errand: Errand, deadline: Duration) {
    actix_web::rt::spawn(tokio::time::timeout(deadline, errand.run()));
}
