//! Challenges without a request: the same laws hold, and a chosen code is kept as well as a derived one.
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

use bank::{Bank, block_on, phone_of};
use law::{generous, step_up, together, vault, vault_of};
use verify_core::{Channel, Code, Direct, Factor, Policy, RefusedKind, Subject};

fn direct(bank: &Bank, user: &'static str) -> Direct {
    bank.engine.direct(Subject::user(user))
}

fn kind_of<T: std::fmt::Debug>(result: Result<T, verify_core::Refused>) -> RefusedKind {
    result.unwrap_err().kind()
}

#[test]
fn r33_a_chosen_code_is_sent_and_works_and_is_nowhere_in_the_store() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let alice = direct(&bank, "alice");
    let ticket = alice.offer_with_code(&gate, "step-up", Code::chosen("c0desafe").unwrap()).unwrap();
    assert!(!ticket.contains("c0desafe"));
    let dispatch = block_on(alice.send(&ticket, Some(Channel::Sms))).unwrap();
    assert_eq!(bank.inbox.last_code(&phone_of("alice")).as_deref(), Some("c0desafe"));
    for (_, value, _) in bank.store.entries() {
        let text = String::from_utf8_lossy(&value.unwrap_or_default()).into_owned();
        assert!(!text.contains("c0desafe"), "{text}");
    }
    assert_eq!(kind_of(block_on(alice.check(dispatch.ticket(), "c0desafE"))), RefusedKind::Wrong);
    block_on(alice.check(dispatch.ticket(), "c0desafe")).unwrap();
    assert_eq!(kind_of(block_on(alice.check(dispatch.ticket(), "c0desafe"))), RefusedKind::AlreadyUsed);
}

#[test]
fn r43_the_code_that_is_open_holds_over_one_that_is_chosen_later() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let gate = bank.gate(vault());
    let alice = direct(&bank, "alice");
    let offer = |code| alice.offer_with_code(&gate, "step-up", Code::chosen(code).unwrap()).unwrap();
    block_on(alice.send(&offer("first1"), None)).unwrap();
    let second = block_on(alice.send(&offer("second"), None)).unwrap();
    assert_eq!(bank.inbox.last_code(&phone_of("alice")).as_deref(), Some("first1"));
    assert_eq!(kind_of(block_on(alice.check(second.ticket(), "second"))), RefusedKind::Wrong);
    block_on(alice.check(second.ticket(), "first1")).unwrap();
}

#[test]
fn r37_r40_budgets_and_single_use_hold_without_a_request() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let gate = bank.gate(vault_of(step_up().tries(3)));
    let alice = direct(&bank, "alice");
    let offer = || alice.offer_with_code(&gate, "step-up", Code::chosen("right1").unwrap()).unwrap();
    let dispatch = block_on(alice.send(&offer(), None)).unwrap();
    let wins = together(3, |_| block_on(alice.check(dispatch.ticket(), "right1")).is_ok());
    assert_eq!(wins.into_iter().filter(|won| *won).count(), 1);
    let dispatch = block_on(alice.send(&offer(), None)).unwrap();
    for _ in 0..2 {
        assert_eq!(kind_of(block_on(alice.check(dispatch.ticket(), "wrong1"))), RefusedKind::Wrong);
    }
    assert_eq!(kind_of(block_on(alice.check(dispatch.ticket(), "wrong1"))), RefusedKind::Locked);
    assert_eq!(kind_of(block_on(alice.check(dispatch.ticket(), "right1"))), RefusedKind::Locked);
}

#[test]
fn r54_a_ticket_is_for_its_subject_and_its_factor() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let feed = bank.gate(Policy::new("feed").require(Factor::proof_of_work("human")));
    let (alice, eve) = (direct(&bank, "alice"), direct(&bank, "eve"));
    let ticket = alice.offer(&gate, "step-up").unwrap();
    assert_eq!(kind_of(block_on(eve.send(&ticket, None))), RefusedKind::Expired);
    assert_eq!(kind_of(alice.offer(&gate, "human")), RefusedKind::NotOffered);
    let chosen = alice.offer_with_code(&feed, "human", Code::chosen("4711").unwrap());
    assert_eq!(kind_of(chosen), RefusedKind::NotOffered, "a proof of work has no code");
    let work = alice.offer(&feed, "human").unwrap();
    assert_eq!(kind_of(block_on(alice.send(&work, None))), RefusedKind::NotOffered);
    block_on(alice.send(&ticket, None)).unwrap();
    block_on(alice.cancel(&ticket)).unwrap();
    let code = bank.code("alice");
    assert_eq!(kind_of(block_on(alice.check(&ticket, &code))), RefusedKind::AlreadyUsed);
}
