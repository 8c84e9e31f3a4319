//! Setting the API up.

use std::sync::Arc;

use verify_core::Engine;

use crate::worldpay::accounts::Accounts;
use crate::worldpay::inner::Inner;
use crate::worldpay::issuer::Issuer;
use crate::worldpay::links::Links;
use crate::worldpay::{AccountConfig, Config, ConfigError, IssuerSimulator, Settings, Worldpay};

/// Builds a [`Worldpay`]; made by [`Worldpay::builder`].
#[derive(Debug)]
#[must_use]
pub struct WorldpayBuilder {
    engine: Engine,
    config: Config,
    issuer: Option<Arc<dyn Issuer>>,
}

impl WorldpayBuilder {
    pub(super) fn new(engine: &Engine) -> Self {
        Self { engine: engine.clone(), config: Config::default(), issuer: None }
    }

    /// Everything at once but the issuer, in place of what was set before.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// One more account. At least one is needed.
    pub fn account(mut self, account: AccountConfig) -> Self {
        self.config.accounts.push(account);
        self
    }

    /// What every link begins with, up to where the API is mounted. Required.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.config.public_url = Some(url.into());
        self
    }

    /// The settings for all accounts.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.config.settings = settings;
        self
    }

    /// Who is asked about cards. Required, unless the configuration asks for the simulator.
    pub fn issuer(mut self, issuer: impl Issuer) -> Self {
        self.issuer = Some(Arc::new(issuer));
        self
    }

    /// Checks everything and builds.
    ///
    /// # Errors
    /// Names the entry that makes no sense and what to write instead.
    pub fn build(self) -> Result<Worldpay, ConfigError> {
        let Self { engine, config, issuer } = self;
        let Config { accounts, public_url, simulator, settings } = config;
        let issuer = match issuer {
            Some(issuer) => issuer,
            None if simulator => {
                tracing::warn!(target: "verify", "DEVELOPMENT: cards are checked by a simulator, which says yes to whoever asks for it");
                Arc::new(IssuerSimulator::default())
            }
            None => return Err(ConfigError::NoIssuer),
        };
        let wrong = |what| Err(ConfigError::Settings { what });
        if !(1..=720).contains(&settings.outcome_hours) {
            return wrong("`outcome_hours` is 1 to 720");
        }
        if !(1..=8760).contains(&settings.reference_hours) {
            return wrong("`reference_hours` is 1 to 8760");
        }
        let inner = Inner {
            notes: engine.notes("worldpay"),
            accounts: Accounts::new(&accounts)?,
            links: Links::new(public_url.as_deref())?,
            issuer,
            settings,
            engine,
        };
        Ok(Worldpay::around(inner))
    }
}
