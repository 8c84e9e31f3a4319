//! What an allowed request costs: nothing over the bare service, and in axum nothing over a layer that does nothing.
//!
//! The allocator of this test counts for each thread by itself, so that the tests may run side by side.
#![cfg(feature = "axum")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{Route, get};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use serde_json::json;
use tower::layer::layer_fn;
use tower::{Layer, Service, ServiceExt, service_fn};
use verify_core::{Channel, Contact, Engine, Factor, Gate, Inbox, KeyRing, Origin, Policy, Subject};
use verify_tower::{Blocked, ChallengeLayer, EndpointService, Guard, Protected, Verified};

const REQUESTS: u64 = 100;

/// A gate, and a clearance that opens it.
fn cleared() -> (Gate, String) {
    let inbox = Inbox::new();
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let engine = Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
        .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
        .subject(|head| Some(Subject::user(head.header("x-user")?)))
        .inbox(inbox.clone())
        .build()
        .unwrap();
    let gate = engine.gate(Policy::new("vault").require(Factor::code("step-up"))).unwrap();
    let bare =
        service_fn(|_: Request<Full<Bytes>>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let blocked = Request::get("/vault").header("x-user", "alice").body(Full::default()).unwrap();
    let blocked = now(ChallengeLayer::from(gate.clone()).layer(bare).oneshot(blocked)).unwrap();
    let blocked: serde_json::Value =
        serde_json::from_slice(&now(blocked.into_body().collect()).unwrap().to_bytes()).unwrap();
    let id = blocked["alternatives"][0][0]["id"].clone();
    let call = |action: &str, body: serde_json::Value| {
        let request = Request::post(format!("/challenge/{action}")).header("x-user", "alice");
        let request = request.header("content-type", "application/json");
        let request = request.body(Full::<Bytes>::from(body.to_string())).unwrap();
        now(EndpointService::new(&engine).oneshot(request)).unwrap()
    };
    assert_eq!(call("send", json!({ "id": id })).status(), 200);
    let checked = call("check", json!({ "id": id, "code": inbox.last_code("+12025550123").unwrap() }));
    (gate, checked.headers()["challenge-clearance"].to_str().unwrap().to_owned())
}

/// What becomes of it without waiting for anything.
fn now<F: Future>(future: F) -> F::Output {
    // Timers that the adapter sets for a ruling want a runtime to be set in.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(future)
}

/// The allocations of so many requests with that clearance, all together.
fn allocations<S, B, R>(mut service: S, clearance: &str) -> u64
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    B: Default,
{
    let request = || {
        let request = Request::get("/vault").header("x-user", "alice");
        request.header("challenge-clearance", clearance).body(B::default()).unwrap()
    };
    let mut requests: Vec<_> = (0..=REQUESTS).map(|_| request()).collect();
    let mut cx = Context::from_waker(Waker::noop());
    let mut pass = |request| {
        assert!(matches!(service.poll_ready(&mut cx), Poll::Ready(Ok(()))));
        match pin!(service.call(request)).poll(&mut cx) {
            Poll::Ready(Ok(response)) => assert_eq!(response.status(), 200),
            Poll::Ready(Err(never)) => match never {},
            Poll::Pending => panic!("a cleared request waits for nothing"),
        }
    };
    pass(requests.pop().unwrap());
    measure(|| requests.into_iter().for_each(pass)).count_total
}

async fn gold(_: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    // As every handler's answer, it has a field already; the first one costs the map that it goes into.
    Ok(Response::builder().header("content-type", "text/plain").body(Full::from("gold")).unwrap())
}

#[test]
fn allowing_a_request_allocates_nothing_over_the_bare_service() {
    let (gate, clearance) = cleared();
    let bare = allocations(service_fn(gold), &clearance);
    assert!(bare > 0, "the allocator counts");
    assert_eq!(allocations(ChallengeLayer::from(gate).layer(service_fn(gold)), &clearance), bare);
}

#[test]
fn allowing_a_request_in_axum_allocates_nothing_over_a_layer_that_does_nothing() {
    let (gate, clearance) = cleared();
    let app: Router = Router::new().route("/vault", get(|| async { "gold" }));
    // Of a layer that has something in it, as this one has its gate, axum makes a boxed clone as well.
    let something = Arc::new(());
    let does_nothing = layer_fn(move |inner: Route| {
        let _ = Arc::clone(&something);
        inner
    });
    let nothing = allocations::<_, Body, _>(app.clone().layer(does_nothing), &clearance);
    let layered = allocations::<_, Body, _>(app.layer(ChallengeLayer::from(gate)), &clearance);
    assert_eq!(layered, nothing);
}

#[derive(Default)]
struct Vault;

impl Protected for Vault {
    type State = Gate;

    fn gate(gate: &Gate) -> &Gate {
        gate
    }
}

async fn by_extractor(verified: Verified<Vault>) -> impl IntoResponse {
    (verified.pass(), "gold")
}

async fn by_guard(guard: Guard, State(gate): State<Gate>) -> Result<impl IntoResponse, Blocked> {
    Ok((guard.require(&gate).await?, "gold"))
}

/// An extractor looks at the request where it is. A guard is asked later, when nobody has the request any more, and keeps
/// the head's fields until then.
#[test]
fn allowing_a_request_in_a_handler_allocates_no_more_than_the_fields_that_a_guard_keeps() {
    let (gate, clearance) = cleared();
    let of = |handler| {
        let app: Router = Router::new().route("/vault", handler).with_state(gate.clone());
        allocations::<_, Body, _>(app, &clearance)
    };
    let bare = of(get(|_: State<Gate>| async { "gold" }));
    assert_eq!(of(get(by_extractor)), bare, "the extractor's own");
    // A header map is two lists, and the first clone of a text that has memory of its own makes it shared. Here these are
    // two names and two values; of a server's request it is the names, since its values are slices of what it has read.
    assert_eq!(of(get(by_guard)) - bare, (2 + 2 + 2) * REQUESTS);
}
