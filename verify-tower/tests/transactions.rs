//! Transactions that the handler names: what is approved is the value that it has got.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use axum::{Form, Json, Router};
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::{Layer, ServiceExt};
use verify_core::{
    Account, BindError, Channel, Contact, Currency, DescribesTransaction, Engine, Factor, Gate, Inbox,
    KeyRing, Money, Origin, Payee, Policy, Psd2, Subject, Transaction,
};
use verify_tower::{Blocked, ChallengeLayer, EndpointService, Guard, Protected, Verified};

const IBAN: &str = "DE89370400440532013000";

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    amount: String,
    name: String,
    iban: String,
}

impl DescribesTransaction for Transfer {
    fn transaction(&self) -> Result<Transaction, BindError> {
        let amount = Money::parse(&self.amount, Currency::parse("EUR")?);
        let amount = amount.map_err(|error| BindError::from(error).at("amount"))?;
        Ok(Transaction::payment(amount, Payee::new(&self.name, Account::iban(&self.iban)?)?)?)
    }
}

#[derive(Clone)]
struct Bank {
    transfers: Gate,
}

impl Protected for Transfer {
    type State = Bank;

    fn gate(bank: &Bank) -> &Gate {
        &bank.transfers
    }
}

async fn by_json(verified: Verified<Json<Transfer>>) -> impl IntoResponse {
    let (Json(transfer), pass) = verified.into_parts();
    (pass, format!("{} to {}", transfer.amount, transfer.name))
}

async fn by_form(verified: Verified<Form<Transfer>>) -> impl IntoResponse {
    let (Form(transfer), pass) = verified.into_parts();
    (pass, format!("{} to {}", transfer.amount, transfer.name))
}

async fn by_guard(
    guard: Guard,
    State(bank): State<Bank>,
    Json(transfer): Json<Transfer>,
) -> Result<Response, Blocked> {
    let transaction = transfer.transaction().expect("the test sends what can be read");
    let pass = guard.require_transaction(&bank.transfers, &transaction).await?;
    Ok((pass, format!("{} to {}", transfer.amount, transfer.name)).into_response())
}

fn engine(inbox: &Inbox) -> Engine {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
        .inbox(inbox.clone())
        .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
        .subject(|head| Some(Subject::user(head.header("x-user")?)))
        .build()
        .unwrap()
}

fn app() -> (Router, Inbox) {
    let inbox = Inbox::new();
    let engine = engine(&inbox);
    let policy = Policy::new("transfer").require(Factor::code("approval")).bind_in_handler();
    let bank = Bank { transfers: engine.gate(policy).unwrap() };
    let app = Router::new()
        .route("/json", post(by_json))
        .route("/form", post(by_form))
        .route("/guard", post(by_guard))
        .with_state(bank)
        .nest_service("/challenge", EndpointService::new(&engine));
    (app, inbox)
}

async fn ask(app: &Router, path: &str, kind: &str, headers: &[(&str, &str)], body: String) -> (u16, String) {
    let mut request = Request::post(path).header("x-user", "alice").header("content-type", kind);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn order(kind: &str, amount: &str) -> String {
    if kind == JSON {
        return json!({ "amount": amount, "name": "Acme Inc.", "iban": IBAN }).to_string();
    }
    format!("amount={amount}&name=Acme+Inc.&iban={IBAN}")
}

#[tokio::test]
async fn r23_e41_the_value_that_is_bound_is_the_one_that_the_handler_gets() {
    for (path, kind) in [("/json", JSON), ("/form", FORM), ("/guard", JSON)] {
        let (app, inbox) = app();
        let (status, body) = ask(&app, path, kind, &[], order(kind, "10.00")).await;
        assert_eq!(status, 403, "{path}: {body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        let challenge = &body["alternatives"][0][0];
        assert_eq!(challenge["transaction"]["amount"], "10.00");
        let id = challenge["id"].as_str().unwrap();
        let (status, _) = ask(&app, "/challenge/send", JSON, &[], json!({ "id": id }).to_string()).await;
        assert_eq!(status, 200);
        let code = inbox.last_code("+12025550123").unwrap();
        let answer = [("challenge-id", id), ("challenge-answer", code.as_str())];
        let (status, body) = ask(&app, path, kind, &answer, order(kind, "10")).await;
        assert_eq!((status, body.as_str()), (200, "10 to Acme Inc."), "{path}");
        let (status, _) = ask(&app, path, kind, &answer, order(kind, "10")).await;
        assert_eq!(status, 409, "{path}: once");
        let (status, body) = ask(&app, path, kind, &[], order(kind, "20.00")).await;
        assert_eq!(status, 403, "{path}: {body}");
    }
}

#[tokio::test]
async fn r24_the_handler_is_not_reached_with_other_values() {
    for (path, kind) in [("/json", JSON), ("/form", FORM), ("/guard", JSON)] {
        let (app, inbox) = app();
        let (_, body) = ask(&app, path, kind, &[], order(kind, "10.00")).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        let id = body["alternatives"][0][0]["id"].as_str().unwrap();
        ask(&app, "/challenge/send", JSON, &[], json!({ "id": id }).to_string()).await;
        let code = inbox.last_code("+12025550123").unwrap();
        let answer = [("challenge-id", id), ("challenge-answer", code.as_str())];
        for amount in ["1000.00", "10.00"] {
            let (status, body) = ask(&app, path, kind, &answer, order(kind, amount)).await;
            assert_eq!(status, 409, "{path}, {amount}: {body}");
        }
    }
}

#[tokio::test]
async fn e52_what_cannot_be_approved_is_told_with_its_field() {
    let (app, _) = app();
    let (status, body) = ask(&app, "/json", JSON, &[], order(JSON, "1e1")).await;
    assert_eq!(status, 422);
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["field"], "amount");
    let (status, _) = ask(&app, "/json", JSON, &[], "{\"amount\":1}".to_owned()).await;
    assert_eq!(status, 422, "axum's own refusal");
    let (status, _) = ask(&app, "/json", "text/plain", &[], order(JSON, "1")).await;
    assert_eq!(status, 415);
}

/// The page of a form that an extractor has blocked goes all the way, and the handler gets its own fields alone.
#[tokio::test]
async fn r15_a_browser_approves_a_form_that_an_extractor_reads() {
    let (app, inbox) = app();
    let browser =
        [("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-site", "same-origin")];
    let ticket = |page: &str| {
        let (_, rest) = page.split_once("name=\"challenge-id\" value=\"").expect("a ticket");
        rest.split('"').next().unwrap().to_owned()
    };
    let fields = order(FORM, "10.00");
    let (status, page) = ask(&app, "/form", FORM, &browser, fields.clone()).await;
    assert_eq!(status, 403);
    let send = format!("{fields}&challenge-id={}", ticket(&page));
    let (status, page) = ask(&app, "/challenge/send?carry", FORM, &browser, send).await;
    assert_eq!(status, 200);
    assert!(page.contains("one-time-code") && page.contains("EUR 10.00"), "{page}");
    let code = inbox.last_code("+12025550123").unwrap();
    let answer = format!("{fields}&challenge-id={}&challenge-answer={code}", ticket(&page));
    let (status, body) = ask(&app, "/form", FORM, &browser, answer).await;
    assert_eq!((status, body.as_str()), (200, "10.00 to Acme Inc."));
}

/// Behind a layer, the gate hears how the handler answered.
#[tokio::test]
async fn r30_the_layer_settles_with_the_handlers_answer() {
    let inbox = Inbox::new();
    let engine = engine(&inbox);
    let policy = || {
        Policy::new("transfer")
            .require(Factor::code("approval"))
            .bind(Psd2::json("/amount", "/currency", "/name", "/iban"))
            .restore_on_5xx()
    };
    let calls = std::sync::Arc::new(std::sync::atomic::AtomicU16::new(0));
    let counted = std::sync::Arc::clone(&calls);
    let handler = move |body: String| {
        let call = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move {
            let status = if call == 0 { 500 } else { 201 };
            (http::StatusCode::from_u16(status).unwrap(), format!("{call}: {}", body.len()))
        }
    };
    let app = Router::new()
        .route("/transfers", any(handler).layer(ChallengeLayer::new(&engine, policy()).unwrap()))
        .nest_service("/challenge", EndpointService::new(&engine));
    let body = json!({ "amount": "1", "currency": "EUR", "name": "A", "iban": IBAN }).to_string();
    let (_, blocked) = ask(&app, "/transfers", JSON, &[], body.clone()).await;
    let blocked: Value = serde_json::from_str(&blocked).unwrap();
    let id = blocked["alternatives"][0][0]["id"].as_str().unwrap();
    ask(&app, "/challenge/send", JSON, &[], json!({ "id": id }).to_string()).await;
    let code = inbox.last_code("+12025550123").unwrap();
    let (_, checked) =
        ask(&app, "/challenge/check", JSON, &[], json!({ "id": id, "code": code }).to_string()).await;
    let checked: Value = serde_json::from_str(&checked).unwrap();
    let clearance = checked["clearance"].as_str().unwrap();
    let with = [("challenge-clearance", clearance), ("idempotency-key", "k")];
    let length = body.len();
    let answers =
        [(500, format!("0: {length}")), (201, format!("1: {length}")), (201, format!("1: {length}"))];
    for expected in answers {
        assert_eq!(ask(&app, "/transfers", JSON, &with, body.clone()).await, expected);
    }
    assert_eq!(
        calls.load(std::sync::atomic::Ordering::SeqCst),
        2,
        "the third answer is the second once more"
    );
}

/// An error of the inner service is a failure of the handler, and stays the inner service's error.
#[tokio::test]
async fn r30_an_inner_error_is_settled_as_500_and_passes_through() {
    let inbox = Inbox::new();
    let engine = engine(&inbox);
    let policy = Policy::new("transfer")
        .require(Factor::code("approval"))
        .bind(Psd2::json("/amount", "/currency", "/name", "/iban"))
        .restore_on_5xx();
    let layer = ChallengeLayer::new(&engine, policy).unwrap();
    let body = json!({ "amount": "1", "currency": "EUR", "name": "A", "iban": IBAN }).to_string();
    let pay = || Request::post("/transfers").header("x-user", "alice").header("content-type", JSON);
    let failing = |_: Request<Body>| async { Err::<Response, _>("broken") };
    let working = |_: Request<Body>| async { Ok::<_, &str>(Response::new(Body::from("done"))) };
    let (failing, working) =
        (layer.layer(tower::service_fn(failing)), layer.layer(tower::service_fn(working)));
    let blocked = working.clone().oneshot(pay().body(Body::from(body.clone())).unwrap()).await.unwrap();
    let blocked: Value =
        serde_json::from_slice(&blocked.into_body().collect().await.unwrap().to_bytes()).unwrap();
    let id = blocked["alternatives"][0][0]["id"].as_str().unwrap().to_owned();
    let app: Router = Router::new().nest_service("/challenge", EndpointService::new(&engine));
    ask(&app, "/challenge/send", JSON, &[], json!({ "id": id }).to_string()).await;
    let code = json!({ "id": id, "code": inbox.last_code("+12025550123").unwrap() });
    let (_, checked) = ask(&app, "/challenge/check", JSON, &[], code.to_string()).await;
    let checked: Value = serde_json::from_str(&checked).unwrap();
    let cleared = || {
        let request = pay().header("challenge-clearance", checked["clearance"].as_str().unwrap());
        request.header("idempotency-key", "k").body(Body::from(body.clone())).unwrap()
    };
    assert_eq!(failing.oneshot(cleared()).await.unwrap_err(), "broken");
    let again = working.oneshot(cleared()).await.unwrap();
    assert_eq!(again.status(), 200, "the approval was given back");
}
