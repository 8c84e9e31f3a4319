//! The factor behind checks of cards.

use std::sync::Arc;
use std::time::Duration;

use crate::budgets::Quota;
use crate::card::{Card, CardRisk, CardVerifier};
use crate::factor::DEFAULT_AGE;
use crate::refusal::Refusal;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A check of a card with its issuer; made by [`Factor::card`](crate::Factor::card).
///
/// What a success is worth: whoever answered knows the details of a card that is live. That makes an account dearer than a
/// captcha does, since cards are fewer than solved captchas, and says nothing about who answers: details are copied, sold and
/// guessed. So it authenticates nobody, never stands in for a code, and approves no payment, for which it does not even
/// compile. A payment by that very card is the business of its issuer (3-D Secure), and not of this factor.
///
/// A form that checks cards is what people with stolen lists look for, so each check is counted before it is asked for: for
/// the subject, the source and the card. None of these counts begins anew with a success.
///
/// ```
/// # use verify_core::{Card, CardContext, CardError, CardOutcome, CardVerifier};
/// # #[derive(Debug)] struct Acquirer;
/// # #[async_trait::async_trait] impl CardVerifier for Acquirer {
/// #     async fn verify(&self, _: &Card, _: &CardContext<'_>) -> Result<CardOutcome, CardError> { Ok(CardOutcome::verified()) }
/// # }
/// use verify_core::{CardRisk, Engine, Factor, KeyRing, Origin, Policy, Psd2};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// let engine = Engine::builder(keys, Origin::parse("https://shop.example")?).build()?;
/// let card = Factor::card("card", Acquirer).requires([CardRisk::Cvc, CardRisk::Postcode]);
/// let trial = engine.gate(Policy::new("trial").purpose("begin your free month").require(&card))?;
///
/// // It approves nothing:
/// let order = Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
/// assert!(engine.gate(Policy::new("transfer").require(card).bind(order)).is_err());
/// # let _ = trial;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct CardFactor {
    pub(crate) name: String,
    pub(crate) verifier: Arc<dyn CardVerifier>,
    pub(crate) requires: Vec<CardRisk>,
    pub(crate) tries: Quota,
    pub(crate) per_source: Vec<Quota>,
    pub(crate) per_card: Vec<Quota>,
    pub(crate) lives: Duration,
    pub(crate) lasts: Duration,
}

impl CardFactor {
    pub(crate) fn new(name: String, verifier: impl CardVerifier) -> Self {
        Self {
            name,
            verifier: Arc::new(verifier),
            requires: vec![CardRisk::Cvc],
            tries: Quota::new(5, DAY),
            per_source: vec![Quota::new(10, Duration::from_secs(3600))],
            per_card: vec![Quota::new(10, DAY)],
            lives: Duration::from_secs(600),
            lasts: DEFAULT_AGE,
        }
    }

    /// What of the card has to match, beside its account being live. Whoever answers is told that the card did not pass, and
    /// never which of these did not match. Default: the security code, without which a number and a date from an old receipt
    /// would do. Empty means that a live account is enough.
    pub fn requires(mut self, risks: impl IntoIterator<Item = CardRisk>) -> Self {
        self.requires = risks.into_iter().collect();
        self.requires.sort_unstable();
        self.requires.dedup();
        self
    }

    /// Checks of one subject at this factor, over all its challenges and sessions. Default: 5 in 24 hours; people mistype a
    /// card, and do not own six. [`Engine::unblock`](crate::Engine::unblock) begins the count anew.
    pub fn tries(mut self, quota: Quota) -> Self {
        self.tries = quota;
        self
    }

    /// Checks asked for by one source (an IPv4 address or an IPv6 /64), over all subjects. Default: 10 an hour.
    pub fn per_source(mut self, quotas: impl IntoIterator<Item = Quota>) -> Self {
        self.per_source = quotas.into_iter().collect();
        self
    }

    /// Checks of one card, over all subjects and sources, counted under a keyed hash of its number or token: a security code
    /// has a thousand values, and whoever guesses it has many addresses. Default: 10 in 24 hours.
    pub fn per_card(mut self, quotas: impl IntoIterator<Item = Quota>) -> Self {
        self.per_card = quotas.into_iter().collect();
        self
    }

    /// How long its challenge can be answered, at most an hour. Default: ten minutes, to find the card.
    pub fn lives(mut self, life: Duration) -> Self {
        self.lives = life;
        self
    }

    /// How long its proof is good for where a policy does not say `within`. Default: 30 minutes.
    pub fn lasts(mut self, age: Duration) -> Self {
        self.lasts = age;
        self
    }

    /// What a client has to ask for, beside number and expiry or a token.
    pub(crate) fn asks(&self) -> Vec<&'static str> {
        let needs = |risk: CardRisk| self.requires.contains(&risk);
        let address = needs(CardRisk::Address) || needs(CardRisk::Postcode);
        let all = [(needs(CardRisk::Cvc), "cvc"), (needs(CardRisk::Name), "name"), (address, "address")];
        all.into_iter().filter_map(|(asked, name)| asked.then_some(name)).collect()
    }

    /// Refuses a card that lacks what cannot match without being there; nothing is spent for it.
    pub(crate) fn fits(&self, card: &Card) -> Result<(), Refusal> {
        for asked in self.asks() {
            match asked {
                "cvc" if card.cvc().is_none() => {
                    return Err(Refusal::Invalid("this check takes the card's security code, as `cvc`"));
                }
                "name" if card.holder().is_none() => {
                    return Err(Refusal::Invalid("this check takes the card holder's name, as `name`"));
                }
                "address" if card.address().is_none() => {
                    return Err(Refusal::Invalid("this check takes the billing address, as `address`"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(crate) fn fault(&self) -> Option<String> {
        if self.lives.is_zero() || self.lives > Duration::from_secs(3600) {
            return Some("a check of a card lives at most an hour".to_owned());
        }
        let mut quotas = std::iter::once(&self.tries).chain(&self.per_source).chain(&self.per_card);
        quotas
            .any(|quota| quota.count == 0 || quota.window.is_zero())
            .then(|| "a budget of zero lets nobody check a card".to_owned())
    }
}

/// The same name, and the same verifier: what a clone is.
impl PartialEq for CardFactor {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && Arc::ptr_eq(&self.verifier, &other.verifier)
            && self.requires == other.requires
            && self.tries == other.tries
            && (&self.per_source, &self.per_card) == (&other.per_source, &other.per_card)
            && (self.lives, self.lasts) == (other.lives, other.lasts)
    }
}
