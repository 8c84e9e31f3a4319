//! Put one layer in front of a route, and nobody reaches the handler until a challenge is satisfied.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use tower::ServiceExt;
//! use verify_core::{Engine, Factor, KeyRing, Origin, Policy, Subject};
//! use verify_tower::{ChallengeLayer, EndpointService};
//!
//! # fn user_of(session: &str) -> Option<&'static str> { (session == "9c1f").then_some("alice") }
//! # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
//! let engine = Engine::builder(keys, Origin::parse("https://bank.example")?)
//!     .subject(|head| {
//!         let session = head.cookie("sid")?;
//!         Some(Subject::user(user_of(session)?).session(session)) // your own login: whose session is it?
//!     })
//!     .build()?;
//! let human = Policy::new("feed").require(Factor::proof_of_work("human"));
//!
//! let app = Router::new()
//!     .route("/feed", get(|| async { "news for people" }))
//!     .route_layer(ChallengeLayer::new(&engine, human)?)
//!     .route("/about", get(|| async { "for everybody" }))
//!     .nest_service("/challenge", EndpointService::new(&engine));
//!
//! let free = app.clone().oneshot(Request::get("/about").body(Body::empty())?).await?;
//! assert_eq!(free.status(), 200);
//! let blocked = app.oneshot(Request::get("/feed").body(Body::empty())?).await?;
//! assert_eq!(blocked.status(), 403);
//! assert_eq!(blocked.headers()["challenge-required"], "feed");
//! # Ok(()) }
//! ```
//!
//! # Order
//!
//! In axum, `.layer` and `.route_layer` cover the routes added *before* them, and the last one added runs first; in a
//! `tower::ServiceBuilder` the first one runs first. Put the layer inside whatever authenticates (so that the subject is
//! known) and inside CORS and compression. [`unguarded`] lists the routes that a layer missed.
//!
//! # Other stacks
//!
//! Every tower stack will do. Where the body of the request or of the answer cannot be made from bytes, as hyper's `Incoming`
//! and boxed bodies cannot, wrap it in [`EitherBody`]; [`EndpointService`] and [`ApiService`] take any body.
//!
//! # Who asks
//!
//! The subject comes from a [`verify_core::Subject`] in the request's extensions, which your authentication puts there, in front
//! of the endpoints too, or from the engine's closure. Name the [session](verify_core::Subject::session) in it: without one,
//! what was proven outlives logout.
//!
//! The client's address comes from [`Peer`] in the extensions, or with the feature `axum` from
//! `app.into_make_service_with_connect_info::<SocketAddr>()`. Without either, and behind a proxy that the engine was not
//! [told of](verify_core::EngineBuilder::client_ip), all clients share one rate limit.

mod api;
mod body;
mod coverage;
mod endpoints;
mod future;
mod layer;
mod ruling;
mod view;

#[cfg(feature = "axum")]
mod extract;
#[cfg(feature = "axum")]
mod head;

pub use api::ApiService;
pub use body::EitherBody;
pub use coverage::unguarded;
pub use endpoints::EndpointService;
#[cfg(feature = "axum")]
pub use extract::{Blocked, Guard, Pass, Protected, Verified};
pub use future::ResponseFuture;
pub use layer::{Challenge, ChallengeLayer};
pub use view::Peer;

#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
struct Readme;
