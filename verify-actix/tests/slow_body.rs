//! Bodies that arrive too slowly, or never: nobody waits for them longer than the deadline.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use actix_http::{BoxedPayloadStream, Payload};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, web};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use serde_json::Value;
use tokio::time::Instant;
use verify_actix::{Challenge, api, endpoints};
use verify_core::{Api, Engine, Factor, KeyRing, Origin, Policy, Reply};

struct Refusing;

#[async_trait]
impl Api for Refusing {
    async fn answer(&self, _: http::Request<Bytes>) -> Reply {
        Reply::default()
    }

    fn refuse_body(&self, _: &http::request::Parts, too_large: bool) -> Reply {
        assert!(!too_large);
        let mut reply = Reply::default();
        *reply.status_mut() = http::StatusCode::BAD_REQUEST;
        reply
    }
}

#[actix_web::test]
async fn r10_a_body_that_does_not_arrive_is_given_up() {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let engine = Engine::builder(keys, Origin::parse("https://bank.example").unwrap());
    let engine = engine.deadline(Duration::from_secs(3)).build().unwrap();
    let policy = Policy::new("feed").require(Factor::proof_of_work("human"));
    let app = init_service(
        App::new()
            .service(
                web::resource("/feed").to(|| async { "in" }).wrap(Challenge::new(&engine, policy).unwrap()),
            )
            .service(endpoints(&engine, "/challenge"))
            .service(api("/v2", Refusing)),
    )
    .await;
    tokio::time::pause();
    let form = "application/x-www-form-urlencoded";
    for (path, kind, status, code, seconds) in [
        ("/feed", form, 408, None, 3),
        ("/challenge/send", "application/json", 408, Some("request_timeout"), 3),
        ("/v2/any", form, 400, None, 10),
    ] {
        let request = TestRequest::post().uri(path).insert_header(("content-type", kind));
        let request =
            request.insert_header(("accept", if code.is_some() { "application/json" } else { "text/html" }));
        let payload: BoxedPayloadStream = Box::pin(stream::pending());
        let stalled = Payload::Stream { payload };
        let (request, _) = request.to_request().replace_payload(stalled);
        let began = Instant::now();
        let response = call_service(&app, request).await;
        assert_eq!((response.status().as_u16(), began.elapsed().as_secs()), (status, seconds), "{path}");
        let body: Value = serde_json::from_slice(&read_body(response).await).unwrap_or_default();
        assert_eq!(body["code"].as_str(), code);
    }
}

/// An API whose answer never comes.
struct Hanging;

#[async_trait::async_trait]
impl Api for Hanging {
    async fn answer(&self, _: http::Request<Bytes>) -> Reply {
        std::future::pending().await
    }

    fn refuse_body(&self, _: &http::request::Parts, _: bool) -> Reply {
        Reply::default()
    }
}

/// One that knows, when it is too late, what was asked for.
struct Late;

#[async_trait::async_trait]
impl Api for Late {
    async fn answer(&self, _: http::Request<Bytes>) -> Reply {
        std::future::pending().await
    }

    fn refuse_body(&self, _: &http::request::Parts, _: bool) -> Reply {
        Reply::default()
    }

    fn too_late(&self, head: &http::request::Parts) -> Reply {
        Reply::new(format!("{} {}", head.method, head.uri).into())
    }
}

#[actix_web::test]
async fn r10_an_answer_that_does_not_come_is_given_up() {
    tokio::time::pause();
    let app = init_service(App::new().service(api("/v2", Hanging))).await;
    let late = call_service(&app, TestRequest::get().uri("/v2/x").to_request()).await;
    assert_eq!(late.status(), 503);
    assert!(late.headers().contains_key("retry-after"));
    let app = init_service(App::new().service(api("/v2", Late))).await;
    let late = call_service(&app, TestRequest::put().uri("/v2/x?y").to_request()).await;
    assert_eq!(read_body(late).await, "PUT /v2/x?y");
}
