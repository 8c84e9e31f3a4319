//! A payment in JSON, of a chosen size, through a transaction's gate.

use std::net::IpAddr;

use bytes::Bytes;
use serde_json::{Value, json};
use verify_core::{Decision, Engine, Gate, Policy, Psd2, RequestView, Ruling, Subject};

use crate::world::{USER, code};

/// A gate in front of transfers.
pub fn gate(engine: &Engine) -> Gate {
    let bound = Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
    engine.gate(Policy::new("transfer").require(code()).bind(bound)).unwrap()
}

/// A transfer with so many bytes of other members, as an invoice would have them.
pub fn body(bytes: usize) -> Bytes {
    let mut lines = Vec::new();
    let text = |lines: &[Value]| {
        json!({
            "amount": "70.00",
            "currency": "EUR",
            "payee": { "name": "Green Grocer", "iban": "DE89370400440532013000" },
            "lines": lines,
        })
        .to_string()
    };
    let one =
        json!({ "article": "4711-08", "name": "Oranges, 2 kg", "count": 12, "price": 5.49, "taxed": true });
    let each = one.to_string().len() + 1;
    lines.resize(bytes.saturating_sub(text(&[]).len()) / each, one);
    text(&lines).into()
}

/// The head of the request that brings it.
#[derive(Debug)]
pub struct Post {
    length: String,
}

impl Post {
    /// Of a body of that length.
    pub fn of(body: &Bytes) -> Self {
        Self { length: body.len().to_string() }
    }
}

impl RequestView for Post {
    fn method(&self) -> &'static str {
        "POST"
    }

    fn path(&self) -> &'static str {
        "/transfers"
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn headers<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        let value = match name {
            "x-user" => Some(USER),
            "content-type" => Some("application/json"),
            "content-length" => Some(self.length.as_str()),
            _ => None,
        };
        value.map(str::as_bytes).into_iter()
    }

    fn route(&self) -> Option<std::borrow::Cow<'_, str>> {
        Some("/transfers".into())
    }

    fn peer(&self) -> Option<IpAddr> {
        Some([127, 0, 0, 1].into())
    }

    fn subject(&self) -> Option<&Subject<'static>> {
        None
    }
}

/// Takes a request as far as its gate goes: it is read, bound and blocked.
pub async fn judge(gate: &Gate, post: &Post, body: &Bytes) {
    let Decision::Read(inquiry, _) = gate.decide(post) else { panic!("a transfer is read") };
    let Ruling::Respond(reply) = gate.rule(inquiry, body.clone()).await else { panic!("it is blocked") };
    assert_eq!(reply.status(), 403);
}
