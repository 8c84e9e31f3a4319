//! Cards: who is asked whether one is live, and what can come back.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;

mod error;
mod instrument;
mod outcome;
mod wire;

pub use error::{CardError, CardErrorKind};
pub use instrument::{Card, CardAddress, InvalidCard};
pub use outcome::{CardMatch, CardOutcome, CardRisk};
pub(crate) use wire::{CARD_FIELD, Wire, read};

/// Asks a card's issuer whether the card is live, and what of it matches, without taking money. `verify-providers` brings
/// Worldpay (feature `worldpay`); another service is another implementation.
///
/// The engine keeps to itself how often a subject, a source and a card may be tried, that each try is counted before it is
/// asked about, and that an answer counts once. Whatever is not a clear yes lets nobody in. Keep a deadline of a few seconds,
/// and repeat nothing that may have arrived: each question stands on the holder's account, and a card that is asked about too
/// often is blocked.
///
/// ```
/// use std::time::SystemTime;
/// use async_trait::async_trait;
/// use verify_core::{Card, CardContext, CardError, CardMatch, CardOutcome, CardRisk, CardVerifier};
/// # fn block_on<F: Future>(future: F) -> F::Output {
/// #     let mut future = std::pin::pin!(future);
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     loop { if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) { return output } }
/// # }
///
/// /// A bank with one customer.
/// #[derive(Debug)]
/// struct VillageBank;
///
/// #[async_trait]
/// impl CardVerifier for VillageBank {
///     async fn verify(&self, card: &Card, _: &CardContext<'_>) -> Result<CardOutcome, CardError> {
///         if card.number() != Some("4444333322221111") {
///             return Ok(CardOutcome::not_verified());
///         }
///         let cvc = if card.cvc() == Some("123") { CardMatch::Matched } else { CardMatch::NotMatched };
///         Ok(CardOutcome::verified().with(CardRisk::Cvc, cvc))
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let context = CardContext::new(SystemTime::UNIX_EPOCH, "4711");
/// let ask = |card: Card| block_on(VillageBank.verify(&card, &context));
/// let own = Card::new("4444 3333 2222 1111", 12, 2030)?;
/// assert!(ask(own.clone().with_cvc("123")?)?.passes(&[CardRisk::Cvc]));
/// assert!(!ask(own.with_cvc("321")?)?.passes(&[CardRisk::Cvc]), "live, and not known to whoever answered");
/// assert!(!ask(Card::new("5555 5555 5555 4444", 12, 2030)?)?.passes(&[]));
/// # Ok(()) }
/// ```
#[async_trait]
pub trait CardVerifier: fmt::Debug + Send + Sync + 'static {
    /// Whether the card is live, and what of it matches.
    ///
    /// # Errors
    /// Says by its [kind](CardError::kind) whether the issuer may have been asked.
    async fn verify(&self, card: &Card, context: &CardContext<'_>) -> Result<CardOutcome, CardError>;
}

#[async_trait]
impl<V: CardVerifier + ?Sized> CardVerifier for Arc<V> {
    async fn verify(&self, card: &Card, context: &CardContext<'_>) -> Result<CardOutcome, CardError> {
        (**self).verify(card, context).await
    }
}

/// What a check of a card is for. Made by the engine; nothing in it comes from the request.
#[derive(Clone, Debug)]
pub struct CardContext<'a> {
    now: SystemTime,
    attempt: &'a str,
}

impl<'a> CardContext<'a> {
    /// A context for trying a verifier of one's own out.
    #[must_use]
    pub const fn new(now: SystemTime, attempt: &'a str) -> Self {
        Self { now, attempt }
    }

    /// The time by the engine's clock.
    #[must_use]
    pub const fn now(&self) -> SystemTime {
        self.now
    }

    /// Names this try and no other: 32 hexadecimal digits, drawn anew for each. It fits as the reference that a service wants
    /// to be unique.
    #[must_use]
    pub const fn attempt(&self) -> &'a str {
        self.attempt
    }
}
