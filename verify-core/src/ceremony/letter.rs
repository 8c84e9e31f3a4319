//! A message: what is known of it when it is sent, and how it is written when it leaves.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use crate::ceremony::Ceremony;
use crate::ceremony::brief::Words;
use crate::ceremony::link::Link;
use crate::ceremony::receipt;
use crate::ceremony::report::Report;
use crate::ceremony::send::{code_of, generation};
use crate::ceremony::token::{self, Kind};
use crate::contact::{Channel, Contact};
use crate::courier::{Approving, Delivery, Wording};
use crate::engine::{Core, PolicyInfo};
use crate::factor::CodeFactor;
use crate::facts::{self, Names};
use crate::refusal::Refusal;
use crate::subject::Subject;
use crate::ticket::Ticket;

/// A message that was committed to. It is written when it is handed to its courier, so that whoever asked does not wait for
/// that either.
pub(super) struct Letter {
    number: u64,
    channel: Channel,
    to: Contact,
    ticket: Ticket,
    policy: Arc<PolicyInfo>,
    digits: u8,
    generation: u64,
    sent_at: u64,
    names: Names,
    life: Duration,
    /// Who reads it, where the application knows their languages.
    reader: Option<Subject<'static>>,
    words: Option<Words>,
    is_linked: bool,
}

impl Letter {
    pub(super) fn new(
        ceremony: &Ceremony<'_>,
        factor: &CodeFactor,
        ticket: &Ticket,
        channel: Channel,
        to: Contact,
        number: u64,
    ) -> Self {
        let core = ceremony.core;
        Self {
            number,
            channel,
            to,
            policy: Arc::clone(&ceremony.policy),
            digits: factor.digits,
            generation: generation(factor, number),
            sent_at: ceremony.now,
            names: ceremony.facts.names(),
            life: ceremony.until(ticket.expires_at),
            reader: core.language.as_ref().map(|_| ceremony.subject.clone().into_owned()),
            words: ceremony.brief.words.clone(),
            is_linked: factor.link.is_some() && channel == Channel::Email,
            ticket: ticket.clone(),
        }
    }

    pub(super) const fn channel(&self) -> Channel {
        self.channel
    }

    /// As its courier gets it.
    pub(super) fn write(&self, core: &Core) -> Result<Delivery, Refusal> {
        let Self { ticket, names, .. } = self;
        let key = ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
        let id = facts::message(key, &ticket.id, self.number);
        let code = code_of(core, self.digits, ticket, self.generation)?;
        let receipt = receipt::plain(core, ticket, names, &id, self.sent_at).ok_or(Refusal::Unavailable)?;
        let seal = |kind, plain: &[u8]| token::seal(&core.keys, kind, plain).ok_or(Refusal::Unavailable);
        let message = match &self.words {
            Some(words) => words(self.channel, &code, self.life),
            None => {
                // Asked here and not before, since nobody is to wait for it whose address is known.
                let language = core.language.as_ref().zip(self.reader.as_ref());
                let language = language.and_then(|(language, reader)| language(reader));
                let report = Report::plain(ticket, names).ok_or(Refusal::Unavailable)?;
                let token = seal(Kind::Report, &report)?;
                // From the configuration: what a request says of its host is never believed (OWASP, Forgot Password).
                let not_me = format!("{}{}/not-me?token={token}", core.origin, core.mount);
                let link = if self.is_linked {
                    let token = Link::seal(core, &self.ticket).ok_or(Refusal::Unavailable)?;
                    Some(format!("{}{}/link?token={token}", core.origin, core.mount))
                } else {
                    None
                };
                let bound = self.ticket.bound.as_ref();
                let wording = Wording {
                    site: &core.site,
                    origin: &core.origin,
                    policy: &self.policy.name,
                    purpose: &self.policy.purpose,
                    life: self.life,
                    language: language.as_deref(),
                    texts: &core.texts,
                    not_me: &not_me,
                    link: link.as_deref(),
                    approval: bound
                        .map(|bound| Approving { transaction: &bound.transaction, format: core.amounts }),
                };
                wording.render(self.channel, &code)
            }
        };
        Ok(Delivery {
            id,
            channel: self.channel,
            to: self.to.clone(),
            message,
            code,
            sent_at: core.clock.now(),
            expires_at: UNIX_EPOCH + Duration::from_millis(self.ticket.expires_at),
            receipt: seal(Kind::Receipt, &receipt)?,
        })
    }
}
