//! Where what is configured over an API is kept: services, limits and the like.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use bytes::Bytes;

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "durable")]
mod durable;

#[cfg(feature = "durable")]
pub use durable::{DurableResources, OpenError};

/// Keeps what was configured over an API, by name. It is read on every request and written by administrators, so it is no
/// [`Store`](verify_core::Store): nothing expires, and everything can be listed.
///
/// Names are printable ASCII with slashes, as `service/VA…`; values are opaque and hold no personal data and no secret.
/// [`MemoryResources`] forgets with the process; `DurableResources` (feature `durable`) keeps a file. Give several
/// processes that are to share what is configured one of your own, over the database that they share; the test kit in
/// `conformance` (feature `conformance`) shows whether it can be one.
#[async_trait]
pub trait Resources: fmt::Debug + Send + Sync + 'static {
    /// The value of that name.
    ///
    /// # Errors
    /// When it could not be read. Never for one that is absent.
    async fn get(&self, name: &str) -> Result<Option<Bytes>, ResourcesError>;

    /// All values whose name begins so, in the order of their names.
    ///
    /// # Errors
    /// When they could not be read.
    async fn list(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, ResourcesError>;

    /// Stores a value unless there is one of that name; says whether it did. Of any number of concurrent callers, one
    /// does.
    ///
    /// # Errors
    /// When it may not have been stored.
    async fn insert(&self, name: &str, value: Bytes) -> Result<bool, ResourcesError>;

    /// Stores a value in place of this very one; says whether it did, which it does not where another value has the name,
    /// or none. Of any number of concurrent callers with the same old value, one does: whoever reads, changes and writes
    /// back does it with this, and begins anew where it says no.
    ///
    /// # Errors
    /// When it may not have been stored.
    async fn replace(&self, name: &str, old: &[u8], new: Bytes) -> Result<bool, ResourcesError>;

    /// Stores a value, in place of one of that name if there is one. Whatever another process has written since it was read
    /// is lost: [`replace`](Resources::replace) is for values that are changed.
    ///
    /// # Errors
    /// When it may not have been stored.
    async fn put(&self, name: &str, value: Bytes) -> Result<(), ResourcesError>;

    /// Removes all values whose name begins so.
    ///
    /// # Errors
    /// When they may not have been removed.
    async fn remove(&self, prefix: &str) -> Result<(), ResourcesError>;
}

/// What is configured could not be read or written. The message never repeats the text of the source; the log does.
#[derive(thiserror::Error)]
#[error("the resources could not be read or written: see the source, and try again")]
pub struct ResourcesError {
    source: Box<dyn Error + Send + Sync>,
}

impl ResourcesError {
    /// Wraps whatever went wrong. It is told in the log: keep passwords out of it.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: source.into() }
    }
}

impl fmt::Debug for ResourcesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResourcesError")
    }
}

/// Keeps everything in this process: for tests, and where the configuration declares all there is. Clones share one list.
///
/// ```
/// use verify_compat::resources::{MemoryResources, Resources};
/// # fn now<F: Future>(future: F) -> F::Output {
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     match std::pin::pin!(future).poll(&mut context) {
/// #         std::task::Poll::Ready(output) => output,
/// #         std::task::Poll::Pending => unreachable!("nothing is waited for"),
/// #     }
/// # }
///
/// let resources = MemoryResources::default();
/// assert!(now(resources.insert("service/1", "first".into()))?);
/// assert!(!now(resources.insert("service/1", "second".into()))?, "it is taken");
/// assert_eq!(now(resources.list("service/"))?.len(), 1);
/// now(resources.remove("service/1"))?;
/// assert_eq!(now(resources.get("service/1"))?, None);
/// # Ok::<(), verify_compat::resources::ResourcesError>(())
/// ```
#[derive(Clone, Default)]
pub struct MemoryResources {
    values: Arc<RwLock<BTreeMap<String, Bytes>>>,
}

impl MemoryResources {
    fn write<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Bytes>) -> T) -> T {
        act(&mut self.values.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn read<T>(&self, look: impl FnOnce(&BTreeMap<String, Bytes>) -> T) -> T {
        look(&self.values.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Resources for MemoryResources {
    async fn get(&self, name: &str) -> Result<Option<Bytes>, ResourcesError> {
        Ok(self.read(|values| values.get(name).cloned()))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, ResourcesError> {
        Ok(self.read(|values| {
            let from = values.range(prefix.to_owned()..);
            let found = from.take_while(|(name, _)| name.starts_with(prefix));
            found.map(|(name, value)| (name.clone(), value.clone())).collect()
        }))
    }

    async fn insert(&self, name: &str, value: Bytes) -> Result<bool, ResourcesError> {
        Ok(self.write(|values| match values.contains_key(name) {
            true => false,
            false => values.insert(name.to_owned(), value).is_none(),
        }))
    }

    async fn replace(&self, name: &str, old: &[u8], new: Bytes) -> Result<bool, ResourcesError> {
        Ok(self.write(|values| match values.get_mut(name) {
            Some(value) if value.as_ref() == old => {
                *value = new;
                true
            }
            _ => false,
        }))
    }

    async fn put(&self, name: &str, value: Bytes) -> Result<(), ResourcesError> {
        self.write(|values| values.insert(name.to_owned(), value));
        Ok(())
    }

    async fn remove(&self, prefix: &str) -> Result<(), ResourcesError> {
        self.write(|values| values.retain(|name, _| !name.starts_with(prefix)));
        Ok(())
    }
}

impl fmt::Debug for MemoryResources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryResources").field("values", &self.read(BTreeMap::len)).finish()
    }
}

#[async_trait]
impl<R: Resources + ?Sized> Resources for Arc<R> {
    async fn get(&self, name: &str) -> Result<Option<Bytes>, ResourcesError> {
        (**self).get(name).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, ResourcesError> {
        (**self).list(prefix).await
    }

    async fn insert(&self, name: &str, value: Bytes) -> Result<bool, ResourcesError> {
        (**self).insert(name, value).await
    }

    async fn replace(&self, name: &str, old: &[u8], new: Bytes) -> Result<bool, ResourcesError> {
        (**self).replace(name, old, new).await
    }

    async fn put(&self, name: &str, value: Bytes) -> Result<(), ResourcesError> {
        (**self).put(name, value).await
    }

    async fn remove(&self, prefix: &str) -> Result<(), ResourcesError> {
        (**self).remove(prefix).await
    }
}
