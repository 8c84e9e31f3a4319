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
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            GatewayError::Config { line: before.lines().count().max(1), what: told(error.message(), before) }
        })
    }
}

/// What is wrong, given what stands before it. Names are told, values are not: the parser quotes lines, and serde quotes
/// values, and either may be a secret.
fn told(message: &str, before: &str) -> String {
    let names = ["unknown field `", "missing field `", "duplicate field `"];
    if names.iter().any(|kind| message.starts_with(kind)) {
        return message.to_owned();
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let key = before.trim_end().strip_suffix('=').map(str::trim_end);
    let key = key.and_then(|key| key.rsplit(|c| !is_part(c)).next()).filter(|key| !key.is_empty());
    match key {
        Some(key) => {
            format!("the value of `{key}` is not of its kind: texts stand in quotes, numbers do not")
        }
        None => "this is not how TOML is written".to_owned(),
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
        let sid = "sid = \"AC1\"";
        for (text, says) in [
            ("[twilio\ntoken = \"424242\"".to_owned(), "line 1"),
            (format!("[[twilio.accounts]]\n{sid}\ntoken = 424242\n"), "line 3: the value of `token`"),
            (format!("twilio.accounts = [{{ {sid}, token = 424242 }}]"), "line 1: the value of `token`"),
            (format!("[[twilio.accounts]]\n{sid}\ntoken = [\"424242\"]\n"), "`token`"),
            (format!("[[twilio.accounts]]\n{sid}\ntoken = 424242hunter\n"), "line 3"),
            (format!("[[twilio.accounts]]\n{sid}\ntoken = \"424242\n"), "line 3"),
            ("[[twilio.test_identities]]\ncode = 424242\n".to_owned(), "`code`"),
            ("[twilio.settings]\nttl_seconds = \"424242\"\n".to_owned(), "`ttl_seconds`"),
            ("[twilio.webhook]\nurl = \"https://app.example\"\nsecret = true\n".to_owned(), "`secret`"),
            ("twilio = \"424242\"\n".to_owned(), "`twilio`"),
            ("inbox = \"424242\"\n".to_owned(), "`inbox`"),
        ] {
            let error = Config::parse(&text).unwrap_err();
            let told = format!("{error} {error:?}");
            assert!(!told.contains("424242") && told.contains(says), "{text}: {told}");
        }
    }
}
