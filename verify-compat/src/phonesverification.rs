//! The API of PhonesVerification's reverse PIN call: clients of it are pointed at [`PhonesVerification`] and find what they
//! know.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use verify_compat::phonesverification::{AccountConfig, Handset, PhonesVerification};
//! use verify_core::{Engine, KeyRing, Origin};
//!
//! # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
//! let engine = Engine::builder(keys, Origin::parse("https://bank.example")?).build()?;
//! # #[derive(Debug)] struct Client;
//! # #[async_trait::async_trait] impl verify_core::Fetch for Client {
//! #     async fn fetch(&self, _: http::Request<bytes::Bytes>) -> Result<http::Response<bytes::Bytes>, verify_core::FetchError> {
//! #         Err(verify_core::FetchErrorKind::Unsent.into())
//! #     }
//! #     fn is_public_only(&self) -> bool { true }
//! # }
//! let builder = || PhonesVerification::builder(&engine)
//!     .voice(Handset::new()) // for development; a `Voice` of your own in earnest
//!     .fetch(Client); // `verify_providers::HttpClient::builder().public_only().build()?`
//! let api = builder().account(AccountConfig::new("qd4cr4gd", "87548754")).build()?;
//! assert!(builder().build().is_err(), "somebody has to be allowed to call");
//! // axum:  .nest_service("/app/api", verify_tower::ApiService::new(api))
//! // actix: .service(verify_actix::api("/app/api", api))
//! # let _ = api;
//! # Ok(()) }
//! ```
//!
//! # What is served
//!
//! The call itself, below a JSON base and an XML base that are told apart by the path: whatever stands before, the path ends
//! in `/json` or `/xml` and the [path of the call](Settings::path). Everything else below a base is answered with status 8.
//!
//! Parameters come as a form, as a JSON object under any of seven content types, or in the query, or as both; where body and
//! query differ, the body counts. Names are told by case, and one that is given twice in one place is refused.
//!
//! Where the original's documentation is silent, these are our choices, and no promise of the original's:
//!
//! | case | answer |
//! |---|---|
//! | the path of the call | `/tts/reversepinverification`, by analogy; [a setting](Settings::path) |
//! | the HTTP status of a failure | 200, since the status is in the envelope; [a setting](Settings::http_status) |
//! | several faults | missing parameters (2) before credentials (3) before validity (4) |
//! | another content type, malformed JSON | 4 |
//! | a method other than POST | 8, with HTTP status 405 |
//! | `number` | an optional `+`, spaces, dashes, dots and brackets are dropped; then 7 to 15 digits, else 4 |
//! | `pin` | 1 to 8 ASCII digits; the least is [a setting](Settings::pin_min) |
//! | `brand` | 20 characters at most, none of them a control |
//! | `callbackurltype` without a value | `http`; a URL with a scheme of its own keeps it, unless the two contradict each other |
//! | `cost` in a callback | the price of a call that was answered, 0 for others |
//! | `matched` before the end | `false` |
//!
//! # Callbacks
//!
//! One GET for each change of status: `Sent`, perhaps `Delivered`, and one of those that end a call. A URL in the request comes
//! before the account's. One that does not answer, or with 408, 425, 429 or 5xx, is asked [a few times](Settings::tries) with
//! growing pauses, and not again; any other answer but 2xx is a no.
//!
//! Whoever may call this API chooses URLs that this process calls, so the client that does so has to connect to public addresses
//! only, unless [`Settings::allow_private_callbacks`] says otherwise; redirects are not followed.
//!
//! # Where things are kept
//!
//! Nothing is kept but the number of the last call. A call that is under way is in the hands of the process that placed it; if
//! that process ends, no callback comes, as if the call had been forgotten: clients keep a deadline.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http::request::Parts;
use verify_core::{Api, Engine, Reply};

use crate::phonesverification::envelope::Answer;
use crate::phonesverification::inner::Inner;

mod accounts;
mod builder;
mod call;
mod callback;
mod config;
mod config_error;
mod date;
mod envelope;
mod handset;
mod inner;
mod outbox;
mod parameters;
mod status;
mod voice;
mod wish;

pub use builder::PhonesVerificationBuilder;
pub use config::{AccountConfig, Config, Settings};
pub use config_error::ConfigError;
pub use handset::Handset;
pub use voice::{CallEnd, Voice, VoiceCall};

/// The API, to be mounted at a path that its clients know as the base, `/app/api` for one. Cheap to clone; clones are one.
///
/// Whoever has an account is trusted as a server of yours is: it says whom to call, and limits how often strangers make it
/// call.
#[derive(Clone)]
pub struct PhonesVerification {
    inner: Arc<Inner>,
}

impl PhonesVerification {
    /// Starts to build over an engine, whose store, keys and clock it uses.
    pub fn builder(engine: &Engine) -> PhonesVerificationBuilder {
        PhonesVerificationBuilder::new(engine)
    }
}

#[async_trait]
impl Api for PhonesVerification {
    async fn answer(&self, request: Request<Bytes>) -> Reply {
        self.inner.answer(request).await
    }

    fn refuse_body(&self, head: &Parts, _: bool) -> Reply {
        self.inner.refuse(head, &Answer::invalid("the body"))
    }

    fn too_late(&self, head: &Parts) -> Reply {
        self.inner.refuse(head, &Answer::failed())
    }

    fn deadline(&self) -> Duration {
        self.inner.engine.deadline()
    }

    /// As long as a call may take, and as its callbacks do, of which there are three: one after the other.
    fn errand_deadline(&self) -> Duration {
        Duration::from_secs(self.inner.settings.call_seconds.into())
            .saturating_add(self.inner.engine.deadline().saturating_mul(3))
    }
}

impl fmt::Debug for PhonesVerification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PhonesVerification").field("accounts", &self.inner.accounts).finish_non_exhaustive()
    }
}
