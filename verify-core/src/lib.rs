//! The engine of a verification layer for web applications: nobody reaches a route until a challenge is satisfied.
//!
//! This crate knows no web framework, no runtime and no network. Put `verify-tower` (axum and every other tower stack)
//! or `verify-actix` in front of your routes; come here for what they share: policies, factors, stores, couriers.
//!
//! # Three things
//!
//! - A **ticket** is the challenge itself, sealed, in the hands of the client. Minting one costs no memory and no I/O, so
//!   a million blocked requests are a matter of processor time only.
//! - **Facts** are what has happened to a ticket: opened, tried, sent. They live in a [`Store`], under keyed hashes; no
//!   code, address or name is ever stored in the clear, and what has to be kept of one is sealed.
//! - A **clearance** is the signed proof that a subject has satisfied a factor at some moment. Checking it is a plain
//!   function: no I/O, no allocation.
//!
//! Presence is permission: a code can be redeemed because an entry is there, and redeeming takes it away. A store that
//! loses its memory ends open challenges; it never makes one good again.
//!
//! # From policy to decision
//!
//! ```
//! use std::time::Duration;
//! use verify_core::{Channel, Contact, Engine, Factor, Inbox, KeyRing, Origin, Policy, Subject, all_of};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # fn user_of(session: &str) -> Option<&'static str> { (session == "9c1f").then_some("alice") }
//! # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
//! let engine = Engine::builder(keys, Origin::parse("https://bank.example")?)
//!     .inbox(Inbox::new()) // for development; a real courier in earnest
//!     .contacts(|subject: &Subject<'_>, channel: Channel| match channel {
//!         Channel::Email => Contact::email(&format!("{}@example.com", subject.id())).ok(),
//!         _ => Contact::phone("+12025550123").ok(),
//!     })
//!     .subject(|head| {
//!         let session = head.cookie("sid")?;
//!         Some(Subject::user(user_of(session)?).session(session)) // your own login: whose session is it?
//!     })
//!     .build()?;
//!
//! let step_up = Factor::code("step-up").over([Channel::Sms, Channel::Email]);
//! let human = Factor::proof_of_work("human");
//! let admin = Policy::new("admin").require(step_up.clone().within(Duration::from_secs(15 * 60)));
//! let safe = Policy::new("safe").require(all_of((human, step_up)));
//!
//! let admin = engine.gate(admin)?; // an adapter puts it in front of a route
//! assert_eq!(admin.policy(), "admin");
//! assert!(engine.gate(Policy::new("safe")).is_err(), "a policy that asks for nothing does not start");
//! # let _ = safe;
//! # Ok(()) }
//! ```
//!
//! # Where things are
//!
//! | for | see |
//! |---|---|
//! | what a route asks for | [`Policy`], [`Factor`], [`all_of`], [`any_of`], [`first_of`] |
//! | standards that a policy is held to | [`Preset`] |
//! | who tells people from machines | [`CaptchaVerifier`], [`Outage`] |
//! | who knows whether a card is live | [`CardVerifier`], [`CardFactor`] |
//! | who asks | [`Subject`], [`ClientIp`] |
//! | who delivers, and whom to | [`Courier`], [`Contacts`], [`Contact`], [`Countries`] |
//! | authenticator apps and recovery codes | [`Authenticators`], [`Engine::enrol`], [`AuthenticatorBook`] |
//! | codes that a service makes and checks | [`CodeService`] |
//! | calls that ask for a PIN, whose answer arrives from outside | [`PinService`], [`Engine::hear`] |
//! | where facts are kept | [`Store`], [`MemoryStore`], and the test kit in `conformance` |
//! | how much is allowed | [`Budgets`], [`RequestLimits`] |
//! | what has happened | [`Event`] |
//! | challenges without a request, with codes of your own | [`Direct`] |
//! | an HTTP API of your own over the engine, calling out, and what it notes | [`Api`], [`Fetch`], [`Notes`] |
//! | writing an adapter | [`RequestView`], [`Gate`], [`Endpoints`] |
//!
//! # Features
//!
//! None is on by default, and none changes what others do. `argon2id` and `scrypt` bring the derivations of that name for
//! proofs of work, and their part of the solver script; `qr` draws an enrolment as a QR code;
//! `conformance` brings the test kit for stores;
//! `danger-development` brings the inbox courier, throw-away keys and plain http, each of which has to be switched on
//! by name, shouts at start-up and refuses to run beside a real courier.

mod api;
mod audit;
mod binding;
mod budgets;
mod captcha;
mod card;
mod ceremony;
mod clearance;
mod clock;
mod code;
mod code_service;
mod contact;
mod cookies;
mod courier;
mod decision;
mod direct;
mod encoding;
mod endpoints;
mod engine;
mod exemption;
mod factor;
mod facts;
mod fetch;
mod form;
mod gate;
mod inquiry;
mod keys;
mod limit;
mod mac;
mod namer;
mod notes;
mod offer;
mod origin;
mod page;
mod pin_service;
mod policy;
mod preset;
mod problem;
mod public_address;
mod puzzle;
mod random;
mod refusal;
mod reply;
mod request;
mod revocation;
mod sealing;
mod settlement;
mod source;
mod stencil;
mod subject;
mod text;
mod ticket;
mod totp;
mod transaction;

pub mod altcha;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod store;

pub use api::Api;
pub use audit::{Event, EventKind};
#[doc(hidden)]
pub use binding::Binding;
pub use binding::{Bind, BindError, BoundRequest, DescribesTransaction, Psd2};
pub use budgets::{Budgets, Conversion, Cost, DailyCap, Quota};
pub use captcha::{
    CaptchaContext, CaptchaError, CaptchaErrorKind, CaptchaVerifier, Outage, Rejection, Widget, WidgetApi,
    WidgetSigns, WidgetSources,
};
pub use card::{
    Card, CardAddress, CardContext, CardError, CardErrorKind, CardMatch, CardOutcome, CardRisk, CardVerifier,
    InvalidCard,
};
pub use ceremony::{Errand, Fate, ReceiptOutcome};
pub use clock::{Clock, FakeClock, SystemClock};
pub use code::{Code, InvalidCode};
pub use code_service::{
    CodeAnswer, CodeHandle, CodeOrder, CodeService, CodeServiceError, CodeServiceErrorKind, PaymentText,
    Verdict,
};
pub use contact::{
    Channel, Contact, Countries, Country, InvalidContact, NumberKind, NumberPlan, UnknownCountry,
};
#[cfg(feature = "danger-development")]
pub use courier::Inbox;
pub use courier::{
    Contacts, ContactsError, Courier, CourierError, CourierErrorKind, Delivery, Message, MessageTemplate,
    SmsEncoding, SmsLength,
};
pub use decision::{Decision, Passage, Reply, Ruling};
pub use direct::{Direct, Dispatch, Refused, RefusedKind, Standing};
pub use endpoints::Endpoints;
pub use engine::{BlockStatus, ConfigError, Engine, EngineBuilder, MissingContacts, NotMe, Rotated};
pub use exemption::{Article, Exempt, Exemptions, LowValue, LowValueAmount, Risk, RiskBand};
pub use factor::{
    Approves, CaptchaFactor, CardFactor, CodeFactor, Factor, Price, Resend, ReversePinFactor, Surge,
    TotpFactor, WorkFactor,
};
pub use fetch::{Fetch, FetchError, FetchErrorKind};
pub use gate::{Gate, form_payload};
pub use inquiry::Inquiry;
pub use keys::{KeyError, KeyRing};
pub use limit::{Backoff, Limit, LimitCount, LimitError, Limiter, RequestLimits, Wait};
pub use notes::{Note, Notes};
pub use origin::{InvalidOrigin, Origin};
pub use pin_service::{CallToken, Heard, PinOrder, PinReport, PinResult, PinService};
pub use policy::{Policy, PolicyError, Requirement, Requirements, all_of, any_of, first_of};
pub use preset::{Clause, Preset};
pub use public_address::is_public_address;
pub use request::{Head, RequestView};
pub use settlement::Settlement;
pub use source::{ClientIp, ForwardedHeader, IpNet, Source};
pub use store::{MemoryStore, Store, StoreError, StoreErrorKind};
pub use subject::Subject;
pub use totp::{
    AuthenticatorBook, Authenticators, AuthenticatorsError, Enrolment, EnrolmentError, InvalidTotpSecret,
    RecoveryCodes, RecoveryDigest, TotpAlgorithm, TotpSecret,
};
pub use transaction::{
    Account, AmountFormat, Currency, Iban, InvalidAccount, InvalidAmount, InvalidIban, InvalidPayee, Money,
    Payee, Transaction, TransactionError, UnknownCurrency,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
