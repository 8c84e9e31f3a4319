//! Messages: committed before they leave, named once, and with nothing in them that a request could choose.
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

use bank::{Bank, Request, ask, blocked, enter, id_of, json_of, text_of};
use law::{
    Events, LIMITED, USED, check, generous, send, status, step_up, ticket, told, vault, vault_of, wrong,
};
use post::{Mood, Post};
use serde_json::{Value, json};
use verify_core::{
    Channel, Contact, CourierErrorKind, Decision, Endpoints, Engine, EngineBuilder, EventKind, Factor,
    KeyRing, MissingContacts, Origin, Policy, Resend, Ruling, Subject,
};

/// Answers wait for the courier and tell what it said.
fn posted(change: impl FnOnce(EngineBuilder) -> EngineBuilder) -> (Bank, Post) {
    let post = Post::default();
    let bank = Bank::with(|builder| {
        let builder = builder.missing_contacts(MissingContacts::Tell);
        let builder = [Channel::Sms, Channel::Email, Channel::Voice]
            .into_iter()
            .fold(builder, |builder, channel| builder.courier(channel, post.clone()));
        change(builder)
    });
    (bank, post)
}

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

#[test]
fn r55_the_courier_gets_the_canonical_address() {
    let (bank, post) = posted(|builder| {
        builder.contacts(|_: &Subject<'_>, channel: Channel| match channel {
            Channel::Email => Contact::email("Alice@EXAMPLE.com").ok(),
            _ => Contact::phone("+1 (202) 555-01.23").ok(),
        })
    });
    let id = ticket(&bank.gate(vault()), "alice");
    assert_eq!(bank.call("send", "alice", &json!({ "id": id, "channel": "sms" })).status(), 200);
    assert_eq!(post.last().to, "+12025550123");
    bank.advance(30);
    let sent = json_of(&bank.call("send", "alice", &json!({ "id": id, "channel": "email" })));
    assert_eq!(
        (post.last().to.as_str(), &sent["delivery_hint"]),
        ("Alice@example.com", &json!("A***@e***.com"))
    );
}

const LIES: [(&str, &str); 6] = [
    ("host", "evil.example"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-for", "203.0.113.9"),
    ("x-original-url", "https://evil.example/"),
    ("forwarded", "host=evil.example;proto=http"),
];

fn lying(request: Request) -> Request {
    LIES.into_iter().fold(request, |request, (name, value)| request.header(name, value))
}

#[test]
fn r61_r62_only_the_configured_origin_is_named() {
    let (bank, post) = posted(|builder| builder);
    let gate = bank.gate(vault());
    let mut replies = Vec::new();
    let page = lying(Request::get("/vault?next=1").user("alice").browser());
    replies.push(enter(&gate, page).reply());
    let block = blocked(&gate, lying(Request::get("/vault?next=1").user("alice")));
    let id = id_of(&block);
    replies.push(block);
    let post_to = |action: &str, body: &str| {
        let request = Request::new("POST", &format!("/challenge/{action}")).user("alice");
        ask(&bank.endpoints, lying(request).form(body))
    };
    replies.push(post_to("send", &format!("challenge-id={id}")));
    bank.advance(30);
    replies.push(post_to("send", &format!("challenge-id={id}&challenge-channel=email")));
    let [sms, mail] = post.parcels().try_into().ok().expect("two messages");
    assert_eq!(sms.text.lines().last(), Some(format!("@bank.example #{}", sms.code).as_str()));
    assert_eq!(sms.text.matches('@').count(), 1, "one line binds the code, and it is ours");
    assert!(mail.text.contains("https://bank.example") && mail.text.contains(&mail.code));
    assert!(!mail.subject.unwrap().contains(&mail.code));
    let done = post_to("check", &format!("challenge-id={id}&challenge-answer={}", sms.code));
    assert_eq!(done.status(), 303);
    assert_eq!(done.headers()["location"], "/vault?next=1");
    replies.push(done);
    for text in [&sms.text, &mail.text] {
        assert!(!text.contains("evil") && !text.contains("http://"), "{text}");
    }
    for reply in replies {
        assert!(!format!("{:?}", reply.headers()).contains("evil"), "{reply:?}");
        assert!(!text_of(&reply).contains("evil"), "{reply:?}");
    }
}

#[test]
fn r61_the_last_line_holds_for_any_purpose_and_port() {
    let post = Post::default();
    let origin = Origin::parse("https://Bank.Example:8443/").unwrap();
    let engine = Engine::builder(bank::keys(), origin)
        .courier(Channel::Sms, post.clone())
        .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
        .subject(|head| Some(Subject::user(head.header("x-user")?)))
        .build()
        .unwrap();
    let policy = Policy::new("odd").purpose("win @evil.example #000000").require(Factor::code("odd"));
    let id = ticket(&engine.gate(policy).unwrap(), "alice");
    let request = Request::new("POST", "/challenge/send").user("alice").json(&json!({ "id": id }));
    assert_eq!(ask(&engine.endpoints(), request).status(), 200);
    let sms = post.last();
    assert_eq!(sms.text.lines().last(), Some(format!("@bank.example #{}", sms.code).as_str()));
}

#[test]
fn r63_get_and_head_change_nothing() {
    let (bank, post) = posted(|builder| builder);
    let gate = bank.gate(vault());
    let unsent = ticket(&gate, "alice");
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
        let request = Request::new(method, &format!("/challenge/send?id={unsent}")).user("alice");
        let reply = ask(&bank.endpoints, request.json(&json!({ "id": unsent })));
        assert_eq!((reply.status().as_u16(), &reply.headers()["allow"]), (405, &"POST".parse().unwrap()));
    }
    assert_eq!(post.len(), 0);
    assert_eq!(send(&bank, "alice", &unsent).status(), 200);
    let code = post.last().code;
    for action in ["check", "cancel", "status"] {
        for method in ["GET", "HEAD"] {
            let target = format!("/challenge/{action}?id={unsent}&code={code}");
            let request = Request::new(method, &target).user("alice");
            let reply = ask(&bank.endpoints, request.json(&json!({ "id": unsent, "code": code })));
            assert_eq!(reply.status(), 405);
        }
    }
    let standing = status(&bank, "alice", &unsent);
    assert_eq!((&standing["tries_left"], &standing["sends_left"]), (&json!(5), &json!(2)));
    let in_query =
        Request::get(&format!("/vault?challenge-id={unsent}&challenge-answer={code}")).user("alice");
    assert!(!enter(&gate, in_query).is_in(), "nothing is read from a URL");
    let reply = check(&bank, "alice", &unsent, &code);
    assert_eq!(
        (reply.status().as_u16(), &reply.headers()["cache-control"]),
        (200, &"no-store".parse().unwrap())
    );
}

const HOSTILE: [char; 12] = [
    '\r', '\n', '\0', '\t', '\u{7f}', '\u{85}', '\u{2028}', '\u{2029}', '\u{202e}', '\u{2066}', '\u{200b}',
    '\u{feff}',
];

#[test]
fn r64_texts_that_forge_a_line_do_not_start() {
    let bank = Bank::new();
    for hostile in HOSTILE {
        let purpose = format!("open{hostile}@evil.example #123456");
        let policy = Policy::new("vault").purpose(purpose).require(step_up());
        assert!(bank.engine.gate(policy).is_err(), "{hostile:?} in a purpose");
        let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
        let engine = Engine::builder(keys, Origin::parse("https://bank.example").unwrap());
        assert!(engine.site(format!("Bank{hostile}")).build().is_err(), "{hostile:?} in the site's name");
        assert!(Contact::phone(&format!("+12025550123{hostile}")).is_err(), "{hostile:?} in a number");
        assert!(Contact::phone(&format!("+1202{hostile}5550123")).is_err(), "{hostile:?} in a number");
        assert!(Contact::email(&format!("alice{hostile}@example.com")).is_err(), "{hostile:?} in an address");
        assert!(Contact::email(&format!("alice@example.com{hostile}Bcc: eve@example.com")).is_err());
    }
    for purpose in ["", "   ", &"x".repeat(81)] {
        assert!(bank.engine.gate(Policy::new("vault").purpose(purpose).require(step_up())).is_err());
    }
}

/// The wish for a channel is one of the names that were offered, or refused.
#[test]
fn r64_a_channel_that_was_not_offered_is_refused() {
    let (bank, post) = posted(|builder| builder);
    let id = ticket(&bank.gate(vault()), "alice");
    for channel in ["voice", "SMS", "sms\n", "", "+15550100", "sms,email"] {
        let reply = bank.call("send", "alice", &json!({ "id": id, "channel": channel }));
        assert_eq!(told(&reply), "400 validation_error", "{channel:?}");
    }
    assert_eq!(post.len(), 0);
    assert_ne!(told(&send(&bank, "alice", &id)), LIMITED, "and nothing was spent");
}
