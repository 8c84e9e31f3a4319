//! Who is asked about a card.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use verify_core::{Card, CardMatch, CardRisk};

/// The bank behind a card, or the way to it: an acquirer, a card scheme, or the [simulator](crate::worldpay::IssuerSimulator).
///
/// It is asked once for each verification, after the reference was taken and before anything is answered. Keep a deadline: who
/// calls the API waits as long as this takes.
///
/// ```
/// use async_trait::async_trait;
/// use verify_compat::worldpay::{Issuer, IssuerAnswer, IssuerError, IssuerInquiry};
/// use verify_core::{CardMatch, CardRisk};
///
/// /// Knows one card.
/// #[derive(Debug)]
/// struct VillageBank;
///
/// #[async_trait]
/// impl Issuer for VillageBank {
///     async fn verify(&self, inquiry: &IssuerInquiry) -> Result<IssuerAnswer, IssuerError> {
///         let card = inquiry.card();
///         if card.number() != Some("4444333322221111") {
///             return Ok(IssuerAnswer::refused("15", "NO SUCH ISSUER"));
///         }
///         let cvc = if card.cvc() == Some("123") { CardMatch::Matched } else { CardMatch::NotMatched };
///         Ok(IssuerAnswer::approved().with(CardRisk::Cvc, cvc))
///     }
/// }
/// ```
#[async_trait]
pub trait Issuer: fmt::Debug + Send + Sync + 'static {
    /// Whether the account is live, and what of the card matches.
    ///
    /// # Errors
    /// When the issuer did not answer, or nobody knows whether it did. The caller gets 500, and the reference stays used.
    async fn verify(&self, inquiry: &IssuerInquiry) -> Result<IssuerAnswer, IssuerError>;
}

#[async_trait]
impl<I: Issuer + ?Sized> Issuer for Arc<I> {
    async fn verify(&self, inquiry: &IssuerInquiry) -> Result<IssuerAnswer, IssuerError> {
        (**self).verify(inquiry).await
    }
}

/// One question about one card. Its `Debug` shows nothing of the card.
#[derive(Debug)]
pub struct IssuerInquiry {
    pub(super) card: Card,
    pub(super) currency: String,
    pub(super) amount: Option<u64>,
    pub(super) entity: String,
    pub(super) reference: String,
    pub(super) is_on_file: bool,
    pub(super) is_moto: bool,
    pub(super) narrative: Option<String>,
    pub(super) now: SystemTime,
}

impl IssuerInquiry {
    /// The card. Keep it no longer than this takes.
    #[must_use]
    pub const fn card(&self) -> &Card {
        &self.card
    }

    /// The currency, by its three letters (ISO 4217).
    #[must_use]
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// The amount that is to be authorized and cancelled again, in minor units. `None` lets the issuer's side choose, as
    /// *intelligent* verifications do.
    #[must_use]
    pub const fn amount(&self) -> Option<u64> {
        self.amount
    }

    /// On whose behalf: the caller's `merchant.entity`.
    #[must_use]
    pub fn entity(&self) -> &str {
        &self.entity
    }

    /// The caller's name for it. No other verification of this account has it.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// Whether the card is to be kept for later payments by its holder.
    #[must_use]
    pub const fn is_on_file(&self) -> bool {
        self.is_on_file
    }

    /// Whether it came by mail or telephone.
    #[must_use]
    pub const fn is_moto(&self) -> bool {
        self.is_moto
    }

    /// What is to stand on the holder's statement.
    #[must_use]
    pub fn narrative(&self) -> Option<&str> {
        self.narrative.as_deref()
    }

    /// The time by the engine's clock.
    #[must_use]
    pub const fn now(&self) -> SystemTime {
        self.now
    }
}

/// What an issuer says. What was not sent is answered as not supplied, whatever stands here; what is not mentioned, as not
/// checked.
#[derive(Clone, Debug)]
#[must_use]
pub struct IssuerAnswer {
    pub(super) refusal: Option<Refusal>,
    pub(super) results: Vec<(CardRisk, CardMatch)>,
    pub(super) scheme_reference: Option<String>,
    pub(super) details: CardDetails,
    pub(super) viewable_after: Duration,
}

/// Why an issuer says no.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) description: String,
    pub(super) advice: Option<String>,
}

impl IssuerAnswer {
    const fn of(refusal: Option<Refusal>) -> Self {
        Self {
            refusal,
            results: Vec::new(),
            scheme_reference: None,
            details: CardDetails::NONE,
            viewable_after: Duration::ZERO,
        }
    }

    /// The account is live.
    pub const fn approved() -> Self {
        Self::of(None)
    }

    /// The issuer says no, by its code (ISO 8583, field 39) and in words. Version 6 passes both on.
    pub fn refused(code: impl Into<String>, description: impl Into<String>) -> Self {
        Self::of(Some(Refusal { code: code.into(), description: description.into(), advice: None }))
    }

    /// With the scheme's advice on whether another attempt makes sense, where it refuses. Version 6 passes it on.
    pub fn with_advice(mut self, code: impl Into<String>) -> Self {
        if let Some(refusal) = &mut self.refusal {
            refusal.advice = Some(code.into());
        }
        self
    }

    /// With what came of one comparison.
    pub fn with(mut self, risk: CardRisk, result: CardMatch) -> Self {
        self.results.retain(|(known, _)| *known != risk);
        self.results.push((risk, result));
        self
    }

    /// With the scheme's own name for this, which later payments by a card on file refer to.
    pub fn with_scheme_reference(mut self, reference: impl Into<String>) -> Self {
        self.scheme_reference = Some(reference.into());
        self
    }

    /// With what is known of the card itself.
    pub fn with_details(mut self, details: CardDetails) -> Self {
        self.details = details;
        self
    }

    /// Lets the outcome be retrieved only after a while: until then it is `verificationNotReady`. Default: at once.
    pub const fn viewable_after(mut self, wait: Duration) -> Self {
        self.viewable_after = wait;
        self
    }

    pub(super) fn result(&self, risk: CardRisk) -> Option<CardMatch> {
        self.results.iter().find(|(known, _)| *known == risk).map(|(_, result)| *result)
    }
}

/// What is known of a card without its holder. Whatever is not known is left out of the answer.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CardDetails {
    /// The country of the issuer, by two letters.
    pub country: Option<String>,
    /// `visa`, `mastercard`, `amex` and so on.
    pub brand: Option<String>,
    /// `credit`, `debit`, `prepaid`, `chargeCard` or `deferredDebit`.
    pub funding: Option<String>,
    /// `consumer` or `commercial`.
    pub category: Option<String>,
    /// The issuer's name.
    pub issuer: Option<String>,
    /// The same for all tokens of one account (EMVCo PAR).
    pub account_reference: Option<String>,
    /// Of a token, the first six and the last four digits of its card.
    pub ends: Option<(String, String)>,
    /// Of a token, month and year of its card's expiry.
    pub expiry: Option<(u8, u16)>,
}

impl CardDetails {
    const NONE: Self = Self {
        country: None,
        brand: None,
        funding: None,
        category: None,
        issuer: None,
        account_reference: None,
        ends: None,
        expiry: None,
    };
}

/// An issuer that gave no answer, or one that nobody heard.
#[derive(Debug, Default, thiserror::Error)]
#[error("the issuer gave no answer")]
pub struct IssuerError {
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl IssuerError {
    /// No answer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With what caused it, for the log. Keep everything of the card out of it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}
