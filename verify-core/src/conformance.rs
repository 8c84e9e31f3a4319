//! The test kit that the author of a [`Store`] runs: one named test per law.
//!
//! The engine is as safe as its store. A store that answers two callers of [`take`](crate::store::Store::take)
//! lets one code be used twice; one that loses a count hands out guesses for free. Such faults hide until there is
//! load, so the kit looks for them with real threads, hundreds of times over.
//!
//! In the tests of the crate that has the store (with the feature `conformance` of this crate):
//!
//! ```
//! # use verify_core::store::MemoryStore;
//! # struct MyStore;
//! # impl MyStore { async fn connect(_: &str) -> Result<MemoryStore, std::io::Error> { Ok(MemoryStore::default()) } }
//! mod my_store {
//! #   use super::*;
//!     use verify_core::store_conformance;
//!
//!     store_conformance!(async { MyStore::connect("redis://127.0.0.1/").await });
//! }
//! # fn main() {}
//! ```
//!
//! That is `cargo test my_store`, with a line for each law:
//!
//! ```text
//! test my_store::each_sum_once ... ok
//! test my_store::one_insert_winner ... ok
//! test my_store::one_take_winner ... FAILED
//! Error: law "one take winner" is broken: round 3: 2 of 8 concurrent callers of `take` got the value, …
//! ```
//!
//! # What can be said about the store
//!
//! The first argument is an async block that opens it, as a store or as a `Result` of one. Each test runs the
//! block anew. Keys are random and entries expire within the hour, so tests may share a backend that outlives them.
//! These follow in this order, each of them optional:
//!
//! | argument | what it is | without it |
//! |---|---|---|
//! | `block_on: path` | `fn<F: Future>(F) -> F::Output`, called from many threads. A store that needs a runtime passes one that enters a runtime **shared by all calls**, since connections live on the runtime that opened them | [`block_on`], which parks the thread and serves any future that needs no runtime |
//! | `advance: closure` | `Fn(&TheStore, Duration)`: moves the store's clock, and so makes the tests of expiry exact and instant | entries with a short life are watched until they are gone |
//! | `full: async { … }` | opens a store with little room, say 2 MiB or 100 entries, that nobody else writes to | [`full_refuses`] is left out |
//! | `near_top: async { … }` | opens a store whose counters start a few below the number at which they stop | [`sums_stop_at_the_top`] is left out |
//! | `lossy: async { … }` | opens a store over a link that executes some calls and loses their replies | the law is held without lost replies only |
//! | `unreachable: async { … }` | connects, and cuts the link then | [`unreachable_errs`] is left out |
//!
//! Failing to open counts as an error that was told, so an `unreachable:` that cannot even connect is satisfied without
//! calling a verb. Only a link that is cut after connecting, in the block itself, shows what the verbs do; one that
//! falls silent shows whether their deadline is kept, which a link that is closed does not.
//!
//! ```
//! # use std::time::Duration;
//! # use verify_core::{FakeClock, store::MemoryStore};
//! # fn enter_runtime<F: Future>(future: F) -> F::Output { verify_core::conformance::block_on(future) }
//! # fn small() -> MemoryStore { MemoryStore::builder().capacity(std::num::NonZeroUsize::new(100).unwrap()).build() }
//! verify_core::store_conformance!(
//!     async { MemoryStore::default() },
//!     block_on: enter_runtime,
//!     full: async { small() },
//! );
//! # fn main() {}
//! ```
//!
//! # Without the macro
//!
//! Each law is a function too. A harness of your own opens a [`Kit`] and holds [`every_law`] against it, or takes the
//! [`laws`] by name. That is for a backend of which it is known at run time only whether it is there:
//!
//! ```
//! # use verify_core::store::MemoryStore;
//! use verify_core::conformance::{Breach, Setup, every_law};
//!
//! # fn enter_runtime<F: Future>(future: F) -> F::Output { verify_core::conformance::block_on(future) }
//! fn passes(store: MemoryStore) -> Result<(), Breach> {
//!     let kit = Setup::new().block_on(|task| enter_runtime(task)).open(async { store })?;
//!     every_law(&kit)
//! }
//! # passes(MemoryStore::default()).unwrap();
//! ```
//!
//! The laws that need a store in some special state ([`full_refuses`], [`sums_stop_at_the_top`], [`unreachable_errs`], and
//! [`replies_are_true`] over a link that loses some) are not among them.

use crate::store::Store;

mod content;
mod fault;
mod kit;
mod race;
mod sum;
mod time;

pub use content::{exact_bytes, handles_are_one_store, hostile_keys, values_and_counters_never_meet};
pub use fault::{dropped_future_is_before_or_after, full_refuses, replies_are_true, unreachable_errs};
pub use kit::{Breach, Kit, Opened, Setup, Task, block_on};
pub use race::{each_sum_once, no_counter_without_an_end, one_insert_winner, one_take_winner};
pub use sum::{a_look_creates_nothing, large_sums_are_exact, sums_stop_at_the_top};
pub use time::{counters_expire, insert_after_expiry, values_expire, window_is_set_at_first_touch};

/// A law of the kit: what to call with an open store.
pub type Law<S> = fn(&Kit<S>) -> Result<(), Breach>;

/// The laws that can be held against any store, by name: those for which the macro emits a test without being asked.
pub fn laws<S: Store>() -> impl Iterator<Item = (&'static str, Law<S>)> {
    crate::store_conformance!(@each table S).into_iter()
}

/// Holds all [`laws`] against one open store, one after the other.
///
/// # Errors
///
/// The first [`Breach`]; later laws are then not looked at.
pub fn every_law<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    laws().try_for_each(|(_, law)| law(kit))
}

/// Emits one `#[test]` per law of the [test kit](mod@crate::conformance) for the store that the async block opens.
///
/// Put each use into a module of its own: the tests are named after the laws. The arguments are in the
/// [module's page](mod@crate::conformance).
#[macro_export]
macro_rules! store_conformance {
    (
        $open:expr
        $(, block_on: $block_on:path)?
        $(, advance: $advance:expr)?
        $(, full: $full:expr)?
        $(, near_top: $near_top:expr)?
        $(, lossy: $lossy:expr)?
        $(, unreachable: $unreachable:expr)?
        $(,)?
    ) => {
        fn conformance_setup() -> $crate::conformance::Setup {
            $crate::conformance::Setup::new()
                $(.block_on(|task: $crate::conformance::Task<'_>| $block_on(task)))?
        }

        fn conformance_kit()
        -> ::std::result::Result<$crate::conformance::Kit<impl $crate::store::Store>, $crate::conformance::Breach> {
            let kit = conformance_setup().open($open)?;
            $(let kit = kit.advance_with($advance);)?
            ::std::result::Result::Ok(kit)
        }

        $crate::store_conformance!(@each tests conformance_kit);

        $(
            #[test]
            fn full_refuses() -> ::std::result::Result<(), $crate::conformance::Breach> {
                $crate::conformance::full_refuses(&conformance_setup().open($full)?)
            }
        )?

        $(
            #[test]
            fn sums_stop_at_the_top() -> ::std::result::Result<(), $crate::conformance::Breach> {
                $crate::conformance::sums_stop_at_the_top(&conformance_setup().open($near_top)?)
            }
        )?

        $(
            #[test]
            fn replies_are_true_when_some_are_lost() -> ::std::result::Result<(), $crate::conformance::Breach> {
                $crate::conformance::replies_are_true(&conformance_setup().open_lossy($lossy)?)
            }
        )?

        $(
            #[test]
            fn unreachable_errs() -> ::std::result::Result<(), $crate::conformance::Breach> {
                $crate::conformance::unreachable_errs(conformance_setup(), || $unreachable)
            }
        )?
    };
    // The one list of the laws, for whatever is made of it.
    (@each $what:ident $with:ident) => {
        $crate::store_conformance! { @$what $with:
            one_insert_winner one_take_winner each_sum_once no_counter_without_an_end
            values_expire counters_expire insert_after_expiry window_is_set_at_first_touch
            large_sums_are_exact a_look_creates_nothing
            exact_bytes hostile_keys values_and_counters_never_meet handles_are_one_store
            dropped_future_is_before_or_after replies_are_true
        }
    };
    (@tests $kit:ident: $($law:ident)*) => {$(
        #[test]
        fn $law() -> ::std::result::Result<(), $crate::conformance::Breach> {
            $crate::conformance::$law(&$kit()?)
        }
    )*};
    (@table $store:ident: $($law:ident)*) => {
        [$((stringify!($law), $law as Law<$store>)),*]
    };
}
