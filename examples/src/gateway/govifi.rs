//! The hosted sessions of GoViFi, at `/v1/hosted-sessions`, with a sandbox in place of a processor.

use std::sync::Arc;

use serde::Deserialize;
use verify_compat::govifi::{ChallengeKind, Config, HostedSessions, Sandbox};
use verify_core::Engine;
use verify_providers::HttpClient;
use verify_providers::siteverify::Siteverify;

use crate::gateway::{GatewayError, Served};

/// The table of the API, and of the captchas that its rules ask for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Govifi {
    /// Accounts, rules, settings, webhook.
    #[serde(default)]
    pub api: Config,
    /// Pays everything and moves nothing. There is no processor here: an app that has one mounts the API itself.
    #[serde(default)]
    pub sandbox: bool,
    /// The keys of hCaptcha.
    pub hcaptcha: Option<Keys>,
    /// The keys of Cloudflare Turnstile.
    pub turnstile: Option<Keys>,
}

/// A vendor's keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Keys {
    site_key: String,
    secret: String,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("site_key", &self.site_key).finish_non_exhaustive()
    }
}

/// Opens the API, and says how to make a session.
pub(super) fn open(
    engine: &Engine,
    config: Govifi,
    here: &str,
    built_in: bool,
) -> Result<Served, GatewayError> {
    let Govifi { api, sandbox, hcaptcha, turnstile } = config;
    let client = HttpClient::new()?;
    let mut builder = HostedSessions::builder(engine).config(api).fetch(client.clone());
    if sandbox {
        builder = builder.payments(Sandbox::default());
    }
    for (kind, keys) in [(ChallengeKind::Hcaptcha, hcaptcha), (ChallengeKind::Turnstile, turnstile)] {
        let Some(Keys { site_key, secret }) = keys else { continue };
        let verifier = match kind {
            ChallengeKind::Hcaptcha => Siteverify::hcaptcha(client.clone(), site_key, secret),
            _ => Siteverify::turnstile(client.clone(), site_key, secret),
        };
        builder = builder.captcha(verifier.build()?);
    }
    let token = if built_in { "development-token" } else { "TOKEN" };
    let body = r#"{"amount": 4999, "currency": "USD", "fraud_signals": {"phone": "+12025550123"}}"#;
    Ok(Served {
        name: "GoViFi hosted sessions",
        prefix: "/v1/hosted-sessions",
        curl: format!("curl -H 'Authorization: Bearer {token}' {here}/v1/hosted-sessions -d '{body}'"),
        api: Arc::new(builder.build()?),
    })
}
