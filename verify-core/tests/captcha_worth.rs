//! What the proof of a captcha is worth: a message that waits for it, no payment, no code, and nothing under other terms.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/feed.rs"]
mod feed;
#[path = "support/vendor.rs"]
mod vendor;

use bank::{Bank, Request, blocked, enter, id_of, json_of, text_of};
use feed::{check, clearance, feed, human};
use serde_json::{Value, json};
use vendor::Vendor;
use verify_core::{Channel, Factor, Policy, Psd2, Requirement, all_of, any_of};

#[test]
fn captcha_rule_12_other_terms_end_the_proofs_of_before() {
    let bank = Bank::new();
    let gate = |vendor: &Vendor| bank.gate(Policy::new("feed").require(human(vendor)));
    let lax = Vendor::new().with(|widget| widget.terms("score >= 0.1"));
    let loose = gate(&lax);
    let token = clearance(&check(&bank, "alice", &id_of(&blocked(&loose, feed())), "token"));
    assert!(enter(&loose, feed().header("challenge-clearance", &token)).is_in());
    let other = Bank::new();
    let strict = Vendor::new().with(|widget| widget.terms("score >= 0.9"));
    let tight = other.gate(Policy::new("feed").require(human(&strict)));
    assert!(!enter(&tight, feed().header("challenge-clearance", &token)).is_in());
}

// E84

#[test]
fn e84_a_captcha_approves_no_payment_and_meets_no_code() {
    let (bank, human) = (Bank::new(), human(&Vendor::new()));
    let order = || Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
    let code = || Factor::code("step-up");
    for requirement in
        [Requirement::from(&human), any_of((&human, code())), any_of((code(), all_of([&human])))]
    {
        let error = bank.engine.gate(Policy::new("pay").require(requirement).bind(order())).unwrap_err();
        assert!(error.to_string().contains("approves nothing"), "{error}");
    }
    bank.gate(Policy::payment("pay", code(), order()));

    let feed_gate = bank.gate(Policy::new("feed").require(&human));
    let vault = bank.gate(Policy::new("vault").require(code()));
    let both = bank.gate(Policy::new("both").require(all_of((&human, code()))));
    let token = clearance(&check(&bank, "alice", &id_of(&blocked(&feed_gate, feed())), "token"));
    for gate in [&vault, &both] {
        let reply = blocked(gate, feed().header("challenge-clearance", &token));
        let left: Vec<Value> = json_of(&reply)["alternatives"][0].as_array().unwrap().clone();
        assert_eq!(left.iter().map(|leaf| leaf["factor"].clone()).collect::<Vec<_>>(), ["step-up"]);
    }
    // Nor does the one's name on the other: one name stands for one factor.
    assert!(bank.engine.gate(Policy::new("trick").require(Factor::code("human"))).is_err());
}

#[test]
fn e84_the_compiler_refuses_what_approves_nothing() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}

// Before a message

fn paid_code(vendor: &Vendor) -> verify_core::CodeFactor {
    Factor::code("step-up").over([Channel::Sms]).after(human(vendor))
}

#[test]
fn r65_a_message_waits_for_what_comes_before_it() {
    let (bank, vendor) = (Bank::new(), Vendor::new());
    let gate = bank.gate(Policy::new("vault").require(paid_code(&vendor)));
    let reply = json_of(&blocked(&gate, feed()));
    let offers = reply["alternatives"][0].as_array().unwrap();
    assert_eq!(reply["alternatives"].as_array().unwrap().len(), 1);
    let kinds: Vec<_> = offers.iter().map(|offer| offer["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["gatekeeper", "code"], "in this order");
    assert_eq!(offers[1]["after"], "human");

    let code_id = &offers[1]["id"];
    let refused = bank.call("send", "alice", &json!({ "id": code_id }));
    assert_eq!((refused.status().as_u16(), &json_of(&refused)["code"]), (403, &json!("proof_required")));
    assert!(bank.inbox.is_empty(), "nothing was sent");

    let token = clearance(&check(&bank, "alice", offers[0]["id"].as_str().unwrap(), "token"));
    // Proven, and still not in: it is no part of what the route asks for.
    let reply = json_of(&blocked(&gate, feed().header("challenge-clearance", &token)));
    assert_eq!(reply["alternatives"][0].as_array().unwrap().len(), 1, "{reply}");
    let send = |id: &Value, clearance: Option<&str>| {
        let request = Request::new("POST", "/challenge/send").user("alice").json(&json!({ "id": id }));
        bank.ask(
            clearance.iter().fold(request, |request, token| request.header("challenge-clearance", token)),
        )
    };
    let sent = json_of(&send(code_id, Some(&token)));
    assert_eq!(sent["code_sent"], true, "{sent}");
    // What is open has been paid for; the proof of somebody else never counts.
    bank.advance(31);
    assert_eq!(send(&sent["id"], None).status(), 200);
    let eve = json_of(&blocked(&gate, Request::get("/vault").user("eve")));
    let request = Request::new("POST", "/challenge/send")
        .user("eve")
        .json(&json!({ "id": eve["alternatives"][0][1]["id"] }))
        .header("challenge-clearance", &token);
    assert_eq!(bank.ask(request).status(), 403);
    let done = bank.call("check", "alice", &json!({ "id": sent["id"], "code": bank.code("alice") }));
    assert!(
        enter(&gate, feed().header("challenge-clearance", clearance(&done))).is_in(),
        "the code alone is enough"
    );
}

#[test]
fn r65_what_was_paid_long_ago_pays_no_message() {
    let (bank, vendor) = (Bank::new(), Vendor::new());
    let gate = bank.gate(Policy::new("vault").require(paid_code(&vendor)));
    let reply = json_of(&blocked(&gate, feed()));
    let captcha = reply["alternatives"][0][0]["id"].as_str().unwrap();
    let token = clearance(&check(&bank, "alice", captcha, "token"));
    bank.advance(30 * 60);
    let offers = json_of(&blocked(&gate, feed().header("challenge-clearance", &token)));
    assert_eq!(offers["alternatives"][0].as_array().unwrap().len(), 2, "both again");
    let request = Request::new("POST", "/challenge/send")
        .user("alice")
        .json(&json!({ "id": offers["alternatives"][0][1]["id"] }))
        .header("challenge-clearance", &token);
    assert_eq!(bank.ask(request).status(), 403);
}

#[test]
fn r65_a_page_shows_what_comes_first_and_then_the_code() {
    let (bank, vendor) = (Bank::new(), Vendor::new());
    let gate = bank.gate(Policy::new("vault").require(paid_code(&vendor)));
    let page = text_of(&blocked(&gate, feed().browser()));
    assert!(page.contains("class=\"captcha\"") && !page.contains("Send a code"), "{page}");
    let token = clearance(&check(&bank, "alice", &id_of(&blocked(&gate, feed())), "token"));
    let page = text_of(&blocked(&gate, feed().browser().header("challenge-clearance", &token)));
    assert!(!page.contains("class=\"captcha\"") && page.contains("Send a code"), "{page}");
}
