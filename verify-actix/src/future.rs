//! The future of a guarded service.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::Error;
use actix_web::body::EitherBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderValue};
use pin_project_lite::pin_project;

type Answered<B> = ServiceResponse<EitherBody<B>>;
type Boxed<B> = Pin<Box<dyn Future<Output = Result<Answered<B>, Error>>>>;

pin_project! {
    /// What a guarded service is doing. Opaque; only a request that needs the store or its body costs an allocation.
    pub struct ChallengeFuture<F, B> {
        #[pin]
        kind: Kind<F, B>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<F, B> {
        Passing { #[pin] future: F },
        Answer { response: Option<Answered<B>> },
        Ruling { future: Boxed<B> },
    }
}

impl<F, B> ChallengeFuture<F, B> {
    pub(crate) fn passing(future: F) -> Self {
        Self { kind: Kind::Passing { future } }
    }

    pub(crate) fn answer(response: Answered<B>) -> Self {
        Self { kind: Kind::Answer { response: Some(response) } }
    }

    pub(crate) fn ruling(future: impl Future<Output = Result<Answered<B>, Error>> + 'static) -> Self {
        Self { kind: Kind::Ruling { future: Box::pin(future) } }
    }
}

impl<F, B> Future for ChallengeFuture<F, B>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
{
    type Output = Result<Answered<B>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match self.project().kind.project() {
            KindProjection::Passing { future } => {
                let mut response = ready!(future.poll(cx))?;
                forbid_caching(response.headers_mut());
                Ok(response.map_into_left_body())
            }
            KindProjection::Ruling { future } => ready!(future.as_mut().poll(cx)),
            KindProjection::Answer { response } => {
                #[expect(
                    clippy::expect_used,
                    reason = "a future that is polled after it has completed is a caller's bug"
                )]
                let response = response.take().expect("polled after completion");
                Ok(response)
            }
        })
    }
}

/// What one visitor was let in to see is not for a cache to show to the next (RFC 9111, 5.2.2.5).
pub(crate) fn forbid_caching(headers: &mut HeaderMap) {
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

impl<F, B> fmt::Debug for ChallengeFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChallengeFuture").finish_non_exhaustive()
    }
}
