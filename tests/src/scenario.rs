//! One scenario suite: everything that a program and a browser can do with the bank, over sockets, as named steps.
//!
//! [`run`] plays all acts against one bank and returns what went over the wire. Played against both, the two
//! transcripts have to be the same, byte for byte, once [`Transcript::exchanges`] has put names in the place of what is
//! drawn at random.

use crate::bank::Bank;
use crate::siteverify::Siteverify;

mod act_app;
mod act_captcha;
mod act_cards;
mod act_codes;
mod act_forms;
mod act_links;
mod act_refusals;
mod act_reports;
mod act_reverse_pin;
mod act_routes;
mod act_transfers;
mod act_visitors;
mod act_widget;
mod act_work;
mod page;
mod player;
mod redaction;
mod scan;
mod transcript;

pub use page::{Form, forms, text_of};
pub use player::{Player, challenges, solve};
pub use scan::{Secret, leaks};
pub use transcript::{Exchange, Transcript, differences};

/// Text that stands in an answer only if the handler behind the gate has run.
pub const GUARDED: [&str; 9] = [
    "You are in the archive",
    "This is your locker",
    "You are in the vault",
    "Every line of this feed",
    "behind two doors",
    "Transfer 1 is made",
    "the transfer is not understood",
    "Set up an authenticator app</h1>",
    "Your app is set up",
];

/// Plays the acts at a bank whose feed is behind a vendor's captcha.
#[must_use]
pub fn run_captcha(bank: &Bank, stub: &Siteverify) -> Transcript {
    let mut player = Player::new(bank);
    act_captcha::program(&mut player, stub);
    act_captcha::in_line(&mut player, stub);
    act_captcha::forms(&mut player, stub);
    act_captcha::outages(&mut player, stub);
    player.finish()
}

/// Plays every act.
#[must_use]
pub fn run(bank: &Bank) -> Transcript {
    let mut player = Player::new(bank);
    act_routes::program(&mut player);
    act_routes::browser(&mut player);
    act_routes::methods(&mut player);
    act_routes::endpoints(&mut player);
    act_codes::clearance(&mut player);
    act_codes::in_line(&mut player);
    act_codes::exhausted(&mut player);
    act_codes::cancelled(&mut player);
    act_codes::channels(&mut player);
    act_reports::program(&mut player);
    act_reports::browser(&mut player);
    act_work::feed(&mut player);
    act_work::safe(&mut player);
    act_work::safe_in_line(&mut player);
    act_widget::feed(&mut player);
    act_widget::safe(&mut player);
    act_transfers::program(&mut player);
    act_transfers::bodies(&mut player);
    act_transfers::bound(&mut player);
    act_transfers::batch(&mut player);
    act_forms::vault(&mut player);
    act_forms::ways_out(&mut player);
    act_forms::transfers(&mut player);
    act_forms::work(&mut player);
    act_forms::stale(&mut player);
    act_forms::long(&mut player);
    act_reverse_pin::program(&mut player);
    act_reverse_pin::failures(&mut player);
    act_reverse_pin::forms(&mut player);
    act_refusals::bodies(&mut player);
    act_refusals::provenance(&mut player);
    act_refusals::answers(&mut player);
    act_transfers::ledger(&mut player);
    act_routes::inbox(&mut player);
    act_app::app(&mut player);
    act_app::without(&mut player);
    act_links::elsewhere(&mut player);
    act_links::here(&mut player);
    act_cards::program(&mut player);
    act_cards::tried_out(&mut player);
    act_cards::forms(&mut player);
    act_visitors::anonymous(&mut player);
    player.finish()
}
