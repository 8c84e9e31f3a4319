//! A bin: the slots of some hundreds or thousands of keys.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use foldhash::quality::RandomState;

use crate::store::memory::places::Places;
use crate::store::memory::slot::{Counter, Slot, Value};
use crate::store::{Key, StoreError, StoreErrorKind};

/// Slots that may be put into the smallest bin before it is looked through for expired ones.
const PUT_AT_LEAST: usize = 16;

/// Two tables, of values and of counters, which therefore never meet.
///
/// Gives back the places of its slots when it is dropped, as moka does with a bin when all in it has expired.
pub(super) struct Bin {
    values: Slots<Value>,
    counters: Slots<Counter>,
    places: Arc<Places>,
    /// Slots that were put since the bin was last pruned.
    put: usize,
    /// Until when moka keeps this bin, by the shelf's stopwatch.
    pub(super) kept_until: Duration,
}

/// Keys are keyed hashes already, so nobody can choose two that meet: a hasher that is no cipher is enough, in half the time.
type Slots<T> = HashMap<Key, Slot<T>, RandomState>;

/// What a slot may hold, and in which table.
pub(super) trait Content: Sized {
    fn slots(bin: &mut Bin) -> &mut Slots<Self>;
}

impl Content for Value {
    fn slots(bin: &mut Bin) -> &mut Slots<Self> {
        &mut bin.values
    }
}

impl Content for Counter {
    fn slots(bin: &mut Bin) -> &mut Slots<Self> {
        &mut bin.counters
    }
}

impl Bin {
    pub(super) fn new(places: Arc<Places>, spread: &RandomState) -> Self {
        Self {
            values: HashMap::with_hasher(spread.clone()),
            counters: HashMap::with_hasher(spread.clone()),
            places,
            put: 0,
            kept_until: Duration::ZERO,
        }
    }

    /// The live slots: the key, the value or `None`, the sum or zero.
    pub(super) fn live(&self, now: u64) -> impl Iterator<Item = (Key, Option<Bytes>, u64)> {
        let values = self.values.iter().filter(move |(_, slot)| slot.is_live(now));
        let counters = self.counters.iter().filter(move |(_, slot)| slot.is_live(now));
        values
            .map(|(key, slot)| (*key, Some(Bytes::copy_from_slice(&slot.content)), 0))
            .chain(counters.map(|(key, slot)| (*key, None, slot.content.sum())))
    }

    /// What is under this key, if it is live.
    pub(super) fn find<T: Content>(&mut self, key: &Key, now: u64) -> Option<&mut T> {
        let slot = T::slots(self).get_mut(key)?;
        slot.is_live(now).then_some(&mut slot.content)
    }

    /// Removes what is under this key, and returns it if it was live.
    pub(super) fn take<T: Content>(&mut self, key: &Key, now: u64) -> Option<T> {
        let slot = T::slots(self).remove(key)?;
        self.places.vacate(1);
        slot.is_live(now).then_some(slot.content)
    }

    /// Puts a slot under a key that has no live one.
    pub(super) fn put<T: Content>(&mut self, key: Key, slot: Slot<T>, now: u64) -> Result<(), StoreError> {
        if let Some(expired) = T::slots(self).get_mut(&key) {
            *expired = slot;
            return Ok(());
        }
        if self.put > (self.held() / 2).max(PUT_AT_LEAST) {
            self.prune(now);
        }
        if !self.places.occupy() {
            return Err(StoreError::new(StoreErrorKind::Full));
        }
        self.put = self.put.saturating_add(1);
        T::slots(self).insert(key, slot);
        Ok(())
    }

    /// Removes what has expired, and gives memory back that would hold several times what is left.
    ///
    /// As it is called once for every half of what the bin holds, no more than about a third of it is ever garbage,
    /// and what a look at all costs is shared by those that were put meanwhile: two or three slots each.
    pub(super) fn prune(&mut self, now: u64) {
        let before = self.held();
        prune(&mut self.values, now);
        prune(&mut self.counters, now);
        self.put = 0;
        self.places.vacate(before - self.held());
    }

    fn held(&self) -> usize {
        self.values.len().saturating_add(self.counters.len())
    }
}

impl Drop for Bin {
    fn drop(&mut self) {
        self.places.vacate(self.held());
    }
}

fn prune<T>(slots: &mut Slots<T>, now: u64) {
    slots.retain(|_, slot| slot.is_live(now));
    let wanted = slots.len().saturating_mul(2).max(PUT_AT_LEAST);
    if slots.capacity() > wanted.saturating_mul(2) {
        slots.shrink_to(wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bin(capacity: usize) -> (Bin, Arc<Places>) {
        let places = Arc::new(Places::new(capacity));
        (Bin::new(Arc::clone(&places), &RandomState::default()), places)
    }

    fn key(number: u64) -> Key {
        Key::new(u128::from(number).to_be_bytes())
    }

    fn put(bin: &mut Bin, number: u64, deadline: u64, now: u64) -> bool {
        bin.put(key(number), Slot::new(deadline, Counter::new(number)), now).is_ok()
    }

    fn sum(bin: &mut Bin, number: u64, now: u64) -> Option<u64> {
        bin.find(&key(number), now).map(|counter: &mut Counter| counter.sum())
    }

    #[test]
    fn a_value_and_a_counter_of_one_key_do_not_meet() {
        let (mut bin, places) = bin(2);
        assert!(put(&mut bin, 1, 10, 0));
        assert!(bin.find::<Value>(&key(1), 0).is_none() && bin.take::<Value>(&key(1), 0).is_none());
        assert!(bin.put(key(1), Slot::new(10, Value::from(*b"v")), 0).is_ok());
        assert_eq!((sum(&mut bin, 1, 0), bin.take::<Value>(&key(1), 0)), (Some(1), Some(Value::from(*b"v"))));
        assert_eq!((sum(&mut bin, 1, 0), places.taken()), (Some(1), 1));
    }

    #[test]
    fn what_has_expired_is_absent_and_replaced_in_its_place() {
        let (mut bin, places) = bin(1);
        assert!(put(&mut bin, 1, 10, 0));
        assert_eq!((sum(&mut bin, 1, 9), sum(&mut bin, 1, 10)), (Some(1), None));
        assert!(!put(&mut bin, 2, 20, 5));
        assert!(put(&mut bin, 1, 20, 10));
        assert_eq!((places.taken(), bin.live(19).count(), bin.live(20).count()), (1, 1, 0));
        assert!(bin.take::<Counter>(&key(1), 20).is_none());
        assert_eq!(places.taken(), 0);
    }

    #[test]
    fn what_has_expired_is_pruned_as_slots_are_put() {
        let (mut bin, places) = bin(1_000_000);
        // A hundred are alive at any time.
        for number in 0..10_000 {
            assert!(put(&mut bin, number, number + 100, number));
            assert!(places.taken() <= 202, "{} at {number}", places.taken());
        }
        assert!((9_901..10_000).all(|number| sum(&mut bin, number, 10_000) == Some(number)));
        assert!(bin.counters.capacity() < 500, "{}", bin.counters.capacity());
    }

    #[test]
    fn a_bin_that_was_large_shrinks() {
        let (mut bin, places) = bin(1_000_000);
        for number in 0..50_000 {
            assert!(put(&mut bin, number, 10, 0));
        }
        assert!(bin.counters.capacity() >= 50_000);
        for number in 50_000..150_000 {
            assert!(put(&mut bin, number, number + 10, number));
        }
        assert!(bin.counters.capacity() < 100 && places.taken() < 50, "{}", bin.counters.capacity());
    }

    #[test]
    fn r39_a_bin_that_is_dropped_gives_back_each_place_once() {
        let (mut one, places) = bin(100);
        let mut two = Bin::new(Arc::clone(&places), &RandomState::default());
        for number in 0..50 {
            assert!(put(&mut one, number, 10 + number, 0) && put(&mut two, number, 10, 0));
        }
        assert!(!put(&mut one, 1_000, 10, 0));
        assert!(one.take::<Counter>(&key(49), 0).is_some());
        one.prune(20);
        assert_eq!(places.taken(), 38 + 50);
        drop(one);
        assert_eq!(places.taken(), 50);
        drop(two);
        assert_eq!(places.taken(), 0);
    }
}
