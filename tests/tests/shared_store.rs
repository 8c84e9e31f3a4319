//! Two banks, one on axum and one on actix, that share one Redis and nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../../verify-redis/tests/support/server.rs"]
mod server;

use std::sync::Barrier;
use std::thread;

use server::Server;
use tests::bank::{Bank, Framework};
use tests::ceremony::{Opened, member, payment, send};
use tests::http::Request;
use tests::scenario::{Secret, leaks, run};

fn banks(redis: &Server) -> [Bank; 2] {
    let url = redis.url();
    [Framework::Axum, Framework::Actix].map(|framework| Bank::start_with(framework, &["--store", &url]))
}

fn vault() -> Request {
    Request::get("/vault")
}

#[test]
fn blocked_by_one_solved_on_the_other_and_in_on_both() {
    let redis = Server::start(&[]);
    let [axum, actix] = banks(&redis);
    for (here, there, user) in [(&axum, &actix, "ann"), (&actix, &axum, "ben")] {
        let opened = Opened::at(here, user, &vault());
        // While it is open, the other bank hands back the same challenge, and sends nothing.
        let letters = there.inbox().as_array().unwrap().len();
        let blocked = there.ask(&vault().user(user)).json();
        let again = send(there, user, &member(&blocked["alternatives"][0][0], "id"));
        assert_eq!(
            (again.status, there.inbox().as_array().unwrap().len()),
            (200, letters),
            "{}",
            again.text()
        );

        let clearance = opened.clearance(there);
        for bank in [here, there] {
            let request = vault().user(user).header("challenge-clearance", &clearance);
            assert_eq!(bank.ask(&request).status, 200, "{user}");
            assert_eq!(opened.solve(bank).status, 409, "the code is used on both");
        }
    }
}

/// Sends requests from so many threads, spread over both banks, each thread one after the other.
fn storm(
    banks: &[Bank; 2],
    threads: usize,
    each: usize,
    request: impl Fn(usize) -> Request + Sync,
) -> Vec<(u16, String)> {
    let barrier = Barrier::new(threads);
    thread::scope(|scope| {
        let run = |number: usize| {
            let (bank, barrier, request) = (&banks[number % 2], &barrier, &request);
            scope.spawn(move || {
                barrier.wait();
                let ask = |turn: usize| {
                    let answer = bank.ask(&request(number * each + turn));
                    (answer.status, member(&answer.json(), "reason"))
                };
                (0..each).map(ask).collect::<Vec<_>>()
            })
        };
        let threads: Vec<_> = (0..threads).map(run).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn r37_a_thousand_guesses_spread_over_both_are_five() {
    let redis = Server::start(&[]);
    let banks = banks(&redis);
    let opened = Opened::at(&banks[0], "cat", &vault());
    let guess = |number: usize| {
        let body = serde_json::json!({ "id": opened.id, "code": opened.wrong(number) });
        Request::json("/challenge/check", &body).user("cat")
    };
    let (again, locked) = ((403, String::new()), (403, "locked".to_owned()));
    let count = |answers: &[(u16, String)], kind| answers.iter().filter(|answer| *answer == kind).count();
    // Fewer than the user may fail altogether, so that this budget has no say in who is told what: four are told that they
    // may try again; the fifth is the last, and whoever comes later is told the same as it.
    let first = storm(&banks, 14, 1, guess);
    assert_eq!((count(&first, &again), count(&first, &locked)), (4, 10), "{first:?}");
    let rest = storm(&banks, 58, 17, |number| guess(14 + number));
    assert_eq!((rest.len(), count(&rest, &locked)), (986, 986), "{rest:?}");
    for bank in &banks {
        assert_eq!(opened.solve(bank).status, 403, "the right code comes too late");
    }
}

#[test]
fn r40_the_right_code_among_guesses_on_both_is_redeemed_once_at_most() {
    let redis = Server::start(&[]);
    let banks = banks(&redis);
    for round in 0..10 {
        let user = format!("dan-{round}");
        let opened = Opened::at(&banks[round % 2], &user, &vault());
        let answers = storm(&banks, 100, 1, |_| {
            let body = serde_json::json!({ "id": opened.id, "code": opened.code });
            Request::json("/challenge/check", &body).user(&user)
        });
        let redeemed = answers.iter().filter(|(status, _)| *status == 200).count();
        assert_eq!(redeemed, 1, "round {round}: {answers:?}");
    }
}

#[test]
fn r21_one_grant_is_executed_once_on_both_together() {
    let redis = Server::start(&[]);
    let banks = banks(&redis);
    let mut total = 0;
    for round in 0..10 {
        let user = format!("eva-{round}");
        let opened = Opened::at(&banks[round % 2], &user, &payment("10.00"));
        let clearance = opened.clearance(&banks[(round + 1) % 2]);
        let answers =
            storm(&banks, 100, 1, |_| payment("10.00").user(&user).header("challenge-clearance", &clearance));
        let ran = answers.iter().filter(|(status, _)| *status == 200).count();
        total += ran;
        assert_eq!(ran, 1, "round {round}: {answers:?}");
    }
    let listed = |bank: &Bank| bank.ask(&Request::get("/ledger")).json().as_array().unwrap().len();
    assert_eq!(listed(&banks[0]) + listed(&banks[1]), total);
}

/// How often Redis was asked to do this, since it started.
fn calls(redis: &Server, command: &str) -> u64 {
    let stats: String = redis.ask(&["INFO", "commandstats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.and_then(|line| line.split(',').next()).map_or(0, |count| count.parse().unwrap())
}

#[test]
fn a_send_takes_seven_looks_three_entries_and_two_counts() {
    for framework in [Framework::Axum, Framework::Actix] {
        let redis = Server::start(&[]);
        let bank = Bank::start_with(framework, &["--store", &redis.url()]);
        let steps = || ["get", "set", "incrby", "getdel"].map(|command| calls(&redis, command));
        let before = steps();
        let _ = Opened::at(&bank, "hal", &vault());
        let after = steps();
        let took = [0, 1, 2, 3].map(|at| after[at] - before[at]);
        // The hour and the day of its address are looked at, and then counted, each with a `SET NX` of its own.
        assert_eq!(took, [5 + 2, 3 + 2, 2, 0], "{framework:?}");
        let entries: u64 = redis.ask(&["DBSIZE"]);
        assert_eq!(entries, 5, "{framework:?}: the challenge, two waits, two counts");
    }
}

#[test]
fn an_answer_takes_two_steps_if_it_is_wrong_and_four_if_it_is_right() {
    for framework in [Framework::Axum, Framework::Actix] {
        let redis = Server::start(&[]);
        let bank = Bank::start_with(framework, &["--store", &redis.url()]);
        // A step is one of these; to count, `add` sends a `SET NX` along with its `INCRBY`.
        let steps = || ["get", "getdel", "incrby"].map(|command| calls(&redis, command));
        let took = |before: [u64; 3]| {
            let after = steps();
            [0, 1, 2].map(|at| after[at] - before[at])
        };
        let (first, second) = (Opened::at(&bank, "fay", &vault()), Opened::at(&bank, "gil", &vault()));
        let before = steps();
        assert_eq!(first.answer(&bank, &first.wrong(0)).status, 403);
        assert_eq!(took(before), [0, 0, 2], "{framework:?}: two counts");
        let before = steps();
        assert_eq!(second.solve(&bank).status, 200);
        assert_eq!(
            took(before),
            [1, 2, 1],
            "{framework:?}: a count, a look at another, and two that are taken"
        );
    }
}

#[test]
fn r60_what_redis_holds_after_everything_tells_nothing() {
    let redis = Server::start(&[]);
    let banks = banks(&redis);
    let mut secrets = Vec::new();
    for bank in &banks {
        let _ = run(bank);
        let inbox = bank.inbox();
        for letter in inbox.as_array().unwrap() {
            secrets.extend([Secret::Code(member(letter, "code")), Secret::Text(member(letter, "to"))]);
        }
        // One challenge that is open and one grant that is unused, so that each kind of entry is there.
        let _ = Opened::at(bank, "ivy", &vault());
        let _ = Opened::at(bank, "ivy", &payment("39.99")).clearance(bank);
    }
    let told = [
        "alice",
        "ivy",
        "example.com",
        "+1",
        "DE89",
        "GB29",
        "Acme",
        "39.99",
        "1000.00",
        "EUR",
        "vault",
        "step-up",
    ];
    secrets.extend(told.map(|text| Secret::Text(text.to_owned())));

    let keys: Vec<Vec<u8>> = redis.ask(&["KEYS", "*"]);
    assert!(keys.len() > 50, "only {} entries", keys.len());
    let mut connection = redis.connection();
    let mut dump = String::new();
    for key in keys {
        let value: Vec<u8> = redis::cmd("GET").arg(&key).query(&mut connection).unwrap();
        // Counters are numbers; a code could occur in them by chance only.
        let value = if value.iter().all(u8::is_ascii_digit) { Vec::new() } else { value };
        for bytes in [key, value] {
            dump.push_str(&String::from_utf8_lossy(&bytes).replace(['\n', '\r'], " "));
            dump.push('\n');
        }
    }
    let found = leaks(&dump, &secrets);
    assert!(found.is_empty(), "Redis holds:\n{}", found.join("\n"));
    // The scan would find what it looks for.
    assert_eq!(leaks(&format!("{dump}\nverify:ivy"), &[Secret::Text("ivy".to_owned())]).len(), 1);
}
