//! Three factors to make policies of, proofs of them for `alice`, and what a block says is unmet.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::time::Duration;

use serde_json::{Value, json};
use verify_core::{Channel, CodeFactor, Factor, Gate, Policy, Reply, Requirement, WorkFactor};

use crate::bank::{Bank, Request, blocked, challenge_of, json_of, solved};

pub fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

pub fn step() -> CodeFactor {
    Factor::code("step-up")
}

pub fn mail() -> CodeFactor {
    Factor::code("by-mail").over([Channel::Email])
}

pub fn human() -> WorkFactor {
    Factor::proof_of_work("human").cost(1).prefix("0")
}

pub fn compiles(requirement: impl Into<Requirement>) -> Result<Gate, String> {
    Bank::new().engine.gate(Policy::new("p").require(requirement)).map_err(|error| error.to_string())
}

pub fn vault() -> Request {
    Request::get("/vault").user("alice")
}

pub fn with(request: Request, clearances: &[&str]) -> Request {
    clearances.iter().fold(request, |request, token| request.header("challenge-clearance", token))
}

/// Satisfies the one factor of a gate: the clearance.
pub fn proof(bank: &Bank, gate: &Gate) -> String {
    let challenge = challenge_of(&blocked(gate, vault()));
    let body = match challenge["type"].as_str().unwrap() {
        "proof_of_work" => json!({ "id": challenge["id"], "token": solved(&challenge) }),
        _ => {
            let sent = bank.call("send", "alice", &json!({ "id": challenge["id"] }));
            assert_eq!(sent.status(), 200, "{sent:?}");
            let sent = json_of(&sent);
            let code = match sent["channel"].as_str().unwrap() {
                "email" => bank.inbox.last_code("alice@example.com").unwrap(),
                _ => bank.code("alice"),
            };
            json!({ "id": sent["id"], "code": code })
        }
    };
    let checked = bank.call("check", "alice", &body);
    assert_eq!(checked.status(), 200, "{checked:?}");
    json_of(&checked)["clearance"].as_str().unwrap().to_owned()
}

pub fn reasons(reply: &Reply) -> Vec<Vec<(String, String)>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    json_of(reply)["alternatives"]
        .as_array()
        .unwrap()
        .iter()
        .map(|leaves| {
            leaves
                .as_array()
                .unwrap()
                .iter()
                .map(|leaf| (text(&leaf["factor"]), text(&leaf["reason"])))
                .collect()
        })
        .collect()
}

pub fn listed(expected: &[&[(&str, &str)]]) -> Vec<Vec<(String, String)>> {
    expected
        .iter()
        .map(|leaves| leaves.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect())
        .collect()
}
