//! Answering: count, then decide, then redeem.

use futures_util::future::{try_join, try_join3};

use crate::audit::EventKind;
use crate::budgets::PERMANENT;
use crate::ceremony::{Ceremony, Redeemed, block, cooldown, link, lockout, remote, send, spending};
use crate::code::Typed;
use crate::factor::{CodeFactor, LinkOpens, Resend};
use crate::refusal::Refusal;
use crate::ticket::{Opened, Ticket};

/// A wrong answer waits for one round trip, a right one for two: steps that do not hang on each other go together. A
/// ticket from before its send costs one look more.
///
/// Whether the answer is right can be told without the store, since codes are derived; and which counter it goes to
/// depends on it, since a success is no failure. But nothing is done about it before its try is counted.
pub(super) async fn code(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    answer: &str,
) -> Result<Redeemed, Refusal> {
    let Ceremony { core, facts, .. } = ceremony;
    if answer == link::OPENED && factor.link == Some(LinkOpens::Anywhere) {
        return link::redeem(ceremony, factor).await;
    }
    let typed =
        Typed::parse(answer).ok_or(Refusal::Invalid("`code` is 4 to 10 letters or digits, as text"))?;
    let Some((open, opened)) =
        ceremony.find().await?.and_then(|open| open.opened.map(|opened| (open, opened)))
    else {
        ceremony.record_as(EventKind::Replayed, &ceremony.ticket);
        return Err(Refusal::AlreadyUsed);
    };
    if core.over.has(&open.id) {
        ceremony.record_as(EventKind::Locked, &open);
        return Err(Refusal::Locked);
    }
    if let Some(service) = core.code_services.get(&opened.channel) {
        // Boxed, or every answer would be as large as those that ask a service.
        let asked = remote::answer(ceremony, factor, service, open.into_owned(), opened, &typed);
        return Box::pin(asked).await;
    }
    let guess = Guess::at(ceremony, factor, &open, &typed)?;
    let tries_name = ceremony.tries(&open)?;
    let (life, window) = (ceremony.counted_until(&open), ceremony.budgets().failures.window);
    let failures_name = facts.failures(opened.era);
    let (tries, (mut failed, blocked), number) = try_join3(
        async { Ok(core.store.add(&tries_name, 1, life).await?) },
        async {
            let wrong = u32::from(guess == Guess::Wrong);
            Ok(try_join(core.store.add(&failures_name, wrong, window), block::stands(ceremony)).await?)
        },
        async {
            match factor.resend {
                Resend::SameCode => Ok(1),
                Resend::FreshCode => ceremony.messages(&open, 0).await,
            }
        },
    )
    .await?;
    let right = match guess {
        Guess::Wrong => false,
        Guess::RightFor(message) => message == send::generation(factor, number),
    };
    if !right && guess != Guess::Wrong {
        // The code of a message that another one has replaced.
        failed = core.store.add(&failures_name, 1, window).await?;
    }
    if !right {
        let count = Count { tries, failed, blocked };
        within_as_failure(ceremony, factor, &open, opened, count).await?;
        return Err(wrong(ceremony, factor, &open, opened, count).await?);
    }
    within(ceremony, factor, &open, Count { tries, failed: failed.saturating_add(1), blocked })?;
    redeem(ceremony, &open, opened, failed).await
}

/// What the store has counted, this try included.
#[derive(Clone, Copy)]
pub(super) struct Count {
    pub(super) tries: u64,
    /// Consecutive failures, over all challenges.
    pub(super) failed: u64,
    pub(super) blocked: bool,
}

/// What the store has counted, without counting.
pub(super) async fn looked_at(
    ceremony: &Ceremony<'_>,
    open: &Ticket,
    opened: &Opened,
) -> Result<Count, Refusal> {
    let Ceremony { core, facts, .. } = ceremony;
    let tries = ceremony.tries(open)?;
    let (life, window) = (ceremony.counted_until(open), ceremony.budgets().failures.window);
    let (tries, failed, blocked) = try_join3(
        core.store.add(&tries, 0, life),
        core.store.add(&facts.failures(opened.era), 0, window),
        block::stands(ceremony),
    )
    .await?;
    Ok(Count { tries, failed, blocked })
}

/// Refuses what is beyond a budget, before anything is done about the answer.
pub(super) fn within(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    open: &Ticket,
    count: Count,
) -> Result<(), Refusal> {
    let core = ceremony.core;
    let spent = count.tries > u64::from(factor.tries);
    if !count.blocked && !spent && count.failed <= u64::from(ceremony.budgets().failures.count) {
        return Ok(());
    }
    if spent {
        core.over.add(&open.id);
    }
    ceremony.record_as(EventKind::Locked, open);
    Err(Refusal::Locked)
}

/// The same for an answer that was counted as a failure.
///
/// Of many at once, the one whose failure uses the user's budget up may be one too many for its challenge, or come to a block
/// that another one has just begun. What follows from a budget that is used up follows all the same: or its user would be locked
/// out for what is left of the window, and nobody told.
pub(super) async fn within_as_failure(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    open: &Ticket,
    opened: Opened,
    count: Count,
) -> Result<(), Refusal> {
    let Err(refusal) = within(ceremony, factor, open, count) else { return Ok(()) };
    if !count.blocked && count.failed == u64::from(ceremony.budgets().failures.count) {
        lock(ceremony, factor, open, opened, count.failed).await?;
        block::begin(ceremony, open).await?;
    }
    Err(refusal)
}

/// What follows from a wrong answer: the one that uses a budget up is told so itself.
pub(super) async fn wrong(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    open: &Ticket,
    opened: Opened,
    count: Count,
) -> Result<Refusal, Refusal> {
    let last_failure = count.failed == u64::from(ceremony.budgets().failures.count);
    if count.tries != u64::from(factor.tries) && !last_failure {
        ceremony.record_as(EventKind::Failed, open);
        return Ok(Refusal::Wrong);
    }
    lock(ceremony, factor, open, opened, count.failed).await?;
    if last_failure {
        block::begin(ceremony, open).await?;
    }
    Ok(Refusal::LastTry)
}

/// What the typed code is, as far as that can be told without the store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Guess {
    Wrong,
    /// The code of the message with this generation.
    RightFor(u64),
}

impl Guess {
    fn at(
        ceremony: &Ceremony<'_>,
        factor: &CodeFactor,
        open: &Ticket,
        typed: &Typed,
    ) -> Result<Self, Refusal> {
        let generations = match factor.resend {
            Resend::SameCode => 0..=0,
            Resend::FreshCode => 1..=u64::from(factor.sends),
        };
        let mut found = Self::Wrong;
        if open.terms != ceremony.brief.terms {
            // Whatever was typed, it is no answer to this: somebody has changed what it is about.
            return Ok(found);
        }
        for generation in generations {
            if send::code_of(ceremony.core, factor.digits, open, generation)?.matches(typed) {
                found = Self::RightFor(generation);
            }
        }
        Ok(found)
    }
}

pub(super) async fn redeem(
    ceremony: &Ceremony<'_>,
    challenge: &Ticket,
    opened: Opened,
    failed: u64,
) -> Result<Redeemed, Refusal> {
    let Ceremony { core, facts, .. } = ceremony;
    let cooldown_name = facts.cooldown();
    let (taken, cooldown) = try_join(core.store.take(&facts.open()), core.store.take(&cooldown_name)).await?;
    let Some(open) = ceremony.own(taken, challenge).await? else {
        cooldown::put_back(ceremony, cooldown).await?;
        ceremony.record_as(EventKind::Replayed, challenge);
        return Err(Refusal::AlreadyUsed);
    };
    spending::verified(ceremony, &opened).await?;
    if failed > 0 {
        // The failures before this success no longer count. If this step is lost, they do: closed, not open.
        core.store.add(&facts.era(), 1, PERMANENT).await?;
    }
    Ok(Redeemed { ticket: open, revocations: opened.revocations, recovery_codes_left: None })
}

/// The challenge is over, and the next one has to wait, longer each time.
pub(super) async fn lock(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    challenge: &Ticket,
    opened: Opened,
    failed: u64,
) -> Result<(), Refusal> {
    let Ceremony { core, facts, .. } = ceremony;
    core.over.add(&challenge.id);
    ceremony.record_as(EventKind::Locked, challenge);
    ceremony.close(challenge).await?;
    // The wait for the next message is over with its challenge; the one for the next challenge begins.
    core.store.take(&facts.cooldown()).await?;
    let times = u32::try_from(failed.div_ceil(u64::from(factor.tries.max(1)))).unwrap_or(u32::MAX);
    let budgets = ceremony.budgets();
    let mut wait = budgets.lockout.wait(times);
    if budgets.lockout_until_expiry {
        wait = wait.max(ceremony.until(challenge.expires_at));
    }
    if !wait.is_zero() {
        lockout::begin(ceremony, opened.era, wait).await?;
    }
    Ok(())
}
