//! Who knows the details of a card need not be its holder: it approves nothing.

use verify_core::{CardFactor, Policy, Psd2};

fn transfer(card: CardFactor, order: Psd2) -> Policy {
    Policy::payment("transfer", card, order)
}

fn main() {}
