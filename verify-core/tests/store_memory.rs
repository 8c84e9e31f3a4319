//! The in-memory store: it passes the kit, in every wrapping, and holds its bound without dropping anybody.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use verify_core::FakeClock;
use verify_core::store::{Key, MemoryStore, Store, StoreError, StoreErrorKind};

const MINUTE: Duration = Duration::from_secs(60);

/// The output of a future that never waits.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a verb of the in-memory store waits for something"),
    }
}

fn key(number: usize) -> Key {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Key::new(bytes)
}

fn small(capacity: usize) -> (MemoryStore, FakeClock) {
    let clock = FakeClock::default();
    let capacity = NonZeroUsize::new(capacity).unwrap();
    (MemoryStore::builder().capacity(capacity).clock(clock.clone()).build(), clock)
}

fn put(store: &MemoryStore, number: usize, ttl: Duration) -> Result<bool, StoreErrorKind> {
    now(store.insert(&key(number), Bytes::from(number.to_string()), ttl)).map_err(|error| error.kind())
}

fn has(store: &MemoryStore, number: usize) -> bool {
    now(store.get(&key(number))).unwrap() == Some(Bytes::from(number.to_string()))
}

#[test]
fn r39_a_full_store_refuses_and_drops_nothing() {
    let (store, _clock) = small(100);
    for number in 0..100 {
        assert_eq!(put(&store, number, MINUTE), Ok(true));
    }
    for number in 100..1_000 {
        assert_eq!(put(&store, number, MINUTE), Err(StoreErrorKind::Full));
        assert!(!has(&store, number));
    }
    assert!((0..100).all(|number| has(&store, number)));
    assert_eq!((store.len(), store.entries().len()), (100, 100));
    assert_eq!(put(&store, 5, MINUTE), Ok(false), "who is present is told so, not that there is no room");
}

#[test]
fn r39_a_full_store_still_counts_what_it_counts() {
    let (store, _clock) = small(2);
    let add = |number, n| now(store.add(&key(number), n, MINUTE)).map_err(|error: StoreError| error.kind());
    assert_eq!(add(1, 3), Ok(3));
    assert_eq!(put(&store, 2, MINUTE), Ok(true));
    assert_eq!(add(3, 1), Err(StoreErrorKind::Full));
    assert_eq!(add(3, 0), Ok(0), "reading needs no room");
    assert_eq!(add(1, 2), Ok(5));
    assert!(has(&store, 2));
}

#[test]
fn r39_the_bound_is_exact_under_threads() {
    const CALLERS: usize = 8;
    for _ in 0..200 {
        let (store, _clock) = small(50);
        let (start, stored) = (Barrier::new(CALLERS), AtomicUsize::new(0));
        thread::scope(|scope| {
            for caller in 0..CALLERS {
                let (store, start, stored) = (&store, &start, &stored);
                scope.spawn(move || {
                    start.wait();
                    for number in 0..20 {
                        match put(store, caller * 1_000 + number, MINUTE) {
                            Ok(true) => stored.fetch_add(1, Ordering::Relaxed),
                            Err(StoreErrorKind::Full) => 0,
                            other => panic!("{other:?}"),
                        };
                        assert!(store.len() <= 50);
                    }
                });
            }
        });
        assert_eq!((stored.into_inner(), store.len(), store.entries().len()), (50, 50, 50));
    }
}

#[test]
fn r39_no_live_entry_is_lost_while_expired_ones_make_room() {
    const CALLERS: usize = 4;
    let (store, clock) = small(64);
    let lasting: Vec<usize> = (0..32).collect();
    for number in &lasting {
        assert_eq!(put(&store, *number, 10_000 * MINUTE), Ok(true));
    }
    let stored = AtomicUsize::new(0);
    thread::scope(|scope| {
        for caller in 1..=CALLERS {
            let (store, clock, stored) = (&store, &clock, &stored);
            scope.spawn(move || {
                for number in 0..2_000 {
                    if put(store, caller * 100_000 + number, MINUTE) == Ok(true) {
                        stored.fetch_add(1, Ordering::Relaxed);
                    }
                    clock.advance(Duration::from_secs(1));
                }
            });
        }
    });
    assert!(lasting.iter().all(|number| has(&store, *number)));
    let stored = stored.into_inner();
    assert!(stored > 100, "places were used again and again: {stored}");
    clock.advance(2 * MINUTE);
    for number in 0..32 {
        assert_eq!(put(&store, 900_000 + number, MINUTE), Ok(true), "each place is free again: none leaked");
    }
    assert_eq!(put(&store, 999_999, MINUTE), Err(StoreErrorKind::Full));
}

#[test]
fn expired_entries_free_their_places() {
    let (store, clock) = small(1_000);
    for round in 0..3 {
        for number in 0..1_000 {
            assert_eq!(put(&store, round * 1_000 + number, MINUTE), Ok(true));
        }
        assert_eq!(put(&store, 999_999, MINUTE), Err(StoreErrorKind::Full));
        clock.advance(MINUTE);
        assert_eq!(store.entries(), []);
    }
    // Whether all of them are free now, or only as many as were looked for, every one is free once it is wanted.
    assert_eq!(now(store.add(&key(7), 1, MINUTE)).unwrap(), 1);
    for number in 0..999 {
        assert_eq!(put(&store, 10_000 + number, MINUTE), Ok(true));
    }
    assert_eq!(put(&store, 999_999, MINUTE), Err(StoreErrorKind::Full));
}

#[test]
fn taking_frees_the_place_at_once() {
    let (store, _clock) = small(1);
    for number in 0..1_000 {
        assert_eq!(put(&store, number, MINUTE), Ok(true));
        assert_eq!(put(&store, number + 1, MINUTE), Err(StoreErrorKind::Full));
        assert!(now(store.take(&key(number))).unwrap().is_some());
        assert!(store.is_empty());
    }
}

#[test]
fn an_expired_entry_is_replaced_in_a_full_store() {
    let (store, clock) = small(1);
    assert_eq!(put(&store, 1, MINUTE), Ok(true));
    clock.advance(MINUTE);
    assert_eq!(put(&store, 1, MINUTE), Ok(true));
    assert_eq!(store.len(), 1);
    clock.advance(MINUTE);
    assert_eq!(now(store.take(&key(1))).unwrap(), None);
    assert!(store.is_empty());
}

#[test]
fn the_injected_clock_alone_decides() {
    let (store, clock) = small(10_000);
    // Many times its life goes by on the machine's clock, while ours stands still.
    assert_eq!(put(&store, 0, Duration::from_nanos(1)), Ok(true));
    for number in 1..5_000 {
        assert_eq!(put(&store, number, MINUTE), Ok(true));
    }
    assert!(has(&store, 0));
    clock.advance(MINUTE - Duration::from_millis(1));
    assert!(!has(&store, 0) && has(&store, 1));
    clock.advance(Duration::from_millis(1));
    assert!(!has(&store, 1));
    clock.turn_back(Duration::from_millis(1));
    assert!(has(&store, 1), "a clock set back makes a life longer, never shorter");
}

#[test]
fn a_small_value_does_not_keep_a_large_buffer() {
    let (store, _clock) = small(1);
    let body = Bytes::from(vec![b'x'; 1_000_000]);
    now(store.insert(&key(1), body.slice(..10), MINUTE)).unwrap();
    assert!(body.is_unique());
    assert_eq!(store.entries(), [(key(1), Some(Bytes::from_static(b"xxxxxxxxxx")), 0)]);
}

#[test]
fn debug_shows_how_full_it_is_and_nothing_stored() {
    let (store, _clock) = small(3);
    now(store.insert(&key(1), Bytes::from_static(b"hidden"), MINUTE)).unwrap();
    let debug = format!("{store:?}");
    assert!(debug.contains("1 of 3 taken") && !debug.contains("hidden"), "{debug}");
}

#[test]
fn clones_share_and_instances_do_not() {
    let store = MemoryStore::default();
    let clone = store.clone();
    assert_eq!(put(&store, 1, MINUTE), Ok(true));
    assert!(has(&clone, 1));
    assert!(!has(&MemoryStore::default(), 1));
}

#[cfg(feature = "conformance")]
mod conformance {
    use std::sync::Arc;

    use super::*;

    /// A store with the clock that drives it, so that the kit can turn it.
    #[derive(Debug)]
    struct Clocked(MemoryStore, FakeClock);

    #[async_trait::async_trait]
    impl Store for Clocked {
        async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
            self.0.insert(key, value, ttl).await
        }
        async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
            self.0.get(key).await
        }
        async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
            self.0.take(key).await
        }
        async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
            self.0.add(key, n, ttl).await
        }
    }

    fn clocked(capacity: usize) -> Clocked {
        let (store, clock) = small(capacity);
        Clocked(store, clock)
    }

    mod by_the_machines_clock {
        use super::*;
        verify_core::store_conformance!(async { MemoryStore::default() }, full: async { small(1_000).0 });
    }

    mod by_a_clock_of_our_own {
        use super::*;
        verify_core::store_conformance!(
            async { clocked(100_000) },
            advance: |clocked, by| clocked.1.advance(by),
            full: async { clocked(1_000) },
        );
    }

    mod behind_an_arc {
        use super::*;
        verify_core::store_conformance!(
            async { Arc::new(clocked(100_000)) },
            advance: |clocked, by| clocked.1.advance(by),
            full: async { Arc::new(clocked(10)) },
        );
    }

    /// One of several apps in one store: each has names of its own.
    #[derive(Debug)]
    struct Prefixed<S>(u128, S);

    impl<S> Prefixed<S> {
        /// No two keys of an app become one, and none meets those of another.
        fn name(&self, key: &Key) -> Key {
            Key::new((u128::from_be_bytes(*key.as_bytes()) ^ self.0).to_be_bytes())
        }
    }

    #[async_trait::async_trait]
    impl<S: Store> Store for Prefixed<S> {
        async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
            self.1.insert(&self.name(key), value, ttl).await
        }
        async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
            self.1.get(&self.name(key)).await
        }
        async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
            self.1.take(&self.name(key)).await
        }
        async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
            self.1.add(&self.name(key), n, ttl).await
        }
    }

    const BANK: u128 = 0x2f1e_0c3d_5b6a_7988_a7b6_c5d4_e3f2_0110;

    mod behind_a_prefix {
        use super::*;
        verify_core::store_conformance!(
            async { Prefixed(BANK, clocked(100_000)) },
            advance: |prefixed, by| prefixed.1.1.advance(by),
            full: async { Prefixed(BANK, clocked(100)) },
        );
    }

    #[test]
    fn apps_with_other_prefixes_do_not_meet() {
        let shared = Arc::new(MemoryStore::default());
        let (one, two) = (Prefixed(BANK, Arc::clone(&shared)), Prefixed(!BANK, shared));
        let (key, value) = (key(1), Bytes::from_static(b"one"));
        assert!(now(one.insert(&key, value.clone(), MINUTE)).unwrap());
        assert_eq!(now(two.take(&key)).unwrap(), None);
        assert_eq!((now(one.add(&key, 2, MINUTE)).unwrap(), now(two.add(&key, 1, MINUTE)).unwrap()), (2, 1));
        assert_eq!(now(one.take(&key)).unwrap(), Some(value));
    }

    mod behind_a_box_of_dyn {
        use super::*;
        verify_core::store_conformance!(
            async { Box::new(MemoryStore::default()) as Box<dyn Store> },
            full: async { Box::new(small(100).0) as Box<dyn Store> },
        );
    }

    mod behind_an_arc_of_dyn {
        use super::*;
        verify_core::store_conformance!(async {
            Ok::<Arc<dyn Store>, StoreError>(Arc::new(MemoryStore::default()))
        });
    }
}
