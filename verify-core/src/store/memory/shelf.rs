//! Bins by name: each change of a name is one step, and moka keeps the bins and lets go of them.

use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use foldhash::quality::RandomState;
use moka::Expiry;
use moka::sync::Cache;

use crate::clock::Clock;
use crate::store::memory::bin::{Bin, Content};
use crate::store::memory::places::Places;
use crate::store::memory::slot::{Slot, ceil_millis};
use crate::store::{Key, StoreError, StoreErrorKind};

/// How much longer moka keeps a bin than the slots in it live.
///
/// A slot's deadline decides; moka only collects garbage. It counts with a clock of its own, and the margin keeps
/// it from dropping what is still alive by ours, which a time server may set back and a test may hold still.
const GRACE: Duration = Duration::from_secs(30);

/// Entries in a bin when the store is full. What moka needs for a bin, half a kilobyte and a microsecond, is then
/// nothing for an entry, and a bin is still pruned, and moved as it grows, in some ten microseconds.
const ENTRIES_PER_BIN: usize = 2_048;

/// Bins of a store, however small: enough that threads rarely want the same one.
const LEAST_BINS: usize = 64;

/// Bins of a store, however large. Each look at a key touches its bin, so there are no more of them than a processor's caches
/// hold; in a store of a hundred million, moving one as it grows takes a few milliseconds.
const MOST_BINS: usize = 1_024;

/// Entries for which sweeps are a millisecond apart: a full store of a million is swept every ten seconds at most.
const SWEPT_PER_MILLI: usize = 100;

/// The bins, and all that changes them.
///
/// Moka holds each bin, and drops it some time after all that is in it has expired. It is told about a bin when one is
/// made and when what is put into it lives longer than moka was told, and asked about none: a look into moka costs
/// more than the verb, and all threads meet at its log of reads.
///
/// So each bin is reached through a handle that does not keep it, and every verb holds the handle's lock from its look
/// to its change. That makes it one step, and it is why a bin that moka lets go of is never changed by one thread
/// while another makes its successor: whoever finds the bin gone, or revives it, does so under the same lock. Who
/// found it in time keeps it until the verb is done.
pub(super) struct Shelf {
    bins: Cache<u32, Kept>,
    /// As many as bins, a power of two.
    handles: Box<[Mutex<Handle>]>,
    /// Which bin a key is in, and where in it.
    spread: RandomState,
    places: Arc<Places>,
    clock: Arc<dyn Clock>,
    grace: Duration,
    /// Moka's time is counted from here.
    began: Instant,
    /// When the last sweep began, in milliseconds since 1970; locked while one runs.
    last_sweep: Mutex<Option<u64>>,
}

/// The bin's own lock is for the compiler: under its handle's lock nobody else asks for it.
type Handle = Weak<Mutex<Bin>>;

impl Shelf {
    pub(super) fn new(capacity: usize, clock: Arc<dyn Clock>) -> Self {
        let bins = capacity.div_ceil(ENTRIES_PER_BIN).clamp(LEAST_BINS, MOST_BINS).next_power_of_two();
        Self::with(capacity, clock, bins, GRACE)
    }

    fn with(capacity: usize, clock: Arc<dyn Clock>, bins: usize, grace: Duration) -> Self {
        // No `max_capacity`: at that, moka evicts what is alive.
        let cache = Cache::builder().expire_after(Lifetime);
        Self {
            bins: cache.build(),
            handles: (0..bins).map(|_| Mutex::default()).collect(),
            spread: RandomState::default(),
            places: Arc::new(Places::new(capacity)),
            clock,
            grace,
            began: machine_now(),
            last_sweep: Mutex::new(None),
        }
    }

    pub(super) const fn places(&self) -> &Arc<Places> {
        &self.places
    }

    /// Every live slot, in no order: the key, the value or `None`, the sum or zero.
    pub(super) fn live(&self) -> Vec<(Key, Option<Bytes>, u64)> {
        let now = self.now();
        let mut all = Vec::new();
        self.each_bin(|bin| all.extend(bin.live(now)));
        all
    }

    /// What `read` makes of what is under `key`, if it is live.
    pub(super) fn find<T: Content, R>(&self, key: &Key, read: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.in_bin(key, |bin, now| bin.find(key, now).map(read))
    }

    /// Removes what is under `key`, and returns it if it was live.
    pub(super) fn take<T: Content>(&self, key: &Key) -> Option<T> {
        self.in_bin(key, |bin, now| bin.take(key, now))
    }

    /// Puts something under `key` unless there is a live one: then returns what `read` makes of that.
    pub(super) fn put_unless_found<T: Content, R>(
        &self,
        key: &Key,
        content: impl Fn() -> T,
        ttl: Duration,
        read: impl Fn(&mut T) -> R,
    ) -> Result<Option<R>, StoreError> {
        match self.try_put_unless_found(key, &content, ttl, &read) {
            // Between two attempts, not within one: a sweep takes the locks of all handles, and an attempt holds one.
            Err(error) if error.kind() == StoreErrorKind::Full && self.sweep() => {
                self.try_put_unless_found(key, &content, ttl, &read)
            }
            outcome => outcome,
        }
    }

    fn try_put_unless_found<T: Content, R>(
        &self,
        key: &Key,
        content: &impl Fn() -> T,
        ttl: Duration,
        read: &impl Fn(&mut T) -> R,
    ) -> Result<Option<R>, StoreError> {
        let number = self.number(key);
        // There is always such a handle.
        let Some(handle) = self.handles.get(number) else { return Ok(None) };
        let mut handle = locked(handle);
        let now = self.now();
        let held = handle.upgrade().unwrap_or_else(|| {
            let made = Arc::new(Mutex::new(Bin::new(Arc::clone(&self.places), &self.spread)));
            *handle = Arc::downgrade(&made);
            made
        });
        let mut bin = locked(&held);
        if let Some(found) = bin.find(key, now) {
            return Ok(Some(read(found)));
        }
        let millis = ceil_millis(ttl);
        bin.put(*key, Slot::new(now.saturating_add(millis), content()), now)?;
        self.keep(number, &held, &mut bin, Duration::from_millis(millis));
        Ok(None)
    }

    /// Has moka keep the bin while what was just put into it may be alive.
    fn keep(&self, number: usize, held: &Arc<Mutex<Bin>>, bin: &mut Bin, ttl: Duration) {
        let now = machine_now().saturating_duration_since(self.began);
        let lasts = ttl.saturating_add(self.grace);
        if now.saturating_add(lasts) <= bin.kept_until {
            return;
        }
        // Once more the grace, so that what is put later, and lives as much longer, is seldom news to moka.
        let lasts = lasts.saturating_add(self.grace);
        bin.kept_until = now.saturating_add(lasts);
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        // An entry that is written over is late, for a moment, by the time of what was there before. If that has
        // passed, moka may be about to drop it, and would drop ours. A new one has its own time; nobody misses it
        // meanwhile, since bins are not looked for in moka.
        self.bins.invalidate(&number);
        self.bins.insert(number, Kept { _bin: Arc::clone(held), lasts });
    }

    /// What `verb` makes of the bin that `key` is in, and of the time; nothing without a bin.
    fn in_bin<R>(&self, key: &Key, verb: impl FnOnce(&mut Bin, u64) -> Option<R>) -> Option<R> {
        let handle = locked(self.handles.get(self.number(key))?);
        let held = handle.upgrade()?;
        let mut bin = locked(&held);
        verb(&mut bin, self.now())
    }

    fn each_bin(&self, mut visit: impl FnMut(&mut Bin)) {
        for handle in &self.handles {
            let handle = locked(handle);
            if let Some(held) = handle.upgrade() {
                visit(&mut locked(&held));
            }
        }
    }

    fn number(&self, key: &Key) -> usize {
        // Other bits than a bin's tables go by, which take the lowest and the highest: all of a bin have these in common.
        let bits = usize::try_from(self.spread.hash_one(key) >> 32 & 0xff_ffff).unwrap_or_default();
        bits & (self.handles.len() - 1)
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
        self.bins.run_pending_tasks();
        self.each_bin(|bin| bin.prune(now));
        true
    }

    fn now(&self) -> u64 {
        self.clock.unix_millis()
    }
}

/// What it guards is sound after each of its steps, so one that a panic poisoned is as good as any.
fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "moka's clock is the machine's, whatever the store's is")]
fn machine_now() -> Instant {
    Instant::now()
}

/// A bin as moka has it.
#[derive(Clone)]
struct Kept {
    /// Only to be dropped with it.
    _bin: Arc<Mutex<Bin>>,
    lasts: Duration,
}

/// Tells moka how long to keep a bin.
struct Lifetime;

impl Expiry<u32, Kept> for Lifetime {
    fn expire_after_create(&self, _: &u32, kept: &Kept, _: Instant) -> Option<Duration> {
        Some(kept.lasts)
    }
}

#[cfg(test)]
mod tests;
