//! The law of events, R76: each step is told once, by pseudonyms, to listeners, the log and the metrics.
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

use std::time::Duration;

use bank::{Bank, Request, Witness, blocked, challenge_of, id_of, json_of, other_than, solved};
use broken::Broken;
use long_codes::{opened, vault};
use recording::{kinds, listening, recorded};
use serde_json::json;
use verify_core::{
    Budgets, Channel, Clock, CourierErrorKind, Event, EventKind, Factor, FakeClock, MemoryStore, Policy,
    Quota,
};

#[test]
fn r76_a_whole_life_is_told_in_order() {
    let (heard, listen) = listening();
    let bank = Bank::with(listen);
    let gate = bank.gate(vault());
    let offer = blocked(&gate, Request::get("/vault").user("alice"));
    assert_eq!(kinds(&heard), [], "a blocked request is no event: it is a counter");
    let id = id_of(&offer);
    bank.call("send", "alice", &json!({ "id": id }));
    assert_eq!(kinds(&heard), [EventKind::Created, EventKind::Sent, EventKind::Delivered]);
    bank.call("send", "alice", &json!({ "id": id }));
    assert_eq!(kinds(&heard), [], "the same wish again sends nothing");
    bank.advance(31);
    bank.call("send", "alice", &json!({ "id": id }));
    assert_eq!(kinds(&heard), [EventKind::Sent, EventKind::Delivered]);
    let code = bank.code("alice");
    bank.call("check", "alice", &json!({ "id": id, "code": other_than(&code) }));
    assert_eq!(kinds(&heard), [EventKind::Failed]);
    bank.call("check", "alice", &json!({ "id": id, "code": "malformed" }));
    bank.call("check", "alice", &json!({ "id": "forged", "code": code }));
    bank.call("check", "bob", &json!({ "id": id, "code": code }));
    bank.call("status", "alice", &json!({ "id": id }));
    kinds(&heard);
    bank.call("check", "alice", &json!({ "id": id, "code": code }));
    assert_eq!(kinds(&heard), [EventKind::Verified]);
    bank.call("check", "alice", &json!({ "id": id, "code": code }));
    assert_eq!(kinds(&heard), [EventKind::Replayed]);
}

#[test]
fn r76_what_is_malformed_or_another_s_is_no_attempt() {
    let (heard, listen) = listening();
    let bank = Bank::with(listen);
    let (id, code) = opened(&bank, "alice");
    kinds(&heard);
    for (user, body) in [
        ("alice", json!({ "id": id, "code": "1" })),
        ("alice", json!({ "id": id, "code": 12_345_678 })),
        ("alice", json!({ "id": "forged", "code": code })),
        ("bob", json!({ "id": id, "code": code })),
    ] {
        bank.call("check", user, &body);
    }
    assert_eq!(kinds(&heard), []);
}

#[test]
fn r76_a_lock_a_cancel_and_refused_sends_are_told() {
    let (heard, listen) = listening();
    let bank = Bank::with(|builder| {
        let quota = Quota::new(1, Duration::from_secs(3600));
        listen(builder).budgets(Budgets::default().per_destination([quota]).per_source([]))
    });
    let (id, code) = opened(&bank, "alice");
    kinds(&heard);
    for _ in 0..4 {
        bank.call("check", "alice", &json!({ "id": id, "code": other_than(&code) }));
    }
    assert_eq!(kinds(&heard), [EventKind::Failed; 4]);
    bank.call("check", "alice", &json!({ "id": id, "code": other_than(&code) }));
    assert_eq!(kinds(&heard), [EventKind::Locked]);

    bank.advance(3700);
    let (id, _) = opened(&bank, "alice");
    kinds(&heard);
    bank.advance(31);
    assert_eq!(bank.call("send", "alice", &json!({ "id": id })).status(), 429);
    assert_eq!(kinds(&heard), [EventKind::SendRefused]);
    bank.call("cancel", "alice", &json!({ "id": id }));
    assert_eq!(kinds(&heard), [EventKind::Cancelled]);
    bank.call("cancel", "alice", &json!({ "id": id }));
    assert_eq!(kinds(&heard), [], "there is nothing left to cancel");
}

#[test]
fn r76_a_failed_delivery_is_told_for_what_it_is() {
    for kind in [CourierErrorKind::Unavailable, CourierErrorKind::Refused] {
        let (heard, listen) = listening();
        let bank = Bank::with(|builder| listen(builder).courier(Channel::Sms, Broken(kind)));
        let gate = bank.gate(vault());
        let id = id_of(&blocked(&gate, Request::get("/vault").user("alice")));
        bank.call("send", "alice", &json!({ "id": id, "channel": "sms" }));
        assert_eq!(kinds(&heard), [EventKind::Created, EventKind::Sent, EventKind::DeliveryFailed]);
    }
}

#[test]
fn r76_proofs_of_work_are_told_too() {
    let (heard, listen) = listening();
    let bank = Bank::with(listen);
    let gate = bank.gate(Policy::new("feed").require(Factor::proof_of_work("human").cost(1).prefix("0")));
    let challenge = challenge_of(&blocked(&gate, Request::get("/feed").user("alice")));
    let other = challenge_of(&blocked(&gate, Request::get("/feed").user("alice")));
    let check = |token: String| {
        bank.call("check", "alice", &json!({ "id": challenge["id"], "token": token })).status()
    };
    assert_eq!(check(solved(&other)), 403);
    assert_eq!(kinds(&heard), [EventKind::Failed]);
    assert_eq!(check(solved(&challenge)), 200);
    assert_eq!(kinds(&heard), [EventKind::Verified]);
    assert_eq!(check(solved(&challenge)), 409);
    assert_eq!(kinds(&heard), [EventKind::Replayed]);
}

#[test]
fn r76_an_event_says_who_what_when_and_where_to_by_pseudonyms() {
    let (heard, listen) = listening();
    let bank = Bank::with(|builder| listen(builder).budgets(Budgets::default().per_source([])));
    bank.advance(7);
    let at = bank.clock.now();
    let (id, code) = opened(&bank, "alice");
    bank.call("check", "alice", &json!({ "id": id, "code": code }));
    let alice: Vec<Event> = heard.lock().unwrap().drain(..).collect();
    assert_eq!(alice.len(), 4);
    for event in &alice {
        assert_eq!((&*event.policy, event.factor.as_str(), event.at), ("vault", "step-up", at));
        assert_eq!((event.channel, event.calling_code), (Some(Channel::Sms), 1), "{:?}", event.kind);
        for pseudonym in [&event.challenge, &event.subject] {
            assert!(pseudonym.len() == 16 && pseudonym.bytes().all(|b| b.is_ascii_hexdigit()), "{pseudonym}");
        }
        assert_eq!((&event.challenge, &event.subject), (&alice[0].challenge, &alice[0].subject));
    }
    // Stable for the user, new for each challenge, and another for everybody else.
    bank.advance(3600);
    opened(&bank, "alice");
    opened(&bank, "bob");
    let later: Vec<Event> = heard.lock().unwrap().drain(..).collect();
    assert_eq!(later[0].subject, alice[0].subject);
    assert_ne!(later[0].challenge, alice[0].challenge);
    assert_ne!(later.last().unwrap().subject, alice[0].subject);
}

#[test]
fn r76_sends_and_successes_can_be_set_against_each_other_by_country() {
    // A client may keep the ticket of the block or take the one of the send: both are documented to work.
    for keeps_the_first in [false, true] {
        let (heard, listen) = listening();
        let bank = Bank::with(listen);
        let gate = bank.gate(vault());
        let first = id_of(&blocked(&gate, Request::get("/vault").user("alice")));
        let sent = json_of(&bank.call("send", "alice", &json!({ "id": first })));
        let id = if keeps_the_first { json!(first) } else { sent["id"].clone() };
        let checked = bank.call("check", "alice", &json!({ "id": id, "code": bank.code("alice") }));
        assert_eq!(checked.status(), 200);
        for event in heard.lock().unwrap().iter() {
            let where_to = (event.channel, event.calling_code);
            assert_eq!(
                where_to,
                (Some(Channel::Sms), 1),
                "{:?}, the first ticket: {keeps_the_first}",
                event.kind
            );
        }
    }
}

#[test]
fn r76_events_reach_the_log_and_the_metrics() {
    let (heard, listen) = listening();
    let bank = Bank::with(listen);
    let (tape, meter) = recorded(|| {
        let (id, code) = opened(&bank, "alice");
        bank.call("check", "alice", &json!({ "id": id, "code": code }));
    });
    let audit: Vec<&String> = tape.iter().filter(|line| line.starts_with("INFO verify::audit")).collect();
    let events: Vec<Event> = heard.lock().unwrap().drain(..).collect();
    assert_eq!(audit.len(), events.len());
    for (line, event) in audit.iter().zip(&events) {
        for part in [
            format!("event={}", event.kind),
            format!("challenge={}", event.challenge),
            format!("subject={}", event.subject),
            "channel=sms".to_owned(),
            "calling_code=1".to_owned(),
        ] {
            assert!(line.contains(&part), "{part} in {line}");
        }
        let counted =
            format!("verify_events_total event={} policy=vault channel=sms calling_code=1 +1", event.kind);
        assert!(meter.contains(&counted), "{counted} in {meter:#?}");
    }
    assert!(meter.iter().any(|line| line == "verify_blocked_total policy=vault +1"), "{meter:#?}");
}

#[test]
fn r76_limits_and_store_errors_are_counted() {
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let witness = Witness::new(store.clone());
    let bank = Bank::around(clock, store, |builder| {
        let one = verify_core::Limit::of(1).per(Duration::from_secs(60));
        builder.store(witness.clone()).limits(verify_core::RequestLimits::unlimited().with_blocked(one))
    });
    let gate = bank.gate(vault());
    let (tape, meter) = recorded(|| {
        let id = id_of(&blocked(&gate, Request::get("/vault").user("alice")));
        assert_eq!(blocked(&gate, Request::get("/vault").user("alice")).status(), 429);
        witness.fail(0..u64::MAX);
        assert_eq!(bank.call("send", "alice", &json!({ "id": id })).status(), 503);
    });
    assert!(meter.iter().any(|line| line == "verify_limited_total policy=vault +1"), "{meter:#?}");
    assert!(meter.iter().any(|line| line == "verify_store_errors_total kind=Unavailable +1"), "{meter:#?}");
    assert!(tape.iter().any(|line| line.starts_with("ERROR verify ")), "{tape:#?}");
}

#[test]
fn r76_labels_are_of_few_values() {
    let bank = Bank::with(|builder| builder.budgets(Budgets::default().per_source([])));
    let (_, meter) = recorded(|| {
        for user in ["u1", "u2", "u3", "u4"] {
            let (id, code) = opened(&bank, user);
            bank.call("check", user, &json!({ "id": id, "code": code }));
            bank.advance(60);
        }
    });
    let mut lines = meter;
    lines.sort();
    lines.dedup();
    // Created, sent, delivered, verified, and blocked: no label grows with users or challenges.
    assert_eq!(lines.len(), 5, "{lines:#?}");
}
