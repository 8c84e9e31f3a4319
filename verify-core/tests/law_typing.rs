//! What people type: refused without a try, or read as the one thing it can mean.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/law.rs"]
mod law;

use std::time::Duration;

use bank::{Bank, Request, ask, enter};
use law::{Events, LIMITED, WRONG, check, generous, opened, send, ticket, told, tries_left, vault};
use serde_json::{Value, json};
use verify_core::{EventKind, Limit, RequestLimits};

const INVALID: &str = "400 validation_error";

#[test]
fn r49_whatever_is_no_code_is_refused_and_costs_no_try() {
    let events = Events::default();
    let bank = Bank::with(|builder| builder.on_event(events.listener()));
    let (id, code) = opened(&bank, &bank.gate(vault()), "alice");
    let number: Value = code.trim_start_matches('0').parse::<u64>().unwrap().into();
    let values = [
        json!(null),
        json!(""),
        json!(" "),
        json!("------"),
        json!([]),
        json!([code]),
        json!({}),
        json!({ "code": code }),
        number,
        json!(0),
        json!(-1),
        json!(1e6),
        json!(true),
        json!(false),
        json!("123"),
        json!("12345678901"),
        json!("\0"),
        json!(format!("{code}\0")),
        json!(format!("{}{code}", " ".repeat(59))),
        json!("1".repeat(65)),
        json!("1".repeat(20_000)),
    ];
    for value in values {
        let reply = bank.call("check", "alice", &json!({ "id": id, "code": value }));
        assert_eq!(told(&reply), INVALID, "{value}");
    }
    let raw = |body: String| {
        let request = Request::new("POST", "/challenge/check").user("alice");
        told(&ask(&bank.endpoints, request.header("content-type", "application/json").body(body)))
    };
    for body in [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        format!("\"{code}\""),
        format!("[\"{id}\",\"{code}\"]"),
        format!("{{\"id\":\"{id}\"}}"),
        format!("{{\"id\":\"{id}\",\"code\":\"{code}\""),
        format!("{{\"id\":\"{id}\",\"code\":\"000000\",\"code\":\"{code}\"}}"),
        format!("{{\"id\":\"{id}\",\"code\":\"{code}\",\"admin\":true}}"),
        format!("{{\"id\":\"{id}\",\"Code\":\"{code}\"}}"),
    ] {
        assert_eq!(raw(body.clone()), INVALID, "{body}");
    }
    assert_eq!(tries_left(&bank, "alice", &id), 5);
    assert_eq!(events.count(EventKind::Failed), 0);
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
}

#[test]
fn r49_too_much_is_refused_unread() {
    let bank = Bank::new();
    let (id, code) = opened(&bank, &bank.gate(vault()), "alice");
    let long = bank.call("check", "alice", &json!({ "id": id, "code": "1".repeat(30_000) }));
    assert_eq!(told(&long), "413 too_large");
    assert_eq!(told(&check(&bank, "alice", &"A".repeat(9_000), &code)), "410 session_expired");
    assert_eq!(tries_left(&bank, "alice", &id), 5);
}

#[test]
fn r49_in_line_it_is_the_same() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate, "alice");
    let request = || Request::get("/vault").user("alice");
    for answer in [&b""[..], b"123", b"12345678901", b"\xff\xfe\xfd\xfc", &[b'1'; 65]] {
        let reply =
            enter(&gate, request().header("challenge-id", &id).header("challenge-answer", answer)).reply();
        assert_eq!(told(&reply), INVALID, "{answer:?}");
    }
    for half in [request().header("challenge-id", &id), request().header("challenge-answer", &code)] {
        assert_eq!(told(&enter(&gate, half).reply()), INVALID);
    }
    let twice = request().header("challenge-id", &id).header("challenge-answer", "000000");
    assert_eq!(told(&enter(&gate, twice.header("challenge-answer", &code)).reply()), INVALID);
    assert_eq!(tries_left(&bank, "alice", &id), 5);
}

#[test]
fn r49_a_form_without_a_code_is_answered_with_400() {
    let bank = Bank::new();
    let (id, _) = opened(&bank, &bank.gate(vault()), "alice");
    for form in ["&challenge-answer=1&challenge-answer=2", "", "&challenge-answer=", "&challenge-answer=12"] {
        let request = Request::new("POST", "/challenge/check").user("alice");
        let reply = ask(&bank.endpoints, request.form(format!("challenge-id={id}{form}")));
        assert_eq!(tries_left(&bank, "alice", &id), 5);
        assert_eq!(reply.status(), 400, "{form:?}");
    }
}

#[test]
fn r49_a_challenge_that_was_never_sent_matches_nothing() {
    let events = Events::default();
    let bank = Bank::with(|builder| builder.on_event(events.listener()));
    let id = ticket(&bank.gate(vault()), "alice");
    for guess in ["000000", "      ", "", "null", "undefined"] {
        assert!(check(&bank, "alice", &id, guess).status().is_client_error());
    }
    assert_eq!(events.count(EventKind::Verified), 0);
}

/// What surrounds or groups the digits when people copy a code.
#[test]
fn r50_spaces_and_dashes_are_dropped() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let gate = bank.gate(vault());
    for shape in ["{a}{b}", " {a}{b}\r\n", "{a} {b}", "{a}-{b}", "\t{a} - {b}\t", "-{a}{b}-"] {
        for in_line in [false, true] {
            let (id, code) = opened(&bank, &gate, "alice");
            let typed = shape.replace("{a}", &code[..3]).replace("{b}", &code[3..]);
            if in_line {
                let request = Request::get("/vault").user("alice").header("challenge-id", &id);
                assert!(enter(&gate, request.header("challenge-answer", &typed)).is_in(), "{typed:?}");
            } else {
                assert_eq!(told(&check(&bank, "alice", &id, &typed)), "200", "{typed:?}");
            }
        }
    }
}

#[test]
fn r50_nothing_else_is() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let gate = bank.gate(vault());
    for shape in [
        "+{a}{b}",
        "{a}.{b}",
        "{a},{b}",
        "{a}_{b}",
        "{a}\u{a0}{b}",
        "{a}\u{2013}{b}",
        "{a}\u{200b}{b}",
        "{a}/{b}",
        "\"{a}{b}\"",
        "{a}{b}\u{feff}",
    ] {
        let (id, code) = opened(&bank, &gate, "alice");
        let typed = shape.replace("{a}", &code[..3]).replace("{b}", &code[3..]);
        assert_eq!(told(&check(&bank, "alice", &id, &typed)), INVALID, "{typed:?}");
        assert_eq!(bank.call("cancel", "alice", &json!({ "id": id })).status(), 200);
    }
    let (id, code) = opened(&bank, &gate, "alice");
    let foreign = |zero: u32| -> String {
        code.bytes().map(|digit| char::from_u32(zero + u32::from(digit - b'0')).unwrap()).collect()
    };
    for zero in [0xff10, 0x660, 0x966, 0x1d7ce] {
        assert_eq!(told(&check(&bank, "alice", &id, &foreign(zero))), INVALID, "other scripts' digits");
    }
    for typed in [format!("0{code}"), format!("{code}0"), format!("0x{}", &code[..5])] {
        assert_eq!(told(&check(&bank, "alice", &id, &typed)), WRONG, "compared as text, not as a number");
    }
}

#[test]
fn r50_leading_zeros_count() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let gate = bank.gate(vault());
    for _ in 0..200 {
        let (id, code) = opened(&bank, &gate, "alice");
        if let Some(short) = code.strip_prefix('0') {
            assert_ne!(check(&bank, "alice", &id, short).status(), 200);
            assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
            return;
        }
        assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
    }
    panic!("200 codes without a leading zero");
}

#[test]
fn r56_malformed_answers_cost_no_try_but_run_into_the_limit() {
    let limit = Limit::of(10).per(Duration::from_secs(60));
    let bank = Bank::with(|builder| builder.limits(RequestLimits::unlimited().with_challenges(limit)));
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate, "alice");
    let answers: Vec<_> = (0..12).map(|_| check(&bank, "alice", &id, "x")).collect();
    assert_eq!(answers.iter().filter(|reply| told(reply) == INVALID).count(), 9, "one of ten was the send");
    assert_eq!(told(&answers[11]), LIMITED);
    assert!(law::retry_after(&answers[11]) >= 6);
    let request = Request::get("/vault").user("alice").header("challenge-id", &id);
    let in_line = enter(&gate, request.header("challenge-answer", "x")).reply();
    assert_eq!(told(&in_line), LIMITED, "in line there is no other door");
    assert_eq!(told(&check(&bank, "alice", &id, &code)), LIMITED);
    bank.advance(60);
    assert_eq!(tries_left(&bank, "alice", &id), 5);
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
    assert_eq!(send(&bank, "bob", "x").status(), 410);
}
