//! The API of Worldpay's account verification, versions 5 and 6: unmodified clients of it are pointed at [`Worldpay`] and
//! find what they know.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # fn now<F: Future>(future: F) -> F::Output {
//! #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! #     match std::pin::pin!(future).poll(&mut context) {
//! #         std::task::Poll::Ready(output) => output,
//! #         std::task::Poll::Pending => unreachable!("neither the simulator nor the memory store waits"),
//! #     }
//! # }
//! use bytes::Bytes;
//! use verify_compat::worldpay::{AccountConfig, IssuerSimulator, Worldpay};
//! use verify_core::{Api, Engine, KeyRing, Origin};
//!
//! # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
//! let engine = Engine::builder(keys, Origin::parse("https://shop.example")?).build()?;
//! let worldpay = Worldpay::builder(&engine)
//!     .account(AccountConfig::new("merchant", "secret"))
//!     .public_url("https://verify.example")
//!     .issuer(IssuerSimulator::default())
//!     .build()?;
//! // axum:  .nest_service("/verifications/accounts", verify_tower::ApiService::new(worldpay))
//! // actix: .service(verify_actix::api("/verifications/accounts", worldpay))
//!
//! let media_type = "application/vnd.worldpay.verifications.accounts-v5+json";
//! let ask = |holder: &str, reference: &str| {
//!     let body = format!(
//!         r#"{{"currency": "GBP", "merchant": {{"entity": "default"}}, "transactionReference": "{reference}",
//!             "paymentInstrument": {{"type": "card/plain", "cardNumber": "4444333322221111",
//!             "cardExpiryDate": {{"month": 1, "year": 2035}}, "cardHolderName": "{holder}"}}}}"#
//!     );
//!     http::Request::post("/verifications/accounts/intelligent/oneTime")
//!         .header("authorization", "Basic bWVyY2hhbnQ6c2VjcmV0")
//!         .header("accept", media_type)
//!         .header("content-type", media_type)
//!         .body(Bytes::from(body))
//! };
//! let verified = now(worldpay.answer(ask("Sherlock Holmes", "Memory265-13/08/1876")?));
//! assert_eq!(verified.status(), 201);
//! assert!(verified.body().starts_with(br#"{"_links""#));
//! let refused = now(worldpay.answer(ask("REFUSED", "another")?));
//! assert!(String::from_utf8_lossy(refused.body()).contains(r#""outcome":"not verified""#));
//! # Ok(()) }
//! ```
//!
//! # What is served
//!
//! | path | |
//! |---|---|
//! | `GET /verifications/accounts` | the root, in HAL: every other resource by its relation |
//! | `POST /verifications/accounts/{intelligent,dynamic}/{oneTime,cardOnFile}` | a verification |
//! | `GET /verifications/accounts/{link}` | its outcome, byte for byte as it was answered |
//! | `POST /cardVerifications`, `GET /cardVerifications/{link}` | the same in version 6 |
//! | `GET /rels/verifications/accounts/{relation}` | what a relation means |
//!
//! Payment links, payments by wallet and by network token, and verifications of bank accounts (ACH) are not served.
//!
//! Where the original's documentation is silent or contradicts itself, these are our choices:
//!
//! | case | answer |
//! |---|---|
//! | a `transactionReference` once more | 400, `fieldHasInvalidValue` at `$.transactionReference`, also after a failure |
//! | another account's link, or one of the other version | 404, `resourceNotFound` |
//! | no `Accept` | 400, `headerIsMissing`; of another version 406; `*/*` is answered, unless [`Settings::strict_accept`] |
//! | a `Content-Type` of another version than `Accept` | 400, `headerHasInvalidValue`; of anything else 415 |
//! | `merchant.entity` of another account | 403, `boardingError` |
//! | a member twice | 400, `bodyIsNotJson` |
//! | an issuer that gives no answer | 500; whether it was asked is not known, and the reference stays used |
//! | a comparison that nothing is known of | listed as `notChecked`; of what was not sent, `notSupplied` |
//!
//! # Where things are kept
//!
//! An outcome is kept in the engine's store, sealed and under a keyed name, for [`Settings::outcome_hours`], so any process
//! that has the same store and keys answers for it. A reference is taken by one atomic insert before anybody is asked. Of a
//! card, the first six and the last four digits are kept, with the expiry and whatever the issuer says of it; number and
//! security code are in no store, log, error or answer. What is read of them is wiped from memory once the issuer has answered; the
//! bytes of the request itself are the server's, and are not.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http::request::Parts;
use verify_core::{Api, Engine, Reply};

use crate::worldpay::fault::Fault;
use crate::worldpay::inner::Inner;

mod accounts;
mod builder;
mod cards;
mod config;
mod config_error;
mod fault;
mod inner;
mod instrument;
mod issuer;
mod json;
mod links;
mod media;
mod merchant;
mod order;
mod outcome;
mod reader;
mod reply;
mod simulator;

pub use builder::WorldpayBuilder;
pub use cards::IssuerCards;
pub use config::{AccountConfig, Config, Settings};
pub use config_error::ConfigError;
pub use issuer::{CardDetails, Issuer, IssuerAnswer, IssuerError, IssuerInquiry};
pub use simulator::IssuerSimulator;

/// The API, to be mounted at `/verifications/accounts`, and for version 6 at `/cardVerifications` too. Cheap to clone; clones
/// are one.
///
/// Whoever has an account is trusted as a server of yours is: it limits how often strangers make it ask about cards.
#[derive(Clone)]
pub struct Worldpay {
    inner: Arc<Inner>,
}

impl Worldpay {
    /// Where its resources are, each to be mounted: both versions, and what the relations mean.
    pub const MOUNTS: [&str; 3] = [links::FIVE, links::SIX, links::RELATIONS];

    /// Starts to build over an engine, whose store, keys and clock it uses.
    pub fn builder(engine: &Engine) -> WorldpayBuilder {
        WorldpayBuilder::new(engine)
    }

    fn around(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }
}

#[async_trait]
impl Api for Worldpay {
    async fn answer(&self, request: Request<Bytes>) -> Reply {
        self.inner.answer(request).await
    }

    fn refuse_body(&self, head: &Parts, too_large: bool) -> Reply {
        Fault::body(too_large).reply(&reply::correlation(&head.headers))
    }

    fn too_late(&self, head: &Parts) -> Reply {
        Fault::internal(inner::version(head.uri.path())).reply(&reply::correlation(&head.headers))
    }

    fn deadline(&self) -> Duration {
        self.inner.engine.deadline()
    }
}

impl fmt::Debug for Worldpay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worldpay").field("accounts", &self.inner.accounts).finish_non_exhaustive()
    }
}
