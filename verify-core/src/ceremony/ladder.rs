//! The ladder of channels: what comes after one that does not deliver, or does not in time.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::audit::EventKind;
use crate::audit::Pseudonym;
use crate::ceremony::cooldown::Cooldown;
use crate::ceremony::{Brief, Ceremony, Errand, send};
use crate::clock::millis_of;
use crate::contact::Channel;
use crate::engine::Core;
use crate::factor::{CodeFactor, Factor};
use crate::facts;
use crate::refusal::Refusal;
use crate::source::Source;
use crate::subject::Subject;
use crate::ticket::{Opened, Ticket};

/// The channel behind this one.
pub(super) fn after(factor: &CodeFactor, channel: Channel) -> Option<Channel> {
    factor.channels.iter().copied().skip_while(|known| *known != channel).nth(1)
}

/// The channel of the next message if nobody asks for one: the first, then that of the message before, and the one behind it
/// once that has been under way for too long.
fn stands(factor: &CodeFactor, opened: Option<&Opened>, now: u64) -> Option<Channel> {
    let Some(opened) = opened else { return factor.channels.first().copied() };
    let waits = factor.fallback_after.map(|wait| opened.sent_at.saturating_add(millis_of(wait)));
    let next = after(factor, opened.channel).filter(|_| waits.is_some_and(|until| now >= until));
    Some(next.unwrap_or(opened.channel))
}

/// The channel of the next message if nobody asks for one: where the ladder stands, and above it if the service has said since
/// that the message before will never arrive. Whoever was waiting for that one waits no longer (R59).
///
/// Where answers hide who has an address they stay alike, so there the ladder does not follow what a service says later.
pub(super) async fn next(ceremony: &Ceremony<'_>, factor: &CodeFactor) -> Result<Option<Channel>, Refusal> {
    let opened = ceremony.ticket.opened;
    let stands = stands(factor, opened.as_ref(), ceremony.now);
    let Some(opened) = opened.filter(|_| send::tells(ceremony)) else { return Ok(stands) };
    let Some(above) = after(factor, opened.channel) else { return Ok(stands) };
    let lost = give_back(ceremony, &ceremony.ticket).await?;
    Ok(if lost { Some(above) } else { stands })
}

/// Whether the last message of a challenge is lost. Once for each, the wait that it began is given back.
async fn give_back(ceremony: &Ceremony<'_>, challenge: &Ticket) -> Result<bool, Refusal> {
    let Ceremony { core, facts, .. } = ceremony;
    let key = challenge.key(&core.keys).ok_or(Refusal::SessionExpired)?;
    let life = ceremony.counted_until(challenge);
    let number = ceremony.messages(challenge, 0).await?;
    let message = facts::message(key, &challenge.id, number);
    let fact = |what| facts::receipt(core.keys.facts(), &message, what);
    if core.store.get(&fact(EventKind::Lost.name())).await?.is_none() {
        return Ok(false);
    }
    // Of those that come at once, one ends the wait: whoever is late must not end the next one's.
    if core.store.insert(&fact("given-back"), Bytes::new(), life).await? {
        let name = facts.cooldown();
        let running = core.store.get(&name).await?;
        if running.as_deref().and_then(Cooldown::read).is_some_and(|running| running.is_of(challenge)) {
            core.store.take(&name).await?;
        }
    }
    Ok(true)
}

/// The step up from a channel that will never deliver, once the request is answered.
pub(super) struct Rung {
    subject: Subject<'static>,
    source: Source,
    sealed: String,
    brief: Brief,
    channel: Channel,
}

impl Rung {
    /// The one above this channel, if there is one.
    pub(super) fn above(ceremony: &Ceremony<'_>, factor: &CodeFactor, channel: Channel) -> Option<Self> {
        let channel = after(factor, channel)?;
        Some(Self {
            subject: ceremony.subject.clone().into_owned(),
            source: ceremony.source,
            sealed: ceremony.sealed.to_owned(),
            brief: ceremony.brief.clone(),
            channel,
        })
    }

    /// The channel that it leads to.
    pub(super) fn channel(&self) -> Channel {
        self.channel
    }

    /// Sends there, within the same budgets, and leaves its message to be delivered; nothing if the challenge of this
    /// [pseudonym](Ceremony::pseudonym) is not open any more, since whoever cancelled, answered or reported it wants no other.
    /// Boxed, since what it leaves may climb in its turn.
    pub(super) fn climb(
        self,
        core: Arc<Core>,
        challenge: Pseudonym,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Errand>, Refusal>> + Send>> {
        Box::pin(async move {
            let Self { subject, source, sealed, brief, channel } = self;
            let ceremony = Ceremony::begin_with(&core, &subject, source, &brief, &sealed)?;
            let Factor::Code(factor) = &*ceremony.factor else { return Ok(None) };
            let open = ceremony.look().await?;
            if open.is_none_or(|open| ceremony.pseudonym(&open) != challenge) {
                return Ok(None);
            }
            Ok(send::send_over(&ceremony, factor, channel, true).await?.errand)
        })
    }
}
