//! A code that is on its way.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::ceremony::{Errand, Sent};
use crate::code::Code;
use crate::encoding::to_hex;
use crate::engine::Core;
use crate::facts;
use crate::offer::Offer;
use crate::refusal::Refusal;

/// A code that is on its way.
#[derive(Debug)]
#[must_use = "run its errand, or the message may never leave"]
pub struct Dispatch {
    ticket: String,
    expires_at: SystemTime,
    resend_at: SystemTime,
    challenge: String,
    number: Option<u64>,
    pin: Option<Code>,
    errand: Option<Errand>,
}

impl Dispatch {
    pub(super) fn of(core: &Core, sent: Sent) -> Result<Self, Refusal> {
        let challenge = to_hex(&facts::pseudonym_in_full(core.keys.facts(), &sent.ticket.id));
        let offer = Offer::seal(core, sent.ticket)?;
        Ok(Self {
            expires_at: at(offer.ticket.expires_at),
            ticket: offer.sealed,
            resend_at: at(sent.resend_at),
            challenge,
            number: sent.number,
            pin: sent.pin,
            errand: sent.errand,
        })
    }

    /// The ticket of the challenge that is open now; answer this one.
    #[must_use]
    pub fn ticket(&self) -> &str {
        &self.ticket
    }

    /// Until when it can be answered.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    /// From when on the next message may be asked for.
    #[must_use]
    pub fn resend_at(&self) -> SystemTime {
        self.resend_at
    }

    /// A name of the challenge: 32 hexadecimal digits, the same for each of its messages, in every process, and worthless
    /// to whoever reads it. The name that events have of it is its first half.
    #[must_use]
    pub fn challenge(&self) -> &str {
        &self.challenge
    }

    /// Which of the challenge's messages this is, counted from one; nothing where it had been sent already and none leaves
    /// now.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.number
    }

    /// What has to be dialled when the phone rings, of a [reverse PIN](crate::Factor::reverse_pin): show it to the subject, and
    /// check with an empty answer once they say that they have.
    #[must_use]
    pub fn pin(&self) -> Option<&Code> {
        self.pin.as_ref()
    }

    /// The delivery, where it has not taken place yet.
    #[must_use = "run it, or the message never leaves"]
    pub fn errand(&mut self) -> Option<Errand> {
        self.errand.take()
    }
}

pub(super) fn at(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}
