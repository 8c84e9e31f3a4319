//! The Verification API of Twisto where something comes twice, breaks off or takes too long.
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
#[path = "twisto/site.rs"]
mod site;

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use serve::{Mounting, wait, wrong};
use site::{Site, TEST, checked, refused, sent};
use tests::http::Request;
use verify_compat::twisto::{BeginError, Evaluation, KeyConfig, Mode, NotVerifiedKind};
use verify_core::store::Key;
use verify_core::{Api, Contact, FakeClock, MemoryStore, Store, StoreError};

/// Whoever has not heard the answer says the same once more, also with a clock that is ahead, or without a clock.
fn t02_the_same_evaluation_once_more_changes_nothing(mounting: Mounting) {
    let site = Site::with(mounting, |config| config.settings.begin_over_http = true);
    for ahead in [0, 30] {
        let id = format!("ahead-{ahead}");
        let ended = site.engine.now() + Duration::from_secs(ahead);
        let evaluation = Evaluation::new(&id, ended, Contact::phone(site::TO).unwrap());
        for seconds in [0, 1, 20, 60] {
            assert_eq!(wait(site.twisto.begin(&evaluation)), Ok(()), "{id}");
            site.pass(seconds * 1000);
        }
        let other = Evaluation::new(&id, ended - Duration::from_secs(1), Contact::phone(site::TO).unwrap());
        assert_eq!(wait(site.twisto.begin(&other)), Err(BeginError::Known), "{id}");
    }
    let begin = |body: &Value| {
        let request = Request::json("/v2/check/lost/begin/", body);
        site.ask(&request.header("authorization", site::LIVE)).status
    };
    for _ in 0..3 {
        assert_eq!(begin(&json!({ "to": site::TO })), 200);
        site.pass(1000);
    }
    assert_eq!(begin(&json!({ "to": "+420777123457" })), 400);
}

/// A right code is the right one, though the store failed at any step after it was used up.
fn t05_the_right_code_once_more_is_right_whatever_failed_the_first_time(mounting: Mounting) {
    for length in [4, 6] {
        let mut steps = 0;
        for step in 0.. {
            let clock = FakeClock::default();
            let store = bank::Witness::new(MemoryStore::builder().clock(clock.clone()).build());
            let change = |config: &mut verify_compat::twisto::Config| config.settings.code_length = length;
            let site = Site::over(mounting, store.clone(), clock, phone::Phone::default(), change);
            site.begin("order");
            assert_eq!(sent(&site.send("order")), 0);
            let code = site.code();
            store.fail(step..step + 1);
            let first = site.verify("order", &code);
            if store.failed() == 0 {
                steps = step;
                break;
            }
            store.heal();
            assert_eq!(first.status, 503, "{step}: {}", first.text());
            assert_eq!(checked(&site.verify("order", &wrong(&code, 0))) % 3, 1, "{step}: never right");
            assert_eq!(checked(&site.verify("order", &code)), 0, "{step}");
            assert!(wait(site.twisto.require_verified("order")).is_ok(), "{step}");
        }
        assert!(steps > 5, "every step was reached");
    }
}

fn t16_what_takes_too_long_is_answered_in_kind(mounting: Mounting) {
    let late = Site::open(mounting).twisto.too_late(&http::Request::new(()).into_parts().0);
    let body: Value = serde_json::from_slice(late.body()).unwrap();
    assert_eq!((late.status().as_u16(), &body["message_id"]), (503, &Value::Null));
    assert!(body["message"].is_string() && late.headers().contains_key("retry-after"));
    refused(&Site::open(mounting).ask(&site::send("a1")), 401);
}

/// A store that lets everybody else go first, before each of its steps.
#[derive(Debug)]
struct Slow(MemoryStore);

async fn step() {
    let mut is_first = true;
    std::future::poll_fn(|_| if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) })
        .await;
}

#[async_trait]
impl Store for Slow {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        step().await;
        self.0.insert(key, value, ttl).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        step().await;
        self.0.get(key).await
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        step().await;
        self.0.take(key).await
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        step().await;
        self.0.add(key, n, ttl).await
    }
}

fn to_the_end<F: Future>(future: F) -> F::Output {
    let (mut future, mut context) = (pin!(future), Context::from_waker(Waker::noop()));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// Of two requests with the code of a test one is overtaken at each of its steps, by the other and by the invoice.
#[test]
fn t21_one_invoice_is_claimed_at_whatever_step_a_request_is_overtaken() {
    let clock = FakeClock::default();
    let store = Slow(MemoryStore::builder().clock(clock.clone()).build());
    let engine = site::engine(&clock, &phone::Phone::default(), |builder| builder.store(store));
    let mut config = verify_compat::twisto::Config::default();
    config.keys = vec![KeyConfig::new("test", "hunter3").in_mode(Mode::Test)];
    let twisto = verify_compat::twisto::Twisto::new(&engine, config).unwrap();
    let mut claims = [0, 0];
    for steps in 0..40 {
        let id = format!("order-{steps}");
        let evaluation = Evaluation::new(&id, engine.now(), Contact::phone(site::TO).unwrap());
        to_the_end(twisto.begin(&evaluation.in_mode(Mode::Test))).unwrap();
        let verify = || {
            let request = http::Request::post(format!("/v2/check/{id}/verification/"));
            let request = request.header("authorization", TEST).body(Bytes::from(r#"{"code":"1234"}"#));
            twisto.answer(request.unwrap())
        };
        let mut overtaken = Box::pin(verify());
        let mut context = Context::from_waker(Waker::noop());
        let mut is_over = false;
        for _ in 0..steps {
            is_over = is_over || overtaken.as_mut().poll(&mut context).is_ready();
        }
        let claim = || to_the_end(twisto.claim_invoice(&id)).map_err(|error| error.kind());
        assert_eq!(to_the_end(verify()).status(), 200, "{steps}");
        let mut claimed = usize::from(claim().is_ok());
        if !is_over {
            assert_eq!(to_the_end(overtaken).status(), 200, "{steps}");
        }
        claimed += usize::from(claim().is_ok());
        assert_eq!(claimed, 1, "{steps}: one invoice");
        assert_eq!(claim().unwrap_err(), NotVerifiedKind::Claimed);
        claims[usize::from(is_over)] += 1;
    }
    assert!(claims.iter().all(|count| *count > 5), "{claims:?}: it was overtaken at every step");
}

on_both! {
    t02_the_same_evaluation_once_more_changes_nothing
    t05_the_right_code_once_more_is_right_whatever_failed_the_first_time
    t16_what_takes_too_long_is_answered_in_kind
}
