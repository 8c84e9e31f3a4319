//! The ladder of channels: one code and one budget, and the next channel where one does not deliver.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/law.rs"]
mod law;
#[path = "support/post.rs"]
mod post;

use std::time::Duration;

use bank::{Bank, block_on, json_of};
use law::{Events, LIMITED, check, generous, send, ticket, told, vault_of};
use post::{Mood, Post};
use serde_json::json;
use verify_core::{
    Channel, CodeFactor, CourierErrorKind, Decision, EngineBuilder, EventKind, Factor, MissingContacts,
    Ruling,
};

use Channel::{Email, Sms, Voice};

fn ladder() -> CodeFactor {
    Factor::code("step-up").over([Sms, Voice, Email])
}

fn posted(change: impl FnOnce(EngineBuilder) -> EngineBuilder) -> (Bank, Post, Events) {
    let (post, events) = (Post::default(), Events::default());
    let bank = Bank::with(|builder| {
        let builder = [Sms, Voice, Email]
            .into_iter()
            .fold(builder, |builder, channel| builder.courier(channel, post.clone()));
        change(builder.on_event(events.listener()))
    });
    (bank, post, events)
}

fn channels(post: &Post) -> Vec<Channel> {
    post.parcels().iter().map(|parcel| parcel.channel).collect()
}

/// Sends, and runs what is left to do after the answer.
fn send_and_run(bank: &Bank, user: &str, id: &str) -> serde_json::Value {
    let request = bank::Request::new("POST", "/challenge/send").user(user).json(&json!({ "id": id }));
    let body = bytes::Bytes::from(json!({ "id": id }).to_string());
    let Decision::Read(inquiry, _) = bank.endpoints.decide(&request) else { panic!("no body is asked for") };
    match block_on(bank.endpoints.rule(inquiry, body)) {
        Ruling::Respond(reply) => json_of(&reply),
        Ruling::RespondThen(reply, errand) => {
            let _ = block_on(errand.run());
            json_of(&reply)
        }
        Ruling::Allow(_) => panic!("an endpoint allows nothing"),
    }
}

#[test]
fn r59_a_channel_that_will_never_deliver_gives_way_to_the_next_with_the_same_code() {
    let (bank, post, events) = posted(|builder| builder.missing_contacts(MissingContacts::Tell));
    post.refuses([Sms, Voice]);
    let sent = send(&bank, "alice", &ticket(&bank.gate(vault_of(ladder())), "alice"));
    assert_eq!(told(&sent), "200");
    assert_eq!(json_of(&sent)["channel"], "email", "the answer says where it went in the end");
    assert_eq!(channels(&post), [Sms, Voice, Email]);
    let codes: Vec<_> = post.parcels().iter().map(|parcel| parcel.code.clone()).collect();
    assert!(codes.iter().all(|code| *code == codes[0]), "one code");
    assert_eq!((events.count(EventKind::Created), events.count(EventKind::DeliveryFailed)), (1, 2));
    let id = json_of(&sent)["id"].as_str().unwrap().to_owned();
    assert_eq!(told(&check(&bank, "alice", &id, &codes[0])), "200");
}

#[test]
fn r59_r71_where_answers_hide_the_ladder_is_climbed_after_them() {
    let (bank, post, events) = posted(|builder| builder);
    let gate = bank.gate(vault_of(ladder()));
    post.refuses([Sms, Voice]);
    let known = send_and_run(&bank, "alice", &ticket(&gate, "alice"));
    let unknown = send_and_run(&bank, "nobody", &ticket(&gate, "nobody"));
    let names = |answer: &serde_json::Value| answer.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!((names(&known), &known["channel"]), (names(&unknown), &unknown["channel"]));
    assert_eq!(channels(&post), [Sms, Voice, Email]);
    assert_eq!(events.count(EventKind::Delivered), 1);
    let id = known["id"].as_str().unwrap();
    assert_eq!(told(&check(&bank, "alice", id, &post.last().code)), "200");
}

#[test]
fn r59_all_channels_share_the_sends_of_the_challenge() {
    let (bank, post, _) = posted(|builder| builder.missing_contacts(MissingContacts::Tell));
    post.refuses([Sms, Voice, Email]);
    let gate = bank.gate(vault_of(ladder().sends(2)));
    let refused = send(&bank, "alice", &ticket(&gate, "alice"));
    assert_eq!(told(&refused), LIMITED, "two messages were tried, and there are no more");
    assert_eq!(channels(&post), [Sms, Voice]);
}

#[test]
fn r59_whoever_asks_for_a_channel_by_name_gets_that_one_or_is_told() {
    let (bank, post, _) = posted(|builder| builder.missing_contacts(MissingContacts::Tell));
    post.refuses([Voice]);
    let id = ticket(&bank.gate(vault_of(ladder())), "alice");
    let refused = bank.call("send", "alice", &json!({ "id": id, "channel": "voice" }));
    assert_eq!(told(&refused), "400 validation_error");
    assert_eq!(channels(&post), [Voice]);
    let sent = bank.call("send", "alice", &json!({ "id": id, "channel": "email" }));
    assert_eq!(json_of(&sent)["channel"], "email", "and the wait for it was given back");
}

#[test]
fn r59_a_service_that_is_down_is_no_reason_to_climb() {
    let (bank, post, _) = posted(|builder| builder.missing_contacts(MissingContacts::Tell));
    post.mood(Mood::Fails(CourierErrorKind::Unavailable));
    let refused = send(&bank, "alice", &ticket(&bank.gate(vault_of(ladder())), "alice"));
    assert_eq!(told(&refused), "503 unavailable");
    assert_eq!(channels(&post), [Sms], "it may have arrived all the same");
}

#[test]
fn a_message_that_is_under_way_for_too_long_is_followed_over_the_next_channel() {
    let (bank, post, _) =
        posted(|builder| builder.missing_contacts(MissingContacts::Tell).budgets(generous()));
    let gate = bank.gate(vault_of(ladder().sends(5).fallback_after(Duration::from_secs(60))));
    let mut id = ticket(&gate, "alice");
    for (wait, channel) in [(0, "sms"), (59, "sms"), (60, "voice"), (60, "email"), (60, "email")] {
        bank.advance(wait);
        let sent = send(&bank, "alice", &id);
        assert_eq!(
            (told(&sent).as_str(), &json_of(&sent)["channel"]),
            ("200", &json!(channel)),
            "after {wait} s"
        );
        id = json_of(&sent)["id"].as_str().unwrap().to_owned();
    }
    let codes: std::collections::HashSet<_> = post.parcels().into_iter().map(|parcel| parcel.code).collect();
    assert_eq!(codes.len(), 1, "whichever message arrives, its code is right");
}

/// Sends, and leaves what is to be done after the answer.
fn send_and_leave(bank: &Bank, user: &str, id: &str) -> (serde_json::Value, verify_core::Errand) {
    let request = bank::Request::new("POST", "/challenge/send").user(user).json(&json!({ "id": id }));
    let body = bytes::Bytes::from(json!({ "id": id }).to_string());
    let Decision::Read(inquiry, _) = bank.endpoints.decide(&request) else { panic!("no body is asked for") };
    let Ruling::RespondThen(reply, errand) = block_on(bank.endpoints.rule(inquiry, body)) else {
        panic!("something is left to do")
    };
    (json_of(&reply), *errand)
}

/// Whoever has cancelled or answered while the first message was under way wants no other.
#[test]
fn r59_a_challenge_that_is_over_is_not_climbed_for() {
    for answers in [false, true] {
        let (bank, post, events) = posted(|builder| builder.budgets(generous()));
        let gate = bank.gate(vault_of(ladder()));
        // The code is known from a message before.
        let first = send_and_run(&bank, "alice", &ticket(&gate, "alice"));
        let code = post.last().code;
        bank.advance(60);
        post.refuses([Sms, Voice]);
        let (sent, errand) = send_and_leave(&bank, "alice", first["id"].as_str().unwrap());
        let id = sent["id"].as_str().unwrap();
        if answers {
            assert_eq!(told(&check(&bank, "alice", id, &code)), "200");
        } else {
            assert_eq!(bank.call("cancel", "alice", &json!({ "id": id })).status(), 200);
        }
        assert!(block_on(errand.run()).is_err());
        assert_eq!(channels(&post), [Sms, Sms], "answers: {answers}");
        assert_eq!(events.count(EventKind::Created), 1, "no challenge is reborn");
    }
}

/// A step that cannot be taken is told: nobody waits for it.
#[test]
fn r59_a_step_that_fails_is_told() {
    let clock = verify_core::FakeClock::default();
    let store = bank::Witness::new(verify_core::MemoryStore::builder().clock(clock.clone()).build());
    let failing = store.clone();
    let (bank, post, events) = posted(|builder| builder.clock(clock).store(store));
    post.refuses([Sms]);
    post.during(move |_| failing.fail(1..u64::from(u32::MAX)));
    let (_, errand) = send_and_leave(&bank, "alice", &ticket(&bank.gate(vault_of(ladder())), "alice"));
    assert!(block_on(errand.run()).is_err());
    assert_eq!(channels(&post), [Sms]);
    let failed = events.all().into_iter().filter(|event| event.kind == EventKind::DeliveryFailed);
    let failed: Vec<_> = failed.map(|event| event.channel).collect();
    assert_eq!(failed, [Some(Sms), Some(Voice)]);
}

/// What a service says later: the next message goes over the next channel, and at once.
#[test]
fn r59_after_a_lost_message_the_next_channel_comes_at_once() {
    use verify_core::{Fate, Resend};
    for hides in [false, true] {
        let missing = if hides { MissingContacts::Hide } else { MissingContacts::Tell };
        let (bank, post, _) = posted(|builder| {
            let budgets = verify_core::Budgets::default().idempotent_window(Duration::from_secs(10));
            builder.missing_contacts(missing).budgets(budgets)
        });
        let gate = bank.gate(vault_of(ladder().resend(Resend::SameCode)));
        let ask = |id: &str| send_and_run(&bank, "alice", id);
        let first = ask(&ticket(&gate, "alice"));
        let id = first["id"].as_str().unwrap();
        bank.advance(15);
        assert_eq!(told(&send(&bank, "alice", id)), LIMITED, "hides: {hides}");
        let lost = block_on(bank.engine.receive(&post.last().receipt, Fate::Lost));
        assert_eq!(lost.unwrap(), verify_core::ReceiptOutcome::Recorded);
        if hides {
            assert_eq!(told(&send(&bank, "alice", id)), LIMITED, "no answer may tell");
            continue;
        }
        let by_name = bank.call("send", "alice", &json!({ "id": id, "channel": "sms" }));
        assert_eq!(told(&by_name), LIMITED, "whoever asks for the lost one waits for it");
        let next = ask(id);
        assert_eq!(next["channel"], "voice");
        assert_eq!(channels(&post), [Sms, Voice]);
        let again = send(&bank, "alice", next["id"].as_str().unwrap());
        assert_eq!((told(&again), json_of(&again)["channel"].clone()), ("200".to_owned(), json!("voice")));
        assert_eq!(channels(&post), [Sms, Voice], "the same wish once more, and one message");
        bank.advance(15);
        assert_eq!(told(&send(&bank, "alice", next["id"].as_str().unwrap())), LIMITED, "given back once");
        assert_eq!(told(&check(&bank, "alice", id, &post.last().code)), "200");
    }
}

/// Hundreds of rounds: of many that come after a lost message, one leaves.
#[test]
fn r59_of_many_sends_after_a_lost_message_one_leaves() {
    use verify_core::Fate;
    for _ in 0..200 {
        let (bank, post, _) = posted(|builder| builder.missing_contacts(MissingContacts::Tell));
        let first = send(&bank, "alice", &ticket(&bank.gate(vault_of(ladder())), "alice"));
        let id = json_of(&first)["id"].as_str().unwrap().to_owned();
        block_on(bank.engine.receive(&post.last().receipt, Fate::Lost)).unwrap();
        bank.advance(15);
        law::together(6, |_| told(&send(&bank, "alice", &id)));
        assert_eq!(channels(&post), [Sms, Voice]);
    }
}
