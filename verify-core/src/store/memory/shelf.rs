//! Slots by name: each change of a name is one step, and how many there are is bounded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::Expiry;
use moka::sync::Cache;

use crate::clock::{Clock, unix_millis};
use crate::store::memory::slot::{Content, Name, Places, Slot};
use crate::store::{StoreError, StoreErrorKind};

/// How much longer moka keeps a slot than the slot's own time.
///
/// The slot's deadline decides; moka only collects garbage. It counts with a clock of its own, and the margin keeps
/// it from dropping what is still alive by ours, which a time server may set back and a test may hold still.
const GRACE: Duration = Duration::from_secs(30);

/// Locks that the names share: enough that two threads rarely want the same one.
const STRIPES: usize = 256;

/// Entries for which sweeps are a millisecond apart: a full store of a million is swept every ten seconds at most.
const SWEPT_PER_MILLI: usize = 100;

/// The slots, and all that changes them.
///
/// Reads go to moka alone and never wait. Changes of a name happen under its stripe's lock, which makes "look, then
/// put" one step. Moka's own entry API would do that too, at twice the cost: it sets up a lock for each call.
pub(super) struct Shelf {
    slots: Cache<Name, Arc<Slot>>,
    stripes: [Mutex<()>; STRIPES],
    places: Arc<Places>,
    clock: Arc<dyn Clock>,
    /// When the last sweep began, in milliseconds since 1970; locked while one runs.
    last_sweep: Mutex<Option<u64>>,
}

impl Shelf {
    pub(super) fn new(capacity: usize, clock: Arc<dyn Clock>) -> Self {
        Self::with_grace(capacity, clock, GRACE)
    }

    fn with_grace(capacity: usize, clock: Arc<dyn Clock>, grace: Duration) -> Self {
        // No `max_capacity`: at that, moka evicts what is alive.
        Self {
            slots: Cache::builder().expire_after(Lifetime { grace }).build(),
            stripes: std::array::from_fn(|_| Mutex::default()),
            places: Arc::new(Places::new(capacity)),
            clock,
            last_sweep: Mutex::new(None),
        }
    }

    pub(super) const fn places(&self) -> &Arc<Places> {
        &self.places
    }

    /// The live slots, in no order.
    pub(super) fn live(&self) -> impl Iterator<Item = (Arc<Name>, Arc<Slot>)> {
        let now = self.now();
        self.slots.iter().filter(move |(_, slot)| slot.is_live(now))
    }

    /// The slot under `name`, if it is live.
    pub(super) fn find(&self, name: Name) -> Option<Arc<Slot>> {
        self.slots.get(&name).filter(|slot| slot.is_live(self.now()))
    }

    /// Puts a slot under `name` unless a live one is there, which is then returned.
    pub(super) fn put_if_absent(
        &self,
        name: Name,
        content: impl Fn() -> Content,
        ttl: Duration,
    ) -> Result<Option<Arc<Slot>>, StoreError> {
        match self.try_put_if_absent(name, &content, ttl) {
            // Between two attempts, not within one: a sweep takes the locks of other names, and an attempt holds one.
            Err(error) if error.kind() == StoreErrorKind::Full && self.sweep() => {
                self.try_put_if_absent(name, &content, ttl)
            }
            outcome => outcome,
        }
    }

    fn try_put_if_absent(
        &self,
        name: Name,
        content: &impl Fn() -> Content,
        ttl: Duration,
    ) -> Result<Option<Arc<Slot>>, StoreError> {
        let _stripe = self.lock(name);
        let now = self.now();
        if let Some(slot) = self.slots.get(&name) {
            if slot.is_live(now) {
                return Ok(Some(slot));
            }
            self.remove(&name);
        }
        let place = self.places.occupy().ok_or_else(|| StoreError::new(StoreErrorKind::Full))?;
        self.slots.insert(name, Arc::new(Slot::new(place, now, ttl, content())));
        Ok(None)
    }

    /// Removes the slot under `name`, and returns its value if it was live.
    pub(super) fn take(&self, name: Name) -> Option<Bytes> {
        let _stripe = self.lock(name);
        let now = self.now();
        self.remove(&name).filter(|slot| slot.is_live(now)).and_then(|slot| slot.value())
    }

    /// Frees the place of what it removes at once; moka would, when it drops the slot some time later.
    fn remove(&self, name: &Name) -> Option<Arc<Slot>> {
        self.slots.remove(name).inspect(|slot| slot.vacate())
    }

    fn lock(&self, name: Name) -> Option<MutexGuard<'_, ()>> {
        // There is always such a stripe. The lock guards no data, so one that a panic poisoned is as good as any.
        let stripe = self.stripes.get(name.spread() % STRIPES);
        stripe.map(|stripe| stripe.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Frees the places of all that has expired; says whether it is worth trying again.
    ///
    /// One caller sweeps at a time and nobody waits for it: a sweep of a million slots takes long enough that all
    /// workers of a server would stand still. Nor do sweeps follow each other without a pause, so that a flood of
    /// refused entries costs little. Until the next one, what has expired may hold its place, absent all the same.
    fn sweep(&self) -> bool {
        let mut last = match self.last_sweep.try_lock() {
            Ok(last) => last,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        let now = self.now();
        let pause = u64::try_from(self.places.taken() / SWEPT_PER_MILLI).unwrap_or(u64::MAX);
        if last.is_some_and(|last| now.abs_diff(last) < pause) {
            return false;
        }
        *last = Some(now);
        self.slots.run_pending_tasks();
        for (name, slot) in &self.slots {
            if slot.is_live(now) {
                continue;
            }
            let _stripe = self.lock(*name);
            // By identity: somebody may have put a live slot in its place since.
            if self.slots.get(&*name).is_some_and(|found| Arc::ptr_eq(&found, &slot)) {
                self.remove(&name);
            }
        }
        true
    }

    fn now(&self) -> u64 {
        unix_millis(self.clock.now())
    }
}

/// Tells moka when to collect a slot.
struct Lifetime {
    grace: Duration,
}

impl Expiry<Name, Arc<Slot>> for Lifetime {
    fn expire_after_create(&self, _: &Name, slot: &Arc<Slot>, _: Instant) -> Option<Duration> {
        Some(slot.ttl().saturating_add(self.grace))
    }

    fn expire_after_update(
        &self,
        name: &Name,
        slot: &Arc<Slot>,
        at: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        self.expire_after_create(name, slot, at)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::clock::FakeClock;
    use crate::store::Key;

    fn name(byte: u8) -> Name {
        Name::of_value(Key::new([byte; 16]))
    }

    #[test]
    fn what_moka_collects_gives_its_place_back() {
        let shelf = Shelf::with_grace(3, Arc::new(FakeClock::default()), Duration::ZERO);
        for byte in 1..=3 {
            let put =
                shelf.put_if_absent(name(byte), || Content::Value(Bytes::new()), Duration::from_millis(1));
            assert!(put.unwrap().is_none());
        }
        // Our clock stands still, so it is moka alone that lets go of them, by the second and by the machine's clock.
        for _ in 0..10_000 {
            shelf.slots.run_pending_tasks();
            if shelf.places.taken() == 0 {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("{:?}", shelf.places);
    }

    #[test]
    fn sweeps_of_many_are_not_one_after_the_other() {
        let clock = FakeClock::default();
        let shelf = Shelf::new(1_000, Arc::new(clock.clone()));
        let put = |number: u128, ttl| {
            let name = Name::of_value(Key::new(number.to_be_bytes()));
            shelf
                .put_if_absent(name, || Content::counter(0), Duration::from_millis(ttl))
                .map_err(|e| e.kind())
        };
        for number in 0..1_000 {
            assert!(put(number, 5).unwrap().is_none());
        }
        assert_eq!(put(1_000, 5).err(), Some(StoreErrorKind::Full), "swept, and found nothing");
        clock.advance(Duration::from_millis(5));
        assert_eq!(put(1_000, 5).err(), Some(StoreErrorKind::Full), "too early for the next sweep");
        clock.advance(Duration::from_millis(5));
        assert!(put(1_000, 5).unwrap().is_none());
        assert_eq!(shelf.places.taken(), 1);
    }
}
