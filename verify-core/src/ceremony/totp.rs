//! Answering with the code of an authenticator app, or with a recovery code.
//!
//! There is nothing to open, so there is no challenge to guess to death: tries are counted for the user, whatever ticket they
//! come with, and each step of each secret is good for one success.

use bytes::Bytes;
use futures_util::future::{try_join_all, try_join4};

use crate::audit::EventKind;
use crate::budgets::PERMANENT;
use crate::ceremony::{Ceremony, GRACE, Redeemed, block, lockout};
use crate::code::Typed;
use crate::engine::Core;
use crate::factor::TotpFactor;
use crate::facts;
use crate::refusal::Refusal;
use crate::store::StoreError;
use crate::subject::Subject;
use crate::totp::{Authenticators, AuthenticatorsError, TotpSecret, TypedRecovery};

const FORM: Refusal = Refusal::Invalid("`code` is what the app shows, 6 or 8 digits, or a recovery code");

/// Two steps that count at one moment are at most so far apart, with the widest drift that a factor has.
const FURTHEST: u32 = 4;

/// From so many left on, their owner should be told to make new ones.
const FEW: u32 = 3;

/// What was typed.
enum Given {
    Shown(Typed),
    Recovery(TypedRecovery),
}

impl Given {
    fn parse(factor: &TotpFactor, text: &str) -> Option<Self> {
        let shown = Typed::parse(text).filter(|typed| {
            let text = typed.expose();
            matches!(text.len(), 6 | 8) && text.bytes().all(|byte| byte.is_ascii_digit())
        });
        match shown {
            Some(shown) => Some(Self::Shown(shown)),
            None => TypedRecovery::parse(text).filter(|_| factor.recovery).map(Self::Recovery),
        }
    }
}

pub(super) async fn totp(
    ceremony: &Ceremony<'_>,
    factor: &TotpFactor,
    answer: &str,
) -> Result<Redeemed, Refusal> {
    let Ceremony { core, facts, ticket, subject, .. } = ceremony;
    let given = Given::parse(factor, answer).ok_or(FORM)?;
    let authenticators = core.authenticators.as_ref().ok_or(Refusal::Misconfigured)?;
    let key = ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
    let redeemed = facts::redeemed(key, &ticket.id);
    let (era, revocations, blocked, answered) = try_join4(
        core.store.add(&facts.era(), 0, PERMANENT),
        core.store.add(&facts.revocations(), 0, PERMANENT),
        block::stands(ceremony),
        core.store.get(&redeemed),
    )
    .await?;
    if answered.is_some() {
        ceremony.record_as(EventKind::Replayed, ticket);
        return Err(Refusal::AlreadyUsed);
    }
    if blocked {
        return Err(locked(ceremony));
    }
    refuse_waiting(ceremony, era).await?;
    // Whoever has no authenticator is asked in vain for the code of one that does not exist, so that nobody can tell.
    let owned = authenticators.secret(subject).await.map_err(|error| looked_up(&error))?;
    let decoy = TotpSecret::from_bytes(&facts.decoy()).map_err(|_| Refusal::Misconfigured)?;
    let guess = match &given {
        Given::Shown(typed) => {
            let secret = owned.as_ref().unwrap_or(&decoy);
            let step = secret.step_of(typed, ceremony.now, factor.drift);
            owned.as_ref().zip(step)
        }
        Given::Recovery(_) => None,
    };
    // A recovery code can only be tried by taking it away, so it counts as a failure until it was there.
    let budgets = ceremony.budgets();
    let failures = facts.failures(era);
    let count = |n: u32| core.store.add(&failures, n, budgets.failures.window);
    let mut failed = count(u32::from(guess.is_none())).await?;
    let most = u64::from(budgets.failures.count);
    if failed.saturating_add(u64::from(guess.is_some())) > most {
        return Err(locked(ceremony));
    }
    let left = match (&given, guess) {
        (Given::Shown(_), Some((secret, step))) => {
            if !mark_step(core, subject, secret, step).await? {
                // Somebody looked over a shoulder, or a form was sent twice.
                ceremony.record_as(EventKind::Replayed, ticket);
                failed = count(1).await?;
                return Err(wrong(ceremony, factor, era, failed).await?);
            }
            None
        }
        (Given::Recovery(typed), _) => match spend(ceremony, &**authenticators, typed).await? {
            Some(left) => Some(left),
            None => return Err(wrong(ceremony, factor, era, failed).await?),
        },
        (Given::Shown(_), None) => return Err(wrong(ceremony, factor, era, failed).await?),
    };
    let life = ceremony.until(ticket.expires_at).saturating_add(GRACE);
    if !core.store.insert(&redeemed, Bytes::new(), life).await? {
        ceremony.record_as(EventKind::Replayed, ticket);
        return Err(Refusal::AlreadyUsed);
    }
    if failed > 0 {
        // The failures before this success no longer count. If this step is lost, they do: closed, not open.
        core.store.add(&facts.era(), 1, PERMANENT).await?;
    }
    Ok(Redeemed { ticket: ticket.clone(), revocations, recovery_codes_left: left })
}

/// Marks a step of a secret as used: whether nobody had used it, nor a later one, so that steps only go up (RFC 6238, 5.2).
/// The mark stays for as long as the step could be typed again.
pub(crate) async fn mark_step(
    core: &Core,
    subject: &Subject<'_>,
    secret: &TotpSecret,
    step: u64,
) -> Result<bool, StoreError> {
    let name = |step: u64| facts::totp_step(core.keys.facts(), subject, secret.expose(), step);
    // Whatever the drift of this factor: another one of the same secret may have a wider one.
    let life = TotpSecret::STEP * (FURTHEST + 2) + GRACE;
    // Marked first and looked after, so that a later step's mark is never overlooked.
    if !core.store.insert(&name(step), Bytes::new(), life).await? {
        return Ok(false);
    }
    let later: Vec<_> = (1..=u64::from(FURTHEST)).map(|further| name(step.saturating_add(further))).collect();
    let marks = try_join_all(later.iter().map(|later| core.store.get(later))).await?;
    Ok(marks.iter().all(Option::is_none))
}

/// Takes the recovery code away: how many are left, if it was one.
async fn spend(
    ceremony: &Ceremony<'_>,
    authenticators: &dyn Authenticators,
    typed: &TypedRecovery,
) -> Result<Option<u32>, Refusal> {
    let Ceremony { core, subject, ticket, .. } = ceremony;
    let digest = typed.digest(core, subject);
    let left =
        authenticators.take_recovery_code(subject, &digest).await.map_err(|error| looked_up(&error))?;
    if let Some(left) = left {
        ceremony.record_as(EventKind::RecoveryCodeUsed, ticket);
        if left <= FEW {
            ceremony.record_as(EventKind::RecoveryCodesLow, ticket);
        }
    }
    Ok(left)
}

/// Refuses who still has to wait after a row of wrong guesses.
async fn refuse_waiting(ceremony: &Ceremony<'_>, era: u64) -> Result<(), Refusal> {
    let entry = ceremony.core.store.get(&ceremony.facts.lockout()).await?;
    let until = lockout::until(entry.as_deref(), era);
    if until > ceremony.now {
        return Err(Refusal::RateLimited(ceremony.until(until)));
    }
    Ok(())
}

/// What follows from a wrong guess: a wait after each row of them, and the end at the last.
async fn wrong(
    ceremony: &Ceremony<'_>,
    factor: &TotpFactor,
    era: u64,
    failed: u64,
) -> Result<Refusal, Refusal> {
    let Ceremony { ticket, .. } = ceremony;
    let budgets = ceremony.budgets();
    let tries = u64::from(factor.tries.max(1));
    let is_last = failed == u64::from(budgets.failures.count);
    if !is_last && !failed.is_multiple_of(tries) {
        ceremony.record_as(EventKind::Failed, ticket);
        return Ok(Refusal::Wrong);
    }
    ceremony.record_as(EventKind::Locked, ticket);
    let wait = budgets.lockout.wait(u32::try_from(failed / tries).unwrap_or(u32::MAX).max(1));
    if !wait.is_zero() {
        lockout::begin(ceremony, era, wait).await?;
    }
    if is_last {
        block::begin(ceremony, ticket).await?;
    }
    Ok(Refusal::LastTry)
}

fn locked(ceremony: &Ceremony<'_>) -> Refusal {
    ceremony.record_as(EventKind::Locked, &ceremony.ticket);
    Refusal::Locked
}

fn looked_up(error: &AuthenticatorsError) -> Refusal {
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    tracing::error!(target: "verify", "an authenticator could not be looked up, and nobody passes: {source}");
    Refusal::Unavailable
}
