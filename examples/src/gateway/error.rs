//! Why a gateway does not open.

use std::path::PathBuf;

/// Why a gateway does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The configuration file cannot be read.
    #[error("the configuration {} cannot be read: name another one with --config", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The configuration says something that makes no sense.
    #[error("the configuration does not make sense near line {line}: {what}")]
    Config {
        /// Where.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// The configuration has no API in it.
    #[error("the configuration serves nothing: give it the table of an API, as `[twilio]`")]
    Nothing,
    /// Everybody could read every code.
    #[error(transparent)]
    OpenInbox(#[from] crate::inbox::OpenInbox),
    /// The folder for durable resources cannot be made.
    #[error("the folder {} cannot be made: name another one with --data", path.display())]
    Data {
        /// Which folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file of durable resources does not open.
    #[error(transparent)]
    Resources(#[from] verify_compat::resources::OpenError),
    /// The API of Twilio Verify does not start.
    #[error("[twilio]: {0}")]
    Twilio(#[from] verify_compat::twilio::ConfigError),
    /// The API of PhonesVerification does not start.
    #[error("[phonesverification]: {0}")]
    PhonesVerification(#[from] verify_compat::phonesverification::ConfigError),
    /// The API of Worldpay's account verification does not start.
    #[error("[worldpay]: {0}")]
    Worldpay(#[from] verify_compat::worldpay::ConfigError),
    /// The API of Twisto does not start.
    #[error("[twisto]: {0}")]
    Twisto(#[from] verify_compat::twisto::ConfigError),
    /// The API of GoViFi does not start.
    #[error("[govifi]: {0}")]
    Govifi(#[from] verify_compat::govifi::ConfigError),
    /// A captcha's vendor is not set up as it has to be.
    #[error("[govifi]: {0}")]
    Captcha(#[from] verify_providers::siteverify::SiteverifyError),
    /// There is no HTTP client for webhooks.
    #[error(transparent)]
    Client(#[from] verify_providers::HttpClientError),
    /// An engine was not built.
    #[error(transparent)]
    Engine(#[from] verify_core::ConfigError),
    /// The address is no origin.
    #[error(transparent)]
    Origin(#[from] verify_core::InvalidOrigin),
}
