//! The API of Twilio Verify v2: unmodified clients of it are pointed at [`TwilioVerify`] and find what they know.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, StatusCode};
use verify_core::{Api, Engine, Fetch, Reply};

use crate::resources::Resources;
use crate::twilio::fault::Fault;

mod builder;
mod config;
mod config_error;
mod fault;

pub use builder::TwilioVerifyBuilder;
pub use config::{
    AccountConfig, ApiKeyConfig, BucketConfig, Config, Passkeys, Push, RateLimitConfig, RelyingParty,
    ServiceConfig, Settings, TestIdentity, Token, Totp, WebhookConfig, Whatsapp,
};
pub use config_error::ConfigError;

/// The API, to be mounted at `/v2`. Cheap to clone; clones are one.
#[derive(Clone)]
pub struct TwilioVerify {
    inner: Arc<Inner>,
}

struct Inner {
    _engine: Engine,
    _config: Config,
    _resources: Arc<dyn Resources>,
    _fetch: Option<Arc<dyn Fetch>>,
}

impl TwilioVerify {
    /// Starts to build over an engine, whose store, couriers, keys and clock it uses.
    pub fn builder(engine: &Engine) -> TwilioVerifyBuilder {
        TwilioVerifyBuilder::new(engine)
    }

    /// The API from a configuration, where there is no webhook.
    ///
    /// # Errors
    /// As [`TwilioVerifyBuilder::build`].
    pub fn new(engine: &Engine, config: Config, resources: impl Resources) -> Result<Self, ConfigError> {
        Self::builder(engine).config(config).resources(resources).build()
    }

    fn assemble(
        engine: Engine,
        config: Config,
        resources: Arc<dyn Resources>,
        fetch: Option<Arc<dyn Fetch>>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner { _engine: engine, _config: config, _resources: resources, _fetch: fetch }),
        }
    }
}

#[async_trait]
impl Api for TwilioVerify {
    async fn answer(&self, request: Request<Bytes>) -> Reply {
        Fault::not_found(request.uri().path()).reply()
    }

    fn refuse_body(&self, too_large: bool) -> Reply {
        let status = if too_large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
        Fault::new(status, 20_001, "The request body is too long or broke off").reply()
    }
}

impl fmt::Debug for TwilioVerify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioVerify").finish_non_exhaustive()
    }
}
