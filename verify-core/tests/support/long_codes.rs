//! A vault behind a code of eight digits, which no other text holds by chance.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use serde_json::json;
use verify_core::{Channel, CodeFactor, Factor, Policy};

use crate::bank::{Bank, Request, blocked, id_of, json_of};

pub fn step() -> CodeFactor {
    Factor::code("step-up").over([Channel::Sms, Channel::Email]).digits(8)
}

pub fn vault() -> Policy {
    Policy::new("vault").purpose("open the vault").require(step())
}

pub fn opened(bank: &Bank, user: &str) -> (String, String) {
    let gate = bank.gate(vault());
    let id = id_of(&blocked(&gate, Request::get("/vault").user(user)));
    let sent = bank.call("send", user, &json!({ "id": id }));
    assert_eq!(sent.status(), 200, "{sent:?}");
    (json_of(&sent)["id"].as_str().unwrap().to_owned(), bank.code(user))
}
