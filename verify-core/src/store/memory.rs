//! The default store: this process's memory.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::clock::{Clock, SystemClock};
#[cfg(doc)]
use crate::store::StoreErrorKind;
use crate::store::memory::shelf::Shelf;
use crate::store::memory::slot::{Counter, Value};
use crate::store::{Key, Store, StoreError};

mod bin;
mod places;
mod shelf;
mod slot;

/// Entries held unless told otherwise: some 100 MB when full of challenges, ten minutes of 300 of them a second.
const DEFAULT_CAPACITY: usize = 1_000_000;

/// Keeps everything in this process: nothing to install, and nothing left after a restart.
///
/// Entries live until they expire and are then collected. The store is bounded: when full, it refuses new entries
/// with [`StoreErrorKind::Full`] and never drops a live one, because what it dropped would be somebody's open
/// challenge, or somebody's count of wrong guesses. The bound is on entries, not bytes, and exact under any number
/// of threads. What has expired gives its place back when room is needed; in a large store that is full, that
/// happens at intervals, ten seconds apart for a million entries, so that a flood cannot make it a burden.
///
/// An entry costs 40 to 100 bytes and its value; what a challenge comes to is measured in `benches/README.md` of the repository.
/// Values are copied in and out, so that a small value never keeps the large buffer alive that it was cut from. A counter
/// stops at [`u64::MAX`] and never wraps.
///
/// No verb waits for anything: each is done at the first poll of its future, in a fraction of a microsecond, or what
/// main memory takes where the store is larger than the processor's caches. Threads that come for different keys
/// seldom meet.
///
/// Clones share one store. Each instance is separate, so two processes behind a load balancer need a shared store.
///
/// ```
/// use std::num::NonZeroUsize;
/// use verify_core::store::MemoryStore;
///
/// let store = MemoryStore::builder().capacity(NonZeroUsize::new(10_000).unwrap()).build();
/// assert!(store.is_empty());
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    shelf: Arc<Shelf>,
}

/// Settings of a [`MemoryStore`]; made by [`MemoryStore::builder`].
#[derive(Clone, Debug)]
pub struct MemoryStoreBuilder {
    capacity: usize,
    clock: Arc<dyn Clock>,
}

impl MemoryStoreBuilder {
    /// How many entries, values and counters together, may be held at once.
    ///
    /// Default: 1,000,000, which is some 100 MB when full of challenges: enough for most apps, survivable on a small
    /// machine. A challenge that was opened needs a handful of entries, one that was not needs none. Too low a value
    /// turns people away with 503 while it is full; too high a one costs nothing until it is used.
    #[must_use]
    pub const fn capacity(mut self, entries: NonZeroUsize) -> Self {
        self.capacity = entries.get();
        self
    }

    /// The clock that decides what has expired. Default: the machine's. A test passes a `FakeClock`.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The store, empty.
    #[must_use]
    pub fn build(self) -> MemoryStore {
        MemoryStore { shelf: Arc::new(Shelf::new(self.capacity, self.clock)) }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl MemoryStore {
    /// Starts with the defaults: 1,000,000 entries, the machine's clock.
    #[must_use]
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder { capacity: DEFAULT_CAPACITY, clock: Arc::new(SystemClock) }
    }

    /// Entries that take up a place: the live ones and those expired ones that were not collected yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shelf.places().taken()
    }

    /// Whether no entry takes up a place.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every live entry: its key, then the value or, for a counter, `None` and the sum. For tests that look for
    /// what must not be stored; the order is not defined.
    #[doc(hidden)]
    #[must_use]
    pub fn entries(&self) -> Vec<(Key, Option<Bytes>, u64)> {
        self.shelf.live()
    }
}

/// The verbs, done at once.
impl MemoryStore {
    pub(super) fn insert_now(&self, key: &Key, value: &[u8], ttl: Duration) -> Result<bool, StoreError> {
        Ok(self.shelf.put_unless_found(key, || Value::from(value), ttl, |_| ())?.is_none())
    }

    pub(super) fn get_now(&self, key: &Key) -> Option<Bytes> {
        self.shelf.find(key, |value: &mut Value| Bytes::copy_from_slice(value))
    }

    pub(super) fn take_now(&self, key: &Key) -> Option<Bytes> {
        self.shelf.take(key).map(|value: Value| value.into())
    }

    pub(super) fn add_now(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        if n == 0 {
            return Ok(self.shelf.find(key, |counter: &mut Counter| counter.sum()).unwrap_or_default());
        }
        let begun = || Counter::new(u64::from(n));
        let sum = self.shelf.put_unless_found(key, begun, ttl, |counter| counter.add(n))?;
        Ok(sum.unwrap_or_else(|| u64::from(n)))
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        self.insert_now(key, &value, ttl)
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        Ok(self.get_now(key))
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        Ok(self.take_now(key))
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        self.add_now(key, n, ttl)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("places", self.shelf.places()).finish_non_exhaustive()
    }
}
