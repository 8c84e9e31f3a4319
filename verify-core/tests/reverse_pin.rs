//! Reverse PINs: the page shows one, a phone asks for it, and the answer lets in once.
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

use bank::{Request, block_on, blocked, enter, headers_of, id_on, json_of, phone_of, text_of};
use caller::Caller;
use dial_in::{PENDING, called, check, dial_in, hear, served, vault};
use http::StatusCode;
use law::{Events, LOCKED, USED, WRONG, generous, send, status, together, told};
use serde_json::json;
use verify_core::{
    Channel, Code, ConfigError, EngineBuilder, EventKind, Heard, Inbox, PinResult, Policy, Psd2, RefusedKind,
    Subject,
};

#[test]
fn the_pin_that_was_dialled_lets_in_once() {
    let (bank, caller) = served(|builder| builder);
    let gate = bank.gate(vault());
    let offer = json_of(&blocked(&gate, Request::get("/vault").user("alice")))["alternatives"][0][0].clone();
    assert_eq!(
        (&offer["type"], &offer["channels"], &offer["pin_length"], &offer["call_placed"]),
        (&json!("reverse_pin"), &json!(["voice"]), &json!(6), &json!(false)),
    );
    assert!(offer.get("pin").is_none(), "nobody is shown a PIN before the call");
    let (id, pin) = called(&bank, "alice");
    let call = caller.last();
    assert_eq!((call.to, &call.pin), (phone_of("alice"), &pin));
    assert_eq!(status(&bank, "alice", &id)["status"], "pending");
    assert_eq!(told(&check(&bank, "alice", &id)), PENDING);
    assert_eq!(hear(&bank, &call.token, PinResult::Right), Heard::Entered);
    assert_eq!(status(&bank, "alice", &id)["status"], "answered");
    assert_eq!(told(&check(&bank, "eve", &id)), law::EXPIRED, "it is nobody else's");
    let right = check(&bank, "alice", &id);
    assert_eq!(told(&right), "200");
    let clearance = json_of(&right)["clearance"].as_str().unwrap().to_owned();
    let request = Request::get("/vault").user("alice").header("challenge-clearance", clearance);
    assert!(enter(&gate, request).is_in());
    assert_eq!(told(&check(&bank, "alice", &id)), USED);
    assert_eq!(status(&bank, "alice", &id)["status"], "closed");
}

#[test]
fn the_blocked_request_itself_may_carry_the_word() {
    let (bank, caller) = served(|builder| builder);
    let gate = bank.gate(vault());
    let (id, pin) = called(&bank, "alice");
    let again = |answer: &str| {
        let request = Request::get("/vault").user("alice").header("challenge-id", &id);
        enter(&gate, request.header("challenge-answer", answer))
    };
    assert_eq!(told(&again("dialled").reply()), PENDING);
    hear(&bank, &caller.last().token, PinResult::Right);
    assert_eq!(told(&again(&pin).reply()), "400 validation_error", "the PIN is typed nowhere");
    assert!(again("dialled").is_in());
    assert_eq!(told(&again("dialled").reply()), USED);
}

#[test]
fn r36_a_wrong_pin_is_a_failed_try_and_another_call_may_be_right() {
    let (bank, caller) = served(|builder| builder.budgets(generous()));
    let (id, pin) = called(&bank, "alice");
    assert_eq!(hear(&bank, &caller.last().token, PinResult::Wrong), Heard::Entered);
    assert_eq!(status(&bank, "alice", &id)["tries_left"], 2, "counted before anybody comes back");
    assert_eq!(status(&bank, "alice", &id)["status"], "failed");
    assert_eq!(told(&check(&bank, "alice", &id)), WRONG);
    assert_eq!(told(&check(&bank, "alice", &id)), WRONG, "asking costs nothing");
    let again = json_of(&send(&bank, "alice", &id));
    assert_eq!(again["pin"], *pin, "the same one, whichever call comes first");
    assert_eq!(status(&bank, "alice", &id)["status"], "pending");
    assert_eq!(caller.all().len(), 2);
    hear(&bank, &caller.last().token, PinResult::Right);
    assert_eq!(told(&check(&bank, "alice", &id)), "200");
}

#[test]
fn r37_r46_wrong_pins_use_up_the_challenge_and_then_the_subject() {
    let events = Events::default();
    let (bank, caller) = served(|builder| builder.budgets(generous()).on_event(events.listener()));
    let (id, _) = called(&bank, "alice");
    for n in 0..3 {
        if n > 0 {
            assert_eq!(told(&send(&bank, "alice", &id)), "200");
        }
        hear(&bank, &caller.last().token, PinResult::Wrong);
    }
    assert_eq!(told(&check(&bank, "alice", &id)), LOCKED);
    assert_eq!((events.count(EventKind::Failed), events.count(EventKind::Locked)), (2, 1));

    // Failures of all challenges together: the third of them is blocked for good.
    let one = verify_core::Quota::new(2, std::time::Duration::from_secs(3600));
    let (bank, caller) = served(|builder| builder.budgets(generous().failures(one)));
    for _ in 0..2 {
        let (id, _) = called(&bank, "bob");
        hear(&bank, &caller.last().token, PinResult::Wrong);
        bank.call("cancel", "bob", &json!({ "id": id }));
    }
    let (id, _) = called(&bank, "bob");
    assert_eq!(hear(&bank, &caller.last().token, PinResult::Right), Heard::Ignored, "too late");
    assert_ne!(told(&check(&bank, "bob", &id)), "200");
}

#[test]
fn r40_of_many_who_redeem_one_answer_one_succeeds() {
    for _ in 0..200 {
        let (bank, caller) = served(|builder| builder.budgets(generous()));
        let (id, _) = called(&bank, "alice");
        hear(&bank, &caller.last().token, PinResult::Right);
        let answers = together(4, |_| told(&check(&bank, "alice", &id)));
        assert_eq!(answers.iter().filter(|answer| *answer == "200").count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| *answer == USED).count(), 3, "{answers:?}");
    }
}

#[test]
fn r33_r60_the_store_holds_no_pin_no_number_no_name_and_no_token() {
    let (bank, caller) = served(|builder| builder);
    called(&bank, "alice-in-the-clear");
    let call = caller.last();
    assert_eq!(format!("{:?}", Code::chosen(&call.pin).unwrap()), "Code([redacted])");
    for (_, value, _) in bank.store.entries() {
        let value = String::from_utf8_lossy(&value.unwrap_or_default()).into_owned();
        for secret in [&call.pin, &call.to, &call.token, "in-the-clear"] {
            assert!(!value.contains(secret), "{value}");
        }
    }
}

/// P7: a caller's own PIN has its leading zeros, and eight digits.
#[test]
fn phonesverification_rule_07_a_callers_own_pin_is_dialled_as_it_is() {
    let (bank, caller) = served(|builder| builder);
    let gate = bank.gate(vault());
    let alice = bank.engine.direct(Subject::user("alice"));
    for bad in ["12a4", "123456789"] {
        let refused = alice.offer_with_code(&gate, "dial-in", Code::chosen(bad).unwrap()).unwrap_err();
        assert_eq!(refused.kind(), RefusedKind::NotOffered, "{bad}");
    }
    let ticket = alice.offer_with_code(&gate, "dial-in", Code::chosen("00123456").unwrap()).unwrap();
    let mut sent = block_on(alice.send(&ticket, None)).unwrap();
    assert_eq!(sent.pin().map(Code::expose), Some("00123456"));
    if let Some(errand) = sent.errand() {
        block_on(errand.run()).unwrap();
    }
    assert_eq!(caller.last().pin, "00123456");
    assert_eq!(block_on(alice.check(sent.ticket(), "")).unwrap_err().kind(), RefusedKind::Pending);
    hear(&bank, &caller.last().token, PinResult::Right);
    block_on(alice.check(sent.ticket(), "")).unwrap();
}

#[test]
fn the_page_shows_the_pin_and_goes_on_with_a_button() {
    let (bank, caller) = served(|builder| builder.budgets(generous()));
    let gate = bank.gate(vault());
    let page = blocked(&gate, Request::get("/vault?a=1").user("alice").browser());
    assert!(text_of(&page).contains("Call me"), "{}", text_of(&page));
    let post = |action: &str, id: &str, more: &str| {
        let form = format!("challenge-id={id}{more}");
        bank.ask(Request::new("POST", &format!("/challenge/{action}")).user("alice").form(form))
    };
    let page = post("send", &id_on(&page), "");
    let pin = caller.last().pin;
    assert!(text_of(&page).contains(&format!(">{pin}<")), "{}", text_of(&page));
    assert!(text_of(&page).contains("I have dialled it"));
    let id = id_on(&page);
    let early = post("check", &id, "&challenge-answer=dialled");
    assert_eq!(early.status(), StatusCode::CONFLICT);
    assert!(text_of(&early).contains(&pin) && text_of(&early).contains("data-status"));
    hear(&bank, &caller.last().token, PinResult::Wrong);
    let wrong = post("check", &id, "&challenge-answer=dialled");
    assert!(text_of(&wrong).contains("not this one") && !text_of(&wrong).contains("data-status"));
    post("send", &id, "");
    hear(&bank, &caller.last().token, PinResult::Right);
    let done = post("check", &id, "&challenge-answer=dialled");
    assert_eq!(
        (done.status(), headers_of(&done, "location")),
        (StatusCode::SEE_OTHER, vec!["/vault?a=1".to_owned()])
    );
}

/// A form that was blocked comes through with its fields.
#[test]
fn a_blocked_form_is_carried_on() {
    let (bank, caller) = served(|builder| builder);
    let gate = bank.gate(vault());
    let form = |body: String| Request::new("POST", "/vault").user("alice").browser().form(body);
    let page = enter(&gate, form("note=hello".to_owned())).reply();
    let carried = format!("note=hello&challenge-id={}", id_on(&page));
    let page = bank.ask(Request::new("POST", "/challenge/send?carry").user("alice").browser().form(carried));
    assert!(text_of(&page).contains(&caller.last().pin), "{}", text_of(&page));
    let answer = format!("note=hello&challenge-id={}&challenge-answer=dialled", id_on(&page));
    let early = enter(&gate, form(answer.clone())).reply();
    assert!(text_of(&early).contains("I have dialled it") && text_of(&early).contains("hello"));
    hear(&bank, &caller.last().token, PinResult::Right);
    assert!(enter(&gate, form(answer)).is_in());
}

#[test]
fn what_does_not_go_together_does_not_start() {
    let (bank, _) = served(|builder| builder);
    let binds = Policy::new("transfer").require(dial_in()).bind(Psd2::json("/a", "/c", "/n", "/i"));
    let refused = bank.engine.gate(binds).unwrap_err().to_string();
    assert!(refused.contains("neither amount nor payee"), "{refused}");
    for factor in [dial_in().digits(5), dial_in().digits(9), dial_in().calls(0)] {
        assert!(bank.engine.gate(Policy::new("odd").require(factor)).is_err());
    }
    let build = |change: fn(EngineBuilder) -> EngineBuilder| {
        let origin = verify_core::Origin::parse("https://bank.example").unwrap();
        change(
            verify_core::Engine::builder(bank::keys(), origin).contacts(|_: &Subject<'_>, _: Channel| None),
        )
        .build()
    };
    let without = build(|builder| builder).unwrap().gate(vault()).unwrap_err().to_string();
    assert!(without.contains("pin_service"), "{without}");
    let beside = build(|builder| builder.pin_service(Caller::real()).inbox(Inbox::new()));
    assert!(matches!(beside, Err(ConfigError::DevelopmentCourierBesideReal)), "R75");
    // Calls are paid by the minute.
    let anywhere = build(|builder| builder.pin_service(Caller::real()));
    assert!(matches!(anywhere, Err(ConfigError::NoCountries { channel: Channel::Voice })), "R65");
    let here = build(|builder| {
        builder.pin_service(Caller::real()).countries(verify_core::Countries::only(["US"]).unwrap())
    });
    assert!(here.is_ok(), "R65");
}
