//! The layer, and the service that it makes.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;
use verify_core::{Decision, Engine, Gate, Policy, PolicyError};

use crate::future::ResponseFuture;
use crate::ruling;
use crate::view::View;

/// Puts a policy in front of whatever it wraps.
///
/// A request with a valid clearance is passed on by a plain function: no I/O, no await, no clone, and no allocation of its
/// own. (An answer that had no field yet needs a map for `Cache-Control`.) Everything else is answered by the engine. A
/// rejection is an answer, never an error.
///
/// The bodies of the request and of the answer are ones that can be made from bytes: axum's, `Full<Bytes>`, and for hyper and
/// all others [`EitherBody`](crate::EitherBody).
///
/// An error of the inner service passes through unchanged. For a transaction it counts as a 500: the approval is given back
/// where the policy says so. What a request has proven in line is lost with it, since an error carries no header fields.
#[derive(Clone, Debug)]
#[must_use]
pub struct ChallengeLayer {
    gate: Gate,
}

impl ChallengeLayer {
    /// Compiles the policy for this engine.
    ///
    /// # Errors
    /// When the policy makes no sense; see [`Engine::gate`].
    pub fn new(engine: &Engine, policy: Policy) -> Result<Self, PolicyError> {
        Ok(Self::from(engine.gate(policy)?))
    }
}

impl From<Gate> for ChallengeLayer {
    /// The same gate in front of several routers, or of a layer and a handler.
    fn from(gate: Gate) -> Self {
        Self { gate }
    }
}

impl<S> Layer<S> for ChallengeLayer {
    type Service = Challenge<S>;

    fn layer(&self, inner: S) -> Challenge<S> {
        Challenge { inner, gate: self.gate.clone() }
    }
}

/// A service behind a policy; made by [`ChallengeLayer`].
#[derive(Clone, Debug)]
pub struct Challenge<S> {
    inner: S,
    gate: Gate,
}

impl<S> Challenge<S> {
    /// The service behind the policy.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service behind the policy, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The service, without the policy.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B, R> Service<Request<B>> for Challenge<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Body<Data = Bytes> + From<Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    R: Body<Data = Bytes> + From<Bytes> + Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, R, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (inquiry, limit) = match self.gate.decide(&View::of(&request)) {
            Decision::Allow => return ResponseFuture::passing(self.inner.call(request)),
            Decision::Respond(reply) => return ResponseFuture::answer(reply),
            Decision::Consult(inquiry) => (inquiry, None),
            Decision::Read(inquiry, limit) => (inquiry, Some(limit)),
        };
        // The service that was polled ready goes along; its clone stays and has to be polled first.
        let clone = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, clone);
        ResponseFuture::ruling(ruling::rule(self.gate.clone(), inquiry, limit, request, ready))
    }
}
