//! The middleware, and the service that it makes.

use std::future::{Ready, ready};
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::error::InternalError;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use actix_web::{Error, HttpMessage, HttpResponse};
use bytes::Bytes;
use verify_core::{Decision, Engine, Gate, Inquiry, Passage, Policy, PolicyError, Reply, Ruling, Settlement};

use crate::bridge;
use crate::errand;
use crate::future::{ChallengeFuture, forbid_caching};
use crate::payload;
use crate::view::View;

/// Puts a policy in front of whatever it wraps: an app, a scope or a resource.
///
/// A request with a valid clearance is passed on by a plain function: no I/O, no await, no clone, and no allocation, but for
/// the one that actix makes when `Cache-Control` is the first field of an answer. A rejection is an answer, never an error,
/// so that the middleware around it sees it.
///
/// An error of what it wraps stays an error. Of a request that has proven something in line, or executes a transaction, it
/// comes out as an [`InternalError`](actix_web::error::InternalError) around it, whose answer is the error's own with the
/// new clearance on it; and the transaction is settled with that answer's status.
#[derive(Clone, Debug)]
#[must_use]
pub struct Challenge {
    gate: Gate,
}

impl Challenge {
    /// Compiles the policy for this engine.
    ///
    /// # Errors
    /// When the policy makes no sense; see [`Engine::gate`].
    pub fn new(engine: &Engine, policy: Policy) -> Result<Self, PolicyError> {
        Ok(Self::from(engine.gate(policy)?))
    }
}

impl From<Gate> for Challenge {
    /// The same gate in front of several scopes, or of a scope and a handler.
    fn from(gate: Gate) -> Self {
        Self { gate }
    }
}

impl<S, B> Transform<S, ServiceRequest> for Challenge
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B, BoxBody>>;
    type Error = Error;
    type Transform = ChallengeService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(ChallengeService { service: Rc::new(service), gate: self.gate.clone() }))
    }
}

/// A service behind a policy. Nameable, but not part of the API.
#[derive(Debug)]
pub struct ChallengeService<S> {
    service: Rc<S>,
    gate: Gate,
}

impl<S, B> Service<ServiceRequest> for ChallengeService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B, BoxBody>>;
    type Error = Error;
    type Future = ChallengeFuture<S::Future, B>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let decision = {
            let extensions = request.extensions();
            self.gate.decide(&View::new(request.request(), &extensions))
        };
        match decision {
            Decision::Allow => ChallengeFuture::passing(self.service.call(request)),
            Decision::Respond(reply) => ChallengeFuture::answer(answer(request, reply)),
            Decision::Consult(inquiry) => self.rule(request, inquiry, None),
            Decision::Read(inquiry, limit) => self.rule(request, inquiry, Some(limit)),
        }
    }
}

impl<S, B> ChallengeService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    /// Reads what has to be read, asks the gate, and passes on or answers.
    fn rule(
        &self,
        mut request: ServiceRequest,
        inquiry: Inquiry,
        limit: Option<usize>,
    ) -> <Self as Service<ServiceRequest>>::Future {
        let (service, gate) = (Rc::clone(&self.service), self.gate.clone());
        ChallengeFuture::ruling(async move {
            let mut body = Bytes::new();
            if let Some(limit) = limit {
                match payload::read(&mut request.take_payload(), limit, gate.deadline(), &inquiry).await {
                    Ok(bytes) => body = bytes,
                    Err(reply) => return Ok(answer(request, reply)),
                }
            }
            let late = inquiry.timed_out();
            let mut passage = match tokio::time::timeout(gate.deadline(), gate.rule(inquiry, body)).await {
                Err(_) => return Ok(answer(request, late)),
                Ok(Ruling::Respond(reply)) => return Ok(answer(request, reply)),
                Ok(Ruling::RespondThen(reply, errand)) => {
                    errand::run(*errand, gate.deadline());
                    return Ok(answer(request, reply));
                }
                Ok(Ruling::Allow(passage)) => passage,
            };
            if limit.is_some() {
                let headers = request.headers_mut();
                if headers.contains_key(CONTENT_LENGTH) {
                    headers.insert(CONTENT_LENGTH, HeaderValue::from(passage.body.len()));
                }
                request.set_payload(payload::replay(std::mem::take(&mut passage.body)));
            }
            let Passage { headers, settlement, .. } = passage;
            match service.call(request).await {
                Ok(response) => {
                    let (request, response) = response.into_parts();
                    let mut response = conclude(response, settlement, &headers, gate.deadline()).await;
                    forbid_caching(response.headers_mut());
                    Ok(ServiceResponse::new(request, response))
                }
                Err(error) if settlement.is_none() && headers.is_empty() => Err(error),
                // An error of actix is an answer that is still to be made. It stays an error for the middleware around.
                Err(error) => {
                    let response = conclude(error.error_response(), settlement, &headers, gate.deadline());
                    let response = response.await;
                    Err(InternalError::from_response(error, response.map_into_boxed_body()).into())
                }
            }
        })
    }
}

/// Settles with the answer, and puts the new clearance on it.
async fn conclude<B: MessageBody + 'static>(
    response: HttpResponse<B>,
    settlement: Option<Settlement>,
    headers: &[(http::HeaderName, http::HeaderValue)],
    deadline: Duration,
) -> HttpResponse<EitherBody<B>> {
    let mut response = match settlement {
        None => response.map_into_left_body(),
        Some(settlement) => settle(settlement, response, deadline).await,
    };
    bridge::append_passage(response.headers_mut(), headers);
    response
}

/// Tells how the handler has answered, with the answer's body where it is to be kept and is of a known, small size.
async fn settle<B: MessageBody + 'static>(
    settlement: Settlement,
    response: HttpResponse<B>,
    deadline: Duration,
) -> HttpResponse<EitherBody<B>> {
    let status = http::StatusCode::from_u16(response.status().as_u16()).unwrap_or_default();
    let kind = response.headers().get(CONTENT_TYPE).cloned();
    let length = match response.body().size() {
        BodySize::None => Some(0),
        BodySize::Sized(length) => Some(length),
        BodySize::Stream => None,
    };
    let known = settlement.wants_body().zip(length);
    let Some((_, length)) = known.filter(|(most, length)| *length <= *most as u64) else {
        errand::tell(settlement, status, kind, None, deadline).await;
        return response.map_into_left_body();
    };
    let (response, body) = response.into_parts();
    // It is the handler's, and takes the time that the handler takes.
    let whole = to_bytes(body).await.ok().filter(|bytes| bytes.len() as u64 == length);
    errand::tell(settlement, status, kind, whole.clone(), deadline).await;
    match whole {
        Some(bytes) => response.set_body(EitherBody::right(BoxBody::new(bytes))),
        None => broken_off(),
    }
}

/// What broke off is nothing to keep, and nothing to hand on: made of bytes, it would look whole. The client may ask once
/// more with its idempotency key, and is told that the request was executed.
fn broken_off<B>() -> HttpResponse<EitherBody<B>> {
    HttpResponse::InternalServerError().finish().map_into_right_body()
}

fn answer<B>(request: ServiceRequest, reply: Reply) -> ServiceResponse<EitherBody<B, BoxBody>> {
    let response = bridge::response(reply, request.method());
    request.into_response(response).map_into_right_body()
}
