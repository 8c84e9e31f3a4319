//! Wrap a scope, and nobody reaches its handlers until a challenge is satisfied.
//!
//! ```
//! # #[actix_web::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use actix_web::{App, test, web};
//! use verify_actix::{Challenge, endpoints};
//! use verify_core::{Engine, Factor, KeyRing, Origin, Policy, Subject};
//!
//! # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
//! let engine = Engine::builder(keys, Origin::parse("https://bank.example")?)
//!     .subject(|head| Some(Subject::user(head.header("x-user")?)))
//!     .build()?;
//! let human = Challenge::new(&engine, Policy::new("feed").require(Factor::proof_of_work("human")))?;
//!
//! let app = App::new()
//!     .route("/about", web::get().to(|| async { "for everybody" }))
//!     .service(endpoints(&engine, "/challenge"))
//!     .service(web::resource("/feed").wrap(human).to(|| async { "news for people" }));
//!
//! let app = test::init_service(app).await;
//! let free = test::call_service(&app, test::TestRequest::get().uri("/about").to_request()).await;
//! assert_eq!(free.status(), 200);
//! let blocked = test::call_service(&app, test::TestRequest::get().uri("/feed").to_request()).await;
//! assert_eq!(blocked.status(), 403);
//! assert_eq!(blocked.headers().get("challenge-required").unwrap(), "feed");
//! # Ok(()) }
//! ```
//!
//! # Order
//!
//! The last `.wrap` runs first: wrap with the challenge *before* (hence inside) whatever authenticates, and inside CORS
//! and compression. [`unguarded`] lists the routes that a middleware missed.
//!
//! # Who asks
//!
//! The subject comes from a [`verify_core::Subject`] in the request's extensions, which your authentication puts there,
//! or from the engine's closure. The client's address is the connection's peer, unless the engine trusts a proxy.

mod api;
mod bridge;
mod coverage;
mod endpoints;
mod errand;
mod extract;
mod future;
mod middleware;
mod payload;
mod view;

pub use api::api;
pub use coverage::unguarded;
pub use endpoints::endpoints;
pub use extract::{Blocked, Guard, Pass, Protected, Verified};
pub use middleware::Challenge;
#[doc(hidden)]
pub use {future::ChallengeFuture, middleware::ChallengeService};
