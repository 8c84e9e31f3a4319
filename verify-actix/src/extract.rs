//! Asking inside a handler: a guard for decisions that need parsed data, and an extractor for handlers that must not
//! compile without the proof.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, Responder, ResponseError};
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use verify_core::{Decision, Gate, Reply, Ruling};

use crate::bridge;
use crate::errand;
use crate::view::View;

/// Asks for a proof inside a handler, where more is known than a middleware can see.
///
/// ```
/// use actix_web::{Responder, web};
/// use verify_actix::{Blocked, Guard};
/// use verify_core::Gate;
///
/// # struct Bank { large: Gate }
/// # #[derive(serde::Deserialize)] struct Amount { cents: u64 }
/// async fn withdraw(guard: Guard, bank: web::Data<Bank>, amount: web::Query<Amount>) -> Result<impl Responder, Blocked> {
///     if amount.cents > 10_000 {
///         return Ok(guard.require(&bank.large).await?.with("done"));
///     }
///     Ok(guard.pass().with("done"))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Guard {
    request: HttpRequest,
}

impl FromRequest for Guard {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self { request: request.clone() }))
    }
}

impl Guard {
    /// Lets the handler go on, or hands it the answer to give instead. A body that the handler has read is out of
    /// reach here: a browser whose form is blocked is told to send it again.
    ///
    /// # Errors
    /// [`Blocked`], which is the answer: return it.
    pub async fn require(&self, gate: &Gate) -> Result<Pass, Blocked> {
        require(&self.request, gate).await
    }

    /// A pass for a request that needs no proof after all.
    pub fn pass(&self) -> Pass {
        Pass { headers: Vec::new() }
    }
}

async fn require(request: &HttpRequest, gate: &Gate) -> Result<Pass, Blocked> {
    let decision = {
        let extensions = request.extensions();
        gate.decide_without_body(&View::new(request, &extensions))
    };
    let inquiry = match decision {
        Decision::Allow => return Ok(Pass { headers: Vec::new() }),
        Decision::Respond(reply) => return Err(Blocked::new(request, reply)),
        Decision::Consult(inquiry) => inquiry,
        Decision::Read(inquiry, _) => return Err(Blocked::new(request, inquiry.unreadable())),
    };
    let late = inquiry.timed_out();
    match tokio::time::timeout(gate.deadline(), gate.rule(inquiry, Bytes::new())).await {
        Ok(Ruling::Allow(passage)) => Ok(Pass { headers: passage.headers }),
        Ok(Ruling::Respond(reply)) => Err(Blocked::new(request, reply)),
        Ok(Ruling::RespondThen(reply, errand)) => {
            errand::run(*errand, gate.deadline());
            Err(Blocked::new(request, reply))
        }
        Err(_) => Err(Blocked::new(request, late)),
    }
}

/// That the request has passed. Answer through it: where the request answered its challenge in line, it carries the new
/// clearance.
#[derive(Clone, Debug)]
#[must_use = "answer through it, so that the client gets its clearance"]
pub struct Pass {
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Pass {
    /// An answer that carries the clearance along.
    pub fn with<R: Responder>(self, inner: R) -> impl Responder<Body = R::Body> {
        Cleared { inner, pass: self }
    }
}

struct Cleared<R> {
    inner: R,
    pass: Pass,
}

impl<R: Responder> Responder for Cleared<R> {
    type Body = R::Body;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse<R::Body> {
        let mut response = self.inner.respond_to(request);
        bridge::append_passage(response.headers_mut(), &self.pass.headers);
        response
    }
}

/// The answer of a gate that did not open.
#[derive(Debug)]
pub struct Blocked {
    reply: Box<Reply>,
    method: Method,
}

impl Blocked {
    fn new(request: &HttpRequest, reply: Reply) -> Self {
        Self { reply: Box::new(reply), method: request.method().clone() }
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a challenge answers this request ({})", self.reply.status())
    }
}

impl ResponseError for Blocked {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.reply.status().as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        bridge::response((*self.reply).clone(), &self.method)
    }
}

/// A name for something that is guarded, and the gate in front of it.
pub trait Protected {
    /// The gate, from the application's data; `None` when it is not there, which is answered with 500.
    fn gate(request: &HttpRequest) -> Option<&Gate>;
}

/// The proof that the gate of `P` has let this request pass: a handler that takes it cannot run without.
///
/// ```
/// use actix_web::{HttpRequest, Responder, web};
/// use verify_actix::{Protected, Verified};
/// use verify_core::Gate;
///
/// struct Vault;
/// impl Protected for Vault {
///     fn gate(request: &HttpRequest) -> Option<&Gate> {
///         request.app_data::<Gate>()
///     }
/// }
///
/// async fn open(verified: Verified<Vault>) -> impl Responder {
///     verified.pass().with("gold")
/// }
/// ```
pub struct Verified<P> {
    pass: Pass,
    protected: PhantomData<fn() -> P>,
}

impl<P> Verified<P> {
    /// What to answer through; see [`Pass`].
    pub fn pass(self) -> Pass {
        self.pass
    }
}

impl<P: Protected + 'static> FromRequest for Verified<P> {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, actix_web::Error>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let Some(gate) = P::gate(&request).cloned() else {
                return Err(actix_web::error::ErrorInternalServerError(
                    "the gate is missing from the application's data: add it with `.app_data(gate)`",
                ));
            };
            Ok(Self { pass: require(&request, &gate).await?, protected: PhantomData })
        })
    }
}

impl<P> fmt::Debug for Verified<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").finish_non_exhaustive()
    }
}
