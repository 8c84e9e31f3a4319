//! Whatever fails is closed, R10: stores, couriers, lookups, identities, configuration.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/proofs.rs"]
mod proofs;

use std::time::Duration;

use async_trait::async_trait;
use bank::{
    Bank, Request, Witness, block_on, blocked, challenge_of, enter, headers_of, id_of, id_on, json_of, keys,
    other_than, solved, text_of,
};
use bytes::Bytes;
use proofs::{human, proof, step, vault, with};
use serde_json::json;
use verify_core::{
    BlockStatus, Channel, Contact, Contacts, ContactsError, Courier, CourierError, CourierErrorKind,
    Decision, Delivery, Engine, FakeClock, Gate, MemoryStore, MissingContacts, Origin, Policy, Reply,
    RequestLimits, Subject,
};

fn assert_unavailable(reply: &Reply) {
    assert_eq!(reply.status(), 503, "{reply:?}");
    assert_eq!(headers_of(reply, "retry-after").len(), 1, "{reply:?}");
    assert!(reply.headers().get("challenge-clearance").is_none(), "{reply:?}");
}

/// Offers, sends, guesses wrong and answers right; says what each of the three calls answered.
fn walk(bank: &Bank, gate: &Gate, user: &str) -> [Reply; 3] {
    let id = id_of(&blocked(gate, Request::get("/vault").user(user)));
    let sent = bank.call("send", user, &json!({ "id": id }));
    let code = bank.inbox.last_code(&bank::phone_of(user)).unwrap_or_else(|| "123456".to_owned());
    let wrong = bank.call("check", user, &json!({ "id": id, "code": other_than(&code) }));
    let right = bank.call("check", user, &json!({ "id": id, "code": code }));
    [sent, wrong, right]
}

#[test]
fn r10_whichever_store_call_errs_nobody_gets_in() {
    let mut tried = 0;
    for call in 0..40 {
        let clock = FakeClock::default();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        let witness = Witness::new(store.clone());
        let bank = Bank::around(clock, store, |builder| builder.store(witness.clone()));
        let gate = bank.gate(Policy::new("p").require(step()));
        witness.fail(call..call + 1);
        let before = witness.failed();
        let replies = walk(&bank, &gate, "alice");
        if witness.failed() == before {
            break;
        }
        tried += 1;
        let errors: Vec<&Reply> = replies.iter().filter(|reply| reply.status() == 503).collect();
        assert_eq!(errors.len(), 1, "call {call}: {replies:?}");
        assert_unavailable(errors[0]);
        assert_eq!(json_of(errors[0])["code"], "unavailable");
        assert_ne!(replies[1].status(), 200, "call {call}: a wrong code never passes");
    }
    assert!(tried >= 10, "only {tried} store calls were seen");
}

#[test]
fn r10_with_the_store_gone_everything_that_needs_it_answers_503() {
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let witness = Witness::new(store.clone());
    let bank = Bank::around(clock, store, |builder| builder.store(witness.clone()));
    let gate = bank.gate(Policy::new("p").require(step()));
    let checking = bank.gate(Policy::new("checking").require(step()).checks_revocation());
    let cheap = bank.gate(Policy::new("cheap").require(human()));
    let token = proof(&bank, &gate);
    bank.advance(60);
    let id = id_of(&blocked(&gate, vault()));
    assert_eq!(bank.call("send", "alice", &json!({ "id": id })).status(), 200);
    let code = bank.code("alice");
    assert!(enter(&checking, with(vault(), &[&token])).is_in());

    witness.fail(0..u64::MAX);
    let inline = vault().header("challenge-id", &id).header("challenge-answer", &code);
    let puzzle = challenge_of(&blocked(&cheap, vault()));
    for reply in [
        blocked(&checking, with(vault(), &[&token])),
        blocked(&gate, inline),
        bank.call("send", "alice", &json!({ "id": id })),
        bank.call("check", "alice", &json!({ "id": id, "code": code })),
        bank.call("check", "alice", &json!({ "id": puzzle["id"], "token": solved(&puzzle) })),
        bank.call("status", "alice", &json!({ "id": id })),
        bank.call("cancel", "alice", &json!({ "id": id })),
    ] {
        assert_unavailable(&reply);
    }
    for action in ["send", "check", "cancel"] {
        let form = format!("challenge-id={id}&challenge-answer={code}");
        let page = bank.ask(Request::new("POST", &format!("/challenge/{action}")).user("alice").form(form));
        assert_unavailable(&page);
        assert!(text_of(&page).contains("<!doctype html>"));
    }
    // What needs no store goes on: a block, and a clearance that is not looked up.
    assert_eq!(blocked(&gate, vault()).status(), 403);
    assert!(enter(&gate, with(vault(), &[&token])).is_in());
    // And nothing was lost.
    witness.heal();
    assert_eq!(bank.call("check", "alice", &json!({ "id": id, "code": code })).status(), 200);
}

#[test]
fn r10_a_posted_form_is_answered_with_503_too() {
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let witness = Witness::new(store.clone());
    let bank = Bank::around(clock, store, |builder| builder.store(witness.clone()));
    let gate = bank.gate(Policy::new("p").require(step()));
    let post = |body: &str| Request::new("POST", "/vault").user("alice").browser().form(body);
    let id = id_on(&blocked(&gate, post("amount=1")));
    witness.fail(0..u64::MAX);
    let carried = |action: &str, body: &str| {
        bank.ask(Request::new("POST", &format!("/challenge/{action}?carry")).user("alice").form(body))
    };
    let body = format!("amount=1&challenge-id={id}&challenge-answer=123456");
    for page in [blocked(&gate, post(&body)), carried("send", &body), carried("cancel", &body)] {
        assert!(text_of(&page).contains("not available"), "{page:?}");
        assert!(text_of(&page).contains("name=\"amount\" value=\"1\""), "{page:?}");
        assert_unavailable(&page);
    }
}

/// A courier and an address book that fail as told.
#[derive(Clone, Debug)]
struct Failing(CourierErrorKind);

#[async_trait]
impl Courier for Failing {
    async fn deliver(&self, _: &Delivery) -> Result<(), CourierError> {
        Err(CourierError::new(self.0).with_source("to +12025550101: 123456 rejected"))
    }

    fn is_development(&self) -> bool {
        true
    }
}

#[async_trait]
impl Contacts for Failing {
    async fn contact(&self, _: &Subject<'_>, _: Channel) -> Result<Option<Contact>, ContactsError> {
        Err(ContactsError::new("ldap://10.0.0.9 is down"))
    }
}

/// Where answers may tell how the delivery went.
fn told_bank(kind: CourierErrorKind) -> Bank {
    Bank::with(|builder| builder.courier(Channel::Sms, Failing(kind)).missing_contacts(MissingContacts::Tell))
}

#[test]
fn r10_a_courier_that_errs_answers_503_and_keeps_nobody_waiting() {
    let bank = told_bank(CourierErrorKind::Unavailable);
    let gate = bank.gate(Policy::new("p").require(step().over([Channel::Sms, Channel::Email])));
    let id = id_of(&blocked(&gate, vault()));
    let reply = bank.call("send", "alice", &json!({ "id": id }));
    assert_unavailable(&reply);
    assert!(!text_of(&reply).contains("+1202"), "{reply:?}");
    let mailed = bank.call("send", "alice", &json!({ "id": id, "channel": "email" }));
    assert_eq!(mailed.status(), 200, "the next channel may be tried at once: {mailed:?}");
}

#[test]
fn r10_an_address_that_is_refused_is_the_clients_error_and_no_pass() {
    let bank = told_bank(CourierErrorKind::Refused);
    let gate = bank.gate(Policy::new("p").require(step()));
    let id = id_of(&blocked(&gate, vault()));
    assert_eq!(bank.call("send", "alice", &json!({ "id": id })).status(), 400);
    assert!(!enter(&gate, vault()).is_in());
}

#[test]
fn r10_contacts_that_err_answer_503() {
    let bank = Bank::with(|builder| builder.contacts(Failing(CourierErrorKind::Unavailable)));
    let gate = bank.gate(Policy::new("p").require(step()));
    let id = id_of(&blocked(&gate, vault()));
    let reply = bank.call("send", "alice", &json!({ "id": id }));
    assert_unavailable(&reply);
    assert!(!text_of(&reply).contains("10.0.0.9"));
    assert!(bank.inbox.is_empty());
}

#[test]
fn r10_an_unknown_policy_or_factor_does_not_pass() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step()));
    let id = id_of(&blocked(&gate, vault()));
    // Another process of the same deployment that was built without this policy, or with another factor in it.
    let bare = Bank::new();
    let changed = Bank::new();
    let changed_gate = changed.gate(Policy::new("p").require(step().digits(8)));
    for other in [&bare, &changed] {
        for action in ["send", "check", "status", "cancel"] {
            let body = json!({ "id": id, "code": "123456" });
            let reply = other.call(action, "alice", &body);
            assert_eq!((reply.status().as_u16(), &json_of(&reply)["code"]), (500, &json!("misconfigured")));
        }
        assert!(other.inbox.is_empty());
    }
    let token = proof(&bank, &gate);
    assert!(!enter(&changed_gate, with(vault(), &[&token])).is_in(), "the proof of another factor");
}

#[test]
fn r10_a_missing_identity_is_a_stranger() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step()));
    let token = proof(&bank, &gate);
    for request in [
        Request::get("/vault"),
        Request::get("/vault").header("x-user", ""),
        Request::get("/vault").header("x-user", "alice").header("x-user", "alice"),
        Request::get("/vault").header("x-user", b"ali\xffce"),
    ] {
        assert!(!enter(&gate, with(request, &[&token])).is_in());
    }
}

#[test]
fn r10_what_an_adapter_gives_up_on_is_closed() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step()));
    let inquiry = |request: Request| match bank.endpoints.decide(&request) {
        Decision::Read(inquiry, _) => inquiry,
        other => panic!("{other:?}"),
    };
    let call = || Request::new("POST", "/challenge/check").user("alice").json(&json!({}));
    assert_unavailable(&inquiry(call()).timed_out());
    assert_eq!(inquiry(call()).too_large().status(), 413);
    assert_eq!(inquiry(call()).unreadable().status(), 400);
    let page = Request::new("POST", "/vault").browser().form("a=b");
    let Decision::Read(inquiry, limit) = gate.decide(&page) else { panic!("a form is read") };
    assert_unavailable(&inquiry.timed_out());
    assert!((16 * 1024..=1024 * 1024).contains(&limit), "{limit}");
    let inline = vault().header("challenge-id", "t1.k1.x").header("challenge-answer", "123456");
    let Decision::Consult(inquiry) = gate.decide(&inline) else { panic!("an answer is consulted on") };
    assert_unavailable(&inquiry.timed_out());
    assert!(!gate.deadline().is_zero() && gate.deadline() == bank.engine.deadline());
}

#[test]
fn r10_an_inquiry_of_one_kind_is_not_ruled_on_as_another() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step()));
    let call = Request::new("POST", "/challenge/status").user("alice").json(&json!({}));
    let Decision::Read(inquiry, _) = bank.endpoints.decide(&call) else { panic!("a call is read") };
    assert!(matches!(block_on(gate.rule(inquiry, Bytes::new())), verify_core::Ruling::Respond(_)));
    let inline = vault().header("challenge-id", "t1.k1.x").header("challenge-answer", "123456");
    let Decision::Consult(inquiry) = gate.decide(&inline) else { panic!("an answer is consulted on") };
    assert!(matches!(block_on(bank.endpoints.rule(inquiry, Bytes::new())), verify_core::Ruling::Respond(_)));
}

#[test]
fn r10_an_inquiry_of_one_gate_does_not_open_another() {
    let bank = Bank::new();
    let weak = bank.gate(Policy::new("weak").require(human()).checks_revocation());
    let strong = bank.gate(Policy::new("strong").require(step()));
    let token = proof(&bank, &weak_twin(&bank));
    let Decision::Consult(inquiry) = weak.decide(&with(vault(), &[&token])) else {
        panic!("revocation is looked up")
    };
    assert!(matches!(block_on(strong.rule(inquiry, Bytes::new())), verify_core::Ruling::Respond(_)));
}

fn weak_twin(bank: &Bank) -> Gate {
    bank.gate(Policy::new("twin").require(human()))
}

#[test]
fn r10_a_configuration_error_does_not_start() {
    let origin = || Origin::parse("https://bank.example").unwrap();
    let bare = || Engine::builder(keys(), origin()).limits(RequestLimits::unlimited());
    let engine = bare().build().unwrap();
    assert!(engine.gate(Policy::new("p").require(step())).is_err(), "no courier");
    assert!(engine.gate(Policy::new("p").require(human())).is_ok(), "a proof of work needs none");
    let couriered = bare().courier(Channel::Sms, Failing(CourierErrorKind::Refused)).build().unwrap();
    assert!(couriered.gate(Policy::new("p").require(step())).is_err(), "no contacts");
    for status in [200, 302, 401, 428, 500, 503] {
        let status = http::StatusCode::from_u16(status).unwrap();
        assert!(bare().block_status(BlockStatus::Other(status)).build().is_err(), "{status}");
    }
    assert!(Engine::builder(keys(), Origin::parse("http://bank.example").unwrap()).build().is_err());
    assert!(bare().clearance_life(Duration::ZERO).build().is_err());
    assert!(bare().mount("challenge").build().is_err());
}
