//! Transactions that the handler names: what is approved is the value that it has got.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use actix_http::Request;
use actix_web::body::{BoxBody, to_bytes};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, Error, HttpRequest, HttpResponse, Responder, web};
use serde_json::{Value, json};
use verify_actix::{Blocked, Challenge, Guard, Protected, Verified, endpoints};
use verify_core::{
    Account, BindError, Channel, Contact, Currency, DescribesTransaction, Engine, Factor, Gate, Inbox,
    KeyRing, Money, Origin, Payee, Policy, Psd2, Subject, Transaction,
};

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

impl Protected for Transfer {
    type State = Gate;

    fn gate(gate: &Gate) -> &Gate {
        gate
    }
}

async fn by_json(verified: Verified<web::Json<Transfer>>) -> impl Responder {
    let (transfer, pass) = verified.into_parts();
    pass.with(format!("{} to {}", transfer.amount, transfer.name))
}

async fn by_form(verified: Verified<web::Form<Transfer>>) -> impl Responder {
    let (transfer, pass) = verified.into_parts();
    pass.with(format!("{} to {}", transfer.amount, transfer.name))
}

async fn by_guard(
    guard: Guard,
    request: HttpRequest,
    transfer: web::Json<Transfer>,
) -> Result<impl Responder, Blocked> {
    let transaction = transfer.transaction().expect("the test sends what can be read");
    let gate = request.app_data::<Gate>().expect("the gate is there");
    let pass = guard.require_transaction(gate, &transaction).await?;
    Ok(pass.with(format!("{} to {}", transfer.amount, transfer.name)))
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

async fn app(
    inbox: Inbox,
) -> impl Service<Request, Response = ServiceResponse<impl actix_web::body::MessageBody>, Error = Error> {
    let engine = engine(&inbox);
    let policy = Policy::new("transfer").require(Factor::code("approval")).bind_in_handler();
    let gate = engine.gate(policy).unwrap();
    init_service(
        App::new()
            .app_data(gate)
            .route("/json", web::post().to(by_json))
            .route("/form", web::post().to(by_form))
            .route("/guard", web::post().to(by_guard))
            .service(endpoints(&engine, "/challenge")),
    )
    .await
}

async fn ask<S, B>(app: &S, path: &str, kind: &str, headers: &[(&str, &str)], body: String) -> (u16, String)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: actix_web::body::MessageBody,
{
    let mut request = TestRequest::post().uri(path).insert_header(("x-user", "alice"));
    request = request.insert_header(("content-type", kind));
    for (name, value) in headers {
        request = request.append_header((*name, *value));
    }
    let response = call_service(app, request.set_payload(body).to_request()).await;
    let status = response.status().as_u16();
    (status, String::from_utf8(read_body(response).await.to_vec()).unwrap())
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn order(kind: &str, amount: &str) -> String {
    if kind == JSON {
        return json!({ "amount": amount, "name": "Acme Inc.", "iban": IBAN }).to_string();
    }
    format!("amount={amount}&name=Acme+Inc.&iban={IBAN}")
}

#[actix_web::test]
async fn r23_e41_the_value_that_is_bound_is_the_one_that_the_handler_gets() {
    for (path, kind) in [("/json", JSON), ("/form", FORM), ("/guard", JSON)] {
        let inbox = Inbox::new();
        let app = app(inbox.clone()).await;
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
    }
}

#[actix_web::test]
async fn r24_the_handler_is_not_reached_with_other_values() {
    for (path, kind) in [("/json", JSON), ("/form", FORM), ("/guard", JSON)] {
        let inbox = Inbox::new();
        let app = app(inbox.clone()).await;
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

#[actix_web::test]
async fn e52_what_cannot_be_approved_is_told_with_its_field() {
    let app = app(Inbox::new()).await;
    let (status, body) = ask(&app, "/json", JSON, &[], order(JSON, "1e1")).await;
    assert_eq!(status, 422);
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["field"], "amount");
    let (status, _) = ask(&app, "/json", JSON, &[], "{\"amount\":1}".to_owned()).await;
    assert_eq!(status, 400, "actix's own refusal");
}

/// Behind the middleware, the gate hears how the handler answered.
#[actix_web::test]
async fn r30_the_middleware_settles_with_the_handlers_answer() {
    let inbox = Inbox::new();
    let engine = engine(&inbox);
    let policy = Policy::new("transfer")
        .require(Factor::code("approval"))
        .bind(Psd2::json("/amount", "/currency", "/name", "/iban"))
        .restore_on_5xx();
    let calls = Arc::new(AtomicU16::new(0));
    let counted = Arc::clone(&calls);
    let handler = move |body: String| {
        let call = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            let status = if call == 0 { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::CREATED };
            HttpResponse::build(status).content_type("text/plain").body(format!("{call}: {}", body.len()))
        }
    };
    let guard = Challenge::new(&engine, policy).unwrap();
    let app = init_service(
        App::new()
            .service(web::resource("/transfers").to(handler).wrap(guard))
            .service(endpoints(&engine, "/challenge")),
    )
    .await;
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
    assert_eq!(calls.load(Ordering::SeqCst), 2, "the third answer is the second once more");
}

/// An error of a middleware further in is an answer that is still to be made: it settles, and carries the clearance.
#[actix_web::test]
async fn r30_an_inner_error_is_settled_and_carries_the_clearance() {
    let inbox = Inbox::new();
    let engine = engine(&inbox);
    let code = || Factor::code("approval");
    let transfer = Policy::new("transfer").require(code());
    let transfer = transfer.bind(Psd2::json("/amount", "/currency", "/name", "/iban")).restore_on_5xx();
    let broken = Arc::new(AtomicBool::new(true));
    let first_fails = |broken: &Arc<AtomicBool>| {
        let broken = Arc::clone(broken);
        from_fn(move |request: ServiceRequest, next: Next<BoxBody>| {
            let broken = Arc::clone(&broken);
            async move {
                if broken.swap(false, Ordering::SeqCst) {
                    return Err(actix_web::error::ErrorBadGateway("broken"));
                }
                next.call(request).await
            }
        })
    };
    let app = init_service(
        App::new()
            .service(
                web::resource("/transfers")
                    .to(|| async { "done" })
                    .wrap(first_fails(&broken))
                    .wrap(Challenge::new(&engine, transfer).unwrap()),
            )
            .service(web::resource("/vault").to(|| async { "gold" }).wrap(first_fails(&broken)).wrap(
                Challenge::new(&engine, Policy::new("vault").require(Factor::code("step-up"))).unwrap(),
            ))
            .service(endpoints(&engine, "/challenge")),
    )
    .await;
    let body = json!({ "amount": "1", "currency": "EUR", "name": "A", "iban": IBAN }).to_string();
    let open = async |path: &str| {
        let (_, blocked) = ask(&app, path, JSON, &[], body.clone()).await;
        let blocked: Value = serde_json::from_str(&blocked).unwrap();
        let id = blocked["alternatives"][0][0]["id"].as_str().unwrap().to_owned();
        ask(&app, "/challenge/send", JSON, &[], json!({ "id": id }).to_string()).await;
        (id, inbox.last_code("+12025550123").unwrap())
    };
    let failing = async |path: &str, headers: &[(&str, &str)]| {
        let mut request = TestRequest::post().uri(path).insert_header(("x-user", "alice"));
        for (name, value) in headers.iter().chain(&[("content-type", JSON)]) {
            request = request.append_header((*name, *value));
        }
        let error =
            app.call(request.set_payload(body.clone()).to_request()).await.expect_err("it stays an error");
        assert_eq!(error.to_string(), "broken");
        let answer = error.error_response();
        assert_eq!(answer.status(), 502);
        let clearance =
            answer.headers().get("challenge-clearance").map(|value| value.to_str().unwrap().to_owned());
        (clearance, to_bytes(answer.into_body()).await.unwrap())
    };

    let (id, code) = open("/transfers").await;
    let (_, checked) =
        ask(&app, "/challenge/check", JSON, &[], json!({ "id": id, "code": code }).to_string()).await;
    let checked: Value = serde_json::from_str(&checked).unwrap();
    let with = [("challenge-clearance", checked["clearance"].as_str().unwrap()), ("idempotency-key", "k")];
    let (_, text) = failing("/transfers", &with).await;
    assert_eq!(text, "broken", "the error's own answer");
    assert_eq!(
        ask(&app, "/transfers", JSON, &with, body.clone()).await,
        (200, "done".to_owned()),
        "given back"
    );

    broken.store(true, Ordering::SeqCst);
    let (id, code) = open("/vault").await;
    let (clearance, _) = failing("/vault", &[("challenge-id", &id), ("challenge-answer", &code)]).await;
    let with = [("challenge-clearance", clearance.as_deref().expect("the code is spent"))];
    assert_eq!(ask(&app, "/vault", JSON, &with, body.clone()).await, (200, "gold".to_owned()));
}
