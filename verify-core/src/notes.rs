//! What an API of one's own notes beside its challenges, in the engine's store: sealed, under keyed names.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::encoding::{Reader, Writer, to_hex};
use crate::engine::{Core, Engine};
use crate::facts;
use crate::store::{Key, StoreError, StoreErrorKind};

/// Notes in the engine's store; made by [`Engine::notes`].
///
/// The verbs are the store's own, with its promises: of any number of concurrent callers one inserts, one takes, and each
/// gets another sum. Names are keyed hashes of whatever they are made of, and values are sealed, so that who reads the
/// store learns nothing, and who writes into it is not believed: a value counts under its own name only.
///
/// ```
/// use std::time::Duration;
/// use verify_core::{Engine, KeyRing, Origin};
/// # fn now<F: Future>(future: F) -> F::Output {
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     match std::pin::pin!(future).poll(&mut context) {
/// #         std::task::Poll::Ready(output) => output,
/// #         std::task::Poll::Pending => unreachable!("the memory store never waits"),
/// #     }
/// # }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// let engine = Engine::builder(keys, Origin::parse("https://bank.example")?).build()?;
/// let notes = engine.notes("orders");
/// let name = notes.name(&[b"order", b"4711"]);
/// assert!(now(notes.insert(&name, b"to +12025550123", Duration::from_secs(60)))?);
/// assert_eq!(now(notes.take(&name))?.as_deref().map(Vec::as_slice), Some(&b"to +12025550123"[..]));
/// assert!(now(notes.get(&name))?.is_none());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Notes {
    core: Arc<Core>,
    space: &'static str,
}

/// What was noted; wiped from memory when it goes.
pub type Note = Zeroizing<Vec<u8>>;

impl Engine {
    /// Notes under names that no other space has, and no fact of the engine. Names and counters hang on the ring's [key of
    /// facts](crate::KeyRing) and outlive a rotation; a value ends when the key is dropped that was the newest when it was
    /// noted.
    #[must_use]
    pub fn notes(&self, space: &'static str) -> Notes {
        Notes { core: Arc::clone(&self.core), space }
    }
}

impl Notes {
    /// The name that is made of these parts, in their order; no two lists of parts have one name.
    #[must_use]
    pub fn name(&self, parts: &[&[u8]]) -> Key {
        facts::note(self.core.keys.facts(), self.space, parts)
    }

    /// Made of these parts as a [name](Notes::name) is, and no name of any note: 32 hexadecimal digits that may be shown.
    #[must_use]
    pub fn pseudonym(&self, parts: &[&[u8]]) -> String {
        to_hex(&facts::shown(self.core.keys.facts(), self.space, parts))
    }

    /// As [`Store::insert`](crate::Store::insert). A value that no key of the ring opens any more is in the way all the same,
    /// since it may mark what must not happen twice: where it may go, [take](Self::take) it first.
    ///
    /// # Errors
    /// The store's.
    pub async fn insert(&self, name: &Key, value: &[u8], ttl: Duration) -> Result<bool, StoreError> {
        let sealed = self.seal(name, value).ok_or(StoreErrorKind::Unavailable)?;
        self.core.store.insert(name, sealed, ttl).await
    }

    /// As [`Store::get`](crate::Store::get). What no key of the ring opens is absent.
    ///
    /// # Errors
    /// The store's.
    pub async fn get(&self, name: &Key) -> Result<Option<Note>, StoreError> {
        let sealed = self.core.store.get(name).await?;
        Ok(sealed.and_then(|sealed| self.open(name, &sealed)))
    }

    /// As [`Store::take`](crate::Store::take). What no key of the ring opens is absent, and gone afterwards.
    ///
    /// # Errors
    /// The store's.
    pub async fn take(&self, name: &Key) -> Result<Option<Note>, StoreError> {
        let sealed = self.core.store.take(name).await?;
        Ok(sealed.and_then(|sealed| self.open(name, &sealed)))
    }

    /// As [`Store::add`](crate::Store::add): a counter is no secret and not sealed.
    ///
    /// # Errors
    /// The store's.
    pub async fn add(&self, name: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        self.core.store.add(name, n, ttl).await
    }

    fn seal(&self, name: &Key, value: &[u8]) -> Option<Bytes> {
        let key = self.core.keys.newest();
        let sealed = key.note.seal(name.as_bytes(), value).ok()?;
        let mut writer = Writer::with_capacity(4 + key.id.len() + sealed.len());
        writer.field(key.id.as_bytes()).fixed(&sealed);
        Some(writer.finish().into())
    }

    fn open(&self, name: &Key, sealed: &[u8]) -> Option<Note> {
        let mut reader = Reader::new(sealed);
        let key = self.core.keys.find(reader.field()?)?;
        key.note.open(name.as_bytes(), reader.rest())
    }
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notes").field("space", &self.space).finish_non_exhaustive()
    }
}
