//! Setting the API up.

use std::fmt;
use std::sync::Arc;

use verify_core::{Engine, Fetch};

use crate::resources::{MemoryResources, Resources};
use crate::twilio::{AccountConfig, Config, ConfigError, ServiceConfig, Settings, TwilioVerify};

/// Builds a [`TwilioVerify`]; made by [`TwilioVerify::builder`].
#[must_use]
pub struct TwilioVerifyBuilder {
    engine: Engine,
    config: Config,
    resources: Arc<dyn Resources>,
    fetch: Option<Arc<dyn Fetch>>,
}

impl TwilioVerifyBuilder {
    pub(super) fn new(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
            config: Config::default(),
            resources: Arc::new(MemoryResources::default()),
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

    /// Checks everything and builds.
    ///
    /// # Errors
    /// Names the entry that makes no sense and what to write instead.
    pub fn build(self) -> Result<TwilioVerify, ConfigError> {
        if self.config.accounts.is_empty() {
            return Err(ConfigError::NoAccount);
        }
        Ok(TwilioVerify::assemble(self.engine, self.config, self.resources, self.fetch))
    }
}

impl fmt::Debug for TwilioVerifyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioVerifyBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}
