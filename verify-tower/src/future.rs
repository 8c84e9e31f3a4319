//! The future of a guarded service.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, Response};
use pin_project_lite::pin_project;
use verify_core::Reply;

use crate::ruling::answer;

type Boxed<R, E> = Pin<Box<dyn Future<Output = Result<Response<R>, E>> + Send>>;

pin_project! {
    /// What a guarded service is doing. Opaque; only a request that needs the store or its body costs an allocation.
    pub struct ResponseFuture<F, R, E> {
        #[pin]
        kind: Kind<F, R, E>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<F, R, E> {
        Passing { #[pin] future: F },
        Answer { reply: Option<Reply> },
        Ruling { future: Boxed<R, E> },
    }
}

impl<F, R, E> ResponseFuture<F, R, E> {
    pub(crate) fn passing(future: F) -> Self {
        Self { kind: Kind::Passing { future } }
    }

    pub(crate) fn answer(reply: Reply) -> Self {
        Self { kind: Kind::Answer { reply: Some(reply) } }
    }

    pub(crate) fn ruling(future: impl Future<Output = Result<Response<R>, E>> + Send + 'static) -> Self {
        Self { kind: Kind::Ruling { future: Box::pin(future) } }
    }
}

impl<F, R, E> Future for ResponseFuture<F, R, E>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: From<Bytes>,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut response = match self.project().kind.project() {
            KindProjection::Passing { future } => ready!(future.poll(cx))?,
            KindProjection::Ruling { future } => ready!(future.as_mut().poll(cx))?,
            KindProjection::Answer { reply } => {
                #[expect(
                    clippy::expect_used,
                    reason = "a future that is polled after it has completed is a caller's bug"
                )]
                let reply = reply.take().expect("polled after completion");
                return Poll::Ready(Ok(answer(reply)));
            }
        };
        forbid_caching(response.headers_mut());
        Poll::Ready(Ok(response))
    }
}

/// What one visitor was let in to see is not for a cache to show to the next (RFC 9111, 5.2.2.5).
pub(crate) fn forbid_caching(headers: &mut HeaderMap) {
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

impl<F, R, E> fmt::Debug for ResponseFuture<F, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
