//! Offers: what a blocked client can do, each with a fresh ticket; and the clearance that ends it.

use std::sync::Arc;

use http::header::{self, HeaderName, HeaderValue};
use serde_json::Value;

use crate::binding::Bound;
use crate::ceremony::Bond;
use crate::clearance;
use crate::clock::millis_of;
use crate::engine::Core;
use crate::factor::{Factor, TOTP_LIFE};
use crate::facts::Who;
use crate::inquiry::Asking;
use crate::policy::Leaf;
use crate::puzzle;
use crate::random::random;
use crate::reply::CHALLENGE_CLEARANCE;
use crate::sealing::{NONCE, SealError};
use crate::subject::Subject;
use crate::ticket::{PolicyTag, Ticket};

mod description;

pub(crate) use description::{Description, Links};

/// How long an offer of a code can be taken up: the visitor reads the page, finds the phone, then asks for the code.
/// The code's own life begins at its first send.
const CODE_OFFER_MILLIS: u64 = 600_000;

/// A ticket, sealed, and what it is for.
pub(crate) struct Offer {
    pub(crate) ticket: Ticket,
    pub(crate) sealed: String,
}

impl Offer {
    /// Mints a ticket. It costs no memory and no I/O, however many are minted.
    pub(crate) fn mint(
        core: &Core,
        subject: &Subject<'_>,
        bound: Option<&Bound>,
        policy: PolicyTag,
        leaf: &Leaf,
        target: &str,
        now: u64,
    ) -> Result<Self, SealError> {
        // Drawn together: asking the machine takes longer than sealing.
        let drawn: [u8; 16 + NONCE] = random().map_err(|_| SealError)?;
        let (Some(id), Some(nonce)) = (drawn.first_chunk(), drawn.last_chunk()) else {
            return Err(SealError);
        };
        let mut ticket = Self::ticket_of(*id, core, subject, policy, leaf, target, now);
        ticket.bound = bound.filter(|_| leaf.is_bound).cloned().map(Box::new);
        let sealed = ticket.seal_with(core.keys.newest(), *nonce)?;
        Ok(Self { ticket, sealed })
    }

    /// A new ticket, before it is sealed.
    pub(crate) fn ticket(
        core: &Core,
        subject: &Subject<'_>,
        policy: PolicyTag,
        leaf: &Leaf,
        target: &str,
        now: u64,
    ) -> Result<Ticket, SealError> {
        let id = random().map_err(|_| SealError)?;
        Ok(Self::ticket_of(id, core, subject, policy, leaf, target, now))
    }

    fn ticket_of(
        id: [u8; 16],
        core: &Core,
        subject: &Subject<'_>,
        policy: PolicyTag,
        leaf: &Leaf,
        target: &str,
        now: u64,
    ) -> Ticket {
        let key = core.keys.newest();
        let life = match &*leaf.factor {
            Factor::Code(_) | Factor::ReversePin(_) => CODE_OFFER_MILLIS,
            Factor::Work(work) => millis_of(work.lives),
            Factor::Captcha(captcha) => millis_of(captcha.lives),
            Factor::Totp(_) => millis_of(TOTP_LIFE),
            Factor::Card(card) => millis_of(card.lives),
        };
        let puzzle = match &*leaf.factor {
            Factor::Code(_)
            | Factor::ReversePin(_)
            | Factor::Captcha(_)
            | Factor::Totp(_)
            | Factor::Card(_) => None,
            Factor::Work(work) => Some(Box::new(puzzle::ask(core, work, leaf.tag, &id, now))),
        };
        Ticket {
            id,
            key: key.id,
            policy,
            factor: leaf.tag,
            subject: Who::of(core.keys.facts(), subject).whole,
            expires_at: now.saturating_add(life),
            return_to: target.into(),
            chosen: None,
            bound: None,
            terms: None,
            opened: None,
            puzzle,
        }
    }

    pub(crate) fn seal(core: &Core, ticket: Ticket) -> Result<Self, SealError> {
        let sealed = ticket.seal(core.keys.newest())?;
        Ok(Self { ticket, sealed })
    }

    /// What ties a captcha's token to this challenge.
    pub(crate) fn bond(&self, core: &Core) -> Bond {
        let known = core.registry.find(self.ticket.policy, self.ticket.factor);
        Bond::of(&core.keys, known.as_ref().map_or("", |(policy, _)| &policy.name), &self.ticket)
    }

    /// The challenge object that an ALTCHA client solves, with what is to travel with it.
    pub(crate) fn altcha(&self, core: &Core, data: &[(&str, &str)]) -> Value {
        let (Some(key), Some(puzzle)) = (self.ticket.key(&core.keys), &self.ticket.puzzle) else {
            return Value::Null;
        };
        puzzle.challenge(key, &self.ticket, data)
    }
}

/// A clearance over all live proofs, and who it is for after a possible change of session.
pub(crate) struct Cleared {
    pub(crate) token: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// Signs what has been proven. Where the application starts a new session on success, the clearance is for that one.
/// Whatever is offered after it is for the new session too.
pub(crate) fn clear(asking: &mut Asking) -> Cleared {
    let core = Arc::clone(&asking.core);
    let is_raised = std::mem::take(&mut asking.is_raised);
    let rotated = core.rotate.as_ref().filter(|_| is_raised).and_then(|rotate| rotate(&asking.subject));
    let mut session_cookies = Vec::new();
    if let Some(rotated) = rotated {
        asking.subject = rotated.subject;
        session_cookies = rotated.cookies;
    }
    let mut cleared = renewed(asking);
    let session_cookies = session_cookies.into_iter().map(|value| (header::SET_COOKIE, value));
    cleared.headers.extend(session_cookies);
    cleared
}

/// Signs what has been proven for the same session: nothing new was.
pub(crate) fn renewed(asking: &mut Asking) -> Cleared {
    let core = Arc::clone(&asking.core);
    let mut headers = Vec::with_capacity(4);
    let token = clearance::issue(&core.keys, &asking.subject, &asking.proofs);
    let mut secret = |name: HeaderName, text: &str| {
        if let Ok(mut value) = HeaderValue::from_str(text) {
            // Whoever reads it in a log walks in: this keeps it out of `Debug`.
            value.set_sensitive(true);
            headers.push((name, value));
        }
    };
    secret(header::SET_COOKIE, &core.cookies.set_clearance(&token, core.clearance_life));
    if let Some(id) = asking.new_visitor.take() {
        secret(header::SET_COOKIE, &core.cookies.set_visitor(&id));
    }
    secret(CHALLENGE_CLEARANCE, &token);
    Cleared { token, headers }
}
