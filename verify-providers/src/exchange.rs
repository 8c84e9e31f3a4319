//! Asking a service for something that is not to happen twice.

use bytes::Bytes;
use http::{Request, Response};
use verify_core::{Fetch, FetchError, FetchErrorKind};

/// Sends a request, and once more if it certainly never left: whatever may have arrived has cost a message, a try or a payment.
pub(crate) async fn again_if_unsent<E>(
    client: &dyn Fetch,
    request: impl Fn() -> Result<Request<Bytes>, E>,
    failed: impl FnOnce(FetchError) -> E,
) -> Result<Response<Bytes>, E> {
    let first = client.fetch(request()?).await;
    let answer = match first {
        Err(error) if error.kind() == FetchErrorKind::Unsent => client.fetch(request()?).await,
        answer => answer,
    };
    answer.map_err(failed)
}
