//! A shop whose trial is behind a check of a card, and everything that happened there.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use verify_core::{CardFactor, EventKind, Factor, Gate, Policy, Reply};

use crate::acquirer::Acquirer;
use crate::bank::{Bank, Request, blocked, id_of, json_of};

pub const DAY: Duration = Duration::from_secs(24 * 3600);

pub fn trial() -> Request {
    Request::get("/trial").user("alice")
}

pub fn card(number: &str, cvc: &str) -> Value {
    json!({ "number": number, "expiry_month": 5, "expiry_year": 2035, "cvc": cvc })
}

/// An event and its reason.
pub type Heard = (EventKind, Option<&'static str>);

pub struct Shop {
    pub bank: Bank,
    pub acquirer: Acquirer,
    pub gate: Gate,
    events: Arc<Mutex<Vec<Heard>>>,
}

impl Shop {
    pub fn new() -> Self {
        Self::with(|factor| factor)
    }

    pub fn with(change: impl FnOnce(CardFactor) -> CardFactor) -> Self {
        let events: Arc<Mutex<Vec<_>>> = Arc::default();
        let heard = Arc::clone(&events);
        let bank = Bank::with(|builder| {
            builder.on_event(move |event| heard.lock().unwrap().push((event.kind, event.reason)))
        });
        let acquirer = Acquirer::default();
        let factor = change(Factor::card("card", acquirer.clone()));
        let gate = bank.gate(Policy::new("trial").require(factor));
        Self { bank, acquirer, gate, events }
    }

    pub fn ticket_of(&self, user: &str) -> String {
        id_of(&blocked(&self.gate, Request::get("/trial").user(user)))
    }

    pub fn ticket(&self) -> String {
        self.ticket_of("alice")
    }

    pub fn check(&self, id: &str, card: &Value) -> Reply {
        self.bank.call("check", "alice", &json!({ "id": id, "card": card }))
    }

    pub fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.events.lock().unwrap())
    }
}

pub fn refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status().as_u16(), &json_of(reply)["code"]), (status, &json!(code)), "{reply:?}");
}
