//! What holds for a layer holds for an extractor and a guard inside the handler: limits before bodies, deadlines, types, and
//! what caches may keep.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "handlers/on_actix.rs"]
mod on_actix;
#[path = "handlers/on_axum.rs"]
mod on_axum;
#[path = "handlers/shop.rs"]
mod shop;

use std::time::Duration;

use shop::{FORM, JSON, MOUNTINGS, Mounting, Open, transfer, without_body};
use tests::http::{Request, Response, exchange};
use verify_core::{Limit, RequestLimits};

/// The layer that reads a transaction, and the extractors that do.
const READERS: [(&str, &str); 3] = [("/orders", JSON), ("/json", JSON), ("/form", FORM)];

fn everywhere() -> impl Iterator<Item = (Mounting, &'static str, &'static str)> {
    MOUNTINGS.into_iter().flat_map(|mounting| READERS.map(|(path, kind)| (mounting, path, kind)))
}

/// The answer to a head alone.
fn answer_to_head(open: &Open, path: &str, kind: &str) -> Response {
    let head = without_body(path, kind).wire(open.address);
    exchange(open.address, &head, 1).unwrap().pop().expect("an answer")
}

#[test]
fn r70_a_request_counts_once_and_before_its_body() {
    for (mounting, path, kind) in everywhere() {
        let blocked = Limit::of(3).per(Duration::from_secs(3600));
        let open = Open::on(mounting, |engine| engine.limits(RequestLimits::default().with_blocked(blocked)));
        for number in 0..3 {
            assert_eq!(open.ask(&transfer(path, kind)).status, 403, "{mounting:?} {path} {number}");
        }
        let refused = answer_to_head(&open, path, kind);
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (429, &"rate_limited".into()),
            "{mounting:?} {path}"
        );
    }
}

#[test]
fn r70_what_cannot_be_read_counts_as_well() {
    for (mounting, path, kind) in everywhere() {
        let blocked = Limit::of(1).per(Duration::from_secs(3600));
        let open = Open::on(mounting, |engine| engine.limits(RequestLimits::default().with_blocked(blocked)));
        let nonsense = transfer(path, kind).body("=");
        assert!(matches!(open.ask(&nonsense).status, 400 | 422), "{mounting:?} {path}");
        assert_eq!(open.ask(&nonsense).status, 429, "{mounting:?} {path}");
    }
}

#[test]
fn r10_a_body_that_does_not_arrive_is_given_up_by_whoever_reads_it() {
    for (mounting, path, kind) in everywhere() {
        let open = Open::on(mounting, |engine| engine.deadline(Duration::from_secs(1)));
        let late = answer_to_head(&open, path, kind);
        assert_eq!(
            (late.status, &late.json()["code"]),
            (408, &"request_timeout".into()),
            "{mounting:?} {path}"
        );
        assert_eq!(open.runs(), 0);
    }
}

#[test]
fn r12_a_compressed_body_is_refused_by_whoever_reads_it() {
    let mut told = Vec::new();
    for (mounting, path, kind) in everywhere() {
        let open = Open::on(mounting, |engine| engine);
        let packed = open.ask(&transfer(path, kind).header("content-encoding", "gzip"));
        assert_eq!(packed.status, 415, "{mounting:?} {path}");
        let policy = if path == "/orders" { "orders" } else { "transfers" };
        assert_eq!(packed.header("challenge-required"), Some(policy), "{mounting:?} {path}");
        let mut body = packed.json();
        body.as_object_mut().unwrap().remove("request_id").expect("it has a number of its own");
        told.push(body);
        let plain = open.ask(&transfer(path, kind).header("content-encoding", "identity"));
        assert_eq!(plain.status, 403, "{mounting:?} {path}");
    }
    assert!(told.windows(2).all(|two| two[0] == two[1]), "{told:?}");
}

fn gold(target: &str) -> Request {
    Request::get(target).user("ann")
}

/// RFC 9111, 5.2.2.5: a shared cache that kept the answer would give one visitor's clearance to the next.
#[test]
fn r12_an_answer_that_was_guarded_is_for_no_cache_and_never_with_a_clearance() {
    for (mounting, way) in
        MOUNTINGS.into_iter().flat_map(|mounting| ["layer", "extractor", "guard"].map(|way| (mounting, way)))
    {
        let (plain, public) = (format!("/{way}"), format!("/{way}?public"));
        let cache = |answer: &Response| {
            let fields = answer.headers.iter().filter(|(name, _)| name == "cache-control");
            fields.map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        for target in [&plain, &public] {
            let open = Open::on(mounting, |engine| engine);
            let passed = open.ask(&open.answered(&gold(target)));
            assert_eq!((passed.status, passed.text().as_str()), (200, "gold"), "{mounting:?} {target}");
            let clearance = passed.header("challenge-clearance").expect("it was just earned").to_owned();
            assert_eq!(cache(&passed), ["no-store"], "{mounting:?} {target}");
            let cleared = |target: &str| open.ask(&gold(target).header("challenge-clearance", &clearance));
            assert_eq!(cache(&cleared(&plain)), ["no-store"], "{mounting:?} {target}: where nothing is said");
            assert_eq!(cache(&cleared(&public)), ["public"], "{mounting:?} {target}: the handler's word");
        }
    }
    for mounting in MOUNTINGS {
        let free = Open::on(mounting, |engine| engine).ask(&gold("/guard?free"));
        assert_eq!((free.status, free.header("cache-control")), (200, None), "{mounting:?}: not guarded");
    }
}
