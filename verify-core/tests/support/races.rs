//! Races as checks: each runs one round around a store and says what went wrong, so that the same check can be shown
//! to hold on a sound store and to fail on a racing one.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::sync::Arc;

use serde_json::json;
use verify_core::{Budgets, EventKind, Factor, Gate, MemoryStore, Policy, Store, altcha};

use crate::bank::{Bank, Request, blocked, challenge_of, enter, json_of};
use crate::law::{
    Events, LOCKED, USED, WRONG, check, generous, opened, send, step_up, ticket, together, told, vault_of,
    wrong,
};

/// Nothing, or what was wrong.
pub type Verdict = Result<(), String>;

/// Makes the store of one round around the memory that the round may look into.
pub type Make = fn(MemoryStore) -> Arc<dyn Store>;

pub const SOUND: Make = |memory| Arc::new(memory);

fn arena(make: Make, budgets: Budgets) -> (Bank, Events) {
    let (events, clock) = (Events::default(), verify_core::FakeClock::default());
    let memory = MemoryStore::builder().clock(clock.clone()).build();
    let bank = Bank::around(clock, memory.clone(), |builder| {
        builder.store(make(memory)).on_event(events.listener()).budgets(budgets)
    });
    (bank, events)
}

fn gate(bank: &Bank, tries: u32) -> Gate {
    bank.gate(vault_of(step_up().tries(tries)))
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(what()) }
}

fn count(answers: &[String], wanted: &str) -> usize {
    answers.iter().filter(|answer| *answer == wanted).count()
}

/// Of many wrong guesses, all but the last that count answer "wrong", and every other "locked".
///
/// The user's budget is out of the way: guesses beyond the last use it up too, and would end some tries early.
pub fn exactly_n_tries(make: Make, threads: usize, tries: u32) -> Verdict {
    let (bank, events) = arena(make, generous());
    let (id, code) = opened(&bank, &gate(&bank, tries), "alice");
    let answers = together(threads, |n| told(&check(&bank, "alice", &id, &wrong(&code, n as u64))));
    let (wrongs, locks) = (count(&answers, WRONG), count(&answers, LOCKED));
    let most = tries as usize;
    expect(wrongs + locks == threads, || format!("other answers: {answers:?}"))?;
    expect(wrongs == most - 1, || format!("{wrongs} of {most} guesses were answered as tries"))?;
    expect(events.count(EventKind::Failed) == wrongs, || "events and answers differ".to_owned())?;
    let late = told(&check(&bank, "alice", &id, &code));
    expect(late == LOCKED, || format!("the right code after the last try: {late}"))
}

/// The right code among wrong ones: at most one success, and never more answers compared than allowed.
pub fn right_among_wrong(make: Make, threads: usize, right: usize) -> Verdict {
    let (bank, events) = arena(make, Budgets::default());
    let (id, code) = opened(&bank, &gate(&bank, 5), "alice");
    let answers = together(threads, |n| {
        let guess = if n == right { code.clone() } else { wrong(&code, n as u64) };
        told(&check(&bank, "alice", &id, &guess))
    });
    let (wins, wrongs) = (count(&answers, "200"), count(&answers, WRONG));
    let used = count(&answers, USED);
    expect(wins <= 1, || format!("{wins} successes"))?;
    expect(events.count(EventKind::Verified) == wins, || "events and answers differ".to_owned())?;
    expect(wins + wrongs + used <= 5, || format!("more than five were compared: {answers:?}"))?;
    expect(used <= 1 && (wins == 0 || used == 0), || format!("the right code was sent once: {answers:?}"))
}

/// Of many right answers at the endpoint and at the gate, one succeeds; the others hear that it is used.
pub fn exactly_one_success(make: Make, threads: usize) -> Verdict {
    // Only the challenge's own budget: the user's would answer some of them "locked".
    let (bank, events) = arena(make, generous());
    let gate = gate(&bank, 10);
    let (id, code) = opened(&bank, &gate, "alice");
    let answers = together(threads, |n| {
        if n % 2 == 0 {
            return told(&check(&bank, "alice", &id, &code));
        }
        let request = Request::get("/vault")
            .user("alice")
            .header("challenge-id", &id)
            .header("challenge-answer", &code);
        let outcome = enter(&gate, request);
        if outcome.is_in() { "200".to_owned() } else { told(&outcome.reply()) }
    });
    let (wins, used) = (count(&answers, "200"), count(&answers, USED));
    expect(wins == 1, || format!("{wins} successes: {answers:?}"))?;
    expect(events.count(EventKind::Verified) == 1, || "more `verified` events than one".to_owned())?;
    expect(used == threads.min(10) - 1, || format!("{used} heard that it is used: {answers:?}"))?;
    expect(events.count(EventKind::Replayed) == used, || "events and answers differ".to_owned())?;
    expect(wins + used + count(&answers, LOCKED) == threads, || format!("other answers: {answers:?}"))
}

/// Of many sends with one ticket, one message leaves.
pub fn exactly_one_message(make: Make, threads: usize) -> Verdict {
    let (bank, events) = arena(make, Budgets::default());
    let id = ticket(&gate(&bank, 5), "alice");
    let replies = together(threads, |_| send(&bank, "alice", &id));
    let letters = bank.inbox.len();
    expect(letters == 1, || format!("{letters} messages"))?;
    expect(events.count(EventKind::Created) == 1, || "more than one challenge was opened".to_owned())?;
    let refused: Vec<_> = replies.iter().filter(|reply| reply.status() != 200).collect();
    expect(refused.is_empty(), || format!("the same wish was refused: {refused:?}"))?;
    let opened = json_of(&replies[threads - 1])["id"].as_str().unwrap_or_default().to_owned();
    let answer = told(&check(&bank, "alice", &opened, &bank.code("alice")));
    expect(answer == "200", || format!("the one code does not work: {answer}"))
}

/// Of many redemptions of one proof of work, one succeeds.
pub fn exactly_one_redemption(make: Make, threads: usize) -> Verdict {
    let (bank, events) = arena(make, Budgets::default());
    let policy = Policy::new("feed").require(Factor::proof_of_work("human").cost(1).prefix("0"));
    let challenge = challenge_of(&blocked(&bank.gate(policy), Request::get("/feed").user("alice")));
    let puzzle = altcha::Challenge::from_json(&challenge["altcha"].to_string()).unwrap();
    let token = altcha::solve(puzzle.parameters(), 1_000_000).unwrap().payload(&puzzle);
    let answers = together(threads, |_| {
        told(&bank.call("check", "alice", &json!({ "id": challenge["id"], "token": token })))
    });
    let wins = count(&answers, "200");
    expect(wins == 1 && events.count(EventKind::Verified) == 1, || format!("{wins} successes"))?;
    expect(count(&answers, USED) == threads - 1, || format!("other answers: {answers:?}"))
}

/// Answers and sends with one ticket at once: the code that was read out once succeeds once, even though each send
/// after the success opens the next challenge.
pub fn one_success_amid_sends(make: Make, threads: usize) -> Verdict {
    let (bank, events) = arena(make, generous());
    let gate = gate(&bank, 10);
    let (id, code) = opened(&bank, &gate, "alice");
    together(
        threads,
        |n| {
            if n % 2 == 0 { check(&bank, "alice", &id, &code) } else { send(&bank, "alice", &id) }
        },
    );
    let wins = events.count(EventKind::Verified);
    expect(wins == 1, || format!("{wins} successes with one code"))
}
