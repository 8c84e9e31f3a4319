//! Calls of the endpoints, made by hand for the one vault of `alice`, and a refusal that is whole.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use serde_json::json;
use verify_core::{Channel, CodeFactor, Factor, Gate, Policy, Reply};

use crate::bank::{Bank, Request, blocked, id_of, json_of};

pub fn step() -> CodeFactor {
    Factor::code("step-up").over([Channel::Sms, Channel::Email])
}

pub fn vault() -> Policy {
    Policy::new("vault").require(step())
}

pub fn post(action: &str) -> Request {
    Request::new("POST", &format!("/challenge/{action}")).user("alice")
}

/// A challenge that is open, and its code.
pub fn opened(bank: &Bank, gate: &Gate) -> (String, String) {
    let id = id_of(&blocked(gate, Request::get("/vault").user("alice")));
    let sent = bank.call("send", "alice", &json!({ "id": id }));
    assert_eq!(sent.status(), 200, "{sent:?}");
    (id, bank.code("alice"))
}

pub fn tries_left(bank: &Bank, id: &str) -> u64 {
    json_of(&bank.call("status", "alice", &json!({ "id": id })))["tries_left"].as_u64().unwrap()
}

/// A refusal as a problem, whole in itself.
pub fn assert_problem(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status().as_u16(), status, "{reply:?}");
    assert_eq!(reply.headers()["content-type"], "application/problem+json");
    assert_eq!(reply.headers()["cache-control"], "no-store");
    let body = json_of(reply);
    assert_eq!((&body["code"], &body["status"]), (&json!(code), &json!(status)));
    assert_eq!(body["type"], format!("urn:verify:problem:{code}"));
}
