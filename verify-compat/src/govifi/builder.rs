//! Setting the API up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use verify_core::{Budgets, CaptchaVerifier, Engine, Factor, Fetch, Policy};

use crate::govifi::access::Accounts;
use crate::govifi::book::Book;
use crate::govifi::inner::{Inner, factor};
use crate::govifi::webhook::Webhook;
use crate::govifi::{
    AccountConfig, ChallengeKind, ChallengePolicy, Config, ConfigError, HostedSessions, Payments,
};

/// Builds a [`HostedSessions`]; made by [`HostedSessions::builder`].
#[must_use]
pub struct HostedSessionsBuilder {
    engine: Engine,
    config: Config,
    policy: Option<Arc<dyn ChallengePolicy>>,
    payments: Option<Arc<dyn Payments>>,
    captchas: Vec<Arc<dyn CaptchaVerifier>>,
    fetch: Option<Arc<dyn Fetch>>,
}

impl HostedSessionsBuilder {
    pub(super) fn new(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
            config: Config::default(),
            policy: None,
            payments: None,
            captchas: Vec::new(),
            fetch: None,
        }
    }

    /// Everything at once, in place of what was set before.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// One more account. At least one is needed.
    pub fn account(mut self, account: AccountConfig) -> Self {
        self.config.accounts.push(account);
        self
    }

    /// Decides who has to satisfy what. Default: the configuration's rules.
    pub fn policy(mut self, policy: impl ChallengePolicy) -> Self {
        self.policy = Some(Arc::new(policy));
        self
    }

    /// Takes the money. Required.
    pub fn payments(mut self, payments: impl Payments) -> Self {
        self.payments = Some(Arc::new(payments));
        self
    }

    /// Who is asked about a captcha's token: one verifier for each kind, `hcaptcha` and `turnstile`. A token has to be solved
    /// on the origin that it comes from; a Turnstile's, if its verifier looks at them, with the action `confirm` and the
    /// session's id as its data.
    pub fn captcha(mut self, verifier: impl CaptchaVerifier) -> Self {
        self.captchas.push(Arc::new(verifier));
        self
    }

    /// The HTTP client that calls the webhook. Required with a webhook, and of no use without.
    pub fn fetch(mut self, fetch: impl Fetch) -> Self {
        self.fetch = Some(Arc::new(fetch));
        self
    }

    /// Checks everything and builds.
    ///
    /// # Errors
    /// Names the entry that makes no sense and what to write instead.
    pub fn build(self) -> Result<HostedSessions, ConfigError> {
        let Self { engine, config, policy, payments, captchas, fetch } = self;
        let Config { accounts, rules, settings, webhook } = config;
        let accounts = Accounts::new(&accounts)?;
        if let Some(what) = settings.fault() {
            return Err(ConfigError::Settings { what });
        }
        let serves = |kind: ChallengeKind| match kind.channel() {
            Some(channel) => engine.channels().any(|known| known == channel),
            None => captchas.iter().any(|verifier| verifier.widget().kind() == kind.name()),
        };
        let mut asked = rules.iter().filter_map(|rule| rule.challenge);
        if let Some(kind) = asked.find(|kind| !serves(*kind)) {
            return Err(ConfigError::Challenge { challenge: kind.name() });
        }
        let mut gates = Vec::new();
        for kind in [ChallengeKind::Sms, ChallengeKind::Email] {
            let Some(channel) = kind.channel().filter(|_| serves(kind)) else { continue };
            let codes = Factor::code(factor(kind))
                .over([channel])
                .digits(settings.code_length)
                .lives(Duration::from_secs(settings.code_ttl_seconds.into()))
                // Sends are counted for the session here, since one whose message is not known to have left does not count.
                .sends(10);
            // One more than are ever compared: the last one, if it is wrong, must not end what another is about to redeem.
            let codes = match settings.attempts.saturating_add(1) {
                many @ 11.. => codes.tries_beyond_ten(many),
                few => codes.tries(few),
            };
            gates.push((kind, engine.gate(Policy::new(factor(kind)).require(codes).to_given_addresses())?));
        }
        let webhook = webhook.as_ref();
        let webhook = webhook.map(|webhook| Webhook::new(webhook, fetch, engine.deadline())).transpose()?;
        let inner = Inner {
            book: Book { notes: engine.notes("govifi") },
            accounts,
            settings,
            policy: policy.unwrap_or_else(|| Arc::new(rules)),
            payments: payments.ok_or(ConfigError::NoPayments)?,
            captchas,
            webhook,
            budgets: Arc::new(Budgets::per_challenge_only()),
            gates,
            engine,
        };
        Ok(HostedSessions { inner: Arc::new(inner) })
    }
}

impl fmt::Debug for HostedSessionsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostedSessionsBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}
