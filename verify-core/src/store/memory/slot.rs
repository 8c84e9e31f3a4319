//! What the in-memory store keeps under a name.

use std::time::Duration;

use bytes::Bytes;

use crate::store::Key;

/// A key in one of the two spaces.
#[derive(Clone, Copy)]
pub(super) struct Name {
    key: Key,
    space: Space,
}

#[derive(Clone, Copy, PartialEq, Eq)]
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

    /// A number whose bits, any of them, differ between most names.
    ///
    /// Keys ought to be the output of a keyed hash, so that nobody outside can choose where they fall. This one is
    /// not against attackers: it spreads what an app counts up, or fills with zeros, which would all fall together.
    pub(super) fn spread(&self) -> u64 {
        const ODD: [u128; 2] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93];
        let key = u128::from_be_bytes(*self.key.as_bytes());
        let (high, low) = (key >> 64, key & u128::from(u64::MAX));
        // Each factor is below 2⁶⁴, and no bit of the product is left out, since half of them are poor.
        let product = (high ^ ODD[0]).wrapping_mul(low ^ ODD[1] ^ (self.space as u128) << 63);
        let folded = (product >> 64) ^ (product & u128::from(u64::MAX));
        u64::try_from(folded).unwrap_or_default().wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// A value or a counter, under which key, and until when.
pub(super) struct Slot {
    key: Key,
    /// Milliseconds since 1970 by the store's clock; from then on the slot is absent.
    deadline: u64,
    content: Content,
}

/// Also tells the space: a value and a counter never have the same name.
pub(super) enum Content {
    Value(Box<[u8]>),
    Counter(u64),
}

impl Slot {
    pub(super) const fn new(name: Name, deadline: u64, content: Content) -> Self {
        Self { key: name.key, deadline, content }
    }

    pub(super) const fn is_live(&self, now: u64) -> bool {
        now < self.deadline
    }

    pub(super) fn is_named(&self, name: Name) -> bool {
        let space = match self.content {
            Content::Value(_) => Space::Values,
            Content::Counter(_) => Space::Counters,
        };
        self.key == name.key && space == name.space
    }

    pub(super) const fn key(&self) -> Key {
        self.key
    }

    /// A copy of the value; `None` for a counter.
    pub(super) fn value(&self) -> Option<Bytes> {
        match &self.content {
            Content::Value(value) => Some(Bytes::copy_from_slice(value)),
            Content::Counter(_) => None,
        }
    }

    /// The value; `None` for a counter.
    pub(super) fn into_value(self) -> Option<Bytes> {
        match self.content {
            Content::Value(value) => Some(value.into()),
            Content::Counter(_) => None,
        }
    }

    /// The counter's sum; zero for a value.
    pub(super) const fn sum(&self) -> u64 {
        match self.content {
            Content::Value(_) => 0,
            Content::Counter(sum) => sum,
        }
    }

    /// Adds to the counter and returns the sum; stops at the top, since a counter that wraps would refill guesses.
    pub(super) fn add(&mut self, n: u32) -> u64 {
        let Content::Counter(sum) = &mut self.content else { return 0 };
        *sum = sum.saturating_add(u64::from(n));
        *sum
    }
}

/// Whole milliseconds, rounded up and never zero, so that nothing is stored and dead at once.
pub(super) fn ceil_millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn counter_at(sum: u64) -> Slot {
        Slot::new(Name::of_counter(Key::new([7; 16])), 1_000, Content::Counter(sum))
    }

    #[test]
    fn a_counter_stops_at_the_top() {
        let mut slot = counter_at(u64::MAX - 1);
        assert_eq!(slot.add(1), u64::MAX);
        assert_eq!(slot.add(u32::MAX), u64::MAX);
        assert_eq!(slot.sum(), u64::MAX);
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

    /// What the documents say about the cost of an entry rests on it.
    #[test]
    fn a_slot_is_no_larger_than_what_is_in_it() {
        assert_eq!(size_of::<Slot>(), 40);
    }

    #[test]
    fn names_spread_whichever_part_of_the_key_differs() {
        for shift in [0, 24, 56, 64, 88, 112] {
            for part in [0, 16, 32, 48] {
                let keys = (0..4_096_u128).map(|n| Key::new((n << shift).to_be_bytes()));
                let parts: BTreeSet<u64> =
                    keys.map(|key| Name::of_value(key).spread() >> part & 0xffff).collect();
                // 3,970 of 65,536 numbers are hit by 4,096 that are drawn at random.
                assert!(parts.len() > 3_700, "{} at {part}, keys at {shift}", parts.len());
            }
        }
    }

    #[test]
    fn a_value_and_a_counter_of_one_key_have_two_names() {
        let key = Key::new([7; 16]);
        assert!(counter_at(1).is_named(Name::of_counter(key)));
        assert!(!counter_at(1).is_named(Name::of_value(key)));
        assert_ne!(Name::of_counter(key).spread(), Name::of_value(key).spread());
    }
}
