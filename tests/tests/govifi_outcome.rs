//! The hosted sessions of GoViFi where something breaks off around the payment: what was paid is told as paid, and expired is
//! only what certainly was not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../../verify-core/tests/support/bank.rs"]
mod bank;
#[path = "twilio/phone.rs"]
mod phone;
#[path = "served/serve.rs"]
mod serve;
#[path = "../../verify-redis/tests/support/server.rs"]
mod server;
#[path = "govifi/site.rs"]
mod site;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bank::Witness;
use bytes::Bytes;
use serde_json::Value;
use serve::{Mounting, wait};
use server::until;
use site::{Doorman, Session, Site, World, paid, refused, sms};
use tests::http::Request;
use verify_compat::govifi::{SessionError, SessionStatus};
use verify_core::store::{Key, Store, StoreError};
use verify_core::{Api, MemoryStore};

fn site_of(mounting: Mounting, deadline: Option<Duration>) -> (Site, Witness) {
    let world = World { deadline, ..World::default() };
    let store = Witness::new(MemoryStore::builder().clock(world.clock.clone()).build());
    (Site::over(mounting, store.clone(), &world, &Doorman::new("hcaptcha"), |_| {}), store)
}

fn status(site: &Site, session: &Session) -> SessionStatus {
    wait(site.sessions.status(&session.id)).unwrap()
}

/// The events that were told, in their order.
fn events(site: &Site) -> Vec<String> {
    let taken = site.receiver.taken();
    let event = |(_, body): &(String, Bytes)| {
        let body: Value = serde_json::from_slice(body).unwrap();
        body["event_type"].as_str().unwrap().to_owned()
    };
    taken.iter().map(event).collect()
}

const COMPLETED: [&str; 1] = ["checkout_session.completed"];

/// The adapter drops a request that takes too long, as it does one whose client has gone.
fn g14_a_payment_that_nobody_waits_for_is_noted_and_told(mounting: Mounting) {
    let (site, _) = site_of(mounting, Some(Duration::from_millis(300)));
    let session = site.session("sms");
    site.send(&session);
    let request = session.confirm_with("tok_slow", sms(&site.code())).header("idempotency-key", "k");
    refused(&site.ask(&request), 503, "processing_error", true);
    // While it is under way, its time may run out, and nobody calls it expired.
    site.pass(3600);
    refused(&site.view(&session), 409, "processing_error", true);
    assert_eq!(status(&site, &session), SessionStatus::Unsettled);
    assert_eq!(wait(site.sessions.expire(&session.id)), Err(SessionError::Paid));
    refused(&site.ask(&request), 409, "processing_error", true);
    assert_eq!(events(&site), [""; 0]);
    site.till.let_go();
    until("the payment is told", || events(&site) == COMPLETED);
    until("the payment is noted", || site.ask(&request).status == 200);
    assert_eq!(site.view(&session).json()["status"], "completed");
    assert_eq!(status(&site, &session), SessionStatus::Completed);
    assert_eq!((site.till.payments(), events(&site)), (1, COMPLETED.map(str::to_owned).to_vec()));
}

/// A decline that nobody waits for gives the permit back; what was not paid in its time expires then.
fn g10_what_was_declined_in_the_end_expires(mounting: Mounting) {
    let (site, store) = site_of(mounting, None);
    let session = site.session("none");
    refused(&site.ask(&session.confirm_with("tok_card_declined", Value::Null)), 402, "card_declined", true);
    site.pass(3600);
    // A store that fails just then says nothing of it.
    store.fail(0..u64::from(u32::MAX));
    refused(&site.view(&session), 503, "processing_error", true);
    store.heal();
    refused(&site.view(&session), 410, "session_expired", false);
    refused(&site.ask(&session.confirm(Value::Null)), 410, "session_expired", false);
    until("its end is told", || events(&site) == ["checkout_session.expired"]);
    assert_eq!((status(&site, &session), site.till.payments()), (SessionStatus::Expired, 1));
}

fn g14_a_payment_that_cannot_be_noted_is_of_unknown_outcome(mounting: Mounting) {
    let (site, store) = site_of(mounting, None);
    let session = site.session("none");
    let failing = store.clone();
    site.till.meanwhile(move || failing.fail(0..1));
    let answer = site.confirm(&session, Value::Null);
    refused(&answer, 502, "processing_error", false);
    assert_eq!(store.failed(), 1);
    refused(&site.confirm(&session, Value::Null), 409, "processing_error", true);
    assert_eq!(status(&site, &session), SessionStatus::Unsettled);
    site.pass(3600);
    refused(&site.view(&session), 409, "processing_error", true);
    assert_eq!(status(&site, &session), SessionStatus::Unsettled);
    let path = format!("/v1/hosted-sessions/{}/expire", session.id);
    let end = Request::new("POST", &path).header("authorization", site::ADMIN);
    refused(&site.ask(&end), 409, "processing_error", true);
    assert_eq!((site.till.payments(), events(&site)), (1, Vec::new()), "nothing is told that may be untrue");
}

fn g13_a_payment_whose_answer_cannot_be_kept_is_told_all_the_same(mounting: Mounting) {
    let (site, store) = site_of(mounting, None);
    let session = site.session("none");
    let failing = store.clone();
    site.till.meanwhile(move || failing.fail(1..2));
    let request = session.confirm(Value::Null).header("idempotency-key", "k");
    paid(&site.ask(&request));
    assert_eq!(store.failed(), 1);
    until("the payment is told", || events(&site) == COMPLETED);
    refused(&site.ask(&request), 409, "processing_error", true);
    assert_eq!(site.view(&session).json()["status"], "completed");
}

/// A store that says once of a name that it is taken, though whoever had it has given it up.
#[derive(Clone, Debug)]
struct Hasty {
    store: MemoryStore,
    is_due: Arc<AtomicBool>,
}

#[async_trait]
impl Store for Hasty {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        match self.is_due.swap(false, Ordering::Relaxed) {
            true => Ok(false),
            false => self.store.insert(key, value, ttl).await,
        }
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.store.get(key).await
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.store.take(key).await
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        self.store.add(key, n, ttl).await
    }
}

/// Two confirmations with one key: the first gives the key up between the steps of the second, of whose body nothing is said.
fn g13_a_key_that_was_given_up_just_now_was_not_used_with_another_body(mounting: Mounting) {
    let world = World::default();
    let store = MemoryStore::builder().clock(world.clock.clone()).build();
    let store = Hasty { store, is_due: Arc::default() };
    let site = Site::over(mounting, store.clone(), &world, &Doorman::new("hcaptcha"), |_| {});
    let session = site.session("none");
    let request = session.confirm(Value::Null).header("idempotency-key", "k");
    store.is_due.store(true, Ordering::Relaxed);
    let early = site.ask(&request);
    refused(&early, 409, "processing_error", true);
    assert_eq!((early.header("retry-after"), store.is_due.load(Ordering::Relaxed)), (Some("1"), false));
    paid(&site.ask(&request));
}

/// The members of every refusal, also where the adapter answers by itself.
fn g07_what_takes_too_long_is_answered_in_kind(mounting: Mounting) {
    let site = Site::open(mounting);
    let head = http::Request::post("/v1/hosted-sessions/cs_1/confirm").header("origin", site::SHOP).body(());
    let late = site.sessions.too_late(&head.unwrap().into_parts().0);
    let body: Value = serde_json::from_slice(late.body()).unwrap();
    assert_eq!((late.status().as_u16(), &body["code"]), (503, &"processing_error".into()));
    assert_eq!((&body["recoverable"], late.headers().contains_key("retry-after")), (&true.into(), true));
    assert_eq!(late.headers()["access-control-allow-origin"], site::SHOP);
    // And so is what is too long: the page can read it.
    let session = site.session("none");
    let long = site.ask(&session.request("POST", "/confirm").body("x".repeat(70_000)));
    refused(&long, 413, "validation_error", true);
    assert_eq!(long.header("access-control-allow-origin"), Some(site::SHOP));
    let elsewhere =
        Request::new("POST", "/v1/hosted-sessions/cs_1/confirm").header("origin", "https://evil.example");
    assert_eq!(site.ask(&elsewhere.body("x".repeat(70_000))).header("access-control-allow-origin"), None);
}

on_both! {
    g14_a_payment_that_nobody_waits_for_is_noted_and_told
    g10_what_was_declined_in_the_end_expires
    g14_a_payment_that_cannot_be_noted_is_of_unknown_outcome
    g13_a_payment_whose_answer_cannot_be_kept_is_told_all_the_same
    g13_a_key_that_was_given_up_just_now_was_not_used_with_another_body
    g07_what_takes_too_long_is_answered_in_kind
}
