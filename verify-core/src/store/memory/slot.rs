//! What the in-memory store keeps under a name, and the places that bound how many there are.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::store::Key;

/// A key in one of the two spaces, so that one cache and one bound serve both.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Name {
    key: Key,
    space: Space,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Space {
    Values,
    Counters,
}

impl Name {
    pub(super) const fn of_value(key: Key) -> Self {
        Self { key, space: Space::Values }
    }

    pub(super) const fn of_counter(key: Key) -> Self {
        Self { key, space: Space::Counters }
    }

    pub(super) const fn key(&self) -> Key {
        self.key
    }

    /// A number that differs between most names.
    pub(super) fn spread(&self) -> usize {
        // Keys are the output of a hash, so any part of one is as good as a hash of it.
        self.key.as_bytes().iter().rev().take(2).fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    }
}

/// How many slots there may be, and are.
pub(super) struct Places {
    taken: AtomicUsize,
    capacity: usize,
}

impl Places {
    pub(super) const fn new(capacity: usize) -> Self {
        Self { taken: AtomicUsize::new(0), capacity }
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// A place, unless all are taken.
    pub(super) fn occupy(self: &Arc<Self>) -> Option<Place> {
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                (taken < self.capacity).then(|| taken.saturating_add(1))
            })
            .ok()
            .map(|_| Place { places: Arc::clone(self), held: AtomicBool::new(true) })
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} taken", self.taken(), self.capacity)
    }
}

/// One taken place; free again once vacated or dropped, whichever comes first, and only once.
pub(super) struct Place {
    places: Arc<Places>,
    held: AtomicBool,
}

impl Place {
    fn vacate(&self) {
        if self.held.swap(false, Ordering::Relaxed) {
            self.places.taken.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.vacate();
    }
}

/// A value or a counter, and until when.
pub(super) struct Slot {
    place: Place,
    /// Milliseconds since 1970 by the store's clock; from then on the slot is absent.
    deadline: u64,
    ttl_millis: u64,
    content: Content,
}

pub(super) enum Content {
    Value(Bytes),
    /// Counts in place, so that adding neither locks nor touches the cache's queues.
    Counter(AtomicU64),
}

impl Content {
    pub(super) fn counter(n: u32) -> Self {
        Self::Counter(AtomicU64::new(u64::from(n)))
    }
}

impl Slot {
    pub(super) fn new(place: Place, now: u64, ttl: Duration, content: Content) -> Self {
        let ttl_millis = ceil_millis(ttl);
        Self { place, deadline: now.saturating_add(ttl_millis), ttl_millis, content }
    }

    pub(super) const fn ttl(&self) -> Duration {
        Duration::from_millis(self.ttl_millis)
    }

    pub(super) const fn is_live(&self, now: u64) -> bool {
        now < self.deadline
    }

    /// Gives the place back before the slot is gone; it is then about to be removed.
    pub(super) fn vacate(&self) {
        self.place.vacate();
    }

    /// The value; `None` for a counter.
    pub(super) fn value(&self) -> Option<Bytes> {
        match &self.content {
            Content::Value(value) => Some(value.clone()),
            Content::Counter(_) => None,
        }
    }

    /// The counter's sum; zero for a value.
    pub(super) fn sum(&self) -> u64 {
        match &self.content {
            Content::Value(_) => 0,
            Content::Counter(sum) => sum.load(Ordering::Relaxed),
        }
    }

    /// Adds to the counter and returns the sum; stops at the top, since a counter that wraps would refill guesses.
    pub(super) fn add(&self, n: u32) -> u64 {
        let Content::Counter(sum) = &self.content else { return 0 };
        let add = |sum: u64| sum.saturating_add(u64::from(n));
        let step = |sum| Some(add(sum));
        sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).map_or(u64::MAX, add)
    }
}

/// Whole milliseconds, rounded up and never zero, so that nothing is stored and dead at once.
fn ceil_millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter_at(sum: u64) -> Slot {
        let place = Places::occupy(&Arc::new(Places::new(1))).unwrap();
        Slot::new(place, 0, Duration::from_secs(1), Content::Counter(AtomicU64::new(sum)))
    }

    #[test]
    fn a_counter_stops_at_the_top() {
        let slot = counter_at(u64::MAX - 1);
        assert_eq!(slot.add(1), u64::MAX);
        assert_eq!(slot.add(u32::MAX), u64::MAX);
        assert_eq!(slot.sum(), u64::MAX);
    }

    #[test]
    fn a_place_is_freed_once() {
        let places = Arc::new(Places::new(2));
        let (one, two) = (places.occupy().unwrap(), places.occupy().unwrap());
        assert!(places.occupy().is_none());
        one.vacate();
        one.vacate();
        drop(one);
        assert_eq!(places.taken(), 1);
        drop(two);
        assert_eq!(places.taken(), 0);
    }

    #[test]
    fn a_time_to_live_rounds_up() {
        assert_eq!(ceil_millis(Duration::ZERO), 1);
        assert_eq!(ceil_millis(Duration::from_micros(1_001)), 2);
        assert_eq!(ceil_millis(Duration::from_secs(1)), 1_000);
        assert_eq!(ceil_millis(Duration::MAX), u64::MAX);
    }

    #[test]
    fn a_slot_ends_at_its_deadline() {
        let slot = counter_at(1);
        assert!(slot.is_live(999));
        assert!(!slot.is_live(1_000));
    }
}
