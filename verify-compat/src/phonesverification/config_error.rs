//! Why the API does not start.

/// Why [`PhonesVerification`](crate::phonesverification::PhonesVerification) does not start. No message holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Nobody could call.
    #[error("there is no account: give at least one `[[accounts]]` with `apikey` and `apisecret`")]
    NoAccount,
    /// An account that makes no sense.
    #[error("account `{apikey}`: {what}")]
    Account {
        /// Whose.
        apikey: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A setting that makes no sense.
    #[error("the settings: {what}")]
    Settings {
        /// What is wrong with them.
        what: &'static str,
    },
    /// Nobody places the calls.
    #[error("there is nobody who calls: `.voice(..)`, for development `.voice(Handset::new())`")]
    NoVoice,
    /// Nobody sends the callbacks.
    #[error("there is no HTTP client for callbacks: `.fetch(..)`")]
    NoFetch,
    /// The client that sends the callbacks may be led inside.
    #[error(
        "whoever may call chooses URLs, and this HTTP client calls private addresses too: build it with `public_only`, or set \
         `allow_private_callbacks`"
    )]
    FetchGoesInside,
}
