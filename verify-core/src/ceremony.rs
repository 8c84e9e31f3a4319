//! What can be done with a ticket: send its code, answer it, ask how it stands, cancel it.
//!
//! Every step is count first, compare after; and a challenge is over by taking its one entry away, so that of any
//! number of concurrent requests one wins and a store that lost its memory lets nobody in.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::audit::{self, Event, EventKind};
use crate::clearance::Proof;
use crate::encoding::{Reader, Writer, to_hex};
use crate::engine::{Core, PolicyInfo};
use crate::factor::Factor;
use crate::facts::{self, SubjectFacts};
use crate::refusal::Refusal;
use crate::source::Source;
use crate::store::Key;
use crate::subject::Subject;
use crate::ticket::{Ticket, subject_digest};

mod answer;
mod send;
mod stand;

pub(crate) use send::Sent;
pub(crate) use stand::Standing;

/// A counter of successes outlives every counter of failures that hangs on it.
const ERA_TTL: Duration = Duration::from_secs(90 * 24 * 3600);

/// How much longer than a ticket its counters live: room for clocks that disagree.
const GRACE: Duration = Duration::from_secs(60);

/// A ticket that was opened for the subject it was sealed for, with all that is needed to act on it.
pub(crate) struct Ceremony<'c> {
    core: &'c Core,
    subject: &'c Subject<'c>,
    source: Source,
    pub(crate) ticket: Ticket,
    pub(crate) policy: Arc<PolicyInfo>,
    pub(crate) factor: Arc<Factor>,
    facts: SubjectFacts<'c>,
    now: u64,
}

impl<'c> Ceremony<'c> {
    /// Opens the ticket; whatever is wrong with it, the answer is the same.
    pub(crate) fn begin(
        core: &'c Core,
        subject: &'c Subject<'c>,
        source: Source,
        sealed: &str,
    ) -> Result<Self, Refusal> {
        let now = core.now();
        let ticket = Ticket::open(&core.keys, sealed).ok_or(Refusal::SessionExpired)?;
        let key = ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
        if ticket.is_expired(now) || ticket.subject != subject_digest(key, subject) {
            return Err(Refusal::SessionExpired);
        }
        let (policy, factor) =
            core.registry.find(ticket.policy, ticket.factor).ok_or(Refusal::Misconfigured)?;
        let facts = SubjectFacts::new(core.keys.oldest(), subject, ticket.factor);
        Ok(Self { core, subject, source, ticket, policy, factor, facts, now })
    }

    /// Sends, for a code; for anything else there is nothing to send.
    pub(crate) async fn send(&self, channel: Option<&str>) -> Result<Option<Sent>, Refusal> {
        match &*self.factor {
            Factor::Code(code) => send::send(self, code, channel).await.map(Some),
            Factor::Work(_) => Ok(None),
        }
    }

    /// Checks an answer and redeems the challenge: one proof for one success.
    pub(crate) async fn answer(&self, answer: &str) -> Result<Proof, Refusal> {
        let redeemed = match &*self.factor {
            Factor::Code(code) => answer::code(self, code, answer).await?,
            Factor::Work(work) => answer::work(self, work, answer).await?,
        };
        self.record_as(EventKind::Verified, &redeemed);
        Ok(Proof { factor: self.ticket.factor, verified_at: self.now, binding: None })
    }

    /// Ends the challenge, whoever else holds its ticket.
    pub(crate) async fn cancel(&self) -> Result<(), Refusal> {
        if let Some(open) = self.close().await? {
            self.record_as(EventKind::Cancelled, &open);
        }
        Ok(())
    }

    /// How it stands.
    pub(crate) async fn stand(&self) -> Result<Standing, Refusal> {
        stand::stand(self).await
    }

    /// Takes the open entry away and returns it, if it is this challenge's.
    async fn close(&self) -> Result<Option<Ticket>, Refusal> {
        let taken = self.core.store.take(&self.facts.open()).await?;
        self.own(taken).await
    }

    /// The entry that was taken, if it is this challenge's and still alive. The entry of a later challenge of the same
    /// subject is put back: somebody came with the right answer to a dead one.
    async fn own(&self, taken: Option<Bytes>) -> Result<Option<Ticket>, Refusal> {
        let Some(sealed) = taken else { return Ok(None) };
        let Some(open) = self.core.reopen(&sealed).filter(|open| !open.is_expired(self.now)) else {
            return Ok(None);
        };
        if open.id == self.ticket.id {
            return Ok(Some(open));
        }
        self.core.store.insert(&self.facts.open(), sealed, self.until(open.expires_at)).await?;
        Ok(None)
    }

    /// The time from now to that moment, and never zero.
    fn until(&self, moment: u64) -> Duration {
        Duration::from_millis(moment.saturating_sub(self.now).max(1))
    }

    fn tries(&self) -> Result<Key, Refusal> {
        let key = self.ticket.key(&self.core.keys).ok_or(Refusal::SessionExpired)?;
        Ok(facts::tries(key, &self.ticket.id))
    }

    fn record(&self, kind: EventKind) {
        self.record_as(kind, &self.ticket);
    }

    fn record_as(&self, kind: EventKind, ticket: &Ticket) {
        let challenge = ticket.key(&self.core.keys).map(|key| facts::message(key, &ticket.id, u64::MAX));
        let short = |bytes: &[u8]| to_hex(bytes.first_chunk::<8>().map_or(&[], |chunk| chunk.as_slice()));
        let event = Event {
            kind,
            at: self.core.clock.now(),
            policy: self.policy.name.clone(),
            factor: self.factor.name().to_owned(),
            challenge: challenge.map(|bytes| short(&bytes)).unwrap_or_default(),
            subject: short(self.facts.identity()),
            channel: ticket.opened.map(|opened| opened.channel),
            calling_code: ticket.opened.map_or(0, |opened| opened.calling_code),
        };
        audit::record(self.core.listener.as_ref(), &event);
    }
}

/// Until when a subject has to wait for its next message, and because of which challenge.
struct Cooldown {
    ticket: [u8; 16],
    sent_at: u64,
    resend_at: u64,
}

impl Cooldown {
    fn write(&self) -> Bytes {
        let mut writer = Writer::with_capacity(32);
        writer.fixed(&self.ticket).u64(self.sent_at).u64(self.resend_at);
        writer.finish().into()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let read = Self { ticket: reader.array()?, sent_at: reader.u64()?, resend_at: reader.u64()? };
        reader.end()?;
        Some(read)
    }
}
