//! The harness: the banks and the gateway as child processes, a raw HTTP client that hides nothing, a driver for a real
//! browser, and the SDKs of others.

pub mod bank;
pub mod browser;
pub mod gateway;
pub mod http;
pub mod openapi;
pub mod protocol;
pub mod recorder;
pub mod scenario;
pub mod sdk;
pub mod server;
pub mod twilio;
