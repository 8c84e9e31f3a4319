//! Answering a captcha: ask its vendor, and only then remember anything.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join;

use crate::audit::EventKind;
use crate::budgets::PERMANENT;
use crate::captcha::{CaptchaContext, CaptchaErrorKind, Outage};
use crate::ceremony::{Ceremony, GRACE, Redeemed};
use crate::encoding::to_hex;
use crate::factor::CaptchaFactor;
use crate::facts;
use crate::keys::KeyRing;
use crate::refusal::Refusal;
use crate::ticket::Ticket;

/// Room for clocks that differ: a token may be so much older, or younger, than its vendor's clock says.
const SKEW: Duration = Duration::from_secs(60);

const FORM: Refusal = Refusal::Invalid("`token` is what the captcha's widget gives, as text");

/// A token that no vendor has made: whatever a vendor says of it, the vendor is there.
const PROBE: &str = "is-anybody-there";

/// What ties a token to a challenge, where the vendor signs it.
pub(crate) struct Bond {
    pub(crate) action: String,
    pub(crate) binding: String,
}

impl Bond {
    pub(crate) fn of(keys: &KeyRing, policy: &str, ticket: &Ticket) -> Self {
        let digest = ticket.key(keys).map(|key| facts::captcha_binding(key, &ticket.id));
        Self {
            action: policy.replace('-', "_"),
            binding: digest.map(|digest| to_hex(&digest)).unwrap_or_default(),
        }
    }
}

/// The vendor is asked first, and marks are made after, so that a token that does not pass burns neither itself nor the
/// ticket. The token's mark comes before the ticket's: whoever brings a token a second time burns nothing either.
pub(super) async fn captcha(
    ceremony: &Ceremony<'_>,
    factor: &CaptchaFactor,
    token: &str,
) -> Result<Redeemed, Refusal> {
    let Ceremony { core, ticket, facts, now, .. } = ceremony;
    let widget = factor.widget();
    if token.is_empty()
        || token.len() > widget.longest_token
        || !token.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(FORM);
    }
    ceremony.refuse_worn_out()?;
    let key = ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
    let redeemed = facts::redeemed(key, &ticket.id);
    // The public test keys have one token for everybody.
    let spent =
        (!widget.is_test).then(|| facts::captcha_token(core.keys.facts(), widget.kind, token.as_bytes()));
    let look = async {
        match &spent {
            Some(spent) => core.store.get(spent).await,
            None => Ok(None),
        }
    };
    let (seen, answered) = try_join(look, core.store.get(&redeemed)).await?;
    if seen.is_some() || answered.is_some() {
        return used(ceremony);
    }
    let is_checked = ask(ceremony, factor, token).await?;
    // One that was waved through is no token of the vendor's as far as anybody knows: it burns its ticket alone.
    if let Some(spent) = spent.as_ref().filter(|_| is_checked) {
        let life = widget.token_lives + 2 * SKEW + GRACE;
        if !core.store.insert(spent, Bytes::new(), life).await? {
            return used(ceremony);
        }
    }
    let life = ceremony.until(ticket.expires_at).saturating_add(GRACE);
    let revocations = facts.revocations();
    let (first, revocations) = try_join(
        core.store.insert(&redeemed, Bytes::new(), life),
        core.store.add(&revocations, 0, PERMANENT),
    )
    .await?;
    if !first {
        return used(ceremony);
    }
    if is_checked {
        factor.line.came_up();
    } else {
        tracing::warn!(target: "verify", factor = %factor.name, at = now, "a visitor passes unchecked, since the captcha's vendor is down");
        ceremony.record_as(EventKind::PassedUnchecked, ticket);
    }
    Ok(Redeemed { ticket: ticket.clone(), revocations, recovery_codes_left: None })
}

fn used<T>(ceremony: &Ceremony<'_>) -> Result<T, Refusal> {
    ceremony.record_as(EventKind::Replayed, &ceremony.ticket);
    Err(Refusal::AlreadyUsed)
}

/// Asks the vendor: whether the token was checked, and not waved through.
async fn ask(ceremony: &Ceremony<'_>, factor: &CaptchaFactor, token: &str) -> Result<bool, Refusal> {
    let Ceremony { core, ticket, now, .. } = ceremony;
    let Err(kind) = verify(ceremony, factor, token).await? else { return Ok(true) };
    match (kind, factor.outage) {
        (CaptchaErrorKind::SolveAgain(_) | CaptchaErrorKind::LowScore, _) => {
            factor.line.came_up();
            core.misses.add(&ticket.id);
            ceremony.record_for(EventKind::Failed, ticket, kind.name());
            Err(Refusal::Unsolved(kind))
        }
        (CaptchaErrorKind::Misconfigured, _) => Err(Refusal::Misconfigured),
        (CaptchaErrorKind::Busy, _) | (CaptchaErrorKind::Unavailable, Outage::Closed) => {
            Err(Refusal::Unavailable)
        }
        (CaptchaErrorKind::Unavailable, Outage::Open) => Ok(false),
        (CaptchaErrorKind::Unavailable, Outage::Fallback) => {
            factor.line.went_down(*now);
            ceremony.record_as(EventKind::FellBack, ticket);
            Err(Refusal::FellBack)
        }
    }
}

/// Finds out, on a visitor's word that a captcha does not load, whether its vendor is down. Whoever says so wrongly gains
/// nothing.
pub(super) async fn probe(ceremony: &Ceremony<'_>, factor: &CaptchaFactor) -> Result<(), Refusal> {
    let (line, now) = (&factor.line, ceremony.now);
    if factor.outage != Outage::Fallback || line.is_down(now) || !line.may_probe(now) {
        return Ok(());
    }
    if verify(ceremony, factor, PROBE).await? == Err(CaptchaErrorKind::Unavailable) {
        line.went_down(now);
        ceremony.record_as(EventKind::FellBack, &ceremony.ticket);
    }
    Ok(())
}

async fn verify(
    ceremony: &Ceremony<'_>,
    factor: &CaptchaFactor,
    token: &str,
) -> Result<Result<(), CaptchaErrorKind>, Refusal> {
    let Ceremony { core, policy, ticket, .. } = ceremony;
    let Bond { action, binding } = Bond::of(&core.keys, &policy.name, ticket);
    // The same for the same token, so that a vendor who knows repetitions takes a form that is sent twice for one.
    let key = ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
    let attempt = uuid(facts::captcha_attempt(key, &ticket.id, token.as_bytes()));
    let began = core.clock.now();
    let context = CaptchaContext::new(core.origin.host(), began)
        .with_action(&action)
        .with_binding(&binding)
        .with_attempt(&attempt);
    let verdict = factor.line.verifier.verify(token, &context).await;
    let took = core.clock.now().duration_since(began).unwrap_or_default();
    let kind = factor.widget().kind;
    let outcome = verdict.as_ref().map_or_else(|error| error.kind().name(), |()| "passed");
    metrics::counter!("verify_captcha_answers_total", "type" => kind, "outcome" => outcome).increment(1);
    metrics::histogram!("verify_captcha_seconds", "type" => kind).record(took.as_secs_f64());
    verdict.as_ref().err().inspect(|error| match error.kind() {
        CaptchaErrorKind::Misconfigured => {
            tracing::error!(target: "verify", factor = %factor.name, "nobody passes: {error}");
        }
        CaptchaErrorKind::Busy | CaptchaErrorKind::Unavailable => {
            let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            tracing::warn!(target: "verify", factor = %factor.name, source, "{error}");
        }
        _ => tracing::debug!(target: "verify", factor = %factor.name, "{error}"),
    });
    Ok(verdict.map_err(|error| error.kind()))
}

/// RFC 9562, version 4.
fn uuid(mut bytes: [u8; 16]) -> String {
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
    *version = *version & 0x0f | 0x40;
    *variant = *variant & 0x3f | 0x80;
    let digits = to_hex(&bytes);
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captcha_rule_26_an_attempt_has_a_uuid() {
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
    }
}
