//! What can go wrong between the engine and a store.

use std::error::Error;
use std::fmt;

/// A store call that failed. Nobody is let through because of it: the engine answers 503 with `Retry-After`.
///
/// An opaque struct, so that it can carry more one day; match on [`kind`](StoreError::kind).
///
/// The message says what to do about it. It never repeats the text of the [source](Error::source), because drivers
/// like to put addresses, and sometimes passwords, into theirs; a log that wants it walks the source chain on purpose.
///
/// ```
/// use verify_core::store::{StoreError, StoreErrorKind};
///
/// let refused = std::io::Error::other("redis://app:hunter2@10.0.0.7 refused");
/// let error = StoreError::new(StoreErrorKind::Unavailable).with_source(refused);
/// assert_eq!(error.kind(), StoreErrorKind::Unavailable);
/// assert!(!format!("{error} {error:?}").contains("hunter2"));
/// assert!(std::error::Error::source(&error).is_some());
/// ```
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What kind of failure a [`StoreError`] is, by what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The backend cannot be reached, closed the connection, or is not ready to serve.
    Unavailable,
    /// There is no room, and the store refuses new entries rather than drop live ones.
    Full,
    /// The backend did not answer within the store's deadline; whether it did what it was asked is unknown.
    Timeout,
    /// The backend is set up so that its promises cannot hold, or refuses what the app is to do: it evicts live
    /// entries, is too old, denies the credentials or a command. Waiting does not help.
    Misconfigured,
    /// The backend answered with something that this store cannot have written.
    Corrupt,
}

impl StoreError {
    /// An error of this kind without a source.
    #[must_use]
    pub const fn new(kind: StoreErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// The same error with what caused it, for whoever walks the source chain.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of failure this is.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl From<StoreErrorKind> for StoreError {
    fn from(kind: StoreErrorKind) -> Self {
        Self::new(kind)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Unavailable => {
                "the store cannot be reached: check that it is running and that its address is right"
            }
            StoreErrorKind::Full => {
                "the store is full and refuses new entries: raise its capacity or wait until entries expire"
            }
            StoreErrorKind::Timeout => {
                "the store did not answer in time, and may or may not have acted: check its load and the network"
            }
            StoreErrorKind::Misconfigured => {
                "the store is not set up for this use: check its credentials, version and eviction policy"
            }
            StoreErrorKind::Corrupt => {
                "the store holds something it was not given: make sure that nothing else writes under its keys"
            }
        })
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreError").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
