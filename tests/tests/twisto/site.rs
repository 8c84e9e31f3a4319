//! The Verification API of Twisto in this process, with a clock that the test turns.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tests::http::{Request, Response};
use verify_compat::twisto::{Config, Evaluation, KeyConfig, Mode, Twisto};
use verify_core::{
    Channel, Contact, Countries, Engine, EngineBuilder, FakeClock, KeyRing, MemoryStore, Origin, Store,
};

use super::phone::Phone;
use super::serve::{Mounting, Running, serve, wait};

pub const LIVE: &str = "live,hunter2";
pub const TEST: &str = "test,hunter3";
pub const TO: &str = "+420777123456";

/// One running API.
pub struct Site {
    pub running: Running,
    pub twisto: Twisto,
    pub engine: Engine,
    pub clock: FakeClock,
    pub phone: Phone,
}

impl Site {
    pub fn open(mounting: Mounting) -> Self {
        Self::with(mounting, |_| {})
    }

    pub fn with(mounting: Mounting, change: impl FnOnce(&mut Config)) -> Self {
        let clock = FakeClock::default();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        Self::over(mounting, store, clock, Phone::default(), change)
    }

    pub fn over(
        mounting: Mounting,
        store: impl Store,
        clock: FakeClock,
        phone: Phone,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let engine = engine(&clock, &phone, |builder| builder.store(store));
        let mut config = Config::default();
        config.keys =
            vec![KeyConfig::new("live", "hunter2"), KeyConfig::new("test", "hunter3").in_mode(Mode::Test)];
        change(&mut config);
        let twisto = Twisto::new(&engine, config).unwrap();
        let running = serve(mounting, "/v2", Arc::new(twisto.clone()));
        Self { running, twisto, engine, clock, phone }
    }

    /// A transaction whose evaluation ends now.
    pub fn begin(&self, id: &str) {
        self.begin_with(id, |evaluation| evaluation);
    }

    pub fn begin_with(&self, id: &str, change: impl FnOnce(Evaluation) -> Evaluation) {
        let evaluation = Evaluation::new(id, self.engine.now(), Contact::phone(TO).unwrap());
        wait(self.twisto.begin(&change(evaluation))).unwrap();
    }

    /// The same for tests.
    pub fn begin_test(&self, id: &str) {
        self.begin_with(id, |evaluation| evaluation.in_mode(Mode::Test).of_keys("test"));
    }

    pub fn ask(&self, request: &Request) -> Response {
        request.send(self.running.address).unwrap()
    }

    pub fn send(&self, id: &str) -> Response {
        self.ask(&send(id).header("authorization", LIVE))
    }

    pub fn verify(&self, id: &str, code: &str) -> Response {
        self.verify_raw(id, &json!({ "code": code }).to_string())
    }

    pub fn verify_raw(&self, id: &str, body: &str) -> Response {
        self.ask(&verify(id).header("authorization", LIVE).body(body))
    }

    /// Turns the clock, in milliseconds.
    pub fn pass(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    pub fn code(&self) -> String {
        self.phone.last(TO).expect("something was sent").code
    }
}

pub fn send(id: &str) -> Request {
    Request::new("POST", &format!("/v2/check/{id}/verification/send/"))
        .header("content-type", "application/json")
}

pub fn verify(id: &str) -> Request {
    Request::new("POST", &format!("/v2/check/{id}/verification/")).header("content-type", "application/json")
}

/// The id of an answer; and that it is one of the documented ones, to the letter.
#[track_caller]
pub fn id(response: &Response, texts: [&str; 5]) -> u64 {
    assert_eq!(response.header("content-type"), Some("application/json"), "{}", response.text());
    let body = response.json();
    let id = body["message_id"].as_u64().unwrap_or_else(|| panic!("no id in {body}"));
    assert_eq!(body, json!({ "message_id": id, "message": texts[usize::try_from(id).unwrap()] }));
    assert_eq!(response.status, if id == 0 { 200 } else { 400 }, "{body}");
    id
}

/// The id of an answer to a send.
#[track_caller]
pub fn sent(response: &Response) -> u64 {
    id(
        response,
        [
            "Verification code has been sent",
            "Resend requested too early",
            "Resends exceeded",
            "Cannot verify transaction",
            "no such id",
        ],
    )
}

/// The id of an answer to a code.
#[track_caller]
pub fn checked(response: &Response) -> u64 {
    id(
        response,
        [
            "Successful verification",
            "Verification code does not match",
            "Transaction has expired",
            "Maximum tries exceeded",
            "Cannot verify transaction",
        ],
    )
}

/// What is no result has no id.
#[track_caller]
pub fn refused(response: &Response, status: u16) {
    let body = response.json();
    assert_eq!((response.status, &body["message_id"]), (status, &Value::Null), "{}", response.text());
    assert!(body["message"].is_string() && body.as_object().unwrap().len() == 2, "{body}");
}

pub fn engine(
    clock: &FakeClock,
    phone: &Phone,
    finish: impl FnOnce(EngineBuilder) -> EngineBuilder,
) -> Engine {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let builder = Engine::builder(keys, Origin::parse("https://shop.example").unwrap())
        .clock(clock.clone())
        .courier(Channel::Sms, phone.clone())
        .courier(Channel::Email, phone.clone())
        .countries(Countries::any());
    finish(builder).build().unwrap()
}
