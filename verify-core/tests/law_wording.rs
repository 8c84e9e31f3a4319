//! Messages hold nothing that a request could choose: address, origin, last line and channel, R55 and R61 to R64.
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

use bank::{Bank, Request, ask, blocked, enter, id_of, json_of, text_of};
use law::{LIMITED, check, send, status, step_up, ticket, told, vault};
use post::{Post, posted};
use serde_json::json;
use verify_core::{Channel, Contact, Engine, Factor, KeyRing, Origin, Policy, Subject};

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
