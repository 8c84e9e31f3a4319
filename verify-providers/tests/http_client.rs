//! The client against servers that misbehave.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use verify_core::{Fetch, FetchErrorKind};
use verify_providers::{HttpClient, HttpClientBuilder};

/// A server that reads the head of one request, answers with these bytes, and keeps the connection open.
async fn server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            stream.write_all(answer).await.unwrap();
            open.push(stream);
        }
    });
    format!("http://{address}/")
}

fn quick() -> HttpClientBuilder {
    HttpClient::builder().deadline(Duration::from_millis(300))
}

async fn failure(client: HttpClientBuilder, uri: &str) -> FetchErrorKind {
    let request = Request::get(uri).body(Bytes::new()).unwrap();
    client.build().unwrap().fetch(request).await.unwrap_err().kind()
}

#[tokio::test]
async fn a_whole_answer_of_any_status_is_one() {
    let uri = server(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno").await;
    let request = Request::post(uri).body(Bytes::from_static(b"a=1")).unwrap();
    let answer = HttpClient::new().unwrap().fetch(request).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (503, &b"no"[..]));
    assert_eq!(answer.headers()["retry-after"], "7");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let uri =
        server(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n").await;
    let answer =
        HttpClient::new().unwrap().fetch(Request::get(uri).body(Bytes::new()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 302);
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let uri = server(b"").await;
    assert_eq!(failure(quick(), &uri).await, FetchErrorKind::Timeout);
    let begun = server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await;
    assert_eq!(failure(quick(), &begun).await, FetchErrorKind::Timeout);
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_not_read() {
    let uri = server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789").await;
    assert_eq!(failure(quick().answer_limit(8), &uri).await, FetchErrorKind::Broken);
    let junk = server(b"SSH-2.0-OpenSSH_9.2\r\n").await;
    assert_eq!(failure(quick(), &junk).await, FetchErrorKind::Broken);
}

#[tokio::test]
async fn waiting_for_a_slot_ends_at_the_deadline_too() {
    let client = quick().at_once(1).build().unwrap();
    let uri = server(b"").await;
    let ask = || client.fetch(Request::get(&uri).body(Bytes::new()).unwrap());
    let (first, second) = tokio::join!(ask(), ask());
    assert_eq!(first.unwrap_err().kind(), FetchErrorKind::Timeout);
    assert_eq!(second.unwrap_err().kind(), FetchErrorKind::Timeout);
}

#[tokio::test]
async fn an_error_tells_no_address() {
    let request = Request::get("http://127.0.0.1:1/hunter2?key=hunter2").body(Bytes::new()).unwrap();
    let error = HttpClient::new().unwrap().fetch(request).await.unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::Unsent);
    let mut source: Option<&dyn std::error::Error> = Some(&error);
    while let Some(cause) = source {
        assert!(!format!("{cause} {cause:?}").contains("hunter2"), "{cause}");
        source = cause.source();
    }
}
