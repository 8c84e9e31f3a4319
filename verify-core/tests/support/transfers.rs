//! Transfers of a bank, and how one of them is approved.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use serde_json::{Value, json};
use verify_core::{Account, Currency, Gate, Money, Passage, Payee, Policy, Psd2};

use crate::bank::{Bank, Outcome, Request, blocked, id_of, json_of};
use crate::law::{check, generous, send, step_up};

pub const DE: &str = "DE89370400440532013000";

pub fn policy() -> Policy {
    Policy::new("transfer").require(step_up()).bind(
        Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban").or_form(
            "amount",
            "currency",
            "payee_name",
            "payee_iban",
        ),
    )
}

pub fn order(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR", "payee": { "name": "Acme Inc.", "iban": DE } })
}

pub fn pay(body: &Value) -> Request {
    Request::new("POST", "/transfers").user("alice").json(body)
}

pub fn cleared(body: &Value, clearance: &str) -> Request {
    pay(body).header("challenge-clearance", clearance)
}

pub fn answered(body: &Value, id: &str, code: &str) -> Request {
    pay(body).header("challenge-id", id).header("challenge-answer", code)
}

/// Blocked, sent: the ticket and the code.
pub fn asked(bank: &Bank, gate: &Gate, body: &Value) -> (String, String) {
    let sent = send(bank, "alice", &id_of(&blocked(gate, pay(body))));
    assert_eq!(sent.status(), 200, "{sent:?}");
    (json_of(&sent)["id"].as_str().unwrap().to_owned(), bank.code("alice"))
}

/// Approved at the endpoint: the clearance.
pub fn approved(bank: &Bank, gate: &Gate, body: &Value) -> String {
    let (id, code) = asked(bank, gate, body);
    let checked = check(bank, "alice", &id, &code);
    assert_eq!(checked.status(), 200, "{checked:?}");
    json_of(&checked)["clearance"].as_str().unwrap().to_owned()
}

pub fn passed(outcome: Outcome) -> Passage {
    match outcome {
        Outcome::Passed(passage) => passage,
        other => panic!("it was not let in: {other:?}"),
    }
}

pub const MISMATCH: &str = "409 binding_mismatch";

pub fn generous_bank() -> Bank {
    Bank::with(|builder| builder.budgets(generous()))
}

/// Asks for a code with the fields of the page beside.
pub fn carried(body: &str) -> Request {
    Request::new("POST", "/challenge/send?carry").user("alice").browser().form(body)
}

pub fn payment(amount: &str, name: &str) -> (Money, Payee) {
    let money = Money::parse(amount, Currency::parse("EUR").unwrap()).unwrap();
    (money, Payee::new(name, Account::iban(DE).unwrap()).unwrap())
}
