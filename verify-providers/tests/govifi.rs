//! GoViFi that misbehaves: only a clear yes about this session is a payment, and a webhook is believed once.
#![cfg(feature = "govifi")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/other_server.rs"]
mod stub;

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use stub::{Stub, Turn, ok, status};
use verify_core::{Engine, FakeClock, FetchErrorKind, KeyRing, MemoryStore, Origin};
use verify_providers::govifi::{
    Confirmation, ErrorCode, ErrorKind, Session, SessionError, WebhookError, WebhookReceiver,
};

fn session(stub: &Stub) -> Session {
    let session = Session::new(stub.clone(), "cs_1a", "cs_1a_secret_hunter2").unwrap();
    session.origin("https://shop.example").unwrap()
}

fn refused(code: u16, name: &str, recoverable: bool) -> Turn {
    let body =
        format!(r#"{{"code":"{name}","message":"m","recoverable":{recoverable},"request_id":"req_1"}}"#);
    status(code, &body)
}

const OPEN: &str = r#"{"session_id":"cs_1a","status":"open","scope":"payment","expires_at":"2026-01-01T00:00:00Z",
    "challenge":{"type":"sms","delivery_hint":"***-***-0123","code_sent":true},"amount":5}"#;

#[tokio::test]
async fn a_session_is_read_and_its_code_sent() {
    let stub = Stub::default();
    stub.then([
        ok(OPEN),
        ok(r#"{"session_id":"cs_1a","status":"open","challenge":null}"#),
        ok(r#"{"type":"hcaptcha","site_key":"k"}"#),
        ok("null"),
    ]);
    let session = session(&stub);
    let view = session.read().await.unwrap();
    let challenge = view.challenge.unwrap();
    assert_eq!((challenge.kind.as_str(), challenge.code_sent), ("sms", true));
    assert_eq!(challenge.delivery_hint.as_deref(), Some("***-***-0123"));
    assert_eq!(session.read().await.unwrap().challenge, None);
    let captcha = session.send().await.unwrap().unwrap();
    assert_eq!(
        (captcha.kind.as_str(), captcha.site_key.as_deref(), captcha.code_sent),
        ("hcaptcha", Some("k"), false)
    );
    assert_eq!(session.send().await.unwrap(), None);
    let asked = stub.asked();
    assert_eq!(asked[0], "GET https://api.govifi.com/v1/hosted-sessions/cs_1a Bearer cs_1a_secret_hunter2 ");
    assert_eq!(
        asked[2],
        "POST https://api.govifi.com/v1/hosted-sessions/cs_1a/challenge/send Bearer cs_1a_secret_hunter2 "
    );
    assert!(stub.headers("origin").iter().all(|origin| origin.as_deref() == Some("https://shop.example")));
}

#[tokio::test]
async fn reading_and_sending_are_repeated_and_a_confirmation_is_not() {
    for lost in [FetchErrorKind::Unsent, FetchErrorKind::Timeout, FetchErrorKind::Broken] {
        let stub = Stub::default();
        stub.then([Err(lost), ok(OPEN), Err(lost), ok("null"), Err(lost), Err(lost)]);
        let session = session(&stub);
        assert!(session.read().await.is_ok() && session.send().await.is_ok());
        assert_eq!(session.send().await.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(stub.asked().len(), 6);
    }
    let confirmation = Confirmation::new("tok", "card").unwrap();
    for (lost, asked) in
        [(FetchErrorKind::Timeout, 1), (FetchErrorKind::Broken, 1), (FetchErrorKind::Unsent, 2)]
    {
        let stub = Stub::default();
        stub.then([Err(lost), Err(FetchErrorKind::Unsent)]);
        let error = session(&stub).confirm(&confirmation).await.unwrap_err();
        assert_eq!((error.kind(), stub.asked().len()), (ErrorKind::Unavailable, asked));
    }
    // The very same one may be sent again: it has one key. Another one has another.
    let stub = Stub::default();
    stub.then([
        Err(FetchErrorKind::Timeout),
        ok(r#"{"session_id":"cs_1a","status":"completed","payment_id":"p"}"#),
    ]);
    let session = session(&stub);
    assert!(session.confirm(&confirmation).await.is_err());
    assert_eq!(session.confirm(&confirmation).await.unwrap().payment_id.as_deref(), Some("p"));
    let keys = stub.headers("idempotency-key");
    assert_eq!((keys[0].as_deref(), &keys[0]), (Some(confirmation.key()), &keys[1]));
    assert_ne!(Confirmation::new("tok", "card").unwrap().key(), confirmation.key());
}

#[tokio::test]
async fn only_a_clear_yes_is_a_payment() {
    let confirmation = Confirmation::new("tok_hunter3", "card").unwrap().with_code("sms", "471147");
    for (turn, kind, code, recoverable) in [
        (
            refused(403, "challenge_required", true),
            ErrorKind::Refused,
            Some(ErrorCode::ChallengeRequired),
            true,
        ),
        (
            refused(403, "challenge_failed", false),
            ErrorKind::Refused,
            Some(ErrorCode::ChallengeFailed),
            false,
        ),
        (refused(410, "session_expired", false), ErrorKind::Refused, Some(ErrorCode::SessionExpired), false),
        (
            refused(409, "already_confirmed", false),
            ErrorKind::Refused,
            Some(ErrorCode::AlreadyConfirmed),
            false,
        ),
        (refused(429, "rate_limited", true), ErrorKind::Refused, Some(ErrorCode::RateLimited), true),
        (refused(503, "processing_error", true), ErrorKind::Refused, Some(ErrorCode::ProcessingError), true),
        (
            status(402, r#"{"code":"card_declined","message":"m"}"#),
            ErrorKind::Refused,
            Some(ErrorCode::CardDeclined),
            false,
        ),
        (refused(400, "brand_new_code", true), ErrorKind::Unreadable, None, false),
        (refused(200, "challenge_failed", true), ErrorKind::Unreadable, None, false),
        (refused(302, "challenge_failed", true), ErrorKind::Unreadable, None, false),
        (ok(""), ErrorKind::Unreadable, None, false),
        (ok("<html>completed</html>"), ErrorKind::Unreadable, None, false),
        (ok("null"), ErrorKind::Unreadable, None, false),
        (ok(r#"{"session_id":"cs_1a","status":"open"}"#), ErrorKind::Unreadable, None, false),
        (ok(r#"{"session_id":"cs_other","status":"completed"}"#), ErrorKind::Unreadable, None, false),
        (status(201, r#"{"status":"completed"}"#), ErrorKind::Unreadable, None, false),
        (status(404, "nginx"), ErrorKind::Unreadable, None, false),
        (status(500, "oops"), ErrorKind::Unavailable, None, false),
        (status(429, ""), ErrorKind::Unavailable, None, false),
        (Err(FetchErrorKind::Forbidden), ErrorKind::Misconfigured, None, false),
    ] {
        let stub = Stub::default();
        stub.then([turn.clone()]);
        let error = session(&stub).confirm(&confirmation).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.code(), error.is_recoverable()),
            (kind, code, recoverable),
            "{turn:?}"
        );
        let told = format!("{error} {error:?} {confirmation:?} {:?}", session(&stub));
        assert!(["471147", "hunter"].iter().all(|secret| !told.contains(secret)), "{told}");
        if turn.is_ok_and(|(status, _)| status >= 400) {
            assert_eq!(error.retry_after(), Some(Duration::from_secs(33)));
        }
    }
    let stub = Stub::default();
    stub.then([ok(r#"{"status":"completed"}"#)]);
    let whole = confirmation.clone().acknowledging_duplicates().with("fee", 5).keyed("k");
    assert!(session(&stub).confirm(&whole).await.is_ok());
    let body = r#"{"challenge_response":{"code":"471147","type":"sms"},"duplicate_acknowledged":true,"fee":5,"method":"card","processor_token":"tok_hunter3"}"#;
    assert!(stub.asked()[0].ends_with(body), "{:?}", stub.asked());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let new = |id: &str, secret: &str| Session::new(Stub::default(), id, secret).err();
    for id in ["", "cs_", "cs_a-b", "cs_a/b", "1a"] {
        assert_eq!(new(id, "s"), Some(SessionError::Id));
    }
    assert_eq!(
        (new("cs_1", ""), new("cs_1", "a\nb")),
        (Some(SessionError::Credential), Some(SessionError::Credential))
    );
    let session = Session::new(Stub::default(), "cs_1", "s").unwrap();
    assert_eq!(session.clone().base_url("http://api.govifi.com").unwrap_err(), SessionError::BaseUrl);
    assert_eq!(session.origin("shop.example").unwrap_err(), SessionError::Origin);
}

const SECRET: &str = "a secret of webhooks";

fn receiver(clock: &FakeClock, store: &MemoryStore) -> WebhookReceiver {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let builder = Engine::builder(keys, Origin::parse("https://shop.example").unwrap());
    let engine = builder.clock(clock.clone()).store(store.clone()).build().unwrap();
    WebhookReceiver::new(&engine, SECRET).unwrap()
}

fn signature(timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{timestamp}.{body}").as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A message that was sent so many seconds before now (or after it), and its signature.
fn message(clock: &FakeClock, id: &str, age: i64) -> (String, String) {
    use verify_core::Clock;
    let now = clock.now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let timestamp = (i64::try_from(now).unwrap() - age).to_string();
    let body = format!(
        r#"{{ "webhook_id":"{id}", "event_type":"checkout_session.completed","timestamp":{timestamp},"data":{{"session_id":"cs_1a"}}}}"#
    );
    let signature = signature(&timestamp, &body);
    (body, signature)
}

#[tokio::test]
async fn g16_a_webhook_is_believed_signed_fresh_and_once() {
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let (here, there) = (receiver(&clock, &store), receiver(&clock, &store));
    let (body, signed) = message(&clock, "wh_1", 0);
    for bad in [
        String::new(),
        "sha256=".to_owned(),
        "0".repeat(64),
        signed.replace(char::is_numeric, "0"),
        format!("{signed}00"),
    ] {
        assert!(matches!(here.take(body.as_bytes(), &bad).await, Err(WebhookError::Signature)), "{bad}");
    }
    let tampered = body.replace("cs_1a", "cs_2b");
    assert!(matches!(here.take(tampered.as_bytes(), &signed).await, Err(WebhookError::Signature)));
    // Over the bytes as they came: the same JSON, written otherwise, is another message.
    let rewritten = body.replace("{ ", "{").replace(", ", ",");
    assert!(matches!(here.take(rewritten.as_bytes(), &signed).await, Err(WebhookError::Signature)));
    assert!(matches!(here.take(b"garbage", &signed).await, Err(WebhookError::Signature)));
    let taken = here.take(body.as_bytes(), &format!("sha256={signed}")).await.unwrap();
    assert!(taken.is_completed() && taken.session_id() == Some("cs_1a"));
    for receiver in [&here, &there] {
        assert!(matches!(receiver.take(body.as_bytes(), &signed).await, Err(WebhookError::Repeated)));
    }
    here.give_back(&taken).await.unwrap();
    assert_eq!(there.take(body.as_bytes(), &signed).await.unwrap(), taken);
    // Late ones, and those of a clock that is ahead.
    for (age, fresh) in [(240 * 60, true), (240 * 60 + 1, false), (-300, true), (-301, false)] {
        let (body, signed) = message(&clock, &format!("wh_{age}"), age);
        let result = here.take(body.as_bytes(), &signed).await;
        assert!(if fresh { result.is_ok() } else { matches!(result, Err(WebhookError::Age)) }, "{age}");
    }
    // A message from as far ahead as is allowed is remembered until it is too old.
    let (body, signed) = message(&clock, "wh_ahead", -300);
    here.take(body.as_bytes(), &signed).await.unwrap();
    for _ in 0..30 {
        clock.advance(Duration::from_secs(600));
        let again = here.take(body.as_bytes(), &signed).await;
        assert!(matches!(again, Err(WebhookError::Repeated | WebhookError::Age)), "{again:?}");
    }
}

#[tokio::test]
async fn g16_a_moment_may_be_written_in_three_ways() {
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let receiver = receiver(&clock, &store);
    use verify_core::Clock;
    let seconds = clock.now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for (number, stamp) in
        [format!("{seconds}"), format!("{seconds}000"), format!("\"{seconds}\"")].into_iter().enumerate()
    {
        let body =
            format!(r#"{{"webhook_id":"wh_{number}","event_type":"later.event","timestamp":{stamp}}}"#);
        let signed = signature(stamp.trim_matches('"'), &body);
        let taken = receiver.take(body.as_bytes(), &signed).await.unwrap();
        assert!(!taken.is_completed() && taken.session_id().is_none());
    }
    for stamp in ["null", "\"yesterday\"", "-5", "1e400", "{}"] {
        let body = format!(r#"{{"webhook_id":"wh_x","event_type":"e","timestamp":{stamp}}}"#);
        let signed = signature(stamp.trim_matches('"'), &body);
        assert!(receiver.take(body.as_bytes(), &signed).await.is_err(), "{stamp}");
    }
}
