//! What a challenge costs, beside the bare route and beside the neighbours, in one run.
//!
//! - [`world`]: an engine with a courier that is there at once, and visitors who have got through.
//! - [`floor`]: the least that such a check could be, written by hand: what our own is held against.
//! - [`on_axum`] and [`on_actix`]: the same route bare, behind ours, behind the floor and behind the neighbours.
//! - [`load`]: the same over sockets; [`servers`], [`client`], [`cores`] and [`threads`] are what it takes.
//! - [`scale`]: from a thousand open challenges to millions, in memory and on Redis.
//! - [`tokens`]: tickets, clearances and proofs of work, each by itself; [`visitor`] is a request without a server.
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
#![allow(
    clippy::cast_possible_truncation,
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::must_use_candidate,
    reason = "only the programs of this crate call it"
)]
#![allow(clippy::disallowed_methods, reason = "it measures how long things take")]

pub mod cases;
pub mod ceremony;
pub mod client;
pub mod compare;
pub mod cores;
pub mod crowd;
pub mod floor;
pub mod load;
pub mod on_actix;
pub mod on_axum;
pub mod payment;
pub mod scale;
pub mod servers;
pub mod table;
pub mod threads;
pub mod tokens;
pub mod visitor;
pub mod world;
