//! What an allowed request costs: nothing over the bare service.
//!
//! The allocator of this test counts for each thread by itself, so that the tests may run side by side.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use actix_http::Request;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, Error, Responder, web};
use allocation_counter::measure;
use serde_json::{Value, json};
use verify_actix::{Challenge, Protected, Verified, endpoints};
use verify_core::{Channel, Contact, Engine, Factor, Gate, Inbox, KeyRing, Origin, Policy, Subject};

const REQUESTS: u64 = 100;

#[derive(Default)]
struct Vault;

impl Protected for Vault {
    type State = Gate;

    fn gate(gate: &Gate) -> &Gate {
        gate
    }
}

async fn by_extractor(verified: Verified<Vault>) -> impl Responder {
    verified.pass().with("gold")
}

/// The allocations of so many requests with that clearance, all together.
fn allocations<S, B>(app: &S, path: &str, clearance: &str) -> u64
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
{
    let request = || {
        let request = TestRequest::with_uri(path).insert_header(("x-user", "alice"));
        request.insert_header(("challenge-clearance", clearance)).to_request()
    };
    let mut requests: Vec<_> = (0..=REQUESTS).map(|_| request()).collect();
    let mut cx = Context::from_waker(Waker::noop());
    let mut pass = |request| match pin!(app.call(request)).poll(&mut cx) {
        Poll::Ready(Ok(response)) => assert_eq!(response.status(), 200, "{path}"),
        Poll::Ready(Err(error)) => panic!("{error}"),
        Poll::Pending => panic!("a cleared request waits for nothing"),
    };
    pass(requests.pop().unwrap());
    measure(|| requests.into_iter().for_each(pass)).count_total
}

#[actix_web::test]
async fn allowing_a_request_allocates_nothing_over_the_bare_service() {
    let inbox = Inbox::new();
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let engine = Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
        .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
        .subject(|head| Some(Subject::user(head.header("x-user")?)))
        .inbox(inbox.clone())
        .build()
        .unwrap();
    let gate = engine.gate(Policy::new("vault").require(Factor::code("step-up"))).unwrap();
    let app = init_service(
        App::new()
            .app_data(gate.clone())
            .service(web::resource("/bare").to(|| async { "gold" }))
            .service(
                web::resource("/nothing")
                    .to(|| async { "gold" })
                    .wrap_fn(|request, service| service.call(request)),
            )
            .service(web::resource("/vault").to(|| async { "gold" }).wrap(Challenge::from(gate)))
            .service(web::resource("/extractor").to(by_extractor))
            .service(endpoints(&engine, "/challenge")),
    )
    .await;
    let call = async |path: &str, body: Value| {
        let request = TestRequest::post().uri(path).insert_header(("x-user", "alice")).set_json(body);
        let answer = read_body(call_service(&app, request.to_request()).await).await;
        serde_json::from_slice::<Value>(&answer).unwrap()
    };
    let blocked = call("/vault", json!({})).await;
    let id = &blocked["alternatives"][0][0]["id"];
    call("/challenge/send", json!({ "id": id })).await;
    let code = inbox.last_code("+12025550123").unwrap();
    let checked = call("/challenge/check", json!({ "id": id, "code": code })).await;
    let clearance = checked["clearance"].as_str().unwrap();

    let bare = allocations(&app, "/bare", clearance);
    assert!(bare > 0, "the allocator counts");
    let nothing = allocations(&app, "/nothing", clearance);
    assert_eq!(
        allocations(&app, "/vault", clearance),
        nothing,
        "a middleware that does nothing costs as much"
    );
    assert_eq!(allocations(&app, "/extractor", clearance), bare, "nor does an extractor's look");
}
