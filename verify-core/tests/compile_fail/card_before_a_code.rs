//! A check of a card is on its holder's account: nobody lets strangers run it for a message.

use verify_core::{CardFactor, CodeFactor};

fn step_up(code: CodeFactor, card: CardFactor) -> CodeFactor {
    code.after(card)
}

fn main() {}
