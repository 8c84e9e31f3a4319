//! The gateway's configuration file: a table for each API, which is served if its table is there.

use std::path::Path;

use serde::Deserialize;
use verify_compat::{phonesverification, twilio, twisto, worldpay};

use crate::gateway::{GatewayError, Govifi};

/// The configuration that is built in: for development, and it says so at start-up.
const DEVELOPMENT: &str = include_str!("../../gateway.toml");

/// What the configuration file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Catches every message and shows it at `/inbox`: for development. Default: no.
    #[serde(default)]
    pub inbox: bool,
    /// The public origin, as `https://verify.example`. Required without the inbox.
    pub origin: Option<String>,
    /// The API of Twilio Verify v2, served at `/v2`.
    pub twilio: Option<twilio::Config>,
    /// The API of PhonesVerification, served at `/phonesverification/app/api`; it calls nobody but the handset of the inbox.
    pub phonesverification: Option<phonesverification::Config>,
    /// The API of Worldpay's account verification, served at `/verifications/accounts` and `/cardVerifications`.
    pub worldpay: Option<worldpay::Config>,
    /// The Verification API of Twisto, served at `/twisto/v2`.
    pub twisto: Option<twisto::Config>,
    /// The hosted sessions of GoViFi, served at `/v1/hosted-sessions`.
    pub govifi: Option<Govifi>,
    /// Whether this is the configuration that is built in.
    #[serde(skip)]
    pub(super) is_built_in: bool,
}

impl Config {
    /// Reads a file, or the development configuration where none is named.
    ///
    /// # Errors
    /// When the file cannot be read, or says something that is not known.
    pub fn read(path: Option<&Path>) -> Result<Self, GatewayError> {
        let Some(path) = path else {
            let config = Self::parse(DEVELOPMENT)?;
            tracing::warn!(target: "verify", "DEVELOPMENT CONFIGURATION: its account and its token are known to everybody");
            return Ok(Self { is_built_in: true, ..config });
        };
        let text = std::fs::read_to_string(path)
            .map_err(|source| GatewayError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, GatewayError> {
        // The parser's report quotes the line, and a line may hold a secret.
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            GatewayError::Config { line: before.lines().count().max(1), what: error.message().to_owned() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_configuration_is_for_development() {
        let config = Config::read(None).unwrap();
        assert!(config.inbox && config.is_built_in);
        let accounts = config.twilio.unwrap().accounts;
        assert_eq!(accounts[0].sid, "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    }

    #[test]
    fn an_error_says_where_and_repeats_no_secret() {
        let text = "inbox = true\n[[twilio.accounts]]\nsid = \"AC1\"\ntokn = \"hunter2\"\n";
        let error = Config::parse(text).unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(!told.contains("hunter2") && told.contains("tokn"), "{told}");
        let broken = format!("{:?}", Config::parse("[twilio\ntoken = \"hunter2\"").unwrap_err());
        assert!(!broken.contains("hunter2"), "{broken}");
    }
}
