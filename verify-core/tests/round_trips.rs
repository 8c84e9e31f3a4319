//! How often an answer waits for the store: steps that do not hang on each other go out together.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/law.rs"]
mod law;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bank::{Bank, Request, answered, block_on, blocked, id_of, json_of};
use bytes::Bytes;
use law::{step_up, told, vault, vault_of};
use serde_json::{Value, json};
use verify_core::store::Key;
use verify_core::{Decision, Factor, FakeClock, MemoryStore, Policy, Resend, Store, StoreError};

/// A store at the end of a wire: every call is answered in the round after the one in which it was sent.
#[derive(Clone, Debug)]
struct Wire {
    store: MemoryStore,
    round: Arc<AtomicU64>,
    calls: Arc<AtomicU64>,
}

impl Wire {
    async fn travel(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let sent = self.round.load(Ordering::SeqCst);
        std::future::poll_fn(|_| {
            if self.round.load(Ordering::SeqCst) > sent { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

#[async_trait]
impl Store for Wire {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        self.travel().await;
        self.store.insert(key, value, ttl).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.travel().await;
        self.store.get(key).await
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.travel().await;
        self.store.take(key).await
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        self.travel().await;
        self.store.add(key, n, ttl).await
    }
}

struct Wired {
    bank: Bank,
    wire: Wire,
}

impl Wired {
    fn new() -> Self {
        let clock = FakeClock::default();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        let wire = Wire { store: store.clone(), round: Arc::default(), calls: Arc::default() };
        let end = wire.clone();
        Self { bank: Bank::around(clock, store, move |builder| builder.store(end)), wire }
    }

    /// The answer of an endpoint, in so many round trips and calls.
    fn call(&self, action: &str, body: &Value) -> (Value, u16, u64, u64) {
        let request = Request::new("POST", &format!("/challenge/{action}")).user("alice").json(body);
        let Decision::Read(inquiry, _) = self.bank.endpoints.decide(&request) else { panic!("it is read") };
        let mut ruling = pin!(self.bank.endpoints.rule(inquiry, body.to_string().into()));
        let mut context = Context::from_waker(Waker::noop());
        let before = self.wire.calls.load(Ordering::SeqCst);
        for rounds in 0.. {
            if let Poll::Ready(ruling) = ruling.as_mut().poll(&mut context) {
                let reply = answered(ruling);
                let calls = self.wire.calls.load(Ordering::SeqCst) - before;
                return (json_of(&reply), reply.status().as_u16(), rounds, calls);
            }
            self.wire.round.fetch_add(1, Ordering::SeqCst);
        }
        unreachable!("it ends")
    }

    fn send(&self, id: &str) -> String {
        let (sent, status, ..) = self.call("send", &json!({ "id": id }));
        assert_eq!(status, 200, "{sent}");
        sent["id"].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_send_waits_for_five_round_trips_and_one_that_repeats_it_for_two() {
    let wired = Wired::new();
    let gate = wired.bank.gate(vault());
    let id = id_of(&blocked(&gate, Request::get("/vault").user("alice")));
    let send = |wait: u64, expected: (u64, u64)| {
        wired.bank.advance(wait);
        let (sent, status, rounds, calls) = wired.call("send", &json!({ "id": id }));
        assert_eq!((status, rounds, calls), (200, expected.0, expected.1), "{sent}");
    };
    // Five looks; the wait of the user; that of the address, and looks at three budgets; the three counts; the challenge.
    send(0, (5, 5 + 1 + 4 + 3 + 1));
    send(1, (2, 5 + 2));
    assert_eq!(wired.bank.inbox.len(), 1, "the same wish");
    // How often it was tried and sent, and one count more in place of the opening.
    send(29, (6, 5 + 2 + 1 + 4 + 3 + 1));
    assert_eq!(wired.bank.inbox.len(), 2);
}

#[test]
fn a_wrong_answer_waits_for_one_round_trip_and_a_right_one_for_two() {
    let wired = Wired::new();
    let gate = wired.bank.gate(vault());
    for round in 0..3 {
        let id = wired.send(&id_of(&blocked(&gate, Request::get("/vault").user("alice"))));
        let code = wired.bank.code("alice");
        if round > 0 {
            let wrong = law::wrong(&code, 0);
            let (_, status, rounds, calls) = wired.call("check", &json!({ "id": id, "code": wrong }));
            assert_eq!((status, rounds, calls), (403, 1, 2));
        }
        let (_, status, rounds, calls) = wired.call("check", &json!({ "id": id, "code": code }));
        // After failures, the count of them begins anew, which is a step of its own.
        let expected = if round == 0 { (200, 2, 4) } else { (200, 3, 5) };
        assert_eq!((status, rounds, calls), expected);
    }
}

#[test]
fn a_fresh_code_and_a_ticket_from_before_the_send_cost_what_they_have_to() {
    let wired = Wired::new();
    let gate = wired.bank.gate(vault_of(step_up().resend(Resend::FreshCode)));
    let unsent = id_of(&blocked(&gate, Request::get("/vault").user("alice")));
    let id = wired.send(&unsent);
    let code = wired.bank.code("alice");
    let wrong = law::wrong(&code, 0);
    let (_, status, rounds, calls) = wired.call("check", &json!({ "id": id, "code": wrong }));
    assert_eq!((status, rounds, calls), (403, 1, 3), "and the number of the latest message");
    let (_, status, rounds, calls) =
        wired.call("check", &json!({ "id": unsent, "code": law::wrong(&code, 1) }));
    assert_eq!((status, rounds, calls), (403, 2, 4), "one look more");
}

#[test]
fn a_proof_of_work_waits_for_one_round_trip() {
    let wired = Wired::new();
    let gate =
        wired.bank.gate(Policy::new("feed").require(Factor::proof_of_work("human").cost(1).prefix("0")));
    let blocked = blocked(&gate, Request::get("/feed").user("alice"));
    let challenge = bank::challenge_of(&blocked);
    let token = bank::solved(&challenge);
    let (_, status, rounds, calls) = wired.call("check", &json!({ "id": challenge["id"], "token": token }));
    assert_eq!((status, rounds, calls), (200, 1, 2));
    let _ = (told, block_on::<std::future::Ready<()>>);
}
