//! The protocol's page and schema, held against both banks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use jsonschema::Validator;
use serde_json::{Value, json};
use tests::bank::{Bank, FRAMEWORKS};
use tests::protocol::{Replay, exchanges};
use tests::scenario::{Exchange, run};

const PAGE: &str = include_str!("../../docs/protocol.md");
const SCHEMA: &str = include_str!("../../docs/protocol.schema.json");

#[test]
fn every_exchange_of_the_page_is_as_it_says() {
    let exchanges = exchanges(PAGE).unwrap();
    assert!(exchanges.len() >= 28, "the page shows {} exchanges", exchanges.len());
    for framework in FRAMEWORKS {
        let bank = Bank::start(framework);
        let mut replay = Replay::new(bank.address());
        for exchange in &exchanges {
            if let Err(what) = replay.run(exchange) {
                panic!("{framework:?}, docs/protocol.md, {what}");
            }
        }
    }
}

#[test]
fn a_page_that_said_otherwise_would_be_found_out() {
    let bank = Bank::start(FRAMEWORKS[0]);
    for (truth, lie) in [
        ("HTTP/1.1 403 Forbidden", "HTTP/1.1 401 Unauthorized"),
        ("challenge-required: vault", "challenge-required: feed"),
        ("\"code_length\": 6", "\"code_length\": 7"),
        ("\"policy\": \"vault\",", ""),
    ] {
        let page = PAGE.replacen(truth, lie, 1);
        assert_ne!(page, PAGE, "{truth}");
        let first = exchanges(&page).unwrap().swap_remove(0);
        assert!(Replay::new(bank.address()).run(&first).is_err(), "{lie}");
    }
}

/// The schema of one kind of answer.
fn definition(name: &str) -> Validator {
    let mut schema: Value = serde_json::from_str(SCHEMA).unwrap();
    schema.as_object_mut().unwrap().remove("oneOf");
    schema["$ref"] = json!(format!("#/$defs/{name}"));
    jsonschema::validator_for(&schema).unwrap()
}

/// What kind of answer an exchange of the scenarios got from the engine, if it was the engine that answered.
fn kind_of(exchange: &Exchange) -> Option<&'static str> {
    let (response, target) = (&exchange.response, exchange.request.split(' ').nth(1)?);
    let kind = response.header("content-type").unwrap_or_default();
    if response.text().is_empty() || !kind.contains("json") {
        return None;
    }
    if kind == "application/problem+json" {
        return Some(if response.header("challenge-required").is_some() { "blocked" } else { "problem" });
    }
    match target.strip_prefix("/challenge/")? {
        "send" if response.json().get("code_sent").is_none_or(|sent| sent == false) => Some("challenge"),
        "send" => Some("sent"),
        "check" => Some("checked"),
        "status" => Some("status"),
        "cancel" => Some("cancelled"),
        "inbox" => Some("inbox"),
        other => panic!("what is {other}?"),
    }
}

#[test]
fn r13_every_answer_of_every_scenario_fits_the_schema() {
    let kinds = ["blocked", "problem", "challenge", "sent", "checked", "status", "cancelled", "inbox"];
    let validators = kinds.map(|kind| (kind, definition(kind)));
    for framework in FRAMEWORKS {
        let played = run(&Bank::start(framework));
        let mut seen = Vec::new();
        for exchange in played.raw() {
            let Some(kind) = kind_of(exchange) else { continue };
            let (_, validator) = validators.iter().find(|(known, _)| *known == kind).unwrap();
            let answer = exchange.response.json();
            let faults: Vec<String> = validator
                .iter_errors(&answer)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(faults.is_empty(), "{framework:?}, {}: {faults:#?}\n{answer:#}", exchange.name);
            assert_eq!(
                answer.get("status").and_then(Value::as_u64).unwrap_or(0) > 0,
                kind == "blocked" || kind == "problem"
            );
            seen.push(kind);
        }
        for kind in kinds {
            assert!(seen.contains(&kind), "{framework:?} never answered with {kind}");
        }
        assert!(seen.len() > 250, "only {} answers", seen.len());
    }
}

#[test]
fn an_answer_that_is_not_as_it_should_be_does_not_fit() {
    let problem = json!({
        "type": "urn:verify:problem:session_expired", "title": "x", "status": 410, "code": "session_expired",
        "recoverable": false, "request_id": "0123456789abcdef"
    });
    let validator = definition("problem");
    assert!(validator.is_valid(&problem));
    for (member, value) in [
        ("type", json!("about:blank")),
        ("status", json!("410")),
        ("code", json!("teapot")),
        ("recoverable", json!(null)),
        ("request_id", json!("x")),
        ("tries_left", json!(1)),
        ("reason", json!("lost")),
    ] {
        let mut wrong = problem.clone();
        wrong[member] = value;
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
    for member in ["type", "title", "status", "code", "recoverable", "request_id"] {
        let mut less = problem.clone();
        less.as_object_mut().unwrap().remove(member);
        assert!(!validator.is_valid(&less), "{less}");
    }
}
