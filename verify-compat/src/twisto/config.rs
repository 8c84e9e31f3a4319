//! What is set up before the start: keys, settings, transactions for development.

use serde::{Deserialize, Serialize};
use verify_core::PolicyError;

use crate::Secret;

/// Everything that [`Twisto`](crate::twisto::Twisto) is set up with. Unknown names are refused, so that a spelling mistake
/// does not pass for a setting.
///
/// ```
/// use verify_compat::twisto::{Config, Mode};
///
/// let config: Config = toml::from_str(
///     r#"
///     keys = [{ public = "shop", secret = "hunter2" }]
///
///     [settings]
///     code_length = 4
///     "#,
/// )?;
/// assert_eq!(config.keys[0].mode, Mode::Live);
/// assert!(!format!("{config:?}").contains("hunter2"));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Who may call. At least one.
    pub keys: Vec<KeyConfig>,
    /// What the original leaves open.
    pub settings: Settings,
    /// Transactions that need no [`begin`](crate::twisto::Twisto::begin): each begins with the first request for it, and
    /// anew when its hour is over. For development.
    pub transactions: Vec<TransactionConfig>,
}

/// A pair of keys, as `Authorization: public,secret` has them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct KeyConfig {
    /// The public key: visible ASCII without a comma.
    pub public: String,
    /// The secret key.
    pub secret: Secret,
    /// Whether transactions in test mode are taken. Default: no.
    #[serde(default)]
    pub mode: Mode,
}

impl KeyConfig {
    /// A pair in live mode.
    #[must_use]
    pub fn new(public: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self { public: public.into(), secret: secret.into(), mode: Mode::Live }
    }

    /// The same pair in that mode.
    #[must_use]
    pub fn in_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }
}

/// Whether codes are real.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Mode {
    /// Codes are drawn and delivered. The default.
    #[default]
    Live,
    /// The code is `1234`, and nothing is delivered.
    Test,
}

impl Mode {
    /// The mode of an order's customer: the original's testing API knows the test customer by this address.
    ///
    /// ```
    /// use verify_compat::twisto::Mode;
    ///
    /// assert_eq!(Mode::of_customer("sms.test@example.com"), Mode::Test);
    /// assert_eq!(Mode::of_customer("alice@example.com"), Mode::Live);
    /// ```
    #[must_use]
    pub fn of_customer(email: &str) -> Self {
        if email == "sms.test@example.com" { Self::Test } else { Self::Live }
    }
}

/// A transaction for development.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TransactionConfig {
    /// Its id.
    pub id: String,
    /// Whom the code goes to: a number as `+420777123456`, or an address.
    pub to: Secret,
    /// Default: live.
    #[serde(default)]
    pub mode: Mode,
}

impl TransactionConfig {
    /// A transaction in live mode.
    #[must_use]
    pub fn new(id: impl Into<String>, to: impl Into<Secret>) -> Self {
        Self { id: id.into(), to: to.into(), mode: Mode::Live }
    }

    /// The same in that mode.
    #[must_use]
    pub fn in_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }
}

/// What the original leaves open.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Digits of a code, 4 to 10. Default: 6, since fifty tries find one code of four digits in 200. The original's sample
    /// has four; choose that where a client's form takes no more.
    pub code_length: u8,
    /// Whether the second message has another code, which voids the first. Default: no, since either message may arrive
    /// last. Takes five digits or more.
    pub fresh_code: bool,
    /// How long the second send has to wait after the first, in seconds, beside the ten after the evaluation. Default: 0,
    /// as the original has no such wait.
    pub min_gap_after_send_seconds: u32,
    /// Whether the right code, given once more after success, is answered with id 4. Default: no, since the first answer
    /// may have been lost.
    pub strict_after_success: bool,
    /// Whether a body that is no JSON uses up one of the fifty tries. Default: no, since no code can be in it.
    pub count_malformed: bool,
    /// Whether whoever has keys can begin transactions with `POST check/{transaction}/begin/`, for evaluations that run in
    /// another process. Default: no, since it is none of the original's.
    pub begin_over_http: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            code_length: 6,
            fresh_code: false,
            min_gap_after_send_seconds: 0,
            strict_after_success: false,
            count_malformed: false,
            begin_over_http: false,
        }
    }
}

/// Why [`Twisto`](crate::twisto::Twisto) does not start. No message holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Nobody could call.
    #[error("there are no keys: give at least one `keys` entry with `public` and `secret`")]
    NoKeys,
    /// A pair of keys makes no sense.
    #[error("key pair {position}: {what}")]
    Keys {
        /// Which one, counted from one.
        position: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A setting makes no sense.
    #[error("settings: {what}")]
    Settings {
        /// What is wrong.
        what: &'static str,
    },
    /// A transaction makes no sense.
    #[error("transaction `{id}`: {what}")]
    Transaction {
        /// Its id.
        id: String,
        /// What is wrong.
        what: &'static str,
    },
    /// The engine refuses the factor that codes are made with.
    #[error("the engine refuses the codes of this API: {0}")]
    Engine(#[from] PolicyError),
}
