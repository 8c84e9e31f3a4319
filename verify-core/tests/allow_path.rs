//! What an allowed request costs (nothing), and what a blocked one leaves behind (nothing).
//!
//! The allocator of this test counts for each thread by itself, so that the tests may run side by side.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;

use std::hint::black_box;
use std::net::IpAddr;

use allocation_counter::{AllocationInfo, measure};
use bank::{Bank, Witness, block_on, id_of, json_of};
use serde_json::json;
use verify_core::{
    Channel, Decision, Factor, FakeClock, Gate, MemoryStore, Policy, RequestLimits, RequestView, Subject,
    all_of, any_of,
};

/// A request as a server holds it: reading it costs nothing.
struct Held {
    method: &'static str,
    headers: Vec<(&'static str, Vec<u8>)>,
    peer: Option<IpAddr>,
    subject: Option<Subject<'static>>,
}

impl Held {
    fn get(headers: &[(&'static str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes().to_vec())).collect();
        Self { method: "GET", headers, peer: Some([192, 0, 2, 1].into()), subject: None }
    }
}

impl RequestView for Held {
    fn method(&self) -> &str {
        self.method
    }

    fn path(&self) -> &str {
        "/vault"
    }

    fn query(&self) -> Option<&str> {
        Some("tab=1")
    }

    fn headers<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        // Names are given from a fixed list, so finding the one that is meant needs no copy of it.
        let name = self.headers.iter().map(|(known, _)| *known).find(|known| *known == name);
        self.headers.iter().filter(move |(known, _)| Some(*known) == name).map(|(_, value)| value.as_slice())
    }

    fn route(&self) -> Option<std::borrow::Cow<'_, str>> {
        None
    }

    fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    fn subject(&self) -> Option<&Subject<'static>> {
        self.subject.as_ref()
    }
}

fn step() -> verify_core::CodeFactor {
    Factor::code("step-up")
}

fn policy() -> Policy {
    let human = Factor::proof_of_work("human").cost(1);
    Policy::new("vault")
        .require(any_of((step(), all_of((human, Factor::code("mail").over([Channel::Email]))))))
}

/// An engine whose store tells how often it was called.
fn witnessed(limits: RequestLimits) -> (Bank, Witness) {
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let witness = Witness::new(store.clone());
    let bank = Bank::around(clock, store, |builder| builder.store(witness.clone()).limits(limits));
    (bank, witness)
}

/// What it takes to allow a request: of a thousand times, all together.
fn allowing(gate: &Gate, request: &Held) -> AllocationInfo {
    assert!(matches!(gate.decide(request), Decision::Allow), "the request is not allowed");
    let mut allowed = 0;
    let spent = measure(|| {
        for _ in 0..1_000 {
            allowed += u32::from(matches!(black_box(gate.decide(black_box(request))), Decision::Allow));
        }
    });
    assert_eq!(allowed, 1_000);
    spent
}

fn assert_free(gate: &Gate, request: &Held) {
    let spent = allowing(gate, request);
    assert_eq!((spent.count_total, spent.bytes_total), (0, 0), "in a thousand decisions: {spent:?}");
}

#[test]
fn the_allocator_counts() {
    let spent = measure(|| drop(black_box(vec![1_u8; 100])));
    assert_eq!((spent.count_total, spent.bytes_total, spent.bytes_current), (1, 100, 0));
    // And the view that the tests use costs nothing by itself.
    let held = Held::get(&[("cookie", "a=b"), ("x-user", "alice")]);
    let spent = measure(|| assert_eq!(held.headers("cookie").chain(held.headers("x-user")).count(), 2));
    assert_eq!(spent.count_total, 0);
}

#[test]
fn allowing_by_header_or_cookie_allocates_nothing() {
    let bank = Bank::new();
    let gate = bank.gate(policy());
    let token = bank.clearance(&gate, "alice");
    let cookie = format!("__Host-clearance={token}");
    assert_free(&gate, &Held::get(&[("x-user", "alice"), ("challenge-clearance", &token)]));
    assert_free(&gate, &Held::get(&[("x-user", "alice"), ("cookie", &cookie)]));
    assert_free(
        &gate,
        &Held::get(&[("x-user", "alice"), ("cookie", &cookie), ("challenge-clearance", "c1.k1.AAAA")]),
    );
}

#[test]
fn allowing_among_twenty_cookies_allocates_nothing() {
    let bank = Bank::new();
    let gate = bank.gate(policy());
    let token = bank.clearance(&gate, "alice");
    let mut cookies: Vec<String> = (0..19).map(|n| format!("cookie-{n}={}", "v".repeat(40))).collect();
    for place in [0, 9, 19] {
        cookies.insert(place, format!("__Host-clearance={token}"));
        let (in_one, in_two) = (cookies.join("; "), cookies.split_at(10));
        let (first, second) = (in_two.0.join("; "), in_two.1.join("; "));
        assert_free(&gate, &Held::get(&[("x-user", "alice"), ("cookie", &in_one)]));
        assert_free(&gate, &Held::get(&[("x-user", "alice"), ("cookie", &first), ("cookie", &second)]));
        cookies.remove(place);
    }
}

#[test]
fn allowing_a_subject_with_session_tenant_and_epoch_allocates_nothing() {
    let bank = Bank::with(|builder| {
        builder.subject(|head| {
            let subject = Subject::user(head.header("x-user")?).session(head.cookie("sid")?);
            Some(subject.tenant(head.header("x-tenant")?).epoch(7))
        })
    });
    let gate = bank.gate(policy());
    let who = [("x-user", "alice"), ("x-tenant", "acme"), ("cookie", "a=b; sid=2f8c")];
    let token = earn(&bank, &gate, |request| {
        who.iter().fold(request, |request, (name, value)| request.header(name, value))
    });
    let mut headers = who.to_vec();
    headers.push(("challenge-clearance", &token));
    assert_free(&gate, &Held::get(&headers));
}

/// Blocks, sends and answers, as whoever `who` makes of a request.
fn earn(bank: &Bank, gate: &Gate, who: impl Fn(bank::Request) -> bank::Request) -> String {
    let id = id_of(&bank::blocked(gate, who(bank::Request::get("/vault"))));
    let post = |action: &str| who(bank::Request::new("POST", &format!("/challenge/{action}")));
    assert_eq!(bank.ask(post("send").json(&json!({ "id": id }))).status(), 200);
    let checked = bank.ask(post("check").json(&json!({ "id": id, "code": bank.code("alice") })));
    assert_eq!(checked.status(), 200, "{checked:?}");
    json_of(&checked)["clearance"].as_str().unwrap().to_owned()
}

#[test]
fn allowing_a_subject_that_middleware_has_put_on_the_request_allocates_nothing() {
    let bank = Bank::new();
    let gate = bank.gate(policy());
    // As an application makes one: from texts that it has read at run time.
    let alice = || Subject::user("alice".to_owned()).session("2f8c".to_owned()).tenant("acme".to_owned());
    let token = earn(&bank, &gate, |request| request.subject(alice()));
    let mut request = Held::get(&[("challenge-clearance", &token)]);
    request.subject = Some(alice());
    assert_free(&gate, &request);
}

#[test]
fn allowing_a_subject_of_fixed_texts_allocates_nothing() {
    let bank = Bank::new();
    let gate = bank.gate(policy());
    let token = bank.clearance(&gate, "alice");
    let mut request = Held::get(&[("challenge-clearance", &token)]);
    request.subject = Some(Subject::user("alice"));
    assert_free(&gate, &request);
}

#[test]
fn allowing_a_visitor_allocates_nothing() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("feed").require(Factor::proof_of_work("human").cost(1).prefix("0")));
    let reply = bank::blocked(&gate, bank::Request::get("/feed"));
    let visitor = bank::cookie_of(&reply, "__Host-visitor").unwrap();
    let challenge = bank::challenge_of(&reply);
    let call =
        bank::Request::new("POST", "/challenge/check").header("cookie", format!("__Host-visitor={visitor}"));
    let checked = bank.ask(call.json(&json!({ "id": challenge["id"], "token": bank::solved(&challenge) })));
    let token = bank::cookie_of(&checked, "__Host-clearance").unwrap();
    let jar = format!("__Host-visitor={visitor}; __Host-clearance={token}");
    assert_free(&gate, &Held::get(&[("cookie", &jar)]));
}

#[test]
fn allowing_where_somebody_was_revoked_allocates_nothing() {
    let bank = Bank::new();
    let gate = bank.gate(policy());
    let token = bank.clearance(&gate, "alice");
    block_on(bank.engine.revoke(&Subject::user("bob"))).unwrap();
    assert_free(&gate, &Held::get(&[("x-user", "alice"), ("challenge-clearance", &token)]));
}

#[test]
fn allowing_a_preflight_allocates_nothing() {
    let bank = Bank::new();
    let gate = bank.gate(policy().pass_preflights());
    let mut preflight =
        Held::get(&[("origin", "https://shop.example"), ("access-control-request-method", "PUT")]);
    preflight.method = "OPTIONS";
    assert_free(&gate, &preflight);
}

#[test]
fn allowing_makes_no_store_call() {
    let (bank, witness) = witnessed(RequestLimits::default());
    let gate = bank.gate(policy());
    let token = bank.clearance(&gate, "alice");
    let before = witness.calls();
    assert!(before > 0, "the witness sees the calls of a ceremony");
    allowing(&gate, &Held::get(&[("x-user", "alice"), ("challenge-clearance", &token)]));
    assert_eq!(witness.calls(), before);
}

/// Ways of being blocked at a look: without anything, with what is forged, as a page, and by HEAD.
fn strangers() -> Vec<Held> {
    let forged = format!("c1.k1.{}", "A".repeat(80));
    let mut requests = vec![
        Held::get(&[("x-user", "alice")]),
        Held::get(&[]),
        Held::get(&[("x-user", "alice"), ("challenge-clearance", &forged)]),
        Held::get(&[("accept", "text/html"), ("cookie", &format!("__Host-visitor={}", "A".repeat(43)))]),
        Held::get(&[("accept", "application/json"), ("x-user", "bob")]),
        Held::get(&[("x-user", "alice"), ("challenge-id", "x")]),
    ];
    let mut head = Held::get(&[("x-user", "alice")]);
    head.method = "HEAD";
    requests.push(head);
    requests
}

#[test]
fn r70_a_blocked_request_makes_no_store_call_and_keeps_nothing() {
    let (bank, witness) = witnessed(RequestLimits::unlimited());
    let gate = bank.gate(policy());
    for request in strangers() {
        let kept = measure(|| {
            for _ in 0..100 {
                assert!(matches!(gate.decide(&request), Decision::Respond(_)));
            }
        });
        assert!(kept.count_total > 0, "an answer is written");
        assert_eq!((kept.count_current, kept.bytes_current), (0, 0), "and given up");
    }
    // A form is read before it is answered; that is no call either.
    let form = bank::Request::new("POST", "/vault").user("alice").browser().form("amount=1");
    assert_eq!(bank::blocked(&gate, form).status(), 403);
    assert_eq!((witness.calls(), bank.store.len()), (0, 0));
}

/// Half a million requests from five sources: how many were offered a challenge, and what was kept.
fn half_a_million(bank: &Bank, gate: &Gate, network: u8) -> (u32, AllocationInfo) {
    const REQUESTS: u32 = 500_000;
    let mut request = Held::get(&[("x-user", "alice")]);
    let (mut offered, mut limited) = (0, 0);
    let kept = measure(|| {
        for n in 0..REQUESTS {
            // Each source is far beyond its limit: it is told what to do five times a second, and else a bare 429.
            request.peer = Some([192, 0, network, u8::try_from(n % 5).unwrap()].into());
            if n % 250 == 0 {
                bank.advance(1);
            }
            match gate.decide(&request) {
                Decision::Respond(reply) if reply.status() == 403 => offered += 1,
                Decision::Respond(reply) if reply.status() == 429 => limited += 1,
                other => panic!("{other:?}"),
            }
        }
    });
    assert_eq!(offered + limited, REQUESTS);
    (offered, kept)
}

#[test]
fn r70_a_million_blocked_requests_leave_nothing_behind() {
    let (bank, witness) = witnessed(RequestLimits::default());
    let gate = bank.gate(Policy::new("vault").require(step()));
    let halves = std::thread::scope(|scope| {
        let threads = [1, 2].map(|network| {
            let (bank, gate) = (&bank, &gate);
            scope.spawn(move || half_a_million(bank, gate, network))
        });
        threads.map(|thread| thread.join().unwrap())
    });
    for (offered, kept) in halves {
        assert!(offered > 40_000, "both kinds of answer are many: {offered} offers");
        assert!(kept.bytes_current.abs() < 4096, "{kept:?}");
        assert!(kept.bytes_max < 256 * 1024, "{kept:?}");
    }
    assert_eq!((witness.calls(), bank.store.len()), (0, 0));
}

#[test]
fn r70_the_limiter_takes_no_memory_for_a_source() {
    let (bank, witness) = witnessed(RequestLimits::default());
    let gate = bank.gate(Policy::new("vault").require(step()));
    let mut request = Held::get(&[("x-user", "alice"), ("challenge-id", "x")]);
    let kept = measure(|| {
        for n in 0..100_000_u32 {
            request.peer = Some(n.to_be_bytes().into());
            assert!(matches!(gate.decide(&request), Decision::Respond(_)));
        }
    });
    assert_eq!((kept.bytes_current, witness.calls()), (0, 0), "{kept:?}");
}
