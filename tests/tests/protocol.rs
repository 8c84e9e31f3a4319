//! The protocol's page and schema, held against both banks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use serde_json::{Value, json};
use tests::bank::{Bank, FRAMEWORKS, Framework};
use tests::protocol::{self, Replay};
use tests::scenario::{self, Exchange};
use tests::siteverify::Siteverify;

const PAGE: &str = include_str!("../../docs/protocol.md");
const SCHEMA: &str = include_str!("../../docs/protocol.schema.json");

/// Refusals that a healthy bank has no reason for.
const UNSEEN: [&str; 5] =
    ["already_executed", "misconfigured", "unavailable", "proof_required", "request_timeout"];

/// Members that an answer may lack.
const OPTIONAL: [&str; 5] = ["field", "transaction", "action", "cdata", "recovery_codes_left"];

fn on_both<T: Send>(act: impl Fn(Framework) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let act = &act;
        let runs = FRAMEWORKS.map(|framework| scope.spawn(move || act(framework)));
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    })
}

#[test]
fn r12_every_exchange_of_the_page_is_as_it_says() {
    let exchanges = protocol::exchanges(PAGE).unwrap();
    assert!(exchanges.len() >= 40, "the page shows {} exchanges, fewer than it did", exchanges.len());
    let wrong = on_both(|framework| {
        let bank = Bank::start(framework);
        let mut replay = Replay::new(bank.address());
        // What comes after a difference may differ because of it, but is shown all the same.
        let failures: Vec<_> = exchanges.iter().filter_map(|exchange| replay.run(exchange).err()).collect();
        failures.iter().map(|what| format!("{framework:?}: docs/protocol.md, {what}\n")).collect::<String>()
    });
    assert!(wrong.concat().is_empty(), "{}", wrong.concat());
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
        let first = protocol::exchanges(&page).unwrap().swap_remove(0);
        assert!(Replay::new(bank.address()).run(&first).is_err(), "{lie}");
    }
}

/// The definitions of the schema, each ready to judge.
struct Schema {
    whole: Value,
    definitions: BTreeMap<&'static str, Validator>,
}

impl Schema {
    fn read() -> Self {
        let whole: Value = serde_json::from_str(SCHEMA).unwrap();
        assert!(jsonschema::meta::is_valid(&whole), "the schema is no schema");
        let names = [
            "problem",
            "blocked",
            "challenge",
            "sent",
            "checked",
            "status",
            "cancelled",
            "reported",
            "inbox",
            "dialled",
            "widget_challenge",
            "widget_verified",
            "widget_refusal",
            "answer",
        ];
        let judge = |name: &'static str| {
            let mut schema = whole.clone();
            schema["$ref"] = json!(format!("#/$defs/{name}"));
            (name, jsonschema::options().should_validate_formats(true).build(&schema).unwrap())
        };
        let definitions = names.map(judge).into();
        Self { whole, definitions }
    }

    fn faults(&self, name: &str, answer: &Value) -> Vec<String> {
        let errors = self.definitions[name].iter_errors(answer);
        errors.map(|error| format!("{error} at `{}`", error.instance_path())).collect()
    }

    /// The refusals that a definition knows: status, code and whether the challenge can go on. A status that is for the
    /// application to choose is the usual one.
    fn refusals(&self, definition: &str) -> BTreeSet<(u64, String, bool)> {
        let all = self.whole["$defs"][definition]["oneOf"].as_array().unwrap();
        let constant = |refusal: &Value, member: &str| refusal["properties"][member]["const"].clone();
        all.iter()
            .map(|refusal| {
                let code = constant(refusal, "code").as_str().unwrap().to_owned();
                let status = constant(refusal, "status").as_u64().unwrap_or(403);
                (status, code, constant(refusal, "recoverable").as_bool().unwrap())
            })
            .collect()
    }
}

/// The definition that an answer has to meet, if it is JSON of the engine.
fn definition(exchange: &Exchange) -> Option<&'static str> {
    let path = exchange.request.split([' ', '?']).nth(1).unwrap_or_default();
    let endpoint = path.strip_prefix("/challenge/");
    match (exchange.response.header("content-type")?, endpoint) {
        // An answer to HEAD has no body to look at.
        _ if exchange.request.starts_with("HEAD ") => None,
        ("application/problem+json", _) if exchange.response.json()["alternatives"].is_array() => {
            Some("blocked")
        }
        ("application/problem+json", _) => Some("problem"),
        ("application/json", Some("send")) => Some("sent"),
        ("application/json", Some("check")) => Some("checked"),
        ("application/json", Some("status")) => Some("status"),
        ("application/json", Some("cancel")) => Some("cancelled"),
        ("application/json", Some("not-me")) => Some("reported"),
        ("application/json", Some("inbox")) => Some("inbox"),
        ("application/json", Some("dial")) => Some("dialled"),
        ("application/json", Some("altcha" | "verify")) if exchange.response.status != 200 => {
            Some("widget_refusal")
        }
        ("application/json", Some("altcha")) => Some("widget_challenge"),
        ("application/json", Some("verify")) => Some("widget_verified"),
        ("application/json", Some(other)) => panic!("JSON of the unknown endpoint {other}"),
        _ => None,
    }
}

#[test]
fn r13_every_answer_of_every_scenario_fits_the_schema() {
    let schema = Schema::read();
    let mut seen: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    let mut all = on_both(|framework| scenario::run(&Bank::start(framework)));
    for vendor in ["turnstile", "hcaptcha", "recaptcha"] {
        all.extend(on_both(|framework| {
            let stub = Siteverify::start();
            scenario::run_captcha(&Bank::start_with_captcha(framework, vendor, &stub), &stub)
        }));
    }
    for played in all {
        for exchange in played.raw() {
            let Some(name) = definition(exchange) else { continue };
            let answer = exchange.response.json();
            let faults = schema.faults(name, &answer);
            assert!(faults.is_empty(), "{} is no `{name}`: {faults:#?}\n{answer:#}", exchange.name);
            if matches!(name, "problem" | "blocked") {
                assert_eq!(answer["status"], exchange.response.status, "{}", exchange.name);
            }
            for challenge in scenario::challenges(&exchange.response) {
                seen.entry("challenge").or_default().push(challenge);
            }
            seen.entry(name).or_default().push(answer);
        }
    }
    for name in schema.definitions.keys().filter(|name| **name != "answer") {
        assert!(seen.contains_key(name), "the suite has no `{name}`");
    }
    let given = |name: &str| -> BTreeSet<(u64, String, bool)> {
        let answers = seen[name].iter();
        answers
            .map(|answer| {
                let code = answer["code"].as_str().unwrap().to_owned();
                (answer["status"].as_u64().unwrap(), code, answer["recoverable"].as_bool().unwrap())
            })
            .collect()
    };
    for name in ["problem", "blocked"] {
        let (known, given) = (schema.refusals(name), given(name));
        let missing: Vec<_> =
            known.difference(&given).filter(|(_, code, _)| !UNSEEN.contains(&code.as_str())).collect();
        assert!(missing.is_empty(), "the suite provokes no `{name}` such as {missing:?}");
    }

    // A schema that lets everything pass proves nothing: whatever is spoiled has to be refused.
    let mut refused = 0;
    for (name, answers) in &seen {
        for answer in kinds(answers) {
            assert!(*name == "challenge" || schema.faults("answer", answer).is_empty(), "{name} {answer:#}");
            for spoiled in spoiled(answer) {
                assert!(!schema.faults(name, &spoiled).is_empty(), "`{name}` lets pass: {spoiled:#}");
                refused += 1;
            }
        }
    }
    assert!(refused > 400, "only {refused} answers were spoiled");
}

/// One answer of every set of members, and of every code and status among them.
fn kinds(answers: &[Value]) -> Vec<&Value> {
    let kind = |answer: &Value| {
        let names: Vec<_> =
            answer.as_object().map(|members| members.keys().cloned().collect()).unwrap_or_default();
        let size = answer.as_array().map(|items| items.len().min(1));
        (names, size, answer["code"].to_string(), answer["status"].to_string(), answer["reason"].to_string())
    };
    let kinds: BTreeMap<_, _> = answers.iter().map(|answer| (kind(answer), answer)).collect();
    kinds.into_values().collect()
}

/// The value with one thing wrong, in every way and place: a member too many, one missing, one of another type.
fn spoiled(value: &Value) -> Vec<Value> {
    let mut all = vec![match value {
        Value::Null => json!(true),
        Value::Bool(_) => json!("true"),
        Value::Number(_) => json!("1"),
        Value::String(_) => json!(1),
        Value::Array(_) => json!({}),
        Value::Object(_) => json!([]),
    }];
    match value {
        Value::Object(members) => {
            let mut extra = members.clone();
            extra.insert("more".to_owned(), json!("text"));
            all.push(extra.into());
            for (name, member) in members {
                let mut missing = members.clone();
                missing.remove(name);
                // A wrong code has no reason, and a wrong token has one.
                let without = name == "reason" && members.get("recoverable") == Some(&json!(true));
                if !without && !OPTIONAL.contains(&name.as_str()) {
                    all.push(missing.into());
                }
                all.extend(spoiled(member).into_iter().map(|member| {
                    let mut members = members.clone();
                    members.insert(name.clone(), member);
                    members.into()
                }));
            }
        }
        Value::Array(items) => {
            // Of a long list, what holds for its first item holds for all.
            for (index, item) in items.iter().enumerate().take(2) {
                all.extend(spoiled(item).into_iter().map(|item| {
                    let mut items = items.clone();
                    items[index] = item;
                    items.into()
                }));
            }
        }
        _ => {}
    }
    all
}

#[test]
fn the_schema_is_strict_about_ids_names_and_times() {
    let schema = Schema::read();
    let good = json!({
        "type": "urn:verify:problem:challenge_failed", "title": "Wrong", "status": 403, "code": "challenge_failed",
        "recoverable": true, "request_id": "0123456789abcdef",
    });
    assert!(schema.faults("problem", &good).is_empty());
    let checked =
        json!({ "status": "verified", "clearance": "c1.k.AA-_", "expires_at": "2026-01-01T00:00:00Z" });
    assert!(schema.faults("checked", &checked).is_empty());
    for (name, good, member, bad) in [
        ("problem", &good, "type", "urn:verify:problem:already_used"),
        ("problem", &good, "code", "already_used"),
        ("problem", &good, "code", "challenge_required"),
        ("problem", &good, "request_id", "0123456789ABCDEF"),
        ("problem", &good, "detail", "the code is 123456"),
        ("problem", &good, "reason", "locked"),
        ("checked", &checked, "clearance", "c1.k.AA=="),
        ("checked", &checked, "clearance", ""),
        ("checked", &checked, "status", "approved"),
        ("checked", &checked, "expires_at", "2026-01-01T00:00:00+00:00"),
        ("checked", &checked, "expires_at", "2026-13-01T00:00:00Z"),
    ] {
        let mut bad_answer = good.clone();
        bad_answer[member] = json!(bad);
        assert!(!schema.faults(name, &bad_answer).is_empty(), "`{name}` lets pass: {bad_answer:#}");
    }
}

#[test]
fn the_table_of_refusals_is_that_of_the_schema() {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    let table: BTreeSet<_> = PAGE
        .lines()
        .skip_while(|line| *line != "## Refusals")
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(cells)
        .map(|cells| (cells[0].parse().unwrap(), cells[1].clone(), cells[3] == "yes"))
        .collect();
    let schema = Schema::read();
    assert_eq!(table, &schema.refusals("problem") | &schema.refusals("blocked"));
}
