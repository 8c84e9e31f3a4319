//! Receipts: what became of a message after its service had taken it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::audit::{self, Event, EventKind};
use crate::ceremony::token::{self, Kind};
use crate::contact::Channel;
use crate::encoding::{Reader, Writer};
use crate::engine::{Core, Engine};
use crate::factor::FactorTag;
use crate::facts::{self, Names};
use crate::store::StoreError;
use crate::ticket::{PolicyTag, Ticket};

/// Services tell within minutes, and try again for hours.
const LIFE: Duration = Duration::from_secs(48 * 3600);

/// What a service says of a message that it had taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fate {
    /// It is at the recipient's.
    Arrived,
    /// It will never be.
    Lost,
}

/// What a receipt was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiptOutcome {
    /// Told as an [`Event`].
    Recorded,
    /// Told before: services repeat what they say, and so does whoever listened.
    Repeated,
    /// Not of a message of this engine, or older than two days.
    Unknown,
}

/// What comes back with a receipt, before it is sealed for the courier to give to its service.
pub(super) fn plain(
    core: &Core,
    ticket: &Ticket,
    names: &Names,
    id: &[u8; 16],
    sent_at: u64,
) -> Option<Vec<u8>> {
    let opened = ticket.opened?;
    let challenge = facts::pseudonym(core.keys.facts(), &ticket.id);
    let mut plain = Writer::with_capacity(80);
    plain.fixed(id).u64(sent_at).fixed(&ticket.policy.0).fixed(&ticket.factor.0);
    plain.fixed(&challenge).fixed(&facts::short(&names.identity));
    plain.byte(opened.channel.byte()).u16(opened.calling_code);
    Some(plain.finish())
}

impl Engine {
    /// Tells as an [`Event`] what became of a message, by the [`Delivery::receipt`](crate::Delivery::receipt) that its
    /// courier gave to the service: [`EventKind::Arrived`] or [`EventKind::Lost`], once each, however often it is said. Whoever
    /// calls has made sure that it is the service who says it.
    ///
    /// Where answers may tell who has an address ([`MissingContacts::Tell`](crate::MissingContacts::Tell)), the next message
    /// after a lost one goes over the next channel of the ladder, unless one is asked for by name, and at once.
    ///
    /// # Errors
    /// When the store did not answer; nothing was told then, so the service may say it again.
    pub async fn receive(&self, receipt: &str, fate: Fate) -> Result<ReceiptOutcome, StoreError> {
        let core = &self.core;
        let Some((id, event)) = read(core, receipt, fate) else { return Ok(ReceiptOutcome::Unknown) };
        let mark = facts::receipt(core.keys.facts(), &id, event.kind.name());
        if !core.store.insert(&mark, Bytes::new(), LIFE).await? {
            return Ok(ReceiptOutcome::Repeated);
        }
        audit::record(core.listener.as_ref(), &event);
        Ok(ReceiptOutcome::Recorded)
    }
}

fn read(core: &Arc<Core>, text: &str, fate: Fate) -> Option<([u8; 16], Event)> {
    let plain = token::open(&core.keys, Kind::Receipt, text)?;
    let mut reader = Reader::new(&plain);
    let id = reader.array::<16>()?;
    let sent_at = reader.u64()?;
    let (policy, factor) = (PolicyTag(reader.array()?), FactorTag(reader.array()?));
    let (challenge, subject) = (reader.array::<8>()?, reader.array::<8>()?);
    let (channel, calling_code) = (Channel::from_byte(reader.byte()?)?, reader.u16()?);
    reader.end()?;
    // The mark that it was told is gone after as long, and by then nobody may tell it anew.
    if core.now() >= sent_at.saturating_add(crate::clock::millis_of(LIFE)) {
        return None;
    }
    let (policy, factor) = core.registry.find(policy, factor)?;
    let kind = match fate {
        Fate::Arrived => EventKind::Arrived,
        Fate::Lost => EventKind::Lost,
    };
    let event = Event::new(kind, core.clock.now(), &policy.name, factor.name(), subject).of(challenge);
    Some((id, Event { channel: Some(channel), calling_code, ..event }))
}
