//! An API over the engine as a service.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use tower_service::Service;
use verify_core::{Api, Errand};

use crate::ruling::{answer, run};
use crate::view;

/// Mounts an [`Api`] in one line: in axum with `.nest_service("/v2", ApiService::new(api))`, or as the fallback.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::{Router, body::Body, http::Request};
/// use bytes::Bytes;
/// use tower::ServiceExt;
/// use verify_core::{Api, Reply};
/// use verify_tower::ApiService;
///
/// struct Paths;
///
/// #[async_trait::async_trait]
/// impl Api for Paths {
///     async fn answer(&self, request: http::Request<Bytes>) -> Reply {
///         Reply::new(Bytes::from(request.uri().path().to_owned()))
///     }
///
///     fn refuse_body(&self, _: &http::request::Parts, _: bool) -> Reply {
///         let mut reply = Reply::default();
///         *reply.status_mut() = http::StatusCode::PAYLOAD_TOO_LARGE;
///         reply
///     }
///
///     fn body_limit(&self) -> usize {
///         3
///     }
/// }
///
/// let app: Router = Router::new().nest_service("/v2", ApiService::new(Paths));
/// let asked = app.clone().oneshot(Request::get("/v2/here").body(Body::empty())?).await?;
/// assert_eq!(axum::body::to_bytes(asked.into_body(), 99).await?, "/v2/here");
/// let refused = app.oneshot(Request::post("/v2/here").body(Body::from("long"))?).await?;
/// assert_eq!(refused.status(), 413);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ApiService {
    api: Arc<dyn Api>,
}

impl ApiService {
    /// This API as a service.
    #[must_use]
    pub fn new(api: impl Api) -> Self {
        Self { api: Arc::new(api) }
    }
}

impl<B> Service<Request<B>> for ApiService
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let api = Arc::clone(&self.api);
        let (mut parts, body) = request.into_parts();
        if let Some(uri) = view::original_uri(&parts.extensions) {
            parts.uri = uri.clone();
        }
        Box::pin(async move {
            let body = Limited::new(body, api.body_limit()).collect();
            let mut reply = match tokio::time::timeout(api.body_deadline(), body).await {
                Ok(Ok(body)) => {
                    let answer = api.answer(Request::from_parts(parts.clone(), body.to_bytes()));
                    tokio::time::timeout(api.deadline(), answer)
                        .await
                        .unwrap_or_else(|_| api.too_late(&parts))
                }
                Ok(Err(error)) => api.refuse_body(&parts, error.is::<LengthLimitError>()),
                Err(_) => api.refuse_body(&parts, false),
            };
            if let Some(errand) = Errand::left_with(&mut reply) {
                run(errand, api.errand_deadline());
            }
            Ok(answer(reply))
        })
    }
}

impl fmt::Debug for ApiService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiService").finish_non_exhaustive()
    }
}
