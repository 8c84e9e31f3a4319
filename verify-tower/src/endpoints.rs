//! The endpoints as a service.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower_service::Service;
use verify_core::{Decision, Endpoints, Engine, RequestView, Ruling};

use crate::ruling::{answer, read, run};
use crate::view::View;

/// `send`, `check`, `status`, `cancel` and the page's files, to be mounted at the engine's mount path: in axum with
/// `.nest_service("/challenge", EndpointService::new(&engine))`. Whatever else is below that path is answered with 404.
#[derive(Clone, Debug)]
pub struct EndpointService {
    endpoints: Endpoints,
}

impl EndpointService {
    /// The endpoints of this engine.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        Self { endpoints: engine.endpoints() }
    }
}

impl<B> Service<Request<B>> for EndpointService
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
        let view = View::of(&request);
        // Below the mount path, or as a router has left it that has cut the mount path off.
        let below = view.path().strip_prefix(self.endpoints.mount()).unwrap_or(request.uri().path());
        let decision = self.endpoints.decide_at(below.strip_prefix('/').unwrap_or_default(), &view);
        let endpoints = self.endpoints.clone();
        Box::pin(async move {
            let (inquiry, limit) = match decision {
                Decision::Respond(reply) => return Ok(answer(reply)),
                Decision::Read(inquiry, limit) => (inquiry, limit),
                // Endpoints are asked for an answer and never for passage.
                Decision::Consult(inquiry) => (inquiry, 0),
                Decision::Allow => return Ok(answer(Response::default())),
            };
            let deadline = endpoints.deadline();
            let bytes = match read(request.into_body(), limit, deadline, &inquiry).await {
                Ok(bytes) => bytes,
                Err(reply) => return Ok(answer(reply)),
            };
            let late = inquiry.timed_out();
            Ok(answer(match tokio::time::timeout(deadline, endpoints.rule(inquiry, bytes)).await {
                Ok(Ruling::Respond(reply)) => reply,
                Ok(Ruling::RespondThen(reply, errand)) => {
                    run(*errand, deadline);
                    reply
                }
                Ok(Ruling::Allow(_)) | Err(_) => late,
            }))
        })
    }
}
