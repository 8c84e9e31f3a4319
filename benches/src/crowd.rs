//! The route of axum asked by one visitor after the other, as a server is: who comes next was not there for a long while.

use std::cell::Cell;
use std::hint::black_box;

use axum::Router;
use http::StatusCode;
use http_body_util::BodyExt;
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::floor::{self, Floor};
use crate::on_axum::{self, BROWSER, request};
use crate::world::World;

/// How many take turns: as many as a service with some hundred thousand customers has at its busiest hour.
pub const VISITORS: usize = 100_000;

/// A router, and all who have got through.
#[derive(Debug)]
pub struct Crowd {
    router: Router,
    visitors: Visitors,
    next: Cell<usize>,
}

/// Who they are, one behind the other in memory: else it would be the allocator's turns that are compared.
#[derive(Clone, Debug, Default)]
struct Visitors {
    text: String,
    /// Where a user's name begins, where the cookie does, and where it ends.
    places: Vec<[usize; 3]>,
}

impl Visitors {
    fn push(&mut self, user: &str, cookie: &str) {
        let begin = self.text.len();
        self.text.push_str(user);
        self.text.push_str(cookie);
        self.places.push([begin, begin + user.len(), self.text.len()]);
    }

    fn get(&self, index: usize) -> (&str, &str) {
        let [begin, middle, end] = self.places[index];
        (&self.text[begin..middle], &self.text[middle..end])
    }
}

impl Crowd {
    fn new(router: Router, cookie: impl Fn(&str) -> String) -> Self {
        let mut visitors = Visitors::default();
        for n in 0..VISITORS {
            let user = (12_020_000_000 + n).to_string();
            visitors.push(&user, &cookie(&user));
        }
        Self { router, visitors, next: Cell::new(0) }
    }

    /// The same visitors, with nothing in front of the route.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self { router: on_axum::bare(), visitors: self.visitors.clone(), next: Cell::new(0) }
    }

    /// So many requests, each of the next visitor; panics when one is not let through.
    pub async fn ask(&self, times: u32) {
        for _ in 0..times {
            // A step that has no divisor in common with their number leads past all of them, and not in the order they came in.
            let next = self.next.get();
            self.next.set((next + 7_919) % VISITORS);
            let (user, cookie) = self.visitors.get(next);
            let fields = [("x-user", user), ("cookie", cookie)];
            let asked = request("/vault", fields.into_iter().chain(BROWSER.iter().copied()));
            let response = self.router.clone().oneshot(asked).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            let mut body = response.into_body();
            while let Some(frame) = body.frame().await {
                black_box(frame.unwrap());
            }
        }
    }
}

/// Behind ours.
pub fn guarded(runtime: &Runtime) -> Crowd {
    let world = World::default();
    let gate = world.gate();
    let cleared = |user: &str| format!("__Host-clearance={}", runtime.block_on(world.clearance(&gate, user)));
    Crowd::new(on_axum::guarded(&gate), cleared)
}

/// Behind the check that is written by hand.
pub fn floor() -> Crowd {
    let floor = Floor::default();
    let router = on_axum::bare().layer(floor.clone());
    Crowd::new(router, |user| format!("{}={}", floor::COOKIE, floor.issue(user)))
}

/// tower-sessions with moka.
pub fn sessions(runtime: &Runtime) -> Crowd {
    entered(runtime, on_axum::sessions(on_axum::moka_store()))
}

/// axum-login with moka.
pub fn logins(runtime: &Runtime) -> Crowd {
    entered(runtime, on_axum::logins())
}

fn entered(runtime: &Runtime, router: Router) -> Crowd {
    let enter = router.clone();
    Crowd::new(router, |_| runtime.block_on(on_axum::enter(&enter)))
}
