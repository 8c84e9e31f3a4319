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
use crate::code::Code;
use crate::contact::{Channel, Contact};
use crate::courier::{Approving, Delivery, Wording};
use crate::engine::{Core, PolicyInfo};
use crate::factor::CodeFactor;
use crate::facts;
use crate::refusal::Refusal;
use crate::ticket::Ticket;

/// A message that was committed to. It is written when it is handed to its courier, so that whoever asked does not wait for
/// that either.
pub(super) struct Letter {
    id: [u8; 16],
    channel: Channel,
    to: Contact,
    ticket: Ticket,
    policy: Arc<PolicyInfo>,
    code: Code,
    life: Duration,
    language: Option<String>,
    words: Option<Words>,
    is_linked: bool,
    /// What the links of the message and its service come back with, before they are sealed.
    report: Vec<u8>,
    receipt: Vec<u8>,
}

impl Letter {
    pub(super) fn new(
        ceremony: &Ceremony<'_>,
        factor: &CodeFactor,
        ticket: &Ticket,
        channel: Channel,
        to: Contact,
        number: u64,
    ) -> Result<Self, Refusal> {
        let core = ceremony.core;
        let key = ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
        let id = facts::message(key, &ticket.id, number);
        Ok(Self {
            id,
            channel,
            to,
            policy: Arc::clone(&ceremony.policy),
            code: code_of(ceremony, factor, ticket, generation(factor, number))?,
            life: ceremony.until(ticket.expires_at),
            language: core.language.as_ref().and_then(|language| language(ceremony.subject)),
            words: ceremony.brief.words.clone(),
            is_linked: factor.link.is_some() && channel == Channel::Email,
            report: Report::plain(ceremony, ticket).ok_or(Refusal::Unavailable)?,
            receipt: receipt::plain(ceremony, ticket, &id).ok_or(Refusal::Unavailable)?,
            ticket: ticket.clone(),
        })
    }

    pub(super) fn channel(&self) -> Channel {
        self.channel
    }

    /// As its courier gets it.
    pub(super) fn write(&self, core: &Core) -> Result<Delivery, Refusal> {
        let seal = |kind, plain: &[u8]| token::seal(&core.keys, kind, plain).ok_or(Refusal::Unavailable);
        let message = match &self.words {
            Some(words) => words(self.channel, &self.code, self.life),
            None => {
                let token = seal(Kind::Report, &self.report)?;
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
                    language: self.language.as_deref(),
                    texts: &core.texts,
                    not_me: &not_me,
                    link: link.as_deref(),
                    approval: bound
                        .map(|bound| Approving { transaction: &bound.transaction, format: core.amounts }),
                };
                wording.render(self.channel, &self.code)
            }
        };
        Ok(Delivery {
            id: self.id,
            channel: self.channel,
            to: self.to.clone(),
            message,
            code: self.code.clone(),
            sent_at: core.clock.now(),
            expires_at: UNIX_EPOCH + Duration::from_millis(self.ticket.expires_at),
            receipt: seal(Kind::Receipt, &self.receipt)?,
        })
    }
}
