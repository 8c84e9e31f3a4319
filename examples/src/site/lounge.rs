//! The lounge: for whoever has a live card.

use std::time::Duration;

use verify_compat::worldpay::{IssuerCards, IssuerSimulator};
use verify_core::{CardRisk, Factor, Policy, Quota};

use crate::site::Answer;

/// No bank is asked: the simulator does what a card tells it. One person plays all customers, at one address and with one
/// card, so the limits for both are wide.
pub(super) fn policy() -> Policy {
    let day = Duration::from_secs(24 * 3600);
    let cards = IssuerCards::new(IssuerSimulator::default(), "default", "GBP");
    let card = Factor::card("card", cards)
        .requires([CardRisk::Cvc, CardRisk::Postcode])
        .per_source([Quota::new(2000, day)])
        .per_card([Quota::new(2000, day)]);
    Policy::new("lounge").purpose("sit in the lounge").require(card)
}

impl Answer {
    /// `GET /lounge`: behind a check of a card.
    #[must_use]
    pub fn lounge() -> Self {
        Self::text("Lounge", "You are in the lounge, and so is your card.")
    }
}
