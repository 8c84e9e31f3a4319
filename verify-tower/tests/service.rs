//! The service as a tower service: readiness, bounds, and what the allowed path costs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use verify_core::{
    Channel, Contact, Countries, Courier, CourierError, Delivery, Engine, EngineBuilder, EventKind, Factor,
    Inbox, KeyRing, MissingContacts, Origin, Policy, Subject,
};
use verify_tower::{Challenge, ChallengeLayer, EitherBody, EndpointService, ResponseFuture};

type Body = Full<Bytes>;

fn builder() -> EngineBuilder {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
        .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
        .subject(|head| Some(Subject::user(head.header("x-user")?)))
}

fn vault() -> Policy {
    Policy::new("vault").require(Factor::code("step-up"))
}

fn request(path: &str) -> http::request::Builder {
    Request::builder().uri(path).header("x-user", "alice")
}

async fn json_of<B>(response: Response<B>) -> Value
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

/// Blocks, sends and checks, over the endpoints; returns ticket, code and clearance.
async fn solve<S>(service: &mut S, engine: &Engine, inbox: &Inbox) -> (String, String)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let blocked =
        service.ready().await.unwrap().call(request("/vault").body(Body::default()).unwrap()).await.unwrap();
    let id = json_of(blocked).await["alternatives"][0][0]["id"].as_str().unwrap().to_owned();
    let call = Request::post("/challenge/send")
        .header("x-user", "alice")
        .header("content-type", "application/json")
        .body(Body::from(json!({ "id": id }).to_string()))
        .unwrap();
    let sent = EndpointService::new(engine).oneshot(call).await.unwrap();
    assert_eq!(sent.status(), 200);
    (id, inbox.last_code("+12025550123").unwrap())
}

async fn echo(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(Response::new(Full::new(request.into_body().collect().await.unwrap().to_bytes())))
}

#[tokio::test]
async fn the_service_that_was_polled_ready_is_the_one_that_is_called() {
    let inbox = Inbox::new();
    let engine = builder().inbox(inbox.clone()).build().unwrap();
    let layer = ChallengeLayer::new(&engine, vault()).unwrap();
    // A limit of one panics when `call` reaches a clone that was never polled ready.
    let mut service = ServiceBuilder::new().layer(layer).concurrency_limit(1).service(service_fn(echo));
    let (id, code) = solve(&mut service, &engine, &inbox).await;
    let inline = request("/vault").header("challenge-id", id).header("challenge-answer", code);
    let passed = service.ready().await.unwrap().call(inline.body(Body::from("kept")).unwrap()).await.unwrap();
    assert_eq!(passed.status(), 200);
    let clearance = passed.headers()["challenge-clearance"].clone();
    assert_eq!(passed.headers()["cache-control"], "no-store");
    assert_eq!(passed.into_body().collect().await.unwrap().to_bytes(), "kept");
    for _ in 0..3 {
        let again =
            request("/vault").header("challenge-clearance", clearance.clone()).body(Body::default()).unwrap();
        assert_eq!(service.ready().await.unwrap().call(again).await.unwrap().status(), 200);
    }
}

/// Counts how often it is cloned.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(&self.0))
    }
}

impl Service<Request<Body>> for Counted {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        std::future::ready(Ok(Response::new(Body::from("in"))))
    }
}

#[tokio::test]
async fn an_allowed_request_clones_and_boxes_nothing() {
    let inbox = Inbox::new();
    let engine = builder().inbox(inbox.clone()).build().unwrap();
    let clones = Arc::new(AtomicUsize::new(0));
    let mut service = ChallengeLayer::new(&engine, vault()).unwrap().layer(Counted(Arc::clone(&clones)));
    let (id, code) = solve(&mut service, &engine, &inbox).await;
    let inline = request("/vault").header("challenge-id", id).header("challenge-answer", code);
    let passed = service.ready().await.unwrap().call(inline.body(Body::default()).unwrap()).await.unwrap();
    let clearance = passed.headers()["challenge-clearance"].clone();
    let before = clones.load(Ordering::SeqCst);
    assert_eq!(before, 1, "only the request that needed the store took the service along");
    for _ in 0..10 {
        let allowed =
            request("/vault").header("challenge-clearance", clearance.clone()).body(Body::default()).unwrap();
        assert_eq!(service.ready().await.unwrap().call(allowed).await.unwrap().status(), 200);
    }
    assert_eq!(clones.load(Ordering::SeqCst), before);
}

#[derive(Debug)]
struct Hanging;

#[async_trait]
impl Courier for Hanging {
    async fn deliver(&self, _: &Delivery) -> Result<(), CourierError> {
        std::future::pending().await
    }

    fn is_development(&self) -> bool {
        false
    }
}

#[tokio::test(start_paused = true)]
async fn r10_a_courier_that_hangs_is_answered_with_503_within_the_deadline() {
    for (answers, expected) in [(MissingContacts::Tell, (503, 3)), (MissingContacts::Hide, (200, 0))] {
        assert_eq!(send_with_a_courier_that_hangs(answers).await, expected, "{answers:?}");
    }
}

/// What was promised before the message left: that it is told if it did not, and that nobody has to wait then.
#[tokio::test(start_paused = true)]
async fn r59_a_courier_that_hangs_after_the_answer_is_told_and_ends_the_wait() {
    let (sent, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (Arc::clone(&sent), Arc::clone(&failed));
    let engine = builder()
        .courier(Channel::Sms, Hanging)
        .countries(Countries::any())
        .on_event(move |event| {
            counts.0.fetch_add(usize::from(event.kind == EventKind::Sent), Ordering::SeqCst);
            counts.1.fetch_add(usize::from(event.kind == EventKind::DeliveryFailed), Ordering::SeqCst);
        })
        .deadline(Duration::from_secs(3))
        .build()
        .unwrap();
    let mut service = ChallengeLayer::new(&engine, vault()).unwrap().layer(service_fn(echo));
    let blocked =
        service.ready().await.unwrap().call(request("/vault").body(Body::default()).unwrap()).await.unwrap();
    let id = json_of(blocked).await["alternatives"][0][0]["id"].clone();
    let send = || {
        let call = Request::post("/challenge/send").header("x-user", "alice");
        let call = call.header("content-type", "application/json");
        EndpointService::new(&engine).oneshot(call.body(Body::from(json!({ "id": id }).to_string())).unwrap())
    };
    assert_eq!(send().await.unwrap().status(), 200);
    assert_eq!((sent.load(Ordering::SeqCst), failed.load(Ordering::SeqCst)), (1, 0));
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_secs(4)).await;
    tokio::task::yield_now().await;
    assert_eq!((sent.load(Ordering::SeqCst), failed.load(Ordering::SeqCst)), (1, 1));
    assert_eq!(send().await.unwrap().status(), 200);
    assert_eq!(sent.load(Ordering::SeqCst), 2, "another message, and no wait");
}

/// Status, and the seconds that it took.
async fn send_with_a_courier_that_hangs(answers: MissingContacts) -> (u16, u64) {
    let engine =
        builder().courier(Channel::Sms, Hanging).countries(Countries::any()).missing_contacts(answers);
    let engine = engine.deadline(Duration::from_secs(3)).build().unwrap();
    let mut service = ChallengeLayer::new(&engine, vault()).unwrap().layer(service_fn(echo));
    let blocked =
        service.ready().await.unwrap().call(request("/vault").body(Body::default()).unwrap()).await.unwrap();
    let id = json_of(blocked).await["alternatives"][0][0]["id"].clone();
    let call = Request::post("/challenge/send")
        .header("x-user", "alice")
        .header("content-type", "application/json")
        .body(Body::from(json!({ "id": id }).to_string()))
        .unwrap();
    let began = tokio::time::Instant::now();
    let late = EndpointService::new(&engine).oneshot(call).await.unwrap();
    assert_eq!(late.status() == 503, late.headers().contains_key("retry-after"));
    (late.status().as_u16(), began.elapsed().as_secs())
}

#[tokio::test]
async fn an_inner_error_stays_the_inner_services_error() {
    let engine = builder().inbox(Inbox::new()).build().unwrap();
    let layer = ChallengeLayer::new(
        &engine,
        Policy::new("feed").require(Factor::proof_of_work("human")).pass_preflights(),
    )
    .unwrap();
    let failing = service_fn(|_: Request<Body>| async { Err::<Response<Body>, _>("broken") });
    let blocked =
        layer.layer(failing).oneshot(request("/feed").body(Body::default()).unwrap()).await.unwrap();
    assert_eq!(blocked.status(), 403, "a rejection is an answer and never an error");
    let preflight = Request::options("/feed")
        .header("origin", "https://a.example")
        .header("access-control-request-method", "PUT");
    assert_eq!(
        layer.layer(failing).oneshot(preflight.body(Body::default()).unwrap()).await.unwrap_err(),
        "broken"
    );
}

#[test]
fn every_public_type_can_cross_threads() {
    fn check<T: Send + Sync>() {}
    check::<ChallengeLayer>();
    check::<Challenge<()>>();
    check::<EndpointService>();
    fn check_send<T: Send>() {}
    check_send::<ResponseFuture<std::future::Ready<Result<Response<Body>, Infallible>>, Body, Infallible>>();
    check_send::<EitherBody<Body>>();
}
