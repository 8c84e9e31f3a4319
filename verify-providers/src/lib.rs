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

#[cfg(any(
    feature = "govifi",
    feature = "phonesverification",
    feature = "twilio-sms",
    feature = "twilio-verify",
    feature = "twisto",
    feature = "worldpay"
))]
mod base_url;
mod breaker;
#[cfg(any(feature = "twilio-sms", feature = "twilio-verify", feature = "worldpay"))]
mod credentials;
#[cfg(any(
    feature = "govifi",
    feature = "phonesverification",
    feature = "twilio-verify",
    feature = "twisto",
    feature = "worldpay"
))]
mod exchange;
#[cfg(feature = "govifi")]
pub mod govifi;
mod http_client;
#[cfg(any(feature = "smtp", feature = "twilio-sms", feature = "webhook"))]
mod persistence;
#[cfg(feature = "phone-numbers")]
mod phone_numbers;
#[cfg(feature = "phonesverification")]
mod phonesverification;
#[cfg(any(feature = "twilio-sms", feature = "twilio-verify"))]
mod sid;
#[cfg(feature = "siteverify")]
pub mod siteverify;
#[cfg(feature = "smtp")]
mod smtp;
#[cfg(any(
    feature = "govifi",
    feature = "phonesverification",
    feature = "siteverify",
    feature = "twilio-sms",
    feature = "twilio-verify",
    feature = "twisto",
    feature = "webhook",
    feature = "worldpay"
))]
mod transport;
#[cfg(feature = "twilio-sms")]
mod twilio_sms;
#[cfg(feature = "twilio-verify")]
mod twilio_verify;
#[cfg(feature = "twisto")]
pub mod twisto;
#[cfg(feature = "webhook")]
mod webhook;
#[cfg(feature = "worldpay")]
pub mod worldpay;

pub use breaker::{CircuitBreaker, Permit};
pub use http_client::{HttpClient, HttpClientBuilder, HttpClientError};
#[cfg(feature = "phone-numbers")]
pub use phone_numbers::PhoneNumbers;
#[cfg(feature = "phonesverification")]
pub use phonesverification::{PhonesVerification, PhonesVerificationCallbacks, PhonesVerificationError};
#[cfg(feature = "smtp")]
pub use smtp::{Smtp, SmtpError};
#[cfg(feature = "twilio-sms")]
pub use twilio_sms::{TwilioReceipts, TwilioSms, TwilioSmsError};
#[cfg(feature = "twilio-verify")]
pub use twilio_verify::{TwilioVerify, TwilioVerifyError};
#[cfg(feature = "webhook")]
pub use webhook::{Webhook, WebhookError, WebhookKey};
