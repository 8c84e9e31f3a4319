//! Authenticators in memory: for development, tests, and whoever has few users.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::subject::Subject;
use crate::totp::{Authenticators, AuthenticatorsError, RecoveryDigest, TotpSecret};

/// [`Authenticators`] in memory, gone with the process; clones are one book. Sessions of one user share an entry.
///
/// ```
/// use verify_core::{AuthenticatorBook, Subject, TotpSecret};
///
/// let book = AuthenticatorBook::new();
/// book.enrol(&Subject::user("alice"), TotpSecret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")?, []);
/// assert!(book.has(&Subject::user("alice").session("9c1f")));
/// assert!(!book.has(&Subject::user("mallory")));
/// # Ok::<(), verify_core::InvalidTotpSecret>(())
/// ```
#[derive(Clone, Default)]
pub struct AuthenticatorBook {
    entries: Arc<Mutex<HashMap<Owner, Entry>>>,
}

/// A user's tenant and id.
type Owner = (Option<String>, String);

struct Entry {
    secret: TotpSecret,
    recovery: HashSet<RecoveryDigest>,
}

impl AuthenticatorBook {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Enters a confirmed authenticator and its recovery codes, in the place of what the subject had.
    pub fn enrol(
        &self,
        subject: &Subject<'_>,
        secret: TotpSecret,
        recovery: impl IntoIterator<Item = RecoveryDigest>,
    ) {
        let entry = Entry { secret, recovery: recovery.into_iter().collect() };
        self.entries().insert(owner(subject), entry);
    }

    /// Takes the subject's authenticator and recovery codes away, if there are any.
    pub fn remove(&self, subject: &Subject<'_>) {
        self.entries().remove(&owner(subject));
    }

    /// Whether the subject has one.
    #[must_use]
    pub fn has(&self, subject: &Subject<'_>) -> bool {
        self.entries().contains_key(&owner(subject))
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Owner, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Authenticators for AuthenticatorBook {
    async fn secret(&self, subject: &Subject<'_>) -> Result<Option<TotpSecret>, AuthenticatorsError> {
        Ok(self.entries().get(&owner(subject)).map(|entry| entry.secret.clone()))
    }

    async fn take_recovery_code(
        &self,
        subject: &Subject<'_>,
        digest: &RecoveryDigest,
    ) -> Result<Option<u32>, AuthenticatorsError> {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(&owner(subject)) else { return Ok(None) };
        let left = |entry: &Entry| u32::try_from(entry.recovery.len()).unwrap_or(u32::MAX);
        Ok(entry.recovery.remove(digest).then(|| left(entry)))
    }
}

fn owner(subject: &Subject<'_>) -> Owner {
    (subject.tenant_id().map(str::to_owned), subject.id().to_owned())
}

impl fmt::Debug for AuthenticatorBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticatorBook").field("entries", &self.entries().len()).finish()
    }
}
