//! Each law of the kit can fail: stores that are broken on purpose break their law, and no other.
#![cfg(feature = "conformance")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "store_mutants/broken.rs"]
mod broken;

use std::collections::BTreeSet;

use verify_core::conformance::{self, Breach, Kit, Setup};
use verify_core::store::Store;

use crate::broken::{Broken, Fault, Link};

/// Names of the laws that a store with this fault breaks.
fn broken_by(fault: Fault) -> BTreeSet<&'static str> {
    let open = |store: Broken| {
        let kit = Setup::new().open(async { store }).unwrap();
        kit.advance_with(|store: &Broken, by| store.clock.advance(by))
    };
    let roomy = || open(Broken::new(fault));
    let lossy = Setup::new().open_lossy(async { Broken::new(fault).over(Link::LosesReplies) }).unwrap();
    let special = [
        conformance::replies_are_true(&lossy),
        conformance::full_refuses(&open(Broken::new(fault).with_room_for(100))),
        conformance::sums_stop_at_the_top(&open(Broken::new(fault).counting_from(u64::MAX - 9))),
        conformance::unreachable_errs(
            Setup::new(),
            move || async move { Broken::new(fault).over(Link::Down) },
        ),
    ];
    let verdicts = conformance::laws().map(|(_, law)| law(&roomy())).chain(special);
    verdicts.filter_map(|verdict: Result<(), Breach>| verdict.err()).map(|breach| breach.law()).collect()
}

macro_rules! mutants {
    ($($test:ident: $fault:ident breaks $($law:literal),*;)*) => {$(
        #[test]
        fn $test() {
            assert_eq!(broken_by(Fault::$fault), BTreeSet::from([$($law),*]));
        }
    )*};
}

mutants! {
    r73_the_sound_store_passes: None breaks;
    r72_insert_by_get_then_set: GetThenSetInsert breaks "one insert winner";
    r72_take_by_get_then_remove: GetThenRemoveTake breaks "one take winner";
    r72_add_by_load_then_store: LoadThenStoreAdd breaks "each sum once";
    an_insert_that_trips_over_what_expired: TripsOverExpired breaks "insert after expiry";
    a_window_that_slides: SlidingWindow breaks "window is set at first touch";
    a_lost_insert_that_prolongs: ProlongingInsert breaks "window is set at first touch";
    values_for_ever: EternalValues breaks
        "values expire", "insert after expiry", "window is set at first touch", "a dropped future leaves before or after";
    counters_for_ever: EternalCounters breaks
        "counters expire", "window is set at first touch", "a dropped future leaves before or after",
        "no counter without an end", "a look creates nothing";
    seconds_taken_for_milliseconds: WrongUnit breaks "values expire";
    values_that_end_at_a_zero_byte: TextValues breaks "exact bytes";
    keys_that_end_at_a_zero_byte: TextKeys breaks "hostile keys";
    keys_in_any_case: CaselessKeys breaks "hostile keys";
    one_space_for_both: OneSpace breaks "values and counters never meet";
    a_store_per_thread: ThreadLocal breaks
        "handles are one store", "one insert winner", "one take winner", "each sum once";
    r39_eviction_when_full: DropsWhenFull breaks "full refuses";
    silence_when_full: SilentWhenFull breaks "full refuses";
    a_counter_that_is_given_its_end_later: ExpireAfterAdd breaks "a dropped future leaves before or after";
    a_counter_that_expires_between_two_steps: CreateThenAdd breaks "no counter without an end";
    sums_of_32_bits: NarrowSums breaks "large sums are exact";
    sums_that_wrap: WrapsAtTheTop breaks "sums stop at the top";
    sums_that_fail: FailsAtTheTop breaks "sums stop at the top";
    a_counter_that_begins_when_it_is_looked_at: LooksCreate breaks "a look creates nothing";
    a_blind_retry_of_take: BlindTake breaks "replies are true";
    a_blind_retry_of_add: BlindAdd breaks "replies are true";
    a_blind_retry_of_insert: BlindInsert breaks "replies are true";
    a_failed_take_told_as_absence: ErrorsAsAbsence breaks "replies are true", "an unreachable backend errs";
}

#[test]
fn r73_a_breach_says_which_law_and_how() {
    let kit: Kit<Broken> = Setup::new().open(async { Broken::new(Fault::TextValues) }).unwrap();
    let breach = conformance::exact_bytes(&kit).unwrap_err();
    assert_eq!(format!("{breach:?}"), breach.to_string());
    assert_eq!(
        breach.to_string(),
        "law \"exact bytes\" is broken: all 256 bytes does not come back as it was stored, once"
    );
}

#[test]
fn r73_a_store_that_does_not_open_is_told() {
    let refused: Result<Broken, &str> = Err("wrong password");
    let breach = Setup::new().open(async { refused }).unwrap_err();
    assert!(breach.to_string().contains("wrong password"), "{breach}");
}

/// The macro takes each of its arguments, and a sound store passes all that it emits.
mod sound {
    use super::*;

    fn enter<F: Future>(future: F) -> F::Output {
        conformance::block_on(future)
    }

    async fn connect(link: Link) -> Result<Broken, std::io::Error> {
        Ok(Broken::new(Fault::None).over(link))
    }

    verify_core::store_conformance!(
        async { connect(Link::Good).await },
        block_on: enter,
        advance: |store, by| store.clock.advance(by),
        full: async { Broken::new(Fault::None).with_room_for(50) },
        near_top: async { Broken::new(Fault::None).counting_from(u64::MAX - 9) },
        lossy: async { connect(Link::LosesReplies).await },
        unreachable: async { Box::new(connect(Link::Down).await.unwrap()) as Box<dyn Store> },
    );
}

#[test]
fn r73_laws_are_run_by_name_or_all_at_once() {
    let open = |fault| {
        let kit = Setup::new().open(async move { Broken::new(fault) }).unwrap();
        kit.advance_with(|store: &Broken, by| store.clock.advance(by))
    };
    let names: BTreeSet<_> = conformance::laws::<Broken>().map(|(name, _)| name).collect();
    assert!(names.len() >= 16 && names.contains("one_take_winner"), "{names:?}");
    assert!(conformance::every_law(&open(Fault::None)).is_ok());
    let breach = conformance::every_law(&open(Fault::LooksCreate)).unwrap_err();
    assert_eq!(breach.law(), "a look creates nothing");
}

#[test]
fn counters_that_start_too_far_from_their_end_are_told() {
    let kit = Setup::new().open(async { Broken::new(Fault::None) }).unwrap();
    let breach = conformance::sums_stop_at_the_top(&kit).unwrap_err();
    assert!(breach.to_string().contains("start nearer to it"), "{breach}");
}

/// Failing to open is the soonest an unreachable backend can be told.
#[test]
fn an_unreachable_backend_may_fail_to_open() {
    let open = || async { Err::<Broken, _>(std::io::Error::other("refused")) };
    assert!(conformance::unreachable_errs(Setup::new(), open).is_ok());
}
