//! The API of Twilio Verify v2: unmodified clients of it are pointed at [`TwilioVerifyApi`] and find what they know.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use verify_compat::twilio::{AccountConfig, ServiceConfig, TwilioVerifyApi};
//! use verify_core::{Channel, Countries, Engine, KeyRing, Origin};
//! # use verify_core::{Courier, CourierError, Delivery};
//! # #[derive(Debug)] struct Carrier;
//! # #[async_trait::async_trait] impl Courier for Carrier {
//! #     async fn deliver(&self, _: &Delivery) -> Result<(), CourierError> { Ok(()) }
//! #     fn is_development(&self) -> bool { false }
//! # }
//!
//! # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
//! let engine = Engine::builder(keys, Origin::parse("https://bank.example")?)
//!     .courier(Channel::Sms, Carrier)
//!     .countries(Countries::only(["US", "CA"])?)
//!     .build()?;
//! let twilio = TwilioVerifyApi::builder(&engine)
//!     .account(AccountConfig::new("ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "7d1f0c2a9b8e4d3f"))
//!     .service(ServiceConfig::new("VAbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "Owl Bank"))
//!     .build()?;
//! // axum:  .nest_service("/v2", verify_tower::ApiService::new(twilio))
//! // actix: .service(verify_actix::api("/v2", twilio))
//! # let _ = twilio;
//! # Ok(()) }
//! ```
//!
//! # What is served
//!
//! Services with all options; Verifications, VerificationCheck; RateLimits and Buckets; Attempts with their Summary;
//! SafeList; lists in pages; an empty list of Templates. Entities, Factors and Challenges (TOTP, push), Webhooks,
//! AccessTokens, MessagingConfigurations, Forms and Passkeys answer 404 with the number 20404.
//!
//! Where the original's documentation is silent or contradicts itself, these are our choices:
//!
//! | case | answer |
//! |---|---|
//! | another amount or payee at a check | a wrong answer, counted: 201, `pending`, never approved |
//! | a start after too many wrong answers | 429, 60202 with `Retry-After`, until the verification has expired |
//! | a start between the fifth wrong answer and the sixth | the same: a message would be of no use to anybody |
//! | `Status=approved` with PSD2 | 403, 60204: it names neither amount nor payee |
//! | `Status=canceled` once more | 200; of an approved or expired one 404, 20404 |
//! | a required parameter that is missing | 400, 20001 (but 60206 and 60221 where those apply, and 60200 for a check without `Code`) |
//! | `CustomCode` where it is not enabled | 403, 60204 |
//! | another `CustomCode` than the pending verification has | 400, 60200: cancel that one first. A code a start would make its messages and its answers endless |
//! | an amount of more than 40 characters, a payee of more than 140, either without a visible one | 400, 60200: a message shows both as a whole, with white space as one space |
//! | a key in `RateLimits` that is no limit of the service | counts nothing |
//! | `Twilio-Reached-Rate-Limit` | the unique name of the limit |
//! | `sna` | 60329 with PSD2, else 60223: it takes a carrier |
//! | `TemplateSid` | 60228; `CustomMessage` 60243 |
//! | canceled and over-tried verifications | can be fetched for an hour after they would have expired, a day at most |
//! | more than 10,000 attempts | a list and a summary look at the newest 10,000 of the time that is asked for |
//! | `Channel=rbm` among attempts | an empty list: nothing is sent that way here |
//! | a channel without a courier | 60223, for e-mail 60217 |
//! | a courier that refuses the address | 400, 60200; one that fails 503, 20503 |
//! | a number of a [country](verify_core::EngineBuilder::countries) that messages do not go to | 403, 60605; it counts towards no rate limit |
//!
//! # What is more than the original
//!
//! Header fields, which no client trips over: `Verify-Attempts-Left` and `Verify-Expires-At` on starts, fetches and checks,
//! and `Verify-Status` on the 404 of a verification that is over. A [webhook](WebhookConfig) when one ends,
//! [test identities](TestIdentity), a [lookup](Lookup) of your own, and [`Settings`].
//!
//! # Where things are kept
//!
//! Verifications live in the engine's store, counted and ended by the engine's own laws, so that any number of processes
//! serves one service; numbers, amounts and payees are sealed there, under keyed names, and gone with the verification, a
//! day at most. Attempts, with the number sealed, are kept for [`Settings::attempts_hours`]. What is configured lives in
//! [`Resources`]; processes that share those share their configuration, since each writes at its start what that declares,
//! and removes what it declares no more. A service that a new configuration gives to another account is a new one there.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http::request::Parts;
use verify_core::{Api, Engine, Reply};

use crate::resources::Resources;
use crate::twilio::fault::Fault;
use crate::twilio::inner::Inner;

mod accounts;
mod attempts;
mod book;
mod builder;
mod call;
mod catalog;
mod check;
mod claims;
mod config;
mod config_error;
mod date;
mod extras;
mod fault;
mod form;
mod identity;
mod inner;
mod limits;
mod listing;
mod lookup;
mod rate_limits;
mod reply;
mod safe_list;
mod service;
mod services;
mod sid;
mod start;
mod text;
mod verification;
mod verifications;
mod webhook;
mod wish;
mod wording;

pub use builder::TwilioVerifyApiBuilder;
pub use config::{
    AccountConfig, ApiKeyConfig, BucketConfig, Config, Passkeys, Push, RateLimitConfig, RelyingParty,
    ServiceConfig, Settings, TestIdentity, Totp, WebhookConfig, Whatsapp,
};
pub use config_error::ConfigError;
pub use lookup::{Carrier, LineType, Lookup};

/// The API, to be mounted at `/v2`. Cheap to clone; clones are one.
///
/// Whoever has an account is trusted as a server of yours is: it says whom to write to, and limits how often strangers make
/// it call, with rate limits or by itself.
#[derive(Clone)]
pub struct TwilioVerifyApi {
    inner: Arc<Inner>,
}

impl TwilioVerifyApi {
    /// Starts to build over an engine, whose store, couriers, keys and clock it uses.
    pub fn builder(engine: &Engine) -> TwilioVerifyApiBuilder {
        TwilioVerifyApiBuilder::new(engine)
    }

    /// The API from a configuration, where there is no webhook.
    ///
    /// # Errors
    /// As [`TwilioVerifyApiBuilder::build`].
    pub fn new(engine: &Engine, config: Config, resources: impl Resources) -> Result<Self, ConfigError> {
        Self::builder(engine).config(config).resources(resources).build()
    }
}

#[async_trait]
impl Api for TwilioVerifyApi {
    async fn answer(&self, request: Request<Bytes>) -> Reply {
        self.inner.answer(request).await
    }

    fn refuse_body(&self, _: &Parts, too_large: bool) -> Reply {
        Fault::body(too_large).reply()
    }

    fn too_late(&self, _: &Parts) -> Reply {
        Fault::too_late().reply()
    }

    fn deadline(&self) -> Duration {
        self.inner.engine.deadline()
    }
}

impl fmt::Debug for TwilioVerifyApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioVerifyApi").field("accounts", &self.inner.accounts).finish_non_exhaustive()
    }
}
