//! A program's way through a guard, step by step: blocked, asked for a code, answered.
#![allow(clippy::indexing_slicing, reason = "a member that a JSON value does not have reads as null")]

use serde_json::{Value, json};

use crate::bank::Bank;
use crate::http::{Request, Response};

/// A challenge whose code was sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Opened {
    /// Who asked.
    pub user: String,
    /// The ticket.
    pub id: String,
    /// The code that the inbox shows.
    pub code: String,
}

impl Opened {
    /// Is blocked by a bank and has the code sent.
    ///
    /// # Panics
    /// When the request is not blocked, or nothing is sent.
    #[must_use]
    #[expect(clippy::panic, reason = "a test without its challenge has failed")]
    pub fn at(bank: &Bank, user: &str, request: &Request) -> Self {
        let blocked = bank.ask(&request.clone().user(user));
        let id = at(&blocked.json(), "/alternatives/0/0/id");
        let sent = send(bank, user, &id);
        let code = at(&bank.inbox(), "/0/code");
        if sent.status != 200 || code.is_empty() {
            panic!(
                "no code for {user}: {} {}, then {} {}",
                blocked.status,
                blocked.text(),
                sent.status,
                sent.text()
            );
        }
        Self { user: user.to_owned(), id: member(&sent.json(), "id"), code }
    }

    /// Answers at a bank, which need not be the one that sent.
    #[must_use]
    pub fn answer(&self, bank: &Bank, code: &str) -> Response {
        bank.ask(&Request::json("/challenge/check", &json!({ "id": self.id, "code": code })).user(&self.user))
    }

    /// Answers with the right code.
    #[must_use]
    pub fn solve(&self, bank: &Bank) -> Response {
        self.answer(bank, &self.code)
    }

    /// Answers with the right code, for the clearance.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[expect(clippy::panic, reason = "a test without its clearance has failed")]
    pub fn clearance(&self, bank: &Bank) -> String {
        let checked = self.solve(bank);
        let clearance = member(&checked.json(), "clearance");
        if clearance.is_empty() {
            panic!("no clearance for {}: {} {}", self.user, checked.status, checked.text());
        }
        clearance
    }

    /// The code of the right length that is wrong by so much.
    #[must_use]
    pub fn wrong(&self, by: usize) -> String {
        let (code, digits) = (self.code.parse::<usize>().unwrap_or_default(), self.code.len());
        let all = u32::try_from(digits).ok().and_then(|digits| 10_usize.checked_pow(digits)).unwrap_or(1);
        format!("{:0digits$}", (code + 1 + by % (all - 1)) % all)
    }
}

/// Asks for the code of a ticket.
#[must_use]
pub fn send(bank: &Bank, user: &str, id: &str) -> Response {
    bank.ask(&Request::json("/challenge/send", &json!({ "id": id })).user(user))
}

/// A payment to a payee whom everybody knows.
#[must_use]
pub fn payment(amount: &str) -> Request {
    let payee = json!({ "name": "Acme Inc.", "iban": "DE89370400440532013000" });
    Request::json("/transfers", &json!({ "amount": amount, "currency": "EUR", "payee": payee }))
}

/// The text at a JSON pointer; empty if it is not there.
fn at(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A member of a JSON object, as text; empty if it is not there.
#[must_use]
pub fn member(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
