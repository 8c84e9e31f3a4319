//! The races have teeth: each finds the store that would lose it.
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
#[path = "support/stores.rs"]
mod stores;

use std::sync::Arc;

use races::{Make, SOUND, Verdict};
use stores::{Flaw, Mutant};

/// One of the races, for any store.
type Race = fn(Make) -> Verdict;

const TRIES: Race = |make| races::exactly_n_tries(make, 16, 5);
const SUCCESS: Race = |make| races::exactly_one_success(make, 8);
const MESSAGE: Race = |make| races::exactly_one_message(make, 10);
const REDEMPTION: Race = |make| races::exactly_one_redemption(make, 16);

const TAKE: Make = |memory| Arc::new(Mutant::of(memory, Flaw::TakeReadsFirst));
const INSERT: Make = |memory| Arc::new(Mutant::of(memory, Flaw::InsertLooksFirst));
const ADD: Make = |memory| Arc::new(Mutant::of(memory, Flaw::AddLoadsFirst));
const EARLY: Make = |memory| Arc::new(Mutant::of(memory, Flaw::AddAnswersEarly));

/// More rounds than any flaw needed, many times over.
const ROUNDS: usize = 300;

/// What the race says of the store, at its first loss.
fn first_loss(race: Race, make: Make) -> Option<String> {
    (0..ROUNDS).find_map(|_| race(make).err())
}

#[test]
fn r72_a_sound_store_loses_no_race() {
    for race in [TRIES, SUCCESS, MESSAGE, REDEMPTION] {
        for _ in 0..20 {
            assert_eq!(race(SOUND), Ok(()));
        }
    }
}

#[test]
fn r72_a_take_that_reads_first_gives_two_successes() {
    let loss = first_loss(SUCCESS, TAKE).expect("the race was not lost");
    assert!(loss.contains("successes"), "{loss}");
}

#[test]
fn r72_an_insert_that_looks_first_sends_two_messages() {
    assert!(first_loss(MESSAGE, INSERT).is_some());
}

#[test]
fn r72_an_insert_that_looks_first_redeems_twice() {
    let loss = first_loss(REDEMPTION, INSERT).expect("the race was not lost");
    assert!(loss.contains("successes"), "{loss}");
}

#[test]
fn r72_an_add_that_loads_first_gives_more_tries() {
    assert!(first_loss(TRIES, ADD).is_some());
}

#[test]
fn r72_an_add_that_answers_early_gives_one_try_more() {
    let loss = TRIES(EARLY).expect_err("no race is needed to see it");
    assert!(loss.contains("5 of 5"), "{loss}");
}
