//! Why a card was not checked.

use std::error::Error;

/// Why there is no verdict about a card.
#[derive(Debug, thiserror::Error)]
#[error("the card was not checked ({kind:?})")]
pub struct CardError {
    kind: CardErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What a failure to check a card means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CardErrorKind {
    /// The service does not take this card: something of it has not the right form, or it takes no cards of this kind.
    Refused,
    /// The issuer was not asked: the service could not be reached, or wants fewer requests. Asking later is safe.
    Unavailable,
    /// The issuer may have been asked, and what it said did not arrive. Asking again is a second check of the same card, so
    /// nobody does it unasked.
    Indeterminate,
    /// The service does not take what it is asked for as it is set up: credentials, entity, currency, a name used twice.
    Misconfigured,
}

impl CardErrorKind {
    /// The name in logs, events and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Indeterminate => "indeterminate",
            Self::Misconfigured => "misconfigured",
        }
    }
}

impl CardError {
    /// An error of that kind.
    #[must_use]
    pub const fn new(kind: CardErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// With what caused it, for the log. Keep everything of the card out of it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What it means.
    #[must_use]
    pub const fn kind(&self) -> CardErrorKind {
        self.kind
    }
}

impl From<CardErrorKind> for CardError {
    fn from(kind: CardErrorKind) -> Self {
        Self::new(kind)
    }
}
