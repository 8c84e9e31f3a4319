//! The requests that are compared, by name.

use std::time::Duration;

use http::StatusCode;
use tokio::runtime::Runtime;
use verify_core::{Limit, RequestLimits};

use crate::on_axum::{self, Route, among, head};
use crate::world::{USER, World};

/// What every ratio of a request is beside.
pub const BARE: &str = "bare";
/// The least that a check could be.
pub const FLOOR: &str = "a check written by hand";
/// A request that carries its clearance as a browser does.
pub const ALLOWED: &str = "ours, allowed by cookie";
/// The bare route, asked by a browser with many cookies.
pub const BARE_MANY: &str = "bare, 20 cookies";
/// The same of a browser that has many others.
pub const AMONG_MANY: &str = "ours, allowed among 20 cookies";
/// A neighbour that keeps sessions in the store that people take for it.
pub const MOKA: &str = "tower-sessions, moka";
/// A neighbour that knows who is logged in.
pub const LOGIN: &str = "axum-login, moka";
/// A request without a clearance: a problem, with a fresh ticket.
pub const BLOCKED: &str = "ours, blocked";
/// One too many of them.
pub const LIMITED: &str = "ours, blocked by the limiter";

/// Makes a route.
pub type Make = fn(&Runtime) -> Route;

/// Requests through an axum router.
pub const ON_AXUM: &[(&str, Make)] = &[
    (BARE, |runtime| Route::new(on_axum::bare(), head(&[("cookie", &cleared(runtime).cookie())]))),
    (BARE_MANY, |runtime| {
        Route::new(on_axum::bare(), head(&[("cookie", &among(&cleared(runtime).cookie(), 20))]))
    }),
    ("a layer that does nothing", |runtime| {
        Route::new(on_axum::nothing(), head(&[("cookie", &cleared(runtime).cookie())]))
    }),
    (FLOOR, |_| on_axum::floor()),
    (ALLOWED, |runtime| {
        let cleared = cleared(runtime);
        cleared.route(&[("cookie", &cleared.cookie())])
    }),
    ("ours, allowed by header", |runtime| {
        let cleared = cleared(runtime);
        cleared.route(&[("challenge-clearance", &cleared.token)])
    }),
    (AMONG_MANY, |runtime| {
        let cleared = cleared(runtime);
        cleared.route(&[("cookie", &among(&cleared.cookie(), 20))])
    }),
    ("tower_governor", |_| on_axum::governor()),
    ("a signed cookie of axum-extra", |runtime| runtime.block_on(on_axum::signed_cookie())),
    ("a JWT", |_| on_axum::jwt()),
    ("tower-sessions, memory", |runtime| runtime.block_on(on_axum::memory_session())),
    (MOKA, |runtime| runtime.block_on(on_axum::moka_session())),
    (LOGIN, |runtime| runtime.block_on(on_axum::login())),
    (BLOCKED, |runtime| cleared(runtime).route(&[]).answering(StatusCode::FORBIDDEN)),
    ("ours, blocked with a forged clearance", |runtime| {
        let cleared = cleared(runtime);
        let (start, end) = cleared.token.split_at(cleared.token.len() - 10);
        let forged = format!("__Host-clearance={start}AAAA{}", &end[4..]);
        cleared.route(&[("cookie", &forged)]).answering(StatusCode::FORBIDDEN)
    }),
    ("ours, blocked with a page", |runtime| {
        cleared(runtime).route(&[("accept", "text/html")]).answering(StatusCode::FORBIDDEN)
    }),
    (LIMITED, |runtime| {
        let once = Limit::of(1).per(Duration::from_secs(3600));
        let world = World::with(|builder| builder.limits(RequestLimits::unlimited().with_blocked(once)));
        let route = Route::new(on_axum::guarded(&world.gate()), head(&[]));
        runtime.block_on(route.answer());
        route.answering(StatusCode::TOO_MANY_REQUESTS)
    }),
    ("axum-login, 401", |_| on_axum::login_missing()),
];

/// A gate, and a clearance that opens it.
struct Cleared {
    gate: verify_core::Gate,
    token: String,
}

fn cleared(runtime: &Runtime) -> Cleared {
    let world = World::default();
    let gate = world.gate();
    let token = runtime.block_on(world.clearance(&gate, USER));
    Cleared { gate, token }
}

impl Cleared {
    fn cookie(&self) -> String {
        format!("__Host-clearance={}", self.token)
    }

    fn route(&self, fields: &[(&str, &str)]) -> Route {
        Route::new(on_axum::guarded(&self.gate), head(fields))
    }
}

/// What a measurement runs on: one thread.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
