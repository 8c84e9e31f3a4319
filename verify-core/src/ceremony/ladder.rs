//! The ladder of channels: what comes after one that does not deliver, or does not in time.

use std::pin::Pin;
use std::sync::Arc;

use crate::ceremony::{Brief, Ceremony, Errand, send};
use crate::clock::millis_of;
use crate::contact::Channel;
use crate::engine::Core;
use crate::factor::{CodeFactor, Factor};
use crate::refusal::Refusal;
use crate::source::Source;
use crate::subject::Subject;
use crate::ticket::Opened;

/// The channel behind this one.
pub(super) fn after(factor: &CodeFactor, channel: Channel) -> Option<Channel> {
    factor.channels.iter().copied().skip_while(|known| *known != channel).nth(1)
}

/// The channel of the next message if nobody asks for one: the first, then that of the message before, and the one behind it
/// once that has been under way for too long.
pub(super) fn stands(factor: &CodeFactor, opened: Option<&Opened>, now: u64) -> Option<Channel> {
    let Some(opened) = opened else { return factor.channels.first().copied() };
    let waits = factor.fallback_after.map(|wait| opened.sent_at.saturating_add(millis_of(wait)));
    let next = after(factor, opened.channel).filter(|_| waits.is_some_and(|until| now >= until));
    Some(next.unwrap_or(opened.channel))
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
        Some(Self {
            subject: ceremony.subject.clone().into_owned(),
            source: ceremony.source,
            sealed: ceremony.sealed.to_owned(),
            brief: ceremony.brief.clone(),
            channel: after(factor, channel)?,
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
        challenge: String,
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
