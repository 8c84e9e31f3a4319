//! Strangers are told apart by an opaque cookie and never by address, R19.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/sessions.rs"]
mod sessions;

use bank::{Bank, Outcome, Request, blocked, cookie_of, enter, headers_of, id_of, json_of};
use serde_json::json;
use sessions::{cleared, token_of, vault};
use verify_core::{Gate, Reply};

fn visitor_of(reply: &Reply) -> String {
    cookie_of(reply, "__Host-visitor").expect("a new visitor gets a cookie")
}

fn as_visitor(id: &str) -> impl Fn(Request) -> Request {
    let cookie = format!("theme=dark; __Host-visitor={id}");
    move |request| request.header("cookie", &cookie)
}

/// An anonymous visitor goes all the way: the clearance.
fn visit(bank: &Bank, gate: &Gate, id: &str) -> String {
    let who = as_visitor(id);
    let offer = blocked(gate, who(Request::get("/vault")));
    let post = |action: &str| who(Request::new("POST", &format!("/challenge/{action}")));
    let sent = bank.ask(post("send").json(&json!({ "id": id_of(&offer) })));
    assert_eq!(sent.status(), 200, "{sent:?}");
    let body = json!({ "id": json_of(&sent)["id"], "code": bank.code(id) });
    token_of(&bank.ask(post("check").json(&body)))
}

#[test]
fn r19_an_anonymous_visitor_gets_an_opaque_cookie_at_the_block() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let mut seen = std::collections::HashSet::new();
    for request in [Request::get("/vault"), Request::get("/vault").browser()] {
        let reply = blocked(&gate, request);
        let line = headers_of(&reply, "set-cookie").join("\n");
        for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
            assert!(line.contains(attribute), "{line}");
        }
        assert!(!line.contains("Domain"), "{line}");
        assert!(!line.contains("192.0.2.1"));
        assert!(seen.insert(visitor_of(&reply)), "each visitor is another");
    }
    let id = seen.into_iter().next().unwrap();
    let again = blocked(&gate, as_visitor(&id)(Request::get("/vault")));
    assert!(again.headers().get("set-cookie").is_none(), "who has the cookie keeps it");
    // Who is known by other means gets none.
    let alice = blocked(&gate, Request::get("/vault").user("alice"));
    assert!(alice.headers().get("set-cookie").is_none());
}

#[test]
fn r19_a_clearance_is_bound_to_the_visitor_and_not_to_the_address() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let id = visitor_of(&blocked(&gate, Request::get("/vault")));
    let other = visitor_of(&blocked(&gate, Request::get("/vault")));
    let token = visit(&bank, &gate, &id);
    let request = |id: &str| cleared(as_visitor(id)(Request::get("/vault")), &token);
    for peer in [Some([192, 0, 2, 1].into()), Some([203, 0, 113, 200].into()), None] {
        assert!(enter(&gate, request(&id).peer(peer)).is_in());
        assert!(!enter(&gate, request(&other).peer(peer)).is_in());
    }
    assert!(!enter(&gate, cleared(Request::get("/vault"), &token)).is_in(), "without the cookie");
    // A user who happens to be named so is not that visitor.
    assert!(!enter(&gate, cleared(Request::get("/vault").user(&id), &token)).is_in());
}

#[test]
fn r19_a_visitor_id_that_we_did_not_issue_is_replaced() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let ours = visitor_of(&blocked(&gate, Request::get("/vault")));
    let last = if ours.ends_with('A') { 'Q' } else { 'A' };
    let bent = format!("{}{last}", &ours[..42]);
    for forged in [
        &bent,
        &"A".repeat(43),
        &ours.to_lowercase(),
        &format!("{ours}A"),
        &String::new(),
        &"alice".to_owned(),
    ] {
        if **forged == ours {
            continue;
        }
        let reply = blocked(&gate, as_visitor(forged)(Request::get("/vault")));
        let new = visitor_of(&reply);
        assert!(new != **forged && new != ours, "{forged}");
        // The ticket is for the new one: fixing a visitor's id leads nowhere.
        let body = json!({ "id": id_of(&reply) });
        let call = |id: &str| as_visitor(id)(Request::new("POST", "/challenge/status")).json(&body);
        assert_eq!(bank.ask(call(forged)).status(), 410);
        assert_eq!(bank.ask(call(&new)).status(), 200);
    }
}

#[test]
fn r19_two_visitor_cookies_count_as_none() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let ours = visitor_of(&blocked(&gate, Request::get("/vault")));
    let token = visit(&bank, &gate, &ours);
    let both = format!("__Host-visitor={ours}; __Host-visitor={ours}");
    for request in [
        Request::get("/vault").header("cookie", &both),
        as_visitor(&ours)(as_visitor(&ours)(Request::get("/vault"))),
    ] {
        assert!(!enter(&gate, cleared(request.clone(), &token)).is_in());
        assert_ne!(visitor_of(&blocked(&gate, request)), ours);
    }
}

#[test]
fn r19_a_visitor_gets_in_by_cookies_alone() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let id = visitor_of(&blocked(&gate, Request::get("/vault").browser()));
    let token = visit(&bank, &gate, &id);
    let jar = format!("__Host-visitor={id}; __Host-clearance={token}");
    assert!(matches!(
        enter(&gate, Request::get("/vault").browser().header("cookie", &jar)),
        Outcome::Allowed
    ));
    let tossed = format!("{jar}; __Host-clearance={token}");
    assert!(!enter(&gate, Request::get("/vault").header("cookie", &tossed)).is_in());
}
