//! Reverse PINs: the page shows one, a phone asks for it, and the answer arrives from outside, once, in any order, or never.
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
#[path = "support/law.rs"]
mod law;

use bank::{Bank, Request, block_on, blocked, enter, headers_of, id_of, id_on, json_of, phone_of, text_of};
use caller::Caller;
use http::StatusCode;
use law::{Events, LIMITED, LOCKED, USED, WRONG, generous, send, status, ticket, together, told};
use serde_json::json;
use verify_core::{
    Channel, Code, CodeServiceErrorKind, ConfigError, Contact, EngineBuilder, EventKind, Factor, Heard,
    Inbox, MissingContacts, PinReport, PinResult, Policy, Psd2, RefusedKind, Reply, ReversePinFactor,
    Subject,
};

const PENDING: &str = "409 answer_pending";
const UNANSWERED: &str = "409 answer_pending unanswered";

fn dial_in() -> ReversePinFactor {
    Factor::reverse_pin("dial-in")
}

fn vault() -> Policy {
    Policy::new("vault").purpose("open the vault").require(dial_in())
}

fn served(change: impl FnOnce(EngineBuilder) -> EngineBuilder) -> (Bank, Caller) {
    let caller = Caller::default();
    let bank = Bank::with(|builder| change(builder.pin_service(caller.clone())));
    (bank, caller)
}

/// Blocked and called: the ticket and the PIN that is shown.
fn called(bank: &Bank, user: &str) -> (String, String) {
    let sent = json_of(&send(bank, user, &ticket(&bank.gate(vault()), user)));
    (sent["id"].as_str().unwrap().to_owned(), sent["pin"].as_str().unwrap().to_owned())
}

fn check(bank: &Bank, user: &str, id: &str) -> Reply {
    bank.call("check", user, &json!({ "id": id }))
}

fn hear(bank: &Bank, token: &str, result: PinResult) -> Heard {
    block_on(bank.engine.hear(token, &PinReport::of(result))).unwrap()
}

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
    let _ = id_of;
}
