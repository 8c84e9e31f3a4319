//! The payment behind the gate: somebody else's, called once the challenge is passed and never before.

use std::fmt;

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::govifi::fault::{Code, Fault};

/// Takes the money. It is called only once a session's challenge is passed, by one request at a time, and never again once it
/// has succeeded, in all processes together. It is not broken off when the payer goes away, so keep a deadline of your own.
///
/// ```
/// use async_trait::async_trait;
/// use verify_compat::govifi::{Declined, Paid, Payment, Payments};
///
/// #[derive(Debug)]
/// struct Processor;
///
/// #[async_trait]
/// impl Payments for Processor {
///     async fn pay(&self, payment: &Payment<'_>) -> Result<Paid, Declined> {
///         // The session's id is a good idempotency key for the processor: there is one payment for each.
///         match payment.processor_token() {
///             "tok_good" => Ok(Paid::new(format!("pay_{}", payment.session_id()))),
///             _ => Err(Declined::Card),
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait Payments: fmt::Debug + Send + Sync + 'static {
    /// Pays, or says why not.
    ///
    /// # Errors
    /// When no money has moved; where that is not certain, [`Declined::Unknown`], after which the session takes no further
    /// payment.
    async fn pay(&self, payment: &Payment<'_>) -> Result<Paid, Declined>;
}

/// One payment. Its `Debug` is redacted.
pub struct Payment<'p> {
    pub(crate) session: &'p str,
    pub(crate) account: &'p str,
    pub(crate) amount: u64,
    pub(crate) currency: &'p str,
    pub(crate) customer: Option<&'p str>,
    pub(crate) token: &'p str,
    pub(crate) method: &'p str,
    pub(crate) acknowledged: bool,
    pub(crate) details: &'p Map<String, Value>,
}

impl Payment<'_> {
    /// The session's id: the same for every attempt at this payment.
    #[must_use]
    pub const fn session_id(&self) -> &str {
        self.session
    }

    /// The account that the session was made for.
    #[must_use]
    pub const fn account(&self) -> &str {
        self.account
    }

    /// In minor units.
    #[must_use]
    pub const fn amount(&self) -> u64 {
        self.amount
    }

    /// ISO 4217, as the session was made with.
    #[must_use]
    pub const fn currency(&self) -> &str {
        self.currency
    }

    /// The server's own name for the payer.
    #[must_use]
    pub const fn customer_id(&self) -> Option<&str> {
        self.customer
    }

    /// The processor's token for the card or account. It is a secret.
    #[must_use]
    pub const fn processor_token(&self) -> &str {
        self.token
    }

    /// One of the session's methods.
    #[must_use]
    pub const fn method(&self) -> &str {
        self.method
    }

    /// Whether the payer has said that a payment which looks like one before is meant.
    #[must_use]
    pub const fn duplicate_acknowledged(&self) -> bool {
        self.acknowledged
    }

    /// Everything else that the page sent.
    #[must_use]
    pub const fn details(&self) -> &Map<String, Value> {
        self.details
    }
}

impl fmt::Debug for Payment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payment").field("session", &self.session).finish_non_exhaustive()
    }
}

/// A payment that was made.
#[derive(Clone, Debug)]
#[must_use]
pub struct Paid {
    pub(crate) id: String,
}

impl Paid {
    /// Under this id, which the page is told.
    pub fn new(payment_id: impl Into<String>) -> Self {
        Self { id: payment_id.into() }
    }
}

/// Why a payment was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Declined {
    /// `card_declined`.
    Card,
    /// `expired_card`.
    ExpiredCard,
    /// `incorrect_cvc`.
    IncorrectCvc,
    /// `insufficient_funds`.
    InsufficientFunds,
    /// `duplicate_payment`: it looks like one before; paid if it comes again with `duplicate_acknowledged`.
    Duplicate,
    /// `processing_error`, and certainly nothing was paid.
    Processing,
    /// `network_error`: the processor was not reached, and certainly nothing was paid.
    Network,
    /// It may have been paid. The session takes no further payment.
    Unknown,
}

impl Declined {
    pub(crate) fn fault(self) -> Fault {
        match self {
            Self::Card => Fault::new(402, Code::CardDeclined, "The card was declined"),
            Self::ExpiredCard => Fault::new(402, Code::ExpiredCard, "The card has expired"),
            Self::IncorrectCvc => Fault::new(402, Code::IncorrectCvc, "The card's code is wrong"),
            Self::InsufficientFunds => Fault::new(402, Code::InsufficientFunds, "There are not enough funds"),
            Self::Duplicate => {
                Fault::new(409, Code::DuplicatePayment, "This looks like a payment that was made before")
            }
            Self::Processing => Fault::new(502, Code::ProcessingError, "The payment was not processed"),
            Self::Network => Fault::new(502, Code::NetworkError, "The processor was not reached"),
            Self::Unknown => {
                Fault::new(502, Code::ProcessingError, "The outcome of the payment is unknown").for_good()
            }
        }
    }
}

/// For development: pays everything and moves nothing, but for tokens that end with a word or number of its own.
///
/// `4000000000000002` is the original's: `card_declined`. The others are ours: `expired_card`, `incorrect_cvc`,
/// `insufficient_funds`, `duplicate_payment` until it is acknowledged, `processing_error`, `network_error`.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Sandbox;

#[async_trait]
impl Payments for Sandbox {
    async fn pay(&self, payment: &Payment<'_>) -> Result<Paid, Declined> {
        let ends = |end: &str| payment.token.replace(' ', "").ends_with(end);
        let declined = [
            ("4000000000000002", Declined::Card),
            ("card_declined", Declined::Card),
            ("expired_card", Declined::ExpiredCard),
            ("incorrect_cvc", Declined::IncorrectCvc),
            ("insufficient_funds", Declined::InsufficientFunds),
            ("processing_error", Declined::Processing),
            ("network_error", Declined::Network),
        ];
        if let Some((_, declined)) = declined.into_iter().find(|(end, _)| ends(end)) {
            return Err(declined);
        }
        if ends("duplicate_payment") && !payment.acknowledged {
            return Err(Declined::Duplicate);
        }
        Ok(Paid::new(format!("pay_{}", payment.session.trim_start_matches("cs_"))))
    }
}
