//! Proofs of work of every kind, how they are solved, and the payload that says so.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use verify_core::altcha::{self, Algorithm, v1};
use verify_core::{Factor, Gate, Policy, WorkFactor};

use crate::bank::{Bank, Request, blocked, challenge_of};
use crate::law::told;

pub fn work() -> WorkFactor {
    Factor::proof_of_work("human")
}

/// Every kind that there is, at a price that a test can pay.
pub fn kinds() -> Vec<WorkFactor> {
    vec![
        work().cost(1).prefix("0"),
        work().algorithm(Algorithm::Pbkdf2Sha512).cost(2).prefix("0"),
        work().algorithm(Algorithm::Sha256).cost(1).prefix("00"),
        work().cost(1).counters(20..=40),
        work().algorithm(Algorithm::Sha384).cost(3).counters(20..=40),
        work().first_format(v1::Algorithm::Sha1, 1000),
        work().first_format(v1::Algorithm::Sha256, 1000),
        work().first_format(v1::Algorithm::Sha512, 1000),
        #[cfg(feature = "argon2id")]
        work().algorithm(Algorithm::Argon2id).cost(1).memory_cost(16).counters(3..=5),
        #[cfg(feature = "argon2id")]
        work().algorithm(Algorithm::Argon2id).cost(1).memory_cost(16).prefix("0"),
        #[cfg(feature = "scrypt")]
        work().algorithm(Algorithm::Scrypt).cost(4).counters(3..=5),
        #[cfg(feature = "scrypt")]
        work().algorithm(Algorithm::Scrypt).cost(4).memory_cost(1).parallelism(2).prefix("0"),
    ]
}

pub fn feed(factor: WorkFactor) -> Policy {
    Policy::new("feed").purpose("read the feed").require(factor)
}

pub fn puzzle(gate: &Gate, user: &str) -> Value {
    challenge_of(&blocked(gate, Request::get("/feed").user(user)))
}

/// The payload of a solved challenge, of either format.
pub fn solve(challenge: &Value) -> String {
    let text = challenge.to_string();
    if challenge.get("parameters").is_some() {
        let read = altcha::Challenge::from_json(&text).unwrap();
        return altcha::solve(read.parameters(), 1_000_000).unwrap().payload(&read);
    }
    let read = v1::Challenge::from_json(&text).unwrap();
    read.solve(1_000_000).unwrap().payload(&read)
}

pub fn opened(payload: &str) -> Value {
    serde_json::from_slice(&STANDARD.decode(payload).unwrap()).unwrap()
}

pub fn sealed(payload: &Value) -> String {
    STANDARD.encode(payload.to_string())
}

pub fn check(bank: &Bank, user: &str, id: &Value, token: &str) -> String {
    told(&bank.call("check", user, &json!({ "id": id, "token": token })))
}
