//! A vault that opens to whoever dials the PIN that was shown.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use serde_json::json;
use verify_core::{EngineBuilder, Factor, Heard, PinReport, PinResult, Policy, Reply, ReversePinFactor};

use crate::bank::{Bank, block_on, json_of};
use crate::caller::Caller;
use crate::law::{send, ticket};

pub const PENDING: &str = "409 answer_pending";

pub fn dial_in() -> ReversePinFactor {
    Factor::reverse_pin("dial-in")
}

pub fn vault() -> Policy {
    Policy::new("vault").purpose("open the vault").require(dial_in())
}

pub fn served(change: impl FnOnce(EngineBuilder) -> EngineBuilder) -> (Bank, Caller) {
    let caller = Caller::default();
    let bank = Bank::with(|builder| change(builder.pin_service(caller.clone())));
    (bank, caller)
}

/// Blocked and called: the ticket and the PIN that is shown.
pub fn called(bank: &Bank, user: &str) -> (String, String) {
    let sent = json_of(&send(bank, user, &ticket(&bank.gate(vault()), user)));
    (sent["id"].as_str().unwrap().to_owned(), sent["pin"].as_str().unwrap().to_owned())
}

pub fn check(bank: &Bank, user: &str, id: &str) -> Reply {
    bank.call("check", user, &json!({ "id": id }))
}

pub fn hear(bank: &Bank, token: &str, result: PinResult) -> Heard {
    block_on(bank.engine.hear(token, &PinReport::of(result))).unwrap()
}
