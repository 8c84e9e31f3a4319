//! Twisto over the gateway on both frameworks: the original's own curl lines, what its library sends, and our client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tests::bank::FRAMEWORKS;
use tests::gateway::{Folder, Gateway};
use tests::http::{Request, Response, exchange};
use verify_core::{
    Channel, Clock, CodeOrder, Contact, Engine, Factor, KeyRing, MissingContacts, Origin, Policy,
    RefusedKind, Subject, SystemClock,
};
use verify_providers::HttpClient;
use verify_providers::twisto::{Checked, ErrorKind, Sent, TransactionId, Twisto, TwistoCodes};

const TO: &str = "+420777123456";
const KEYS: &str = "your-public-key,your-secret-key";

/// Runs curl with these arguments; the status and the body of what it printed.
fn curl(arguments: &[&str]) -> (String, Value) {
    let ran = Command::new("curl").arg("--silent").args(arguments).output();
    let ran = ran.unwrap_or_else(|error| panic!("curl does not run ({error}): apt-get install curl"));
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let printed = String::from_utf8(ran.stdout).unwrap();
    let (head, body) = printed.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().to_owned();
    (status, serde_json::from_str(body).unwrap_or_else(|_| panic!("{printed}")))
}

#[test]
fn the_documented_curl_lines_work_as_printed() {
    for framework in FRAMEWORKS {
        let gateway = Gateway::start(framework);
        let base = format!("{}/twisto", gateway.url());
        let send = format!("{base}/v2/check/12312312123/verification/send/");
        let headers = [
            "--header",
            "Content-Type: application/json",
            "--header",
            "Authorization: your-public-key,your-secret-key",
        ];
        let line = [&["--include", "--request", "POST"], &headers[..], &[send.as_str()]].concat();
        let sent = json!({ "message_id": 0, "message": "Verification code has been sent" });
        assert_eq!(curl(&line), ("200".to_owned(), sent), "{framework:?}");
        let verify = format!("{base}/v2/check/0f38de72lkxjpk55evbid62k/verification/");
        let data = ["--data", r#"{"code": "1234"}"#];
        let line = [&["--include", "--request", "POST"], &headers[..], &data, &[verify.as_str()]].concat();
        let right = json!({ "message_id": 0, "message": "Successful verification" });
        assert_eq!(curl(&line), ("200".to_owned(), right), "{framework:?}");
        // And so does the line of the index.
        let index = gateway.ask(&Request::get("/")).json();
        let apis = index["apis"].as_array().unwrap();
        let api = apis.iter().find(|api| api["prefix"] == "/twisto/v2").unwrap();
        let line = api["curl"].as_str().unwrap().replace("localhost", "127.0.0.1");
        let ran = Command::new("sh").args(["-c", &line]).output().unwrap();
        let printed: Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!(printed["message_id"], 0, "{line}");
    }
}

#[test]
fn an_api_whose_table_is_not_there_is_not_served() {
    for framework in FRAMEWORKS {
        let folder = Folder::new();
        let file = folder.path().join("gateway.toml");
        let text = "inbox = true\n[twisto]\nkeys = [{ public = \"p\", secret = \"hunter2\" }]\n";
        std::fs::write(&file, text).unwrap();
        let gateway = Gateway::start_in(framework, folder, &["--config", &file.to_string_lossy()]);
        let prefixes: Vec<Value> = gateway.ask(&Request::get("/")).json()["apis"]
            .as_array()
            .unwrap()
            .iter()
            .map(|api| api["prefix"].clone())
            .collect();
        assert_eq!(prefixes, ["/twisto/v2"]);
        assert_eq!(gateway.ask(&Request::form("/v1/hosted-sessions", "")).status, 404);
        let send = Request::form("/twisto/v2/check/a1/verification/send/", "");
        assert_eq!(gateway.ask(&send.clone()).status, 401);
        assert_eq!(gateway.ask(&send.header("authorization", "p,hunter2")).json()["message_id"], 3);
        assert!(!gateway.printed().contains("hunter2"));
    }
}

/// A transaction that begins now.
fn begin(gateway: &Gateway, id: &str) {
    let request = Request::json(&format!("/twisto/v2/check/{id}/begin/"), &json!({ "to": TO }));
    let begun = gateway.ask(&request.header("authorization", KEYS));
    assert_eq!(begun.status, 200, "{}", begun.text());
}

/// Sends exactly these bytes behind the fields that the vendor's library always sends.
fn library(gateway: &Gateway, path: &str, rest: &str) -> Response {
    let head = format!(
        "POST /twisto/v2/check/{path} HTTP/1.1\r\nHost: {}\r\nAccept: */*\r\nContent-Type: application/json\r\n",
        gateway.address()
    );
    let bytes = format!("{head}Authorization: {KEYS}\r\n{rest}");
    exchange(gateway.address(), bytes.as_bytes(), 1).unwrap().remove(0)
}

#[test]
fn t17_t19_what_the_vendors_library_sends_is_understood() {
    let with = |body: &str| format!("Content-Length: {}\r\n\r\n{body}", body.len());
    // What the library makes of an answer: its data is an object, or it says that the JSON is invalid.
    let id = |answer: &Response, status: u16| {
        assert_eq!(answer.status, status, "{}", answer.text());
        let data = answer.json();
        assert!(data.is_object() && data["message"].is_string(), "{data}");
        data["message_id"].as_u64().unwrap()
    };
    for framework in FRAMEWORKS {
        let gateway = Gateway::start(framework);
        begin(&gateway, "abc");
        // No body, no Content-Length and no Transfer-Encoding.
        assert_eq!(id(&library(&gateway, "abc/verification/send/", "\r\n"), 200), 0, "{framework:?}");
        assert_eq!(id(&library(&gateway, "abc/verification/send/", "\r\n"), 400), 1);
        let verify = |rest: &str| library(&gateway, "abc/verification/", rest);
        assert_eq!(id(&verify(&with(r#"{"code":"000"}"#)), 400), 1);
        assert_eq!(id(&verify("\r\n"), 400), 1);
        assert_eq!(id(&verify(&with("[]")), 400), 1);
        let code = gateway.code(TO);
        assert_eq!(id(&verify(&with(&format!(r#"{{"code":"{code}"}}"#))), 200), 0);
        // Without a public key it is an error that can be read, too.
        let bytes = "POST /twisto/v2/check/abc/verification/ HTTP/1.1\r\nHost: x\r\nAuthorization: ,your-secret-key\r\n\r\n";
        let refused = exchange(gateway.address(), bytes.as_bytes(), 1).unwrap().remove(0);
        assert!(refused.status == 401 && refused.json()["message"].is_string(), "{}", refused.text());
    }
}

/// A transaction whose evaluation ended just now, by the gateway's clock.
fn transaction(id: &str) -> TransactionId {
    TransactionId::new(id, UNIX_EPOCH + Duration::from_secs(1)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn our_client_understands_our_server() {
    for framework in FRAMEWORKS {
        let gateway = Gateway::start(framework);
        let url = format!("{}/twisto/v2/", gateway.url());
        let client = |secret| {
            Twisto::new(HttpClient::new().unwrap(), "your-public-key", secret)
                .unwrap()
                .base_url(&url)
                .unwrap()
        };
        let twisto = client("your-secret-key");
        begin(&gateway, "a1");
        let a1 = transaction("a1");
        assert_eq!(twisto.send(&a1).await.unwrap(), Sent::Sent);
        assert!(matches!(twisto.send(&a1).await.unwrap(), Sent::TooEarly { .. }));
        assert_eq!(twisto.verify(&a1, "1").await.unwrap(), Checked::Mismatch);
        assert_eq!(twisto.verify(&a1, "").await.unwrap(), Checked::Mismatch);
        assert_eq!(twisto.verify(&a1, &gateway.code(TO)).await.unwrap(), Checked::Passed);
        assert_eq!(twisto.send(&a1).await.unwrap(), Sent::Dead);
        assert_eq!(twisto.verify(&a1, "1").await.unwrap(), Checked::Dead);
        assert_eq!(twisto.send(&transaction("unknown")).await.unwrap(), Sent::Dead);
        begin(&gateway, "a2");
        let a2 = transaction("a2");
        for _ in 0..50 {
            assert_eq!(twisto.verify(&a2, "0000").await.unwrap(), Checked::Mismatch);
        }
        assert_eq!(twisto.verify(&a2, "0000").await.unwrap(), Checked::Exhausted);
        let refused = client("wrong").send(&a1).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Misconfigured);
        // A minute after its evaluation, both sends are free.
        let now = SystemClock::default().now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let body = json!({ "to": TO, "evaluation_ended_at": now - 60 });
        let request = Request::json("/twisto/v2/check/a3/begin/", &body).header("authorization", KEYS);
        assert_eq!(gateway.ask(&request).status, 200);
        let a3 = transaction("a3");
        let mut sent = Vec::new();
        for _ in 0..3 {
            sent.push(twisto.send(&a3).await.unwrap());
        }
        assert_eq!(sent, [Sent::Sent, Sent::Sent, Sent::SendsExhausted]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn r36_behind_an_engines_factor_the_gateway_makes_the_code_and_one_gets_in() {
    for framework in FRAMEWORKS {
        let gateway = Gateway::start(framework);
        begin(&gateway, "order-1");
        let twisto = Twisto::new(HttpClient::new().unwrap(), "your-public-key", "your-secret-key").unwrap();
        let twisto = twisto.base_url(&format!("{}/twisto/v2", gateway.url())).unwrap();
        let codes = TwistoCodes::new(twisto, |order: &CodeOrder| {
            TransactionId::new(order.subject().id(), SystemTime::UNIX_EPOCH).ok()
        });
        let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
        let engine = Engine::builder(keys, Origin::parse("https://shop.example").unwrap())
            .code_service([Channel::Sms], codes)
            .contacts(|_: &Subject<'_>, _: Channel| Contact::phone(TO).ok())
            .missing_contacts(MissingContacts::Tell)
            .build()
            .unwrap();
        let gate = engine.gate(Policy::new("pay").require(Factor::code("twisto"))).unwrap();
        let direct = engine.direct(Subject::user("order-1"));
        let sent = direct.send(&direct.offer(&gate, "twisto").unwrap(), None).await.unwrap();
        let ticket: Arc<str> = sent.ticket().into();
        assert_eq!(direct.check(&ticket, "000000x").await.unwrap_err().kind(), RefusedKind::Wrong);
        let code: Arc<str> = gateway.code(TO).into();
        let asked: Vec<_> = (0..3)
            .map(|_| {
                let (direct, ticket, code) = (direct.clone(), Arc::clone(&ticket), Arc::clone(&code));
                tokio::spawn(async move { direct.check(&ticket, &code).await.is_ok() })
            })
            .collect();
        let mut passed = 0;
        for asked in asked {
            passed += usize::from(asked.await.unwrap());
        }
        assert_eq!(passed, 1, "{framework:?}: whatever the gateway says to the others");
    }
}
