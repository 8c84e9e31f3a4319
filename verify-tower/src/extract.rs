//! Asking inside an axum handler: a guard for decisions that need parsed data, and an extractor for handlers that must
//! not compile without the proof.

use std::convert::Infallible;
use std::fmt;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use axum::{Form, Json};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::de::DeserializeOwned;
use verify_core::{
    Decision, DescribesTransaction, Engine, Gate, Inquiry, Reply, RequestView, Ruling, Subject, Transaction,
    form_payload,
};

use crate::future::forbid_caching;
use crate::head::Head;
use crate::ruling::{append, run, tell};
use crate::view::View;

/// Asks for a proof inside a handler, where more is known than a layer can see.
///
/// It is asked when the request has been taken apart, so it keeps a copy of the header fields, which is two allocations
/// and one for each name that HTTP itself does not define, and of a [`Subject`] that is among the
/// request's extensions. A layer and [`Verified`] look at the request where it is, and copy nothing to let it pass.
///
/// ```
/// use axum::{extract::{Query, State}, response::IntoResponse};
/// use verify_core::Gate;
/// use verify_tower::{Blocked, Guard};
///
/// # #[derive(Clone)] struct Bank { large: Gate }
/// # #[derive(serde::Deserialize)] struct Amount { cents: u64 }
/// async fn withdraw(guard: Guard, State(bank): State<Bank>, Query(amount): Query<Amount>) -> Result<impl IntoResponse, Blocked> {
///     let pass = if amount.cents > 10_000 { guard.require(&bank.large).await? } else { guard.pass() };
///     Ok((pass, "done"))
/// }
/// ```
#[derive(Clone)]
pub struct Guard {
    head: Head,
}

impl<S: Sync> FromRequestParts<S> for Guard {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self { head: Head::of(parts) })
    }
}

impl Guard {
    /// Lets the handler go on, or hands it the answer to give instead. A body that the handler has read is out of
    /// reach here: a browser whose form is blocked is told to send it again.
    ///
    /// # Errors
    /// [`Blocked`], which is the answer: return it.
    pub async fn require(&self, gate: &Gate) -> Result<Pass, Blocked> {
        require(&self.head, gate).await
    }

    /// Lets the handler execute this transaction, once, or hands it the answer to give instead. The gate's policy is one
    /// with [`Policy::bind_in_handler`](verify_core::Policy::bind_in_handler).
    ///
    /// # Errors
    /// [`Blocked`], which is the answer: return it.
    pub async fn require_transaction(&self, gate: &Gate, transaction: &Transaction) -> Result<Pass, Blocked> {
        let decision = gate.decide_transaction(&self.head, Ok(transaction.clone()));
        conclude(gate, decision, Bytes::new()).await
    }

    /// Whom the engine's gates take this request to be from; see [`Engine::subject_of`](verify_core::Engine::subject_of).
    #[must_use]
    pub fn subject(&self, engine: &Engine) -> Option<Subject<'static>> {
        engine.subject_of(&self.head)
    }

    /// A pass for a request that needs no proof after all.
    pub fn pass(&self) -> Pass {
        Pass { headers: Vec::new(), is_guarded: false }
    }
}

async fn require(view: &impl RequestView, gate: &Gate) -> Result<Pass, Blocked> {
    let decision = gate.decide_without_body(view);
    conclude(gate, decision, Bytes::new()).await
}

async fn conclude(gate: &Gate, decision: Decision, body: Bytes) -> Result<Pass, Blocked> {
    let inquiry = match decision {
        Decision::Allow => return Ok(Pass::carrying(Vec::new())),
        Decision::Respond(reply) => return Err(Blocked(reply)),
        Decision::Consult(inquiry) => inquiry,
        Decision::Read(inquiry, _) => return Err(Blocked(inquiry.unreadable())),
    };
    let late = inquiry.timed_out();
    match tokio::time::timeout(gate.deadline(), gate.rule(inquiry, body)).await {
        Ok(Ruling::Allow(passage)) => {
            if let Some(settlement) = passage.settlement {
                // A handler's answer is not seen here: that it was asked for is all that is kept.
                tell(settlement, StatusCode::OK, None, None, gate.deadline()).await;
            }
            Ok(Pass::carrying(passage.headers))
        }
        Ok(Ruling::Respond(reply)) => Err(Blocked(reply)),
        Ok(Ruling::RespondThen(reply, errand)) => {
            run(*errand, gate.deadline());
            Err(Blocked(reply))
        }
        Err(_) => Err(Blocked(late)),
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

/// That the request has passed. Put it into the answer, as the last of its parts: where the request answered its challenge
/// in line, it carries the new clearance, and parts that come after could replace its fields.
///
/// As behind a layer, an answer that says nothing about caches gets `Cache-Control: no-store`, and one with a new clearance
/// gets it whatever it says (RFC 9111, 5.2.2.5). A pass of [`Guard::pass`] leaves the answer as it is.
#[derive(Clone, Debug)]
#[must_use = "return it with the response, so that the client gets its clearance"]
pub struct Pass {
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether a gate was asked for it.
    is_guarded: bool,
}

impl Pass {
    fn carrying(headers: Vec<(HeaderName, HeaderValue)>) -> Self {
        Self { headers, is_guarded: true }
    }
}

impl IntoResponseParts for Pass {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        let headers = parts.headers_mut();
        if self.is_guarded {
            forbid_caching(headers);
        }
        append(headers, self.headers);
        Ok(parts)
    }
}

/// The answer of a gate that did not open.
#[derive(Debug)]
pub struct Blocked(Reply);

impl IntoResponse for Blocked {
    fn into_response(self) -> Response {
        self.0.map(axum::body::Body::from).into_response()
    }
}

/// A name for something that is guarded, and the gate in front of it.
pub trait Protected {
    /// The application's state, as the router has it.
    type State;

    /// The gate, from the application's state.
    fn gate(state: &Self::State) -> &Gate;
}

/// The proof that a gate has let this request pass: a handler that takes it cannot run without.
///
/// Of a name for something that is guarded:
///
/// ```
/// use axum::response::IntoResponse;
/// use verify_core::Gate;
/// use verify_tower::{Protected, Verified};
///
/// #[derive(Clone)]
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
/// async fn open(verified: Verified<Vault>) -> impl IntoResponse {
///     (verified.pass(), "gold")
/// }
/// ```
///
/// And of a transaction that is in the body ([`Json`](axum::Json) or [`Form`](axum::Form)): the value that was approved is
/// the value that the handler gets. The policy is one with
/// [`Policy::bind_in_handler`](verify_core::Policy::bind_in_handler). The head is looked at first: who asks too often, or
/// sends a compressed body, is refused before it is read. Its length is limited by axum's
/// [`DefaultBodyLimit`](axum::extract::DefaultBodyLimit), and its time by the gate's [deadline](Gate::deadline).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::{Json, Router, body::Body, http::Request, response::IntoResponse, routing::post};
/// use tower::ServiceExt;
/// use verify_core::{
///     Account, BindError, Channel, Contact, Currency, DescribesTransaction, Engine, Factor, Gate, Inbox, KeyRing, Money,
///     Origin, Payee, Policy, Subject, Transaction,
/// };
/// use verify_tower::{Protected, Verified};
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
/// #[derive(Clone)]
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
/// async fn transfer(verified: Verified<Json<Transfer>>) -> impl IntoResponse {
///     let (Json(transfer), pass) = verified.into_parts();
///     (pass, format!("{} is on its way", transfer.amount))
/// }
///
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// let engine = Engine::builder(keys, Origin::parse("https://bank.example")?)
///     .inbox(Inbox::new())
///     .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
///     .build()?;
/// let transfers = engine.gate(Policy::new("transfer").require(Factor::code("approval")).bind_in_handler())?;
/// let app = Router::new().route("/transfers", post(transfer)).with_state(Bank { transfers });
///
/// let body = Body::from(r#"{"amount":"10.00","iban":"DE89370400440532013000"}"#);
/// let request = Request::post("/transfers").header("content-type", "application/json").body(body)?;
/// assert_eq!(app.oneshot(request).await?.status(), 403, "not before it is approved");
/// # Ok(()) }
/// ```
pub struct Verified<E> {
    value: E,
    pass: Pass,
}

impl<E> Verified<E> {
    /// What to put into the answer; see [`Pass`].
    pub fn pass(self) -> Pass {
        self.pass
    }

    /// What was approved, and what to put into the answer.
    pub fn into_parts(self) -> (E, Pass) {
        (self.value, self.pass)
    }
}

impl<P, S> FromRequestParts<S> for Verified<P>
where
    P: Protected<State = S> + Default,
    S: Sync,
{
    type Rejection = Blocked;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Blocked> {
        Ok(Self { pass: require(&View::of_parts(parts), P::gate(state)).await?, value: P::default() })
    }
}

impl<T, S> FromRequest<S> for Verified<Json<T>>
where
    T: DeserializeOwned + DescribesTransaction + Protected<State = S> + Send,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let gate = T::gate(state);
        let Read { parts, body, inquiry } = read(request, gate, state).await?;
        let again = Request::from_parts(parts, body.clone().into());
        let value = Json::<T>::from_request(again, state).await.map_err(IntoResponse::into_response)?;
        let decision = gate.decide_admitted(inquiry, value.0.transaction());
        let pass = conclude(gate, decision, body).await;
        Ok(Self { pass: pass.map_err(IntoResponse::into_response)?, value })
    }
}

impl<T, S> FromRequest<S> for Verified<Form<T>>
where
    T: DeserializeOwned + DescribesTransaction + Protected<State = S> + Send,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let gate = T::gate(state);
        let Read { parts, body, inquiry } = read(request, gate, state).await?;
        // The page of a blocked form posts its fields together with the answer, which is the gate's.
        let again = Request::from_parts(parts, form_payload(&body).into());
        let value = Form::<T>::from_request(again, state).await.map_err(IntoResponse::into_response)?;
        let decision = gate.decide_admitted(inquiry, value.0.transaction());
        let pass = conclude(gate, decision, body).await;
        Ok(Self { pass: pass.map_err(IntoResponse::into_response)?, value })
    }
}

/// A request whose transaction is still to be named.
struct Read {
    parts: Parts,
    body: Bytes,
    inquiry: Inquiry,
}

/// Asks the gate about the head, and reads the body only then, for as long as the deadline.
async fn read<S: Send + Sync>(request: Request, gate: &Gate, state: &S) -> Result<Read, Response> {
    let inquiry = match gate.admit(&View::of(&request)) {
        Ok(inquiry) => inquiry,
        Err(reply) => return Err(Blocked(*reply).into_response()),
    };
    let (parts, body) = request.into_parts();
    let reading = Bytes::from_request(Request::from_parts(parts.clone(), body), state);
    match tokio::time::timeout(gate.deadline(), reading).await {
        Ok(Ok(body)) => Ok(Read { parts, body, inquiry }),
        Ok(Err(rejection)) => Err(rejection.into_response()),
        Err(_) => Err(Blocked(inquiry.too_slow()).into_response()),
    }
}

impl<E> fmt::Debug for Verified<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").finish_non_exhaustive()
    }
}
