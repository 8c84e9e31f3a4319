//! The middleware, the guard and the extractor inside actix-web.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, Error, HttpRequest, Responder, web};
use async_trait::async_trait;
use serde_json::{Value, json};
use verify_actix::{Blocked, Challenge, Guard, Protected, Verified, endpoints, unguarded};
use verify_core::{
    Channel, Contact, Countries, Courier, CourierError, Delivery, Engine, EngineBuilder, EventKind, Factor,
    Gate, Inbox, KeyRing, MissingContacts, Origin, Policy, Subject,
};

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

async fn by_app_data(guard: Guard, request: HttpRequest) -> Result<impl Responder, Blocked> {
    match request.app_data::<Gate>() {
        Some(gate) => Ok(guard.require(gate).await?.with("gold")),
        None => Ok(guard.pass().with("no gate")),
    }
}

fn builder() -> EngineBuilder {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
        .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
        .subject(|head| Some(Subject::user(head.header("x-user")?)))
}

async fn app(
    engine: &Engine,
) -> impl Service<actix_http::Request, Response = ServiceResponse, Error = Error> + use<> {
    let vault = engine.gate(Policy::new("vault").require(Factor::code("step-up"))).unwrap();
    init_service(
        App::new()
            .app_data(vault.clone())
            .service(
                web::resource("/middleware").wrap(Challenge::from(vault.clone())).to(|| async { "gold" }),
            )
            .service(
                web::scope("/scope")
                    .wrap(Challenge::from(vault))
                    .route("/deep", web::get().to(|| async { "gold" })),
            )
            .service(web::resource("/extractor").to(by_extractor))
            .service(web::resource("/guard").to(by_app_data))
            .service(web::resource("/open").to(|| async { "free" }))
            .service(endpoints(engine, "/challenge")),
    )
    .await
}

fn get(path: &str) -> TestRequest {
    TestRequest::with_uri(path).insert_header(("x-user", "alice"))
}

async fn json_of<B: MessageBody>(response: ServiceResponse<B>) -> Value {
    let bytes = to_bytes(response.into_body()).await.unwrap_or_else(|_| panic!("no body"));
    serde_json::from_slice(&bytes).unwrap()
}

async fn text_of<B: MessageBody>(response: ServiceResponse<B>) -> String {
    let bytes = to_bytes(response.into_body()).await.unwrap_or_else(|_| panic!("no body"));
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[actix_web::test]
async fn middleware_guard_and_extractor_ask_alike() {
    for path in ["/middleware", "/scope/deep", "/extractor", "/guard"] {
        let inbox = Inbox::new();
        let app = app(&builder().inbox(inbox.clone()).build().unwrap()).await;
        let blocked = call_service(&app, get(path).to_request()).await;
        assert_eq!(blocked.status(), 403, "{path}");
        assert_eq!(blocked.headers().get("challenge-required").unwrap(), "vault");
        let id = json_of(blocked).await["alternatives"][0][0]["id"].as_str().unwrap().to_owned();
        let send = get("/challenge/send").method(Method::POST).set_json(json!({ "id": id })).to_request();
        assert_eq!(call_service(&app, send).await.status(), 200);
        let code = inbox.last_code("+12025550123").unwrap();
        let inline = get(path).insert_header(("challenge-id", id)).insert_header(("challenge-answer", code));
        let passed = call_service(&app, inline.to_request()).await;
        assert_eq!(passed.status(), 200, "{path}");
        let clearance = passed.headers().get("challenge-clearance").unwrap().clone();
        assert!(passed.headers().contains_key("set-cookie"));
        assert_eq!(text_of(passed).await, "gold");
        let again =
            call_service(&app, get(path).insert_header(("challenge-clearance", clearance)).to_request())
                .await;
        assert_eq!(text_of(again).await, "gold");
    }
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

#[actix_web::test]
async fn r10_a_courier_that_hangs_is_answered_with_503_within_the_deadline() {
    for (answers, expected) in [(MissingContacts::Tell, (503, 3)), (MissingContacts::Hide, (200, 0))] {
        assert_eq!(send_with_a_courier_that_hangs(answers).await, expected, "{answers:?}");
    }
}

/// Status, and the seconds that it took.
async fn send_with_a_courier_that_hangs(answers: MissingContacts) -> (u16, u64) {
    let engine =
        builder().courier(Channel::Sms, Hanging).countries(Countries::any()).missing_contacts(answers);
    let engine = engine.deadline(Duration::from_secs(3)).build().unwrap();
    let app = app(&engine).await;
    let blocked = call_service(&app, get("/middleware").to_request()).await;
    let id = json_of(blocked).await["alternatives"][0][0]["id"].clone();
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let send = get("/challenge/send").method(Method::POST).set_json(json!({ "id": id })).to_request();
    let late = call_service(&app, send).await;
    tokio::time::resume();
    assert_eq!(late.status() == 503, late.headers().contains_key("retry-after"));
    (late.status().as_u16(), began.elapsed().as_secs())
}

/// What was promised before the message left: that it is told if it did not, and that nobody has to wait then.
#[actix_web::test]
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
    let app = app(&engine).await;
    let id =
        json_of(call_service(&app, get("/middleware").to_request()).await).await["alternatives"][0][0]["id"]
            .clone();
    let send = || get("/challenge/send").method(Method::POST).set_json(json!({ "id": id })).to_request();
    assert_eq!(call_service(&app, send()).await.status(), 200);
    assert_eq!((sent.load(Ordering::SeqCst), failed.load(Ordering::SeqCst)), (1, 0));
    tokio::time::pause();
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_secs(4)).await;
    tokio::task::yield_now().await;
    assert_eq!((sent.load(Ordering::SeqCst), failed.load(Ordering::SeqCst)), (1, 1));
    assert_eq!(call_service(&app, send()).await.status(), 200);
    assert_eq!(sent.load(Ordering::SeqCst), 2, "another message, and no wait");
}

#[actix_web::test]
async fn r10_a_gate_that_was_not_configured_is_closed() {
    let app = init_service(App::new().service(web::resource("/extractor").to(by_extractor))).await;
    assert_eq!(call_service(&app, get("/extractor").to_request()).await.status(), 500);
}

/// What is below the mount path and no endpoint.
const NOWHERE: [&str; 8] = [
    "/challenge",
    "/challenge/",
    "/challenge/send/",
    "/challenge//send",
    "/challenge/x/send",
    "/challenge/se%6Ed",
    "/challenge/SEND",
    "/challenge/send/x",
];

#[actix_web::test]
async fn r12_an_endpoint_is_at_its_one_path() {
    let engine = builder().inbox(Inbox::new()).build().unwrap();
    let app = app(&engine).await;
    let post =
        |path: &str| get(path).method(Method::POST).insert_header(("content-type", "application/json"));
    for path in NOWHERE {
        let answer = call_service(&app, post(path).to_request()).await;
        assert_eq!(answer.status(), 404, "{path}");
        assert!(text_of(answer).await.contains("not_found"), "{path}");
    }
    assert_eq!(call_service(&app, post("/challenge/send").to_request()).await.status(), 400, "no body");
    // Behind a proxy that cuts a prefix off, and below another scope.
    let cut = init_service(App::new().service(web::scope("/c").service(endpoints(&engine, "/d/")))).await;
    assert_eq!(call_service(&cut, post("/c/d/send").to_request()).await.status(), 400);
    assert_eq!(call_service(&cut, post("/c/d/x/send").to_request()).await.status(), 404);
}

struct Bank {
    safe: Gate,
}

#[derive(Default)]
struct Safe;

impl Protected for Safe {
    type State = Bank;

    fn gate(bank: &Bank) -> &Gate {
        &bank.safe
    }
}

/// State is where applications keep it, shared or not.
#[actix_web::test]
async fn an_extractor_finds_its_gate_in_the_applications_state() {
    let engine = builder().inbox(Inbox::new()).build().unwrap();
    let bank = || Bank { safe: engine.gate(Policy::new("safe").require(Factor::code("step-up"))).unwrap() };
    let open = async |verified: Verified<Safe>| verified.pass().with("gold");
    let shared =
        init_service(App::new().app_data(web::Data::new(bank())).route("/safe", web::get().to(open))).await;
    let plain = init_service(App::new().app_data(bank()).route("/safe", web::get().to(open))).await;
    for blocked in [
        call_service(&shared, get("/safe").to_request()).await,
        call_service(&plain, get("/safe").to_request()).await,
    ] {
        assert_eq!(blocked.headers().get("challenge-required").unwrap(), "safe");
    }
}

#[actix_web::test]
async fn r11_a_route_that_the_middleware_missed_is_found() {
    let app = app(&builder().inbox(Inbox::new()).build().unwrap()).await;
    let routes = [(Method::GET, "/middleware"), (Method::GET, "/scope/deep"), (Method::GET, "/open")];
    assert_eq!(unguarded(&app, routes).await, ["GET /open"]);
}
