//! Messages: committed before they leave, named once, handed over once; a failed one keeps nobody waiting, R57, R59 and R66.
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

use std::collections::HashSet;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};

use bank::{Bank, Request, ask, json_of};
use law::{Events, USED, check, generous, send, status, step_up, ticket, told, vault, vault_of, wrong};
use post::{Mood, Post, posted};
use serde_json::{Value, json};
use verify_core::{
    Channel, Contact, CourierErrorKind, Decision, Endpoints, EventKind, Factor, Policy, Resend, Ruling,
    Subject,
};

/// What the courier sees of the challenge while it delivers.
#[test]
fn r57_state_is_committed_before_the_message_leaves() {
    let (bank, post) = posted(|builder| builder);
    let id = ticket(&bank.gate(vault()), "alice");
    let seen: Arc<Mutex<Vec<Value>>> = Arc::default();
    let endpoints: OnceLock<Endpoints> = OnceLock::from(bank.endpoints.clone());
    post.during({
        let (seen, id) = (Arc::clone(&seen), id.clone());
        move |_| {
            let request = Request::new("POST", "/challenge/status").user("alice").json(&json!({ "id": id }));
            seen.lock().unwrap().push(json_of(&ask(endpoints.get().unwrap(), request)));
        }
    });
    assert_eq!(send(&bank, "alice", &id).status(), 200);
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0]["status"], "pending");
    assert_eq!((&seen[0]["tries_left"], &seen[0]["sends_left"]), (&json!(5), &json!(2)));
}

/// Somebody who is faster than the service's answer.
#[test]
fn r57_the_code_works_from_the_moment_it_leaves() {
    let (bank, post) = posted(|builder| builder);
    let id = ticket(&bank.gate(vault()), "alice");
    let answers: Arc<Mutex<Vec<String>>> = Arc::default();
    post.during({
        let (answers, id, endpoints) = (Arc::clone(&answers), id.clone(), bank.endpoints.clone());
        move |parcel| {
            let body = json!({ "id": id, "code": parcel.code });
            let request = Request::new("POST", "/challenge/check").user("alice").json(&body);
            answers.lock().unwrap().push(told(&ask(&endpoints, request)));
        }
    });
    assert_eq!(send(&bank, "alice", &id).status(), 200);
    assert_eq!(*answers.lock().unwrap(), ["200"]);
    assert_eq!(told(&check(&bank, "alice", &id, &post.last().code)), USED);
}

/// Where answers may not tell, the message leaves after them: a failure shows in the events and costs no wait.
#[test]
fn r57_r66_a_message_leaves_after_the_answer() {
    let post = Post::default();
    let bank = Bank::with(|builder| builder.courier(Channel::Sms, post.clone()).delivery_queue(2));
    let gate = bank.gate(vault());
    let ask_for = |user: &str| {
        let body = json!({ "id": ticket(&gate, user) });
        let request = Request::new("POST", "/challenge/send").user(user).json(&body);
        let Decision::Read(inquiry, _) = bank.endpoints.decide(&request) else { panic!("reads its body") };
        bank::block_on(bank.endpoints.rule(inquiry, body.to_string().into()))
    };
    let leave = |ruling: Ruling| {
        let Ruling::RespondThen(reply, errand) = ruling else { panic!("{ruling:?}") };
        assert_eq!(reply.status(), 200);
        errand
    };
    let (first, second) = (leave(ask_for("alice")), leave(ask_for("bob")));
    assert_eq!(post.len(), 0, "nothing has left yet");
    let before = bank.store.len();
    let Ruling::Respond(full) = ask_for("carol") else { panic!("the queue is full") };
    assert_eq!((told(&full).as_str(), bank.store.len()), ("503 unavailable", before), "nothing was spent");
    assert!(bank::block_on(first.run()).is_ok());
    assert_eq!(post.len(), 1);
    post.mood(Mood::Fails(CourierErrorKind::Unavailable));
    assert_eq!(bank::block_on(second.run()), Err(CourierErrorKind::Unavailable));
    post.mood(Mood::Delivers);
    bank::block_on(leave(ask_for("bob")).run()).unwrap();
    assert_eq!(post.len(), 3, "bob did not have to wait");
    drop(leave(ask_for("carol")));
    bank::block_on(leave(ask_for("dave")).run()).unwrap();
    assert_eq!(post.len(), 4, "an errand that is dropped leaves the queue");
}

/// A courier that never answers, and a runtime that shuts down meanwhile: both are told, and neither is a dead end.
#[test]
fn r57_r59_a_courier_that_hangs_or_is_cut_off_is_told() {
    let (post, events) = (Post::default(), Events::default());
    let bank = Bank::with(|builder| builder.courier(Channel::Sms, post.clone()).on_event(events.listener()));
    let gate = bank.gate(vault());
    let errand_of = |user: &str| {
        let body = json!({ "id": ticket(&gate, user) });
        let request = Request::new("POST", "/challenge/send").user(user).json(&body);
        let Decision::Read(inquiry, _) = bank.endpoints.decide(&request) else { panic!("reads its body") };
        match bank::block_on(bank.endpoints.rule(inquiry, body.to_string().into())) {
            Ruling::RespondThen(_, errand) => errand,
            ruling => panic!("{ruling:?}"),
        }
    };
    let failed = || events.count(EventKind::DeliveryFailed);
    post.mood(Mood::Hangs);
    let late = bank::block_on(errand_of("alice").run_within(std::future::ready(())));
    assert_eq!((late, failed()), (Err(CourierErrorKind::Unavailable), 1));
    let mut running = Box::pin(errand_of("alice").run());
    assert!(
        running.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending(),
        "at once, and it hangs"
    );
    assert_eq!(failed(), 1, "nothing is known yet");
    drop(running);
    assert_eq!(failed(), 2);
    drop(errand_of("bob"));
    assert_eq!(failed(), 3, "not even begun");
    bank.advance(61);
    post.mood(Mood::Delivers);
    for user in ["alice", "bob"] {
        assert!(bank::block_on(errand_of(user).run_within(std::future::pending())).is_ok(), "after the wait");
    }
    assert_eq!((failed(), events.count(EventKind::Delivered)), (3, 2), "each once");
}

#[test]
fn r57_r59_a_failed_delivery_costs_a_message_and_no_wait() {
    let (bank, post) = posted(|builder| builder);
    let id = ticket(&bank.gate(vault()), "alice");
    post.mood(Mood::Fails(CourierErrorKind::Unavailable));
    let failed = send(&bank, "alice", &id);
    assert_eq!(told(&failed), "503 unavailable");
    assert!(law::retry_after(&failed) >= 1);
    let standing = status(&bank, "alice", &id);
    assert_eq!((&standing["status"], &standing["tries_left"]), (&json!("pending"), &json!(5)));
    assert_eq!(standing["sends_left"], 2);
    post.mood(Mood::Delivers);
    assert_eq!(told(&send(&bank, "alice", &id)), "200", "at once");
    assert_eq!(post.len(), 2);
    assert_ne!(post.parcels()[0].id, post.parcels()[1].id, "another message");
    assert_eq!(told(&check(&bank, "alice", &id, &post.last().code)), "200");
}

#[test]
fn r57_failures_cannot_be_used_to_send_without_end() {
    let (bank, post) = posted(|builder| builder);
    let gate = bank.gate(vault());
    post.mood(Mood::Fails(CourierErrorKind::Unavailable));
    let id = ticket(&gate, "alice");
    for _ in 0..10 {
        send(&bank, "alice", &id);
        send(&bank, "alice", &ticket(&gate, "alice"));
    }
    assert_eq!(post.len(), 3, "a challenge hands over three messages, delivered or not");
}

#[test]
fn r59_a_refused_address_leaves_the_other_channel() {
    let (bank, post) = posted(|builder| builder);
    let id = ticket(&bank.gate(vault()), "alice");
    post.mood(Mood::Fails(CourierErrorKind::Refused));
    let refused = bank.call("send", "alice", &json!({ "id": id, "channel": "sms" }));
    assert_eq!(told(&refused), "400 validation_error");
    assert_eq!(json_of(&refused)["recoverable"], true);
    post.mood(Mood::Delivers);
    let sent = bank.call("send", "alice", &json!({ "id": id, "channel": "email" }));
    assert_eq!(sent.status(), 200, "{sent:?}");
    assert_eq!((post.last().channel, post.last().to.as_str()), (Channel::Email, "alice@example.com"));
    assert_eq!(told(&check(&bank, "alice", &id, &post.last().code)), "200");
}

/// Nobody has to wait for a message that never left, whoever else has the same telephone.
#[test]
fn r59_a_failed_delivery_keeps_nobody_else_waiting() {
    let (bank, post) =
        posted(|builder| builder.contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok()));
    let gate = bank.gate(vault_of(step_up().over([Channel::Sms])));
    post.mood(Mood::Fails(CourierErrorKind::Unavailable));
    assert_eq!(told(&send(&bank, "alice", &ticket(&gate, "alice"))), "503 unavailable");
    post.mood(Mood::Delivers);
    assert_eq!(told(&send(&bank, "bob", &ticket(&gate, "bob"))), "200");
}

#[test]
fn r57_a_message_is_handed_over_once() {
    let (bank, post) = posted(|builder| builder);
    let id = ticket(&bank.gate(vault()), "alice");
    for _ in 0..5 {
        assert_eq!(send(&bank, "alice", &id).status(), 200);
    }
    assert_eq!(post.len(), 1);
}

/// The client gave up while the service was slow: the message may have left, so it is not sent again.
#[test]
fn r57_hanging_up_during_a_delivery_sends_nothing_twice() {
    let (bank, post) = posted(|builder| builder);
    let id = ticket(&bank.gate(vault()), "alice");
    post.mood(Mood::Hangs);
    let body = json!({ "id": id });
    let request = Request::new("POST", "/challenge/send").user("alice").json(&body);
    let Decision::Read(inquiry, _) = bank.endpoints.decide(&request) else { panic!("reads its body") };
    {
        let mut ruling = pin!(bank.endpoints.rule(inquiry, body.to_string().into()));
        assert!(matches!(ruling.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
    }
    post.mood(Mood::Delivers);
    assert_eq!(told(&send(&bank, "alice", &id)), "200", "the same wish");
    assert_eq!(post.len(), 1);
    assert_eq!(told(&check(&bank, "alice", &id, &wrong(&post.last().code, 0))), law::WRONG);
    assert_eq!(told(&check(&bank, "alice", &id, &post.last().code)), "200");
}

#[test]
fn r57_each_message_has_a_name_of_its_own() {
    let (bank, post) = posted(|builder| builder.budgets(generous()));
    let same = bank.gate(vault());
    let fresh = Factor::code("fresh").over([Channel::Email]).resend(Resend::FreshCode);
    let fresh = bank.gate(Policy::new("fresh").require(fresh));
    for user in ["alice", "bob", "carol"] {
        for gate in [&same, &fresh] {
            let id = ticket(gate, user);
            for _ in 0..3 {
                assert_eq!(send(&bank, user, &id).status(), 200);
            }
        }
    }
    let ids: HashSet<String> = post.parcels().into_iter().map(|parcel| parcel.id).collect();
    assert_eq!(ids.len(), 18);
    assert!(
        ids.iter().all(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())),
        "{ids:?}"
    );
}

#[test]
fn r57_a_message_says_until_when_it_is_worth_sending() {
    let (bank, post) = posted(|builder| builder);
    let id = ticket(&bank.gate(vault()), "alice");
    assert_eq!(send(&bank, "alice", &id).status(), 200);
    bank.advance(30);
    assert_eq!(send(&bank, "alice", &id).status(), 200);
    let start = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    for (parcel, after) in post.parcels().iter().zip([0, 30]) {
        assert_eq!(parcel.sent_at, start + Duration::from_secs(after));
        assert_eq!(parcel.expires_at, start + Duration::from_secs(300), "a resend moves no deadline");
    }
}
