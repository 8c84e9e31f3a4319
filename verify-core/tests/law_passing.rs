//! R18 where a look at the head does not settle it: what was revoked counts for nothing however it comes, and the two ways
//! through a gate agree.
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

use std::time::Duration;

use bank::{Bank, Outcome, Request, Witness, block_on, blocked, cookie_of, enter, id_of, json_of};
use bytes::Bytes;
use law::{bank_under, generous, step_up, vault};
use serde_json::{Value, json};
use verify_core::store::Key;
use verify_core::{
    Channel, EngineBuilder, Factor, FakeClock, Gate, Limit, MemoryStore, Policy, Psd2, RequestLimits,
    StoreError, Subject, all_of,
};

/// Two machines of one deployment, with one store.
fn pair(change: fn(EngineBuilder) -> EngineBuilder) -> (Bank, Bank, Witness) {
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let witness = Witness::new(store.clone());
    let bank = |witness: Witness| {
        Bank::around(clock.clone(), store.clone(), move |builder| {
            change(builder.store(witness).budgets(generous()))
        })
    };
    (bank(witness.clone()), bank(witness.clone()), witness)
}

fn as_it_is(builder: EngineBuilder) -> EngineBuilder {
    builder
}

fn revoke(bank: &Bank) {
    block_on(bank.engine.revoke(&Subject::user("alice"))).unwrap();
}

fn get() -> Request {
    Request::get("/vault").user("alice")
}

fn with(request: Request, clearance: &str) -> Request {
    request.header("challenge-clearance", clearance)
}

/// Has the code of a challenge sent: its ticket, and the code.
fn sent(bank: &Bank, challenge: &Value) -> (String, String) {
    let sent = bank.call("send", "alice", &json!({ "id": challenge["id"] }));
    assert_eq!(sent.status(), 200, "{sent:?}");
    let sent = json_of(&sent);
    let code = match sent["channel"].as_str().unwrap() {
        "email" => bank.inbox.last_code("alice@example.com").unwrap(),
        _ => bank.code("alice"),
    };
    (sent["id"].as_str().unwrap().to_owned(), code)
}

fn answering(request: Request, (ticket, code): (String, String)) -> Request {
    request.header("challenge-id", ticket).header("challenge-answer", code)
}

fn transfer() -> Policy {
    let binds = Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
    Policy::new("transfer").require(step_up()).bind(binds)
}

fn pay() -> Request {
    let payee = json!({ "name": "Acme Inc.", "iban": "DE89370400440532013000" });
    let order = json!({ "amount": "12.00", "currency": "EUR", "payee": payee });
    Request::new("POST", "/transfers").user("alice").json(&order)
}

fn approved(bank: &Bank, gate: &Gate) -> String {
    let (id, code) = sent(bank, &json_of(&blocked(gate, pay()))["alternatives"][0][0]);
    let checked = bank.call("check", "alice", &json!({ "id": id, "code": code }));
    json_of(&checked)["clearance"].as_str().unwrap().to_owned()
}

#[test]
fn r18_an_approval_that_was_revoked_elsewhere_executes_nothing() {
    let (here, there, witness) = pair(as_it_is);
    let gate = here.gate(transfer().checks_revocation());
    let token = approved(&here, &gate);
    here.advance(1);
    revoke(&there);
    assert_eq!(blocked(&gate, with(pay(), &token)).status(), 403);

    here.advance(60);
    let token = approved(&here, &gate);
    witness.fail(0..1);
    assert_eq!(blocked(&gate, with(pay(), &token)).status(), 503, "what cannot be asked is not executed");
    witness.heal();
    assert!(enter(&gate, with(pay(), &token)).is_in(), "and the approval is not used up by that");
}

#[test]
fn r18_what_was_revoked_elsewhere_is_not_completed_by_another_factor() {
    let (here, there, _) = pair(as_it_is);
    let by_phone = || Factor::code("step-up").over([Channel::Sms]);
    let by_mail = Factor::code("by-mail").over([Channel::Email]);
    let first = here.gate(Policy::new("first").require(by_phone()));
    let gate = here.gate(Policy::new("both").require(all_of((by_phone(), by_mail))).checks_revocation());
    let half = here.clearance(&first, "alice");
    here.advance(60);
    revoke(&there);
    here.advance(60);
    let missing = json_of(&blocked(&gate, with(get(), &half)))["alternatives"][0].clone();
    let by_mail = missing.as_array().unwrap().iter().find(|each| each["factor"] == "by-mail").unwrap();
    let reply = blocked(&gate, answering(with(get(), &half), sent(&here, by_mail)));
    assert_eq!(reply.status(), 403);
    // What was proven now counts, and only that.
    let rest = json_of(&blocked(&gate, with(get(), &cookie_of(&reply, "__Host-clearance").unwrap())));
    let missing: Vec<_> =
        rest["alternatives"][0].as_array().unwrap().iter().map(|each| &each["factor"]).collect();
    assert_eq!(missing, ["step-up"]);
}

#[test]
fn r18_a_code_that_was_sent_before_a_revocation_opens_nothing_through_either_door() {
    for (checks, where_revoked) in [(true, "there"), (true, "here"), (false, "here")] {
        let (here, there, _) = pair(as_it_is);
        let policy = if checks { vault().checks_revocation() } else { vault() };
        let gate = here.gate(policy);
        let begin = || {
            here.advance(60);
            let answer = sent(&here, &json_of(&blocked(&gate, get()))["alternatives"][0][0]);
            here.advance(1);
            revoke(if where_revoked == "here" { &here } else { &there });
            here.advance(1);
            answer
        };
        let what = format!("checks: {checks}, revoked {where_revoked}");
        assert!(!enter(&gate, answering(get(), begin())).is_in(), "{what}: in line");
        let (id, code) = begin();
        let checked = here.call("check", "alice", &json!({ "id": id, "code": code }));
        if where_revoked == "here" {
            assert_eq!(law::told(&checked), law::USED, "{what}: by a call");
        } else {
            let token = json_of(&checked)["clearance"].as_str().unwrap().to_owned();
            assert!(!enter(&gate, with(get(), &token)).is_in(), "{what}: by a call");
        }
        here.advance(60);
        let token = here.clearance(&gate, "alice");
        assert!(enter(&gate, with(get(), &token)).is_in(), "{what}: a challenge of afterwards counts");
    }
}

#[test]
fn r18_a_store_that_cannot_be_asked_keeps_what_was_answered() {
    let (here, _, witness) = pair(as_it_is);
    let gate = here.gate(vault().checks_revocation());
    let answer = sent(&here, &json_of(&blocked(&gate, get()))["alternatives"][0][0]);
    // The look for revocations is the last call of all.
    let calls = calls_of_an_answer();
    witness.fail(calls - 1..calls);
    let reply = blocked(&gate, answering(get(), answer));
    witness.heal();
    assert_eq!((reply.status().as_u16(), witness.failed()), (503, 1));
    let token = cookie_of(&reply, "__Host-clearance").expect("the code is spent, and its proof is there");
    assert!(enter(&gate, with(get(), &token)).is_in());
}

/// How many calls an answer in line makes at a gate that asks for revocations.
fn calls_of_an_answer() -> u64 {
    let (here, _, witness) = pair(as_it_is);
    let gate = here.gate(vault().checks_revocation());
    let answer = sent(&here, &json_of(&blocked(&gate, get()))["alternatives"][0][0]);
    let before = witness.calls();
    assert!(enter(&gate, answering(get(), answer)).is_in());
    witness.calls() - before
}

#[test]
fn r70_whoever_comes_with_what_was_revoked_is_a_stranger() {
    fn one(builder: EngineBuilder) -> EngineBuilder {
        let one = Limit::of(1).per(Duration::from_secs(3600));
        builder.limits(RequestLimits::unlimited().with_blocked(one))
    }
    let (here, there, _) = pair(one);
    let gate = here.gate(vault().checks_revocation());
    let token = here.clearance(&gate, "alice");
    assert_eq!(blocked(&gate, get()).status(), 429, "the one blocked request was that of the clearance");
    assert!(
        (0..3).all(|_| enter(&gate, with(get(), &token)).is_in()),
        "whoever has proven everything is not limited"
    );
    here.advance(60);
    revoke(&there);
    for request in [get(), get().browser()] {
        assert_eq!(blocked(&gate, with(request, &token)).status(), 429);
    }
}

#[test]
fn r18_a_code_that_was_sent_before_a_revocation_is_not_sent_again() {
    let (here, there, _) = pair(as_it_is);
    let gate = here.gate(vault());
    let offer = json_of(&blocked(&gate, get()))["alternatives"][0][0].clone();
    let (id, before) = sent(&here, &offer);
    revoke(&there);
    here.advance(60);
    let (anew, after) = sent(&here, &json!({ "id": id }));
    assert!(before != after && id != anew, "another challenge takes its place");
    assert!(enter(&gate, answering(get(), (anew, after))).is_in());
}

#[test]
fn r18_what_is_answered_in_the_moment_of_a_revocation_is_no_late_answer() {
    let (here, _, _) = pair(as_it_is);
    let gate = here.gate(vault());
    revoke(&here);
    // Its challenge is of afterwards, though no clock says so: it is answered with 200.
    here.clearance(&gate, "alice");
}

#[test]
fn r18_a_store_that_has_lost_its_counts_keeps_nobody_out() {
    let clock = FakeClock::default();
    let stores = [(); 2].map(|()| MemoryStore::builder().clock(clock.clone()).build());
    let swapped = Swapped(std::sync::Arc::new(std::sync::Mutex::new(stores[0].clone())));
    let inner = swapped.clone();
    let bank =
        Bank::around(clock, stores[0].clone(), move |builder| builder.store(inner).budgets(generous()));
    let gate = bank.gate(vault());
    revoke(&bank);
    bank.advance(1);
    *swapped.0.lock().unwrap() = stores[1].clone();
    let token = bank.clearance(&gate, "alice");
    assert!(enter(&gate, with(get(), &token)).is_in());
}

/// A store in whose place another one comes.
#[derive(Clone, Debug)]
struct Swapped(std::sync::Arc<std::sync::Mutex<MemoryStore>>);

impl Swapped {
    fn now(&self) -> MemoryStore {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl verify_core::Store for Swapped {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        self.now().insert(key, value, ttl).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.now().get(key).await
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.now().take(key).await
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        self.now().add(key, n, ttl).await
    }
}

#[test]
fn r70_an_approval_lifts_the_limits_of_its_own_gate_while_it_can_be_used() {
    fn two(builder: EngineBuilder) -> EngineBuilder {
        let two = Limit::of(2).per(Duration::from_secs(3600));
        builder.limits(RequestLimits::unlimited().with_blocked(two))
    }
    let (bank, _, _) = pair(two);
    let gate = bank.gate(transfer());
    let other = bank.gate(Policy::new("other").require(step_up()).bind(Psd2::json(
        "/amount",
        "/currency",
        "/payee/name",
        "/payee/iban",
    )));
    let token = approved(&bank, &gate);
    assert_eq!(blocked(&other, with(pay(), &token)).status(), 403);
    assert_eq!(blocked(&other, with(pay(), &token)).status(), 429, "another gate's approval");
    assert!(enter(&gate, with(pay(), &token)).is_in());
    // It is used, and this is the third request that has none.
    assert_eq!(blocked(&gate, with(pay(), &token)).status(), 429, "a used one");
}

#[test]
fn r70_an_approval_that_is_too_old_lifts_no_limits() {
    fn two(builder: EngineBuilder) -> EngineBuilder {
        let two = Limit::of(2).per(Duration::from_secs(24 * 3600));
        builder.limits(RequestLimits::unlimited().with_blocked(two))
    }
    let (bank, _, _) = pair(two);
    let gate = bank.gate(transfer());
    let token = approved(&bank, &gate);
    bank.advance(2 * 3600);
    assert_eq!(blocked(&gate, with(pay(), &token)).status(), 403);
    assert_eq!(blocked(&gate, with(pay(), &token)).status(), 429);
}

#[test]
fn r18_whoever_has_proven_everything_passes_whatever_answer_comes_along() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    for policy in [vault(), Policy::new("asking").require(step_up()).checks_revocation()] {
        let gate = bank.gate(policy);
        let token = bank.clearance(&gate, "alice");
        let odd = with(get(), &token).header("challenge-id", "a ticket without an answer");
        assert!(enter(&gate, odd).is_in(), "{gate:?}");
        bank.advance(60);
    }
    let gate = bank.gate(Policy::new("idle").require(step_up()).idle(Duration::from_secs(300)));
    let token = bank.clearance(&gate, "alice");
    for _ in 0..4 {
        let odd = with(get(), &token).header("challenge-id", "a ticket without an answer");
        assert!(enter(&gate, odd).is_in(), "as it is renewed and as it is not");
        bank.advance(40);
    }
}

#[test]
fn r16_a_proof_that_is_presented_twice_takes_one_place() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let names = ["f1", "f2", "f3", "f4", "f5"];
    let mut token = String::new();
    let prove = |name: &str, token: &str| {
        bank.advance(60);
        let gate = bank.gate(Policy::new(name).require(Factor::code(name)));
        // A client that keeps both the cookie and the field.
        let both =
            |request: Request| with(request, token).header("cookie", format!("__Host-clearance={token}"));
        let (id, code) = sent(&bank, &json_of(&blocked(&gate, both(get())))["alternatives"][0][0]);
        let answer = json!({ "id": id, "code": code });
        let checked = bank.ask(both(Request::new("POST", "/challenge/check").user("alice").json(&answer)));
        json_of(&checked)["clearance"].as_str().unwrap().to_owned()
    };
    for name in names {
        token = prove(name, &token);
    }
    for name in names {
        let gate = bank.gate(Policy::new(name).require(Factor::code(name)));
        assert!(enter(&gate, with(get(), &token)).is_in(), "{name}");
    }
    let alone = bank.clearance(&bank.gate(vault()), "bob");
    assert!(token.len() < 6 * alone.len(), "{token}");
}

#[test]
fn r19_a_clearance_vouches_for_a_visitor_at_every_gate() {
    let one = format!("k1:{}", "5a".repeat(32));
    let two = format!("k2:{0},k1:{1},facts:{1}", "c3".repeat(32), "5a".repeat(32));
    let late = format!("k2:{},facts:{}", "c3".repeat(32), "5a".repeat(32));
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let plain = || Policy::new("plain").require(step_up());
    let asking = || Policy::new("asking").require(step_up()).checks_revocation();

    let before = bank_under(&one, &clock, &store);
    let visitor =
        cookie_of(&blocked(&before.gate(plain()), Request::get("/vault")), "__Host-visitor").unwrap();
    let who = |request: Request| request.header("cookie", format!("__Host-visitor={visitor}"));

    let between = bank_under(&two, &clock, &store);
    let id = id_of(&blocked(&between.gate(plain()), who(Request::get("/vault"))));
    let sent = between.ask(who(Request::new("POST", "/challenge/send").json(&json!({ "id": id }))));
    let body = json!({ "id": json_of(&sent)["id"], "code": between.code(&visitor) });
    let checked = between.ask(who(Request::new("POST", "/challenge/check").json(&body)));
    let token = json_of(&checked)["clearance"].as_str().unwrap().to_owned();

    let after = bank_under(&late, &clock, &store);
    for policy in [plain(), asking()] {
        let gate = after.gate(policy);
        assert!(enter(&gate, with(who(Request::get("/vault")), &token)).is_in(), "{gate:?}");
        let Outcome::Answered(reply) = enter(&gate, who(Request::get("/vault"))) else {
            panic!("no clearance")
        };
        assert!(cookie_of(&reply, "__Host-visitor").is_some(), "alone, the id is nobody's any more");
    }
}
