//! What a verification engine calls outside its own process: one feature for each service, all over one client.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use bytes::Bytes;
//! use verify_core::{Fetch, FetchErrorKind};
//! use verify_providers::HttpClient;
//!
//! let client = HttpClient::builder().deadline(Duration::from_secs(2)).build()?;
//! // Nobody listens there.
//! let request = http::Request::get("http://127.0.0.1:1/").body(Bytes::new())?;
//! assert_eq!(client.fetch(request).await.unwrap_err().kind(), FetchErrorKind::Unsent);
//! # Ok(()) }
//! ```

#[cfg(any(feature = "twisto", feature = "govifi"))]
mod base_url;
#[cfg(feature = "govifi")]
pub mod govifi;
mod http_client;
#[cfg(feature = "siteverify")]
pub mod siteverify;
#[cfg(feature = "twilio-verify")]
mod twilio_verify;
#[cfg(feature = "twisto")]
pub mod twisto;

pub use http_client::{HttpClient, HttpClientBuilder, HttpClientError};
#[cfg(feature = "twilio-verify")]
pub use twilio_verify::{TwilioVerify, TwilioVerifyError};
