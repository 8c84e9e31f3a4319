//! A session: how it is asked for, and what is noted of it, sealed.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Secret;
use crate::govifi::{ChallengeKind, FraudSignals};
use crate::moment::millis;

/// What a server asks for: one payment, or a card to be kept, of one payer. Its `Debug` tells amount and currency only.
#[derive(Clone, Deserialize, Serialize)]
#[non_exhaustive]
pub struct SessionRequest {
    /// In minor units, at least one; of a wallet's session, none.
    #[serde(default)]
    pub amount: u64,
    /// ISO 4217, in any case.
    pub currency: String,
    /// Where the payer goes on after it.
    #[serde(default)]
    pub success_url: Option<String>,
    /// Where the payer goes back to.
    #[serde(default)]
    pub cancel_url: Option<String>,
    /// What is paid for; shown to the page as it is.
    #[serde(default)]
    pub line_items: Value,
    /// The server's own name for the payer; not shown.
    #[serde(default)]
    pub customer_id: Option<String>,
    /// The payer's address; not shown.
    #[serde(default)]
    pub customer_email: Option<String>,
    /// Which of `card`, `ach`, `apple_pay`, `paypal` the payer may use. Default: `card`.
    #[serde(default = "card")]
    pub allowed_methods: Vec<String>,
    /// `off`, `on_session` or `off_session`. Default: `off`.
    #[serde(default)]
    pub setup_future_usage: Option<String>,
    /// Default: a payment.
    #[serde(default)]
    pub scope: Scope,
    /// Default: 1800. 60 to 86,400.
    #[serde(default = "half_an_hour")]
    pub expires_in_seconds: u32,
    /// The server's own; not shown, and told by webhooks.
    #[serde(default)]
    pub metadata: Value,
    /// What the challenge is decided by; not shown.
    #[serde(default)]
    pub fraud_signals: FraudSignals,
    /// The origins whose pages may use the session. Default: those of the account. Ours.
    #[serde(default)]
    pub origins: Vec<String>,
}

fn card() -> Vec<String> {
    vec!["card".to_owned()]
}

const fn half_an_hour() -> u32 {
    1800
}

impl SessionRequest {
    /// A payment of so many minor units, without anything else.
    #[must_use]
    pub fn new(amount: u64, currency: impl Into<String>) -> Self {
        Self {
            amount,
            currency: currency.into(),
            success_url: None,
            cancel_url: None,
            line_items: Value::Null,
            customer_id: None,
            customer_email: None,
            allowed_methods: card(),
            setup_future_usage: None,
            scope: Scope::Payment,
            expires_in_seconds: half_an_hour(),
            metadata: Value::Null,
            fraud_signals: FraudSignals::default(),
            origins: Vec::new(),
        }
    }

    /// What is wrong with it.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let methods = ["card", "ach", "apple_pay", "paypal"];
        let usage = ["off", "on_session", "off_session"];
        let url = |url: &Option<String>| {
            url.as_ref().is_none_or(|url| url.starts_with("https://") || url.starts_with("http://"))
        };
        if self.scope == Scope::Payment && self.amount == 0 {
            Some("amount is in minor units, at least 1")
        } else if self.currency.len() != 3 || !self.currency.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            Some("currency is three letters, as USD")
        } else if !url(&self.success_url) || !url(&self.cancel_url) {
            Some("success_url and cancel_url are absolute")
        } else if self.allowed_methods.is_empty()
            || !self.allowed_methods.iter().all(|method| methods.contains(&method.as_str()))
        {
            Some("allowed_methods are card, ach, apple_pay, paypal")
        } else if self.setup_future_usage.as_deref().is_some_and(|wish| !usage.contains(&wish)) {
            Some("setup_future_usage is off, on_session or off_session")
        } else if !(60..=86_400).contains(&self.expires_in_seconds) {
            Some("expires_in_seconds is 60 to 86400")
        } else if !self.origins.iter().all(|origin| verify_core::Origin::parse(origin).is_ok()) {
            Some("origins are as https://shop.example")
        } else {
            None
        }
    }
}

impl fmt::Debug for SessionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SessionRequest");
        shown.field("amount", &self.amount).field("currency", &self.currency).field("scope", &self.scope);
        shown.finish_non_exhaustive()
    }
}

/// What a session's credential is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Scope {
    /// One payment. The default.
    #[default]
    Payment,
    /// A wallet: it is refused wherever a payment is made.
    Wallet,
}

/// A session that was made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CreatedSession {
    /// `cs_` and letters and digits.
    pub session_id: String,
    /// The page's credential: for this session only, and as long as it lasts.
    pub client_secret: Secret,
    /// From when on it is expired.
    pub expires_at: SystemTime,
    /// The page that is hosted for it, with the credential behind the `#`, where one is configured.
    pub hosted_url: Option<Secret>,
}

impl CreatedSession {
    /// The credential, for the page. Keep it out of logs and URLs.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.client_secret.expose()
    }
}

/// How a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionStatus {
    /// It can be confirmed.
    Open,
    /// It was paid.
    Completed,
    /// Its time is over, or it was ended, and certainly nothing was paid.
    Expired,
    /// It is being paid, or it is not known whether it was: the processor knows, by the session's id.
    Unsettled,
}

/// A session as it is noted. Losing it ends it, and forging it is not possible.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) account: String,
    /// SHA-256 of the credential, in hexadecimal digits: it is long and random.
    pub(crate) secret: String,
    pub(crate) asked: SessionRequest,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) expires: u64,
}

/// The challenge that was decided on.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Challenge {
    pub(crate) kind: ChallengeKind,
    /// Whom a code goes to, in canonical form.
    pub(crate) to: Option<String>,
}

/// How much longer than its session it is remembered what became of it, in milliseconds.
const KEPT: u64 = 24 * 3_600_000;

impl Record {
    /// How long from now on it is remembered.
    pub(crate) fn life(&self, now: u64) -> Duration {
        Duration::from_millis(self.expires.saturating_add(KEPT).saturating_sub(now).max(1))
    }

    pub(crate) fn is_over(&self, now: SystemTime) -> bool {
        millis(now) >= self.expires
    }
}

/// `cs_` and letters and digits.
pub(crate) fn is_id(id: &str) -> bool {
    id.strip_prefix("cs_").is_some_and(|rest| {
        (1..=128).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}
