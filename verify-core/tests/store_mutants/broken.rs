//! A plain store that is sound but for one fault.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::task::Poll;
use std::thread::{self, ThreadId};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use verify_core::store::{Key, Store, StoreError, StoreErrorKind};
use verify_core::{Clock, FakeClock};

/// As good as for ever.
const CENTURY: Duration = Duration::from_secs(3_155_760_000);

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    GetThenSetInsert,
    GetThenRemoveTake,
    LoadThenStoreAdd,
    TripsOverExpired,
    SlidingWindow,
    ProlongingInsert,
    EternalValues,
    EternalCounters,
    WrongUnit,
    TextValues,
    TextKeys,
    CaselessKeys,
    OneSpace,
    ThreadLocal,
    DropsWhenFull,
    SilentWhenFull,
    ExpireAfterAdd,
    CreateThenAdd,
    NarrowSums,
    WrapsAtTheTop,
    FailsAtTheTop,
    LooksCreate,
    BlindTake,
    BlindAdd,
    BlindInsert,
    ErrorsAsAbsence,
}

/// How it reaches its backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Good,
    /// Every seventh call is executed, and its reply is lost.
    LosesReplies,
    Down,
}

#[derive(Clone, Debug)]
struct Entry {
    value: Bytes,
    sum: u64,
    ends: SystemTime,
    number: usize,
}

/// The key, whether it is a counter, and the thread where that matters.
type Name = ([u8; 16], bool, Option<ThreadId>);
type Entries = HashMap<Name, Entry>;

#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) clock: FakeClock,
    fault: Fault,
    link: Link,
    room: usize,
    start: u64,
    calls: AtomicUsize,
    entries: Mutex<Entries>,
}

impl Broken {
    pub(crate) fn new(fault: Fault) -> Self {
        let (clock, entries) = (FakeClock::default(), Mutex::default());
        let calls = AtomicUsize::new(0);
        Self { clock, fault, link: Link::Good, room: usize::MAX, start: 0, calls, entries }
    }

    pub(crate) fn over(self, link: Link) -> Self {
        Self { link, ..self }
    }

    pub(crate) fn with_room_for(self, room: usize) -> Self {
        Self { room, ..self }
    }

    /// What counters start with, so that their end is near.
    pub(crate) fn counting_from(self, start: u64) -> Self {
        Self { start, ..self }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap()
    }

    fn name(&self, key: &Key, counter: bool) -> Name {
        let mut bytes = *key.as_bytes();
        // Cut late enough for two random keys not to become the same.
        let end = bytes.iter().skip(8).position(|byte| *byte == 0).map(|tail| 8 + tail);
        if let (true, Some(end)) = (self.is(Fault::TextKeys), end) {
            bytes[end..].fill(0);
        }
        if self.is(Fault::CaselessKeys) {
            bytes.make_ascii_lowercase();
        }
        let thread = self.is(Fault::ThreadLocal).then(|| thread::current().id());
        (bytes, counter && !self.is(Fault::OneSpace), thread)
    }

    fn is_live(&self, entry: &Entry) -> bool {
        let eternal = if entry.sum > 0 { Fault::EternalCounters } else { Fault::EternalValues };
        self.is(eternal) || self.clock.now() < entry.ends
    }

    fn live(&self, entries: &Entries, name: &Name) -> Option<Entry> {
        entries.get(name).filter(|entry| self.is_live(entry)).cloned()
    }

    /// Gives the other callers time to come in between.
    fn gap(&self, fault: Fault) {
        if self.is(fault) {
            for _ in 0..8 {
                thread::yield_now();
            }
        }
    }

    fn make_room(&self, entries: &mut Entries) -> Result<(), StoreError> {
        entries.retain(|_, entry| self.is_live(entry) || self.is(Fault::TripsOverExpired));
        if entries.len() < self.room {
            return Ok(());
        }
        if self.is(Fault::DropsWhenFull) {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.number).map(|(name, _)| *name);
            entries.remove(&oldest.unwrap());
            return Ok(());
        }
        Err(StoreErrorKind::Full.into())
    }

    /// The call over the link; a blind store repeats it when the reply is lost.
    fn call<T>(&self, blind: Fault, verb: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        match self.link {
            Link::Down => Err(StoreErrorKind::Unavailable.into()),
            Link::LosesReplies if number % 7 == 6 => {
                verb()?;
                if self.is(blind) { verb() } else { Err(StoreErrorKind::Timeout.into()) }
            }
            Link::Good | Link::LosesReplies => verb(),
        }
    }

    fn entry(&self, value: Bytes, sum: u64, ttl: Duration) -> Entry {
        let number = self.calls.load(Ordering::Relaxed);
        Entry { value, sum, ends: self.clock.now() + ttl, number }
    }

    fn insert_now(&self, key: &Key, value: &Bytes, ttl: Duration) -> Result<bool, StoreError> {
        let name = self.name(key, false);
        let mut entries = self.lock();
        let tripped = self.is(Fault::TripsOverExpired) && entries.contains_key(&name);
        if tripped || self.live(&entries, &name).is_some() {
            if self.is(Fault::ProlongingInsert) {
                let ends = self.clock.now() + ttl;
                entries.get_mut(&name).unwrap().ends = ends;
            }
            return Ok(false);
        }
        if self.is(Fault::GetThenSetInsert) {
            drop(entries);
            self.gap(Fault::GetThenSetInsert);
            entries = self.lock();
        }
        match self.make_room(&mut entries) {
            Err(_) if self.is(Fault::SilentWhenFull) => return Ok(true),
            outcome => outcome?,
        }
        let end = value.iter().position(|byte| *byte == 0 && self.is(Fault::TextValues));
        let kept = end.map_or_else(|| value.clone(), |end| value.slice(..end));
        let ttl = if self.is(Fault::WrongUnit) { ttl / 1_000 } else { ttl };
        entries.insert(name, self.entry(kept, 0, ttl));
        Ok(true)
    }

    fn take_now(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let name = self.name(key, false);
        let mut entries = self.lock();
        let found = self.live(&entries, &name).map(|entry| entry.value);
        if self.is(Fault::GetThenRemoveTake) {
            drop(entries);
            self.gap(Fault::GetThenRemoveTake);
            entries = self.lock();
        }
        if found.is_some() {
            entries.remove(&name);
        }
        Ok(found)
    }

    fn add_now(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        let name = self.name(key, true);
        let mut entries = self.lock();
        let found = self.live(&entries, &name);
        if self.is(Fault::LoadThenStoreAdd) {
            drop(entries);
            self.gap(Fault::LoadThenStoreAdd);
            entries = self.lock();
        }
        let mut entry = match found {
            Some(entry) => entry,
            None if n == 0 && !self.is(Fault::LooksCreate) => return Ok(0),
            None => {
                self.make_room(&mut entries)?;
                self.entry(Bytes::new(), self.start, ttl)
            }
        };
        if self.is(Fault::CreateThenAdd) {
            // As `SET NX` and `INCRBY` one after the other: the second one makes what it does not find.
            entries.insert(name, entry);
            drop(entries);
            self.gap(Fault::CreateThenAdd);
            entries = self.lock();
            entry = self.live(&entries, &name).unwrap_or_else(|| self.entry(Bytes::new(), 0, CENTURY));
        }
        if self.is(Fault::SlidingWindow) {
            entry.ends = self.clock.now() + ttl;
        }
        entry.sum = match entry.sum.checked_add(u64::from(n)) {
            Some(sum) if self.is(Fault::NarrowSums) => sum.min(u32::MAX.into()),
            Some(sum) => sum,
            None if self.is(Fault::WrapsAtTheTop) => entry.sum.wrapping_add(u64::from(n)),
            None if self.is(Fault::FailsAtTheTop) => return Err(StoreErrorKind::Corrupt.into()),
            None => u64::MAX,
        };
        let sum = entry.sum;
        entries.insert(name, entry);
        Ok(sum)
    }
}

#[async_trait]
impl Store for Broken {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        self.call(Fault::BlindInsert, || self.insert_now(key, &value, ttl))
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let found = self.call(Fault::None, || Ok(self.live(&self.lock(), &self.name(key, false))));
        Ok(found?.map(|entry| entry.value))
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let taken = self.call(Fault::BlindTake, || self.take_now(key));
        if self.is(Fault::ErrorsAsAbsence) { Ok(taken.unwrap_or(None)) } else { taken }
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        if !self.is(Fault::ExpireAfterAdd) {
            return self.call(Fault::BlindAdd, || self.add_now(key, n, ttl));
        }
        // Counts first and sets the end in a second step, as `INCR` and `EXPIRE` one after the other would.
        let sum = self.call(Fault::BlindAdd, || self.add_now(key, n, CENTURY))?;
        once_more().await;
        // Whoever sees the sum that it added is the one who made the counter.
        let made = sum == u64::from(n);
        if let Some(entry) = self.lock().get_mut(&self.name(key, true)).filter(|_| made) {
            entry.ends = self.clock.now() + ttl;
        }
        Ok(sum)
    }
}

/// Is ready at the second poll.
async fn once_more() {
    let mut polled = false;
    std::future::poll_fn(|context| {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
