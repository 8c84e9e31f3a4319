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
    // It is this client that is busy: the server was not asked.
    for wait in [0, 10] {
        let builder = quick().slot_deadline(Duration::from_millis(wait));
        let client = builder.at_once(1).build().unwrap();
        let uri = server(b"").await;
        let ask = || client.fetch(Request::get(&uri).body(Bytes::new()).unwrap());
        let (first, second) = tokio::join!(ask(), ask());
        assert_eq!(first.unwrap_err().kind(), FetchErrorKind::Timeout);
        assert_eq!(second.unwrap_err().kind(), FetchErrorKind::Busy);
    }
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

/// By whatever name, and in whatever notation: nobody has us call what only we can reach.
#[tokio::test]
async fn phonesverification_rule_17_a_client_for_public_addresses_calls_no_others() {
    let uri = server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let port = uri.trim_end_matches('/').rsplit(':').next().unwrap();
    let answered = HttpClient::new().unwrap().fetch(Request::get(&uri).body(Bytes::new()).unwrap()).await;
    assert_eq!(answered.unwrap().status(), 200, "an ordinary client does");
    let hosts = "127.0.0.1 localhost 127.1 0x7f000001 2130706433 0177.0.0.1 0.0.0.0 [::1] [::ffff:127.0.0.1] [::ffff:7f00:1] \
        [::] 10.0.0.1 169.254.169.254 192.168.0.1 [fe80::1] [64:ff9b::7f00:1] 224.0.0.1";
    for host in hosts.split_whitespace() {
        let client = HttpClient::builder().public_only();
        assert_eq!(
            failure(client, &format!("http://{host}:{port}/")).await,
            FetchErrorKind::Forbidden,
            "{host}"
        );
    }
    assert!(HttpClient::builder().public_only().build().unwrap().is_public_only());
}
