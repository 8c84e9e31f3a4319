//! Why the API does not start.

use verify_core::PolicyError;

/// Why [`TwilioVerifyApi`](crate::twilio::TwilioVerifyApi) does not start. No message holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Nobody could call.
    #[error("there is no account: give at least one `[[accounts]]` with `sid` and `token`")]
    NoAccount,
    /// An id has not its form.
    #[error("`{sid}` is not an id of its kind: write {prefix} and 32 hexadecimal digits")]
    Sid {
        /// What was given.
        sid: String,
        /// What it begins with.
        prefix: &'static str,
    },
    /// Two entries have one id.
    #[error("`{sid}` is there twice: give each an id of its own")]
    Twice {
        /// The id that repeats.
        sid: String,
    },
    /// A secret is empty.
    #[error("the secret of `{sid}` is empty")]
    NoSecret {
        /// Whose.
        sid: String,
    },
    /// A secret can be guessed.
    #[error(
        "the secret of `{sid}` is short: write 16 characters or more, or `danger_short_tokens = true` for development"
    )]
    ShortSecret {
        /// Whose.
        sid: String,
    },
    /// A service belongs to nobody.
    #[error("service `{sid}` names an account that is not configured")]
    Account {
        /// The service.
        sid: String,
    },
    /// An option of a service makes no sense.
    #[error("service `{sid}`: {what}")]
    Service {
        /// The service.
        sid: String,
        /// What is wrong.
        what: String,
    },
    /// A setting makes no sense.
    #[error("settings: {what}")]
    Settings {
        /// What is wrong.
        what: &'static str,
    },
    /// A test identity makes no sense; it is not repeated, since it may be somebody's number.
    #[error("test identity {position}: {what}")]
    TestIdentity {
        /// Which one, counted from one.
        position: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// The webhook makes no sense.
    #[error("webhook: {what}")]
    Webhook {
        /// What is wrong.
        what: &'static str,
    },
    /// The engine refuses the factors that codes are made with.
    #[error("the engine refuses the codes of this API: {0}")]
    Engine(#[from] PolicyError),
}
