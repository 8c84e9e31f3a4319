//! Twilio's Messaging, well and unwell: what may have left is not sent twice, and what it says afterwards counts once.
#![cfg(feature = "twilio-sms")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/stub.rs"]
mod stub;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, StatusCode};
use sha1::Sha1;
use stub::{Stub, Told, Turn, builder, engine, send};
use verify_core::{Api, Channel, EventKind, FakeClock, Fetch, FetchErrorKind, RefusedKind};
use verify_providers::{CircuitBreaker, HttpClient, TwilioReceipts, TwilioSms, TwilioSmsError};

const TOKEN: &str = "hunter2";
const RECEIPTS: &str = "https://bank.example/receipts/twilio";

fn account() -> String {
    format!("AC{}", "a".repeat(32))
}

fn twilio(client: impl Fetch) -> TwilioSms {
    TwilioSms::new(client, &account(), TOKEN, "+12025550100").unwrap().pause(Duration::from_millis(1))
}

fn taken() -> Turn {
    Ok((201, None, format!(r#"{{"sid":"SM{}","status":"queued"}}"#, "c".repeat(32))))
}

fn refused(status: u16, code: u32) -> Turn {
    let body =
        format!(r#"{{"code":{code},"message":"about +12025550123","more_info":"","status":{status}}}"#);
    Ok((status, None, body))
}

#[tokio::test]
async fn the_form_is_that_of_the_api() {
    let stub = Stub::then([taken()]);
    let engine = engine(twilio(stub.clone()).receipts_at(RECEIPTS).unwrap());
    assert_eq!(send(&engine).await, Ok(()));
    let [asked] = &stub.asked()[..] else { panic!("asked once") };
    assert_eq!(asked.url, format!("https://api.twilio.com/2010-04-01/Accounts/{}/Messages.json", account()));
    let form: Vec<(String, String)> = serde_urlencoded::from_str(&asked.body).unwrap();
    let field = |name: &str| form.iter().find(|(known, _)| known == name).unwrap().1.clone();
    assert_eq!((field("To"), field("From")), ("+12025550123".into(), "+12025550100".into()));
    assert!(field("Body").lines().last().unwrap().starts_with("@bank.example #"));
    assert!(field("StatusCallback").starts_with(&format!("{RECEIPTS}?receipt=d1.k1.")));
    assert!((1..=600).contains(&field("ValidityPeriod").parse::<u64>().unwrap()));
    assert!(asked.headers["authorization"].is_sensitive());
}

/// What comes back, and what follows: what the visitor is told, and how often the service was asked.
#[tokio::test]
async fn r57_what_surely_was_not_taken_is_sent_again_and_nothing_else_is() {
    let limited = |wait| Ok((429, wait, r#"{"code":20429}"#.to_owned()));
    let status = |status| Ok((status, None, String::new()));
    for (turns, came_to, asked) in [
        (vec![taken()], Ok(()), 1),
        (vec![status(202)], Ok(()), 1),
        (vec![Ok((200, None, "<html>".to_owned()))], Ok(()), 1),
        (vec![limited(None), taken()], Ok(()), 2),
        (vec![limited(Some("0")), limited(Some("0")), limited(Some("0"))], Err(RefusedKind::Unavailable), 3),
        (vec![limited(Some("3600"))], Err(RefusedKind::Unavailable), 1),
        (vec![Err(FetchErrorKind::Unsent), taken()], Ok(()), 2),
        (vec![Err(FetchErrorKind::Busy), taken()], Ok(()), 2),
        (vec![Err(FetchErrorKind::Unsent); 3], Err(RefusedKind::Unavailable), 3),
        (vec![status(500)], Err(RefusedKind::Unavailable), 1),
        (vec![status(503)], Err(RefusedKind::Unavailable), 1),
        (vec![status(302)], Err(RefusedKind::Unavailable), 1),
        (vec![Err(FetchErrorKind::Timeout)], Err(RefusedKind::Unavailable), 1),
        (vec![Err(FetchErrorKind::Broken)], Err(RefusedKind::Unavailable), 1),
        (vec![refused(401, 20003)], Err(RefusedKind::Unavailable), 1),
        (vec![refused(400, 21211)], Err(RefusedKind::Invalid), 1),
        (vec![refused(400, 21408)], Err(RefusedKind::Invalid), 1),
        (vec![refused(400, 21610)], Err(RefusedKind::Invalid), 1),
    ] {
        let told = format!("{turns:?}");
        let stub = Stub::then(turns);
        assert_eq!(send(&engine(twilio(stub.clone()))).await, came_to, "{told}");
        assert_eq!(stub.asked().len(), asked, "{told}");
    }
}

/// One that wants fewer messages is there, and our own queue says nothing of it; both go on as before.
#[tokio::test]
async fn o15_who_is_throttled_or_has_to_queue_opens_no_breaker() {
    for turn in [Ok((429, Some("0"), r#"{"code":20429}"#.to_owned())), Err(FetchErrorKind::Busy)] {
        let stub = Stub::then(vec![turn.clone(); 9].into_iter().chain([taken()]));
        let sms = twilio(stub.clone());
        for _ in 0..3 {
            assert_eq!(send(&engine(sms.clone())).await, Err(RefusedKind::Unavailable), "{turn:?}");
        }
        assert_eq!(send(&engine(sms)).await, Ok(()), "{turn:?}");
        assert_eq!(stub.asked().len(), 10, "{turn:?}");
    }
}

/// Whoever hangs up while a message is on its way says nothing about its service; one that is silent does.
#[tokio::test]
async fn o15_who_hangs_up_opens_no_breaker_and_silence_does() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let breaker = CircuitBreaker::default().after(2);
    let sms = |deadline| {
        let sms = twilio(HttpClient::new().unwrap()).base_url(&url).unwrap();
        engine(sms.breaker(breaker.clone()).deadline(Duration::from_millis(deadline)))
    };
    for _ in 0..5 {
        let patient = sms(60_000);
        let mut sending = Box::pin(send(&patient));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(sending.as_mut().poll(&mut context).is_pending());
    }
    assert!(breaker.enter().is_some(), "closed");
    for _ in 0..2 {
        assert_eq!(send(&sms(50)).await, Err(RefusedKind::Unavailable));
    }
    assert!(breaker.enter().is_none(), "open");
}

#[tokio::test]
async fn r57_silence_ends_at_the_deadline_and_a_dead_code_is_not_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let silent =
        twilio(HttpClient::new().unwrap()).base_url(&url).unwrap().deadline(Duration::from_millis(300));
    assert_eq!(send(&engine(silent)).await, Err(RefusedKind::Unavailable));

    let ahead = FakeClock::default();
    ahead.advance(Duration::from_secs(50 * 365 * 24 * 3600));
    let stub = Stub::default();
    assert_eq!(send(&engine(twilio(stub.clone()).clock(ahead))).await, Err(RefusedKind::Unavailable));
    assert!(stub.asked().is_empty());
}

/// A server that speaks no TLS never gets to see the token or the code.
#[tokio::test]
async fn o15_without_tls_nothing_leaves() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let seen = tokio::spawn(async move {
        let mut seen = Vec::new();
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = [0; 2048];
            let count = stream.read(&mut bytes).await.unwrap();
            seen.extend_from_slice(&bytes[..count]);
            stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        }
        seen
    });
    let sms = twilio(HttpClient::new().unwrap()).base_url(&url).unwrap();
    assert_eq!(send(&engine(sms)).await, Err(RefusedKind::Unavailable));
    let seen = seen.await.unwrap();
    assert!(!seen.windows(5).any(|window| window == b"Basic"), "no connection, hence tried three times");
}

#[tokio::test]
async fn o15_a_service_that_fails_is_left_alone_for_a_while() {
    let clock = FakeClock::default();
    let stub = Stub::then([Ok((500, None, String::new())), taken()]);
    let breaker = CircuitBreaker::default().after(1).clock(clock.clone());
    let engine = engine(twilio(stub.clone()).breaker(breaker));
    for asked in [1, 1] {
        assert_eq!(send(&engine).await, Err(RefusedKind::Unavailable));
        assert_eq!(stub.asked().len(), asked);
    }
    clock.advance(Duration::from_secs(30));
    assert_eq!(send(&engine).await, Ok(()));
}

/// As the documentation of the signature has it: the address, then each name and value, sorted.
fn call(query: &str, fields: &[(&str, &str)], token: &str) -> Request<Bytes> {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let text = sorted.iter().fold(format!("{RECEIPTS}{query}"), |text, (name, value)| text + name + value);
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    Request::post(format!("http://proxy.internal/receipts/twilio{query}"))
        .header("host", "evil.example")
        .header("x-twilio-signature", STANDARD.encode(mac.finalize().into_bytes()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(serde_urlencoded::to_string(fields).unwrap().into())
        .unwrap()
}

#[tokio::test]
async fn o16_receipts_count_if_they_are_signed_and_once() {
    let (stub, told) = (Stub::then([taken()]), Told::default());
    let sms = twilio(stub.clone()).receipts_at(RECEIPTS).unwrap();
    let engine = builder(&told).courier(Channel::Sms, sms).build().unwrap();
    assert_eq!(send(&engine).await, Ok(()));
    let form: Vec<(String, String)> = serde_urlencoded::from_str(&stub.asked()[0].body).unwrap();
    let back = &form.iter().find(|(name, _)| name == "StatusCallback").unwrap().1;
    let query = back.strip_prefix(RECEIPTS).unwrap();
    let receipts = TwilioReceipts::new(&engine, TOKEN, RECEIPTS).unwrap();
    let status =
        |status: &'static str| [("MessageStatus", status), ("MessageSid", "SM1"), ("To", "+12025550123")];
    let say = async |request: Request<Bytes>| receipts.answer(request).await.status();

    assert_eq!(say(call(query, &status("delivered"), "another token")).await, StatusCode::FORBIDDEN);
    let other = query.replace("receipt=", "receipt=x");
    let mut moved = call(query, &status("delivered"), TOKEN);
    *moved.uri_mut() = format!("http://proxy.internal/receipts/twilio{other}").parse().unwrap();
    assert_eq!(say(moved).await, StatusCode::FORBIDDEN, "the address is signed too");
    assert_eq!(say(call("?receipt=d1.k1.AAAA", &status("delivered"), TOKEN)).await, StatusCode::NOT_FOUND);
    assert!(told.of(EventKind::Arrived).is_empty());

    assert_eq!(say(call(query, &status("sent"), TOKEN)).await, StatusCode::NO_CONTENT);
    for _ in 0..3 {
        assert_eq!(say(call(query, &status("delivered"), TOKEN)).await, StatusCode::NO_CONTENT);
    }
    let [arrived] = &told.of(EventKind::Arrived)[..] else { panic!("counted once") };
    let [sent] = &told.of(EventKind::Sent)[..] else { panic!("sent once") };
    assert_eq!((&arrived.challenge, &arrived.subject), (&sent.challenge, &sent.subject));
    assert_eq!((arrived.calling_code, arrived.channel), (1, Some(Channel::Sms)));
    assert_eq!(say(call(query, &status("undelivered"), TOKEN)).await, StatusCode::NO_CONTENT);
    assert_eq!(told.of(EventKind::Lost).len(), 1);
}

#[test]
fn r60_settings_are_checked_and_the_token_does_not_print() {
    let new = |account: &str, token: &str, sender: &str| {
        TwilioSms::new(Stub::default(), account, token, sender).map(drop).unwrap_err()
    };
    assert_eq!(new("AC1", "t", "+12025550100"), TwilioSmsError::Account);
    assert_eq!(new(&account(), "two\nlines", "+12025550100"), TwilioSmsError::Token);
    assert_eq!(new(&account(), "t", ""), TwilioSmsError::Sender);
    for bad in ["http://api.example", "api.example", "https://api.example/?a"] {
        assert_eq!(twilio(Stub::default()).base_url(bad).map(drop), Err(TwilioSmsError::Address), "{bad}");
        assert_eq!(twilio(Stub::default()).receipts_at(bad).map(drop), Err(TwilioSmsError::Address), "{bad}");
    }
    let shown = format!("{:?}", twilio(Stub::default()));
    assert!(!shown.contains(TOKEN) && !shown.contains("Basic") && !shown.contains("2025550100"), "{shown}");
}
