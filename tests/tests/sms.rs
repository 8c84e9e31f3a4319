//! Text messages of the bank through a stub of Twilio's Messaging, and what it tells afterwards, on both frameworks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use tests::bank::{Bank, FRAMEWORKS};
use tests::http::Request;

const TOKEN: &str = "f00dfeedf00dfeed";
const ORIGIN: &str = "https://bank.test";

type Form = BTreeMap<String, String>;

/// Takes every message, and keeps it.
struct Messaging {
    address: SocketAddr,
    forms: Arc<(Mutex<Vec<Form>>, Condvar)>,
}

impl Messaging {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let forms: Arc<(Mutex<Vec<Form>>, Condvar)> = Arc::default();
        let kept = Arc::clone(&forms);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                thread::spawn(move || {
                    let mut reader = BufReader::new(stream);
                    let (mut line, mut length) = (String::new(), 0);
                    loop {
                        line.clear();
                        if reader.read_line(&mut line).unwrap_or(0) == 0 {
                            return;
                        }
                        let lower = line.to_ascii_lowercase();
                        if let Some(value) = lower.strip_prefix("content-length:") {
                            length = value.trim().parse().unwrap();
                        }
                        if line.trim().is_empty() {
                            let mut body = vec![0; length];
                            reader.read_exact(&mut body).unwrap();
                            let form = serde_urlencoded::from_bytes(&body).unwrap();
                            kept.0.lock().unwrap().push(form);
                            kept.1.notify_all();
                            let answer = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}";
                            reader.get_mut().write_all(answer).unwrap();
                        }
                    }
                });
            }
        });
        Self { address, forms }
    }

    fn last(&self, count: usize) -> Form {
        let (forms, came) = &*self.forms;
        let patience = Duration::from_secs(20);
        let waits = came.wait_timeout_while(forms.lock().unwrap(), patience, |forms| forms.len() < count);
        waits.unwrap().0.last().expect("a message").clone()
    }
}

fn signed(path: &str, status: &str, token: &str) -> Request {
    let fields = [("MessageSid", "SM1"), ("MessageStatus", status)];
    let text = fields.iter().fold(format!("{ORIGIN}{path}"), |text, (name, value)| text + name + value);
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    Request::form(path, &serde_urlencoded::to_string(fields).unwrap())
        .header("x-twilio-signature", &signature)
}

#[test]
fn o16_messages_leave_and_their_receipts_count_once_on_both_frameworks() {
    for framework in FRAMEWORKS {
        let messaging = Messaging::start();
        let account = format!("http://{},AC{},{TOKEN}", messaging.address, "a".repeat(32));
        let arguments = ["--twilio", &account, "--phone", "+12025550123", "--origin", ORIGIN];
        let bank = Bank::start_with(framework, &arguments);
        let call = |endpoint: &str, body: &Value| {
            bank.ask(&Request::json(&format!("/challenge/{endpoint}"), body).user("ann"))
        };
        let blocked = bank.ask(&Request::get("/vault").user("ann")).json();
        let offer = &blocked["alternatives"][0][0];
        assert_eq!(offer["channels"], json!(["sms"]));
        let sent = call("send", &json!({ "id": offer["id"] }));
        assert_eq!(sent.status, 200, "{}", sent.text());
        let form = messaging.last(1);
        assert_eq!((form["To"].as_str(), form["From"].as_str()), ("+12025550123", "+15005550006"));
        let code = form["Body"].lines().last().unwrap().strip_prefix("@bank.test #").unwrap();

        let path = form["StatusCallback"].strip_prefix(ORIGIN).unwrap();
        assert!(path.starts_with("/receipts/twilio?receipt=d1."), "{path}");
        let say = |request: Request| bank.ask(&request).status;
        assert_eq!(say(signed(path, "delivered", "another token")), 403, "{framework:?}");
        assert_eq!(say(Request::get(path)), 405);
        assert_eq!(say(signed("/receipts/twilio?receipt=d1.test.AAAA", "delivered", TOKEN)), 404);
        for _ in 0..3 {
            assert_eq!(say(signed(path, "delivered", TOKEN)), 204, "{framework:?}");
        }
        let arrived = || bank.printed().lines().filter(|line| line.contains("arrived")).count();
        // The line was written before the answer, and has to come through the pipe.
        for _ in 0..100_000 {
            if arrived() > 0 {
                break;
            }
            thread::yield_now();
        }
        assert_eq!(arrived(), 1, "{framework:?}");
        let checked = call("check", &json!({ "id": sent.json()["id"], "code": code }));
        assert_eq!(checked.status, 200, "{}", checked.text());
        let printed = bank.printed();
        for secret in [code, TOKEN, "+12025550123", form["Body"].as_str()] {
            assert!(!printed.contains(secret), "{framework:?} printed {secret}");
        }
    }
}
