//! Why the API does not start.

/// Why [`Worldpay`](crate::worldpay::Worldpay) does not start. No message holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Nobody could call.
    #[error("there is no account: give at least one `[[accounts]]` with `username` and `password`")]
    NoAccount,
    /// An account makes no sense.
    #[error("account {position}: {what}")]
    Account {
        /// Which one, counted from one.
        position: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// There is nobody to ask about a card.
    #[error("there is no issuer: `.issuer(..)`, or for development `simulator = true`")]
    NoIssuer,
    /// Links would begin with nothing.
    #[error("`public_url` is what links begin with: https://verify.example, without a query")]
    PublicUrl,
    /// A setting makes no sense.
    #[error("settings: {what}")]
    Settings {
        /// What is wrong.
        what: &'static str,
    },
}
