//! Stores that break a promise: some fail on demand, some race.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use verify_core::store::Key;
use verify_core::{MemoryStore, Store, StoreError, StoreErrorKind};

/// A verb of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Verb {
    Insert = 1,
    Get = 2,
    Take = 3,
    Add = 4,
}

/// Works until it is told to err on one verb, or never to answer it.
#[derive(Clone, Debug)]
pub struct Faulty {
    inner: MemoryStore,
    errs: Arc<AtomicU8>,
    hangs: Arc<AtomicU8>,
}

impl Faulty {
    pub fn around(inner: MemoryStore) -> Self {
        Self { inner, errs: Arc::default(), hangs: Arc::default() }
    }

    pub fn err_on(&self, verb: Verb) {
        self.errs.store(verb as u8, Ordering::SeqCst);
    }

    pub fn hang_on(&self, verb: Verb) {
        self.hangs.store(verb as u8, Ordering::SeqCst);
    }

    pub fn heal(&self) {
        self.errs.store(0, Ordering::SeqCst);
        self.hangs.store(0, Ordering::SeqCst);
    }

    async fn pass(&self, verb: Verb) -> Result<(), StoreError> {
        if self.hangs.load(Ordering::SeqCst) == verb as u8 {
            std::future::pending::<()>().await;
        }
        if self.errs.load(Ordering::SeqCst) == verb as u8 {
            return Err(StoreErrorKind::Unavailable.into());
        }
        Ok(())
    }
}

#[async_trait]
impl Store for Faulty {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        self.pass(Verb::Insert).await?;
        self.inner.insert(key, value, ttl).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.pass(Verb::Get).await?;
        self.inner.get(key).await
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.pass(Verb::Take).await?;
        self.inner.take(key).await
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        self.pass(Verb::Add).await?;
        self.inner.add(key, n, ttl).await
    }
}

/// What a racing store gets wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// `take` reads, and deletes later.
    TakeReadsFirst,
    /// `insert` looks, and writes later.
    InsertLooksFirst,
    /// `add` loads, and stores later.
    AddLoadsFirst,
    /// `add` answers with the sum before the addition.
    AddAnswersEarly,
}

/// A store as it would be written over a cache without atomic verbs.
#[derive(Debug)]
pub struct Mutant {
    inner: MemoryStore,
    counters: Mutex<HashMap<Key, u64>>,
    flaw: Flaw,
}

impl Mutant {
    pub fn of(inner: MemoryStore, flaw: Flaw) -> Self {
        Self { inner, counters: Mutex::default(), flaw }
    }

    /// Where a round trip would be: other threads come in between.
    fn gap() {
        for _ in 0..20 {
            thread::yield_now();
        }
    }
}

#[async_trait]
impl Store for Mutant {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        if self.flaw != Flaw::InsertLooksFirst {
            return self.inner.insert(key, value, ttl).await;
        }
        if self.inner.get(key).await?.is_some() {
            return Ok(false);
        }
        Self::gap();
        self.inner.take(key).await?;
        self.inner.insert(key, value, ttl).await?;
        Ok(true)
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.inner.get(key).await
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        if self.flaw != Flaw::TakeReadsFirst {
            return self.inner.take(key).await;
        }
        let found = self.inner.get(key).await?;
        Self::gap();
        self.inner.take(key).await?;
        Ok(found)
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        match self.flaw {
            Flaw::AddLoadsFirst => {
                let sum = self.counters.lock().unwrap().get(key).copied().unwrap_or(0) + u64::from(n);
                if n > 0 {
                    Self::gap();
                    self.counters.lock().unwrap().insert(*key, sum);
                }
                Ok(sum)
            }
            Flaw::AddAnswersEarly => Ok(self.inner.add(key, n, ttl).await? - u64::from(n)),
            _ => self.inner.add(key, n, ttl).await,
        }
    }
}
