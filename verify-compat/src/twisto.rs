//! The Verification API of Twisto: unmodified clients of it are pointed at [`Twisto`] and find what they know.
//!
//! The evaluation of a payment (`check/`) takes place elsewhere. Whoever runs it tells this API [when it has
//! ended](Twisto::begin) and whom the code goes to; from then on the client has the code sent and checked, and no invoice is
//! made [before it was right](Twisto::require_verified).
//!
//! ```
//! # fn now<F: Future>(future: F) -> F::Output {
//! #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! #     match std::pin::pin!(future).poll(&mut context) {
//! #         std::task::Poll::Ready(output) => output,
//! #         std::task::Poll::Pending => unreachable!("nothing is waited for"),
//! #     }
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use bytes::Bytes;
//! use verify_compat::twisto::{Config, Evaluation, KeyConfig, Mode, Twisto};
//! use verify_core::{Api, Channel, Contact, Countries, Engine, KeyRing, Origin};
//! # use verify_core::{Courier, CourierError, Delivery};
//! # #[derive(Debug)] struct Carrier;
//! # #[async_trait::async_trait] impl Courier for Carrier {
//! #     async fn deliver(&self, _: &Delivery) -> Result<(), CourierError> { Ok(()) }
//! #     fn is_development(&self) -> bool { false }
//! # }
//! # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
//! let engine = Engine::builder(keys, Origin::parse("https://shop.example")?)
//!     .courier(Channel::Sms, Carrier)
//!     .countries(Countries::only(["CZ"])?)
//!     .build()?;
//! let mut config = Config::default();
//! config.keys.push(KeyConfig::new("public", "secret").in_mode(Mode::Test));
//! let twisto = Twisto::new(&engine, config)?;
//! // axum:  .nest_service("/v2", verify_tower::ApiService::new(twisto.clone()))
//! // actix: .service(verify_actix::api("/v2", twisto.clone()))
//!
//! let to = Contact::phone("+420 777 123 456")?;
//! now(twisto.begin(&Evaluation::new("4711", engine.now(), to).in_mode(Mode::Test)))?;
//! let verify = |code: &str| {
//!     let request = http::Request::post("/v2/check/4711/verification/").header("authorization", "public,secret");
//!     now(twisto.answer(request.body(Bytes::from(format!(r#"{{"code":"{code}"}}"#))).unwrap()))
//! };
//! assert_eq!(verify("4321").status(), 400);
//! assert!(now(twisto.require_verified("4711")).is_err(), "no invoice yet");
//! assert_eq!(verify("1234").status(), 200);
//! assert_eq!(now(twisto.require_verified("4711"))?.transaction(), "4711");
//! # Ok(()) }
//! ```
//!
//! # What is served
//!
//! `POST check/{transaction}/verification/send/` and `POST check/{transaction}/verification/`, below wherever it is mounted.
//! A code is sent twice at most, the second time no sooner than ten seconds after the evaluation has ended; fifty codes are
//! compared; everything ends an hour after the evaluation. Every count is the store's, so that it is exact for any number
//! of processes.
//!
//! Where the original's documentation is silent or contradicts itself, these are our choices:
//!
//! | case | answer |
//! |---|---|
//! | the second send, ten seconds after the evaluation but at once after the first | sent; [`Settings::min_gap_after_send_seconds`] |
//! | a send that was refused, or whose message is not known to have left | does not count |
//! | a second message | has the same code; [`Settings::fresh_code`] |
//! | no body, `{}`, `[]`, `null`, or `code` missing, null, empty or white space | id 1, not counted |
//! | a body that is no JSON, or a code that is neither text nor number | id 1, not counted; [`Settings::count_malformed`] |
//! | a number as the code | compared by its digits |
//! | a code before any was sent | id 1, counted: id 4 would end the payment |
//! | the fiftieth code | is compared; of the next one only that it came is looked at: id 3 |
//! | the same right code again | id 0, for a client that has lost the answer; another one id 4; [`Settings::strict_after_success`] |
//! | a send after success, expiry or the fiftieth code; an unknown transaction, or one of other keys | id 3 |
//! | a code for an unknown transaction, or one of other keys | id 4 |
//! | expired as well as fifty times wrong | what happened first |
//! | wrong keys | 401, with `null` for the id |
//! | a courier that refuses the address | id 3; one that fails 503, and the send does not count |
//!
//! # Test mode
//!
//! Of a transaction [in test mode](Mode::Test), the code is `1234`, always and before any send too, and nothing is
//! delivered. Only keys that are themselves in test mode take such a transaction, and nowhere else is a code ever `1234`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http::request::Parts;
use verify_core::{Api, Engine, Reply};

use crate::twisto::fault::Fault;
use crate::twisto::inner::Inner;

mod body;
mod book;
mod config;
mod evaluation;
mod fault;
mod inner;
mod invoice;
mod keys;
mod outcome;
mod route;
mod send;
mod verify;

pub use config::{Config, ConfigError, KeyConfig, Mode, Settings, TransactionConfig};
pub use evaluation::{BeginError, Evaluation};
pub use invoice::{InvoiceClaim, NotVerified, NotVerifiedKind, Verified};

/// The API, to be mounted at `/v2` or anywhere else. Cheap to clone; clones are one.
#[derive(Clone)]
pub struct Twisto {
    inner: Arc<Inner>,
}

impl Twisto {
    /// The API over an engine, whose store, couriers, keys and clock it uses.
    ///
    /// # Errors
    /// Names the entry that makes no sense and what to write instead.
    pub fn new(engine: &Engine, config: Config) -> Result<Self, ConfigError> {
        Ok(Self { inner: Arc::new(Inner::new(engine, config)?) })
    }

    /// Takes a transaction up whose evaluation has ended: from now on its code can be sent and checked. The same once more
    /// changes nothing.
    ///
    /// # Errors
    /// When it is known already with other particulars, or is over, or the store did not answer.
    pub async fn begin(&self, evaluation: &Evaluation) -> Result<(), BeginError> {
        self.inner.begin(evaluation).await
    }

    /// That the right code was given for a transaction. Ask for it wherever an invoice is made: there is no other way to a
    /// [`Verified`].
    ///
    /// # Errors
    /// As long as it was not, and when the store did not answer.
    pub async fn require_verified(&self, transaction: &str) -> Result<Verified, NotVerified> {
        self.inner.require_verified(transaction).await
    }

    /// The right to make the one invoice of a verified transaction: of any number of callers, in all processes, one gets it.
    ///
    /// # Errors
    /// As [`Twisto::require_verified`], and once it is [claimed](NotVerifiedKind::Claimed).
    pub async fn claim_invoice(&self, transaction: &str) -> Result<InvoiceClaim, NotVerified> {
        self.inner.claim_invoice(transaction).await
    }
}

#[async_trait]
impl Api for Twisto {
    async fn answer(&self, request: Request<Bytes>) -> Reply {
        self.inner.answer(request).await
    }

    fn refuse_body(&self, _: &Parts, too_large: bool) -> Reply {
        Fault::body(too_large).reply()
    }

    fn too_late(&self, _: &Parts) -> Reply {
        Fault::unavailable().reply()
    }

    fn deadline(&self) -> Duration {
        self.inner.engine.deadline()
    }

    /// A body is one code.
    fn body_limit(&self) -> usize {
        16 * 1024
    }
}

impl fmt::Debug for Twisto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twisto").field("keys", &self.inner.keys).finish_non_exhaustive()
    }
}
