//! What a challenge costs, beside the bare route and beside the neighbours, in one run.
//!
//! - [`world`]: an engine with a courier that is there at once, and visitors who have got through.
//! - [`floor`]: the least that such a check could be, written by hand: what our own is held against.
//! - [`on_axum`] and [`on_actix`]: the same route bare, behind ours, behind the floor and behind the neighbours.
//! - [`compare`]: takes turns between what is compared, so that a machine that slows down slows all of it.
//! - [`table`]: the ratios as Markdown.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a measurement that does not do what it says stops"
)]
#![allow(clippy::disallowed_methods, reason = "it measures how long things take")]

pub mod cases;
pub mod ceremony;
pub mod compare;
pub mod floor;
pub mod on_actix;
pub mod on_axum;
pub mod payment;
pub mod table;
pub mod world;
