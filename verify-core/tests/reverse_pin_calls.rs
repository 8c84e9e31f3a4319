//! The calls that ask for a reverse PIN: when one is placed, and what is made of a report, once, in any order, or never.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/caller.rs"]
mod caller;
#[path = "support/dial_in.rs"]
mod dial_in;
#[path = "support/law.rs"]
mod law;

use bank::{Bank, Request, block_on, json_of, text_of};
use dial_in::{PENDING, called, check, hear, served, vault};
use law::{LIMITED, USED, WRONG, generous, send, status, ticket, together, told};
use serde_json::json;
use verify_core::{CodeServiceErrorKind, Contact, Heard, MissingContacts, PinReport, PinResult};

const UNANSWERED: &str = "409 answer_pending unanswered";

/// A second wish while the phone rings is the same wish; after the call it is one for another call, and has to wait.
#[test]
fn r44_another_call_has_to_wait() {
    let (bank, caller) = served(|builder| builder);
    let (id, pin) = called(&bank, "alice");
    assert_eq!(json_of(&send(&bank, "alice", &id))["pin"], *pin);
    hear(&bank, &caller.last().token, PinResult::Unanswered);
    assert_eq!(told(&send(&bank, "alice", &id)), LIMITED);
    bank.advance(60);
    assert_eq!(json_of(&send(&bank, "alice", &id))["pin"], *pin);
    assert_eq!(caller.all().len(), 2);
}

#[test]
fn nobody_at_home_is_no_failure() {
    let (bank, caller) = served(|builder| builder.budgets(generous()));
    let (id, _) = called(&bank, "alice");
    assert_eq!(hear(&bank, &caller.last().token, PinResult::Unanswered), Heard::Entered);
    assert_eq!(told(&check(&bank, "alice", &id)), UNANSWERED);
    let standing = status(&bank, "alice", &id);
    assert_eq!((&standing["tries_left"], &standing["status"]), (&json!(3), &json!("failed")));
    send(&bank, "alice", &id);
    send(&bank, "alice", &id);
    assert_eq!(told(&send(&bank, "alice", &id)), LIMITED, "three calls, and no more");
}

#[test]
fn phonesverification_rule_14_16_a_report_counts_once_for_its_call_and_only_while_it_can() {
    let (bank, caller) = served(|builder| builder.budgets(generous()));
    let (id, _) = called(&bank, "alice");
    let call = caller.last();
    for token in ["", "x", &"x".repeat(5000), &call.id, &call.token[1..], &call.token.to_lowercase()] {
        assert_eq!(hear(&bank, token, PinResult::Right), Heard::Ignored, "{token}");
    }
    let right = || PinReport::of(PinResult::Right);
    let told_to = |report: PinReport| block_on(bank.engine.hear(&call.token, &report)).unwrap();
    assert_eq!(told_to(right().handle("458522")), Heard::Ignored, "another call");
    assert_eq!(
        told_to(right().to(Contact::phone("+12025550999").unwrap())),
        Heard::Ignored,
        "another number"
    );
    assert_eq!(told(&check(&bank, "alice", &id)), PENDING, "none of that left a trace");
    let own = right().handle("458521").to(Contact::phone(&call.to).unwrap());
    assert_eq!(told_to(own.clone()), Heard::Entered);
    assert_eq!(told_to(own), Heard::Ignored, "once more");
    assert_eq!(told_to(PinReport::of(PinResult::Wrong)), Heard::Ignored, "the first one stands");
    assert_eq!(status(&bank, "alice", &id)["tries_left"], 2);
    assert_eq!(told(&check(&bank, "alice", &id)), "200");

    let (id, _) = called(&bank, "bob");
    bank.call("cancel", "bob", &json!({ "id": id }));
    assert_eq!(hear(&bank, &caller.last().token, PinResult::Right), Heard::Ignored, "called off");
    assert_eq!(told(&check(&bank, "bob", &id)), USED);
    let (id, _) = called(&bank, "carol");
    bank.advance(300);
    assert_eq!(hear(&bank, &caller.last().token, PinResult::Right), Heard::Ignored, "expired");
    assert_eq!(told(&check(&bank, "carol", &id)), law::EXPIRED);
}

/// A late yes to the call of one challenge is worth nothing to the next one.
#[test]
fn phonesverification_rule_14_a_report_is_for_its_own_challenge() {
    let (bank, caller) = served(|builder| builder.budgets(generous()));
    let (first, _) = called(&bank, "alice");
    let old = caller.last().token;
    bank.call("cancel", "alice", &json!({ "id": first }));
    let (second, _) = called(&bank, "alice");
    assert_eq!(hear(&bank, &old, PinResult::Right), Heard::Ignored);
    assert_eq!(told(&check(&bank, "alice", &second)), PENDING);
    assert_eq!(told(&check(&bank, "alice", &first)), USED);
}

/// Of reports that contradict each other and come together, one is entered, and the challenge stands as that one says.
#[test]
fn phonesverification_rule_16_of_many_reports_at_once_one_is_entered() {
    for _ in 0..200 {
        let (bank, caller) = served(|builder| builder.budgets(generous()));
        let (id, _) = called(&bank, "alice");
        let token = caller.last().token;
        let results = [PinResult::Right, PinResult::Wrong, PinResult::Unanswered, PinResult::Right];
        let heard = together(4, |n| hear(&bank, &token, results[n]));
        let entered: Vec<_> = (0..4).filter(|n| heard[*n] == Heard::Entered).collect();
        assert_eq!(entered.len(), 1, "{heard:?}");
        let expected = match results[entered[0]] {
            PinResult::Right => "200",
            PinResult::Wrong => WRONG,
            _ => UNANSWERED,
        };
        assert_eq!(told(&check(&bank, "alice", &id)), expected);
    }
}

#[test]
fn r45_of_many_wishes_for_a_call_one_phone_rings_once() {
    for _ in 0..50 {
        let (bank, caller) = served(|builder| builder);
        let id = ticket(&bank.gate(vault()), "alice");
        let answers = together(8, |_| told(&send(&bank, "alice", &id)));
        assert!(answers.iter().all(|answer| answer == "200"), "{answers:?}");
        assert_eq!(caller.all().len(), 1);
    }
}

/// Where answers may tell, a call that was not placed is told and costs no wait; where they may not, it looks like any other.
#[test]
fn r71_a_call_that_is_not_placed() {
    for (kind, answer) in [
        (CodeServiceErrorKind::Unavailable, "503 unavailable"),
        (CodeServiceErrorKind::Refused, "400 validation_error"),
        (CodeServiceErrorKind::Misconfigured, "500 misconfigured"),
    ] {
        let (bank, caller) = served(|builder| builder.missing_contacts(MissingContacts::Tell));
        caller.fail(Some(kind));
        let id = ticket(&bank.gate(vault()), "alice");
        assert_eq!(told(&send(&bank, "alice", &id)), answer);
        caller.fail(None);
        assert_eq!(told(&send(&bank, "alice", &id)), "200");
    }
    let (bank, caller) = served(|builder| builder);
    let (id, pin) = called(&bank, "nobody");
    assert!(caller.all().is_empty(), "there is nobody to call");
    assert_eq!((told(&check(&bank, "nobody", &id)).as_str(), pin.len()), (PENDING, 6));
}

/// In development the inbox rings, and the developer dials.
#[test]
fn the_development_inbox_is_a_telephone() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let (id, pin) = called(&bank, "alice");
    let inbox = |request: Request| bank.ask(request.user("alice"));
    let letters = json_of(&inbox(Request::get("/challenge/inbox").header("accept", "application/json")));
    let call = letters[0]["call"].as_str().unwrap().to_owned();
    assert_eq!((&letters[0]["channel"], &letters[0]["code"]), (&json!("voice"), &json!("")));
    assert!(text_of(&inbox(Request::get("/challenge/inbox").browser())).contains("/challenge/dial"));
    let dial = |code: &str| json_of(&bank.call("dial", "alice", &json!({ "id": call, "code": code })));
    assert_eq!(told(&bank.call("dial", "alice", &json!({ "id": "nothing", "code": "1" }))), "404 not_found");
    assert_eq!(dial(&pin)["status"], "entered");
    assert_eq!(dial(&pin)["status"], "ignored");
    assert_eq!(told(&check(&bank, "alice", &id)), "200");
}
