//! How a challenge stands, for the one who holds it.

use futures_util::future::try_join3;

use crate::ceremony::{Ceremony, Cooldown, GRACE};
use crate::factor::Factor;
use crate::facts;
use crate::refusal::Refusal;

/// What is left of a challenge.
pub(crate) struct Standing {
    pub(crate) status: &'static str,
    pub(crate) tries_left: Option<u64>,
    pub(crate) sends_left: Option<u64>,
    pub(crate) expires_at: u64,
    pub(crate) resend_at: Option<u64>,
}

pub(super) async fn stand(ceremony: &Ceremony<'_>) -> Result<Standing, Refusal> {
    let Ceremony { core, facts, ticket, .. } = ceremony;
    let offered = |status| Standing {
        status,
        tries_left: None,
        sends_left: None,
        expires_at: ticket.expires_at,
        resend_at: None,
    };
    let key = ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
    let Factor::Code(factor) = &*ceremony.factor else {
        let redeemed = core.store.get(&facts::redeemed(key, &ticket.id)).await?.is_some();
        return Ok(offered(if redeemed { "closed" } else { "offered" }));
    };
    let entry = core.store.get(&facts.open()).await?;
    let open = entry.and_then(|sealed| core.reopen(&sealed)).filter(|open| open.id == ticket.id);
    let Some(open) = open.filter(|open| !open.is_expired(ceremony.now)) else {
        // Never sent, or over: a ticket that was opened says which.
        return Ok(offered(if ticket.opened.is_some() { "closed" } else { "offered" }));
    };
    let life = ceremony.until(open.expires_at).saturating_add(GRACE);
    let (tries, sends, cooldown) = try_join3(
        core.store.add(&ceremony.tries()?, 0, life),
        core.store.add(&facts::sends(key, &ticket.id), 0, life),
        core.store.get(&facts.cooldown()),
    )
    .await?;
    let tries_left = u64::from(factor.tries).saturating_sub(tries);
    Ok(Standing {
        status: if tries_left == 0 { "locked" } else { "pending" },
        tries_left: Some(tries_left),
        sends_left: Some(u64::from(factor.sends).saturating_sub(sends)),
        expires_at: open.expires_at,
        resend_at: cooldown.as_deref().and_then(Cooldown::read).map(|cooldown| cooldown.resend_at),
    })
}
