//! A plain hyper stack over a socket, with hyper's own body.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use verify_core::{Channel, Contact, Engine, Factor, Inbox, KeyRing, Origin, Policy, Subject};
use verify_tower::{ChallengeLayer, EitherBody, EndpointService, Peer};

async fn echo(request: Request<EitherBody<Incoming>>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let declared = request.headers().get("content-length").map(|length| length.to_str().unwrap().to_owned());
    let body = request.into_body().collect().await?.to_bytes();
    assert_eq!(declared, Some(body.len().to_string()), "the length follows what is left of the body");
    Ok(Response::new(Full::new(body)))
}

const JSON: (&str, &str) = ("content-type", "application/json");

/// Serves one connection after the other.
async fn serve(engine: Engine) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let guarded = ServiceBuilder::new()
        .map_request(EitherBody::of_request)
        .layer(ChallengeLayer::new(&engine, Policy::new("vault").require(Factor::code("step-up"))).unwrap())
        .service(service_fn(echo));
    let endpoints = EndpointService::new(&engine);
    let app = service_fn(move |mut request: Request<Incoming>| {
        let (guarded, endpoints) = (guarded.clone(), endpoints.clone());
        async move {
            request.extensions_mut().insert(Peer([127, 0, 0, 1].into()));
            if request.uri().path().starts_with("/challenge/") {
                let Ok(response) = endpoints.oneshot(request).await;
                return Ok::<_, hyper::Error>(response.map(BodyExt::boxed_unsync));
            }
            Ok(guarded.oneshot(request).await?.map(BodyExt::boxed_unsync))
        }
    });
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let connection = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app.clone()));
            connection.await.unwrap();
        }
    });
    address
}

async fn ask(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: String,
) -> (Response<()>, String) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut request = Request::post(path).header("host", "bank.example").header("x-user", "alice");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = sender.send_request(request.body(Full::<Bytes>::from(body)).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    drop(sender);
    connection.await.unwrap().unwrap();
    (Response::from_parts(parts, ()), text)
}

#[tokio::test]
async fn a_plain_hyper_stack_is_guarded_and_hands_on_what_was_read() {
    let inbox = Inbox::new();
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let engine = Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
        .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
        .subject(|head| Some(Subject::user(head.header("x-user")?)))
        .inbox(inbox.clone())
        .build()
        .unwrap();
    let address = serve(engine).await;
    let (head, body) = ask(address, "/vault", &[], "as it came".to_owned()).await;
    assert_eq!(head.status(), StatusCode::FORBIDDEN);
    let body: Value = serde_json::from_str(&body).unwrap();
    let id = body["alternatives"][0][0]["id"].as_str().unwrap();
    let (head, _) = ask(address, "/challenge/send", &[JSON], json!({ "id": id }).to_string()).await;
    assert_eq!(head.status(), StatusCode::OK);
    let code = inbox.last_code("+12025550123").unwrap();

    // A browser's form is read, its own fields are taken out, and the rest is handed on.
    let form = [("accept", "text/html"), ("content-type", "application/x-www-form-urlencoded")];
    let fields = format!("note=kept&challenge-id={id}&challenge-answer={code}");
    let (head, body) = ask(address, "/vault", &form, fields).await;
    assert_eq!((head.status(), body.as_str()), (StatusCode::OK, "note=kept"));

    // A cleared request's body goes through untouched.
    let clearance = head.headers()["challenge-clearance"].to_str().unwrap();
    let (head, body) =
        ask(address, "/vault", &[("challenge-clearance", clearance)], "as it came".to_owned()).await;
    assert_eq!((head.status(), body.as_str()), (StatusCode::OK, "as it came"));
}
