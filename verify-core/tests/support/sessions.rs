//! Who asks, by user, session, tenant and epoch, and how such a one comes to a clearance.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use serde_json::json;
use verify_core::{Channel, CodeFactor, EngineBuilder, Factor, Policy, Reply, Subject};

use crate::bank::{Bank, Request, id_of, json_of};

pub fn step() -> CodeFactor {
    Factor::code("step-up")
}

pub fn mail() -> CodeFactor {
    Factor::code("by-mail").over([Channel::Email])
}

pub fn vault() -> Policy {
    Policy::new("vault").purpose("open the vault").require(step())
}

/// Who asks, with all parts: `x-user`, `x-session`, `x-tenant` and `x-epoch`.
pub fn by_session(builder: EngineBuilder) -> EngineBuilder {
    builder.subject(|head| {
        let mut subject = Subject::user(head.header("x-user")?);
        if let Some(session) = head.header("x-session") {
            subject = subject.session(session);
        }
        if let Some(tenant) = head.header("x-tenant") {
            subject = subject.tenant(tenant);
        }
        if let Some(epoch) = head.header("x-epoch") {
            subject = subject.epoch(epoch.parse().ok()?);
        }
        Some(subject)
    })
}

pub fn get(session: &str) -> Request {
    Request::get("/vault").user("alice").header("x-session", session)
}

pub fn post(action: &str, session: &str) -> Request {
    Request::new("POST", &format!("/challenge/{action}")).user("alice").header("x-session", session)
}

pub fn cleared(request: Request, token: &str) -> Request {
    request.header("challenge-clearance", token)
}

/// Satisfies the first challenge of a blocked answer by its code, as whoever `who` makes of a request.
pub fn prove(bank: &Bank, offer: &Reply, who: impl Fn(Request) -> Request) -> Reply {
    let post = |action: &str| who(Request::new("POST", &format!("/challenge/{action}")));
    let sent = bank.ask(post("send").json(&json!({ "id": id_of(offer) })));
    assert_eq!(sent.status(), 200, "{sent:?}");
    let sent = json_of(&sent);
    let code = match sent["channel"].as_str().unwrap() {
        "email" => bank.inbox.last_code("alice@example.com").unwrap(),
        _ => bank.code("alice"),
    };
    let checked = bank.ask(post("check").json(&json!({ "id": sent["id"], "code": code })));
    assert_eq!(checked.status(), 200, "{checked:?}");
    checked
}

pub fn token_of(reply: &Reply) -> String {
    json_of(reply)["clearance"].as_str().unwrap().to_owned()
}

pub fn session(name: &str) -> impl Fn(Request) -> Request {
    let name = name.to_owned();
    move |request| request.user("alice").header("x-session", &name)
}
