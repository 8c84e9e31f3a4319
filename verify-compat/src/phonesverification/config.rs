//! What is configured: accounts and settings.

use serde::Deserialize;

use crate::Secret;
use crate::outgoing::TRIES;

/// Everything that is configured, as a table of a configuration file has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Who may call. At least one.
    pub accounts: Vec<AccountConfig>,
    /// The settings for all of them.
    pub settings: Settings,
}

/// Somebody who may call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AccountConfig {
    /// The name.
    pub apikey: String,
    /// The password.
    pub apisecret: Secret,
    /// What a call costs, as answers and callbacks have it; nothing is charged here. Default: 0.015, that of the original's
    /// sample.
    #[serde(default = "usual_price")]
    pub price: f64,
    /// Who is told of calls whose request names nobody. Default: nobody.
    pub callbackurl: Option<String>,
    /// `http` or `https`, for a URL without a scheme. Default: `http`.
    pub callbackurltype: Option<String>,
}

impl AccountConfig {
    /// An account with the usual price and no callback of its own.
    pub fn new(apikey: impl Into<String>, apisecret: impl Into<Secret>) -> Self {
        Self {
            apikey: apikey.into(),
            apisecret: apisecret.into(),
            price: usual_price(),
            callbackurl: None,
            callbackurltype: None,
        }
    }
}

fn usual_price() -> f64 {
    0.015
}

/// What holds for all accounts: where the original's documentation is silent, and how far callbacks go.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// The path of the call behind `/json` and `/xml`. Default: `/tts/reversepinverification`, by analogy with the other paths
    /// of the original, which does not publish this one.
    pub path: String,
    /// The least digits of a PIN, 1 to 8. Default: 1, since none is documented. One guess in ten is right at one digit, and one
    /// in a million at six.
    pub pin_min: u8,
    /// Whether failures have an HTTP status of their own: 400 for what is missing or invalid, 401 for credentials, 503 for a
    /// failure of ours. Default: no, so that everything is 200 and the status is in the envelope.
    pub http_status: bool,
    /// How often one callback is tried, 1 to 10: half a second after the first time, and then twice as long each time, within
    /// the engine's [deadline](verify_core::Engine::deadline). Default: 5, so seven and a half seconds.
    pub tries: u8,
    /// How many seconds a call may take from the first ring to the last digit, 10 to 600. Default: 120. What takes longer is
    /// forgotten, without a callback.
    pub call_seconds: u16,
    /// Lets callbacks go to this machine and to private networks: for development, or where every account is yours. Default:
    /// no.
    pub allow_private_callbacks: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            path: "/tts/reversepinverification".to_owned(),
            pin_min: 1,
            http_status: false,
            tries: TRIES,
            call_seconds: 120,
            allow_private_callbacks: false,
        }
    }
}
