//! Laws about callers that arrive at the same moment.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;

use crate::conformance::kit::{Breach, Kit, LONG};
use crate::store::{Key, Store};

/// Rounds of each race: a window of a few instructions is hit at least once.
const ROUNDS: usize = 300;
/// Callers in each round.
const CALLERS: usize = 8;
/// Counters that are made to expire while they are added to.
const BRIEF: usize = 4;
/// Additions of each caller in each round of that.
const ADDITIONS: usize = 12;
/// Steps of a clock of ours in each round of that.
const TICKS: usize = 32;
/// The shortest life that most backends know.
const INSTANT: Duration = Duration::from_millis(1);

/// Law "one insert winner": of concurrent callers of `insert`, one stores, and what is then there is its value.
///
/// Breaks on a look followed by a write, and on a write whose answer is ignored.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn one_insert_winner<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "one insert winner";
    let keys = fresh_keys(kit);
    let answers = race(LAW, &keys, |key, caller| {
        Ok(kit.ask(LAW, kit.store().insert(key, mark(caller), LONG))?.then_some(caller))
    })?;
    for (round, (key, callers)) in keys.iter().zip(answers).enumerate() {
        let winners: Vec<usize> = callers.into_iter().flatten().collect();
        let [winner] = winners[..] else {
            let count = winners.len();
            let what = format!("round {round}: {count} of {CALLERS} concurrent callers of `insert` stored");
            return Err(Breach::of(LAW, format!("{what}, instead of one; make it one atomic step")));
        };
        if kit.ask(LAW, kit.store().get(key))? != Some(mark(winner)) {
            return Err(Breach::of(LAW, format!("round {round}: what is stored is not the winner's value")));
        }
    }
    Ok(())
}

/// Law "one take winner": of concurrent callers of `take`, one gets the value and the others get nothing.
///
/// Breaks on a look followed by a removal: then one code opens two doors.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn one_take_winner<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "one take winner";
    let keys = fresh_keys(kit);
    for (round, key) in keys.iter().enumerate() {
        if !kit.ask(LAW, kit.store().insert(key, mark(round), LONG))? {
            return Err(Breach::of(LAW, format!("round {round}: `insert` of a fresh key stored nothing")));
        }
    }
    let answers = race(LAW, &keys, |key, _| kit.ask(LAW, kit.store().take(key)))?;
    for (round, callers) in answers.into_iter().enumerate() {
        let takings: Vec<Bytes> = callers.into_iter().flatten().collect();
        if takings != [mark(round)] {
            let count = takings.len();
            let what =
                format!("round {round}: {count} of {CALLERS} concurrent callers of `take` got the value");
            return Err(Breach::of(
                LAW,
                format!("{what}, instead of one the right one; make it one atomic step"),
            ));
        }
    }
    Ok(())
}

/// Law "each sum once": concurrent additions to a counter are all counted, and no two callers see the same sum.
///
/// Breaks on a load followed by a store: then guesses are free for whoever sends them in parallel.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn each_sum_once<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "each sum once";
    // A fresh counter in each round races the creation, too.
    let keys = fresh_keys(kit);
    let answers = race(LAW, &keys, |key, _| {
        let first = kit.ask(LAW, kit.store().add(key, 1, LONG))?;
        Ok([first, kit.ask(LAW, kit.store().add(key, 1, LONG))?])
    })?;
    for (round, callers) in answers.into_iter().enumerate() {
        let mut sums = callers.concat();
        sums.sort_unstable();
        if !sums.iter().copied().eq((1..).take(2 * CALLERS)) {
            let what =
                format!("round {round}: {} concurrent additions of one gave the sums {sums:?}", 2 * CALLERS);
            return Err(Breach::of(LAW, format!("{what}; make it one atomic step")));
        }
    }
    Ok(())
}

/// Law "no counter without an end": a counter that expires at the very moment of an `add` is counted or begun anew, and
/// ends in either case.
///
/// Breaks on a counter that is given its end in one step and counted in the next, such as `SET NX` and `INCRBY` of Redis
/// without `MULTI`: the second one finds nothing any more, and makes a counter that stays for ever. Whoever owns it is
/// locked out for good.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn no_counter_without_an_end<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "no counter without an end";
    let counters: Vec<Key> = (0..BRIEF).map(|_| kit.fresh_key()).collect();
    let rounds: Vec<Key> = counters.iter().copied().cycle().take(ROUNDS).collect();
    let answers = race(LAW, &rounds, |key, caller| {
        if caller == 0 && kit.holds_the_clock() {
            // Time passes while the others are at it, not between their turns.
            for _ in 0..TICKS {
                kit.tick(INSTANT);
                thread::yield_now();
            }
            return Ok(Vec::new());
        }
        // All at once, so that the backend is kept busy and the moment is not missed.
        let additions = (0..ADDITIONS).map(|_| kit.store().add(key, 1, INSTANT));
        kit.ask(LAW, try_join_all(additions))
    })?;
    if answers.into_iter().flatten().flatten().any(|sum| sum == 0) {
        return Err(Breach::of(LAW, "the sum after an addition of one is nought"));
    }
    let looked = |key| kit.ask(LAW, kit.store().add(key, 0, INSTANT));
    let all_over = || counters.iter().try_fold(true, |over, key| Ok(looked(key)? == 0 && over));
    if !kit.passes(all_over)? {
        return Err(Breach::of(
            LAW,
            "a counter that was added to while it expired never ends; make it one atomic step",
        ));
    }
    Ok(())
}

fn fresh_keys<S: Store>(kit: &Kit<S>) -> Vec<Key> {
    (0..ROUNDS).map(|_| kit.fresh_key()).collect()
}

/// A value that tells callers, or rounds, apart.
fn mark(number: usize) -> Bytes {
    Bytes::from(format!("value {number}"))
}

/// Lets all callers do `verb` at once, for one key after the other; the answers by key.
fn race<T: Send>(
    law: &'static str,
    keys: &[Key],
    verb: impl Fn(&Key, usize) -> Result<T, Breach> + Sync,
) -> Result<Vec<Vec<T>>, Breach> {
    let start = Barrier::new(CALLERS);
    let answers: Vec<Mutex<Vec<Result<T, Breach>>>> = keys.iter().map(|_| Mutex::default()).collect();
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (start, answers, verb) = (&start, &answers, &verb);
            scope.spawn(move || {
                for (key, answers) in keys.iter().zip(answers) {
                    start.wait();
                    // Neither an error nor a panic ends the loop: the other callers would wait at the barrier for ever.
                    let answer = catch_unwind(AssertUnwindSafe(|| verb(key, caller)))
                        .unwrap_or_else(|_| Err(Breach::of(law, "the store panicked")));
                    answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
                }
            });
        }
    });
    let of_one_key = |answers: Mutex<Vec<_>>| {
        answers.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect()
    };
    answers.into_iter().map(of_one_key).collect()
}
