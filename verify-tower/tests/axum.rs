//! The layer, the guard and the extractor inside axum.
#![cfg(feature = "axum")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;
use verify_core::{Channel, Contact, Engine, Factor, Gate, Inbox, KeyRing, Origin, Policy, Subject};
use verify_tower::{Blocked, ChallengeLayer, EndpointService, Guard, Protected, Verified, unguarded};

#[derive(Clone)]
struct Bank {
    vault: Gate,
}

#[derive(Default)]
struct Vault;

impl Protected for Vault {
    type State = Bank;

    fn gate(bank: &Bank) -> &Gate {
        &bank.vault
    }
}

async fn by_extractor(verified: Verified<Vault>) -> impl IntoResponse {
    (verified.pass(), "gold")
}

async fn by_guard(guard: Guard, State(bank): State<Bank>) -> Result<impl IntoResponse, Blocked> {
    Ok((guard.require(&bank.vault).await?, "gold"))
}

async fn if_need_be(guard: Guard, State(bank): State<Bank>, uri: Uri) -> Result<impl IntoResponse, Blocked> {
    let pass = if uri.query().is_some() { guard.require(&bank.vault).await? } else { guard.pass() };
    Ok((pass, "gold"))
}

fn app() -> (Router, Inbox) {
    let inbox = Inbox::new();
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let engine = Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
        .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
        .subject(|head| Some(Subject::user(head.header("x-user")?)))
        .inbox(inbox.clone())
        .build()
        .unwrap();
    let vault = engine.gate(Policy::new("vault").require(Factor::code("step-up"))).unwrap();
    let inner =
        Router::new().route("/deep", get(|| async { "gold" })).layer(ChallengeLayer::from(vault.clone()));
    let app = Router::new()
        .route("/layer", get(|| async { "gold" }).layer(ChallengeLayer::from(vault.clone())))
        .route("/extractor", get(by_extractor).post(by_extractor))
        .route("/guard", post(by_guard))
        .route("/perhaps", get(if_need_be))
        .nest("/nested", inner)
        .nest_service("/challenge", EndpointService::new(&engine))
        .route("/open", get(|| async { "free" }))
        .with_state(Bank { vault });
    (app, inbox)
}

async fn ask(app: &Router, method: Method, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path).header("x-user", "alice");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text_of(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn layer_guard_and_extractor_ask_alike() {
    for (method, path) in [(Method::GET, "/layer"), (Method::GET, "/extractor"), (Method::POST, "/guard")] {
        let (app, inbox) = app();
        let blocked = ask(&app, method.clone(), path, &[]).await;
        assert_eq!(blocked.status(), 403, "{path}");
        assert_eq!(blocked.headers()["challenge-required"], "vault");
        let body: Value = serde_json::from_str(&text_of(blocked).await).unwrap();
        let id = body["alternatives"][0][0]["id"].as_str().unwrap().to_owned();
        let call = Request::post("/challenge/send")
            .header("x-user", "alice")
            .header("content-type", "application/json")
            .body(Body::from(serde_json::json!({ "id": id }).to_string()))
            .unwrap();
        assert_eq!(app.clone().oneshot(call).await.unwrap().status(), 200);
        let code = inbox.last_code("+12025550123").unwrap();
        let passed =
            ask(&app, method.clone(), path, &[("challenge-id", &id), ("challenge-answer", &code)]).await;
        assert_eq!(passed.status(), 200, "{path}");
        let clearance = passed.headers()["challenge-clearance"].to_str().unwrap().to_owned();
        assert!(passed.headers().contains_key("set-cookie"));
        assert_eq!(text_of(passed).await, "gold");
        let again = ask(&app, method, path, &[("challenge-clearance", &clearance)]).await;
        assert_eq!(text_of(again).await, "gold");
    }
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

#[tokio::test]
async fn r12_an_endpoint_is_at_its_one_path() {
    let (app, _) = app();
    for path in NOWHERE {
        let answer = ask(&app, Method::POST, path, &[("content-type", "application/json")]).await;
        assert_eq!(answer.status(), 404, "{path}");
        assert!(text_of(answer).await.contains("not_found"), "{path}");
    }
    let answer = ask(&app, Method::POST, "/challenge/send", &[("content-type", "application/json")]).await;
    assert_eq!(answer.status(), 400, "no body");
}

/// Behind a proxy that cuts a prefix off, under a router that leaves the mount path on, and below another router.
#[tokio::test]
async fn r12_an_endpoint_is_found_however_its_path_was_cut() {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let origin = Origin::parse("https://bank.example").unwrap();
    let engine = Engine::builder(keys, origin).mount("/api/challenge").build().unwrap();
    let service = || EndpointService::new(&engine);
    let routers = [
        ("/c/send", Router::new().nest_service("/c", service())),
        ("/api/challenge/send", Router::new().route_service("/api/challenge/{name}", service())),
        (
            "/api/challenge/send",
            Router::new().nest("/api", Router::new().route_service("/challenge/{name}", service())),
        ),
        ("/api/challenge/send", Router::new().fallback_service(service())),
    ];
    for (path, app) in routers {
        let answer = ask(&app, Method::POST, path, &[("content-type", "application/json")]).await;
        assert_eq!(answer.status(), 400, "{path}");
    }
}

#[tokio::test]
async fn a_guard_passes_what_needs_no_proof() {
    let (app, _) = app();
    let free = ask(&app, Method::GET, "/perhaps", &[]).await;
    assert_eq!((free.status().as_u16(), free.headers().contains_key("set-cookie")), (200, false));
    assert_eq!(ask(&app, Method::GET, "/perhaps?amount=1", &[]).await.status(), 403);
}

#[tokio::test]
async fn a_browser_whose_form_meets_an_extractor_is_told_to_send_it_again() {
    let (app, _) = app();
    let form = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let blocked = ask(&app, Method::POST, "/extractor", &form).await;
    assert_eq!(blocked.status(), 403);
    assert!(text_of(blocked).await.contains("send it again"));
}

#[tokio::test]
async fn r08_a_nested_route_is_guarded_however_its_path_is_spelt() {
    let (app, _) = app();
    for path in [
        "/nested/deep",
        "/nested/deep?x=1",
        "//nested/deep",
        "/nested/%64eep",
        "/nested/deep/",
        "/nested//deep",
    ] {
        let answer = ask(&app, Method::GET, path, &[]).await;
        assert!(matches!(answer.status().as_u16(), 403 | 404), "{path}: {}", answer.status());
    }
}

#[tokio::test]
async fn r11_a_route_that_the_layer_missed_is_found() {
    let (app, _) = app();
    let routes = [
        (Method::GET, "/layer"),
        (Method::GET, "/extractor"),
        (Method::GET, "/nested/deep"),
        (Method::GET, "/open"),
    ];
    assert_eq!(unguarded::<_, Body, _>(app, routes).await, ["GET /open"]);
}
