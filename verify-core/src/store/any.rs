//! The store that an application has chosen, as the engine asks it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::store::{Key, MemoryStore, Store, StoreError};

/// The verbs of a [`Store`], without a box for each call where the store is this process's memory: a challenge takes
/// sixteen of them.
#[derive(Clone)]
pub(crate) enum AnyStore {
    Memory(MemoryStore),
    Other(Arc<dyn Store>),
}

impl AnyStore {
    pub(crate) fn of(store: impl Store) -> Self {
        match (&store as &dyn Any).downcast_ref::<MemoryStore>() {
            Some(memory) => Self::Memory(memory.clone()),
            None => Self::Other(Arc::new(store)),
        }
    }

    pub(crate) async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        match self {
            Self::Memory(memory) => memory.insert_now(key, &value, ttl),
            Self::Other(store) => store.insert(key, value, ttl).await,
        }
    }

    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        match self {
            Self::Memory(memory) => Ok(memory.get_now(key)),
            Self::Other(store) => store.get(key).await,
        }
    }

    pub(crate) async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        match self {
            Self::Memory(memory) => Ok(memory.take_now(key)),
            Self::Other(store) => store.take(key).await,
        }
    }

    pub(crate) async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        match self {
            Self::Memory(memory) => memory.add_now(key, n, ttl),
            Self::Other(store) => store.add(key, n, ttl).await,
        }
    }
}

/// As the application's own.
impl fmt::Debug for AnyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(memory) => memory.fmt(f),
            Self::Other(store) => store.fmt(f),
        }
    }
}
