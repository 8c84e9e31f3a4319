//! Proofs of work at the engine, in every format: what was asked is sealed, bound, and redeemed once.
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
#[path = "support/puzzles.rs"]
mod puzzles;

use std::time::Duration;

use bank::{Bank, Request, Witness, blocked, enter, json_of};
use law::{EXPIRED, Events, USED, WRONG, step_up, together, told};
use puzzles::{check, feed, kinds, opened, puzzle, sealed, solve, work};
use serde_json::{Value, json};
use verify_core::altcha::{Algorithm, v1};
use verify_core::{EventKind, Factor, FakeClock, Limit, MemoryStore, Policy, Surge, all_of};

#[test]
fn captcha_rule_02_every_kind_is_solved_once() {
    for factor in kinds() {
        let bank = Bank::new();
        let gate = bank.gate(feed(factor.clone()));
        let offer = puzzle(&gate, "alice");
        let token = solve(&offer["altcha"]);
        assert_eq!(check(&bank, "alice", &offer["id"], &token), "200", "{factor:?}");
        assert_eq!(check(&bank, "alice", &offer["id"], &token), USED, "{factor:?}");
    }
}

#[test]
fn captcha_rule_02_of_fifty_parallel_uses_exactly_one_passes() {
    for factor in kinds() {
        for _ in 0..8 {
            let events = Events::default();
            let bank = Bank::with(|builder| builder.on_event(events.listener()));
            let gate = bank.gate(feed(factor.clone()));
            let offer = puzzle(&gate, "alice");
            let (id, token) = (offer["id"].as_str().unwrap().to_owned(), solve(&offer["altcha"]));
            let answers = together(50, |n| {
                if n % 2 == 0 {
                    return check(&bank, "alice", &offer["id"], &token);
                }
                let request = Request::get("/feed").user("alice");
                let request = request.header("challenge-id", &id).header("challenge-answer", &token);
                let outcome = enter(&gate, request);
                if outcome.is_in() { "200".to_owned() } else { told(&outcome.reply()) }
            });
            let wins = answers.iter().filter(|answer| *answer == "200").count();
            assert_eq!(wins, 1, "{factor:?}: {answers:?}");
            assert_eq!(events.count(EventKind::Verified), 1, "{factor:?}");
            // What takes memory is checked two at a time; the others may be told to come again.
            let rest = answers.iter().filter(|answer| [USED, "503 unavailable"].contains(&answer.as_str()));
            assert_eq!(rest.count(), 49, "{factor:?}: {answers:?}");
        }
    }
}

#[test]
fn captcha_rule_03_a_failed_solution_burns_nothing_and_writes_nothing() {
    for factor in kinds() {
        let (clock, events) = (FakeClock::default(), Events::default());
        let memory = MemoryStore::builder().clock(clock.clone()).build();
        let witness = Witness::new(memory.clone());
        let bank = Bank::around(clock, memory, |builder| {
            builder.store(std::sync::Arc::new(witness.clone())).on_event(events.listener())
        });
        let gate = bank.gate(feed(factor.clone()));
        let offer = puzzle(&gate, "alice");
        let token = solve(&offer["altcha"]);
        for (pointer, wrong) in [
            ("/solution/counter", json!(4_000_000)),
            ("/solution/derivedKey", json!("00".repeat(32))),
            ("/number", json!(999_999)),
        ] {
            let mut payload = opened(&token);
            let Some(slot) = payload.pointer_mut(pointer) else { continue };
            *slot = wrong;
            let answer = check(&bank, "alice", &offer["id"], &sealed(&payload));
            assert!(answer == WRONG || answer.starts_with("400"), "{factor:?} {pointer}: {answer}");
        }
        assert_eq!(witness.calls(), 0, "{factor:?}");
        assert_eq!(check(&bank, "alice", &offer["id"], &token), "200", "{factor:?}");
    }
}

#[test]
fn captcha_rule_04_what_was_asked_cannot_be_talked_down() {
    for factor in kinds() {
        let bank = Bank::new();
        let gate = bank.gate(feed(factor.clone()));
        let offer = puzzle(&gate, "alice");
        let token = solve(&offer["altcha"]);
        let lies: &[(&str, Value)] = &[
            ("/challenge/parameters/cost", json!(1_000_000)),
            ("/challenge/parameters/keyPrefix", json!("f")),
            ("/challenge/parameters/expiresAt", json!(9_999_999_999_u64)),
            ("/challenge/parameters/algorithm", json!("SHA-512")),
            ("/challenge/parameters/keyLength", json!(16)),
            ("/challenge/parameters/memoryCost", json!(9)),
            ("/challenge/parameters/nonce", json!("00".repeat(16))),
            ("/challenge/parameters/data", json!({ "ticket": "x" })),
            ("/challenge/signature", json!("00".repeat(32))),
            ("/algorithm", json!("SHA-384")),
            ("/challenge", json!("00".repeat(32))),
            ("/salt", json!("00?expires=9999999999&")),
            ("/signature", json!("00".repeat(32))),
        ];
        for (pointer, lie) in lies {
            let mut payload = opened(&token);
            match payload.pointer_mut(pointer) {
                Some(slot) if pointer.starts_with("/challenge/") || payload_is_first(&opened(&token)) => {
                    *slot = lie.clone();
                }
                _ => continue,
            }
            let answer = check(&bank, "alice", &offer["id"], &sealed(&payload));
            assert!(answer == WRONG || answer.starts_with("400"), "{factor:?} {pointer}: {answer}");
        }
        bank.advance(600);
        assert_eq!(check(&bank, "alice", &offer["id"], &token), EXPIRED, "{factor:?}");
    }
}

fn payload_is_first(payload: &Value) -> bool {
    payload.get("number").is_some()
}

#[test]
fn captcha_rule_05_a_solution_is_for_one_subject_policy_and_challenge() {
    for factor in kinds() {
        let bank = Bank::new();
        let gate = bank.gate(feed(factor.clone()));
        let other = bank.gate(Policy::new("other").purpose("read others").require(factor.clone()));
        let (offer, second) = (puzzle(&gate, "alice"), puzzle(&gate, "alice"));
        let token = solve(&offer["altcha"]);
        assert_eq!(check(&bank, "eve", &offer["id"], &token), EXPIRED, "another subject: {factor:?}");
        assert_eq!(check(&bank, "alice", &second["id"], &token), WRONG, "another challenge: {factor:?}");
        // In line it is for the routes of its policy, even where the factor is the same.
        let request = Request::get("/other").user("alice");
        let request =
            request.header("challenge-id", offer["id"].as_str().unwrap()).header("challenge-answer", &token);
        assert_eq!(told(&enter(&other, request).reply()), EXPIRED, "another policy's route: {factor:?}");
        assert_eq!(check(&bank, "alice", &offer["id"], &token), "200", "and none of it burned it");
    }
}

#[test]
fn captcha_rule_08_another_formats_solution_is_no_answer() {
    let bank = Bank::new();
    let second = bank.gate(feed(work().algorithm(Algorithm::Sha256).cost(1).prefix("0")));
    let first = bank.gate(
        Policy::new("old").require(Factor::proof_of_work("old").first_format(v1::Algorithm::Sha256, 1000)),
    );
    let (new, old) = (puzzle(&second, "alice"), puzzle(&first, "alice"));
    let (new_token, old_token) = (solve(&new["altcha"]), solve(&old["altcha"]));
    assert!(check(&bank, "alice", &new["id"], &old_token).starts_with("400"));
    assert!(check(&bank, "alice", &old["id"], &new_token).starts_with("400"));
}

#[test]
fn captcha_rule_12_a_proof_of_work_opens_no_door_that_asks_for_a_code() {
    let bank = Bank::new();
    let human = work().cost(1).prefix("0");
    let gate = bank.gate(feed(human.clone()));
    let safe = bank.gate(Policy::new("safe").purpose("open the safe").require(all_of((human, step_up()))));
    let offer = puzzle(&gate, "alice");
    let reply = bank.call("check", "alice", &json!({ "id": offer["id"], "token": solve(&offer["altcha"]) }));
    let clearance = json_of(&reply)["clearance"].as_str().unwrap().to_owned();
    let request = Request::get("/safe").user("alice").header("challenge-clearance", &clearance);
    assert_eq!(blocked(&safe, request).status(), 403);
    let request = Request::get("/feed").user("alice").header("challenge-clearance", &clearance);
    assert!(enter(&gate, request).is_in());
}

#[test]
fn captcha_rule_10_the_price_rises_with_what_is_issued_and_open_challenges_stay_good() {
    let calm = Limit::of(50).per(Duration::from_secs(10));
    let cheap =
        || work().algorithm(Algorithm::Sha256).cost(1000).prefix("0").surge(Surge::above(calm).up_to(4));
    let bank = Bank::new();
    let gate = bank.gate(feed(cheap()));
    let asked = |offer: &Value| {
        let parameters = &offer["altcha"]["parameters"];
        let digits = u32::try_from(parameters["keyPrefix"].as_str().unwrap().len()).unwrap();
        16_u64.pow(digits) * parameters["cost"].as_u64().unwrap()
    };
    let early = puzzle(&gate, "alice");
    assert_eq!(asked(&early), 16_000);
    // From many threads at once: mCaptcha's did not rise under fifty.
    together(50, |_| (0..6).for_each(|_| _ = puzzle(&gate, "eve")));
    let dear = puzzle(&gate, "alice");
    assert_eq!(asked(&dear), 64_000, "four times as much, and no more");
    // It counts for every policy that takes the factor's proof, since all of them take it.
    let elsewhere = bank.gate(Policy::new("elsewhere").require(cheap()));
    assert_eq!(asked(&puzzle(&elsewhere, "alice")), 64_000);
    // And for no other factor.
    let other = Factor::proof_of_work("other").algorithm(Algorithm::Sha256).cost(1000).prefix("0");
    let quiet = bank.gate(Policy::new("quiet").require(other.surge(Surge::above(calm).up_to(4))));
    assert_eq!(asked(&puzzle(&quiet, "alice")), 16_000);
    // What was asked before the flood is what counts for it.
    assert_eq!(check(&bank, "alice", &early["id"], &solve(&early["altcha"])), "200");
    let mut cheaper = opened(&solve(&dear["altcha"]));
    cheaper["challenge"]["parameters"]["keyPrefix"] = json!("0");
    assert_eq!(check(&bank, "alice", &dear["id"], &sealed(&cheaper)), WRONG);
    bank.advance(30);
    assert_eq!(asked(&puzzle(&gate, "alice")), 16_000, "the flood is over");
    assert_eq!(check(&bank, "alice", &dear["id"], &solve(&dear["altcha"])), "200");
}

#[test]
fn captcha_rule_10_a_flood_of_known_answers_turns_into_prefixes_at_no_lower_a_price() {
    let bank = Bank::new();
    let gate = bank.gate(feed(work().counters(200..=300)));
    let known = |offer: &Value| offer["altcha"]["parameters"].get("keySignature").is_some();
    let calm = puzzle(&gate, "alice");
    assert!(known(&calm));
    let flood: Vec<_> = (0..1000).map(|_| puzzle(&gate, "eve")).collect();
    let issued = flood.iter().filter(|offer| known(offer)).count();
    assert!((300..500).contains(&issued), "{issued}");
    let instead = flood.last().unwrap();
    assert!(!known(instead));
    let parameters = &instead["altcha"]["parameters"];
    let digits = u32::try_from(parameters["keyPrefix"].as_str().unwrap().len()).unwrap();
    assert!(16_u64.pow(digits) * parameters["cost"].as_u64().unwrap() >= 250 * 5000);
    assert_eq!(check(&bank, "eve", &instead["id"], &solve(&instead["altcha"])), "200");
    bank.advance(60);
    assert!(known(&puzzle(&gate, "alice")), "the flood is over");
}

#[test]
fn captcha_rule_29_a_block_writes_nothing_and_asks_the_store_nothing() {
    for factor in kinds() {
        let clock = FakeClock::default();
        let memory = MemoryStore::builder().clock(clock.clone()).build();
        let witness = Witness::new(memory.clone());
        let bank = Bank::around(clock, memory, |builder| builder.store(std::sync::Arc::new(witness.clone())));
        let surge = Surge::above(Limit::of(10).per(Duration::from_secs(1)));
        // What takes memory follows the load by its counters only.
        let surging = bank.engine.gate(feed(factor.clone().surge(surge)));
        let gate = surging.unwrap_or_else(|_| bank.gate(feed(factor)));
        for _ in 0..20 {
            let _ = puzzle(&gate, "alice");
            let _ = bank.ask(Request::get("/challenge/altcha?policy=feed").user("alice"));
        }
        assert_eq!(witness.calls(), 0);
    }
}

#[test]
fn a_work_factor_that_makes_no_sense_does_not_start() {
    let bank = Bank::new();
    let calm = Limit::of(10).per(Duration::from_secs(1));
    for (n, factor) in [
        work().cost(0),
        work().cost(1_000_001),
        work().prefix(""),
        work().prefix("A"),
        work().prefix("000000000"),
        work().memory_cost(8),
        work().parallelism(1),
        work().counters(5..=5),
        work().counters(1..=u32::MAX),
        work().counters(5..=10).prefix("00"),
        work().first_format(v1::Algorithm::Sha256, 999),
        work().first_format(v1::Algorithm::Sha256, u32::MAX),
        work().first_format(v1::Algorithm::Sha256, 10_000).cost(5),
        work().first_format(v1::Algorithm::Sha256, 10_000).counters(5..=10),
        work().first_format(v1::Algorithm::Sha256, 1 << 29).surge(Surge::above(calm)),
        work().surge(Surge::above(calm).up_to(1)),
        work().surge(Surge::above(calm).up_to(2000)),
        work().surge(Surge::above(Limit::unlimited())),
        work().surge(Surge::above(Limit::of(0).per(Duration::from_secs(1)))),
        #[cfg(feature = "argon2id")]
        work().algorithm(Algorithm::Argon2id).memory_cost(65 * 1024),
        #[cfg(feature = "argon2id")]
        work().algorithm(Algorithm::Argon2id).memory_cost(7),
        #[cfg(feature = "argon2id")]
        work().algorithm(Algorithm::Argon2id).surge(Surge::above(calm)),
        #[cfg(feature = "scrypt")]
        work().algorithm(Algorithm::Scrypt).cost(5000),
        #[cfg(feature = "scrypt")]
        work().algorithm(Algorithm::Scrypt).cost(1 << 17),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("feed-{n}");
        let refused = bank.engine.gate(Policy::new(&name).require(factor.clone()));
        assert!(refused.is_err(), "{factor:?}");
    }
}
