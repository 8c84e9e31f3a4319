//! An issuer as what checks the cards of a factor, without HTTP in between.

use std::sync::Arc;

use async_trait::async_trait;
use verify_core::{
    Card, CardContext, CardError, CardErrorKind, CardMatch, CardOutcome, CardRisk, CardVerifier,
};

use crate::worldpay::issuer::{Issuer, IssuerInquiry};

/// Asks an [`Issuer`] for a [factor](verify_core::Factor::card) of this very process: what the API is for other programs.
///
/// ```
/// use verify_compat::worldpay::{IssuerCards, IssuerSimulator};
/// use verify_core::{Engine, Factor, KeyRing, Origin, Policy};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// let engine = Engine::builder(keys, Origin::parse("https://shop.example")?).build()?;
/// let cards = IssuerCards::new(IssuerSimulator::default(), "default", "GBP");
/// let gate = engine.gate(Policy::new("trial").require(Factor::card("card", cards)))?;
/// # let _ = gate;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct IssuerCards {
    issuer: Arc<dyn Issuer>,
    entity: String,
    currency: String,
}

impl IssuerCards {
    /// Asks this issuer, on behalf of this entity, in this currency.
    #[must_use]
    pub fn new(issuer: impl Issuer, entity: impl Into<String>, currency: impl Into<String>) -> Self {
        Self { issuer: Arc::new(issuer), entity: entity.into(), currency: currency.into() }
    }
}

#[async_trait]
impl CardVerifier for IssuerCards {
    async fn verify(&self, card: &Card, context: &CardContext<'_>) -> Result<CardOutcome, CardError> {
        let inquiry = IssuerInquiry {
            card: card.clone(),
            currency: self.currency.clone(),
            amount: None,
            entity: self.entity.clone(),
            reference: context.attempt().to_owned(),
            is_on_file: false,
            is_moto: false,
            narrative: None,
            now: context.now(),
        };
        let answer = self.issuer.verify(&inquiry).await;
        // Whether the issuer was asked is not known.
        let answer =
            answer.map_err(|error| CardError::new(CardErrorKind::Indeterminate).with_source(error))?;
        let outcome = match answer.refusal {
            None => CardOutcome::verified(),
            Some(_) => CardOutcome::not_verified(),
        };
        let supplied = |risk: CardRisk| match risk {
            CardRisk::Cvc => card.cvc().is_some(),
            CardRisk::Name => card.holder().is_some(),
            _ => card.address().is_some(),
        };
        let results = answer.results.into_iter();
        Ok(results.fold(outcome, |outcome, (risk, result)| {
            outcome.with(risk, if supplied(risk) { result } else { CardMatch::NotSupplied })
        }))
    }
}
