//! What is set up before the start: accounts, rules, settings, the webhook.

use serde::Deserialize;
use verify_core::PolicyError;

use crate::Secret;
use crate::govifi::Rule;

/// Everything that [`HostedSessions`](crate::govifi::HostedSessions) is set up with. Unknown names are refused, so that a
/// spelling mistake does not pass for a setting.
///
/// ```
/// use verify_compat::govifi::Config;
///
/// let config: Config = toml::from_str(
///     r#"
///     accounts = [{ uid = "acct_1", token = "hunter2", origins = ["https://shop.example"] }]
///     rules = [{ is_authorized = false, challenge = "sms" }]
///
///     [settings]
///     sends = 2
///     "#,
/// )?;
/// assert_eq!(config.settings.attempts, 5);
/// assert!(!format!("{config:?}").contains("hunter2"));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Whose servers may make sessions. At least one.
    pub accounts: Vec<AccountConfig>,
    /// Which payers have to satisfy which challenge; `HostedSessionsBuilder::policy` decides otherwise. Default: none has to.
    pub rules: Vec<Rule>,
    /// What the original leaves open.
    pub settings: Settings,
    /// Who is told when a session is over.
    pub webhook: Option<WebhookConfig>,
}

/// One account: whoever has its token makes sessions for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AccountConfig {
    /// Its name, as `X-Payment-Account-Uid` has it.
    pub uid: String,
    /// What its servers send as `Authorization: Bearer …`. The original takes a signed token of its identity service there.
    pub token: Secret,
    /// The origins whose pages may use its sessions, as `https://shop.example`.
    #[serde(default)]
    pub origins: Vec<String>,
}

impl AccountConfig {
    /// An account whose sessions no page may use yet.
    #[must_use]
    pub fn new(uid: impl Into<String>, token: impl Into<Secret>) -> Self {
        Self { uid: uid.into(), token: token.into(), origins: Vec::new() }
    }

    /// The same account, with one more origin.
    #[must_use]
    pub fn on(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }
}

/// What the original leaves open.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Wrong answers of one session, over all its codes, 1 to 10. Default: 5.
    pub attempts: u32,
    /// Messages of one session, 1 to 10. Default: 3.
    pub sends: u8,
    /// How long a repeated send is the same wish, in seconds, 1 to 600. Default: 30.
    pub send_window_seconds: u32,
    /// Digits of a code, 6 to 10. Default: 6.
    pub code_length: u8,
    /// How long a code can be used, in seconds, at most 600 and never longer than its session. Default: 600.
    pub code_ttl_seconds: u32,
    /// Requests of one credential in a minute. Default: 600.
    pub requests_per_minute: u32,
    /// Whether a request without `Origin` is refused. Default: no: a browser leaves it out on a page of the same origin, and
    /// servers have none.
    pub require_origin: bool,
    /// The status of `validation_error`, 400 or 422. Default: 400.
    pub validation_status: u16,
    /// The status of `challenge_required` and `challenge_failed`, 400 to 499. Default: 403.
    pub challenge_status: u16,
    /// Whether a send is refused where there is nothing to satisfy, with `validation_error`. Default: no, it is answered
    /// with `null`.
    pub refuse_send_without_challenge: bool,
    /// The page that is hosted for sessions, to which `#cs=` and the credential are added. Default: none.
    pub hosted_page: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            attempts: 5,
            sends: 3,
            send_window_seconds: 30,
            code_length: 6,
            code_ttl_seconds: 600,
            requests_per_minute: 600,
            require_origin: false,
            validation_status: 400,
            challenge_status: 403,
            refuse_send_without_challenge: false,
            hosted_page: None,
        }
    }
}

impl Settings {
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let checks = [
            ((1..=10).contains(&self.attempts), "`attempts` is 1 to 10"),
            ((1..=10).contains(&self.sends), "`sends` is 1 to 10"),
            ((1..=600).contains(&self.send_window_seconds), "`send_window_seconds` is 1 to 600"),
            ((6..=10).contains(&self.code_length), "`code_length` is 6 to 10"),
            ((1..=600).contains(&self.code_ttl_seconds), "`code_ttl_seconds` is 1 to 600"),
            (self.requests_per_minute > 0, "`requests_per_minute` is at least 1"),
            (matches!(self.validation_status, 400 | 422), "`validation_status` is 400 or 422"),
            ((400..=499).contains(&self.challenge_status), "`challenge_status` is 400 to 499"),
        ];
        checks.into_iter().find(|(holds, _)| !holds).map(|(_, what)| what)
    }
}

/// Who is told when a session is over. A message is tried five times, after pauses of 0.5, 1, 2 and 4 seconds and within the
/// engine's [deadline](verify_core::Engine::deadline), where there is no answer, or 408, 425, 429 or 5xx; it is not kept. It takes a
/// client: `HostedSessionsBuilder::fetch`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct WebhookConfig {
    /// An absolute URL.
    pub url: String,
    /// What messages are signed with, 16 characters or more.
    pub secret: Secret,
}

impl WebhookConfig {
    /// A receiver.
    #[must_use]
    pub fn new(url: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self { url: url.into(), secret: secret.into() }
    }
}

/// Why [`HostedSessions`](crate::govifi::HostedSessions) does not start. No message holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Nobody could make a session.
    #[error("there is no account: give at least one `accounts` entry with `uid` and `token`")]
    NoAccount,
    /// An account makes no sense.
    #[error("account `{uid}`: {what}")]
    Account {
        /// Its name.
        uid: String,
        /// What is wrong.
        what: &'static str,
    },
    /// A setting makes no sense.
    #[error("settings: {what}")]
    Settings {
        /// What is wrong.
        what: &'static str,
    },
    /// The webhook makes no sense.
    #[error("webhook: {what}")]
    Webhook {
        /// What is wrong.
        what: &'static str,
    },
    /// A rule asks for what nobody is there to check or deliver.
    #[error("a rule asks for {challenge}: give the API its verifier, or the engine its courier")]
    Challenge {
        /// The challenge.
        challenge: &'static str,
    },
    /// Nobody takes the money.
    #[error("nobody pays: give `.payments(..)`, or `Sandbox` for development")]
    NoPayments,
    /// The engine refuses the factor that codes are made with.
    #[error("the engine refuses the codes of this API: {0}")]
    Engine(#[from] PolicyError),
}
