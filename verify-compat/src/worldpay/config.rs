//! What is set up before the start: accounts and settings. A value, or a file that serde reads.

use serde::Deserialize;

use crate::Secret;

/// Everything that [`Worldpay`](crate::worldpay::Worldpay) is set up with, but for the issuer. Unknown names are refused, so
/// that a spelling mistake does not pass for a setting.
///
/// ```
/// use verify_compat::worldpay::Config;
///
/// let config: Config = toml::from_str(
///     r#"
///     public_url = "https://verify.example"
///     simulator = true
///
///     [[accounts]]
///     username = "merchant"
///     password = "secret"
///     entities = ["default"]
///     "#,
/// )?;
/// assert_eq!(config.settings.outcome_hours, 24);
/// assert!(!format!("{config:?}").contains("secret"));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Who may call. At least one.
    pub accounts: Vec<AccountConfig>,
    /// What every link in an answer begins with, up to where the API is mounted: `https://verify.example`. Required: nothing
    /// that a request says, as its `Host`, goes into a link.
    pub public_url: Option<String>,
    /// Asks the [simulator](crate::worldpay::IssuerSimulator) where no issuer is given. For development: it says yes to
    /// whoever asks nicely. Default: no.
    pub simulator: bool,
    /// What the original lets nobody set.
    pub settings: Settings,
}

/// One account: user name and password of HTTP Basic authentication.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AccountConfig {
    /// The user name: visible ASCII without a colon.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// What it may name as `merchant.entity`. Default: `default`.
    #[serde(default = "default_entities")]
    pub entities: Vec<String>,
}

impl AccountConfig {
    /// An account whose entity is `default`.
    #[must_use]
    pub fn new(username: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self { username: username.into(), password: password.into(), entities: default_entities() }
    }
}

fn default_entities() -> Vec<String> {
    vec!["default".to_owned()]
}

/// Settings for all accounts.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Hours for which an outcome can be retrieved, 1 to 720. Default: 24; the original does not say how long a link lives.
    pub outcome_hours: u32,
    /// Hours for which a `transactionReference` is used up, 1 to 8760. Default: 720; the original does not say how long.
    pub reference_hours: u32,
    /// Whether an `Accept` of `*/*` is refused with 406, as one of another version is. Default: no, it is answered in the
    /// version of the resource.
    pub strict_accept: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { outcome_hours: 24, reference_hours: 720, strict_accept: false }
    }
}
