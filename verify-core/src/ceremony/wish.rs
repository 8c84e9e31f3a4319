//! What a send is about to do: the challenge that is open or will be, the right to send, and its opening.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{try_join, try_join3};

use crate::ceremony::cooldown::Cooldown;
use crate::ceremony::spend::{self, Reserved};
use crate::ceremony::{Ceremony, lockout};
use crate::clock::millis_of;
use crate::contact::Contact;
use crate::factor::CodeFactor;
use crate::random::random;
use crate::refusal::Refusal;
use crate::sealing::SealError;
use crate::store::StoreError;
use crate::ticket::{Opened, Ticket};

/// The number of the message that opens a challenge.
const FIRST: u64 = 1;

/// What a send is about to do.
pub(super) struct Wish {
    /// The challenge that is open, or the one that will be.
    pub(super) ticket: Ticket,
    pub(super) is_open: bool,
    /// Messages that have left for it.
    sends: u64,
    /// The wait that was running at the look, and the one after a challenge that was guessed to death.
    running: Option<Cooldown>,
    locked_until: u64,
}

pub(super) enum Reservation {
    Made(Reserved),
    /// The same wish again, within the window: answered alike, and nothing is sent.
    AlreadySent {
        ticket: Box<Ticket>,
        resend_at: u64,
    },
}

/// What the store has for a subject at one moment, unread: asked for together with all else that a send begins with.
pub(super) struct Sight {
    open: Option<Bytes>,
    cooldown: Option<Bytes>,
    lockout: Option<Bytes>,
}

impl Sight {
    pub(super) async fn of(ceremony: &Ceremony<'_>) -> Result<Self, StoreError> {
        let Ceremony { core, facts, .. } = ceremony;
        let (open, cooldown, lockout) = (facts.open(), facts.cooldown(), facts.lockout());
        let (open, cooldown, lockout) =
            try_join3(core.store.get(&open), core.store.get(&cooldown), core.store.get(&lockout)).await?;
        Ok(Self { open, cooldown, lockout })
    }
}

/// Finds the open challenge, or draws a new one.
pub(super) async fn look(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    opened: Opened,
    sight: Sight,
) -> Result<Wish, Refusal> {
    let Ceremony { core, ticket, now, .. } = ceremony;
    let open = sight.open.as_deref().and_then(|entry| ceremony.alive(entry));
    if sight.open.is_some() && open.is_none() {
        ceremony.make_room().await?;
    }
    let running = sight.cooldown.as_deref().and_then(Cooldown::read);
    let locked_until = lockout::until(sight.lockout.as_deref(), opened.era);
    if let Some(open) = open {
        let (name, life) = (ceremony.tries(&open)?, ceremony.counted_until(&open));
        let tries = async { Ok(core.store.add(&name, 0, life).await?) };
        let (tries, sends) = try_join(tries, ceremony.messages(&open, 0)).await?;
        let known = open.opened.unwrap_or(opened);
        // What was open when its user was revoked opens nothing any more: its code would be typed in vain.
        if tries < u64::from(factor.tries) && known.revocations >= opened.revocations {
            // The open challenge, under the policy and with the way back of whoever asked now.
            let opened = Opened { era: known.era, revocations: known.revocations, ..opened };
            let ticket = Ticket {
                policy: ticket.policy,
                return_to: Arc::clone(&ticket.return_to),
                opened: Some(opened),
                ..open
            };
            return Ok(Wish { ticket, is_open: true, sends, running, locked_until });
        }
        // Or guessed to death, and its entry left behind by whoever did: make room for a new one.
        ceremony.close(&open).await?;
    }
    let key = core.keys.newest();
    let ticket = Ticket {
        id: random().map_err(|_| SealError)?,
        key: key.id,
        expires_at: ceremony.brief.ends(now.saturating_add(millis_of(factor.lives))),
        opened: Some(opened),
        ..ticket.clone()
    };
    Ok(Wish { ticket, is_open: false, sends: 0, running, locked_until })
}

impl Wish {
    /// Reserves the right to send, by atomic inserts: of ten parallel sends, one message leaves.
    pub(super) async fn reserve(
        &self,
        ceremony: &Ceremony<'_>,
        factor: &CodeFactor,
        contact: Option<&Contact>,
    ) -> Result<Reservation, Refusal> {
        if self.locked_until > ceremony.now {
            return Err(Refusal::RateLimited(ceremony.until(self.locked_until)));
        }
        if let Some(running) = self.running.filter(|running| running.resend_at > ceremony.now) {
            return self.wait(ceremony, &running);
        }
        if self.sends >= u64::from(factor.sends) {
            return Err(Refusal::RateLimited(ceremony.until(self.ticket.expires_at)));
        }
        let times = u32::try_from(self.sends).unwrap_or(u32::MAX).saturating_add(1);
        let resend_at = ceremony.now.saturating_add(millis_of(ceremony.budgets().resend.wait(times)));
        let mark = Cooldown::begin(ceremony, &self.ticket, resend_at);
        match spend::reserve(ceremony, contact, &mark).await? {
            Some(reserved) => Ok(Reservation::Made(reserved)),
            // Another request was faster. Its mark says for what.
            None => {
                let running = ceremony.core.store.get(&ceremony.facts.cooldown()).await?;
                match running.as_deref().and_then(Cooldown::read) {
                    Some(running) => self.wait(ceremony, &running),
                    // It ran out between the two looks; the next request finds the way free.
                    None => Err(Refusal::RateLimited(Duration::from_secs(1))),
                }
            }
        }
    }

    fn wait(&self, ceremony: &Ceremony<'_>, running: &Cooldown) -> Result<Reservation, Refusal> {
        let open = self.is_open.then_some(&self.ticket);
        match running.same_wish(ceremony, open, &self.ticket) {
            Some(ticket) => {
                Ok(Reservation::AlreadySent { ticket: ticket.into(), resend_at: running.resend_at })
            }
            None => Err(Refusal::RateLimited(ceremony.until(running.resend_at))),
        }
    }

    /// Opens the challenge if it is new, and else counts the message against it, before the message leaves: its number, or
    /// nothing if another challenge was opened in between.
    pub(super) async fn commit(
        &self,
        ceremony: &Ceremony<'_>,
        factor: &CodeFactor,
    ) -> Result<Option<u64>, Refusal> {
        let Ceremony { core, facts, .. } = ceremony;
        if self.is_open {
            let number = ceremony.messages(&self.ticket, 1).await?;
            if number > u64::from(factor.sends) {
                return Err(Refusal::RateLimited(ceremony.until(self.ticket.expires_at)));
            }
            return Ok(Some(number));
        }
        let place = facts.open();
        let entry = self.ticket.store(&core.keys, &place)?;
        let until = ceremony.until(self.ticket.expires_at);
        Ok(core.store.insert(&place, entry.into(), until).await?.then_some(FIRST))
    }
}
