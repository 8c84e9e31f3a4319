//! Authenticator apps: time-based one-time passwords (RFC 6238), and the codes for whoever has lost the phone.
//!
//! The engine checks and remembers which step was used; the secret itself stays with the application, which is asked for it
//! through [`Authenticators`].

mod authenticators;
mod book;
mod enrolment;
mod recovery;
mod secret;

pub use authenticators::{Authenticators, AuthenticatorsError};
pub use book::AuthenticatorBook;
pub use enrolment::{Enrolment, EnrolmentError};
pub use recovery::{RecoveryCodes, RecoveryDigest};
pub use secret::{InvalidTotpSecret, TotpAlgorithm, TotpSecret};

pub(crate) use recovery::Typed as TypedRecovery;
