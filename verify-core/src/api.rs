//! An HTTP API of one's own over the engine, which every adapter can mount.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{HeaderValue, Request, StatusCode};

use crate::courier::DEFAULT_DEADLINE;
use crate::decision::Reply;

/// A plain function from a whole request to a whole answer. `verify-tower` mounts it with `ApiService`, `verify-actix`
/// with `api`, so that what it answers is the same on both.
///
/// The request's URI is the one that the client asked for, with nothing cut off by nested routers.
///
/// ```
/// use async_trait::async_trait;
/// use bytes::Bytes;
/// use verify_core::{Api, Reply};
///
/// struct Echo;
///
/// #[async_trait]
/// impl Api for Echo {
///     async fn answer(&self, request: http::Request<Bytes>) -> Reply {
///         Reply::new(request.into_body())
///     }
///
///     fn refuse_body(&self, _: &http::request::Parts, too_large: bool) -> Reply {
///         let mut reply = Reply::default();
///         *reply.status_mut() = http::StatusCode::from_u16(if too_large { 413 } else { 400 }).unwrap_or_default();
///         reply
///     }
/// }
/// ```
#[async_trait]
pub trait Api: Send + Sync + 'static {
    /// Answers one request. An adapter waits for it as long as the [deadline](Api::deadline) says.
    async fn answer(&self, request: Request<Bytes>) -> Reply;

    /// How long an answer may take. Default: 10 seconds, as for everything that an engine waits for.
    fn deadline(&self) -> Duration {
        DEFAULT_DEADLINE
    }

    /// How long it may take after an answer to do what is [left](crate::Errand::leave_with). Default: as long as the
    /// [answer](Api::deadline).
    fn errand_deadline(&self) -> Duration {
        self.deadline()
    }

    /// What to answer to the request of that head where the [deadline](Api::deadline) has passed. What was asked for may have
    /// been done all the same. Default: 503 with `Retry-After`, and an empty body.
    fn too_late(&self, _head: &Parts) -> Reply {
        let mut reply = Reply::default();
        *reply.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        reply
    }

    /// What to answer to the request of that head where its body is longer than [`body_limit`](Api::body_limit), or broke off or
    /// took longer than [`body_deadline`](Api::body_deadline).
    fn refuse_body(&self, head: &Parts, too_large: bool) -> Reply;

    /// Most bytes of a body. Default: 64 KiB, more than any form of a verification API needs.
    fn body_limit(&self) -> usize {
        64 * 1024
    }

    /// How long a body may take to arrive. Default: 10 seconds, as the engine's own
    /// [deadline](crate::EngineBuilder::deadline), so that nobody holds memory by sending slowly.
    fn body_deadline(&self) -> Duration {
        Duration::from_secs(10)
    }
}

#[async_trait]
impl<A: Api + ?Sized> Api for Arc<A> {
    async fn answer(&self, request: Request<Bytes>) -> Reply {
        (**self).answer(request).await
    }

    fn deadline(&self) -> Duration {
        (**self).deadline()
    }

    fn errand_deadline(&self) -> Duration {
        (**self).errand_deadline()
    }

    fn too_late(&self, head: &Parts) -> Reply {
        (**self).too_late(head)
    }

    fn refuse_body(&self, head: &Parts, too_large: bool) -> Reply {
        (**self).refuse_body(head, too_large)
    }

    fn body_limit(&self) -> usize {
        (**self).body_limit()
    }

    fn body_deadline(&self) -> Duration {
        (**self).body_deadline()
    }
}
