use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;
use crate::clock::{FakeClock, SystemClock};
use crate::store::memory::slot::{Counter, Value};

const MILLI: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_secs(60);

fn key(number: u128) -> Key {
    Key::new(number.to_be_bytes())
}

/// Puts an empty value; says whether it was stored.
fn put(shelf: &Shelf, number: u128, ttl: Duration) -> Result<bool, StoreErrorKind> {
    let put = shelf.put_unless_found(&key(number), Value::default, ttl, |_| ());
    put.map(|found| found.is_none()).map_err(|error| error.kind())
}

fn has(shelf: &Shelf, number: u128) -> bool {
    shelf.find(&key(number), |_: &mut Value| ()).is_some()
}

fn add(shelf: &Shelf, number: u128) -> u64 {
    let sum = shelf.put_unless_found(&key(number), || Counter::new(1), MINUTE, |counter| counter.add(1));
    sum.unwrap().unwrap_or(1)
}

fn counts(shelf: &Shelf, number: u128) -> bool {
    shelf.find(&key(number), |_: &mut Counter| ()).is_some()
}

/// What each of so many threads returns, all of which begin at once.
fn together<T: Send>(threads: usize, run: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        let run = |number| {
            let (start, run) = (&start, &run);
            scope.spawn(move || {
                start.wait();
                run(number)
            })
        };
        let running: Vec<_> = (0..threads).map(run).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn r72_in_one_bin_each_verb_is_one_step() {
    const THREADS: usize = 6;
    for round in 0..500 {
        let clock = FakeClock::default();
        // No bin yet, so the threads race for making it, too.
        let shelf = Shelf::with(1_000, Arc::new(clock.clone()), 1, GRACE);
        let stays = |thread: usize| 1_000 + thread as u128;
        let told = together(THREADS, |thread| {
            let sum = add(&shelf, 1);
            let stored = put(&shelf, 1, MINUTE).unwrap();
            assert!(put(&shelf, stays(thread), 2 * MINUTE).unwrap());
            (sum, stored, add(&shelf, 1))
        });
        let sums: BTreeSet<u64> = told.iter().flat_map(|(first, _, second)| [*first, *second]).collect();
        assert_eq!(sums, (1..=2 * THREADS as u64).collect(), "round {round}");
        assert_eq!(told.iter().filter(|(_, stored, _)| *stored).count(), 1, "round {round}");
        assert_eq!(shelf.places.taken(), 2 + THREADS);

        let taken = together(THREADS, |thread| {
            let taken = shelf.take::<Value>(&key(1)).is_some();
            assert!(put(&shelf, 2_000 + thread as u128, MINUTE).unwrap());
            taken
        });
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "round {round}");
        assert!((0..THREADS).all(|thread| has(&shelf, stays(thread))));
        assert_eq!(shelf.places.taken(), 1 + 2 * THREADS);

        clock.advance(MINUTE);
        let stored = together(THREADS, |_| put(&shelf, 2_000, MINUTE).unwrap());
        assert_eq!(stored.iter().filter(|stored| **stored).count(), 1, "round {round}: over an expired one");
        assert_eq!(shelf.live().len(), 1 + THREADS);
    }
}

#[test]
fn r39_places_are_exact_when_moka_collects() {
    let shelf = Shelf::with(100, Arc::new(FakeClock::default()), 16, Duration::ZERO);
    for number in 0..100 {
        assert_eq!(put(&shelf, number, MILLI), Ok(true));
    }
    // Our clock stands still, so it is moka alone that lets go of them, by the second and by the machine's clock.
    for _ in 0..10_000 {
        shelf.bins.run_pending_tasks();
        if shelf.places.taken() == 0 {
            break;
        }
        thread::sleep(5 * MILLI);
    }
    assert_eq!((shelf.places.taken(), shelf.live().len()), (0, 0));
    for number in 0..100 {
        assert_eq!(put(&shelf, number, MINUTE), Ok(true));
    }
    assert_eq!(put(&shelf, 100, MINUTE), Err(StoreErrorKind::Full));
}

#[test]
fn r39_no_live_entry_is_lost_with_a_bin_that_moka_lets_go_of() {
    const BINS: usize = 2_048;
    let clock = FakeClock::default();
    let shelf = Shelf::with(1 << 20, Arc::new(clock.clone()), BINS, Duration::ZERO);
    let numbers: Vec<u128> = (0..4 * BINS as u128).collect();
    for number in &numbers {
        assert_eq!(put(&shelf, *number, MILLI), Ok(true));
    }
    // Moka is told to keep some of the bins, and must not go by what it knew of them.
    numbers.iter().step_by(8).for_each(|number| assert_eq!(add(&shelf, *number), 1));
    let (all, done) = (numbers.len() + numbers.len() / 8, AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                shelf.bins.run_pending_tasks();
            }
        });
        // Once it lets go of the others, bin for bin, one thread goes with it, and one against it.
        let late = machine_now() + MINUTE;
        let wait = || {
            while shelf.places.taken() == all {
                assert!(machine_now() < late, "moka lets go of nothing");
                thread::yield_now();
            }
        };
        together(2, |thread| {
            wait();
            match thread {
                0 => numbers.iter().for_each(|number| assert!(add(&shelf, *number) <= 2)),
                _ => numbers.iter().rev().for_each(|number| {
                    assert_eq!(put(&shelf, 1 << 64 | *number, MINUTE), Ok(true));
                }),
            }
        });
        done.store(true, Ordering::Relaxed);
    });
    shelf.bins.run_pending_tasks();
    assert!(numbers.iter().all(|number| counts(&shelf, *number) && has(&shelf, 1 << 64 | *number)));
    assert!(
        numbers.iter().step_by(8).all(|number| add(&shelf, *number) == 3),
        "what was counted early is there"
    );
    clock.advance(MILLI);
    assert!(shelf.sweep());
    assert_eq!(shelf.places.taken(), 2 * numbers.len());
}

#[test]
fn moka_is_told_when_a_slot_outlives_what_it_knows_and_seldom_else() {
    let shelf = Shelf::with(10_000, Arc::new(SystemClock), 1, GRACE);
    let kept_until = || locked(&locked(&shelf.handles[0]).upgrade().unwrap()).kept_until;
    let kept_for = || kept_until() - (machine_now() - shelf.began);
    assert_eq!(put(&shelf, 0, MINUTE), Ok(true));
    let known = kept_until();
    for number in 1..1_000 {
        assert_eq!(put(&shelf, number, MINUTE), Ok(true));
    }
    assert_eq!(kept_until(), known);
    assert!(kept_for() > MINUTE + GRACE);
    assert_eq!(put(&shelf, 1_000, 60 * MINUTE), Ok(true));
    assert!(kept_for() > 60 * MINUTE + GRACE);
    assert_eq!(put(&shelf, 1_001, Duration::MAX), Ok(true));
    assert_eq!(put(&shelf, 1_002, MINUTE), Ok(true));
    shelf.bins.run_pending_tasks();
    assert_eq!(shelf.bins.entry_count(), 1);
    assert!((0..=1_002).all(|number| has(&shelf, number)));
}

#[test]
fn sweeps_of_many_are_not_one_after_the_other() {
    let clock = FakeClock::default();
    let shelf = Shelf::new(1_000, Arc::new(clock.clone()));
    for number in 0..1_000 {
        assert_eq!(put(&shelf, number, 5 * MILLI), Ok(true));
    }
    assert_eq!(put(&shelf, 1_000, 5 * MILLI), Err(StoreErrorKind::Full), "swept, and found nothing");
    clock.advance(5 * MILLI);
    assert_eq!(put(&shelf, 1_000, 5 * MILLI), Err(StoreErrorKind::Full), "too early for the next sweep");
    clock.advance(5 * MILLI);
    assert_eq!(put(&shelf, 1_000, 5 * MILLI), Ok(true));
    assert_eq!(shelf.places.taken(), 1);
}

#[test]
fn keys_fall_into_all_bins_evenly() {
    let shelf = Shelf::new(1_000_000, Arc::new(FakeClock::default()));
    let mut fallen = vec![0_usize; shelf.handles.len()];
    assert_eq!(fallen.len(), 512);
    for number in 0..1_000_000 {
        fallen[shelf.number(&key(number))] += 1;
    }
    // 1,953 on average, with a standard deviation of 44.
    assert!(
        fallen.iter().all(|held| (1_650..2_250).contains(held)),
        "{:?}",
        (fallen.iter().min(), fallen.iter().max())
    );
}
