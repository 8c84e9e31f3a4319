//! Answering: count, then compare, then redeem.

use futures_util::future::{try_join, try_join3};

use crate::altcha;
use crate::audit::EventKind;
use crate::ceremony::{Ceremony, Cooldown, ERA_TTL, GRACE, send};
use crate::clock::millis_of;
use crate::code::Typed;
use crate::factor::{CodeFactor, Resend, WorkFactor};
use crate::facts;
use crate::refusal::Refusal;
use crate::ticket::Ticket;

/// A wrong answer waits for one round trip, a right one for two: steps that do not hang on each other go together.
/// Returns the ticket as it was opened.
pub(super) async fn code(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    answer: &str,
) -> Result<Ticket, Refusal> {
    let Ceremony { core, facts, ticket, .. } = ceremony;
    let typed =
        Typed::parse(answer).ok_or(Refusal::Invalid("`code` is 4 to 10 letters or digits, as text"))?;
    let store = &core.store;
    let era = match ticket.opened {
        Some(opened) => opened.era,
        // A ticket from before its send, which the client may keep using, costs one look more.
        None => store.add(&facts.era(), 0, ERA_TTL).await?,
    };
    let life = ceremony.until(ticket.expires_at).saturating_add(factor.lives).saturating_add(GRACE);
    let key = ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
    let sends = facts::sends(key, &ticket.id);
    let failures = facts.failures(era);
    let (tries, failed, number) = try_join3(
        store.add(&ceremony.tries()?, 1, life),
        store.add(&failures, 1, core.budgets.failures.window),
        async {
            match factor.resend {
                Resend::SameCode => Ok(0),
                Resend::FreshCode => store.add(&sends, 0, life).await,
            }
        },
    )
    .await?;
    let (most_tries, most_failures) = (u64::from(factor.tries), u64::from(core.budgets.failures.count));
    if tries > most_tries || failed > most_failures {
        ceremony.record(EventKind::Locked);
        return Err(Refusal::Locked);
    }
    if !send::code_of(ceremony, factor, ticket, number)?.matches(&typed) {
        if tries == most_tries || failed == most_failures {
            lock(ceremony, factor, failed).await?;
            return Err(Refusal::Locked);
        }
        ceremony.record(EventKind::Failed);
        return Err(Refusal::Wrong);
    }
    let (taken, _) = try_join(store.take(&facts.open()), store.take(&facts.cooldown())).await?;
    let Some(open) = ceremony.own(taken).await? else {
        ceremony.record(EventKind::Replayed);
        return Err(Refusal::AlreadyUsed);
    };
    if failed > 1 {
        // The failures before this success no longer count. If this step is lost, they do: closed, not open.
        store.add(&facts.era(), 1, ERA_TTL).await?;
    }
    Ok(open)
}

/// The challenge is over, and the next one has to wait, longer each time.
async fn lock(ceremony: &Ceremony<'_>, factor: &CodeFactor, failed: u64) -> Result<(), Refusal> {
    let Ceremony { core, facts, now, .. } = ceremony;
    ceremony.record(EventKind::Locked);
    ceremony.close().await?;
    let times = u32::try_from(failed.div_ceil(u64::from(factor.tries.max(1)))).unwrap_or(u32::MAX);
    let wait = core.budgets.lockout.wait(times);
    if !wait.is_zero() {
        core.store.take(&facts.cooldown()).await?;
        let mark = Cooldown { ticket: [0; 16], sent_at: 0, resend_at: now.saturating_add(millis_of(wait)) };
        core.store.insert(&facts.cooldown(), mark.write(), wait).await?;
    }
    Ok(())
}

/// A proof of work is checked first and marked as redeemed after, so that a wrong one burns nothing.
pub(super) async fn work(
    ceremony: &Ceremony<'_>,
    factor: &WorkFactor,
    answer: &str,
) -> Result<Ticket, Refusal> {
    let Ceremony { core, ticket, .. } = ceremony;
    let key = ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
    let issued = factor.parameters(key, ticket);
    altcha::verify(answer, &issued, key.work_signature.as_bytes(), core.clock.now()).map_err(|reason| {
        match reason {
            altcha::Reason::Expired => Refusal::SessionExpired,
            altcha::Reason::TooLarge | altcha::Reason::Malformed => {
                Refusal::Invalid("`token` is the base64 payload of a solved ALTCHA v2 challenge")
            }
            _ => {
                ceremony.record(EventKind::Failed);
                Refusal::Wrong
            }
        }
    })?;
    let life = ceremony.until(ticket.expires_at).saturating_add(GRACE);
    if core.store.insert(&facts::redeemed(key, &ticket.id), bytes::Bytes::new(), life).await? {
        return Ok(ticket.clone());
    }
    ceremony.record(EventKind::Replayed);
    Err(Refusal::AlreadyUsed)
}
