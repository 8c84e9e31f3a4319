//! Where facts about challenges live: four atomic verbs over opaque keys.
//!
//! The engine keeps its state in sealed tickets that the client holds. What is left for a store is small: whether a
//! challenge was opened, how often it was tried and sent, what was granted. Each of those is an entry that is
//! written once or a counter that only grows, so four verbs are enough, and each verb is one native step of any
//! database worth using:
//!
//! | verb | Redis | SQL |
//! |---|---|---|
//! | [`insert`](Store::insert) | `SET key value NX PX ttl` | `INSERT … ON CONFLICT DO NOTHING` (`DO UPDATE` over an expired row) |
//! | [`get`](Store::get) | `GET` | `SELECT … WHERE expires_at > now` |
//! | [`take`](Store::take) | `GETDEL` | `DELETE … RETURNING` |
//! | [`add`](Store::add) | `SET key 0 NX PX ttl` and `INCRBY` in one `MULTI` | `INSERT … ON CONFLICT DO UPDATE … RETURNING` |
//!
//! [`MemoryStore`] is the default and serves one process. For more than one machine, use a shared store; a store of
//! your own is an `impl` of [`Store`] that passes the test kit (`store_conformance!`, feature `conformance`).
//!
//! # What a store must promise
//!
//! - **Each verb is one atomic step.** Nothing that reads first and writes later passes the kit: two requests that
//!   carry the same code would both succeed.
//! - **Presence is permission.** A code can be redeemed because an entry is there. A store that loses data makes
//!   open challenges die, which is an inconvenience; one that brings data back makes used codes good again.
//! - **A live entry is never dropped.** Under memory pressure a store refuses new entries with
//!   [`StoreErrorKind::Full`]. In Redis that is `maxmemory-policy noeviction`.
//! - **An error is said, not guessed around.** Repeating `take`, `add` or `insert` after a lost reply can run it
//!   twice; the store returns the error, and the engine refuses the request.
//! - **Each call has a deadline of its own**, after which it errs with [`StoreErrorKind::Timeout`].

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

mod any;
mod error;
mod key;
mod memory;

pub(crate) use any::AnyStore;
pub use error::{StoreError, StoreErrorKind};
pub use key::Key;
pub use memory::{MemoryStore, MemoryStoreBuilder};

/// Keeps write-once entries and counters, each for a limited time.
///
/// Values and counters are two separate spaces: a counter under a key never meets a value under the same key.
/// An entry whose time is over is absent for every verb, whether or not its memory was freed yet. A time-to-live
/// counts from the call, in steps no coarser than the backend allows; one below a step rounds up, never to "for ever".
///
/// There are no default methods: a verb that is put together from other verbs would not be atomic.
///
/// ```
/// use std::time::Duration;
/// use bytes::Bytes;
/// use verify_core::store::{Key, MemoryStore, Store, StoreError};
///
/// async fn redeem_once(store: &impl Store) -> Result<(), StoreError> {
///     let (key, minute) = (Key::new([7; 16]), Duration::from_secs(60));
///     assert!(store.insert(&key, Bytes::from_static(b"opened"), minute).await?);
///     assert!(!store.insert(&key, Bytes::from_static(b"again"), minute).await?);
///     assert_eq!(store.take(&key).await?.as_deref(), Some(&b"opened"[..]));
///     assert_eq!(store.take(&key).await?, None);
///
///     assert_eq!(store.add(&key, 1, minute).await?, 1);
///     assert_eq!(store.add(&key, 1, minute).await?, 2);
///     Ok(())
/// }
/// # let store = MemoryStore::default();
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # assert!(matches!(std::pin::pin!(redeem_once(&store)).poll(&mut context), std::task::Poll::Ready(Ok(()))));
/// ```
#[async_trait]
pub trait Store: Debug + Send + Sync + 'static {
    /// Stores `value` for `ttl` unless `key` holds a live value; says whether it was stored.
    ///
    /// A call that finds a value changes nothing, neither the value nor its time.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Full`] when there is no room, or what kept the backend from answering. After an error
    /// the value may or may not be stored.
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError>;

    /// The value, byte for byte as it was stored; `None` when absent or expired.
    ///
    /// # Errors
    ///
    /// What kept the backend from answering. Never an error for an absent key.
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError>;

    /// Removes the value and returns it. Of any number of concurrent callers, exactly one gets it.
    ///
    /// # Errors
    ///
    /// What kept the backend from answering. The value may then be gone: it must not be tried again blindly.
    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError>;

    /// Adds `n` to the counter and returns the sum, so that concurrent callers see different sums.
    ///
    /// `ttl` counts only when this call creates the counter: later calls never move the end of the window. A counter
    /// that expires at this very moment is counted or begun anew; no counter is ever without an end.
    ///
    /// With `n == 0` this reads the counter, and creates nothing: a look neither begins a window nor needs room.
    ///
    /// The sum is exact up to [`i64::MAX`] at least. An addition that goes beyond the end of the backend's number gives
    /// that end: a sum that wrapped would hand out guesses anew, and one that failed would lock its owner out.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Full`] when there is no room, or what kept the backend from answering. After an error
    /// the addition may or may not have happened.
    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError>;
}

macro_rules! forward_store {
    ($($pointer:ident)*) => {$(
        #[async_trait]
        impl<S: Store + ?Sized> Store for $pointer<S> {
            async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
                (**self).insert(key, value, ttl).await
            }

            async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
                (**self).get(key).await
            }

            async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
                (**self).take(key).await
            }

            async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
                (**self).add(key, n, ttl).await
            }
        }
    )*};
}

forward_store!(Arc Box);
