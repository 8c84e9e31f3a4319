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

use std::sync::Arc;
use std::time::Duration;

use bank::{Bank, block_on, phone_of};
use law::{bank_under, generous, step_up, together, vault, vault_of, wrong};
use verify_core::{
    Budgets, Channel, Code, Contact, Direct, Dispatch, Factor, FakeClock, Gate, MemoryStore, Message, Policy,
    RefusedKind, Store, Subject,
};

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
    let other = |code| block_on(alice.standing(&offer(code))).unwrap().has_other_code;
    assert!(!other("first1"), "none is open yet");
    let _ = block_on(alice.send(&offer("first1"), None)).unwrap();
    assert_eq!((other("first1"), other("second"), other("first")), (false, true, true));
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
    let _ = block_on(alice.send(&ticket, None)).unwrap();
    block_on(alice.cancel(&ticket)).unwrap();
    let code = bank.code("alice");
    assert_eq!(kind_of(block_on(alice.check(&ticket, &code))), RefusedKind::AlreadyUsed);
}

fn given() -> Policy {
    Policy::new("given")
        .require(Factor::code("given").over([Channel::Sms, Channel::WhatsApp]))
        .to_given_addresses()
}

fn to(bank: &Bank, number: &str) -> Direct {
    let budgets = Arc::new(Budgets::per_challenge_only().lockout_until_expiry());
    direct(bank, "caller").to(Contact::phone(number).unwrap()).budgets(&budgets)
}

/// Sends and delivers; the ticket.
fn sent(direct: &Direct, gate: &Gate) -> Dispatch {
    let mut dispatch = block_on(direct.send(&direct.offer(gate, "given").unwrap(), None)).unwrap();
    block_on(dispatch.errand().expect("the caller delivers").run()).unwrap();
    dispatch
}

const NUMBER: &str = "+12025550199";

#[test]
fn r57_a_given_address_is_written_to_when_the_errand_is_run_and_never_else() {
    let bank = Bank::new();
    let gate = bank.gate(given());
    let caller = to(&bank, NUMBER).worded(|channel, code, life| {
        Message::new(format!("{} {} {}", channel.name(), code.expose(), life.as_secs()))
    });
    drop(block_on(caller.send(&caller.offer(&gate, "given").unwrap(), None)).unwrap());
    assert!(bank.inbox.is_empty(), "an errand that is dropped delivers nothing");
    let second = sent(&caller, &gate);
    assert_eq!(second.number(), Some(2));
    let third = sent(&caller, &gate);
    assert_eq!(third.challenge(), second.challenge());
    assert_eq!((third.number(), third.challenge().len()), (Some(3), 32));
    let code = bank.inbox.last_code(NUMBER).unwrap();
    block_on(caller.check(third.ticket(), &code)).unwrap();
    let wrong_kind = to(&bank, NUMBER).to(Contact::email("a@example.com").unwrap());
    let offer = wrong_kind.offer(&gate, "given").unwrap();
    assert_eq!(kind_of(block_on(wrong_kind.send(&offer, None))), RefusedKind::Invalid);
}

#[test]
fn r22_an_answer_about_anything_else_is_wrong_and_counted() {
    let bank = Bank::new();
    let gate = bank.gate(given());
    let ten = to(&bank, NUMBER).about(b"10.00 to Acme");
    let first = sent(&ten, &gate);
    let code = bank.inbox.last_code(NUMBER).unwrap();
    let other = to(&bank, NUMBER).about(b"99.00 to Acme");
    let second = sent(&other, &gate);
    assert_ne!(first.challenge(), second.challenge());
    for stranger in [&other, &to(&bank, NUMBER), &to(&bank, NUMBER).about(b"")] {
        assert_eq!(kind_of(block_on(stranger.check(first.ticket(), &code))), RefusedKind::Wrong);
    }
    assert_eq!(block_on(ten.standing(first.ticket())).unwrap().tries_left, Some(2));
    block_on(ten.check(first.ticket(), &code)).unwrap();
    assert!(!block_on(ten.standing(first.ticket())).unwrap().is_pending);
}

#[test]
fn r38_the_last_try_says_so_and_the_next_challenge_waits_for_the_old_one_to_expire() {
    let bank = Bank::new();
    let gate = bank.gate(given());
    let caller = to(&bank, NUMBER);
    let dispatch = sent(&caller, &gate);
    for _ in 0..4 {
        assert_eq!(kind_of(block_on(caller.check(dispatch.ticket(), "nope1"))), RefusedKind::Wrong);
    }
    let last = block_on(caller.check(dispatch.ticket(), "nope1")).unwrap_err();
    assert!(last.kind() == RefusedKind::Locked && last.is_last_try());
    let beyond = block_on(caller.check(dispatch.ticket(), "nope1")).unwrap_err();
    assert!(beyond.kind() == RefusedKind::Locked && !beyond.is_last_try());
    let again = || block_on(caller.send(&caller.offer(&gate, "given").unwrap(), None));
    bank.clock.advance(Duration::from_secs(299));
    assert_eq!(kind_of(again()), RefusedKind::RateLimited);
    bank.clock.advance(Duration::from_secs(1));
    assert_ne!(again().unwrap().challenge(), dispatch.challenge());
}

#[test]
fn r40_of_cancel_approve_and_check_one_ends_the_challenge() {
    let bank = Bank::new();
    let gate = bank.gate(given());
    let caller = to(&bank, NUMBER);
    for _ in 0..100 {
        let dispatch = sent(&caller, &gate);
        let code = bank.inbox.last_code(NUMBER).unwrap();
        let ended = together(3, |n| match n {
            0 => block_on(caller.cancel(dispatch.ticket())).unwrap(),
            1 => block_on(caller.approve(dispatch.ticket())).unwrap(),
            _ => block_on(caller.check(dispatch.ticket(), &code)).is_ok(),
        });
        assert_eq!(ended.into_iter().filter(|won| *won).count(), 1);
    }
}

#[test]
fn r32_fewer_digits_than_six_take_a_word() {
    let bank = Bank::new();
    let of = |factor: verify_core::CodeFactor| bank.engine.gate(Policy::new("few").require(factor));
    assert!(
        of(Factor::code("few").digits(4)).is_err() && of(Factor::code("few").digits_below_six(3)).is_err()
    );
    let gate = of(Factor::code("few").digits_below_six(4)).unwrap();
    let alice = direct(&bank, "alice");
    let _ = block_on(alice.send(&alice.offer(&gate, "few").unwrap(), None)).unwrap();
    assert_eq!(bank.code("alice").len(), 4);
}

#[test]
fn r33_notes_are_sealed_and_count_under_their_own_name_only() {
    let bank = Bank::new();
    let (notes, others) = (bank.engine.notes("one"), bank.engine.notes("two"));
    let (a, b) = (notes.name(&[b"ab", b"c"]), notes.name(&[b"a", b"bc"]));
    assert!(a != b && a != others.name(&[b"ab", b"c"]));
    assert_ne!(notes.pseudonym(&[b"x"]), notes.pseudonym(&[b"y"]));
    let ttl = Duration::from_secs(60);
    assert!(block_on(notes.insert(&a, b"+12025550199", ttl)).unwrap());
    assert!(!block_on(notes.insert(&a, b"other", ttl)).unwrap());
    let (_, sealed, _) = bank.store.entries().pop().unwrap();
    let sealed = sealed.unwrap();
    assert!(!sealed.windows(8).any(|part| part == b"+1202555"));
    // Whoever writes into the store moves nothing to another name, and forges nothing.
    block_on(bank.store.insert(&b, sealed, ttl)).unwrap();
    block_on(bank.store.insert(&others.name(&[b"c"]), b"\0\0\0\x02k1forged"[..].into(), ttl)).unwrap();
    assert!(block_on(notes.get(&b)).unwrap().is_none());
    assert!(block_on(others.get(&others.name(&[b"c"]))).unwrap().is_none());
    assert_eq!(block_on(notes.take(&a)).unwrap().unwrap().as_slice(), b"+12025550199");
    assert!(block_on(notes.take(&a)).unwrap().is_none());
}

#[test]
fn r34_a_note_that_no_key_opens_any_more_is_absent_and_in_the_way_until_it_is_taken() {
    let ring = |id: &str, digits: &str| format!("{id}:{},facts:{}", digits.repeat(32), "fa".repeat(32));
    let (clock, ttl) = (FakeClock::default(), Duration::from_secs(60));
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let before = bank_under(&ring("k1", "5a"), &clock, &store).engine.notes("orders");
    let after = bank_under(&ring("k2", "c3"), &clock, &store).engine.notes("orders");
    let name = before.name(&[b"4711"]);
    assert_eq!(name, after.name(&[b"4711"]), "names outlive the key");
    assert!(block_on(before.insert(&name, b"old", ttl)).unwrap());
    assert!(block_on(after.get(&name)).unwrap().is_none());
    assert!(!block_on(after.insert(&name, b"new", ttl)).unwrap(), "it may mark what must not happen twice");
    assert!(block_on(after.take(&name)).unwrap().is_none());
    assert!(block_on(after.insert(&name, b"new", ttl)).unwrap());
    assert_eq!(block_on(after.take(&name)).unwrap().unwrap().as_slice(), b"new");
}

#[test]
fn a_refusal_says_what_is_wrong_and_what_helps() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let alice = direct(&bank, "alice");
    let ticket = alice.offer(&gate, "step-up").unwrap();
    let refused = block_on(alice.send(&ticket, Some(Channel::WhatsApp))).unwrap_err();
    assert_eq!((refused.kind(), refused.detail().is_some()), (RefusedKind::Invalid, true));
    assert!(refused.to_string().ends_with(refused.detail().unwrap()), "{refused}");
    let sent = block_on(alice.send(&ticket, None)).unwrap();
    bank.clock.advance(Duration::from_secs(30));
    let _ = block_on(alice.send(sent.ticket(), None)).unwrap();
    bank.clock.advance(Duration::from_secs(31));
    let refused = block_on(alice.send(sent.ticket(), None)).unwrap_err();
    assert_eq!(refused.kind(), RefusedKind::RateLimited);
    let wait = refused.retry_after().unwrap().as_secs();
    assert_eq!(refused.to_string(), format!("too many messages; again in {wait} s"));
}

#[test]
fn r42_a_challenge_ends_with_what_it_hangs_on_and_no_resend_moves_that() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let gate = bank.gate(given());
    let end = bank.engine.now() + Duration::from_secs(90);
    let caller = to(&bank, NUMBER).until(end);
    let first = sent(&caller, &gate);
    assert_eq!(first.expires_at(), end);
    bank.clock.advance(Duration::from_millis(89_000));
    // Another end that is asked for later moves nothing.
    let later = to(&bank, NUMBER).until(end + Duration::from_secs(60));
    let second = sent(&later, &gate);
    assert_eq!((second.expires_at(), second.challenge()), (end, first.challenge()));
    bank.clock.advance(Duration::from_millis(999));
    let code = bank.inbox.last_code(NUMBER).unwrap();
    assert_eq!(kind_of(block_on(caller.check(second.ticket(), &wrong(&code, 0)))), RefusedKind::Wrong);
    bank.clock.advance(Duration::from_millis(1));
    assert_eq!(kind_of(block_on(caller.check(second.ticket(), &code))), RefusedKind::Expired);
    let offer = caller.offer(&gate, "given").unwrap();
    assert_eq!(kind_of(block_on(caller.send(&offer, None))), RefusedKind::Expired, "nothing begins after it");
}

#[test]
fn r32_an_end_that_is_far_away_makes_no_code_live_longer() {
    let bank = Bank::new();
    let gate = bank.gate(given());
    let begun = bank.engine.now();
    let caller = to(&bank, NUMBER).until(begun + Duration::from_secs(24 * 3600));
    assert_eq!(sent(&caller, &gate).expires_at(), begun + Duration::from_secs(300));
}

#[test]
fn r37_more_guesses_than_ten_take_a_word_and_are_exact() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let policy = |code: verify_core::CodeFactor| Policy::new("given").require(code).to_given_addresses();
    for fault in [Factor::code("given").tries(50), Factor::code("given").tries_beyond_ten(101)] {
        assert!(bank.engine.gate(policy(fault)).is_err());
    }
    assert!(
        bank.engine.gate(policy(Factor::code("given").tries_beyond_ten(10))).is_err(),
        "ten need no word"
    );
    let gate = bank.gate(policy(Factor::code("given").tries_beyond_ten(50)));
    let caller = to(&bank, NUMBER);
    let dispatch = sent(&caller, &gate);
    let code = bank.inbox.last_code(NUMBER).unwrap();
    let kinds = together(60, |_| kind_of(block_on(caller.check(dispatch.ticket(), &wrong(&code, 0)))));
    let count = |kind| kinds.iter().filter(|known| **known == kind).count();
    // One that was counted in time may still be overtaken by the last, which ends the challenge.
    assert_eq!(count(RefusedKind::Wrong) + count(RefusedKind::AlreadyUsed), 49, "{kinds:?}");
    assert_eq!(count(RefusedKind::Locked), 11, "{kinds:?}");
    assert_eq!(kind_of(block_on(caller.check(dispatch.ticket(), &code))), RefusedKind::Locked);
}
