//! What was used, cancelled or replaced stays so, whatever is sent afterwards.
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
#[path = "support/stores.rs"]
mod stores;

use std::time::Duration;

use bank::{Bank, Request, ask, blocked, enter, id_of, json_of};
use law::{
    LIMITED, USED, WRONG, check, generous, opened, send, status, step_up, ticket, told, tries_left, vault,
    vault_of, wrong,
};
use serde_json::json;
use stores::{Faulty, Verb};
use verify_core::{Channel, FakeClock, MemoryStore, Quota, Resend, Subject};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn r40_a_used_code_is_used_everywhere() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate, "alice");
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
    assert_eq!(told(&check(&bank, "alice", &id, &code)), USED);
    let in_line = Request::get("/vault").user("alice").header("challenge-id", &id);
    assert_eq!(told(&enter(&gate, in_line.header("challenge-answer", &code)).reply()), USED);
    let form = Request::new("POST", "/vault").user("alice").browser().header("sec-fetch-site", "same-origin");
    assert!(!enter(&gate, form.form(format!("challenge-id={id}&challenge-answer={code}"))).is_in());
    assert_eq!(status(&bank, "alice", &id)["status"], "closed");
}

/// The old ticket may be used to ask for a new code; the old code stays dead.
#[test]
fn r40_a_used_code_stays_used_after_the_next_send() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let gate = bank.gate(vault());
    let (id, used) = opened(&bank, &gate, "alice");
    assert_eq!(told(&check(&bank, "alice", &id, &used)), "200");
    let next = json_of(&send(&bank, "alice", &id))["id"].as_str().unwrap().to_owned();
    assert_ne!(bank.code("alice"), used);
    assert_eq!(told(&check(&bank, "alice", &id, &used)), USED);
    assert_eq!(told(&check(&bank, "alice", &next, &used)), WRONG);
    assert_eq!(tries_left(&bank, "alice", &next), 4);
    assert_eq!(told(&check(&bank, "alice", &next, &bank.code("alice"))), "200");
}

#[test]
fn r40_a_used_code_stays_used_when_the_next_send_is_over_the_cap() {
    let bank = Bank::with(|builder| builder.budgets(generous().per_destination([Quota::new(1, HOUR)])));
    let gate = bank.gate(vault());
    let (id, used) = opened(&bank, &gate, "alice");
    assert_eq!(told(&check(&bank, "alice", &id, &used)), "200");
    assert_eq!(told(&send(&bank, "alice", &id)), LIMITED);
    assert_eq!(told(&check(&bank, "alice", &id, &used)), USED, "a refused send opened it again");
}

#[test]
fn r40_a_used_code_stays_used_when_the_next_send_comes_too_early() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let session = |name: &'static str| Subject::user("alice").session(name);
    let post = |name: &'static str, action: &str, body: &serde_json::Value| {
        ask(
            &bank.endpoints,
            Request::new("POST", &format!("/challenge/{action}")).subject(session(name)).json(body),
        )
    };
    let id = id_of(&blocked(&gate, Request::get("/vault").subject(session("s1"))));
    assert_eq!(post("s1", "send", &json!({ "id": id })).status(), 200);
    let used = json!({ "id": id, "code": bank.code("alice") });
    assert_eq!(told(&post("s1", "check", &used)), "200");
    // The wait is the user's: another session's message makes this one's next send too early.
    let other = id_of(&blocked(&gate, Request::get("/vault").subject(session("s2"))));
    assert_eq!(post("s2", "send", &json!({ "id": other })).status(), 200);
    assert_eq!(told(&post("s1", "send", &json!({ "id": id }))), LIMITED);
    assert_eq!(told(&post("s1", "check", &used)), USED, "a refused send opened it again");
}

#[test]
fn r40_a_used_code_stays_used_when_the_next_send_meets_an_error() {
    let clock = FakeClock::default();
    let memory = MemoryStore::builder().clock(clock.clone()).build();
    let store = Faulty::around(memory.clone());
    let bank = Bank::around(clock, memory, |builder| builder.store(store.clone()).budgets(generous()));
    let (id, used) = opened(&bank, &bank.gate(vault()), "alice");
    assert_eq!(told(&check(&bank, "alice", &id, &used)), "200");
    for verb in [Verb::Take, Verb::Add, Verb::Get, Verb::Insert] {
        store.err_on(verb);
        send(&bank, "alice", &id);
        store.heal();
        assert_eq!(told(&check(&bank, "alice", &id, &used)), USED, "after an error of {verb:?}");
    }
}

#[test]
fn r40_a_cancelled_code_stays_cancelled() {
    let bank = Bank::with(|builder| builder.budgets(generous().per_destination([Quota::new(2, HOUR)])));
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate, "alice");
    assert_eq!(bank.call("cancel", "alice", &json!({ "id": id })).status(), 200);
    assert_eq!(told(&check(&bank, "alice", &id, &code)), USED);
    let next = json_of(&send(&bank, "alice", &id))["id"].as_str().unwrap().to_owned();
    assert_eq!(told(&check(&bank, "alice", &id, &code)), USED);
    assert_eq!(told(&check(&bank, "alice", &next, &code)), WRONG);
    assert_eq!(bank.call("cancel", "alice", &json!({ "id": next })).status(), 200);
    assert_eq!(told(&send(&bank, "alice", &next)), LIMITED);
    let cancelled = bank.code("alice");
    assert_eq!(told(&check(&bank, "alice", &next, &cancelled)), USED, "a refused send opened it again");
}

#[test]
fn r38_a_locked_challenge_stays_locked_after_the_next_send() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate, "alice");
    for n in 0..5 {
        check(&bank, "alice", &id, &wrong(&code, n));
    }
    let next = json_of(&send(&bank, "alice", &id))["id"].as_str().unwrap().to_owned();
    assert_eq!(told(&check(&bank, "alice", &id, &code)), law::LOCKED);
    assert_eq!(told(&check(&bank, "alice", &next, &code)), WRONG);
    assert_eq!(tries_left(&bank, "alice", &next), 4);
    assert_eq!(told(&check(&bank, "alice", &next, &bank.code("alice"))), "200");
}

#[test]
fn r42_a_resend_keeps_tries_sends_and_deadline() {
    for resend in [Resend::SameCode, Resend::FreshCode] {
        let bank = Bank::new();
        let gate = bank.gate(vault_of(step_up().resend(resend)));
        let first = json_of(&send(&bank, "alice", &ticket(&gate, "alice")));
        let id = first["id"].as_str().unwrap().to_owned();
        for n in 0..3 {
            assert_eq!(told(&check(&bank, "alice", &id, &wrong(&bank.code("alice"), n))), WRONG);
        }
        bank.advance(30);
        let second = json_of(&send(&bank, "alice", &id));
        assert_eq!(second["expires_at"], first["expires_at"], "{resend:?}");
        let standing = status(&bank, "alice", &id);
        assert_eq!((&standing["tries_left"], &standing["sends_left"]), (&json!(2), &json!(1)));
        assert_eq!(standing["expires_at"], first["expires_at"]);
        let id = second["id"].as_str().unwrap();
        assert_eq!(told(&check(&bank, "alice", id, &wrong(&bank.code("alice"), 3))), WRONG);
        assert_eq!(told(&check(&bank, "alice", id, &wrong(&bank.code("alice"), 4))), law::LOCKED);
        assert_eq!(told(&check(&bank, "alice", id, &bank.code("alice"))), law::LOCKED);
    }
    let bank = Bank::new();
    let (id, code) = opened(&bank, &bank.gate(vault()), "alice");
    bank.advance(290);
    let late = json_of(&send(&bank, "alice", &id))["id"].as_str().unwrap().to_owned();
    assert_eq!(bank.inbox.len(), 2);
    bank.advance(10);
    assert_eq!(told(&check(&bank, "alice", &late, &code)), law::EXPIRED, "the deadline did not move");
}

#[test]
fn r43_the_same_code_is_the_default() {
    let bank = Bank::new();
    let (id, code) = opened(&bank, &bank.gate(vault()), "alice");
    bank.advance(30);
    assert_eq!(send(&bank, "alice", &id).status(), 200);
    assert_eq!((bank.inbox.len(), bank.code("alice")), (2, code.clone()));
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
}

#[test]
fn r43_a_fresh_code_voids_the_old_one() {
    let bank = Bank::new();
    let gate = bank.gate(vault_of(step_up().resend(Resend::FreshCode)));
    let (id, old) = opened(&bank, &gate, "alice");
    bank.advance(30);
    let resent = json_of(&send(&bank, "alice", &id))["id"].as_str().unwrap().to_owned();
    let new = bank.code("alice");
    assert_ne!(old, new);
    assert_eq!(told(&check(&bank, "alice", &id, &old)), WRONG);
    assert_eq!(tries_left(&bank, "alice", &id), 4, "the old code is a wrong guess");
    assert_eq!(told(&check(&bank, "alice", &resent, &old)), WRONG);
    assert_eq!(told(&check(&bank, "alice", &id, &new)), "200", "by whichever ticket");
    assert_eq!(told(&check(&bank, "alice", &resent, &new)), USED);
}

/// A repeated wish sends nothing, so it voids nothing.
#[test]
fn r43_a_repeated_send_voids_nothing() {
    let bank = Bank::new();
    let gate = bank.gate(vault_of(step_up().resend(Resend::FreshCode)));
    let (id, code) = opened(&bank, &gate, "alice");
    for _ in 0..3 {
        assert_eq!(send(&bank, "alice", &id).status(), 200);
    }
    assert_eq!(bank.inbox.len(), 1);
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
}

#[test]
fn r43_a_refused_send_voids_nothing() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let gate = bank.gate(vault_of(step_up().resend(Resend::FreshCode).sends(2)));
    let (id, _) = opened(&bank, &gate, "alice");
    assert_eq!(send(&bank, "alice", &id).status(), 200);
    let newest = bank.code("alice");
    assert_eq!(told(&send(&bank, "alice", &id)), LIMITED);
    assert_eq!((bank.inbox.len(), bank.code("alice")), (2, newest.clone()));
    assert_eq!(told(&check(&bank, "alice", &id, &newest)), "200", "the newest message holds");
}

#[test]
fn r44_a_replayed_code_frees_no_wait() {
    let bank = Bank::new();
    let gate = bank.gate(vault_of(step_up().over([Channel::Sms])));
    let (used, code) = opened(&bank, &gate, "alice");
    assert_eq!(told(&check(&bank, "alice", &used, &code)), "200");
    bank.advance(30);
    let (id, next) = opened(&bank, &gate, "alice");
    assert_eq!(told(&check(&bank, "alice", &used, &code)), USED);
    assert_eq!(send(&bank, "alice", &id).status(), 200);
    assert_eq!(bank.inbox.len(), 2, "within half a minute it is the same wish");
    assert_eq!(told(&check(&bank, "alice", &id, &next)), "200", "and the open challenge was left alone");
}
