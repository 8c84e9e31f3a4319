//! The harness: both banks as child processes, a raw HTTP client that hides nothing, and a driver for a real browser.

pub mod altcha;
pub mod bank;
pub mod browser;
pub mod ceremony;
pub mod http;
pub mod protocol;
pub mod scenario;
#[path = "../../verify-providers/tests/support/siteverify.rs"]
pub mod siteverify;
pub mod widgets;
