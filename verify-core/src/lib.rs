//! The engine of a verification layer for web applications.

mod audit;
mod budgets;
mod ceremony;
mod clearance;
mod clock;
mod code;
mod contact;
mod cookies;
mod courier;
mod decision;
mod encoding;
mod endpoints;
mod engine;
mod factor;
mod facts;
mod form;
mod gate;
mod inquiry;
mod keys;
mod limit;
mod offer;
mod origin;
mod page;
mod policy;
mod refusal;
mod reply;
mod request;
mod revocation;
mod source;
mod subject;
mod text;
mod ticket;

pub mod altcha;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod store;

pub use audit::{Event, EventKind};
pub use budgets::{Budgets, Quota};
pub use clock::{Clock, FakeClock, SystemClock};
pub use code::{Code, InvalidCode};
pub use contact::{Channel, Contact, InvalidContact};
#[cfg(feature = "danger-development")]
pub use courier::Inbox;
pub use courier::{Contacts, ContactsError, Courier, CourierError, CourierErrorKind, Delivery, Message};
pub use decision::{Decision, Passage, Reply, Ruling};
pub use endpoints::Endpoints;
pub use engine::{BlockStatus, ConfigError, Engine, EngineBuilder, MissingContacts, Rotated};
pub use factor::{CodeFactor, Factor, Resend, WorkFactor};
pub use gate::Gate;
pub use inquiry::Inquiry;
pub use keys::{KeyError, KeyRing};
pub use limit::{Backoff, Limit, LimitCount, LimitError, Limiter, RequestLimits, Wait};
pub use origin::{InvalidOrigin, Origin};
pub use policy::{Policy, PolicyError, Requirement, Requirements, all_of, any_of};
pub use request::{Head, RequestView};
pub use source::{ClientIp, ForwardedHeader, IpNet, Source};
pub use store::{MemoryStore, Store, StoreError, StoreErrorKind};
pub use subject::Subject;
