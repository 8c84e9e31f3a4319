//! How a challenge stands, for the one who holds it.

use futures_util::future::try_join3;

use crate::ceremony::cooldown::Cooldown;
use crate::ceremony::{Ceremony, link, pin};
use crate::factor::{Factor, LinkOpens};
use crate::refusal::Refusal;

/// What is left of a challenge.
pub(crate) struct Standing {
    pub(crate) status: &'static str,
    pub(crate) tries_left: Option<u64>,
    pub(crate) sends_left: Option<u64>,
    pub(crate) expires_at: u64,
    pub(crate) resend_at: Option<u64>,
    pub(crate) has_other_code: bool,
}

pub(super) async fn stand(ceremony: &Ceremony<'_>) -> Result<Standing, Refusal> {
    let Ceremony { core, facts, ticket, .. } = ceremony;
    let offered = |status| Standing {
        status,
        tries_left: None,
        sends_left: None,
        expires_at: ticket.expires_at,
        resend_at: None,
        has_other_code: false,
    };
    let Some(factor) = ceremony.factor.sends() else {
        return Ok(offered(if ceremony.is_redeemed().await? { "closed" } else { "offered" }));
    };
    let names_one = ticket.opened.is_some();
    let open = ceremony.look().await?.filter(|open| !names_one || open.id == ticket.id);
    let Some(open) = open else {
        // Never sent, or over: a ticket that names its challenge says which.
        return Ok(offered(if names_one { "closed" } else { "offered" }));
    };
    let life = ceremony.counted_until(&open);
    let (tries, cooldown) = (ceremony.tries(&open)?, facts.cooldown());
    let (tries, sends, cooldown) =
        try_join3(async { Ok(core.store.add(&tries, 0, life).await?) }, ceremony.messages(&open, 0), async {
            Ok(core.store.get(&cooldown).await?)
        })
        .await?;
    let tries_left = u64::from(factor.tries).saturating_sub(tries);
    let status = match &*ceremony.factor {
        // The last try may have been the right one.
        Factor::ReversePin(_) => match pin::progress(ceremony, &open, sends).await? {
            pin::Progress::Right => pin::Progress::Right.name(),
            _ if tries_left == 0 => "locked",
            progress => progress.name(),
        },
        _ if tries_left == 0 => "locked",
        Factor::Code(code)
            if code.link == Some(LinkOpens::Anywhere) && link::is_opened(ceremony, &open).await? =>
        {
            "answered"
        }
        _ => "pending",
    };
    Ok(Standing {
        status,
        tries_left: Some(tries_left),
        sends_left: Some(u64::from(factor.sends).saturating_sub(sends)),
        expires_at: open.expires_at,
        resend_at: cooldown.as_deref().and_then(Cooldown::read).map(|cooldown| cooldown.resend_at),
        has_other_code: ticket.chosen.as_ref().is_some_and(|chosen| !open.chosen_is(chosen)),
    })
}
