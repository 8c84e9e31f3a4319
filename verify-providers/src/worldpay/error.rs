//! What can go wrong, by what follows from it.

use std::error::Error;

use verify_core::{CardError, CardErrorKind};

/// What [`Worldpay`](crate::worldpay::Worldpay) was given makes no sense. It repeats nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorldpayConfigError {
    /// Not a user name and a password.
    #[error("user name and password are visible ASCII, and the name has no colon")]
    Credentials,
    /// Not an entity.
    #[error("a merchant's entity is 1 to 32 characters")]
    Entity,
    /// Not a currency.
    #[error("a currency is three capital letters that ISO 4217 knows")]
    Currency,
    /// Not a line of a statement.
    #[error("a narrative is 1 to 24 characters")]
    Narrative,
    /// Not an address to call.
    #[error("the base URL is https without a query; plain http only to this machine")]
    BaseUrl,
}

/// A verification, or the retrieval of one, that did not come to an outcome. Nothing of the card stands in it.
#[derive(Debug, thiserror::Error)]
#[error("the card was not verified ({kind:?}{})", name.as_deref().map(|name| format!(", {name}")).unwrap_or_default())]
pub struct WorldpayError {
    kind: WorldpayErrorKind,
    name: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorldpayErrorKind {
    /// Something of the card has not the right form: its holder can mend it. No issuer was asked.
    Card,
    /// Not a reference: 1 to 64 letters, digits or `-_/!@#$%()*=.:;?[]{}~+`. No issuer was asked.
    InvalidReference,
    /// The reference was used before. That is the caller's bug and says nothing about the card.
    DuplicateReference,
    /// Credentials, entity, currency or version are not taken, or links lead elsewhere.
    Misconfigured,
    /// There is no such outcome, or no longer.
    NotFound,
    /// The outcome was not ready in time. It will be.
    NotReady,
    /// No issuer was asked: the server could not be reached, or wants fewer requests.
    Unavailable,
    /// The issuer may have been asked, and what it said did not arrive, or could not be read.
    Indeterminate,
}

impl WorldpayError {
    pub(super) const fn of(kind: WorldpayErrorKind) -> Self {
        Self { kind, name: None, source: None }
    }

    pub(super) fn indeterminate(what: &'static str) -> Self {
        Self::of(WorldpayErrorKind::Indeterminate).with_source(what)
    }

    pub(super) fn unavailable(what: &'static str) -> Self {
        Self::of(WorldpayErrorKind::Unavailable).with_source(what)
    }

    /// The same after the card was checked: the outcome is not known, whatever kept it away.
    pub(super) fn into_indeterminate(self) -> Self {
        Self { kind: WorldpayErrorKind::Indeterminate, ..self }
    }

    pub(super) fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(super) fn with_name(mut self, name: Option<String>) -> Self {
        self.name = name;
        self
    }

    /// What it means.
    #[must_use]
    pub const fn kind(&self) -> WorldpayErrorKind {
        self.kind
    }

    /// The API's own name for it, as `boardingError`.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl From<WorldpayErrorKind> for WorldpayError {
    fn from(kind: WorldpayErrorKind) -> Self {
        Self::of(kind)
    }
}

impl From<WorldpayError> for CardError {
    fn from(error: WorldpayError) -> Self {
        let kind = match error.kind {
            WorldpayErrorKind::Card => CardErrorKind::Refused,
            WorldpayErrorKind::Unavailable => CardErrorKind::Unavailable,
            WorldpayErrorKind::InvalidReference
            | WorldpayErrorKind::DuplicateReference
            | WorldpayErrorKind::Misconfigured
            | WorldpayErrorKind::NotFound => CardErrorKind::Misconfigured,
            WorldpayErrorKind::NotReady | WorldpayErrorKind::Indeterminate => CardErrorKind::Indeterminate,
        };
        Self::new(kind).with_source(error)
    }
}
