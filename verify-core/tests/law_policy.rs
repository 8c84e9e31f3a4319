//! The law of policies, R1 to R4, seen from outside: how requirements nest, and how old a proof may be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/proofs.rs"]
mod proofs;

use std::time::Duration;

use bank::{Bank, Outcome, Request, blocked, enter, id_of, json_of};
use proofs::{compiles, human, listed, mail, minutes, proof, reasons, step, vault, with};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;
use verify_core::{Factor, Gate, Policy, Requirement, all_of, any_of};

fn nothing() -> Vec<Requirement> {
    Vec::new()
}

// R1

#[test]
fn r01_empty_and_duplicate_only_compositions_do_not_build() {
    let bank = Bank::new();
    let bare = bank.engine.gate(Policy::new("bare")).unwrap_err();
    assert_eq!(bare.policy(), "bare");
    for hollow in [
        any_of(nothing()),
        all_of(nothing()),
        any_of((step(), all_of(nothing()))),
        all_of((human(), any_of((step(), any_of(nothing()))))),
        all_of([step(), step()]),
        any_of([step(), step(), step()]),
        any_of((human(), all_of([mail(), mail()]))),
        all_of([any_of((step(), mail())), any_of((step(), mail()))]),
    ] {
        let error = compiles(hollow.clone()).expect_err(&format!("{hollow:?}"));
        assert!(error.starts_with("policy `p`: "), "{error}");
    }
}

#[test]
fn r01_a_name_a_purpose_and_an_age_have_to_make_sense() {
    let bank = Bank::new();
    for name in ["", "Admin", "a b", "ä", &"a".repeat(33)] {
        assert!(bank.engine.gate(Policy::new(name).require(step())).is_err(), "{name:?}");
        assert!(compiles(Factor::code(name)).is_err(), "{name:?}");
    }
    for purpose in ["", "  ", "two\nlines", "turn\u{202e}ed", &"x".repeat(81)] {
        let policy = Policy::new("p").purpose(purpose).require(step());
        assert!(bank.engine.gate(policy).is_err(), "{purpose:?}");
    }
    for age in [Duration::ZERO, Duration::from_secs(12 * 3600 + 1)] {
        assert!(compiles(step().within(age)).is_err(), "{age:?}");
        assert!(compiles(step().lasts(age)).is_err(), "{age:?}");
    }
    assert!(compiles(step().within(Duration::from_secs(12 * 3600))).is_ok());
}

#[test]
fn r01_one_name_stands_for_one_policy_and_one_factor() {
    let bank = Bank::new();
    bank.gate(Policy::new("p").require(step()));
    bank.gate(Policy::new("p").require(step()));
    assert!(bank.engine.gate(Policy::new("p").require(mail())).is_err());
    assert!(bank.engine.gate(Policy::new("q").require(step().digits(8))).is_err());
    assert!(bank.engine.gate(Policy::new("q").require(step().tries(9))).is_err());
    bank.gate(Policy::new("q").require(step().within(minutes(5))));
}

/// A requirement over three factors, and what it should say of the set of those that are satisfied.
#[derive(Clone, Debug)]
enum Tree {
    Leaf(usize),
    All(Vec<Self>),
    Any(Vec<Self>),
}

impl Tree {
    fn requirement(&self) -> Requirement {
        match self {
            Self::Leaf(0) => step().into(),
            Self::Leaf(1) => mail().into(),
            Self::Leaf(_) => human().into(),
            Self::All(parts) => all_of(parts.iter().map(Self::requirement).collect::<Vec<_>>()),
            Self::Any(parts) => any_of(parts.iter().map(Self::requirement).collect::<Vec<_>>()),
        }
    }

    fn holds(&self, satisfied: usize) -> bool {
        match self {
            Self::Leaf(index) => satisfied >> index & 1 == 1,
            Self::All(parts) => parts.iter().all(|part| part.holds(satisfied)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(satisfied)),
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    (0..3_usize).prop_map(Tree::Leaf).prop_recursive(4, 16, 3, |inner| {
        let parts = proptest::collection::vec(inner, 1..4);
        prop_oneof![parts.clone().prop_map(Tree::All), parts.prop_map(Tree::Any)]
    })
}

#[test]
fn r01_all_of_and_any_of_nest_freely_and_mean_what_they_say() {
    let bank = Bank::new();
    let single = |name: &str, requirement: Requirement| bank.gate(Policy::new(name).require(requirement));
    let tokens = [
        proof(&bank, &single("s", step().into())),
        proof(&bank, &single("m", mail().into())),
        proof(&bank, &single("h", human().into())),
    ];
    let (mut built, mut number) = (0, 0);
    let mut runner = TestRunner::deterministic();
    for _ in 0..300 {
        let tree = trees().new_tree(&mut runner).unwrap().current();
        number += 1;
        let Ok(gate) = bank.engine.gate(Policy::new(format!("t{number}")).require(tree.requirement())) else {
            continue;
        };
        built += 1;
        for satisfied in 0..8_usize {
            let presented: Vec<&str> = (0..3)
                .filter(|index| satisfied >> index & 1 == 1)
                .map(|index| tokens[index].as_str())
                .collect();
            let is_in = enter(&gate, with(vault(), &presented)).is_in();
            assert_eq!(is_in, tree.holds(satisfied), "{tree:?} with {satisfied:03b}");
        }
    }
    assert!(built > 100, "only {built} of {number} compositions were built");
}

// R2

#[test]
fn r02_one_proof_passes_a_30_minute_route_and_fails_a_5_minute_route() {
    let bank = Bank::new();
    let long = bank.gate(Policy::new("long").require(step().within(minutes(30))));
    let short = bank.gate(Policy::new("short").require(step().within(minutes(5))));
    let token = proof(&bank, &long);
    let is_in = |gate: &Gate| enter(gate, with(vault(), &[&token])).is_in();
    assert!(is_in(&long) && is_in(&short));
    bank.advance(360);
    assert!(is_in(&long) && !is_in(&short), "at six minutes");
    bank.advance(24 * 60 - 1);
    assert!(is_in(&long) && !is_in(&short), "a second before thirty minutes");
    bank.advance(1);
    assert!(!is_in(&long) && !is_in(&short), "at thirty minutes");
}

#[test]
fn r02_one_policy_may_ask_for_one_factor_at_two_ages() {
    let bank = Bank::new();
    // Five minutes for the code alone, thirty together with a proof of work.
    let gate = bank.gate(
        Policy::new("p")
            .require(any_of((step().within(minutes(5)), all_of((step().within(minutes(30)), human()))))),
    );
    let code = proof(&bank, &bank.gate(Policy::new("s").require(step())));
    assert!(enter(&gate, with(vault(), &[&code])).is_in());
    bank.advance(300);
    assert!(!enter(&gate, with(vault(), &[&code])).is_in());
    let work = proof(&bank, &bank.gate(Policy::new("h").require(human())));
    assert!(enter(&gate, with(vault(), &[&code, &work])).is_in());
}

// R3

#[test]
fn r03_equality_is_expired() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step().within(minutes(5))));
    let token = proof(&bank, &gate);
    bank.clock.advance(Duration::from_millis(299_999));
    assert!(enter(&gate, with(vault(), &[&token])).is_in());
    bank.clock.advance(Duration::from_millis(1));
    assert!(!enter(&gate, with(vault(), &[&token])).is_in());
}

#[test]
fn r03_a_proof_from_the_future_counts_within_the_skew_and_not_beyond() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step().within(minutes(5))));
    let token = proof(&bank, &gate);
    bank.clock.turn_back(Duration::from_secs(30));
    assert!(enter(&gate, with(vault(), &[&token])).is_in(), "half a minute ahead is a clock's skew");
    bank.clock.turn_back(Duration::from_millis(1));
    assert!(!enter(&gate, with(vault(), &[&token])).is_in(), "more is not");
}

#[test]
fn r03_the_cap_on_clearances_is_exclusive_too() {
    let bank = Bank::with(|builder| builder.clearance_life(minutes(10)));
    assert!(bank.engine.gate(Policy::new("over").require(step().within(minutes(11)))).is_err());
    let gate = bank.gate(Policy::new("p").require(step().within(minutes(10))));
    let token = proof(&bank, &gate);
    bank.clock.advance(Duration::from_millis(599_999));
    assert!(enter(&gate, with(vault(), &[&token])).is_in());
    bank.clock.advance(Duration::from_millis(1));
    assert!(!enter(&gate, with(vault(), &[&token])).is_in());
}

// R4

#[test]
fn r04_using_a_clearance_does_not_extend_it() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step().within(minutes(30))));
    let token = proof(&bank, &gate);
    for minute in 0..30 {
        let outcome = enter(&gate, with(vault(), &[&token]));
        assert!(
            matches!(outcome, Outcome::Allowed),
            "minute {minute}: nothing new is handed out: {outcome:?}"
        );
        bank.advance(60);
    }
    assert!(!enter(&gate, with(vault(), &[&token])).is_in());
}

#[test]
fn r04_proving_one_factor_does_not_renew_another() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("both").require(all_of((step(), mail()))));
    let code = proof(&bank, &bank.gate(Policy::new("s").require(step())));
    bank.advance(20 * 60);
    let offer = blocked(&gate, with(vault(), &[&code]));
    assert_eq!(reasons(&offer), listed(&[&[("by-mail", "missing")]]));
    let sent = json_of(&bank.call("send", "alice", &json!({ "id": id_of(&offer) })));
    let mailed = bank.inbox.last_code("alice@example.com").unwrap();
    let checked = bank.ask(with(
        Request::new("POST", "/challenge/check")
            .user("alice")
            .json(&json!({ "id": sent["id"], "code": mailed })),
        &[&code],
    ));
    let both = json_of(&checked)["clearance"].as_str().unwrap().to_owned();
    assert!(enter(&gate, with(vault(), &[&both])).is_in(), "one clearance carries both proofs");
    bank.advance(10 * 60);
    let late = blocked(&gate, with(vault(), &[&both]));
    assert_eq!(reasons(&late), listed(&[&[("step-up", "expired")]]), "each with its own age");
}

#[test]
fn r04_a_new_proof_of_the_same_factor_starts_anew() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step()));
    let old = proof(&bank, &gate);
    bank.advance(29 * 60);
    let fresh = proof(&bank, &gate);
    bank.advance(29 * 60);
    assert!(!enter(&gate, with(vault(), &[&old])).is_in());
    assert!(enter(&gate, with(vault(), &[&fresh])).is_in());
    assert!(enter(&gate, with(vault(), &[&old, &fresh])).is_in(), "a stale one beside it does no harm");
}
