//! No secret is traced, metered, printed, or told in an event or an answer, R60.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/broken.rs"]
mod broken;
#[path = "support/long_codes.rs"]
mod long_codes;
#[path = "support/recording.rs"]
mod recording;

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bank::{
    Bank, Request, Witness, block_on, blocked, cookie_of, enter, id_of, id_on, json_of, keys, other_than,
    phone_of,
};
use broken::{Broken, LEAK};
use long_codes::{opened, step, vault};
use recording::{listening, recorded};
use serde_json::json;
use verify_core::{
    Budgets, Channel, Courier, CourierError, CourierErrorKind, Delivery, Event, FakeClock, MemoryStore,
    Policy, Resend, Subject,
};

/// Everything that a ceremony knows and must not tell, as it would appear in a log.
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn keep(&mut self, what: &'static str, text: impl Into<String>) {
        let text = text.into();
        assert!(text.len() >= 5, "{what} is too short to be looked for");
        self.0.push((what, text));
    }

    fn assert_untold(&self, lines: &[String]) {
        for line in lines {
            for (what, secret) in &self.0 {
                assert!(!line.contains(secret.as_str()), "{what} is told: {line}");
            }
        }
    }
}

#[test]
fn r60_no_secret_is_traced_metered_or_told_in_an_event() {
    let (heard, listen) = listening();
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let witness = Witness::new(store.clone());
    let mut secrets = Secrets(Vec::new());
    let (mut tape, mut meter) = (Vec::new(), Vec::new());
    for resend in [Resend::SameCode, Resend::FreshCode] {
        for form in [false, true] {
            let ear = Arc::clone(&heard);
            let bank = Bank::around(clock.clone(), store.clone(), |builder| {
                builder
                    .store(witness.clone())
                    .budgets(Budgets::default().per_source([]).per_destination([]))
                    .on_event(move |event: &Event| ear.lock().unwrap().push(event.clone()))
            });
            let (traced, metered) = recorded(|| tell_all(&bank, &witness, resend, form, &mut secrets));
            tape.extend(traced);
            meter.extend(metered);
        }
    }
    drop(listen);
    secrets.keep("the key", "5a5a5a5a");
    secrets.keep("the user", "mallory-the-user");
    secrets.keep("the source", "192.0.2.1");
    secrets.keep("the source's details", LEAK);
    secrets.keep("the store's password", "hunter2");
    assert!(tape.iter().filter(|line| line.contains("verify::audit")).count() > 20);
    assert!(tape.iter().any(|line| line.starts_with("ERROR")) && meter.len() > 20);
    let mut events = Vec::new();
    for event in heard.lock().unwrap().drain(..) {
        // The moment is a run of digits, in which any short code may be found by chance.
        events.push(format!(
            "{:?} {} {} {} {} {:?} {}",
            event.kind,
            event.policy,
            event.factor,
            event.challenge,
            event.subject,
            event.channel,
            event.calling_code
        ));
    }
    secrets.assert_untold(&tape);
    secrets.assert_untold(&meter);
    secrets.assert_untold(&events);
}

/// Does everything that can be done, and keeps what must stay unsaid.
fn tell_all(bank: &Bank, witness: &Witness, resend: Resend, form: bool, secrets: &mut Secrets) {
    let user = "mallory-the-user";
    let gate = bank.gate(Policy::new("vault").require(step().resend(resend)));
    bank.advance(7200);
    let phone = phone_of(user);
    secrets.keep("the number", &phone[1..]);
    secrets.keep("the mail address", format!("{user}@example.com"));
    let ask = || Request::get("/vault?secret=query-of-the-request").user(user);
    secrets.keep("the query", "query-of-the-request");
    let call = |action: &str, id: &str, code: &str, channel: &str| {
        let request = Request::new("POST", &format!("/challenge/{action}")).user(user);
        bank.ask(if form {
            request.form(format!("challenge-id={id}&challenge-answer={code}&challenge-channel={channel}"))
        } else if action == "check" {
            request.json(&json!({ "id": id, "code": code }))
        } else {
            request.json(&json!({ "id": id, "channel": channel }))
        })
    };
    let offer = blocked(&gate, if form { ask().browser() } else { ask() });
    let id = if form { id_on(&offer) } else { id_of(&offer) };
    let sent = call("send", &id, "", "sms");
    let opened = if form { id_on(&sent) } else { json_of(&sent)["id"].as_str().unwrap().to_owned() };
    let code = bank.code(user);
    bank.advance(120);
    call("send", &opened, "", "email");
    let mailed = bank.inbox.last_code(&format!("{user}@example.com")).unwrap();
    for code in [&code, &mailed] {
        secrets.keep("the code", code);
    }
    for id in [&id, &opened] {
        secrets.keep("the ticket", &id[id.len() - 24..]);
    }
    call("status", &opened, "", "");
    call("check", &opened, "typed-wrong", "");
    secrets.keep("what was typed", "typed-wrong");
    let wrong = other_than(&mailed);
    call("check", &opened, &wrong, "");
    secrets.keep("the wrong guess", wrong);
    witness.fail(0..u64::MAX);
    call("check", &opened, &mailed, "");
    call("send", &opened, "", "sms");
    witness.heal();
    let inline = ask().header("challenge-id", &opened).header("challenge-answer", other_than(&mailed));
    blocked(&gate, inline);
    let checked = call("check", &opened, &mailed, "");
    let token = cookie_of(&checked, "__Host-clearance").unwrap();
    secrets.keep("the clearance", &token[token.len() - 24..]);
    call("check", &opened, &mailed, "");
    assert!(enter(&gate, ask().header("challenge-clearance", &token)).is_in());
    blocked(&gate, ask().header("challenge-clearance", format!("{token}x")));
    // A visitor whom nobody knows.
    let stranger = blocked(&gate, Request::get("/vault"));
    secrets.keep("the visitor", cookie_of(&stranger, "__Host-visitor").unwrap());
    // Guessed to death, cancelled, revoked.
    bank.advance(7200);
    let offer = blocked(&gate, ask());
    let sent = json_of(&bank.call("send", user, &json!({ "id": id_of(&offer) })));
    let code = bank.code(user);
    secrets.keep("the second code", &code);
    for _ in 0..6 {
        bank.call("check", user, &json!({ "id": sent["id"], "code": other_than(&code) }));
    }
    bank.call("cancel", user, &json!({ "id": sent["id"] }));
    block_on(bank.engine.revoke(&Subject::user(user))).unwrap();
    witness.fail(0..1);
    block_on(bank.engine.revoke(&Subject::user(user))).unwrap_err();
    witness.heal();
    // Services that fail, and say why.
    for kind in [CourierErrorKind::Unavailable, CourierErrorKind::Refused] {
        let broken = Bank::with(|builder| builder.courier(Channel::Sms, Broken(kind)));
        let gate = broken.gate(vault());
        let id = id_of(&blocked(&gate, ask()));
        broken.call("send", user, &json!({ "id": id }));
    }
    let lost = Bank::with(|builder| builder.contacts(Broken(CourierErrorKind::Refused)));
    let gate = lost.gate(vault());
    let id = id_of(&blocked(&gate, ask()));
    lost.call("send", user, &json!({ "id": id }));
}

#[test]
fn r60_debug_of_what_applications_hold_tells_no_secret() {
    #[derive(Clone, Debug, Default)]
    struct Curious(Arc<Mutex<Vec<String>>>);

    #[async_trait]
    impl Courier for Curious {
        async fn deliver(&self, delivery: &Delivery) -> Result<(), CourierError> {
            let shown = format!("{delivery:?} {:?} {:?}", delivery.message(), delivery.to());
            let mut seen = self.0.lock().unwrap();
            seen.extend([
                shown,
                delivery.code().expose().to_owned(),
                delivery.message().text().to_owned(),
                delivery.id(),
            ]);
            Ok(())
        }

        fn is_development(&self) -> bool {
            true
        }
    }

    let courier = Curious::default();
    let bank = Bank::with(|builder| builder.courier(Channel::Sms, courier.clone()));
    let gate = bank.gate(vault());
    let id = id_of(&blocked(&gate, Request::get("/vault").user("alice")));
    bank.call("send", "alice", &json!({ "id": id }));
    let seen = courier.0.lock().unwrap().clone();
    let [shown, code, text, message_id] = seen.as_slice() else { panic!("one delivery: {seen:?}") };
    assert!(text.contains(code.as_str()), "{text}");
    assert!(!message_id.contains(code.as_str()));
    for secret in [code, &phone_of("alice")[1..].to_owned(), &"alice".to_owned()] {
        assert!(!shown.contains(secret.as_str()), "{shown}");
    }
    let request =
        Request::new("POST", "/challenge/check").user("alice").json(&json!({ "id": id, "code": code }));
    let inquiry = format!("{:?}", bank.endpoints.decide(&request));
    let held = format!(
        "{:?} {:?} {gate:?} {:?} {:?} {:?} {inquiry}",
        bank.engine,
        bank.endpoints,
        keys(),
        Subject::user("alice").session("s-of-alice"),
        bank.inbox,
    );
    for secret in [code.as_str(), "alice", "5a5a", &id[id.len() - 24..], "192.0.2.1"] {
        assert!(!held.contains(secret), "{secret} in {held}");
    }
}

#[test]
fn r60_no_answer_repeats_the_code_or_the_address() {
    let bank = Bank::new();
    let (id, code) = opened(&bank, "alice");
    let number = phone_of("alice");
    let call = |action: &str, code: &str| bank.call(action, "alice", &json!({ "id": id, "code": code }));
    for reply in [
        call("send", &code),
        call("status", &code),
        call("check", &other_than(&code)),
        call("check", &format!("{code}!")),
        call("check", &code),
        call("check", &code),
        call("cancel", &code),
    ] {
        let whole = format!("{reply:?}");
        assert!(!whole.contains(&code) && !whole.contains(&number[1..]), "{whole}");
    }
}
