//! Sending a code: look, reserve, commit, then deliver. Nothing that was refused leaves a trace.

use futures_util::future::try_join4;

use crate::audit::EventKind;
use crate::budgets::PERMANENT;
use crate::ceremony::deliver::{Errand, Parcel, Permit};
use crate::ceremony::ladder::{self, Rung};
use crate::ceremony::letter::Letter;
use crate::ceremony::pin::Dial;
use crate::ceremony::remote::Order;
use crate::ceremony::spend::Reserved;
use crate::ceremony::wish::{Reservation, Sight, Wish, look};
use crate::ceremony::{Ceremony, block, spending};
use crate::code::Code;
use crate::contact::{Channel, Contact};
use crate::engine::{Core, MissingContacts};
use crate::factor::{CodeFactor, Factor, Resend};
use crate::facts;
use crate::refusal::Refusal;
use crate::ticket::{Opened, Ticket};

/// A challenge whose code is on its way.
pub(crate) struct Sent {
    pub(crate) ticket: Ticket,
    pub(crate) hint: String,
    pub(crate) resend_at: u64,
    /// Which of its challenge's messages it is, counted from one; nothing for one that had been sent already.
    pub(crate) number: Option<u64>,
    /// What has to be dialled, where the answer comes from outside.
    pub(crate) pin: Option<Code>,
    /// What still has to be done, once this was answered.
    pub(crate) errand: Option<Errand>,
}

/// The courier, or the service, will never reach this address this way.
pub(super) const UNREACHABLE: Refusal =
    Refusal::Invalid("this channel does not reach you; choose another one");

/// Concurrent sends may open, exhaust and close the entry between two looks at it; this many looks settle it.
const LOOKS: usize = 4;

/// Sends over the channel that was asked for; or else over the first one of the ladder that takes the message.
pub(super) async fn send(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    channel: Option<&str>,
) -> Result<Sent, Refusal> {
    let mut over = pick(ceremony, factor, channel).await?;
    loop {
        let sent = send_over(ceremony, factor, over, channel.is_none()).await;
        match (sent, ladder::after(factor, over)) {
            (Err(UNREACHABLE), Some(next)) if channel.is_none() => over = next,
            (sent, _) => return sent,
        }
    }
}

/// Sends over this channel; `may_climb` says whether another one may take its place if it will never deliver.
pub(super) async fn send_over(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    channel: Channel,
    may_climb: bool,
) -> Result<Sent, Refusal> {
    let Ceremony { core, facts, .. } = ceremony;
    let permit = core.queue.enter().ok_or(Refusal::Unavailable)?;
    let contact = whom(ceremony, channel).await?.filter(|contact| contact.fits(channel));
    let contact = allowed(ceremony, contact);
    if contact.is_none() && tells(ceremony) {
        return Err(UNREACHABLE);
    }
    let hint = contact.as_ref().map_or_else(|| decoy(&facts.decoy(), channel), Contact::hint);

    let (era, revocations, blocked, sight) = try_join4(
        core.store.add(&facts.era(), 0, PERMANENT),
        core.store.add(&facts.revocations(), 0, PERMANENT),
        block::stands(ceremony),
        Sight::of(ceremony),
    )
    .await?;
    core.revocations.heard(ceremony.subject, revocations);
    if blocked {
        ceremony.record_as(EventKind::SendRefused, &ceremony.ticket);
        return Err(Refusal::Locked);
    }
    let opened = Opened {
        era,
        revocations,
        channel,
        calling_code: contact.as_ref().map_or(0, Contact::calling_code),
        prefix: match contact.as_ref().and_then(Contact::prefix) {
            _ if !spending::looks_at_prefixes(ceremony) => [0; 8],
            Some(prefix) => facts::prefix(core.keys.facts(), prefix),
            None => facts.decoy().first_chunk().copied().unwrap_or_default(),
        },
        sent_at: ceremony.now,
    };
    let contact = affordable(ceremony, contact, &opened).await?;
    let mut sight = Some(sight);
    for _ in 0..LOOKS {
        let seen = match sight.take() {
            Some(seen) => seen,
            None => Sight::of(ceremony).await?,
        };
        let wish = look(ceremony, factor, opened, seen).await?;
        let reserved = match wish.reserve(ceremony, factor, contact.as_ref()).await {
            Ok(Reservation::Made(reserved)) => reserved,
            Ok(Reservation::AlreadySent { ticket, resend_at }) => {
                return Ok(Sent { ticket: *ticket, hint, resend_at, number: None, pin: None, errand: None });
            }
            Err(refusal) => return Err(refused(ceremony, &wish, refusal)),
        };
        match wish.commit(ceremony, factor).await {
            Ok(Some(number)) => {
                if !wish.is_open {
                    ceremony.record_as(EventKind::Created, &wish.ticket);
                }
                let resend_at = reserved.resend_at;
                let errand = match paid(ceremony, contact, &wish.ticket, &reserved).await? {
                    Some(to) => {
                        let outgoing = Outgoing { factor, ticket: &wish.ticket, to, number, may_climb };
                        Some(errand(ceremony, outgoing, reserved, permit)?)
                    }
                    None => None,
                };
                ceremony.record_as(EventKind::Sent, &wish.ticket);
                let number = Some(number);
                return deliver(
                    ceremony,
                    Sent { ticket: wish.ticket, hint, resend_at, number, pin: None, errand },
                )
                .await;
            }
            // Somebody else has opened one in between: look again.
            Ok(None) => reserved.release(core).await?,
            Err(refusal) => {
                reserved.release(core).await?;
                return Err(refused(ceremony, &wish, refusal));
            }
        }
    }
    Err(Refusal::Unavailable)
}

/// Whether an answer may say that a message goes nowhere.
pub(super) fn tells(ceremony: &Ceremony<'_>) -> bool {
    ceremony.core.missing_contacts == MissingContacts::Tell || ceremony.brief.to.is_some()
}

/// The address, if a message to it is within what may be spent. If not, it is as if there were none where nobody may learn who
/// has one: limits of a range of numbers would tell.
async fn affordable(
    ceremony: &Ceremony<'_>,
    contact: Option<Contact>,
    opened: &Opened,
) -> Result<Option<Contact>, Refusal> {
    match spending::look(ceremony, contact.as_ref(), opened).await? {
        Ok(()) => Ok(contact),
        Err(_) if contact.is_none() => Ok(None),
        Err(stop) => {
            let refusal = stop.tell(ceremony);
            if tells(ceremony) { Err(refusal) } else { Ok(None) }
        }
    }
}

/// The same once the message is counted.
async fn paid(
    ceremony: &Ceremony<'_>,
    contact: Option<Contact>,
    ticket: &Ticket,
    reserved: &Reserved,
) -> Result<Option<Contact>, Refusal> {
    match spending::count(ceremony, contact.as_ref(), ticket).await? {
        Ok(()) => Ok(contact),
        Err(_) if contact.is_none() => Ok(None),
        Err(stop) => {
            let refusal = stop.tell(ceremony);
            if tells(ceremony) {
                reserved.release(ceremony.core).await?;
                return Err(refusal);
            }
            Ok(None)
        }
    }
}

/// The address, unless messages may not go there: then it is as if there were none, and nothing is spent on it.
fn allowed(ceremony: &Ceremony<'_>, contact: Option<Contact>) -> Option<Contact> {
    let contact = contact?;
    let Some(reason) = ceremony.core.barred(&contact) else { return Some(contact) };
    ceremony.record_for(EventKind::SendRefused, &ceremony.ticket, reason);
    None
}

/// The address that the caller gives, or else the application's for this subject.
async fn whom(ceremony: &Ceremony<'_>, channel: Channel) -> Result<Option<Contact>, Refusal> {
    if let Some(given) = &ceremony.brief.to {
        return Ok(Some(given.clone()));
    }
    let contacts = ceremony.core.contacts.as_ref().ok_or(Refusal::Misconfigured)?;
    contacts.contact(ceremony.subject, channel).await.map_err(|_| {
        tracing::error!(target: "verify", channel = channel.name(), "the address could not be looked up; nothing was sent");
        Refusal::Unavailable
    })
}

fn refused(ceremony: &Ceremony<'_>, wish: &Wish, refusal: Refusal) -> Refusal {
    if matches!(refusal, Refusal::RateLimited(_)) {
        ceremony.record_as(EventKind::SendRefused, &wish.ticket);
    }
    refusal
}

/// The channel that was asked for, if the factor offers it; else where the ladder stands.
async fn pick(ceremony: &Ceremony<'_>, factor: &CodeFactor, asked: Option<&str>) -> Result<Channel, Refusal> {
    match asked {
        None => ladder::next(ceremony, factor).await?.ok_or(Refusal::Misconfigured),
        Some(name) => Channel::from_name(name)
            .filter(|channel| factor.channels.contains(channel))
            .ok_or(Refusal::Invalid("`channel` is not among those that this challenge offers")),
    }
}

/// A message that is to leave.
struct Outgoing<'l> {
    factor: &'l CodeFactor,
    ticket: &'l Ticket,
    to: Contact,
    number: u64,
    may_climb: bool,
}

fn errand(
    ceremony: &Ceremony<'_>,
    message: Outgoing<'_>,
    reserved: Reserved,
    permit: Permit,
) -> Result<Errand, Refusal> {
    let Outgoing { factor, ticket, to, number, may_climb } = message;
    let core = ceremony.core;
    let channel = ticket.opened.map(|opened| opened.channel).ok_or(Refusal::Misconfigured)?;
    let about = ceremony.about(ticket);
    let parcel = if matches!(&*ceremony.factor, Factor::ReversePin(_)) {
        Parcel::Call(Box::new(Dial::new(ceremony, factor, ticket, to, number)?))
    } else if core.code_services.contains_key(&channel) {
        Parcel::Order(Box::new(Order::new(ceremony, ticket, to, number)?))
    } else {
        Parcel::Message(Box::new(Letter::new(ceremony, factor, ticket, channel, to, number)))
    };
    // Whoever is told that a channel does not reach takes the next one with open eyes.
    let rung = (may_climb && !tells(ceremony)).then(|| Rung::above(ceremony, factor, channel)).flatten();
    Ok(Errand::new(core, parcel, about, reserved, permit, rung))
}

/// Delivers before the answer where the application lets its answers tell how that went, and leaves it for after the
/// answer where nobody may learn from it who has an address.
async fn deliver(ceremony: &Ceremony<'_>, mut sent: Sent) -> Result<Sent, Refusal> {
    if ceremony.brief.to.is_some() {
        // Whoever gives the address decides whether its answer waits for the message.
        return Ok(sent);
    }
    let tells = tells(ceremony);
    if let Some(errand) = sent.errand.take_if(|errand| tells || errand.is_instant()) {
        errand.deliver().await?;
    }
    Ok(sent)
}

/// Which of a challenge's codes the message with this number carries. A message beyond the cap was refused, and voids
/// nothing.
pub(super) fn generation(factor: &CodeFactor, number: u64) -> u64 {
    match factor.resend {
        Resend::SameCode => 0,
        Resend::FreshCode => number.min(u64::from(factor.sends)),
    }
}

/// A code of a challenge.
pub(super) fn code_of(core: &Core, digits: u8, ticket: &Ticket, generation: u64) -> Result<Code, Refusal> {
    let key = ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
    Ok(match &ticket.chosen {
        Some(code) => code.clone(),
        None => Code::derive(key, &ticket.id, &ticket.factor.0, generation, digits),
    })
}

/// A hint of the usual shape for a subject without an address, the same each time, so that nobody can tell.
fn decoy(seed: &[u8; 16], channel: Channel) -> String {
    let [a, b, c, d, ..] = *seed;
    match channel {
        Channel::Email => {
            let letter = |byte: u8| char::from(b'a' + byte % 26);
            let top = ["com", "com", "com", "net", "org"].get(usize::from(c) % 5).unwrap_or(&"com");
            format!("{}***@{}***.{top}", letter(a), letter(b))
        }
        _ => format!("***-***-{:04}", (u32::from(a) << 16 | u32::from(b) << 8 | u32::from(d)) % 10_000),
    }
}
