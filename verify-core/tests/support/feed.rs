//! A feed behind one captcha, and everything that happened there.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::sync::{Arc, Mutex};

use serde_json::json;
use verify_core::{CaptchaFactor, EventKind, Factor, Gate, Policy, Reply};

use crate::bank::{Bank, Request, blocked, id_of, json_of};
use crate::vendor::Vendor;

pub fn human(vendor: &Vendor) -> CaptchaFactor {
    Factor::captcha("human", vendor.clone())
}

pub fn feed() -> Request {
    Request::get("/feed").user("alice")
}

pub fn check(bank: &Bank, user: &str, id: &str, token: &str) -> Reply {
    bank.call("check", user, &json!({ "id": id, "token": token }))
}

pub fn clearance(reply: &Reply) -> String {
    assert_eq!(reply.status(), 200, "{reply:?}");
    json_of(reply)["clearance"].as_str().unwrap().to_owned()
}

/// An event and its reason.
pub type Heard = (EventKind, Option<&'static str>);

/// A bank with one gate behind one captcha, and everything that happened.
pub struct Shop {
    pub bank: Bank,
    pub vendor: Vendor,
    pub human: CaptchaFactor,
    pub gate: Gate,
    events: Arc<Mutex<Vec<Heard>>>,
}

impl Shop {
    pub fn new() -> Self {
        Self::of(Vendor::new())
    }

    pub fn of(vendor: Vendor) -> Self {
        let events: Arc<Mutex<Vec<_>>> = Arc::default();
        let heard = Arc::clone(&events);
        let bank = Bank::with(|builder| {
            builder.on_event(move |event| heard.lock().unwrap().push((event.kind, event.reason)))
        });
        let human = human(&vendor);
        let gate = bank.gate(Policy::new("the-feed").require(&human));
        Self { bank, vendor, human, gate, events }
    }

    pub fn ticket(&self) -> String {
        id_of(&blocked(&self.gate, feed()))
    }

    pub fn check(&self, id: &str, token: &str) -> Reply {
        check(&self.bank, "alice", id, token)
    }

    pub fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.events.lock().unwrap())
    }
}
