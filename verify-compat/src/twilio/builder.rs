//! Setting the API up.

use std::fmt;
use std::sync::{Arc, RwLock};

use verify_core::{Budgets, Engine, Fetch};

use crate::resources::{MemoryResources, Resources};
use crate::twilio::accounts::Accounts;
use crate::twilio::book::Book;
use crate::twilio::catalog::Catalog;
use crate::twilio::identity::Identities;
use crate::twilio::inner::Inner;
use crate::twilio::limits::{LONGEST_INTERVAL, MOST_BUCKETS, MOST_LIMITS, is_unique_name};
use crate::twilio::verification::{Channel, Terms};
use crate::twilio::webhook::Webhook;
use crate::twilio::{
    AccountConfig, BucketConfig, Config, ConfigError, Lookup, RateLimitConfig, ServiceConfig, Settings,
    TwilioVerifyApi, sid,
};

/// Builds a [`TwilioVerifyApi`]; made by [`TwilioVerifyApi::builder`].
#[must_use]
pub struct TwilioVerifyApiBuilder {
    engine: Engine,
    config: Config,
    resources: Arc<dyn Resources>,
    fetch: Option<Arc<dyn Fetch>>,
    lookup: Option<Arc<dyn Lookup>>,
}

impl TwilioVerifyApiBuilder {
    pub(super) fn new(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
            config: Config::default(),
            resources: Arc::new(MemoryResources::default()),
            fetch: None,
            lookup: None,
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

    /// One more service that is there from the start.
    pub fn service(mut self, service: ServiceConfig) -> Self {
        self.config.services.push(service);
        self
    }

    /// The settings for all services.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.config.settings = settings;
        self
    }

    /// Where services, limits and the like are kept. Default: [`MemoryResources`], which forgets with the process.
    pub fn resources(mut self, resources: impl Resources) -> Self {
        self.resources = Arc::new(resources);
        self
    }

    /// The HTTP client that calls the webhook. Required with a webhook, and of no use without.
    pub fn fetch(mut self, fetch: impl Fetch) -> Self {
        self.fetch = Some(Arc::new(fetch));
        self
    }

    /// What is known of numbers, for services that have `lookup_enabled`. Default: nothing is.
    pub fn lookup(mut self, lookup: impl Lookup) -> Self {
        self.lookup = Some(Arc::new(lookup));
        self
    }

    /// Checks everything and builds.
    ///
    /// # Errors
    /// Names the entry that makes no sense and what to write instead.
    pub fn build(self) -> Result<TwilioVerifyApi, ConfigError> {
        let Self { engine, config, resources, fetch, lookup } = self;
        let accounts = Accounts::new(&config.accounts, config.danger_short_tokens)?;
        check_settings(&config.settings)?;
        let webhook = config.webhook.as_ref();
        let webhook = webhook.map(|webhook| Webhook::new(webhook, fetch, engine.deadline())).transpose()?;
        let inner = Inner {
            catalog: Catalog::new(resources, declared(&config, &accounts)?),
            accounts,
            book: Book { notes: engine.notes("twilio") },
            identities: Identities::new(&config, engine.now())?,
            webhook,
            lookup,
            budgets: Arc::new(Budgets::per_challenge_only().lockout_until_expiry()),
            gates: RwLock::default(),
            settings: config.settings,
            engine,
        };
        // An engine that cannot make a code at all is told now, and not with the first request.
        let ordinary = ServiceConfig::default().code_length;
        inner.gate(Terms {
            digits: ordinary,
            ttl: inner.settings.ttl_seconds,
            fresh: inner.settings.fresh_code,
        })?;
        Ok(TwilioVerifyApi { inner: Arc::new(inner) })
    }
}

fn check_settings(settings: &Settings) -> Result<(), ConfigError> {
    let wrong = |what| Err(ConfigError::Settings { what });
    if !(120..=86_400).contains(&settings.ttl_seconds) {
        return wrong("`ttl_seconds` is 120 to 86400");
    }
    if settings.attempts_hours > 720 {
        return wrong("`attempts_hours` is 720 at most: a number must be gone after thirty days");
    }
    if !settings.auto.iter().all(|name| Channel::from_name(name).is_some()) {
        return wrong("`auto` names channels: sms, call, email, whatsapp");
    }
    let url = settings.public_url.as_deref().map(str::parse::<http::Uri>);
    match url {
        Some(Ok(url)) if url.scheme().is_some() && url.host().is_some() => Ok(()),
        None => Ok(()),
        Some(_) => wrong("`public_url` is absolute: https://verify.example"),
    }
}

/// The services that the configuration declares, each with its account.
fn declared(config: &Config, accounts: &Accounts) -> Result<Vec<(String, ServiceConfig)>, ConfigError> {
    let mut declared: Vec<(String, ServiceConfig)> = Vec::new();
    for service in &config.services {
        let sid = service.sid.clone();
        if !sid::is("VA", &sid) {
            return Err(ConfigError::Sid { sid, prefix: "VA" });
        }
        if declared.iter().any(|(_, known)| known.sid == sid) {
            return Err(ConfigError::Twice { sid });
        }
        let first = config.accounts.first().map(|account| &account.sid);
        let account = service.account_sid.as_ref().or(first).filter(|account| accounts.has(account));
        let Some(account) = account else { return Err(ConfigError::Account { sid }) };
        let limits = &service.rate_limits;
        let named = |limit: &RateLimitConfig| {
            limits.iter().filter(|other| other.unique_name == limit.unique_name).count() == 1
        };
        let bucket =
            |bucket: &BucketConfig| bucket.max > 0 && (1..=LONGEST_INTERVAL).contains(&bucket.interval);
        let what = if let Some(parameter) = service.fault() {
            format!("{parameter} makes no sense; see its documentation")
        } else if !limits.iter().all(|limit| is_unique_name(&limit.unique_name) && named(limit)) {
            "`unique_name` is letters, digits, - _ and . and there once".to_owned()
        } else if limits.len() > MOST_LIMITS || limits.iter().any(|limit| limit.buckets.len() > MOST_BUCKETS)
        {
            format!("{MOST_LIMITS} rate limits of {MOST_BUCKETS} buckets at most")
        } else if !limits.iter().flat_map(|limit| &limit.buckets).all(bucket) {
            "a bucket has a `max` of at least one and an `interval` of seconds, up to a year".to_owned()
        } else {
            declared.push((account.clone(), service.clone()));
            continue;
        };
        return Err(ConfigError::Service { sid, what });
    }
    Ok(declared)
}

impl fmt::Debug for TwilioVerifyApiBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioVerifyApiBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}
