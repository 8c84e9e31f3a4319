//! An app with one guarded route, over any store.

use axum::{Router, routing::get};
use verify_core::{Channel, Contact, Engine, Factor, Inbox, KeyRing, Origin, Policy, Store, Subject};
use verify_tower::{ChallengeLayer, EndpointService};

/// The app as it is served at `origin`: `/vault` asks for a code, which lands in `/challenge/inbox`.
///
/// # Errors
/// When the origin is none.
pub fn app(keys: KeyRing, origin: &str, store: impl Store) -> Result<Router, Box<dyn std::error::Error>> {
    let engine = Engine::builder(keys, Origin::parse(origin)?)
        .store(store)
        .subject(|_| Some(Subject::user("alice"))) // whom your own login has let in
        .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
        .inbox(Inbox::new()) // in earnest: a courier for each channel
        .danger_plain_http()
        .build()?;
    let vault = Policy::new("vault").require(Factor::code("step-up"));
    Ok(Router::new()
        .route("/vault", get(|| async { "gold" }).layer(ChallengeLayer::new(&engine, vault)?))
        .nest_service("/challenge", EndpointService::new(&engine)))
}
