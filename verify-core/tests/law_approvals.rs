//! Approvals and what happens around them: exemptions, restored grants, sessions that change, proofs that idle.
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
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bank::{Bank, Outcome, Request, Witness, block_on, blocked, enter, id_of, json_of, solved};
use bytes::Bytes;
use http::StatusCode;
use law::{USED, generous, send, step_up, told};
use serde_json::{Value, json};
use verify_core::store::Key;
use verify_core::{
    Budgets, Channel, Decision, Exemptions, Factor, FakeClock, Gate, MemoryStore, Passage, Policy, Psd2,
    Rotated, Ruling, Store, StoreError, Subject, all_of, any_of,
};

const HOUR: Duration = Duration::from_secs(3600);

fn psd2() -> Psd2 {
    Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban")
}

fn transfer() -> Policy {
    Policy::new("transfer").require(step_up()).bind(psd2())
}

fn order(amount: &str) -> Value {
    let payee = json!({ "name": "Acme Inc.", "iban": "DE89370400440532013000" });
    json!({ "amount": amount, "currency": "EUR", "payee": payee })
}

fn pay(amount: &str) -> Request {
    Request::new("POST", "/transfers").user("alice").json(&order(amount))
}

fn with(request: Request, clearance: &str) -> Request {
    request.header("challenge-clearance", clearance)
}

/// Answers the challenge of this number in the first alternative, beside what was proven before.
fn proven(bank: &Bank, blocked: &Value, number: usize, code: &dyn Fn() -> String, before: &str) -> String {
    let sent = bank.call("send", "alice", &json!({ "id": blocked["alternatives"][0][number]["id"] }));
    assert_eq!(sent.status(), 200, "{sent:?}");
    let answer = json!({ "id": json_of(&sent)["id"], "code": code() });
    let request = Request::new("POST", "/challenge/check").user("alice").json(&answer);
    let checked = bank.ask(with(request, before));
    json_of(&checked)["clearance"].as_str().unwrap().to_owned()
}

fn approved(bank: &Bank, gate: &Gate, request: Request) -> String {
    let reply = json_of(&blocked(gate, request));
    proven(bank, &reply, 0, &|| bank.code("alice"), "")
}

fn passed(outcome: Outcome) -> Passage {
    match outcome {
        Outcome::Passed(passage) => passage,
        other => panic!("{other:?}"),
    }
}

fn clearance_of(passage: &Passage) -> Option<String> {
    let field = passage.headers.iter().find(|(name, _)| name == "challenge-clearance");
    field.map(|(_, value)| value.to_str().unwrap().to_owned())
}

/// A store that makes its caller wait once before each answer, so that a test chooses who goes on.
#[derive(Debug)]
struct Slow(MemoryStore);

async fn wait_once() {
    let mut waited = false;
    std::future::poll_fn(
        |_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending },
    )
    .await;
}

#[async_trait]
impl Store for Slow {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        let done = self.0.insert(key, value, ttl).await;
        wait_once().await;
        done
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let done = self.0.get(key).await;
        wait_once().await;
        done
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let done = self.0.take(key).await;
        wait_once().await;
        done
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        let done = self.0.add(key, n, ttl).await;
        wait_once().await;
        done
    }
}

fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls to the end; nothing here waits for anybody else.
fn finish<T>(mut future: std::pin::Pin<&mut impl Future<Output = T>>) -> T {
    loop {
        if let Poll::Ready(done) = poll(future.as_mut()) {
            return done;
        }
    }
}

#[test]
fn r21_of_two_requests_with_two_approvals_each_exactly_one_runs_at_every_interleaving() {
    for steps in 0..10 {
        let clock = FakeClock::default();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        let bank =
            Bank::around(clock, store.clone(), |builder| builder.store(Slow(store)).budgets(generous()));
        let (phone, mail) =
            (Factor::code("a").over([Channel::Sms]), Factor::code("b").over([Channel::Email]));
        let gate = bank.gate(Policy::new("both").require(all_of((phone, mail))).bind(psd2()));
        let reply = json_of(&blocked(&gate, pay("10.00")));
        let first = proven(&bank, &reply, 0, &|| bank.code("alice"), "");
        let by_mail = || bank.inbox.last_code("alice@example.com").unwrap();
        let both = proven(&bank, &reply, 1, &by_mail, &first);
        let rule = || async {
            match gate.decide(&with(pay("10.00"), &both)) {
                Decision::Read(inquiry, _) => {
                    gate.rule(inquiry, Bytes::from(order("10.00").to_string())).await
                }
                other => panic!("{other:?}"),
            }
        };
        let (mut one, two) = (pin!(rule()), pin!(rule()));
        let mut early = None;
        for _ in 0..steps {
            if early.is_none()
                && let Poll::Ready(done) = poll(one.as_mut())
            {
                early = Some(done);
            }
        }
        let two = finish(two);
        let one = early.unwrap_or_else(|| finish(one));
        let ran = [one, two].iter().filter(|ruling| matches!(ruling, Ruling::Allow(_))).count();
        assert_eq!(ran, 1, "after {steps} steps");
    }
}

#[test]
fn r30_an_approval_that_was_given_back_is_still_in_the_clients_hands() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let gate = bank.gate(transfer().restore_on_5xx());
    let fail = |passage: &mut Passage| {
        let settlement = passage.settlement.take().unwrap();
        block_on(settlement.settle(StatusCode::BAD_GATEWAY, None, None));
    };
    // Answered in line: the client gets its approval with the failed answer.
    let sent = json_of(&send(&bank, "alice", &id_of(&blocked(&gate, pay("10.00")))));
    let answer = pay("10.00").header("challenge-id", sent["id"].as_str().unwrap());
    let mut passage = passed(enter(&gate, answer.header("challenge-answer", bank.code("alice"))));
    fail(&mut passage);
    let kept = clearance_of(&passage).unwrap();
    assert!(enter(&gate, with(pay("10.00"), &kept)).is_in());
    assert_eq!(told(&blocked(&gate, with(pay("10.00"), &kept))), USED, "once");
    // Held as a cookie: whatever the answer does to it, it is good.
    let mut jar = approved(&bank, &gate, pay("11.00"));
    let mut passage = passed(enter(&gate, with(pay("11.00"), &jar)));
    fail(&mut passage);
    jar = clearance_of(&passage).unwrap_or(jar);
    assert!(enter(&gate, with(pay("11.00"), &jar)).is_in());
}

#[test]
fn r17_a_session_does_not_change_under_an_approval() {
    let bank = Bank::with(|builder| {
        let session = |head: &verify_core::Head<'_>| head.header("x-session").unwrap_or("s1").to_owned();
        builder
            .budgets(generous())
            .subject(move |head| Some(Subject::user(head.header("x-user")?).session(session(head))))
            .on_verified(|_| Some(Rotated::to(Subject::user("alice").session("s2"))))
    });
    let gate = bank.gate(transfer());
    let clearance = approved(&bank, &gate, pay("10.00"));
    assert!(enter(&gate, with(pay("10.00"), &clearance)).is_in());
    // A proof that lets the subject do more begins a new one.
    let vault = bank.gate(Policy::new("vault").require(step_up()));
    let cleared = approved(&bank, &vault, Request::get("/vault").user("alice"));
    let look = || with(Request::get("/vault").user("alice"), &cleared);
    assert!(!enter(&vault, look()).is_in());
    assert!(enter(&vault, look().header("x-session", "s2")).is_in());
}

#[test]
fn r30_a_store_that_failed_does_not_make_a_request_look_executed() {
    for call in 0..8 {
        let clock = FakeClock::default();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        let witness = Witness::new(store.clone());
        let bank = Bank::around(clock, store, |builder| builder.store(witness.clone()).budgets(generous()));
        let gate = bank.gate(transfer());
        let keyed = |clearance: &str| with(pay("10.00"), clearance).header("idempotency-key", "k");
        let clearance = approved(&bank, &gate, pay("10.00"));
        witness.fail(call..call + 1);
        let first = enter(&gate, keyed(&clearance));
        witness.heal();
        if first.is_in() {
            continue;
        }
        // The mark that another request is looking lasts a minute at the most, should it have been left behind.
        bank.advance(61);
        let again = approved(&bank, &gate, pay("10.00"));
        assert!(enter(&gate, keyed(&again)).is_in(), "call {call} failed, and nothing ran");
        assert!(!enter(&gate, keyed(&again)).is_in());
    }
}

#[test]
fn r30_a_request_that_was_given_up_on_the_way_can_be_sent_again() {
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let bank = Bank::around(clock, store.clone(), |builder| builder.store(Slow(store)).budgets(generous()));
    let gate = bank.gate(transfer());
    let clearance = approved(&bank, &gate, pay("10.00"));
    let keyed = || with(pay("10.00"), &clearance).header("idempotency-key", "k");
    // Dropped, as at a deadline, once it has marked itself as running and before it has taken anything.
    let Decision::Read(inquiry, _) = gate.decide(&keyed()) else { panic!("it has to be read") };
    {
        let mut rule = pin!(gate.rule(inquiry, Bytes::from(order("10.00").to_string())));
        for _ in 0..2 {
            assert!(poll(rule.as_mut()).is_pending());
        }
    }
    bank.advance(61);
    assert!(enter(&gate, keyed()).is_in());
}

#[test]
fn an_exemption_is_from_authentication_and_from_nothing_else() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let own = Exemptions::new().own_accounts(|_, _| true);
    let both = all_of((Factor::proof_of_work("human"), step_up()));
    let gate = bank.gate(Policy::new("t").require(both).bind(psd2()).exempt(own));
    let reply = blocked(&gate, pay("10.00"));
    let challenge = &json_of(&reply)["alternatives"][0][0];
    let answered = pay("10.00").header("challenge-id", challenge["id"].as_str().unwrap());
    assert!(enter(&gate, answered.header("challenge-answer", solved(challenge))).is_in());
}

#[test]
fn r24_a_request_of_another_policy_leaves_approvals_alone() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let gate = bank.gate(transfer());
    let other = bank.gate(Policy::new("other").require(step_up()).bind(psd2()));
    let clearance = approved(&bank, &gate, pay("10.00"));
    assert_eq!(blocked(&other, with(pay("5.00"), &clearance)).status(), 403);
    assert!(enter(&gate, with(pay("10.00"), &clearance)).is_in());
}

#[test]
fn r22_an_approval_is_for_one_path_and_query() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let gate = bank.gate(transfer());
    let at = |target: &str| Request::new("POST", target).user("alice").json(&order("10.00"));
    for other in ["/accounts/2/transfers", "/accounts/1/orders", "/accounts/1/transfers?from=2"] {
        let clearance = approved(&bank, &gate, at("/accounts/1/transfers"));
        let elsewhere = blocked(&gate, with(at(other), &clearance));
        assert_eq!(elsewhere.status(), 409, "{other}");
    }
}

#[test]
fn used_approvals_leave_the_clearance() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let login = Factor::code("login").over([Channel::Email]).within(12 * HOUR);
    let vault = bank.gate(Policy::new("vault").require(login));
    let look = Request::get("/vault").user("alice");
    let reply = json_of(&blocked(&vault, look.clone()));
    let by_mail = || bank.inbox.last_code("alice@example.com").unwrap();
    let mut held = proven(&bank, &reply, 0, &by_mail, "");
    let gate = bank.gate(transfer());
    for n in 1..=10 {
        let amount = format!("{n}.00");
        let reply = json_of(&blocked(&gate, with(pay(&amount), &held)));
        held = proven(&bank, &reply, 0, &|| bank.code("alice"), &held);
        let passage = passed(enter(&gate, with(pay(&amount), &held)));
        let lighter = clearance_of(&passage).unwrap();
        assert!(lighter.len() < held.len());
        held = lighter;
    }
    assert!(enter(&vault, with(look, &held)).is_in());
}

#[test]
fn r04_what_was_idle_for_too_long_is_not_revived_by_another_proof() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let (phone, mail) = (
        Factor::code("a").over([Channel::Sms]).within(HOUR),
        Factor::code("b").over([Channel::Email]).within(HOUR),
    );
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let only = |name: &str, idle| bank.gate(Policy::new(name).require(phone.clone()).idle(idle));
    let (short, long) = (only("short", minutes(5)), only("long", minutes(30)));
    let either = bank.gate(Policy::new("either").require(any_of((phone.clone(), mail))).idle(minutes(5)));
    let get = |held: &str| with(Request::get("/x").user("alice"), held);
    let first = bank.clearance(&short, "alice");
    assert!(enter(&short, get(&first)).is_in());
    bank.advance(400);
    assert!(!enter(&short, get(&first)).is_in());

    // A gate that bears longer pauses lets it in, and notes that it is in use.
    let seen = clearance_of(&passed(enter(&long, get(&first)))).unwrap();
    assert!(enter(&long, get(&seen)).is_in());
    assert!(!enter(&short, get(&seen)).is_in(), "once idle, idle for ever");

    // So does a gate that is met by another proof.
    let offered = json_of(&blocked(&either, get(&first)));
    let sent = json_of(&bank.call("send", "alice", &json!({ "id": offered["alternatives"][1][0]["id"] })));
    let answer = json!({ "id": sent["id"], "code": bank.inbox.last_code("alice@example.com").unwrap() });
    let checked =
        bank.ask(with(Request::new("POST", "/challenge/check").user("alice").json(&answer), &first));
    let second = json_of(&checked)["clearance"].as_str().unwrap().to_owned();
    bank.advance(70);
    let third = clearance_of(&passed(enter(&either, get(&second)))).unwrap();
    assert!(!enter(&short, get(&third)).is_in());
}

#[test]
fn settings_hold_in_any_order_and_are_refused_where_they_say_nothing() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let gate = bank.gate(Policy::new("t").require(step_up()).body_limit(10).bind(psd2()));
    assert_eq!(blocked(&gate, pay("10.00")).status(), 413);
    for pointless in [
        Policy::new("a").require(step_up()).body_limit(10),
        Policy::new("b").require(step_up()).restore_on_5xx(),
        Policy::new("c").require(step_up()).allow_batches(),
        Policy::new("d").require(step_up()).bind_in_handler().body_limit(10),
    ] {
        assert!(bank.engine.gate(pointless).is_err());
    }
    let minute = Duration::from_secs(60);
    for budgets in [
        Budgets::default().permanently_after(3).block_for(minute),
        Budgets::default().block_for(minute).permanently_after(3),
    ] {
        assert!(format!("{budgets:?}").contains("permanent_after: Some(3)"));
    }
    let engine = |budgets| {
        let keys = verify_core::KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
        verify_core::Engine::builder(keys, verify_core::Origin::parse("https://bank.example").unwrap())
            .budgets(budgets)
            .build()
    };
    let never = engine(Budgets::default().permanently_after(3));
    assert!(matches!(never, Err(verify_core::ConfigError::NoBlocks)));
    assert!(engine(Budgets::default().permanently_after(3).block_for(minute)).is_ok());
}
