//! Asking inside an axum handler: a guard for decisions that need parsed data, and an extractor for handlers that must
//! not compile without the proof.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use verify_core::{Decision, Gate, Reply, Ruling};

use crate::body::ResponseBody;
use crate::ruling::run;
use crate::view::View;

/// Asks for a proof inside a handler, where more is known than a layer can see.
///
/// ```
/// use axum::{extract::{Query, State}, response::IntoResponse};
/// use verify_core::Gate;
/// use verify_tower::{Blocked, Guard};
///
/// # #[derive(Clone)] struct Bank { large: Gate }
/// # #[derive(serde::Deserialize)] struct Amount { cents: u64 }
/// async fn withdraw(guard: Guard, State(bank): State<Bank>, Query(amount): Query<Amount>) -> Result<impl IntoResponse, Blocked> {
///     let mut pass = None;
///     if amount.cents > 10_000 {
///         pass = Some(guard.require(&bank.large).await?);
///     }
///     Ok((pass, "done"))
/// }
/// ```
#[derive(Clone)]
pub struct Guard {
    parts: Parts,
}

impl<S: Sync> FromRequestParts<S> for Guard {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self { parts: parts.clone() })
    }
}

impl Guard {
    /// Lets the handler go on, or hands it the answer to give instead. A body that the handler has read is out of
    /// reach here: a browser whose form is blocked is told to send it again.
    ///
    /// # Errors
    /// [`Blocked`], which is the answer: return it.
    pub async fn require(&self, gate: &Gate) -> Result<Pass, Blocked> {
        require(&self.parts, gate).await
    }
}

async fn require(parts: &Parts, gate: &Gate) -> Result<Pass, Blocked> {
    let inquiry = match gate.decide_without_body(&View::of_parts(parts)) {
        Decision::Allow => return Ok(Pass { headers: Vec::new() }),
        Decision::Respond(reply) => return Err(Blocked(reply)),
        Decision::Consult(inquiry) => inquiry,
        Decision::Read(inquiry, _) => return Err(Blocked(inquiry.unreadable())),
    };
    let late = inquiry.timed_out();
    match tokio::time::timeout(gate.deadline(), gate.rule(inquiry, Bytes::new())).await {
        Ok(Ruling::Allow(passage)) => Ok(Pass { headers: passage.headers }),
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

/// That the request has passed. Put it into the answer, as one of its parts: where the request answered its challenge
/// in line, it carries the new clearance.
#[derive(Clone, Debug)]
#[must_use = "return it with the response, so that the client gets its clearance"]
pub struct Pass {
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl IntoResponseParts for Pass {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        for (name, value) in self.headers {
            parts.headers_mut().append(name, value);
        }
        Ok(parts)
    }
}

/// The answer of a gate that did not open.
#[derive(Debug)]
pub struct Blocked(Reply);

impl IntoResponse for Blocked {
    fn into_response(self) -> Response {
        self.0.map(ResponseBody::<axum::body::Body>::reply).into_response()
    }
}

/// A name for something that is guarded, and the gate in front of it.
pub trait Protected<S> {
    /// The gate, from the application's state.
    fn gate(state: &S) -> &Gate;
}

/// The proof that the gate of `P` has let this request pass: a handler that takes it cannot run without.
///
/// ```
/// use axum::response::IntoResponse;
/// use verify_core::Gate;
/// use verify_tower::{Protected, Verified};
///
/// #[derive(Clone)]
/// struct Bank { vault: Gate }
///
/// struct Vault;
/// impl Protected<Bank> for Vault {
///     fn gate(bank: &Bank) -> &Gate {
///         &bank.vault
///     }
/// }
///
/// async fn open(verified: Verified<Vault>) -> impl IntoResponse {
///     (verified.pass(), "gold")
/// }
/// ```
pub struct Verified<P> {
    pass: Pass,
    protected: PhantomData<fn() -> P>,
}

impl<P> Verified<P> {
    /// What to put into the answer; see [`Pass`].
    pub fn pass(self) -> Pass {
        self.pass
    }
}

impl<P, S> FromRequestParts<S> for Verified<P>
where
    P: Protected<S>,
    S: Sync,
{
    type Rejection = Blocked;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Blocked> {
        Ok(Self { pass: require(parts, P::gate(state)).await?, protected: PhantomData })
    }
}

impl<P> fmt::Debug for Verified<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").finish_non_exhaustive()
    }
}
