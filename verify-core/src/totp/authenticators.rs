//! Where the application keeps the secrets of authenticator apps.

use std::error::Error;

use async_trait::async_trait;

use crate::subject::Subject;
use crate::totp::{RecoveryDigest, TotpSecret};

/// Where the secrets of authenticator apps are kept: beside the users they belong to, since they last as long as these.
/// Given to [`EngineBuilder::authenticators`](crate::EngineBuilder::authenticators); [`AuthenticatorBook`](crate::AuthenticatorBook)
/// is one in memory.
///
/// ```
/// use async_trait::async_trait;
/// use verify_core::{Authenticators, AuthenticatorsError, Subject, TotpSecret};
///
/// /// Alice has an app, and nobody else has.
/// struct Users;
///
/// #[async_trait]
/// impl Authenticators for Users {
///     async fn secret(&self, subject: &Subject<'_>) -> Result<Option<TotpSecret>, AuthenticatorsError> {
///         let row = (subject.id() == "alice").then_some("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
///         row.map(TotpSecret::from_base32).transpose().map_err(AuthenticatorsError::new)
///     }
/// }
/// ```
#[async_trait]
pub trait Authenticators: Send + Sync + 'static {
    /// The secret of the subject's authenticator, once a code of it has [confirmed](crate::Engine::confirm_enrolment) that
    /// the app has it; `None` for a subject without one.
    ///
    /// # Errors
    /// When the lookup failed; the answer is then 503, and nobody gets in.
    async fn secret(&self, subject: &Subject<'_>) -> Result<Option<TotpSecret>, AuthenticatorsError>;

    /// Removes the recovery code with this digest and says how many are left; `None` if there was none. It has to be one
    /// atomic step, so that of any number of callers one removes it: `DELETE … WHERE subject = $1 AND digest = $2`, with one
    /// row affected. Default: nobody has recovery codes.
    ///
    /// # Errors
    /// When it may not have been removed; nobody gets in.
    async fn take_recovery_code(
        &self,
        subject: &Subject<'_>,
        digest: &RecoveryDigest,
    ) -> Result<Option<u32>, AuthenticatorsError> {
        let _ = (subject, digest);
        Ok(None)
    }
}

/// Secrets or recovery codes could not be looked up.
#[derive(Debug, thiserror::Error)]
#[error("the subject's authenticator could not be looked up: see the source, and try again")]
pub struct AuthenticatorsError {
    source: Box<dyn Error + Send + Sync>,
}

impl AuthenticatorsError {
    /// Wraps whatever went wrong. Keep secrets and codes out of it.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: source.into() }
    }
}
