//! What is set up before the start: accounts, services, settings. A value, or a file that serde reads.

use serde::{Deserialize, Serialize};

use crate::Secret;

/// Everything that [`TwilioVerifyApi`](crate::twilio::TwilioVerifyApi) is set up with. Unknown names are refused, so that a
/// spelling mistake does not pass for a setting.
///
/// ```
/// use verify_compat::twilio::Config;
///
/// let config: Config = toml::from_str(
///     r#"
///     [[accounts]]
///     sid = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
///     token = "7d1f0c2a9b8e4d3f"
///
///     [[services]]
///     sid = "VAbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
///     friendly_name = "Owl Bank"
///     psd2_enabled = true
///     rate_limits = [{ unique_name = "end_user_ip", buckets = [{ max = 4, interval = 60 }] }]
///
///     [settings]
///     ttl_seconds = 300
///     "#,
/// )?;
/// assert_eq!(config.services[0].code_length, 6);
/// assert!(!format!("{config:?}").contains("7d1f0c2a"));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Who may call. At least one.
    pub accounts: Vec<AccountConfig>,
    /// Services that are there from the start. What stands here holds at each start; changes that are made to such a
    /// service over the API last until the next one.
    pub services: Vec<ServiceConfig>,
    /// What the original lets nobody set, or only its support.
    pub settings: Settings,
    /// Numbers and addresses whose code is fixed and to which nothing is delivered: for tests of whoever calls. They take
    /// `danger_test_identities` as well.
    pub test_identities: Vec<TestIdentity>,
    /// Lets there be test identities: whoever knows such a code passes for its number. Default: no, so that it takes two
    /// entries that agree.
    pub danger_test_identities: bool,
    /// Takes tokens and secrets of fewer than 16 characters, which can be guessed: for development. Default: no.
    pub danger_short_tokens: bool,
    /// Who is told when a verification is over.
    pub webhook: Option<WebhookConfig>,
}

/// One account: its id is the user name and its token the password of HTTP Basic authentication.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AccountConfig {
    /// `AC` and 32 hexadecimal digits.
    pub sid: String,
    /// The account's token, 16 characters or more: `openssl rand -hex 16`.
    pub token: Secret,
    /// Further pairs of name and password for the same account.
    #[serde(default)]
    pub keys: Vec<ApiKeyConfig>,
}

impl AccountConfig {
    /// An account without further keys.
    #[must_use]
    pub fn new(sid: impl Into<String>, token: impl Into<Secret>) -> Self {
        Self { sid: sid.into(), token: token.into(), keys: Vec::new() }
    }
}

/// An API key of an account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ApiKeyConfig {
    /// `SK` and 32 hexadecimal digits.
    pub sid: String,
    /// The key's secret, 16 characters or more.
    pub secret: Secret,
}

/// A service and its options, by the names that they have on the wire.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ServiceConfig {
    /// `VA` and 32 hexadecimal digits.
    pub sid: String,
    /// The account that it belongs to. Default: the first one.
    pub account_sid: Option<String>,
    /// The name in messages: up to 30 characters, of which at most four are digits.
    pub friendly_name: String,
    /// Digits of a code, 4 to 10. Default: 6.
    pub code_length: u8,
    /// Whether numbers are looked up, as far as a lookup is configured. Default: no.
    pub lookup_enabled: bool,
    /// Whether amount and payee are required, and a code is for one pair of them. Default: no.
    pub psd2_enabled: bool,
    /// Whether a text message to a number that is known to be a landline is refused; takes a lookup. Default: no.
    pub skip_sms_to_landlines: bool,
    /// Whether a call says its code only after a key was pressed, so that no voice mail takes it down. Default: yes, as
    /// the original has it.
    pub dtmf_input_required: bool,
    /// How calls pronounce the name. Default: the friendly name.
    pub tts_name: Option<String>,
    /// Whether text messages end with a warning not to share the code. Default: no.
    pub do_not_share_warning_enabled: bool,
    /// Whether the caller may choose codes. Default: no.
    pub custom_code_enabled: bool,
    /// Push settings; kept and told, and of no effect.
    pub push: Push,
    /// Settings of authenticator apps.
    pub totp: Totp,
    /// `HJ` and 32 hexadecimal digits; kept and told, and of no effect.
    pub default_template_sid: Option<String>,
    /// WhatsApp settings; kept and told, and of no effect: the courier knows its own sender.
    pub whatsapp: Whatsapp,
    /// Passkey settings; kept and told, and of no effect.
    pub passkeys: Passkeys,
    /// Kept and told, and of no effect.
    pub verify_event_subscription_enabled: bool,
    /// How long a verification can be answered, 120 to 86,400 seconds. Default: that of [`Settings`].
    pub ttl_seconds: Option<u32>,
    /// Whether a repeated start sends another code instead of the same. Default: that of [`Settings`].
    pub fresh_code: Option<bool>,
    /// Limits of starts.
    #[serde(skip_serializing)]
    pub rate_limits: Vec<RateLimitConfig>,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            sid: String::new(),
            account_sid: None,
            friendly_name: String::new(),
            code_length: 6,
            lookup_enabled: false,
            psd2_enabled: false,
            skip_sms_to_landlines: false,
            dtmf_input_required: true,
            tts_name: None,
            do_not_share_warning_enabled: false,
            custom_code_enabled: false,
            push: Push::default(),
            totp: Totp::default(),
            default_template_sid: None,
            whatsapp: Whatsapp::default(),
            passkeys: Passkeys::default(),
            verify_event_subscription_enabled: false,
            ttl_seconds: None,
            fresh_code: None,
            rate_limits: Vec::new(),
        }
    }
}

impl ServiceConfig {
    /// A service with the defaults.
    #[must_use]
    pub fn new(sid: impl Into<String>, friendly_name: impl Into<String>) -> Self {
        Self { sid: sid.into(), friendly_name: friendly_name.into(), ..Self::default() }
    }
}

/// Push settings of a service.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Push {
    /// Whether a push shows its date.
    pub include_date: bool,
    /// `CR` and 32 hexadecimal digits.
    pub apn_credential_sid: Option<String>,
    /// `CR` and 32 hexadecimal digits.
    pub fcm_credential_sid: Option<String>,
}

/// Settings of authenticator apps.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Totp {
    /// The issuer that an app shows. Default: the friendly name.
    pub issuer: Option<String>,
    /// Seconds of one code, 20 to 60. Default: 30.
    pub time_step: u8,
    /// Digits, 3 to 8. Default: 6.
    pub code_length: u8,
    /// How many codes before and after the present one are taken, 0 to 2. Default: 1.
    pub skew: u8,
}

impl Default for Totp {
    fn default() -> Self {
        Self { issuer: None, time_step: 30, code_length: 6, skew: 1 }
    }
}

/// WhatsApp settings of a service.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Whatsapp {
    /// `MG` and 32 hexadecimal digits.
    pub msg_service_sid: Option<String>,
    /// The sender.
    pub from: Option<String>,
}

/// Passkey settings of a service.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Passkeys {
    /// Whom a passkey is for.
    pub relying_party: RelyingParty,
    /// `platform`, `cross-platform` or `any`.
    pub authenticator_attachment: Option<String>,
    /// `required`, `preferred` or `discouraged`.
    pub discoverable_credentials: Option<String>,
    /// `required`, `preferred` or `discouraged`.
    pub user_verification: Option<String>,
}

/// Whom a passkey is for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RelyingParty {
    /// A domain.
    pub id: Option<String>,
    /// A name.
    pub name: Option<String>,
    /// The origins that may use it.
    pub origins: Option<Vec<String>>,
}

/// A limit of starts, by whatever the caller counts: an address, a session.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RateLimitConfig {
    /// Letters, digits, `-`, `_` and `.`.
    pub unique_name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// How many starts in how long; all must allow a start. Without any, it limits nothing.
    #[serde(default)]
    pub buckets: Vec<BucketConfig>,
}

/// How many starts in how long.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BucketConfig {
    /// Starts, at least one.
    pub max: u32,
    /// Seconds, at least one.
    pub interval: u32,
}

/// What holds for all services.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// How long a verification can be answered, 120 to 86,400 seconds, the range that the original's support sets.
    /// Default: 600, as there.
    pub ttl_seconds: u32,
    /// Whether a repeated start sends another code, which voids the one before. Default: no, as the original.
    pub fresh_code: bool,
    /// Whether codes for a transaction may be spoken. Default: no: the original answers 60214.
    pub psd2_over_voice: bool,
    /// How long attempts can be listed, in hours, up to 720; zero keeps none. Default: 24, since each attempt takes an
    /// entry or two of the engine's store for as long.
    pub attempts_hours: u32,
    /// What absolute URLs in answers begin with, as `https://verify.example`. Default: `http://` and the `Host` that
    /// the client named, which is right where nothing stands between the two.
    pub public_url: Option<String>,
    /// The order in which the channel `auto` chooses among those that have a courier and reach whom it is for. Default:
    /// `sms`, `whatsapp`, `call`, `email`; the last one is for addresses, and the others are for numbers.
    pub auto: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ttl_seconds: 600,
            fresh_code: false,
            psd2_over_voice: false,
            attempts_hours: 24,
            public_url: None,
            auto: ["sms", "whatsapp", "call", "email"].map(str::to_owned).to_vec(),
        }
    }
}

/// A number or an address whose code is known beforehand. Starting says so in the log; each use does again. Its verifications
/// are apart from those whose code is delivered, and end with it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TestIdentity {
    /// The number or address.
    pub to: Secret,
    /// Its code, 4 to 10 letters or digits.
    pub code: Secret,
    /// When it ends, as `2026-12-31T00:00:00Z`, 90 days from the start at most; required, so that none is forgotten. Neither a
    /// start nor a check counts from then on.
    pub until: String,
}

impl TestIdentity {
    /// An identity that ends then.
    #[must_use]
    pub fn new(to: impl Into<Secret>, code: impl Into<Secret>, until: impl Into<String>) -> Self {
        Self { to: to.into(), code: code.into(), until: until.into() }
    }
}

/// Who is told when a verification is over: approved, canceled or answered too often, never that it has expired, since
/// nothing happens then. Each is told once, by a message that is not kept: it is tried five times, after pauses of 0.5, 1, 2
/// and 4 seconds and within the engine's [deadline](verify_core::Engine::deadline), where there is no answer, or 408, 425, 429 or
/// 5xx. One that a receiver misses is lost, and the log says so. It may arrive twice, under one `webhook-id`. It takes a client:
/// `TwilioVerifyApiBuilder::fetch`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct WebhookConfig {
    /// An absolute URL.
    pub url: String,
    /// What messages are signed with: `whsec_` and Base64, of 24 to 64 bytes (Standard Webhooks).
    pub secret: Secret,
}

impl WebhookConfig {
    /// A receiver.
    #[must_use]
    pub fn new(url: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self { url: url.into(), secret: secret.into() }
    }
}
