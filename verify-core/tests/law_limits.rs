//! Limits by source: whose address counts, and that they come before anything is read, R69 and R70.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/calls.rs"]
mod calls;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bank::{Bank, Request, Witness, blocked, enter, headers_of, json_of, text_of};
use calls::{assert_problem, post, vault};
use serde_json::json;
use verify_core::{ClientIp, Decision, FakeClock, IpNet, Limit, MemoryStore, Reply, RequestLimits, Subject};

// R69

fn limits(challenges: u32, blocked: u32) -> RequestLimits {
    let minute = Duration::from_secs(60);
    RequestLimits::default()
        .with_challenges(Limit::of(challenges).per(minute))
        .with_blocked(Limit::of(blocked).per(minute))
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

fn call_from(bank: &Bank, peer: Option<IpAddr>) -> Reply {
    bank.ask(post("status").json(&json!({ "id": "x" })).peer(peer))
}

fn assert_limited(reply: &Reply) {
    assert_problem(reply, 429, "rate_limited");
    let wait: u64 = headers_of(reply, "retry-after")[0].parse().unwrap();
    assert!((1..=60).contains(&wait), "{reply:?}");
}

#[test]
fn r69_endpoints_are_limited_by_source_and_recover() {
    let bank = Bank::with(|builder| builder.limits(limits(3, 100)));
    for _ in 0..3 {
        assert_eq!(call_from(&bank, ip("192.0.2.1")).status(), 410);
    }
    let limited = call_from(&bank, ip("192.0.2.1"));
    assert_limited(&limited);
    assert_eq!(call_from(&bank, ip("192.0.2.2")).status(), 410, "another source has its own");
    let wait: u64 = headers_of(&limited, "retry-after")[0].parse().unwrap();
    bank.advance(wait);
    assert_eq!(call_from(&bank, ip("192.0.2.1")).status(), 410, "after the wait that was told");
    assert_limited(&call_from(&bank, ip("192.0.2.1")));
}

#[test]
fn r69_blocked_answers_are_limited_by_source_and_a_clearance_is_not() {
    let bank = Bank::with(|builder| builder.limits(limits(100, 2)));
    let gate = bank.gate(vault());
    let token = bank.clearance(&gate, "alice");
    let ask = || Request::get("/vault").user("alice").peer(ip("198.51.100.1"));
    for _ in 0..2 {
        assert_eq!(blocked(&gate, ask()).status(), 403);
    }
    let reply = blocked(&gate, ask());
    assert_limited(&reply);
    assert!(json_of(&reply).get("alternatives").is_none(), "the bare answer is the cheap one");
    assert_eq!(blocked(&gate, ask().browser()).status(), 429);
    assert_eq!(blocked(&gate, ask().browser().form("a=b")).status(), 429);
    assert_eq!(blocked(&gate, ask().header("challenge-clearance", "c1.k1.AAAA")).status(), 429);
    for _ in 0..10 {
        assert!(enter(&gate, ask().header("challenge-clearance", &token)).is_in());
    }
    bank.advance(60);
    assert_eq!(blocked(&gate, ask()).status(), 403);
}

#[test]
fn r69_answers_in_line_draw_on_the_limit_of_the_endpoints() {
    let bank = Bank::with(|builder| builder.limits(limits(3, 2)));
    let gate = bank.gate(vault());
    let inline = || {
        Request::get("/vault").user("alice").header("challenge-id", "x").header("challenge-answer", "123456")
    };
    let form = |page: &str| {
        Request::new("POST", "/vault")
            .user("alice")
            .browser()
            .form(format!("challenge-id=x&challenge-answer={page}"))
    };
    for _ in 0..2 {
        assert_eq!(blocked(&gate, inline()).status(), 410);
    }
    assert_eq!(blocked(&gate, form("123456")).status(), 403);
    assert_limited(&blocked(&gate, inline()));
    assert_limited(&call_from(&bank, ip("192.0.2.1")));
    // A form is told on its page.
    let page = blocked(&gate, form("123456"));
    assert!(text_of(&page).contains("a little fast"), "{page:?}");
    assert!(!headers_of(&page, "retry-after").is_empty());
}

#[test]
fn r69_an_ipv6_source_is_its_64() {
    let bank = Bank::with(|builder| builder.limits(limits(3, 3)));
    for peer in ["2001:db8:1:2::1", "2001:db8:1:2:ffff::1", "2001:db8:1:2:0:1:2:3"] {
        assert_eq!(call_from(&bank, ip(peer)).status(), 410);
    }
    assert_limited(&call_from(&bank, ip("2001:db8:1:2::4")));
    assert_eq!(call_from(&bank, ip("2001:db8:1:3::1")).status(), 410);
}

#[test]
fn r69_a_mapped_address_is_the_ipv4_address_it_carries() {
    let bank = Bank::with(|builder| builder.limits(limits(2, 2)));
    assert_eq!(call_from(&bank, ip("192.0.2.1")).status(), 410);
    assert_eq!(call_from(&bank, ip("::ffff:192.0.2.1")).status(), 410);
    assert_limited(&call_from(&bank, ip("192.0.2.1")));
    assert_eq!(call_from(&bank, ip("::ffff:192.0.2.2")).status(), 410);
}

#[test]
fn r69_without_an_address_everybody_shares_one_bucket() {
    let bank = Bank::with(|builder| builder.limits(limits(3, 2)));
    let gate = bank.gate(vault());
    for user in ["alice", "bob", "carol"] {
        let call =
            Request::new("POST", "/challenge/status").user(user).json(&json!({ "id": "x" })).peer(None);
        assert_eq!(bank.ask(call).status(), 410);
    }
    assert_limited(&call_from(&bank, None));
    let ask = |user: &str| Request::get("/vault").user(user).peer(None);
    assert_eq!(
        (blocked(&gate, ask("a")).status(), blocked(&gate, ask("b")).status()),
        (http::StatusCode::FORBIDDEN, http::StatusCode::FORBIDDEN)
    );
    assert_limited(&blocked(&gate, ask("c")));
}

#[test]
fn r69_a_header_that_nobody_vouches_for_is_not_believed() {
    let bank = Bank::with(|builder| builder.limits(limits(3, 100)));
    let claimed = |n: u8| {
        post("status")
            .json(&json!({ "id": "x" }))
            .header("x-forwarded-for", format!("203.0.113.{n}"))
            .header("forwarded", format!("for=203.0.113.{n}"))
            .header("x-real-ip", format!("203.0.113.{n}"))
            .header("cf-connecting-ip", format!("203.0.113.{n}"))
    };
    for n in 0..3 {
        assert_eq!(bank.ask(claimed(n)).status(), 410);
    }
    assert_limited(&bank.ask(claimed(200)));
}

#[test]
fn r69_behind_a_trusted_proxy_the_rightmost_stranger_is_the_client() {
    let proxies: IpNet = "10.0.0.0/8".parse().unwrap();
    let bank =
        Bank::with(|builder| builder.limits(limits(2, 100)).client_ip(ClientIp::forwarded_by([proxies])));
    let through = |line: &str| {
        bank.ask(
            post("status").json(&json!({ "id": "x" })).peer(ip("10.0.0.7")).header("x-forwarded-for", line),
        )
    };
    assert_eq!(through("203.0.113.1, 198.51.100.9").status(), 410);
    assert_eq!(through("203.0.113.2, 198.51.100.9, 10.0.0.8").status(), 410);
    assert_limited(&through("203.0.113.3, 198.51.100.9"));
    assert_eq!(through("198.51.100.9, 198.51.100.10").status(), 410, "another client of the same proxy");
    // Around the proxy the header is the client's own word.
    let around = |n: u8| {
        let request = post("status").json(&json!({ "id": "x" })).peer(ip("192.0.2.77"));
        bank.ask(request.header("x-forwarded-for", format!("203.0.113.{n}")))
    };
    assert_eq!((around(1).status().as_u16(), around(2).status().as_u16()), (410, 410));
    assert_limited(&around(3));
}

// R70

#[test]
fn r70_the_limiter_comes_before_parsing() {
    let bank = Bank::with(|builder| builder.limits(limits(2, 100)));
    let gate = bank.gate(vault());
    for _ in 0..2 {
        call_from(&bank, ip("192.0.2.1"));
    }
    for request in [
        post("check").json(&json!("no call")),
        post("check").header("content-type", "text/plain").body("x"),
        post("check").header("origin", "https://evil.example").json(&json!({})),
        post("check").json(&json!({ "id": "x".repeat(100_000) })),
        post("nowhere"),
        Request::get("/challenge/send"),
        Request::get("/challenge/solver.js"),
        Request::get("/challenge/inbox"),
    ] {
        // Not even the body is asked for.
        let Decision::Respond(reply) = bank.endpoints.decide(&request) else { panic!("answered by looking") };
        assert_limited(&reply);
    }
    for malformed in [
        Request::get("/vault").header("challenge-id", "x"),
        Request::get("/vault").header("challenge-id", b"\xff").header("challenge-answer", b"\xff"),
    ] {
        assert_limited(&blocked(&gate, malformed));
    }
}

#[test]
fn r70_the_limiter_comes_before_store_and_plug_ins() {
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let witness = Witness::new(store.clone());
    let bank = Bank::around(clock, store, |builder| {
        builder.store(witness.clone()).limits(limits(2, 100)).subject(move |head| {
            counter.fetch_add(1, Ordering::SeqCst);
            Some(Subject::user(head.header("x-user")?))
        })
    });
    for _ in 0..2 {
        call_from(&bank, ip("192.0.2.1"));
    }
    let before = (asked.load(Ordering::SeqCst), witness.calls());
    for _ in 0..5 {
        assert_limited(&call_from(&bank, ip("192.0.2.1")));
    }
    assert_eq!((asked.load(Ordering::SeqCst), witness.calls()), before);
}
