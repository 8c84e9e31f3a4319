//! A store that sees every call.

use std::time::Duration;

use bytes::Bytes;
use verify_core::MemoryStore;

/// A store that counts its calls, and errs where it is told to.
#[derive(Clone, Debug)]
pub struct Witness {
    store: MemoryStore,
    book: std::sync::Arc<std::sync::Mutex<Book>>,
}

#[derive(Debug, Default)]
struct Book {
    calls: u64,
    failing: std::ops::Range<u64>,
    failed: u64,
}

impl Witness {
    pub fn new(store: MemoryStore) -> Self {
        Self { store, book: std::sync::Arc::default() }
    }

    /// How often any verb was called.
    pub fn calls(&self) -> u64 {
        self.book.lock().unwrap().calls
    }

    /// How many of the calls erred.
    pub fn failed(&self) -> u64 {
        self.book.lock().unwrap().failed
    }

    /// Of the calls that come, counted from zero, these err and do nothing.
    pub fn fail(&self, calls: std::ops::Range<u64>) {
        let mut book = self.book.lock().unwrap();
        book.failing = (book.calls.saturating_add(calls.start))..(book.calls.saturating_add(calls.end));
    }

    pub fn heal(&self) {
        self.fail(0..0);
    }

    fn note(&self) -> Result<(), verify_core::StoreError> {
        let mut book = self.book.lock().unwrap();
        let call = book.calls;
        book.calls += 1;
        if book.failing.contains(&call) {
            book.failed += 1;
            let source = std::io::Error::other("redis://app:hunter2@10.0.0.7 refused");
            return Err(
                verify_core::StoreError::new(verify_core::StoreErrorKind::Unavailable).with_source(source)
            );
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl verify_core::Store for Witness {
    async fn insert(
        &self,
        key: &verify_core::store::Key,
        value: Bytes,
        ttl: Duration,
    ) -> Result<bool, verify_core::StoreError> {
        self.note()?;
        self.store.insert(key, value, ttl).await
    }

    async fn get(&self, key: &verify_core::store::Key) -> Result<Option<Bytes>, verify_core::StoreError> {
        self.note()?;
        self.store.get(key).await
    }

    async fn take(&self, key: &verify_core::store::Key) -> Result<Option<Bytes>, verify_core::StoreError> {
        self.note()?;
        self.store.take(key).await
    }

    async fn add(
        &self,
        key: &verify_core::store::Key,
        n: u32,
        ttl: Duration,
    ) -> Result<u64, verify_core::StoreError> {
        self.note()?;
        self.store.add(key, n, ttl).await
    }
}
