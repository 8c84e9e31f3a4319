//! *This was not me*: whoever gets a message that they did not ask for ends what it was for.

use std::sync::Arc;

use crate::audit::EventKind;
use crate::budgets::PERMANENT;
use crate::ceremony::token::{self, Kind};
use crate::ceremony::{Brief, Ceremony, cooldown, lockout};
use crate::contact::Channel;
use crate::encoding::{Reader, Writer};
use crate::engine::{Core, NotMe};
use crate::facts::{self, Names, SubjectFacts};
use crate::keys::KeyId;
use crate::refusal::Refusal;
use crate::source::Source;
use crate::subject::Subject;
use crate::ticket::{Opened, PolicyTag, Ticket};

/// What the link of a message names: a challenge, and whose, by keyed digests. It is good for this and nothing else, as
/// long as the code is; the code is not in it.
pub(crate) struct Report {
    ticket: Ticket,
    identity: [u8; 16],
    place: [u8; 16],
    bound: Option<[u8; 32]>,
}

impl Report {
    /// What the token of a challenge holds whose message is about to leave, before it is sealed.
    pub(super) fn plain(ticket: &Ticket, names: &Names) -> Option<Vec<u8>> {
        let opened = ticket.opened?;
        let mut plain = Writer::with_capacity(160);
        plain.fixed(&ticket.id).field(ticket.key.as_bytes()).fixed(&ticket.policy.0).fixed(&ticket.factor.0);
        plain.u64(ticket.expires_at).fixed(&names.identity).fixed(&names.place);
        plain.u64(opened.era).byte(opened.channel.byte()).u16(opened.calling_code);
        match &names.bound {
            Some(digest) => plain.byte(1).fixed(digest),
            None => plain.byte(0),
        };
        Some(plain.finish())
    }

    /// Opens a token, while its challenge could still be answered.
    pub(crate) fn open(core: &Core, text: &str) -> Result<Self, Refusal> {
        let plain = token::open(&core.keys, Kind::Report, text).ok_or(Refusal::SessionExpired)?;
        let report = Self::read(&plain).ok_or(Refusal::SessionExpired)?;
        if report.ticket.is_expired(core.now()) || report.ticket.key(&core.keys).is_none() {
            return Err(Refusal::SessionExpired);
        }
        Ok(report)
    }

    fn read(plain: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(plain);
        let id = reader.array()?;
        let key = KeyId::new(reader.text()?)?;
        let policy = PolicyTag(reader.array()?);
        let factor = crate::factor::FactorTag(reader.array()?);
        let expires_at = reader.u64()?;
        let (identity, place) = (reader.array()?, reader.array()?);
        let opened = Opened {
            era: reader.u64()?,
            revocations: 0,
            channel: Channel::from_byte(reader.byte()?)?,
            calling_code: reader.u16()?,
            prefix: [0; 8],
            sent_at: 0,
        };
        let bound = match reader.byte()? {
            0 => None,
            1 => Some(reader.array()?),
            _ => return None,
        };
        reader.end()?;
        let ticket = Ticket {
            id,
            key,
            policy,
            factor,
            subject: [0; 16],
            expires_at,
            return_to: Arc::default(),
            chosen: None,
            bound: None,
            terms: None,
            opened: Some(opened),
            puzzle: None,
        };
        Some(Self { ticket, identity, place, bound })
    }

    /// What the challenge was for.
    pub(crate) fn purpose(&self, core: &Core) -> Result<String, Refusal> {
        let known = core.registry.find(self.ticket.policy, self.ticket.factor);
        known.map(|(policy, _)| policy.purpose.clone()).ok_or(Refusal::Misconfigured)
    }

    /// Voids the challenge, and an approval that was given with it and not used; says whether there was anything to void.
    pub(crate) async fn act(self, core: &Arc<Core>, source: Source) -> Result<bool, Refusal> {
        let Self { ticket, identity, place, bound } = self;
        let (policy, factor) =
            core.registry.find(ticket.policy, ticket.factor).ok_or(Refusal::Misconfigured)?;
        let facts = SubjectFacts::restored(core.keys.facts(), ticket.factor, identity, place, bound);
        // The token names the user by digests only, and nothing below asks for more.
        let nobody = Subject::visitor("");
        let (id, opened) = (ticket.id, ticket.opened);
        let ceremony = Ceremony {
            core,
            subject: &nobody,
            source,
            sealed: "",
            ticket,
            policy,
            factor,
            facts,
            brief: Brief::NOTHING,
            now: core.now(),
        };
        let closed = ceremony.close(&ceremony.ticket).await?.is_some();
        if closed {
            cooldown::disown(&ceremony).await?;
        }
        let approved = core.store.take(&facts::grant(core.keys.facts(), &id)).await?.is_some();
        if let (NotMe::LockFor(time), Some(opened)) = (core.not_me, opened) {
            // The era of the message may be over: by a block, or by a success after a failure.
            let era = core.store.add(&ceremony.facts.era(), 0, PERMANENT).await?.max(opened.era);
            lockout::begin(&ceremony, era, time).await?;
        }
        let voided = closed || approved;
        ceremony.record_for(EventKind::Reported, &ceremony.ticket, if voided { "voided" } else { "over" });
        Ok(voided)
    }
}
