//! The factor behind reverse PINs.

use std::time::Duration;

use crate::contact::Channel;
use crate::factor::{CodeFactor, Factor, Price};

/// A PIN that the page shows and the phone asks for; made by [`Factor::reverse_pin`](crate::Factor::reverse_pin).
///
/// A call reaches the subject's phone and asks for the PIN; what was dialled is told by whoever placed the call, a
/// [`PinService`](crate::PinService). It proves that whoever holds the session has the phone at hand, and nobody who listens to
/// the phone learns anything that is of use in another session.
///
/// It approves no payment, since the call names neither amount nor payee: [`Policy::bind`](crate::Policy::bind) refuses it.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct ReversePinFactor {
    /// Its PIN is made, paid for and counted as a code is.
    pub(crate) pin: CodeFactor,
}

impl ReversePinFactor {
    pub(crate) fn new(name: String) -> Self {
        Self { pin: CodeFactor::new(name).over([Channel::Voice]) }.calls(3)
    }

    /// How many digits, 6 to 8. Default: 6, as for a code. More than eight are no PIN for the services of this kind.
    pub fn digits(mut self, digits: u8) -> Self {
        self.pin = self.pin.digits(digits);
        self
    }

    /// How long the PIN can be dialled after the first call was asked for, at most ten minutes. Default: five. Another call
    /// does not move the deadline, and neither does a call that nobody reports on.
    pub fn lives(mut self, life: Duration) -> Self {
        self.pin = self.pin.lives(life);
        self
    }

    /// How long its proof is good for where a policy does not say `within`. Default: 30 minutes.
    pub fn lasts(mut self, age: Duration) -> Self {
        self.pin = self.pin.lasts(age);
        self
    }

    /// How many calls one challenge may place, 1 to 10, all with the same PIN. Each call takes one answer, so this is how often
    /// the PIN can be dialled wrong, too. Default: 3.
    pub fn calls(mut self, calls: u32) -> Self {
        self.pin = self.pin.sends(calls).tries(calls);
        self
    }

    /// Calls nobody before this was proven; see [`CodeFactor::after`]. Default: nothing has to be proven.
    pub fn after(mut self, price: impl Price) -> Self {
        self.pin = self.pin.after(price);
        self
    }

    pub(crate) fn price(&self) -> Option<&Factor> {
        self.pin.after.as_deref()
    }

    pub(crate) fn fault(&self) -> Option<String> {
        if !(6..=8).contains(&self.pin.digits) {
            return Some("a reverse PIN has 6 to 8 digits".to_owned());
        }
        self.pin.fault()
    }
}
