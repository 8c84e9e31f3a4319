//! A message as it leaves: to whom, in which words, with which links.

use std::time::{Duration, UNIX_EPOCH};

use crate::ceremony::Ceremony;
use crate::ceremony::link::Link;
use crate::ceremony::receipt;
use crate::ceremony::report::Report;
use crate::ceremony::send::{code_of, generation};
use crate::contact::{Channel, Contact};
use crate::courier::{Approving, Delivery, Wording};
use crate::factor::CodeFactor;
use crate::facts;
use crate::refusal::Refusal;
use crate::ticket::Ticket;

pub(super) fn letter(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    ticket: &Ticket,
    channel: Channel,
    to: Contact,
    number: u64,
) -> Result<Delivery, Refusal> {
    let core = ceremony.core;
    let key = ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
    let code = code_of(ceremony, factor, ticket, generation(factor, number))?;
    let life = ceremony.until(ticket.expires_at);
    let message = match &ceremony.brief.words {
        Some(words) => words(channel, &code, life),
        None => {
            let token = Report::seal(ceremony, ticket).ok_or(Refusal::Unavailable)?;
            // From the configuration: what a request says of its host is never believed (OWASP, Forgot Password).
            let not_me = format!("{}{}/not-me?token={token}", core.origin, core.mount);
            let link = match (factor.link, channel) {
                (Some(_), Channel::Email) => {
                    let token = Link::seal(core, ticket).ok_or(Refusal::Unavailable)?;
                    Some(format!("{}{}/link?token={token}", core.origin, core.mount))
                }
                _ => None,
            };
            let language = core.language.as_ref().and_then(|language| language(ceremony.subject));
            let wording = Wording {
                site: &core.site,
                origin: &core.origin,
                policy: &ceremony.policy.name,
                purpose: &ceremony.policy.purpose,
                life,
                language: language.as_deref(),
                texts: &core.texts,
                not_me: &not_me,
                link: link.as_deref(),
                approval: ticket
                    .bound
                    .as_ref()
                    .map(|bound| Approving { transaction: &bound.transaction, format: core.amounts }),
            };
            wording.render(channel, &code)
        }
    };
    let id = facts::message(key, &ticket.id, number);
    Ok(Delivery {
        id,
        channel,
        to,
        message,
        code,
        sent_at: core.clock.now(),
        expires_at: UNIX_EPOCH + Duration::from_millis(ticket.expires_at),
        receipt: receipt::seal(ceremony, ticket, &id).ok_or(Refusal::Unavailable)?,
    })
}
