//! How much may be guessed: by challenge, by user, by whom, and through which door.
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

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bank::{Bank, Request, ask, blocked, challenge_of, enter, id_of, json_of, text_of};
use law::{
    EXPIRED, Events, LIMITED, LOCKED, USED, WRONG, ZERO, check, opened, send, status, step_up, ticket, told,
    tries_left, vault, vault_of, wrong,
};
use serde_json::json;
use stores::{Faulty, Verb};
use verify_core::{
    Backoff, Budgets, Channel, Decision, EventKind, Factor, FakeClock, MemoryStore, Policy, Quota, Subject,
    altcha,
};

const DAY: u64 = 86_400;

fn faulty() -> (Bank, Faulty, Events) {
    let (clock, events) = (FakeClock::default(), Events::default());
    let memory = MemoryStore::builder().clock(clock.clone()).build();
    let store = Faulty::around(memory.clone());
    let bank =
        Bank::around(clock, memory, |builder| builder.store(store.clone()).on_event(events.listener()));
    (bank, store, events)
}

#[test]
fn r36_a_later_error_gives_no_try_back() {
    let (bank, store, events) = faulty();
    let (id, code) = opened(&bank, &bank.gate(vault()), "alice");
    store.err_on(Verb::Take);
    for left in [4, 3] {
        assert_eq!(told(&check(&bank, "alice", &id, &code)), "503 unavailable");
        assert_eq!(tries_left(&bank, "alice", &id), left, "counted, though nothing was redeemed");
    }
    store.heal();
    assert_eq!(events.count(EventKind::Verified), 0);
    for n in 0..2 {
        assert_eq!(told(&check(&bank, "alice", &id, &wrong(&code, n))), WRONG);
    }
    assert_eq!(told(&check(&bank, "alice", &id, &wrong(&code, 9))), LOCKED);
}

#[test]
fn r36_what_cannot_be_counted_is_not_compared() {
    let (bank, store, events) = faulty();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate, "alice");
    store.err_on(Verb::Add);
    for guess in [&code, &wrong(&code, 0)] {
        let reply = check(&bank, "alice", &id, guess);
        assert_eq!(told(&reply), "503 unavailable", "right and wrong alike");
        assert!(law::retry_after(&reply) >= 1);
    }
    let in_line = Request::get("/vault").user("alice").header("challenge-id", &id);
    assert_eq!(told(&enter(&gate, in_line.header("challenge-answer", &code)).reply()), "503 unavailable");
    assert_eq!(events.count(EventKind::Failed) + events.count(EventKind::Verified), 0);
    store.heal();
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
}

/// A client that hangs up after the count and before the answer.
#[test]
fn r36_hanging_up_gives_no_try_back() {
    let (bank, store, _) = faulty();
    let (id, code) = opened(&bank, &bank.gate(vault()), "alice");
    store.hang_on(Verb::Take);
    let body = json!({ "id": id, "code": code });
    let request = Request::new("POST", "/challenge/check").user("alice").json(&body);
    let Decision::Read(inquiry, _) = bank.endpoints.decide(&request) else { panic!("reads its body") };
    {
        let mut ruling = pin!(bank.endpoints.rule(inquiry, body.to_string().into()));
        let poll = ruling.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(poll, Poll::Pending));
    }
    store.heal();
    assert_eq!(tries_left(&bank, "alice", &id), 4);
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
}

#[test]
fn r38_the_last_try_says_that_it_was_the_last() {
    for tries in [1, 2, 5, 10] {
        let bank = Bank::new();
        let gate = bank.gate(vault_of(step_up().tries(tries)));
        let (id, code) = opened(&bank, &gate, "alice");
        for n in 1..u64::from(tries) {
            let reply = check(&bank, "alice", &id, &wrong(&code, n));
            assert_eq!(told(&reply), WRONG);
            assert_eq!(json_of(&reply)["recoverable"], true);
            assert_eq!(tries_left(&bank, "alice", &id), u64::from(tries) - n);
        }
        let last = check(&bank, "alice", &id, &wrong(&code, 99));
        assert_eq!(told(&last), LOCKED, "try {tries} of {tries}");
        assert_eq!(json_of(&last)["recoverable"], false);
        assert_eq!(status(&bank, "alice", &id)["status"], "closed");
        assert_eq!(told(&check(&bank, "alice", &id, &code)), LOCKED, "even the right one");
    }
}

#[test]
fn r38_the_last_try_may_be_the_right_one() {
    let bank = Bank::new();
    let (id, code) = opened(&bank, &bank.gate(vault()), "alice");
    for n in 0..4 {
        check(&bank, "alice", &id, &wrong(&code, n));
    }
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
}

/// Through the ticket from before the send, the opened one and a second tab's: one challenge, one budget.
#[test]
fn r37_all_tickets_of_a_challenge_share_its_tries() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let unsent = ticket(&gate, "alice");
    let one = json_of(&send(&bank, "alice", &unsent))["id"].as_str().unwrap().to_owned();
    let two = json_of(&send(&bank, "alice", &ticket(&gate, "alice")))["id"].as_str().unwrap().to_owned();
    let code = bank.code("alice");
    for (n, id) in [&unsent, &one, &two, &unsent].into_iter().enumerate() {
        assert_eq!(told(&check(&bank, "alice", id, &wrong(&code, n as u64))), WRONG);
    }
    assert_eq!(told(&check(&bank, "alice", &two, &wrong(&code, 7))), LOCKED);
    for id in [&one, &two] {
        assert_eq!(told(&check(&bank, "alice", id, &code)), LOCKED);
    }
    assert_eq!(
        told(&check(&bank, "alice", &unsent, &code)),
        USED,
        "it stands for what is open, and nothing is"
    );
}

fn budgets(failures: u32) -> Budgets {
    Budgets::default()
        .failures(Quota::new(failures, Duration::from_secs(DAY)))
        .per_destination([])
        .per_source([])
}

/// Opens a challenge once the waits allow it, and guesses wrong so many times: the last answer.
fn guess_wrong(bank: &Bank, gate: &verify_core::Gate, times: u64) -> String {
    let (id, code) = opened(bank, gate, "alice");
    (0..times).fold(String::new(), |_, n| told(&check(bank, "alice", &id, &wrong(&code, n))))
}

#[test]
fn r46_consecutive_failures_lock_the_factor_over_challenges() {
    let bank = Bank::with(|builder| builder.budgets(budgets(15)));
    let gate = bank.gate(vault());
    for _ in 0..3 {
        assert_eq!(guess_wrong(&bank, &gate, 5), LOCKED);
        bank.advance(3600);
    }
    let (id, code) = opened(&bank, &gate, "alice");
    assert_eq!(told(&check(&bank, "alice", &id, &code)), LOCKED, "three times five is the day's budget");
    let (bobs, code) = opened(&bank, &gate, "bob");
    assert_eq!(told(&check(&bank, "bob", &bobs, &code)), "200", "nobody else is locked");
    bank.advance(DAY);
    let (id, code) = opened(&bank, &gate, "alice");
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200", "the window ends");
}

#[test]
fn r46_cancelling_does_not_refill_the_budget() {
    let bank = Bank::with(|builder| builder.budgets(budgets(9).resend_wait(Backoff::new(ZERO, ZERO))));
    let gate = bank.gate(vault());
    for _ in 0..2 {
        let (id, code) = opened(&bank, &gate, "alice");
        for n in 0..4 {
            assert_eq!(told(&check(&bank, "alice", &id, &wrong(&code, n))), WRONG);
        }
        assert_eq!(bank.call("cancel", "alice", &json!({ "id": id })).status(), 200);
    }
    let (id, code) = opened(&bank, &gate, "alice");
    let last = check(&bank, "alice", &id, &wrong(&code, 0));
    assert_eq!(told(&last), LOCKED, "the first try of the third challenge is the ninth of the user");
    assert_eq!(told(&check(&bank, "alice", &id, &code)), LOCKED);
}

#[test]
fn r46_a_success_starts_the_count_afresh() {
    let bank = Bank::with(|builder| builder.budgets(budgets(6).resend_wait(Backoff::new(ZERO, ZERO))));
    let gate = bank.gate(vault());
    for _ in 0..4 {
        let (id, code) = opened(&bank, &gate, "alice");
        for n in 0..4 {
            assert_eq!(told(&check(&bank, "alice", &id, &wrong(&code, n))), WRONG);
        }
        assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
    }
}

/// The budget is of failures: a success right away leaves all of it.
#[test]
fn r46_a_success_is_no_failure() {
    let bank = Bank::with(|builder| builder.budgets(budgets(3).resend_wait(Backoff::new(ZERO, ZERO))));
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate, "alice");
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
    let (id, code) = opened(&bank, &gate, "alice");
    for n in 0..2 {
        assert_eq!(told(&check(&bank, "alice", &id, &wrong(&code, n))), WRONG, "two of three");
    }
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
}

/// What comes to a locked challenge is not compared, so it is no guess.
#[test]
fn r46_what_is_not_compared_does_not_count_for_the_user() {
    let bank = Bank::with(|builder| builder.budgets(budgets(15)));
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate, "alice");
    for n in 0..20 {
        check(&bank, "alice", &id, &wrong(&code, n));
    }
    bank.advance(3600);
    let (id, code) = opened(&bank, &gate, "alice");
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200", "five guesses of fifteen were compared");
}

#[test]
fn r46_passing_another_factor_does_not_refill_the_budget() {
    let bank = Bank::with(|builder| builder.budgets(budgets(6).resend_wait(Backoff::new(ZERO, ZERO))));
    let gate = bank.gate(vault_of(step_up().over([Channel::Sms])));
    let mail = bank.gate(Policy::new("mail").require(Factor::code("by-mail").over([Channel::Email])));
    let work = bank.gate(Policy::new("feed").require(Factor::proof_of_work("human").cost(1).prefix("0")));
    let (id, code) = opened(&bank, &gate, "alice");
    for n in 0..4 {
        assert_eq!(told(&check(&bank, "alice", &id, &wrong(&code, n))), WRONG);
    }
    let challenge = challenge_of(&blocked(&work, Request::get("/feed").user("alice")));
    let puzzle = altcha::Challenge::from_json(&challenge["altcha"].to_string()).unwrap();
    let token = altcha::solve(puzzle.parameters(), 1_000_000).unwrap().payload(&puzzle);
    assert_eq!(told(&bank.call("check", "alice", &json!({ "id": challenge["id"], "token": token }))), "200");
    let other = id_of(&blocked(&mail, Request::get("/mail").user("alice")));
    assert_eq!(send(&bank, "alice", &other).status(), 200);
    let by_mail = bank.inbox.last_code("alice@example.com").unwrap();
    assert_eq!(told(&check(&bank, "alice", &other, &wrong(&by_mail, 0))), WRONG);
    assert_eq!(told(&check(&bank, "alice", &other, &by_mail)), "200");

    assert_eq!(bank.call("cancel", "alice", &json!({ "id": id })).status(), 200);
    let (id, code) = opened(&bank, &gate, "alice");
    assert_eq!(told(&check(&bank, "alice", &id, &wrong(&code, 0))), WRONG, "the fifth");
    assert_eq!(told(&check(&bank, "alice", &id, &wrong(&code, 1))), LOCKED, "the sixth");
}

#[test]
fn r46_each_lock_makes_the_next_challenge_wait_longer() {
    let bank = Bank::with(|builder| {
        builder.budgets(
            budgets(1000).lockout_wait(Backoff::new(Duration::from_secs(30), Duration::from_secs(100))),
        )
    });
    let gate = bank.gate(vault());
    for wait in [30, 60, 100, 100] {
        assert_eq!(guess_wrong(&bank, &gate, 5), LOCKED);
        bank.clock.advance(Duration::from_millis(wait * 1000 - 1));
        let id = ticket(&gate, "alice");
        let early = send(&bank, "alice", &id);
        assert_eq!(told(&early), LIMITED, "a millisecond before {wait} s");
        assert_eq!(law::retry_after(&early), 1);
        bank.clock.advance(Duration::from_millis(1));
    }
    assert_eq!(guess_wrong(&bank, &gate, 1), WRONG, "and then it goes on");
}

#[test]
fn r47_who_is_not_the_subject_spends_nothing_of_it() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate, "alice");
    let body = json!({ "id": id, "code": code });
    let nobody = |action: &str| Request::new("POST", &format!("/challenge/{action}")).json(&body);
    for _ in 0..10 {
        for action in ["check", "send", "status", "cancel"] {
            assert_eq!(
                told(&bank.call(action, "bob", &json!({ "id": id, "code": wrong(&code, 0) }))),
                EXPIRED
            );
            assert_eq!(told(&bank.call(action, "bob", &body)), EXPIRED, "{action}");
            assert_eq!(told(&ask(&bank.endpoints, nobody(action))), EXPIRED, "a visitor: {action}");
        }
        let in_line = Request::get("/vault").user("bob").header("challenge-id", &id);
        assert_eq!(told(&enter(&gate, in_line.header("challenge-answer", &code)).reply()), EXPIRED);
    }
    assert_eq!((tries_left(&bank, "alice", &id), bank.inbox.len()), (5, 1));
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
}

/// The same name in another tenant, or as a visitor's, is another budget.
#[test]
fn r47_another_tenant_locks_nobody_here() {
    let bank = Bank::with(|builder| builder.budgets(budgets(5)));
    let gate = bank.gate(vault_of(step_up().over([Channel::Email])));
    let post = |tenant: &'static str, action: &str, body: &serde_json::Value| {
        let subject = Subject::user("alice").tenant(tenant);
        let request = Request::new("POST", &format!("/challenge/{action}")).subject(subject);
        ask(&bank.endpoints, request.json(body))
    };
    let open = |tenant: &'static str| {
        let subject = Subject::user("alice").tenant(tenant);
        let id = id_of(&blocked(&gate, Request::get("/vault").subject(subject)));
        assert_eq!(post(tenant, "send", &json!({ "id": id })).status(), 200);
        (id, bank.inbox.last_code("alice@example.com").unwrap())
    };
    let (id, code) = open("evil");
    for n in 0..9 {
        post("evil", "check", &json!({ "id": id, "code": wrong(&code, n) }));
    }
    bank.advance(30);
    let (id, code) = open("good");
    assert_eq!(told(&post("good", "check", &json!({ "id": id, "code": code }))), "200");
}

#[test]
fn r48_every_door_counts_in_one_budget() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate, "alice");
    let in_line = |guess: &str| {
        let request = Request::get("/vault").user("alice").header("challenge-id", &id);
        enter(&gate, request.header("challenge-answer", guess))
    };
    let page = |path: &str, guess: &str| {
        let request =
            Request::new("POST", path).user("alice").browser().header("sec-fetch-site", "same-origin");
        request.form(format!("challenge-id={id}&challenge-answer={guess}"))
    };
    assert_eq!(told(&check(&bank, "alice", &id, &wrong(&code, 0))), WRONG);
    assert_eq!(told(&in_line(&wrong(&code, 1)).reply()), WRONG);
    let form = text_of(&ask(&bank.endpoints, page("/challenge/check", &wrong(&code, 2))));
    assert!(form.contains("That code is not right"), "{form}");
    let form = text_of(&blocked(&gate, page("/vault", &wrong(&code, 3))));
    assert!(form.contains("That code is not right"), "{form}");
    assert_eq!(tries_left(&bank, "alice", &id), 1);
    assert_eq!(told(&in_line(&wrong(&code, 4)).reply()), LOCKED);

    assert_eq!(told(&check(&bank, "alice", &id, &code)), LOCKED);
    assert_eq!(told(&in_line(&code).reply()), LOCKED);
    let form = text_of(&ask(&bank.endpoints, page("/challenge/check", &code)));
    assert!(form.contains("Too many wrong answers"), "{form}");
    assert!(!enter(&gate, page("/vault", &code)).is_in());
}

/// Several guesses in one request are not several chances.
#[test]
fn r48_one_request_carries_one_guess_at_a_challenge() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate, "alice");
    let mut request = Request::get("/vault").user("alice");
    for n in 0..7 {
        request = request.header("challenge-id", &id).header("challenge-answer", wrong(&code, n));
    }
    let request = request.header("challenge-id", &id).header("challenge-answer", &code);
    assert_eq!(told(&enter(&gate, request.clone()).reply()), WRONG);
    assert_eq!(tries_left(&bank, "alice", &id), 4);
    let nine = request.header("challenge-id", &id).header("challenge-answer", &code);
    assert_eq!(told(&enter(&gate, nine).reply()), "400 validation_error");
    assert_eq!(tries_left(&bank, "alice", &id), 4);
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
    assert_eq!(told(&check(&bank, "alice", &id, &code)), USED);
}
