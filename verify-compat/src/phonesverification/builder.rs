//! Setting the API up.

use std::fmt;
use std::sync::Arc;

use verify_core::{Engine, Fetch};

use crate::phonesverification::accounts::Accounts;
use crate::phonesverification::callback::Courier;
use crate::phonesverification::inner::Inner;
use crate::phonesverification::{AccountConfig, Config, ConfigError, PhonesVerification, Settings, Voice};

/// Builds a [`PhonesVerification`]; made by [`PhonesVerification::builder`].
#[must_use]
pub struct PhonesVerificationBuilder {
    engine: Engine,
    config: Config,
    voice: Option<Arc<dyn Voice>>,
    fetch: Option<Arc<dyn Fetch>>,
}

impl PhonesVerificationBuilder {
    pub(super) fn new(engine: &Engine) -> Self {
        Self { engine: engine.clone(), config: Config::default(), voice: None, fetch: None }
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

    /// The settings for all accounts.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.config.settings = settings;
        self
    }

    /// Who places the calls. Required.
    pub fn voice(mut self, voice: impl Voice) -> Self {
        self.voice = Some(Arc::new(voice));
        self
    }

    /// The HTTP client that sends the callbacks. Required, and unless [`Settings::allow_private_callbacks`] is set it has to
    /// [connect to public addresses only](Fetch::is_public_only).
    pub fn fetch(mut self, fetch: impl Fetch) -> Self {
        self.fetch = Some(Arc::new(fetch));
        self
    }

    /// Checks everything and builds.
    ///
    /// # Errors
    /// Names the entry that makes no sense and what to write instead.
    pub fn build(self) -> Result<PhonesVerification, ConfigError> {
        let Self { engine, config: Config { accounts, settings }, voice, fetch } = self;
        check_settings(&settings)?;
        let accounts = Accounts::new(&accounts, &settings)?;
        let voice = voice.ok_or(ConfigError::NoVoice)?;
        let fetch = fetch.ok_or(ConfigError::NoFetch)?;
        if !fetch.is_public_only() && !settings.allow_private_callbacks {
            return Err(ConfigError::FetchGoesInside);
        }
        if voice.is_development() {
            tracing::warn!(target: "verify", "DEVELOPMENT HANDSET: nobody is really called, and whoever opens its page answers");
        }
        let courier = Courier { fetch, tries: settings.tries, within: engine.deadline() };
        let notes = engine.notes("phonesverification");
        Ok(PhonesVerification {
            inner: Arc::new(Inner { engine, notes, accounts, settings, voice, courier }),
        })
    }
}

fn check_settings(settings: &Settings) -> Result<(), ConfigError> {
    let wrong = |what| Err(ConfigError::Settings { what });
    let segments = settings.path.strip_prefix('/').unwrap_or_default().split('/');
    let plain = |segment: &str| {
        !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    if !segments.clone().all(plain) || segments.clone().any(|segment| matches!(segment, "." | "..")) {
        return wrong(
            "`path` begins with a slash and has letters, digits, `-_.` and single slashes: /tts/reversepinverification",
        );
    }
    if !(1..=8).contains(&settings.pin_min) {
        return wrong("`pin_min` is 1 to 8");
    }
    if !(1..=10).contains(&settings.tries) {
        return wrong("`tries` is 1 to 10");
    }
    if !(10..=600).contains(&settings.call_seconds) {
        return wrong("`call_seconds` is 10 to 600");
    }
    Ok(())
}

impl fmt::Debug for PhonesVerificationBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PhonesVerificationBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}
