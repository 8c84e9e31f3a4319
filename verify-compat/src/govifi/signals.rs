//! What a server knows of a payer, and which challenge follows from it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::govifi::SessionRequest;

/// What the server that makes a session knows of the payer. Its `Debug` is redacted: all of it is personal.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct FraudSignals {
    /// The payer's network address.
    pub ip_address: Option<String>,
    /// The payer's browser.
    pub user_agent: Option<String>,
    /// The payer's mail address: where a code by e-mail goes.
    pub email: Option<String>,
    /// The payer's number, as `+12025550123`: where a code by text message goes.
    pub phone: Option<String>,
    /// What kind of account the payer has.
    pub account_type: Option<String>,
    /// When the payer asked, as the server writes it.
    pub request_timestamp: Option<String>,
    /// Whether the payer has logged in.
    pub is_authorized: Option<bool>,
    /// Whether the payer is one of the staff.
    pub is_admin: Option<bool>,
}

impl fmt::Debug for FraudSignals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FraudSignals([redacted])")
    }
}

/// What a payer has to do before a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ChallengeKind {
    /// An hCaptcha. Takes its verifier.
    Hcaptcha,
    /// A Cloudflare Turnstile. Takes its verifier.
    Turnstile,
    /// A code by text message, to the phone of the signals.
    Sms,
    /// A code by e-mail, to the address of the signals.
    Email,
}

impl ChallengeKind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hcaptcha => "hcaptcha",
            Self::Turnstile => "turnstile",
            Self::Sms => "sms",
            Self::Email => "email",
        }
    }

    pub(crate) const fn channel(self) -> Option<verify_core::Channel> {
        match self {
            Self::Sms => Some(verify_core::Channel::Sms),
            Self::Email => Some(verify_core::Channel::Email),
            Self::Hcaptcha | Self::Turnstile => None,
        }
    }
}

/// Decides which challenge a payer has to satisfy, when a session is made. A closure is one, and so is a list of [`Rule`]s.
///
/// ```
/// use verify_compat::govifi::{ChallengeKind, ChallengePolicy, FraudSignals, SessionRequest};
///
/// let policy = |signals: &FraudSignals, session: &SessionRequest| match signals.is_authorized {
///     Some(true) if session.amount < 10_000 => None,
///     Some(true) => Some(ChallengeKind::Sms),
///     _ => Some(ChallengeKind::Hcaptcha),
/// };
/// let session = SessionRequest::new(50_000, "USD");
/// assert_eq!(policy.challenge(&FraudSignals::default(), &session), Some(ChallengeKind::Hcaptcha));
/// ```
pub trait ChallengePolicy: Send + Sync + 'static {
    /// The challenge, or none.
    fn challenge(&self, signals: &FraudSignals, session: &SessionRequest) -> Option<ChallengeKind>;
}

impl<F> ChallengePolicy for F
where
    F: Fn(&FraudSignals, &SessionRequest) -> Option<ChallengeKind> + Send + Sync + 'static,
{
    fn challenge(&self, signals: &FraudSignals, session: &SessionRequest) -> Option<ChallengeKind> {
        self(signals, session)
    }
}

/// A rule of the configuration: what it asks for where all that it names is so. The first rule that fits decides; where
/// none does, there is no challenge.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Rule {
    /// The payer's account is of this type.
    #[serde(default)]
    pub account_type: Option<String>,
    /// The payer has logged in, or has not; unsaid is not.
    #[serde(default)]
    pub is_authorized: Option<bool>,
    /// The payer is one of the staff, or is not; unsaid is not.
    #[serde(default)]
    pub is_admin: Option<bool>,
    /// The payer's address is this one.
    #[serde(default)]
    pub email: Option<String>,
    /// The amount is this much or more, in minor units.
    #[serde(default)]
    pub min_amount: Option<u64>,
    /// The challenge; none where it is left out.
    #[serde(default)]
    pub challenge: Option<ChallengeKind>,
}

impl Rule {
    fn fits(&self, signals: &FraudSignals, session: &SessionRequest) -> bool {
        let same = |wanted: &Option<String>, known: &Option<String>| wanted.is_none() || wanted == known;
        let is = |wanted: Option<bool>, known: Option<bool>| {
            wanted.is_none_or(|wanted| wanted == known.unwrap_or(false))
        };
        same(&self.account_type, &signals.account_type)
            && same(&self.email, &signals.email)
            && is(self.is_authorized, signals.is_authorized)
            && is(self.is_admin, signals.is_admin)
            && self.min_amount.is_none_or(|least| session.amount >= least)
    }
}

impl ChallengePolicy for Vec<Rule> {
    fn challenge(&self, signals: &FraudSignals, session: &SessionRequest) -> Option<ChallengeKind> {
        self.iter().find(|rule| rule.fits(signals, session))?.challenge
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rule = |rule: &str| -> Rule { serde_json::from_str(rule).unwrap() };
        let rules = vec![
            rule(r#"{"is_admin":true}"#),
            rule(r#"{"email":"a@example.com","challenge":"email"}"#),
            rule(r#"{"is_authorized":false,"challenge":"hcaptcha"}"#),
            rule(r#"{"min_amount":1000,"challenge":"sms"}"#),
        ];
        let challenge = |signals: &str, amount| {
            let signals: FraudSignals = serde_json::from_str(signals).unwrap();
            rules.challenge(&signals, &SessionRequest::new(amount, "USD"))
        };
        assert_eq!(challenge(r#"{"is_admin":true}"#, 5000), None);
        assert_eq!(challenge("{}", 1), Some(ChallengeKind::Hcaptcha), "unsaid is not logged in");
        assert_eq!(challenge(r#"{"email":"a@example.com"}"#, 1), Some(ChallengeKind::Email));
        assert_eq!(challenge(r#"{"is_authorized":true}"#, 1000), Some(ChallengeKind::Sms));
        assert_eq!(challenge(r#"{"is_authorized":true}"#, 999), None);
    }
}
