//! Bodies that arrive too slowly, or never: nobody waits for them longer than the deadline.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full};
use serde_json::Value;
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};
use verify_core::{Api, Engine, Factor, KeyRing, Origin, Policy, Reply};
use verify_tower::{ApiService, ChallengeLayer, EndpointService};

/// Never ends, and never begins.
#[derive(Debug)]
struct Stalled;

impl Body for Stalled {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

impl From<Bytes> for Stalled {
    fn from(_: Bytes) -> Self {
        Self
    }
}

fn engine() -> Engine {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
        .deadline(Duration::from_secs(3))
        .build()
        .unwrap()
}

async fn told(response: Response<Full<Bytes>>, began: Instant) -> (u16, Value, u64) {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default(), began.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn r10_a_body_that_does_not_arrive_is_given_up_at_the_gate() {
    let policy = Policy::new("feed").require(Factor::proof_of_work("human"));
    let layer = ChallengeLayer::new(&engine(), policy).unwrap();
    let inner = service_fn(|_: Request<Stalled>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let form = Request::post("/feed")
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded");
    let began = Instant::now();
    let response = layer.layer(inner).oneshot(form.body(Stalled).unwrap()).await.unwrap();
    let (status, _, seconds) = told(response, began).await;
    assert_eq!((status, seconds), (408, 3));
}

#[tokio::test(start_paused = true)]
async fn r10_a_body_that_does_not_arrive_is_given_up_at_the_endpoints() {
    let call = Request::post("/challenge/send").header("content-type", "application/json");
    let began = Instant::now();
    let response = EndpointService::new(&engine()).oneshot(call.body(Stalled).unwrap()).await.unwrap();
    let (status, body, seconds) = told(response, began).await;
    assert_eq!((status, &body["code"], seconds), (408, &"request_timeout".into(), 3));
}

struct Refusing;

#[async_trait]
impl Api for Refusing {
    async fn answer(&self, _: Request<Bytes>) -> Reply {
        Reply::default()
    }

    fn refuse_body(&self, _: &http::request::Parts, too_large: bool) -> Reply {
        assert!(!too_large);
        let mut reply = Reply::default();
        *reply.status_mut() = StatusCode::BAD_REQUEST;
        reply
    }
}

#[tokio::test(start_paused = true)]
async fn r10_a_body_that_does_not_arrive_is_given_up_at_an_api() {
    let began = Instant::now();
    let response =
        ApiService::new(Refusing).oneshot(Request::post("/v2").body(Stalled).unwrap()).await.unwrap();
    let (status, _, seconds) = told(response, began).await;
    assert_eq!((status, seconds), (400, 10));
}

/// An API whose answer never comes.
struct Hanging;

#[async_trait::async_trait]
impl Api for Hanging {
    async fn answer(&self, _: Request<Bytes>) -> Reply {
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
    async fn answer(&self, _: Request<Bytes>) -> Reply {
        std::future::pending().await
    }

    fn refuse_body(&self, _: &http::request::Parts, _: bool) -> Reply {
        Reply::default()
    }

    fn too_late(&self, head: &http::request::Parts) -> Reply {
        Reply::new(format!("{} {}", head.method, head.uri).into())
    }
}

#[tokio::test(start_paused = true)]
async fn r10_an_answer_that_does_not_come_is_given_up() {
    let began = Instant::now();
    let request = Request::get("/").body(Empty::<Bytes>::new()).unwrap();
    let late = ApiService::new(Hanging).oneshot(request).await.unwrap();
    assert_eq!((late.status().as_u16(), began.elapsed().as_secs()), (503, 10));
    assert!(late.headers().contains_key("retry-after"));
    let request = Request::put("/v2/x?y").body(Empty::<Bytes>::new()).unwrap();
    let late = ApiService::new(Late).oneshot(request).await.unwrap();
    assert_eq!(late.into_body().collect().await.unwrap().to_bytes(), "PUT /v2/x?y");
}
