//! Worldpay account verification as what checks cards.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use verify_core::{Card, CardContext, CardError, CardOutcome, CardVerifier, Fetch, FetchErrorKind};

use crate::base_url;
use crate::credentials;
use crate::exchange::again_if_unsent;

mod answer;
mod body;
mod discovery;
mod error;

use answer::Refusal;
pub use answer::{RiskFactor, Verification};
use body::Terms;
use discovery::Links;
use error::WorldpayError as Failure;
pub use error::{WorldpayConfigError, WorldpayError, WorldpayErrorKind};

/// What every request and every answer is.
const MEDIA_TYPE: &str = "application/vnd.worldpay.verifications.accounts-v5+json";

/// Worldpay account verification, version 5, for [`Factor::card`](verify_core::Factor::card). Which of its risk factors have
/// to match is for the factor to say.
///
/// Addresses of resources are learned from the root and kept; credentials and cards go to the server of the
/// [base URL](Worldpay::base_url) and to no other, whatever a link says. A verification is asked for once, unless the first
/// attempt certainly never left: one that may have arrived stands on the holder's account. It is then
/// [indeterminate](WorldpayErrorKind::Indeterminate), and nobody gets in by it.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use verify_core::{CardRisk, Engine, Factor, KeyRing, Origin, Policy};
/// use verify_providers::HttpClient;
/// use verify_providers::worldpay::Worldpay;
///
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// let worldpay = Worldpay::new(HttpClient::new()?, "username", "password", "default", "GBP")?;
/// let card = Factor::card("card", worldpay).requires([CardRisk::Cvc, CardRisk::Postcode]);
/// let engine = Engine::builder(keys, Origin::parse("https://shop.example")?).build()?;
/// let trial = engine.gate(Policy::new("trial").require(card))?;
/// # let _ = trial;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Worldpay {
    client: Arc<dyn Fetch>,
    credentials: HeaderValue,
    base_url: Arc<str>,
    terms: Arc<Terms>,
    /// The root, once it was read; shared by clones.
    root: Arc<RwLock<Option<Arc<Links>>>>,
    not_ready: (u32, Duration),
}

impl Worldpay {
    /// User name and password, the merchant's entity, and the currency to verify in (ISO 4217). Calls nobody yet.
    ///
    /// # Errors
    /// When one of them cannot be what it is to be.
    pub fn new(
        client: impl Fetch,
        username: &str,
        password: &str,
        entity: &str,
        currency: &str,
    ) -> Result<Self, WorldpayConfigError> {
        let credentials = credentials::basic(username, password).ok_or(WorldpayConfigError::Credentials)?;
        if !(1..=32).contains(&entity.len()) {
            return Err(WorldpayConfigError::Entity);
        }
        if verify_core::Currency::parse(currency).is_err() {
            return Err(WorldpayConfigError::Currency);
        }
        Ok(Self {
            client: Arc::new(client),
            credentials,
            base_url: "https://access.worldpay.com".into(),
            terms: Arc::new(Terms::new(entity, currency)),
            root: Arc::default(),
            not_ready: (5, Duration::from_millis(200)),
        })
    }

    /// Another server that speaks this API: `https://try.access.worldpay.com` for tests, or the gateway of this project.
    /// Default: `https://access.worldpay.com`.
    ///
    /// # Errors
    /// When it is not https, unless it is this machine: credentials and cards travel there.
    pub fn base_url(mut self, url: &str) -> Result<Self, WorldpayConfigError> {
        self.base_url = base_url::safe(url).ok_or(WorldpayConfigError::BaseUrl)?.into();
        self.root = Arc::default();
        Ok(self)
    }

    /// Verifies cards that are to be kept for later payments by their holders. Default: for one payment.
    #[must_use]
    pub fn on_file(mut self) -> Self {
        Arc::make_mut(&mut self.terms).on_file = true;
        self
    }

    /// An amount to authorize and cancel, in minor units; 0 where the issuer takes it. Default: Worldpay chooses one.
    #[must_use]
    pub fn amount(mut self, amount: u32) -> Self {
        Arc::make_mut(&mut self.terms).amount = Some(amount);
        self
    }

    /// What stands on the holder's statement: 1 to 24 characters.
    ///
    /// # Errors
    /// When it is empty or longer.
    pub fn narrative(mut self, line: &str) -> Result<Self, WorldpayConfigError> {
        if !(1..=24).contains(&line.chars().count()) {
            return Err(WorldpayConfigError::Narrative);
        }
        Arc::make_mut(&mut self.terms).narrative = Some(line.to_owned());
        Ok(self)
    }

    /// How often an outcome that is not ready is asked for, and how long to wait after the first time; each wait is twice the
    /// one before. Default: 5 times, and 200 milliseconds, so three seconds in all.
    #[must_use]
    pub fn when_not_ready(mut self, tries: u32, first_wait: Duration) -> Self {
        self.not_ready = (tries.max(1), first_wait);
        self
    }

    /// Verifies a card under a reference that no other verification of this account has: 1 to 64 letters, digits or
    /// `-_/!@#$%()*=.:;?[]{}~+`.
    ///
    /// # Errors
    /// Says by its [kind](WorldpayError::kind) whether the issuer may have been asked. Never call this again for the same card
    /// because of an [indeterminate](WorldpayErrorKind::Indeterminate) one without the holder's wish: it is a second check.
    pub async fn check(&self, card: &Card, reference: &str) -> Result<Verification, WorldpayError> {
        if !body::is_reference(reference) {
            return Err(WorldpayErrorKind::InvalidReference.into());
        }
        let body = self.terms.body(card, reference);
        let (links, is_kept) = self.links().await?;
        let mut answer = self.post(links.verify(&self.terms)?, &body).await;
        if is_kept && answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::NOT_FOUND) {
            // The resources have moved since; whoever is not there has asked nobody.
            self.forget();
            let (links, _) = self.links().await?;
            answer = self.post(links.verify(&self.terms)?, &body).await;
        }
        let answer = answer?;
        if !answer.status().is_success() {
            return Err(Refusal::read(&answer).after_post());
        }
        let found = answer::read(answer.body())
            .ok_or_else(|| Failure::indeterminate("no verification was answered"))?;
        let verification = match found {
            answer::Found::Outcome(verification) => *verification,
            // It has concluded, and its outcome is elsewhere.
            answer::Found::Link(link) => self.retrieve(&link).await.map_err(Failure::into_indeterminate)?,
        };
        match verification.is_of(card) {
            true => Ok(verification),
            false => Err(Failure::indeterminate("the outcome is that of another card")),
        }
    }

    /// An outcome by its [link](Verification::link), as it was when the card was checked. Waits, within bounds, for one that
    /// is not ready.
    ///
    /// # Errors
    /// When it is not there, not ready in time, or cannot be read. Asking again is safe: no issuer is asked.
    pub async fn retrieve(&self, link: &str) -> Result<Verification, WorldpayError> {
        let url = discovery::resolve(&self.base_url, link)?;
        let (tries, mut wait) = self.not_ready;
        for left in (0..tries).rev() {
            let answer = self.get(&url).await?;
            if answer.status().is_success() {
                return match answer::read(answer.body()) {
                    Some(answer::Found::Outcome(verification)) => Ok(*verification),
                    _ => Err(Failure::unavailable("no outcome was answered")),
                };
            }
            let refusal = Refusal::read(&answer);
            if !refusal.is_not_ready() || left == 0 {
                return Err(refusal.after_get());
            }
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2);
        }
        Err(WorldpayErrorKind::NotReady.into())
    }

    /// The links of the root, and whether they were known before.
    async fn links(&self) -> Result<(Arc<Links>, bool), WorldpayError> {
        if let Some(links) = &*self.root.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok((Arc::clone(links), true));
        }
        let url = format!("{}/verifications/accounts", self.base_url);
        let answer = self.get(&url).await?;
        if !answer.status().is_success() {
            return Err(Refusal::read(&answer).after_get());
        }
        let links = Links::read(&self.base_url, answer.body())?;
        let links = Arc::new(links);
        *self.root.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&links));
        Ok((links, false))
    }

    fn forget(&self) {
        *self.root.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Asks for something that may be asked for any number of times.
    async fn get(&self, url: &str) -> Result<Response<Bytes>, WorldpayError> {
        let request = Request::get(url)
            .header(AUTHORIZATION, self.credentials.clone())
            .header(ACCEPT, MEDIA_TYPE)
            .body(Bytes::new())
            .map_err(|_| WorldpayErrorKind::Misconfigured)?;
        self.client.fetch(request).await.map_err(|error| match error.kind() {
            FetchErrorKind::Forbidden => Failure::of(WorldpayErrorKind::Misconfigured).with_source(error),
            _ => Failure::of(WorldpayErrorKind::Unavailable).with_source(error),
        })
    }

    /// Posts once, and once more if it certainly never left.
    async fn post(&self, url: &str, body: &Bytes) -> Result<Response<Bytes>, WorldpayError> {
        let request = || {
            Request::post(url)
                .header(AUTHORIZATION, self.credentials.clone())
                .header(ACCEPT, MEDIA_TYPE)
                .header(CONTENT_TYPE, MEDIA_TYPE)
                .body(body.clone())
                .map_err(|_| WorldpayErrorKind::Misconfigured.into())
        };
        again_if_unsent(&*self.client, request, |error| {
            let kind = match error.kind() {
                FetchErrorKind::Forbidden => WorldpayErrorKind::Misconfigured,
                FetchErrorKind::Unsent | FetchErrorKind::Busy => WorldpayErrorKind::Unavailable,
                _ => WorldpayErrorKind::Indeterminate,
            };
            Failure::of(kind).with_source(error)
        })
        .await
    }
}

#[async_trait]
impl CardVerifier for Worldpay {
    async fn verify(&self, card: &Card, context: &CardContext<'_>) -> Result<CardOutcome, CardError> {
        match self.check(card, context.attempt()).await {
            Ok(verification) => Ok(verification.outcome().clone()),
            Err(error) => Err(error.into()),
        }
    }
}

impl fmt::Debug for Worldpay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worldpay").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}
