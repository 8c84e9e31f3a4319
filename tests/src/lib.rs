//! The harness: the banks and the gateway as child processes, a raw HTTP client that hides nothing, a driver for a real
//! browser, and the SDKs of others.

pub mod altcha;
pub mod bank;
pub mod browser;
pub mod ceremony;
#[cfg(doctest)]
mod documents;
pub mod gateway;
pub mod http;
pub mod mail;
pub mod openapi;
pub mod protocol;
pub mod recorder;
pub mod scenario;
pub mod sdk;
pub mod server;
#[path = "../../verify-providers/tests/support/siteverify.rs"]
pub mod siteverify;
pub mod twilio;
pub mod widgets;
pub mod worldpay;
