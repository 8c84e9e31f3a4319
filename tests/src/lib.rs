//! The harness: both banks as child processes, a raw HTTP client that hides nothing, and a driver for a real browser.

pub mod altcha;
pub mod bank;
pub mod browser;
pub mod http;
pub mod protocol;
pub mod scenario;
