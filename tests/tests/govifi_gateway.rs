//! GoViFi over the gateway on both frameworks: the original's own curl line, our client, and our webhooks taken by it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "twilio/phone.rs"]
mod phone;
#[path = "served/serve.rs"]
mod serve;
#[path = "../../verify-redis/tests/support/server.rs"]
mod server;
#[path = "govifi/site.rs"]
mod site;

use std::process::Command;

use serde_json::{Value, json};
use serve::Mounting;
use site::{Site, WEBHOOK_SECRET, paid, refused};
use tests::bank::FRAMEWORKS;
use tests::gateway::Gateway;
use tests::http::Request;
use verify_providers::HttpClient;
use verify_providers::govifi::{Confirmation, ErrorCode, Session, WebhookError, WebhookReceiver};

const PHONE: &str = "+12025550123";

/// Runs curl with these arguments; what it printed.
fn curl(program: &str, arguments: &[&str]) -> Value {
    let ran = Command::new(program).args(arguments).output();
    let ran = ran.unwrap_or_else(|error| panic!("{program} does not run ({error}): apt-get install curl"));
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&ran.stderr)))
}

/// The id and the credential of a session that the line of the index makes.
fn session(gateway: &Gateway) -> (String, String) {
    let index = gateway.ask(&Request::get("/")).json();
    let apis = index["apis"].as_array().unwrap();
    let api = apis.iter().find(|api| api["prefix"] == "/v1/hosted-sessions").unwrap();
    let made = curl("sh", &["-c", &api["curl"].as_str().unwrap().replace("localhost", "127.0.0.1")]);
    let text = |name: &str| made[name].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    (text("session_id"), text("client_secret"))
}

#[test]
fn the_documented_curl_line_works_as_printed() {
    for framework in FRAMEWORKS {
        let gateway = Gateway::start(framework);
        let line = |id: &str, token: &str| {
            let url = format!("{}/v1/hosted-sessions/{id}/challenge/send", gateway.url());
            let authorization = format!("Authorization: Bearer {token}");
            curl("curl", &["--silent", "--request", "POST", "--url", &url, "--header", &authorization])
        };
        // `example` is no session's id by the original's own pattern, and so it is told.
        let printed = line("example", "<token>");
        assert_eq!((&printed["code"], &printed["recoverable"]), (&json!("validation_error"), &json!(true)));
        let (id, secret) = session(&gateway);
        let sent = json!({ "type": "sms", "delivery_hint": "***-***-0123", "code_sent": true });
        assert_eq!(line(&id, &secret), sent, "{framework:?}");
        assert_eq!(line(&id, "<token>")["code"], "session_expired");
        assert!(!gateway.printed().contains(&secret) && !gateway.printed().contains("development-token"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn our_client_goes_through_our_server() {
    for framework in FRAMEWORKS {
        let gateway = Gateway::start(framework);
        let (id, secret) = session(&gateway);
        let session = |id: &str, secret: &str| {
            let session = Session::new(HttpClient::new().unwrap(), id, secret).unwrap();
            session.base_url(&gateway.url()).unwrap().origin("http://localhost:3000").unwrap()
        };
        let ours = session(&id, &secret);
        let view = ours.read().await.unwrap();
        assert_eq!((view.status.as_str(), view.challenge.unwrap().code_sent), ("open", false));
        let unanswered = ours.confirm(&Confirmation::new("tok", "card").unwrap()).await.unwrap_err();
        assert_eq!(
            (unanswered.code(), unanswered.is_recoverable()),
            (Some(ErrorCode::ChallengeRequired), true)
        );
        assert!(ours.send().await.unwrap().unwrap().code_sent);
        assert!(ours.read().await.unwrap().challenge.unwrap().code_sent);
        let code = gateway.code(PHONE);
        let confirm =
            |token: &str, code: &str| Confirmation::new(token, "card").unwrap().with_code("sms", code);
        let wrong = ours.confirm(&confirm("tok", &serve::wrong(&code, 0))).await.unwrap_err();
        assert_eq!((wrong.code(), wrong.is_recoverable()), (Some(ErrorCode::ChallengeFailed), true));
        let declined = ours.confirm(&confirm("4000000000000002", &code)).await.unwrap_err();
        assert_eq!((declined.code(), declined.status()), (Some(ErrorCode::CardDeclined), Some(402)));
        let right = Confirmation::new("tok", "card").unwrap();
        let confirmed = ours.confirm(&right).await.unwrap();
        assert_eq!(ours.confirm(&right).await.unwrap(), confirmed, "the very same one once more");
        let again = ours.confirm(&Confirmation::new("tok", "card").unwrap()).await.unwrap_err();
        assert_eq!(again.code(), Some(ErrorCode::AlreadyConfirmed));
        let unknown = session("cs_1", &secret).read().await.unwrap_err();
        assert_eq!((unknown.code(), unknown.is_recoverable()), (Some(ErrorCode::SessionExpired), false));
        let foreign = session(&id, &secret).origin("https://evil.example").unwrap().read().await.unwrap_err();
        assert_eq!(foreign.code(), Some(ErrorCode::OriginNotAllowed));
    }
}

fn g16_our_webhooks_are_taken_by_our_client_once_and_in_any_order(mounting: Mounting) {
    let site = Site::open(mounting);
    let receiver = WebhookReceiver::new(&site.engine, WEBHOOK_SECRET).unwrap();
    let other = WebhookReceiver::new(&site.engine, "another secret").unwrap();
    let (first, second) = (site.session("none"), site.session("none"));
    paid(&site.confirm(&first, Value::Null));
    site.pass(1800);
    refused(&site.view(&second), 410, "session_expired", false);
    server::until("both arrive", || site.receiver.taken().len() == 2);
    let mut messages = site.receiver.taken();
    messages.reverse();
    let mut told = Vec::new();
    for (signature, body) in &messages {
        assert!(matches!(serve::wait(other.take(body, signature)), Err(WebhookError::Signature)));
        let taken = serve::wait(receiver.take(body, signature)).unwrap();
        told.push((taken.session_id().unwrap().to_owned(), taken.is_completed()));
        assert!(matches!(serve::wait(receiver.take(body, signature)), Err(WebhookError::Repeated)));
    }
    told.sort();
    let mut expected = vec![(first.id, true), (second.id, false)];
    expected.sort();
    assert_eq!(told, expected);
    site.pass(240 * 60 + 1);
    for (signature, body) in &messages {
        assert!(matches!(serve::wait(receiver.take(body, signature)), Err(WebhookError::Age)));
    }
}

on_both! {
    g16_our_webhooks_are_taken_by_our_client_once_and_in_any_order
}
