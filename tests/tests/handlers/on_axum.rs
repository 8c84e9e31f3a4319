//! The shop on axum.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Uri, header::CACHE_CONTROL};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::oneshot;
use verify_tower::{Blocked, ChallengeLayer, EndpointService, Guard, Verified};

use super::shop::{Shop, Transfer, Vault};

pub(crate) fn serve(shop: Shop, ready: &mpsc::Sender<SocketAddr>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let app = Router::new()
            .route("/orders", post(order).layer(ChallengeLayer::from(shop.orders.clone())))
            .route("/json", post(by_json))
            .route("/form", post(by_form))
            .route("/layer", get(by_layer).layer(ChallengeLayer::from(shop.vault.clone())))
            .route("/extractor", get(by_extractor))
            .route("/guard", get(by_guard))
            .with_state(shop.clone())
            .nest_service("/challenge", EndpointService::new(&shop.engine))
            .layer(from_fn_with_state(shop, watched));
        ready.send(address).unwrap();
        let stopped = async { stopped.await.unwrap_or_default() };
        axum::serve(listener, app).with_graceful_shutdown(stopped).await.unwrap();
    });
}

async fn watched(State(shop): State<Shop>, request: Request, next: Next) -> Response {
    let _underway = shop.request();
    next.run(request).await
}

async fn order(State(shop): State<Shop>, uri: Uri, Json(order): Json<Transfer>) -> Response {
    shop.ran();
    match uri.query() {
        Some("fails") => Body::new(Cut { fails: true, has_begun: false }).into_response(),
        Some("ends") => Body::new(Cut { fails: false, has_begun: false }).into_response(),
        _ => format!("{} to {}", order.amount, order.name).into_response(),
    }
}

async fn by_json(State(shop): State<Shop>, verified: Verified<Json<Transfer>>) -> impl IntoResponse {
    shop.ran();
    let (Json(transfer), pass) = verified.into_parts();
    (pass, format!("{} to {}", transfer.amount, transfer.name))
}

async fn by_form(State(shop): State<Shop>, verified: Verified<Form<Transfer>>) -> impl IntoResponse {
    shop.ran();
    let (Form(transfer), pass) = verified.into_parts();
    (pass, format!("{} to {}", transfer.amount, transfer.name))
}

/// For everybody to keep, if that is asked for.
fn gold(uri: &Uri) -> Response {
    let mut gold = "gold".into_response();
    if uri.query() == Some("public") {
        gold.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public"));
    }
    gold
}

async fn by_layer(uri: Uri) -> Response {
    gold(&uri)
}

async fn by_extractor(uri: Uri, verified: Verified<Vault>) -> impl IntoResponse {
    (verified.pass(), gold(&uri))
}

async fn by_guard(guard: Guard, State(shop): State<Shop>, uri: Uri) -> Result<Response, Blocked> {
    let pass = if uri.query() == Some("free") { guard.pass() } else { guard.require(&shop.vault).await? };
    Ok((pass, gold(&uri)).into_response())
}

/// A body of ten bytes, of which three come.
struct Cut {
    fails: bool,
    has_begun: bool,
}

impl HttpBody for Cut {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(match (std::mem::replace(&mut self.has_begun, true), self.fails) {
            (false, _) => Some(Ok(Frame::data(Bytes::from_static(b"abc")))),
            (true, true) => Some(Err(io::ErrorKind::BrokenPipe.into())),
            (true, false) => None,
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(10)
    }
}
