//! Asking inside a handler: a guard for decisions that need parsed data, and an extractor for handlers that must not
//! compile without the proof.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, Responder, ResponseError, web};
use bytes::Bytes;
use futures_util::future::Either;
use http::{HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use verify_core::{
    Decision, DescribesTransaction, Engine, Gate, Inquiry, Reply, Ruling, Subject, Transaction, form_payload,
};

use crate::bridge;
use crate::errand;
use crate::future::forbid_caching;
use crate::payload;
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
        conclude(&self.request, gate, look(&self.request, gate), Bytes::new()).await
    }

    /// Lets the handler execute this transaction, once, or hands it the answer to give instead. The gate's policy is one
    /// with [`Policy::bind_in_handler`](verify_core::Policy::bind_in_handler).
    ///
    /// # Errors
    /// [`Blocked`], which is the answer: return it.
    pub async fn require_transaction(&self, gate: &Gate, transaction: &Transaction) -> Result<Pass, Blocked> {
        let decision = {
            let extensions = self.request.extensions();
            gate.decide_transaction(&View::new(&self.request, &extensions), Ok(transaction.clone()))
        };
        conclude(&self.request, gate, decision, Bytes::new()).await
    }

    /// Whom the engine's gates take this request to be from; see [`Engine::subject_of`](verify_core::Engine::subject_of).
    #[must_use]
    pub fn subject(&self, engine: &Engine) -> Option<Subject<'static>> {
        let extensions = self.request.extensions();
        engine.subject_of(&View::new(&self.request, &extensions))
    }

    /// A pass for a request that needs no proof after all.
    pub fn pass(&self) -> Pass {
        Pass { headers: Vec::new(), is_guarded: false }
    }
}

fn look(request: &HttpRequest, gate: &Gate) -> Decision {
    let extensions = request.extensions();
    gate.decide_without_body(&View::new(request, &extensions))
}

async fn conclude(
    request: &HttpRequest,
    gate: &Gate,
    decision: Decision,
    body: Bytes,
) -> Result<Pass, Blocked> {
    let inquiry = match decision {
        Decision::Allow => return Ok(Pass::carrying(Vec::new())),
        Decision::Respond(reply) => return Err(Blocked::new(request, reply)),
        Decision::Consult(inquiry) => inquiry,
        Decision::Read(inquiry, _) => return Err(Blocked::new(request, inquiry.unreadable())),
    };
    let late = inquiry.timed_out();
    match tokio::time::timeout(gate.deadline(), gate.rule(inquiry, body)).await {
        Ok(Ruling::Allow(passage)) => {
            if let Some(settlement) = passage.settlement {
                // A handler's answer is not seen here: that it was asked for is all that is kept.
                errand::tell(settlement, http::StatusCode::OK, None, None, gate.deadline()).await;
            }
            Ok(Pass::carrying(passage.headers))
        }
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
///
/// As behind a middleware, an answer that says nothing about caches gets `Cache-Control: no-store`, and one with a new
/// clearance gets it whatever it says (RFC 9111, 5.2.2.5). A pass of [`Guard::pass`] leaves the answer as it is.
#[derive(Clone, Debug)]
#[must_use = "answer through it, so that the client gets its clearance"]
pub struct Pass {
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether a gate was asked for it.
    is_guarded: bool,
}

impl Pass {
    fn carrying(headers: Vec<(HeaderName, HeaderValue)>) -> Self {
        Self { headers, is_guarded: true }
    }

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
        if self.pass.is_guarded {
            forbid_caching(response.headers_mut());
        }
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
    /// The application's state: what was given to `.app_data(..)`, in a [`web::Data`] or as it is. A request for which it is
    /// not there is answered with 500.
    type State: 'static;

    /// The gate, from the application's state.
    fn gate(state: &Self::State) -> &Gate;
}

/// The proof that a gate has let this request pass: a handler that takes it cannot run without.
///
/// Of a name for something that is guarded:
///
/// ```
/// use actix_web::{App, Responder, web};
/// use verify_actix::{Protected, Verified};
/// use verify_core::Gate;
///
/// struct Bank { vault: Gate }
///
/// #[derive(Default)]
/// struct Vault;
/// impl Protected for Vault {
///     type State = Bank;
///
///     fn gate(bank: &Bank) -> &Gate {
///         &bank.vault
///     }
/// }
///
/// async fn open(verified: Verified<Vault>) -> impl Responder {
///     verified.pass().with("gold")
/// }
/// # fn app(bank: Bank) { let _ =
/// App::new().app_data(web::Data::new(bank)).route("/vault", web::get().to(open))
/// # ; }
/// ```
///
/// And of a transaction that is in the body ([`web::Json`] or [`web::Form`]): the value that was approved is the value that
/// the handler gets. The policy is one with [`Policy::bind_in_handler`](verify_core::Policy::bind_in_handler). The head is
/// looked at first: who asks too often, or sends a compressed body, is refused before it is read. Its length is limited by
/// [`web::PayloadConfig`], to 256 KiB by default, as well as by [`web::JsonConfig`] or [`web::FormConfig`], and its time by
/// the gate's [deadline](Gate::deadline).
///
/// ```
/// use actix_web::{Responder, web};
/// use verify_actix::{Protected, Verified};
/// use verify_core::{Account, BindError, Currency, DescribesTransaction, Gate, Money, Payee, Transaction};
///
/// #[derive(serde::Deserialize)]
/// struct Transfer { amount: String, iban: String }
///
/// impl DescribesTransaction for Transfer {
///     fn transaction(&self) -> Result<Transaction, BindError> {
///         let payee = Payee::new("Acme Inc.", Account::iban(&self.iban)?)?;
///         Ok(Transaction::payment(Money::parse(&self.amount, Currency::parse("EUR")?)?, payee)?)
///     }
/// }
///
/// struct Bank { transfers: Gate }
///
/// impl Protected for Transfer {
///     type State = Bank;
///
///     fn gate(bank: &Bank) -> &Gate {
///         &bank.transfers
///     }
/// }
///
/// async fn transfer(verified: Verified<web::Json<Transfer>>) -> impl Responder {
///     let (transfer, pass) = verified.into_parts();
///     pass.with(format!("{} is on its way", transfer.amount))
/// }
/// # let _ = web::post().to(transfer);
/// ```
pub struct Verified<E> {
    value: E,
    pass: Pass,
}

impl<E> Verified<E> {
    /// What to answer through; see [`Pass`].
    pub fn pass(self) -> Pass {
        self.pass
    }

    /// What was approved, and what to answer through.
    pub fn into_parts(self) -> (E, Pass) {
        (self.value, self.pass)
    }
}

type Extracting<E> = Pin<Box<dyn Future<Output = Result<Verified<E>, actix_web::Error>>>>;

impl<P: Protected + Default + 'static> FromRequest for Verified<P> {
    type Error = actix_web::Error;
    type Future = Either<Ready<Result<Self, actix_web::Error>>, Extracting<P>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let gate = match gate_of::<P>(request) {
            Ok(gate) => gate,
            Err(error) => return Either::Left(ready(Err(error))),
        };
        match look(request, &gate) {
            // Nothing is left to be done, and nothing is allocated.
            Decision::Allow => {
                Either::Left(ready(Ok(Self { pass: Pass::carrying(Vec::new()), value: P::default() })))
            }
            decision => {
                let request = request.clone();
                Either::Right(Box::pin(async move {
                    let pass = conclude(&request, &gate, decision, Bytes::new()).await?;
                    Ok(Self { pass, value: P::default() })
                }))
            }
        }
    }
}

impl<T> FromRequest for Verified<web::Json<T>>
where
    T: DeserializeOwned + DescribesTransaction + Protected + 'static,
{
    type Error = actix_web::Error;
    type Future = Extracting<web::Json<T>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = read::<T>(request, payload);
        Box::pin(async move {
            let Read { request, gate, inquiry, body } = read.await?;
            let again = &mut payload::replay(body.clone());
            let value = web::Json::<T>::from_request(&request, again).await?;
            let decision = gate.decide_admitted(inquiry, value.transaction());
            Ok(Self { pass: conclude(&request, &gate, decision, body).await?, value })
        })
    }
}

impl<T> FromRequest for Verified<web::Form<T>>
where
    T: DeserializeOwned + DescribesTransaction + Protected + 'static,
{
    type Error = actix_web::Error;
    type Future = Extracting<web::Form<T>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = read::<T>(request, payload);
        Box::pin(async move {
            let Read { request, gate, inquiry, body } = read.await?;
            // The page of a blocked form posts its fields together with the answer, which is the gate's.
            let again = &mut payload::replay(form_payload(&body));
            let value = web::Form::<T>::from_request(&request, again).await?;
            let decision = gate.decide_admitted(inquiry, value.transaction());
            Ok(Self { pass: conclude(&request, &gate, decision, body).await?, value })
        })
    }
}

/// A request whose transaction is still to be named.
struct Read {
    request: HttpRequest,
    gate: Gate,
    inquiry: Inquiry,
    body: Bytes,
}

/// Asks the gate about the head, and reads the body only then, for as long as the deadline.
fn read<P: Protected>(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<Read, actix_web::Error>> + use<P> {
    let (request, reading) = (request.clone(), Bytes::from_request(request, payload));
    async move {
        let gate = gate_of::<P>(&request)?;
        let admitted = {
            let extensions = request.extensions();
            gate.admit(&View::new(&request, &extensions))
        };
        let inquiry = admitted.map_err(|reply| Blocked::new(&request, *reply))?;
        match tokio::time::timeout(gate.deadline(), reading).await {
            Ok(body) => Ok(Read { body: body?, request, gate, inquiry }),
            Err(_) => Err(Blocked::new(&request, inquiry.too_slow()).into()),
        }
    }
}

fn gate_of<P: Protected>(request: &HttpRequest) -> Result<Gate, actix_web::Error> {
    let shared = request.app_data::<web::Data<P::State>>().map(web::Data::get_ref);
    shared.or_else(|| request.app_data::<P::State>()).map(|state| P::gate(state).clone()).ok_or_else(|| {
        actix_web::error::ErrorInternalServerError(
            "the gate's state is missing from the application's data: add it with `.app_data(web::Data::new(state))`",
        )
    })
}

impl<E> fmt::Debug for Verified<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").finish_non_exhaustive()
    }
}
