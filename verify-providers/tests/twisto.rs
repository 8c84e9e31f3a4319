//! Twisto that misbehaves: every id has its meaning, and what is no documented answer is neither right nor wrong.
#![cfg(feature = "twisto")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/other_server.rs"]
mod stub;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stub::{Stub, Turn, ok, status};
use verify_core::{
    Channel, CodeOrder, Contact, Engine, Factor, FetchErrorKind, KeyRing, MissingContacts, Origin, Policy,
    RefusedKind, Subject,
};
use verify_providers::HttpClient;
use verify_providers::twisto::{Checked, ErrorKind, Sent, TransactionId, Twisto, TwistoCodes, TwistoError};

fn ended() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1000)
}

fn transaction() -> TransactionId {
    TransactionId::new("4711", ended()).unwrap()
}

fn twisto(stub: &Stub) -> Twisto {
    Twisto::new(stub.clone(), "public", "hunter2").unwrap()
}

/// An answer with this id, under the status that goes with it.
fn id(id: u8) -> Turn {
    let body = format!(r#"{{"message_id":{id},"message":"as documented"}}"#);
    if id == 0 { ok(&body) } else { status(400, &body) }
}

#[tokio::test]
async fn every_documented_id_has_its_meaning() {
    let stub = Stub::default();
    let twisto = twisto(&stub);
    stub.then([id(0), id(1), id(2), id(3)]);
    let retry_at = ended() + Duration::from_secs(10);
    for sent in [Sent::Sent, Sent::TooEarly { retry_at }, Sent::SendsExhausted, Sent::Dead] {
        assert_eq!(twisto.send(&transaction()).await.unwrap(), sent);
    }
    stub.then([id(0), id(1), id(2), id(3), id(4)]);
    for checked in [Checked::Passed, Checked::Mismatch, Checked::Expired, Checked::Exhausted, Checked::Dead] {
        assert_eq!(twisto.verify(&transaction(), "1234").await.unwrap(), checked);
    }
    let asked = stub.asked();
    assert_eq!(asked[0], "POST https://api.twisto.cz/v2/check/4711/verification/send/ public,hunter2 ");
    assert_eq!(
        asked[4],
        r#"POST https://api.twisto.cz/v2/check/4711/verification/ public,hunter2 {"code":"1234"}"#
    );
}

#[tokio::test]
async fn what_is_not_documented_is_an_error_and_says_nothing_of_the_code() {
    for (turn, kind) in [
        (id(9), ErrorKind::Unreadable),
        (status(400, r#"{"message_id":0,"message":"x"}"#), ErrorKind::Unreadable),
        (ok(r#"{"message_id":1,"message":"x"}"#), ErrorKind::Unreadable),
        (ok(r#"{"message_id":null}"#), ErrorKind::Unreadable),
        (ok(r#"{"message_id":"0"}"#), ErrorKind::Unreadable),
        (ok(r#"{"message_id":-1}"#), ErrorKind::Unreadable),
        (ok("{}"), ErrorKind::Unreadable),
        (ok("<html>Successful verification</html>"), ErrorKind::Unreadable),
        (ok(""), ErrorKind::Unreadable),
        (status(201, r#"{"message_id":0,"message":"x"}"#), ErrorKind::Unreadable),
        (status(302, ""), ErrorKind::Unreadable),
        (status(401, r#"{"message_id":null,"message":"x"}"#), ErrorKind::Misconfigured),
        (status(404, "not found"), ErrorKind::Misconfigured),
        (status(429, ""), ErrorKind::Unavailable),
        (status(500, r#"{"message_id":0,"message":"x"}"#), ErrorKind::Unavailable),
        (status(503, ""), ErrorKind::Unavailable),
        (Err(FetchErrorKind::Timeout), ErrorKind::Unavailable),
        (Err(FetchErrorKind::Broken), ErrorKind::Unavailable),
        (Err(FetchErrorKind::Forbidden), ErrorKind::Misconfigured),
    ] {
        let stub = Stub::default();
        stub.then([turn.clone(), turn.clone()]);
        let error = twisto(&stub).verify(&transaction(), "471147").await.unwrap_err();
        assert_eq!(error.kind(), kind, "{turn:?}");
        let told = format!("{error} {error:?}");
        assert!(!told.contains("471147") && !told.contains("hunter2"), "{told}");
        assert_eq!(twisto(&stub).send(&transaction()).await.unwrap_err().kind(), kind, "{turn:?}");
        assert_eq!(stub.asked().len(), 2, "{turn:?}: each is asked once");
    }
    // The fifth id is one of codes only.
    let stub = Stub::default();
    stub.then([id(4)]);
    assert_eq!(twisto(&stub).send(&transaction()).await.unwrap_err().kind(), ErrorKind::Unreadable);
}

#[tokio::test]
async fn r57_what_never_left_is_asked_again() {
    let stub = Stub::default();
    stub.then([Err(FetchErrorKind::Unsent), id(0), Err(FetchErrorKind::Unsent), Err(FetchErrorKind::Unsent)]);
    assert_eq!(twisto(&stub).send(&transaction()).await.unwrap(), Sent::Sent);
    let error = twisto(&stub).verify(&transaction(), "1234").await.unwrap_err();
    assert_eq!((error.kind(), stub.asked().len()), (ErrorKind::Unavailable, 4));
}

#[test]
fn what_makes_no_sense_is_refused_and_keys_are_not_shown() {
    let new = |public: &str, secret: &str| Twisto::new(Stub::default(), public, secret);
    for (public, secret) in [("", "s"), ("p,q", "s"), ("p", ""), ("p", "s\n"), ("p q", "s")] {
        assert_eq!(new(public, secret).unwrap_err(), TwistoError::Key);
    }
    let twisto = new("public", "hunter2").unwrap();
    assert!(!format!("{twisto:?}").contains("hunter2"));
    for url in ["http://api.twisto.cz/v2", "ftp://a.example", "https://a.example/?q", "a.example", ""] {
        assert_eq!(twisto.clone().base_url(url).unwrap_err(), TwistoError::BaseUrl, "{url}");
    }
    assert!(twisto.base_url("http://localhost:3900/twisto/v2/").is_ok());
    for id in ["", "a/b", "..", "a b", "ä", &"a".repeat(129)] {
        assert_eq!(TransactionId::new(id, ended()), Err(TwistoError::Transaction));
    }
    let _ = HttpClient::new();
}

/// An engine whose codes are Twisto's, and a user whose transaction has the user's name.
fn engine(stub: &Stub) -> Engine {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let codes = TwistoCodes::new(twisto(stub), |order: &CodeOrder| {
        let id = order.subject().id();
        TransactionId::new(id, ended()).ok().filter(|_| id != "nobody")
    });
    Engine::builder(keys, Origin::parse("https://shop.example").unwrap())
        .code_service([Channel::Sms], codes)
        .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+420777123456").ok())
        .missing_contacts(MissingContacts::Tell)
        .build()
        .unwrap()
}

async fn send(engine: &Engine, user: &'static str) -> Result<String, RefusedKind> {
    let gate = engine.gate(Policy::new("pay").require(Factor::code("twisto"))).unwrap();
    let direct = engine.direct(Subject::user(user));
    let ticket = direct.offer(&gate, "twisto").unwrap();
    let sent = direct.send(&ticket, None).await.map_err(|refused| refused.kind())?;
    Ok(sent.ticket().to_owned())
}

#[tokio::test]
async fn behind_a_factor_only_a_clear_yes_lets_in() {
    for (turn, kind) in [
        (id(0), None),
        (id(1), Some(RefusedKind::Wrong)),
        (id(2), Some(RefusedKind::AlreadyUsed)),
        (id(3), Some(RefusedKind::Locked)),
        (id(4), Some(RefusedKind::AlreadyUsed)),
        (id(9), Some(RefusedKind::Unavailable)),
        (status(500, ""), Some(RefusedKind::Unavailable)),
        (status(401, ""), Some(RefusedKind::Misconfigured)),
        (Err(FetchErrorKind::Timeout), Some(RefusedKind::Unavailable)),
    ] {
        let stub = Stub::default();
        let engine = engine(&stub);
        stub.then([id(0), turn.clone()]);
        let ticket = send(&engine, "order-1").await.unwrap();
        let checked = engine.direct(Subject::user("order-1")).check(&ticket, "1234").await;
        assert_eq!(checked.map_err(|refused| refused.kind()).err(), kind, "{turn:?}");
        assert!(stub.asked()[1].contains("/check/order-1/verification/ "), "{:?}", stub.asked());
    }
}

#[tokio::test]
async fn behind_a_factor_a_send_is_refused_by_what_can_be_done_about_it() {
    for (turn, kind) in [
        (id(1), RefusedKind::RateLimited),
        (id(2), RefusedKind::RateLimited),
        (id(3), RefusedKind::Invalid),
        (id(4), RefusedKind::Unavailable),
        (status(401, ""), RefusedKind::Misconfigured),
        (Err(FetchErrorKind::Broken), RefusedKind::Unavailable),
    ] {
        let stub = Stub::default();
        stub.then([turn.clone()]);
        assert_eq!(send(&engine(&stub), "order-1").await, Err(kind), "{turn:?}");
    }
    let stub = Stub::default();
    assert_eq!(send(&engine(&stub), "nobody").await, Err(RefusedKind::Invalid));
    assert!(stub.asked().is_empty(), "nobody is asked about what was not evaluated");
}
