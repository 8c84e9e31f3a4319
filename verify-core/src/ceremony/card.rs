//! Answering with a card: count, then ask its issuer, then redeem.

use futures_util::future::{try_join_all, try_join3};

use crate::audit::EventKind;
use crate::budgets::{PERMANENT, Quota};
use crate::card::{self, Card, CardContext, CardErrorKind, CardOutcome};
use crate::ceremony::{Ceremony, Redeemed, block, work};
use crate::encoding::to_hex;
use crate::factor::CardFactor;
use crate::facts;
use crate::random::random;
use crate::refusal::Refusal;
use crate::sealing::SealError;
use crate::store::Key;

/// A check that was counted stays counted, whatever becomes of it: each one is on the holder's account already, and whoever
/// tries cards out may hang up before the answer.
pub(super) async fn card(
    ceremony: &Ceremony<'_>,
    factor: &CardFactor,
    answer: &str,
) -> Result<Redeemed, Refusal> {
    let Ceremony { core, facts, ticket, .. } = ceremony;
    let card = card::read(answer)?;
    factor.fits(&card)?;
    let (is_redeemed, era, blocked) = try_join3(
        ceremony.is_redeemed(),
        async { Ok(core.store.add(&facts.era(), 0, PERMANENT).await?) },
        async { Ok(block::stands(ceremony).await?) },
    )
    .await?;
    if is_redeemed {
        ceremony.record_as(EventKind::Replayed, ticket);
        return Err(Refusal::AlreadyUsed);
    }
    if blocked {
        ceremony.record_as(EventKind::Locked, ticket);
        return Err(Refusal::Locked);
    }
    let is_last = spend(ceremony, factor, &card, era).await?;
    let outcome = ask(ceremony, factor, &card).await?;
    if outcome.passes(&factor.requires) {
        return work::redeem(ceremony).await;
    }
    let reason = if outcome.is_verified() { "not_matched" } else { "not_verified" };
    ceremony.record_for(EventKind::Failed, ticket, reason);
    match is_last {
        // The one that uses a budget up is told so itself.
        Some(window) => {
            ceremony.record_as(EventKind::Locked, ticket);
            Err(Refusal::RateLimited(window))
        }
        None => Err(Refusal::Declined),
    }
}

/// Counts the check in every budget; says for how long the next one has to wait, if this one is the last.
async fn spend(
    ceremony: &Ceremony<'_>,
    factor: &CardFactor,
    card: &Card,
    era: u64,
) -> Result<Option<std::time::Duration>, Refusal> {
    let Ceremony { core, facts, source, .. } = ceremony;
    let keys = core.keys.facts();
    let which = card.number().or(card.token()).unwrap_or_default();
    let own = std::iter::once((facts.card_tries(era), factor.tries));
    let sources = factor.per_source.iter().map(|quota| (facts::card_source(keys, source, *quota), *quota));
    let cards = factor.per_card.iter().map(|quota| (facts::card(keys, which, *quota), *quota));
    let quotas: Vec<(Key, Quota)> = own.chain(sources).chain(cards).collect();
    let count = async |n: u32| -> Result<Vec<u64>, Refusal> {
        let steps = quotas.iter().map(|(name, quota)| core.store.add(name, n, quota.window));
        Ok(try_join_all(steps).await?)
    };
    let longest = |counts: &[u64], used_up: fn(u64, u64) -> bool| {
        let spent = quotas.iter().zip(counts);
        let spent = spent.filter(|((_, quota), count)| used_up(**count, u64::from(quota.count)));
        spent.map(|((_, quota), _)| quota.window).max()
    };
    // Look first: what one budget refuses must not use up another. Count then: of those that looked at the same time, not
    // all get through.
    let mut refused = longest(&count(0).await?, |count, most| count >= most);
    let mut is_last = None;
    if refused.is_none() {
        let counts = count(1).await?;
        refused = longest(&counts, |count, most| count > most);
        is_last = longest(&counts, |count, most| count == most);
    }
    match refused {
        Some(window) => {
            ceremony.record_as(EventKind::Locked, &ceremony.ticket);
            Err(Refusal::RateLimited(window))
        }
        None => Ok(is_last),
    }
}

async fn ask(ceremony: &Ceremony<'_>, factor: &CardFactor, card: &Card) -> Result<CardOutcome, Refusal> {
    let Ceremony { core, ticket, .. } = ceremony;
    let attempt = to_hex(&random::<16>().map_err(|_| SealError)?);
    let began = core.clock.now();
    // Whoever hangs up, or takes too long, has been counted; that nobody heard the issuer is told here.
    let unheard = Unheard { ceremony, is_heard: false };
    let verdict = factor.verifier.verify(card, &CardContext::new(began, &attempt)).await;
    unheard.heard();
    let took = core.clock.now().duration_since(began).unwrap_or_default();
    let result = match &verdict {
        Ok(outcome) if outcome.passes(&factor.requires) => "passed",
        Ok(outcome) if outcome.is_verified() => "not_matched",
        Ok(_) => "not_verified",
        Err(error) => error.kind().name(),
    };
    metrics::counter!("verify_card_checks_total", "outcome" => result).increment(1);
    metrics::histogram!("verify_card_seconds").record(took.as_secs_f64());
    let error = match verdict {
        Ok(outcome) => return Ok(outcome),
        Err(error) => error,
    };
    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    match error.kind() {
        CardErrorKind::Refused => {
            ceremony.record_for(EventKind::Failed, ticket, "refused");
            Err(Refusal::Declined)
        }
        CardErrorKind::Unavailable => {
            tracing::warn!(target: "verify", factor = %factor.name, "{error}: {source}");
            Err(Refusal::Unavailable)
        }
        CardErrorKind::Indeterminate => {
            tracing::warn!(target: "verify", factor = %factor.name, attempt, "{error}: {source}");
            ceremony.record_as(EventKind::Indeterminate, ticket);
            Err(Refusal::Unavailable)
        }
        CardErrorKind::Misconfigured => {
            tracing::error!(target: "verify", factor = %factor.name, "nobody passes: {error}: {source}");
            Err(Refusal::Misconfigured)
        }
    }
}

/// Tells of a question whose answer nobody waited for.
struct Unheard<'u, 'c> {
    ceremony: &'u Ceremony<'c>,
    is_heard: bool,
}

impl Unheard<'_, '_> {
    fn heard(mut self) {
        self.is_heard = true;
    }
}

impl Drop for Unheard<'_, '_> {
    fn drop(&mut self) {
        if !self.is_heard {
            metrics::counter!("verify_card_checks_total", "outcome" => "indeterminate").increment(1);
            self.ceremony.record_as(EventKind::Indeterminate, &self.ceremony.ticket);
        }
    }
}
