//! Messages to a team's own sender: signed, whole, and known by their id.
#![cfg(feature = "webhook")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/stub.rs"]
mod stub;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use serde_json::Value;
use stub::{Stub, Turn, engine, send};
use tokio::time::Instant;
use verify_core::{FakeClock, Fetch, FetchError, FetchErrorKind, RefusedKind};
use verify_providers::{CircuitBreaker, Webhook, WebhookError, WebhookKey};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";

fn key() -> WebhookKey {
    WebhookKey::parse(KEY).unwrap()
}

fn webhook(stub: &Stub) -> Webhook {
    let webhook = Webhook::new(stub.clone(), "https://sender.bank.example/codes", key()).unwrap();
    webhook.pause(Duration::from_millis(1))
}

fn status(status: u16) -> Turn {
    Ok((status, None, String::new()))
}

fn at(headers: &HeaderMap) -> SystemTime {
    let at = headers["webhook-timestamp"].to_str().unwrap().parse().unwrap();
    UNIX_EPOCH + Duration::from_secs(at)
}

#[tokio::test]
async fn a_receiver_verifies_what_was_signed_and_nothing_else() {
    let stub = Stub::then([status(204)]);
    assert_eq!(send(&engine(webhook(&stub))).await, Ok(()));
    let [asked] = &stub.asked()[..] else { panic!("asked once") };
    let (headers, body, now) = (&asked.headers, asked.body.as_bytes(), at(&asked.headers));
    let message: Value = serde_json::from_slice(body).unwrap();
    assert_eq!((&message["channel"], &message["to"]), (&"sms".into(), &"+12025550123".into()));
    assert!(message["text"].as_str().unwrap().contains(message["code"].as_str().unwrap()));
    assert!(message["expires_at"].as_u64() > message["sent_at"].as_u64());
    assert!(message["receipt"].as_str().unwrap().starts_with("d1.k1."));

    let id = key().verify(headers, body, now).unwrap();
    assert_eq!(id, format!("msg_{}", message["id"].as_str().unwrap()));
    let late = now + WebhookKey::WINDOW + Duration::from_secs(1);
    assert_eq!(key().verify(headers, body, now + WebhookKey::WINDOW).unwrap(), id);
    assert_eq!(key().verify(headers, body, late), Err(WebhookError::Stale));
    assert_eq!(key().verify(headers, &body[1..], now), Err(WebhookError::Unsigned));
    let other = WebhookKey::parse("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    assert_eq!(other.verify(headers, body, now), Err(WebhookError::Unsigned));
    for (name, value) in [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", "1"),
        ("webhook-signature", "v1,AAAA"),
        ("webhook-signature", ""),
    ] {
        let mut forged = headers.clone();
        forged.insert(name, value.parse().unwrap());
        assert_eq!(key().verify(&forged, body, now), Err(WebhookError::Unsigned), "{name}");
        forged.remove(name);
        assert_eq!(key().verify(&forged, body, now), Err(WebhookError::Unsigned), "{name}");
    }
}

/// The vector that the authors of Standard Webhooks publish with their libraries.
#[test]
fn the_signature_is_that_of_standard_webhooks() {
    let key = WebhookKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".parse().unwrap());
    headers.insert("webhook-timestamp", "1614265330".parse().unwrap());
    let signature = "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    headers.insert("webhook-signature", signature.parse().unwrap());
    let now = UNIX_EPOCH + Duration::from_secs(1_614_265_330);
    let verified = key.verify(&headers, br#"{"test": 2432232314}"#, now);
    assert_eq!(verified, Ok("msg_p5jXN8AQM9LWM0D4loKWxJek"));
}

#[tokio::test]
async fn r57_tries_are_one_message_by_one_id() {
    for (turns, came_to) in [
        (vec![status(200)], Ok(())),
        (vec![status(500), status(429), status(202)], Ok(())),
        (vec![Err(FetchErrorKind::Timeout), Err(FetchErrorKind::Broken), status(200)], Ok(())),
        (vec![Err(FetchErrorKind::Unsent); 3], Err(RefusedKind::Unavailable)),
        (vec![status(503); 3], Err(RefusedKind::Unavailable)),
        (vec![status(401)], Err(RefusedKind::Unavailable)),
        (vec![status(302)], Err(RefusedKind::Unavailable)),
        (vec![status(422)], Err(RefusedKind::Invalid)),
        (vec![status(410)], Err(RefusedKind::Invalid)),
    ] {
        let (told, count) = (format!("{turns:?}"), turns.len());
        let stub = Stub::then(turns);
        assert_eq!(send(&engine(webhook(&stub))).await, came_to, "{told}");
        let asked = stub.asked();
        assert_eq!(asked.len(), count, "{told}");
        for again in &asked {
            assert_eq!(again.headers["webhook-id"], asked[0].headers["webhook-id"]);
            assert_eq!(again.body, asked[0].body);
            assert!(key().verify(&again.headers, again.body.as_bytes(), at(&again.headers)).is_ok());
        }
    }
}

/// Takes two seconds to answer.
#[derive(Debug)]
struct Slow(Stub);

#[async_trait]
impl Fetch for Slow {
    async fn fetch(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.0.fetch(request).await
    }
}

#[tokio::test(start_paused = true)]
async fn r57_nobody_waits_for_a_try_that_will_not_be() {
    // The second try after five seconds is cut off at the deadline; one after six would never be made.
    for (wait, seconds) in [("5", 8), ("6", 2), ("7", 2), ("8", 2)] {
        let stub = Stub::then([Ok((503, Some(wait), String::new()))]);
        let sender = Webhook::new(Slow(stub.clone()), "https://sender.bank.example/codes", key()).unwrap();
        let began = Instant::now();
        let came_to = send(&engine(sender.deadline(Duration::from_secs(8)))).await;
        assert_eq!((came_to, began.elapsed().as_secs()), (Err(RefusedKind::Unavailable), seconds), "{wait}");
    }
}

/// A message that waits for a slot of our own is no trial of the service: others are not kept from it meanwhile.
#[tokio::test(start_paused = true)]
async fn o15_what_was_not_asked_does_not_keep_others_from_asking() {
    let clock = FakeClock::default();
    let breaker = CircuitBreaker::default().after(1).clock(clock.clone());
    let of = |stub: &Stub| {
        let sender = Webhook::new(stub.clone(), "https://sender.bank.example/codes", key()).unwrap();
        engine(sender.tries(2).breaker(breaker.clone()))
    };
    breaker.enter().unwrap().failed();
    clock.advance(Duration::from_secs(30));
    let (queued, other) = (Stub::then([Err(FetchErrorKind::Busy), status(200)]), Stub::then([status(200)]));
    let (queued_engine, other_engine) = (of(&queued), of(&other));
    assert_eq!(tokio::join!(send(&queued_engine), send(&other_engine)), (Ok(()), Ok(())));
    assert_eq!((queued.asked().len(), other.asked().len()), (2, 1));
}

#[tokio::test]
async fn r57_nothing_is_sent_when_the_code_is_dead() {
    let ahead = FakeClock::default();
    ahead.advance(Duration::from_secs(50 * 365 * 24 * 3600));
    let stub = Stub::default();
    assert_eq!(send(&engine(webhook(&stub).clock(ahead))).await, Err(RefusedKind::Unavailable));
    assert!(stub.asked().is_empty());
}

#[test]
fn r60_settings_are_checked_and_the_key_does_not_print() {
    for bad in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!"] {
        assert_eq!(WebhookKey::parse(bad).map(drop), Err(WebhookError::Key), "{bad}");
    }
    for bad in ["http://sender.example", "sender.example", "ftp://sender.example"] {
        let made = Webhook::new(Stub::default(), bad, key()).map(drop);
        assert_eq!(made, Err(WebhookError::Url), "{bad}");
    }
    let shown = format!("{:?} {:?}", key(), webhook(&Stub::default()));
    assert!(!shown.contains("MfKQ"), "{shown}");
}
