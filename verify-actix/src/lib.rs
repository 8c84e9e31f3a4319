//! Wrap a scope, and nobody reaches its handlers until a challenge is satisfied.
//!
//! ```
//! # #[actix_web::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use actix_web::{App, test, web};
//! use verify_actix::{Challenge, endpoints};
//! use verify_core::{Engine, Factor, KeyRing, Origin, Policy, Subject};
//!
//! # fn user_of(session: &str) -> Option<&'static str> { (session == "9c1f").then_some("alice") }
//! # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
//! let engine = Engine::builder(keys, Origin::parse("https://bank.example")?)
//!     .subject(|head| {
//!         let session = head.cookie("sid")?;
//!         Some(Subject::user(user_of(session)?).session(session)) // your own login: whose session is it?
//!     })
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
//! # One engine
//!
//! The factory of an actix server runs once for each worker. Build the engine before it, and clone: an engine for each worker would
//! have a store of its own, so that a code which one worker has sent is unknown to the next, and everybody has as many tries as
//! there are workers.
//!
//! ```no_run
//! # #[actix_web::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use actix_web::{App, HttpServer, web};
//! # use verify_actix::{Challenge, endpoints};
//! # use verify_core::{Engine, Factor, KeyRing, Origin, Policy};
//! let keys = KeyRing::from_env("CHALLENGE_KEYS")?;
//! let engine = Engine::builder(keys, Origin::parse("https://bank.example")?).build()?;
//! let human = Challenge::new(&engine, Policy::new("feed").require(Factor::proof_of_work("human")))?;
//!
//! HttpServer::new(move || {
//!     App::new()
//!         .service(endpoints(&engine, "/challenge"))
//!         .service(web::resource("/feed").wrap(human.clone()).to(|| async { "news for people" }))
//! })
//! .bind(("127.0.0.1", 3000))?
//! .run()
//! .await?;
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
//! The subject comes from a [`verify_core::Subject`] in the request's extensions, which your authentication puts there, in front
//! of the endpoints too, or from the engine's closure. Name the [session](verify_core::Subject::session) in it: without one,
//! what was proven outlives logout.
//!
//! The client's address is the connection's peer. Behind a proxy that is the proxy, and all clients share one rate limit, until
//! the engine is [told of it](verify_core::EngineBuilder::client_ip).

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

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
