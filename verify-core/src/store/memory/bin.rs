//! A bin: the slots of a few hundred names, side by side.

use std::sync::Arc;
use std::time::Duration;

use crate::store::memory::places::Places;
use crate::store::memory::slot::{Name, Slot};
use crate::store::{StoreError, StoreErrorKind};

/// Tags that are compared at a time: as many as fit the widest registers in use.
const ABREAST: usize = 32;

/// Slots in no order, each found by looking at all of them.
///
/// That is as quick as a table with a hash, since what is looked at first are the tags, of which a cache line holds
/// 32; and it is smaller, since it has no gaps. Gives back the places of its slots when it is dropped, as moka does
/// with a bin when all in it has expired.
pub(super) struct Bin {
    /// 16 bits of each slot's name, in the order of the slots.
    tags: Vec<u16>,
    slots: Vec<Slot>,
    places: Arc<Places>,
    /// Until when moka keeps this bin, by the shelf's stopwatch.
    pub(super) kept_until: Duration,
}

impl Bin {
    pub(super) const fn new(places: Arc<Places>) -> Self {
        Self { tags: Vec::new(), slots: Vec::new(), places, kept_until: Duration::ZERO }
    }

    /// The slots that are live at `now`.
    pub(super) fn live(&self, now: u64) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(move |slot| slot.is_live(now))
    }

    /// The slot of this name, if it is live.
    pub(super) fn find(&mut self, name: Name, now: u64) -> Option<&mut Slot> {
        let at = self.position(name)?;
        self.slots.get_mut(at).filter(|slot| slot.is_live(now))
    }

    /// Removes the slot of this name, and returns it if it was live.
    pub(super) fn take(&mut self, name: Name, now: u64) -> Option<Slot> {
        let at = self.position(name)?;
        Some(self.remove(at)).filter(|slot| slot.is_live(now))
    }

    /// Puts a slot under a name that has no live one.
    pub(super) fn put(&mut self, name: Name, slot: Slot, now: u64) -> Result<(), StoreError> {
        if let Some(expired) = self.position(name).and_then(|at| self.slots.get_mut(at)) {
            *expired = slot;
            return Ok(());
        }
        if self.slots.len() == self.slots.capacity() {
            self.prune(now);
            self.make_room();
        }
        if !self.places.occupy() {
            return Err(StoreError::new(StoreErrorKind::Full));
        }
        self.tags.push(tag(name));
        self.slots.push(slot);
        Ok(())
    }

    /// Removes what has expired.
    pub(super) fn prune(&mut self, now: u64) {
        // From the end, since what is removed is replaced by the last, which was looked at then.
        for at in (0..self.slots.len()).rev() {
            if self.slots.get(at).is_some_and(|slot| !slot.is_live(now)) {
                self.remove(at);
            }
        }
    }

    /// Makes the lists a quarter longer than what is in them, if they are full or much too long.
    ///
    /// Vectors would double, and a bin is as often half empty then. As it is called when they are full of slots,
    /// expired ones included, what it costs is shared by the slots that were put meanwhile: an eighth at least.
    fn make_room(&mut self) {
        let (held, room) = (self.slots.len(), self.slots.capacity());
        let wanted = held.saturating_add(held / 4).saturating_add(4);
        if held > room - room / 8 || room == 0 {
            self.tags.reserve_exact(wanted - held);
            self.slots.reserve_exact(wanted - held);
        } else if room > wanted.saturating_mul(2) {
            self.tags.shrink_to(wanted);
            self.slots.shrink_to(wanted);
        }
    }

    fn remove(&mut self, at: usize) -> Slot {
        self.places.vacate(1);
        self.tags.swap_remove(at);
        self.slots.swap_remove(at)
    }

    fn position(&self, name: Name) -> Option<usize> {
        let tag = tag(name);
        let chunks = self.tags.chunks(ABREAST).enumerate();
        chunks.filter(|(_, chunk)| holds(chunk, tag)).find_map(|(number, chunk)| {
            let tagged = (number * ABREAST..).zip(chunk).filter(|(_, other)| **other == tag);
            tagged.map(|(at, _)| at).find(|at| self.slots.get(*at).is_some_and(|slot| slot.is_named(name)))
        })
    }
}

impl Drop for Bin {
    fn drop(&mut self) {
        self.places.vacate(self.slots.len());
    }
}

/// 16 bits of a name, and not those that choose its bin, of which there are at most as many.
fn tag(name: Name) -> u16 {
    let [high, low, ..] = name.spread().to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// Whether this tag is among these.
fn holds(tags: &[u16], tag: u16) -> bool {
    // Without an early end, and over a number that the compiler knows, it compares many in one step.
    let among = |tags: &[u16]| tags.iter().fold(false, |any, other| any | (*other == tag));
    <&[u16; ABREAST]>::try_from(tags).map_or_else(|_| among(tags), |all| among(all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Key;
    use crate::store::memory::slot::Content;

    fn bin(capacity: usize) -> (Bin, Arc<Places>) {
        let places = Arc::new(Places::new(capacity));
        (Bin::new(Arc::clone(&places)), places)
    }

    fn name(number: u64) -> Name {
        Name::of_counter(Key::new(u128::from(number).to_be_bytes()))
    }

    fn put(bin: &mut Bin, number: u64, deadline: u64, now: u64) -> bool {
        let slot = Slot::new(name(number), deadline, Content::Counter(number));
        bin.put(name(number), slot, now).is_ok()
    }

    #[test]
    fn each_slot_is_found_wherever_it_lies() {
        let (mut bin, places) = bin(1_000);
        for number in 0..300 {
            assert!(put(&mut bin, number, 1_000, 0));
            for other in 0..=number + 1 {
                let found = bin.find(name(other), 0).map(|slot| slot.sum());
                assert_eq!(found, (other <= number).then_some(other));
            }
        }
        for number in (0..300).step_by(7) {
            assert_eq!(bin.take(name(number), 0).map(|slot| slot.sum()), Some(number));
        }
        for number in 0..300 {
            assert_eq!(bin.find(name(number), 0).is_some(), number % 7 != 0);
        }
        assert_eq!(places.taken(), 300 - 43);
    }

    #[test]
    fn slots_with_one_tag_are_told_apart() {
        let (mut bin, _places) = bin(1_000);
        let same = |number: &u64| tag(name(*number)) == tag(name(0));
        let numbers: Vec<u64> = (0..).filter(same).take(5).collect();
        for number in &numbers {
            assert!(bin.find(name(*number), 0).is_none());
            assert!(put(&mut bin, *number, 9, 0));
        }
        for number in numbers {
            assert_eq!(bin.take(name(number), 0).map(|slot| slot.sum()), Some(number));
        }
    }

    #[test]
    fn what_has_expired_is_absent_and_replaced_in_its_place() {
        let (mut bin, places) = bin(1);
        assert!(put(&mut bin, 1, 10, 0));
        assert!(bin.find(name(1), 9).is_some() && bin.find(name(1), 10).is_none());
        assert!(!put(&mut bin, 2, 20, 5));
        assert!(put(&mut bin, 1, 20, 10));
        assert_eq!((places.taken(), bin.live(10).count(), bin.live(20).count()), (1, 1, 0));
        assert!(bin.take(name(1), 20).is_none());
        assert_eq!(places.taken(), 0);
    }

    #[test]
    fn what_has_expired_is_pruned_before_a_bin_grows() {
        let (mut bin, places) = bin(100_000);
        // A hundred are alive at any time.
        for number in 0..10_000 {
            assert!(put(&mut bin, number, number + 100, number));
            assert!(places.taken() <= 150, "{} at {number}", places.taken());
        }
        assert!(bin.slots.capacity() <= 150, "{}", bin.slots.capacity());
        assert!((9_901..10_000).all(|number| bin.find(name(number), 10_000).is_some()));
    }

    #[test]
    fn a_bin_is_a_quarter_longer_than_what_it_holds_and_shrinks_again() {
        let (mut bin, _places) = bin(100_000);
        for number in 0..5_000 {
            assert!(put(&mut bin, number, 10, 0));
            let (held, room) = (bin.slots.len(), bin.slots.capacity());
            assert!(room <= held + held / 4 + 4 && bin.tags.capacity() == room, "{room} for {held}");
        }
        for number in 5_000..20_000 {
            assert!(put(&mut bin, number, number + 10, number));
        }
        assert!(bin.slots.capacity() <= 50, "{}", bin.slots.capacity());
    }

    #[test]
    fn r39_a_bin_that_is_dropped_gives_back_each_place_once() {
        let (mut one, places) = bin(100);
        let mut two = Bin::new(Arc::clone(&places));
        for number in 0..50 {
            assert!(put(&mut one, number, 10 + number, 0) && put(&mut two, number, 10, 0));
        }
        assert!(!put(&mut one, 1_000, 10, 0));
        assert!(one.take(name(49), 0).is_some());
        one.prune(20);
        assert_eq!(places.taken(), 38 + 50);
        drop(one);
        assert_eq!(places.taken(), 50);
        drop(two);
        assert_eq!(places.taken(), 0);
    }
}
