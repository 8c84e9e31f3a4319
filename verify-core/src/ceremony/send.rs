//! Sending a code: reserve, commit, then deliver.

use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::try_join_all;

use crate::audit::EventKind;
use crate::ceremony::{Ceremony, Cooldown, ERA_TTL, GRACE};
use crate::clock::millis_of;
use crate::code::Code;
use crate::contact::{Channel, Contact};
use crate::courier::{CourierErrorKind, Delivery, Wording};
use crate::encoding::random;
use crate::engine::MissingContacts;
use crate::factor::{CodeFactor, Resend};
use crate::facts;
use crate::refusal::Refusal;
use crate::ticket::{Opened, Ticket};

/// A challenge whose code is on its way.
pub(crate) struct Sent {
    pub(crate) ticket: Ticket,
    pub(crate) hint: String,
    pub(crate) resend_at: u64,
}

const UNREACHABLE: Refusal = Refusal::Invalid("this channel does not reach you; choose another one");

/// Concurrent sends may open, exhaust and close the entry between two looks at it; this many looks settle it.
const LOOKS: usize = 4;

pub(super) async fn send(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    channel: Option<&str>,
) -> Result<Sent, Refusal> {
    let Ceremony { core, facts, .. } = ceremony;
    let channel = pick(ceremony, factor, channel)?;
    let courier = core.couriers.get(&channel).ok_or(Refusal::Misconfigured)?;
    let contacts = core.contacts.as_ref().ok_or(Refusal::Misconfigured)?;
    let contact = contacts.contact(ceremony.subject, channel).await.map_err(|_| {
        tracing::error!(target: "verify", channel = channel.name(), "the address could not be looked up; nothing was sent");
        Refusal::Unavailable
    })?;
    let contact = contact.filter(|contact| contact.fits(channel));
    if contact.is_none() && core.missing_contacts == MissingContacts::Tell {
        return Err(UNREACHABLE);
    }
    let hint = contact.as_ref().map_or_else(|| decoy(&facts.decoy(), channel), Contact::hint);

    let era = core.store.add(&facts.era(), 0, ERA_TTL).await?;
    let calling_code = contact.as_ref().map_or(0, Contact::calling_code);
    let opened = Opened { era, channel, calling_code };
    let (mut ticket, entry) = open(ceremony, factor, opened).await?;
    let resend_at = match reserve(ceremony, &ticket, entry.sends()).await? {
        Reservation::Made { resend_at } => resend_at,
        Reservation::AlreadySent { resend_at } => return finish(ceremony, ticket, hint, resend_at),
    };
    if let Err(refusal) = spend(ceremony, contact.as_ref(), resend_at).await {
        core.store.take(&facts.cooldown()).await?;
        ceremony.record_as(EventKind::SendRefused, &ticket);
        return Err(refusal);
    }
    let number = count(ceremony, factor, &mut ticket, entry).await?;
    ceremony.record_as(EventKind::Sent, &ticket);

    if let Some(contact) = contact {
        let delivery = compose(ceremony, factor, &ticket, channel, contact, number)?;
        if let Err(error) = courier.deliver(&delivery).await {
            tracing::warn!(target: "verify", channel = channel.name(), kind = ?error.kind(), "a message was not delivered");
            ceremony.record_as(EventKind::DeliveryFailed, &ticket);
            // Nobody has to wait for a message that never left.
            core.store.take(&facts.cooldown()).await?;
            return Err(match error.kind() {
                CourierErrorKind::Refused => UNREACHABLE,
                _ => Refusal::Unavailable,
            });
        }
        ceremony.record_as(EventKind::Delivered, &ticket);
    }
    finish(ceremony, ticket, hint, resend_at)
}

/// The channel that was asked for, if the factor offers it; else that of the message before, else the preferred one.
fn pick(ceremony: &Ceremony<'_>, factor: &CodeFactor, asked: Option<&str>) -> Result<Channel, Refusal> {
    match asked {
        None => {
            let before = ceremony.ticket.opened.map(|opened| opened.channel);
            before.or(factor.channels.first().copied()).ok_or(Refusal::Misconfigured)
        }
        Some(name) => Channel::from_name(name)
            .filter(|channel| factor.channels.contains(channel))
            .ok_or(Refusal::Invalid("`channel` is not among those that this challenge offers")),
    }
}

/// How a challenge came to be open.
#[derive(Clone, Copy)]
enum Entry {
    /// By this very request.
    New,
    /// Before, with so many messages sent.
    Found { sends: u64 },
}

impl Entry {
    fn sends(self) -> u64 {
        match self {
            Self::New => 0,
            Self::Found { sends } => sends,
        }
    }
}

/// Opens a challenge, or finds the one that is open.
async fn open(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    opened: Opened,
) -> Result<(Ticket, Entry), Refusal> {
    let core = ceremony.core;
    let slot = ceremony.facts.open();
    let key = ceremony.ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
    let mut fresh = Ticket {
        expires_at: ceremony.now.saturating_add(millis_of(factor.lives)),
        opened: Some(opened),
        ..ceremony.ticket.clone()
    };
    for _ in 0..LOOKS {
        let entry = Ticket { return_to: String::new(), ..fresh.clone() }.seal(core.keys.newest())?;
        if core.store.insert(&slot, entry.into(), factor.lives).await? {
            ceremony.record_as(EventKind::Created, &fresh);
            return Ok((fresh, Entry::New));
        }
        let Some(sealed) = core.store.get(&slot).await? else { continue };
        let alive = core.reopen(&sealed).filter(|open| !open.is_expired(ceremony.now));
        if let Some(open) = alive
            && let Some(open_key) = open.key(&core.keys)
        {
            let life = ceremony.until(open.expires_at).saturating_add(GRACE);
            let (tries, sends) = futures_util::future::try_join(
                core.store.add(&facts::tries(open_key, &open.id), 0, life),
                core.store.add(&facts::sends(open_key, &open.id), 0, life),
            )
            .await?;
            if tries < u64::from(factor.tries) {
                // The open challenge, under the policy and with the way back of whoever asked now.
                let ours = Ticket { policy: ceremony.ticket.policy, return_to: fresh.return_to, ..open };
                let opened = ours.opened.map(|before| Opened {
                    channel: opened.channel,
                    calling_code: opened.calling_code,
                    ..before
                });
                return Ok((Ticket { opened, ..ours }, Entry::Found { sends }));
            }
        }
        // Guessed to death, expired, or sealed under a key that is gone: make room for a new one.
        core.store.take(&slot).await?;
        (fresh.id, fresh.key) = (random().map_err(|_| crate::ticket::SealError)?, key.id.clone());
    }
    Err(Refusal::Unavailable)
}

enum Reservation {
    Made {
        resend_at: u64,
    },
    /// The same wish again, within the window: answered alike, and nothing is sent.
    AlreadySent {
        resend_at: u64,
    },
}

/// Reserves the right to send by one atomic insert: of ten parallel sends, one message leaves.
async fn reserve(ceremony: &Ceremony<'_>, ticket: &Ticket, sends: u64) -> Result<Reservation, Refusal> {
    let Ceremony { core, facts, now, .. } = ceremony;
    let wait = core.budgets.resend.wait(u32::try_from(sends).unwrap_or(u32::MAX).saturating_add(1));
    let resend_at = now.saturating_add(millis_of(wait));
    let mark = Cooldown { ticket: ticket.id, sent_at: *now, resend_at };
    if wait.is_zero() || core.store.insert(&facts.cooldown(), mark.write(), wait).await? {
        return Ok(Reservation::Made { resend_at });
    }
    let running = core.store.get(&facts.cooldown()).await?;
    let Some(running) = running.as_deref().and_then(Cooldown::read) else {
        // It ran out between the two looks; the next request finds the way free.
        return Err(Refusal::RateLimited(Duration::from_secs(1)));
    };
    let window_ends = running.sent_at.saturating_add(millis_of(core.budgets.idempotent));
    if running.ticket == ticket.id && *now < window_ends {
        return Ok(Reservation::AlreadySent { resend_at: running.resend_at });
    }
    Err(Refusal::RateLimited(ceremony.until(running.resend_at)))
}

/// Counts the message against the address and the source, and keeps other subjects from flooding the same address.
async fn spend(ceremony: &Ceremony<'_>, contact: Option<&Contact>, resend_at: u64) -> Result<(), Refusal> {
    let Ceremony { core, facts, .. } = ceremony;
    let oldest = core.keys.oldest();
    let destination = facts.destination(contact);
    let quotas = core
        .budgets
        .per_destination
        .iter()
        .map(|quota| (facts::destination_quota(oldest, &destination, *quota), *quota));
    let sources = core
        .budgets
        .per_source
        .iter()
        .map(|quota| (facts::source_quota(oldest, &ceremony.source, *quota), *quota));
    let counts = try_join_all(quotas.chain(sources).map(|(name, quota)| async move {
        let count = core.store.add(&name, 1, quota.window).await?;
        Ok::<_, Refusal>((count > u64::from(quota.count)).then_some(quota.window))
    }))
    .await?;
    if let Some(window) = counts.into_iter().flatten().max() {
        return Err(Refusal::RateLimited(window));
    }
    let name = facts.destination_cooldown(&destination);
    let mine = facts.identity();
    let wait = ceremony.until(resend_at);
    if core.store.insert(&name, mine.to_vec().into(), wait).await? {
        return Ok(());
    }
    // One's own waits are counted for the subject already.
    match core.store.get(&name).await? {
        Some(other) if other.as_ref() != mine.as_slice() => Err(Refusal::RateLimited(wait)),
        _ => Ok(()),
    }
}

/// Counts the message against the challenge. A ticket that was open before, and whose challenge is over, gets a new id
/// here: nothing that was used becomes usable again.
async fn count(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    ticket: &mut Ticket,
    entry: Entry,
) -> Result<u64, Refusal> {
    let core = ceremony.core;
    let key = ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
    let life = ceremony.until(ticket.expires_at.max(ceremony.ticket.expires_at)).saturating_add(GRACE);
    let number = core.store.add(&facts::sends(key, &ticket.id), 1, life).await?;
    if matches!(entry, Entry::New) && number > 1 {
        core.store.take(&ceremony.facts.open()).await?;
        ticket.id = random().map_err(|_| crate::ticket::SealError)?;
        let entry = Ticket { return_to: String::new(), ..ticket.clone() }.seal(core.keys.newest())?;
        if !core.store.insert(&ceremony.facts.open(), entry.into(), ceremony.until(ticket.expires_at)).await?
        {
            return Err(Refusal::RateLimited(Duration::from_secs(1)));
        }
        return Ok(core.store.add(&facts::sends(key, &ticket.id), 1, life).await?);
    }
    if number > u64::from(factor.sends) {
        ceremony.record_as(EventKind::SendRefused, ticket);
        return Err(Refusal::RateLimited(ceremony.until(ticket.expires_at)));
    }
    Ok(number)
}

fn compose(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    ticket: &Ticket,
    channel: Channel,
    to: Contact,
    number: u64,
) -> Result<Delivery, Refusal> {
    let core = ceremony.core;
    let key = ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
    let code = code_of(ceremony, factor, ticket, number)?;
    let wording = Wording {
        site: &core.site,
        origin: &core.origin,
        purpose: &ceremony.policy.purpose,
        life: ceremony.until(ticket.expires_at),
    };
    Ok(Delivery {
        id: facts::message(key, &ticket.id, number),
        channel,
        to,
        message: wording.render(channel, &code),
        code,
        sent_at: core.clock.now(),
        expires_at: UNIX_EPOCH + Duration::from_millis(ticket.expires_at),
    })
}

/// The code of a challenge whose latest message has this number.
pub(super) fn code_of(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    ticket: &Ticket,
    number: u64,
) -> Result<Code, Refusal> {
    let key = ticket.key(&ceremony.core.keys).ok_or(Refusal::SessionExpired)?;
    let generation = match factor.resend {
        Resend::SameCode => 0,
        Resend::FreshCode => number,
    };
    Ok(match &ticket.chosen {
        Some(code) => code.clone(),
        None => Code::derive(key, &ticket.id, &ticket.factor.0, generation, factor.digits),
    })
}

fn finish(ceremony: &Ceremony<'_>, ticket: Ticket, hint: String, resend_at: u64) -> Result<Sent, Refusal> {
    // Whoever asks for a resend after the deadline starts over.
    if ticket.is_expired(ceremony.now) {
        Err(Refusal::SessionExpired)
    } else {
        Ok(Sent { ticket, hint, resend_at })
    }
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
