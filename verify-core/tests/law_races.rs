//! Races against the engine over a sound store: whatever the interleaving, budgets hold and one wins.
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
#[path = "support/races.rs"]
mod races;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use bank::{Bank, Request, ask, id_of, json_of};
use law::{
    Events, LIMITED, LOCKED, USED, WRONG, check, generous, opened, send, step_up, ticket, together, told,
    vault, vault_of, wrong,
};
use races::{SOUND, Verdict};
use serde_json::json;
use verify_core::{Budgets, Channel, Contact, EventKind, Policy, Quota, Reply, Resend, Subject};

fn rounds(number: usize, check: impl Fn(usize) -> Verdict) {
    for round in 0..number {
        if let Err(what) = check(round) {
            panic!("round {round}: {what}");
        }
    }
}

#[test]
fn r36_r37_exactly_n_tries_under_parallelism() {
    rounds(60, |_| races::exactly_n_tries(SOUND, 32, 5));
    rounds(20, |_| races::exactly_n_tries(SOUND, 32, 1));
    rounds(20, |_| races::exactly_n_tries(SOUND, 32, 10));
}

#[test]
fn r37_a_thousand_guesses_at_one_challenge() {
    let events = Events::default();
    let bank = Bank::with(|builder| builder.budgets(generous()).on_event(events.listener()));
    let (id, code) = opened(&bank, &bank.gate(vault()), "alice");
    let answers = together(32, |thread| {
        (0..40)
            .map(|n| told(&check(&bank, "alice", &id, &wrong(&code, (thread * 40 + n) as u64))))
            .collect::<Vec<_>>()
    });
    let answers: Vec<_> = answers.into_iter().flatten().collect();
    assert_eq!(answers.len(), 1280);
    assert_eq!(answers.iter().filter(|answer| *answer == WRONG).count(), 4);
    assert_eq!(answers.iter().filter(|answer| *answer == LOCKED).count(), 1276);
    assert_eq!((events.count(EventKind::Failed), events.count(EventKind::Verified)), (4, 0));
    assert_eq!(told(&check(&bank, "alice", &id, &code)), LOCKED);
}

#[test]
fn r37_r40_the_right_code_among_wrong_ones() {
    rounds(80, |round| races::right_among_wrong(SOUND, 32, round % 32));
}

#[test]
fn r38_one_of_the_parallel_tries_locks_and_none_comes_after() {
    for _ in 0..30 {
        let bank = Bank::new();
        let gate = bank.gate(vault());
        let (id, code) = opened(&bank, &gate, "alice");
        let replies = together(5, |n| check(&bank, "alice", &id, &wrong(&code, n as u64)));
        let locked: Vec<&Reply> = replies.iter().filter(|reply| told(reply) == LOCKED).collect();
        assert_eq!(locked.len(), 1, "the fifth says so, whichever it was");
        assert_eq!(json_of(locked[0])["recoverable"], false);
        assert_eq!(law::status(&bank, "alice", &id)["status"], "closed");
    }
}

#[test]
fn r40_exactly_one_of_k_right_answers_succeeds() {
    rounds(60, |_| races::exactly_one_success(SOUND, 10));
    rounds(20, |_| races::exactly_one_success(SOUND, 64));
}

#[test]
fn r40_a_code_succeeds_once_while_sends_go_on() {
    rounds(300, |_| races::one_success_amid_sends(SOUND, 12));
}

#[test]
fn r40_two_tickets_of_one_challenge_are_one_code() {
    for _ in 0..30 {
        let events = Events::default();
        let bank = Bank::with(|builder| builder.on_event(events.listener()));
        let gate = bank.gate(vault());
        let (one, code) = opened(&bank, &gate, "alice");
        let other =
            json_of(&send(&bank, "alice", &ticket(&gate, "alice")))["id"].as_str().unwrap().to_owned();
        let answers =
            together(4, |n| told(&check(&bank, "alice", if n % 2 == 0 { &one } else { &other }, &code)));
        assert_eq!(answers.iter().filter(|answer| *answer == "200").count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| *answer == USED).count(), 3, "{answers:?}");
        assert_eq!(events.count(EventKind::Verified), 1);
    }
}

#[test]
fn r40_cancel_and_answer_at_once_never_both_win() {
    for _ in 0..60 {
        let events = Events::default();
        let bank = Bank::with(|builder| builder.on_event(events.listener()));
        let (id, code) = opened(&bank, &bank.gate(vault()), "alice");
        together(6, |n| {
            if n % 2 == 0 {
                bank.call("cancel", "alice", &json!({ "id": id }))
            } else {
                check(&bank, "alice", &id, &code)
            }
        });
        let ends = events.count(EventKind::Verified) + events.count(EventKind::Cancelled);
        assert_eq!(ends, 1, "one request took the entry");
    }
}

#[test]
fn r42_parallel_first_sends_are_one_challenge_whose_messages_have_each_a_number() {
    for round in 0..200 {
        // Each send goes to a number of its own, so that each code is to be seen.
        let line = AtomicUsize::new(0);
        let number = |line: usize| format!("+120255502{line:02}");
        let bank = Bank::with(|builder| {
            builder.budgets(generous()).contacts(move |_: &Subject<'_>, _: Channel| {
                Contact::phone(&number(line.fetch_add(1, Ordering::Relaxed))).ok()
            })
        });
        let gate = bank.gate(vault_of(step_up().digits(10).over([Channel::Sms]).resend(Resend::FreshCode)));
        let id = ticket(&gate, "alice");
        let sent = together(8, |_| told(&send(&bank, "alice", &id)));
        let count = |wanted: &str| sent.iter().filter(|answer| *answer == wanted).count();
        assert_eq!((count("200"), count(LIMITED)), (3, 5), "round {round}: {sent:?}");
        let codes: Vec<String> = (0..8).filter_map(|line| bank.inbox.last_code(&number(line))).collect();
        assert_eq!(codes.iter().collect::<HashSet<_>>().len(), 3, "round {round}: {codes:?}");
        assert_eq!(law::status(&bank, "alice", &id)["sends_left"], 0, "round {round}");
        // Each message has another code, and that of the last one holds: no number was given twice or left out.
        let answers: Vec<String> = codes.iter().map(|code| told(&check(&bank, "alice", &id, code))).collect();
        let right = answers.iter().filter(|answer| *answer == "200").count();
        assert_eq!(right, 1, "round {round}: {codes:?} {answers:?}");
    }
}

#[test]
fn r45_ten_parallel_sends_are_one_message() {
    rounds(100, |_| races::exactly_one_message(SOUND, 10));
}

#[test]
fn r45_ten_parallel_resends_are_one_message() {
    for _ in 0..40 {
        let bank = Bank::new();
        let (id, code) = opened(&bank, &bank.gate(vault()), "alice");
        bank.advance(30);
        together(10, |_| send(&bank, "alice", &id));
        assert_eq!(bank.inbox.len(), 2);
        assert_eq!(bank.code("alice"), code);
        assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
    }
}

#[test]
fn r45_ten_tabs_at_once_are_one_message() {
    for _ in 0..40 {
        let bank = Bank::new();
        let gate = bank.gate(vault());
        let tabs: Vec<String> = (0..10).map(|_| ticket(&gate, "alice")).collect();
        let replies = together(10, |n| send(&bank, "alice", &tabs[n]));
        assert_eq!(bank.inbox.len(), 1);
        for reply in replies.iter().filter(|reply| reply.status() != 200) {
            assert_eq!(told(reply), LIMITED);
        }
    }
}

#[test]
fn r44_parallel_users_of_one_address_are_one_message() {
    for _ in 0..40 {
        let bank = Bank::with(|builder| {
            builder.contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
        });
        let gate = bank.gate(vault_of(step_up().over([Channel::Sms])));
        let users: Vec<(String, String)> = (0..8)
            .map(|n| {
                let user = format!("user-{n}");
                let id = ticket(&gate, &user);
                (user, id)
            })
            .collect();
        together(8, |n| send(&bank, &users[n].0, &users[n].1));
        assert_eq!(bank.inbox.len(), 1);
    }
}

#[test]
fn r44_a_cap_holds_under_parallelism() {
    for _ in 0..20 {
        let budgets = generous().per_source([Quota::new(7, std::time::Duration::from_secs(3600))]);
        let bank = Bank::with(|builder| builder.budgets(budgets));
        let gate = bank.gate(vault_of(step_up().over([Channel::Email])));
        let users: Vec<(String, String)> = (0..24)
            .map(|n| {
                let user = format!("user-{n}");
                let id = ticket(&gate, &user);
                (user, id)
            })
            .collect();
        together(24, |n| send(&bank, &users[n].0, &users[n].1));
        assert_eq!(bank.inbox.len(), 7);
    }
}

#[test]
fn r40_one_of_fifty_redemptions_of_a_proof_of_work() {
    rounds(30, |_| races::exactly_one_redemption(SOUND, 50));
}

/// Ten sessions of one user, each with a challenge of its own: 50 tries by challenge, 15 by user.
#[test]
fn r46_the_users_budget_holds_over_parallel_challenges() {
    for _ in 0..10 {
        let events = Events::default();
        let budgets = generous().failures(Quota::new(15, std::time::Duration::from_secs(86_400)));
        let bank = Bank::with(|builder| builder.budgets(budgets).on_event(events.listener()));
        let gate = bank.gate(vault());
        let session = |n: usize| Subject::user("alice").session(format!("s{n}"));
        let post = |action: &str, n: usize, body: &serde_json::Value| {
            let target = format!("/challenge/{action}");
            ask(&bank.endpoints, Request::new("POST", &target).subject(session(n)).json(body))
        };
        let open: Vec<(String, String)> = (0..10)
            .map(|n| {
                let id = id_of(&bank::blocked(&gate, Request::get("/vault").subject(session(n))));
                let sent = json_of(&post("send", n, &json!({ "id": id })));
                (sent["id"].as_str().unwrap().to_owned(), bank.code("alice"))
            })
            .collect();
        let answers: Vec<String> = together(50, |n| {
            let (id, code) = &open[n % 10];
            told(&post("check", n % 10, &json!({ "id": id, "code": wrong(code, n as u64) })))
        });
        let wrongs = answers.iter().filter(|answer| *answer == WRONG).count();
        assert!(wrongs <= 14, "{wrongs} guesses were answered as tries");
        assert_eq!(events.count(EventKind::Failed), wrongs);
        for (n, (id, code)) in open.iter().enumerate() {
            assert_eq!(told(&post("check", n, &json!({ "id": id, "code": code }))), LOCKED, "{n}");
        }
    }
}

/// A proof of work at the gate, in line, from many threads: one request passes.
#[test]
fn r21_an_in_line_proof_of_work_lets_one_request_in() {
    use verify_core::{Factor, altcha};
    for _ in 0..20 {
        let bank = Bank::with(|builder| builder.budgets(Budgets::default()));
        let factor = Factor::proof_of_work("human").cost(1).prefix("0");
        let gate = bank.gate(Policy::new("feed").require(factor));
        let challenge = bank::challenge_of(&bank::blocked(&gate, Request::get("/feed").user("alice")));
        let puzzle = altcha::Challenge::from_json(&challenge["altcha"].to_string()).unwrap();
        let token = altcha::solve(puzzle.parameters(), 1_000_000).unwrap().payload(&puzzle);
        let passed = together(32, |_| {
            let request = Request::get("/feed")
                .user("alice")
                .header("challenge-id", challenge["id"].as_str().unwrap())
                .header("challenge-answer", &token);
            bank::enter(&gate, request).is_in()
        });
        assert_eq!(passed.iter().filter(|passed| **passed).count(), 1);
    }
}
