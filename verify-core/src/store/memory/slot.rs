//! What the in-memory store keeps under a key.

use std::time::Duration;

/// A value or a counter, and until when.
pub(super) struct Slot<T> {
    /// Milliseconds since 1970 by the store's clock; from then on the slot is absent.
    deadline: u64,
    pub(super) content: T,
}

/// A copy of the value, so that it never keeps the large buffer alive that it may have been cut from.
pub(super) type Value = Box<[u8]>;

/// A sum that stops at the top.
pub(super) struct Counter(u64);

impl<T> Slot<T> {
    pub(super) const fn new(deadline: u64, content: T) -> Self {
        Self { deadline, content }
    }

    pub(super) const fn is_live(&self, now: u64) -> bool {
        now < self.deadline
    }
}

impl Counter {
    pub(super) const fn new(sum: u64) -> Self {
        Self(sum)
    }

    pub(super) const fn sum(&self) -> u64 {
        self.0
    }

    /// Adds and returns the sum; stops at the top, since a counter that wraps would refill guesses.
    pub(super) fn add(&mut self, n: u32) -> u64 {
        self.0 = self.0.saturating_add(u64::from(n));
        self.0
    }
}

/// Whole milliseconds, rounded up and never zero, so that nothing is stored and dead at once.
pub(super) fn ceil_millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Key;

    #[test]
    fn a_counter_stops_at_the_top() {
        let mut counter = Counter::new(u64::MAX - 1);
        assert_eq!(counter.add(1), u64::MAX);
        assert_eq!(counter.add(u32::MAX), u64::MAX);
        assert_eq!(counter.sum(), u64::MAX);
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
        let slot = Slot::new(1_000, ());
        assert!(slot.is_live(999));
        assert!(!slot.is_live(1_000));
    }

    /// What the documents say about the cost of an entry rests on it.
    #[test]
    fn a_slot_is_no_larger_than_what_is_in_it() {
        assert_eq!(size_of::<(Key, Slot<Value>)>(), 40);
        assert_eq!(size_of::<(Key, Slot<Counter>)>(), 32);
    }
}
