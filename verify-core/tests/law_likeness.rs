//! Who has no address is answered like everybody else, in form, length and work, R71.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/calls.rs"]
mod calls;

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bank::{Bank, Request, Witness, answered, blocked, id_of, id_on, json_of};
use calls::vault;
use serde_json::{Value, json};
use verify_core::{
    Backoff, Budgets, Channel, Courier, CourierError, CourierErrorKind, Decision, Delivery, FakeClock,
    MemoryStore, MissingContacts, Quota, Reply, Subject,
};

/// As many messages as the test likes; tries, sends and waits stay as they are.
fn generous() -> Budgets {
    Budgets::default().per_destination([]).per_source([])
}

/// What an onlooker can tell apart: status, header fields, and the shape of the body with the length of each text.
fn appearance(reply: &Reply) -> Value {
    fn shape(value: &Value) -> Value {
        match value {
            Value::String(text) => json!(format!("text of {}", text.len())),
            Value::Array(list) => list.iter().map(shape).collect(),
            Value::Object(members) => {
                members.iter().map(|(name, value)| (name.clone(), shape(value))).collect()
            }
            other => other.clone(),
        }
    }
    let headers: Vec<String> = reply
        .headers()
        .iter()
        .map(|(name, value)| match name.as_str() {
            // Each has a nonce or a token of its own, of one length.
            "content-security-policy" | "set-cookie" | "challenge-clearance" => {
                format!("{name}: {}", value.len())
            }
            _ => format!("{name}: {}", value.to_str().unwrap()),
        })
        .collect();
    let body = match serde_json::from_slice::<Value>(reply.body()) {
        Ok(value) => shape(&value),
        Err(_) => json!(reply.body().len()),
    };
    json!({ "status": reply.status().as_u16(), "headers": headers, "body": body, "length": reply.body().len() })
}

/// What becomes of one user who asks, asks again, guesses until locked, and asks on.
fn story(user: &str, channel: Option<&str>) -> Vec<(String, Value)> {
    let bank = Bank::with(|builder| {
        let hour = Duration::from_secs(3600);
        builder.budgets(
            Budgets::default()
                .per_destination([Quota::new(4, hour)])
                .per_source([])
                .idempotent_window(Duration::from_secs(10))
                .resend_wait(Backoff::new(Duration::from_secs(30), hour)),
        )
    });
    let gate = bank.gate(vault());
    let mut told = Vec::new();
    let tell = |told: &mut Vec<(String, Value)>, what: &str, reply: &Reply| {
        told.push((what.to_owned(), appearance(reply)));
    };
    let wish =
        |id: &str| channel.map_or(json!({ "id": id }), |channel| json!({ "id": id, "channel": channel }));
    let offer = blocked(&gate, Request::get("/vault").user(user));
    tell(&mut told, "block", &offer);
    let id = id_of(&offer);
    tell(&mut told, "status before", &bank.call("status", user, &json!({ "id": id })));
    let sent = bank.call("send", user, &wish(&id));
    tell(&mut told, "send", &sent);
    let first = json_of(&sent)["id"].as_str().unwrap().to_owned();
    tell(&mut told, "send again", &bank.call("send", user, &wish(&first)));
    bank.advance(15);
    tell(&mut told, "send too early", &bank.call("send", user, &wish(&first)));
    tell(&mut told, "status", &bank.call("status", user, &json!({ "id": first })));
    bank.advance(20);
    tell(&mut told, "resend", &bank.call("send", user, &wish(&first)));
    tell(&mut told, "no code", &bank.call("check", user, &json!({ "id": first, "code": "1" })));
    // Ten letters are well-formed, and never anybody's code.
    for _ in 0..6 {
        tell(&mut told, "guess", &bank.call("check", user, &json!({ "id": first, "code": "abcdefghij" })));
    }
    tell(&mut told, "status after", &bank.call("status", user, &json!({ "id": first })));
    tell(&mut told, "send while locked", &bank.call("send", user, &wish(&id)));
    bank.advance(600);
    for _ in 0..4 {
        let id = id_of(&blocked(&gate, Request::get("/vault").user(user)));
        tell(&mut told, "send anew", &bank.call("send", user, &wish(&id)));
        tell(&mut told, "cancel", &bank.call("cancel", user, &json!({ "id": id })));
        bank.advance(100);
    }
    let page = |action: &str, form: String| {
        bank.ask(Request::new("POST", &format!("/challenge/{action}")).user(user).form(form))
    };
    bank.advance(3600);
    let id = id_on(&blocked(&gate, Request::get("/vault").user(user).browser()));
    let chosen = channel.map_or_else(String::new, |channel| format!("&challenge-channel={channel}"));
    let typed = page("send", format!("challenge-id={id}{chosen}"));
    tell(&mut told, "page", &typed);
    let id = id_on(&typed);
    tell(
        &mut told,
        "page, guessed",
        &page("check", format!("challenge-id={id}&challenge-answer=abcdefghij")),
    );
    tell(&mut told, "page, resent", &page("send", format!("challenge-id={id}{chosen}")));
    told
}

#[test]
fn r71_a_subject_without_an_address_looks_like_everybody_else() {
    for channel in [None, Some("sms"), Some("email")] {
        let (alice, nobody) = (story("alice", channel), story("nobody", channel));
        let statuses: Vec<u64> = alice.iter().map(|(_, seen)| seen["status"].as_u64().unwrap()).collect();
        for expected in [200, 400, 403, 429] {
            assert!(statuses.contains(&expected), "the story does not reach {expected}: {statuses:?}");
        }
        for ((what, known), (_, unknown)) in alice.iter().zip(&nobody) {
            assert_eq!(known, unknown, "{what} over {channel:?}");
        }
        assert_eq!(alice.len(), nobody.len());
    }
}

#[test]
fn r71_the_hint_of_nobody_stays_the_same_and_differs_from_subject_to_subject() {
    let bank = Bank::with(|builder| builder.contacts(|_: &Subject<'_>, _: Channel| None).budgets(generous()));
    let gate = bank.gate(vault());
    let hint = |user: &str, channel: &str| {
        let id = id_of(&blocked(&gate, Request::get("/vault").user(user)));
        let sent = bank.call("send", user, &json!({ "id": id, "channel": channel }));
        json_of(&sent)["delivery_hint"].as_str().unwrap().to_owned()
    };
    let mut hints = std::collections::HashSet::new();
    for user in ["a", "b", "c", "d", "e", "f"] {
        let first = hint(user, "sms");
        bank.advance(61);
        assert_eq!(hint(user, "sms"), first, "a hint that changes is a made-up one");
        hints.insert(first);
        bank.advance(61 * 3);
    }
    assert!(hints.len() > 3, "{hints:?}");
    assert!(bank.inbox.is_empty());
}

#[test]
fn r71_telling_is_a_choice() {
    let bank = Bank::with(|builder| builder.missing_contacts(MissingContacts::Tell));
    let gate = bank.gate(vault());
    let send = |user: &str| {
        let id = id_of(&blocked(&gate, Request::get("/vault").user(user)));
        bank.call("send", user, &json!({ "id": id })).status()
    };
    assert_eq!((send("alice"), send("nobody")), (http::StatusCode::OK, http::StatusCode::BAD_REQUEST));
}

/// A courier that fails, or that keeps its caller waiting for a few polls.
#[derive(Clone, Debug)]
struct Odd {
    waits: u32,
    fails: Option<CourierErrorKind>,
}

#[async_trait]
impl Courier for Odd {
    async fn deliver(&self, _: &Delivery) -> Result<(), CourierError> {
        let mut left = self.waits;
        std::future::poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(());
            }
            left -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        self.fails.map_or(Ok(()), |kind| Err(CourierError::new(kind)))
    }

    fn is_development(&self) -> bool {
        true
    }
}

/// What a send answers, and how often it had to be polled.
fn sends_with(courier: Odd, user: &str) -> (Value, u32) {
    let bank = Bank::with(|builder| builder.courier(Channel::Sms, courier));
    let gate = bank.gate(vault());
    let id = id_of(&blocked(&gate, Request::get("/vault").user(user)));
    let call = Request::new("POST", "/challenge/send").user(user).json(&json!({ "id": id }));
    let Decision::Read(inquiry, _) = bank.endpoints.decide(&call) else { panic!("a call is read") };
    let mut ruling = pin!(bank.endpoints.rule(inquiry, json!({ "id": id }).to_string().into()));
    let mut context = Context::from_waker(Waker::noop());
    for polls in 1.. {
        if let Poll::Ready(ruling) = ruling.as_mut().poll(&mut context) {
            return (appearance(&answered(ruling)), polls);
        }
    }
    unreachable!("it is polled until it is ready")
}

#[test]
fn r71_a_courier_that_is_down_does_not_tell_who_has_an_address() {
    for kind in [CourierErrorKind::Unavailable, CourierErrorKind::Refused] {
        let courier = Odd { waits: 0, fails: Some(kind) };
        let (known, unknown) = (sends_with(courier.clone(), "alice").0, sends_with(courier, "nobody").0);
        assert_eq!(known, unknown, "{kind:?}");
    }
}

#[test]
fn r71_a_slow_courier_does_not_tell_who_has_an_address() {
    let courier = Odd { waits: 10, fails: None };
    let (known, unknown) = (sends_with(courier.clone(), "alice"), sends_with(courier, "nobody"));
    assert_eq!(known.0, unknown.0);
    assert_eq!(known.1, unknown.1, "only who has an address waits for the courier");
}

#[test]
fn r71_store_calls_are_the_same_with_and_without_an_address() {
    let calls = |user: &str| {
        let clock = FakeClock::default();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        let witness = Witness::new(store.clone());
        let bank = Bank::around(clock, store, |builder| builder.store(witness.clone()));
        let gate = bank.gate(vault());
        let id = id_of(&blocked(&gate, Request::get("/vault").user(user)));
        let mut counts = Vec::new();
        for (action, body) in [
            ("send", json!({ "id": id })),
            ("send", json!({ "id": id })),
            ("check", json!({ "id": id, "code": "abcdefghij" })),
            ("status", json!({ "id": id })),
            ("cancel", json!({ "id": id })),
        ] {
            bank.call(action, user, &body);
            counts.push((action, witness.calls()));
        }
        counts
    };
    assert_eq!(calls("alice"), calls("nobody"));
}
