//! No invoice before the code was right, and one at most.

use std::time::SystemTime;

use crate::moment::at;
use crate::twisto::book::Record;
use crate::twisto::inner::Inner;

/// That the right code was given for a transaction. It comes from
/// [`Twisto::require_verified`](crate::twisto::Twisto::require_verified) and nowhere else, so that a function which takes one
/// cannot be called before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Verified {
    transaction: String,
    at: SystemTime,
}

/// The right to make the one invoice of a transaction; from
/// [`Twisto::claim_invoice`](crate::twisto::Twisto::claim_invoice).
#[derive(Debug, PartialEq, Eq)]
#[must_use = "it is there once: make the invoice"]
pub struct InvoiceClaim {
    verified: Verified,
}

impl Verified {
    /// The transaction's id.
    #[must_use]
    pub fn transaction(&self) -> &str {
        &self.transaction
    }

    /// When the code was given. The original makes no invoice later than ten minutes after the evaluation, though a code is
    /// taken for an hour.
    #[must_use]
    pub const fn at(&self) -> SystemTime {
        self.at
    }
}

impl InvoiceClaim {
    /// What it rests on.
    pub const fn verified(&self) -> &Verified {
        &self.verified
    }
}

/// Why no invoice is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no invoice for this transaction ({kind:?})")]
pub struct NotVerified {
    kind: NotVerifiedKind,
}

/// What a [`NotVerified`] means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotVerifiedKind {
    /// There is no such transaction, or it is forgotten, a day after its end.
    Unknown,
    /// Its code was not given.
    Missing,
    /// Its invoice was claimed already.
    Claimed,
    /// The store did not answer: try again.
    Unavailable,
}

impl NotVerified {
    /// What it means.
    #[must_use]
    pub const fn kind(&self) -> NotVerifiedKind {
        self.kind
    }
}

impl From<NotVerifiedKind> for NotVerified {
    fn from(kind: NotVerifiedKind) -> Self {
        Self { kind }
    }
}

impl Inner {
    pub(crate) async fn require_verified(&self, transaction: &str) -> Result<Verified, NotVerified> {
        self.verified(transaction).await.map(|(_, verified)| verified)
    }

    pub(crate) async fn claim_invoice(&self, transaction: &str) -> Result<InvoiceClaim, NotVerified> {
        let (record, verified) = self.verified(transaction).await?;
        match self.book.take_invoice(&record).await {
            Ok(true) => Ok(InvoiceClaim { verified }),
            Ok(false) => Err(NotVerifiedKind::Claimed.into()),
            Err(_) => Err(NotVerifiedKind::Unavailable.into()),
        }
    }

    async fn verified(&self, transaction: &str) -> Result<(Record, Verified), NotVerified> {
        let unavailable = |_| NotVerified::from(NotVerifiedKind::Unavailable);
        let record = self.book.find(transaction).await.map_err(unavailable)?;
        let record = record.ok_or(NotVerifiedKind::Unknown)?;
        let success =
            self.book.success(&record).await.map_err(unavailable)?.ok_or(NotVerifiedKind::Missing)?;
        let verified = Verified { transaction: record.id.clone(), at: at(success.at) };
        Ok((record, verified))
    }
}
