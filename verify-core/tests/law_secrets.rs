//! What must not be seen: not in the store, and not in `Debug`.
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

use bank::{Bank, Outcome, Request, enter, json_of, phone_of};
use http::HeaderValue;
use law::{check, opened, send, step_up, ticket, vault, wrong};
use post::Post;
use sha2::{Digest, Sha256};
use verify_core::store::Key;
use verify_core::{
    Channel, Code, Contact, Decision, Delivery, FakeClock, KeyRing, MemoryStore, Message, Policy, Rotated,
    Subject,
};

/// A busy store: open, tried, resent, redeemed and locked challenges of `alice` and `bob`; and the codes that were sent.
fn busy(bank: &Bank) -> Vec<String> {
    let gate = bank.gate(vault());
    let mail =
        bank.gate(Policy::new("mail").require(verify_core::Factor::code("by-mail").over([Channel::Email])));
    let mut codes = Vec::new();
    let (id, code) = opened(bank, &gate, "alice");
    check(bank, "alice", &id, &code);
    codes.push(code);
    for user in ["alice", "bob"] {
        let (id, code) = opened(bank, &gate, user);
        check(bank, user, &id, &wrong(&code, 0));
        codes.push(code);
        assert_eq!(send(bank, user, &ticket(&mail, user)).status(), 200);
        codes.push(bank.inbox.last_code(&format!("{user}@example.com")).unwrap());
    }
    codes
}

#[test]
fn r33_a_dump_of_the_store_tells_nothing() {
    let bank = Bank::new();
    let mut secrets = busy(&bank);
    for user in ["alice", "bob"] {
        let phone = phone_of(user);
        secrets.extend([user.to_owned(), phone[1..].to_owned(), format!("{user}@example.com"), phone]);
    }
    secrets.extend(["example.com", "/vault", "open the vault", "192.0.2.1"].map(str::to_owned));
    let digests: HashSet<[u8; 16]> = secrets
        .iter()
        .map(|secret| *<[u8; 32]>::from(Sha256::digest(secret.as_bytes())).first_chunk().unwrap())
        .collect();
    let entries = bank.store.entries();
    assert!(entries.len() > 15, "{}", entries.len());
    for (key, value, _) in &entries {
        assert!(!digests.contains(key.as_bytes()), "a name is a plain hash");
        let Some(value) = value else { continue };
        for secret in &secrets {
            let found = value.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} in {value:?}");
        }
        for digest in &digests {
            assert!(!value.windows(16).any(|window| window == digest), "a value holds a plain hash");
        }
        let digits: [u8; 4] = [192, 0, 2, 1];
        assert!(!value.windows(4).any(|window| window == digits), "a value holds the source");
    }
}

/// Without the key, a dump cannot even be matched with somebody's name: other keys make other names.
#[test]
fn r33_names_in_the_store_hang_on_the_key() {
    let names = |keys: &str| -> HashSet<Key> {
        let clock = FakeClock::default();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        busy(&law::bank_under(keys, &clock, &store));
        store.entries().into_iter().map(|(key, ..)| key).collect()
    };
    let (one, two) = (format!("k1:{}", "5a".repeat(32)), format!("k1:{}", "5b".repeat(32)));
    assert!(names(&one).is_disjoint(&names(&two)));
    assert!(!names(&one).is_disjoint(&names(&one)), "and the same key finds its own again");
}

/// Compiles only while the type is neither `Display` nor `Serialize`: with either, the choice would be ambiguous.
macro_rules! prints_nowhere {
    ($($type:ty),+) => {$({
        trait Silent<Marker> { fn silent() {} }
        struct Prints;
        struct Serializes;
        impl<T: ?Sized> Silent<()> for T {}
        impl<T: ?Sized + std::fmt::Display> Silent<Prints> for T {}
        impl<T: ?Sized + serde::Serialize> Silent<Serializes> for T {}
        <$type as Silent<_>>::silent();
    })+};
}

#[test]
fn r60_secrets_have_no_display_and_no_serialize() {
    prints_nowhere!(Code, Contact, Message, Delivery, KeyRing, Subject<'static>);
}

fn is_silent(what: &str, debug: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!debug.contains(secret), "{what} prints {secret}: {debug}");
    }
}

#[test]
fn r60_debug_of_messages_is_redacted() {
    let post = Post::default();
    let bank = Bank::with(|builder| builder.courier(Channel::Sms, post.clone()));
    assert_eq!(send(&bank, "alice", &ticket(&bank.gate(vault()), "alice")).status(), 200);
    let parcel = post.last();
    let secrets = [&parcel.code, &parcel.to, &parcel.to[1..], &parcel.receipt, "bank.example"];
    is_silent("a delivery", &parcel.debug, &secrets);
    assert!(parcel.debug.contains("redacted"));
    let code = Code::chosen("a1b2c3").unwrap();
    is_silent("a code", &format!("{code:?} {:?}", Code::chosen("nope!!").unwrap_err()), &["a1b2c3", "nope"]);
    let refused = Contact::phone("+1202555O123").unwrap_err();
    is_silent("a refused number", &format!("{refused:?} {refused}"), &["1202555"]);
}

/// The token of a link is sealed, so that it tells nothing of whom it is about; and the store has none of it.
#[test]
fn r60_what_leaves_with_a_message_tells_nothing() {
    let post = Post::default();
    let bank = Bank::with(|builder| builder.courier(Channel::Email, post.clone()));
    let by_mail = Policy::new("mail").require(verify_core::Factor::code("by-mail").over([Channel::Email]));
    assert_eq!(send(&bank, "alice", &ticket(&bank.gate(by_mail), "alice")).status(), 200);
    let parcel = post.last();
    let token = parcel.text.split_once("token=").unwrap().1.split_whitespace().next().unwrap().to_owned();
    for sealed in [&token, &parcel.receipt] {
        let body = sealed.rsplit('.').next().unwrap();
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let bytes = base64::Engine::decode(&bytes, body).unwrap();
        for secret in [parcel.code.as_str(), "alice", "example.com", "by-mail"] {
            assert!(!sealed.contains(secret));
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
        for (_, value, _) in bank.store.entries() {
            let found =
                value.is_some_and(|value| value.windows(20).any(|window| window == &sealed.as_bytes()[..20]));
            assert!(!found, "the store has it");
        }
    }
}

#[test]
fn r60_debug_of_keys_people_and_the_engine_is_redacted() {
    let hex = "5a".repeat(32);
    let ring = KeyRing::parse(&format!("k1:{hex}")).unwrap();
    is_silent("a key ring", &format!("{ring:?}"), &["5a5a", "Z"]);
    let short = KeyRing::parse("k1:5a5a5a").unwrap_err();
    is_silent("a key error", &format!("{short:?} {short}"), &["5a5a"]);
    let subject = Subject::user("alice").session("s3cr3t").tenant("acme");
    is_silent("a subject", &format!("{subject:?}"), &["alice", "s3cr3t", "acme"]);
    let bank = Bank::new();
    let (id, code) = opened(&bank, &bank.gate(vault()), "alice");
    let debug = format!(
        "{:?} {:?} {:?} {:?} {:?} {:?}",
        bank.engine,
        bank.endpoints,
        bank.inbox,
        bank.store,
        bank.gate(vault()),
        verify_core::Factor::from(step_up())
    );
    is_silent("the engine", &debug, &[&code, &id, "alice", &phone_of("alice")[1..], "5a5a"]);
}

/// A request on its way to a ruling carries the ticket and the answer.
#[test]
fn r60_debug_of_an_inquiry_is_redacted() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate, "alice");
    let request = Request::get("/vault?token=t0k3n").user("alice").header("challenge-id", &id);
    let decision = gate.decide(&request.header("challenge-answer", &code));
    assert!(matches!(decision, Decision::Consult(_)));
    is_silent("an inquiry", &format!("{decision:?}"), &[&code, &id, "alice", "t0k3n"]);
}

/// A clearance and a session cookie open doors: whoever reads them in a log walks in.
#[test]
fn r60_debug_of_a_passage_is_redacted() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate, "alice");
    let request = Request::get("/vault").user("alice").header("challenge-id", &id);
    let Outcome::Passed(passage) = enter(&gate, request.header("challenge-answer", &code)) else {
        panic!("not in")
    };
    let clearance = passage.headers.iter().find(|(name, _)| name == "challenge-clearance").unwrap();
    let clearance = clearance.1.to_str().unwrap().to_owned();
    is_silent("a passage", &format!("{passage:?}"), &[&clearance]);
}

#[test]
fn r60_debug_of_an_answer_hides_its_cookies() {
    let bank = Bank::new();
    let (id, code) = opened(&bank, &bank.gate(vault()), "alice");
    let done = check(&bank, "alice", &id, &code);
    let clearance = json_of(&done)["clearance"].as_str().unwrap().to_owned();
    is_silent("the headers of an answer", &format!("{:?}", done.headers()), &[&clearance]);
}

#[test]
fn r60_debug_of_a_new_session_is_redacted() {
    let rotated = Rotated::to(Subject::user("alice").session("s3cr3t"))
        .set_cookie(HeaderValue::from_static("sid=s3cr3t; HttpOnly"));
    is_silent("a new session", &format!("{rotated:?}"), &["s3cr3t", "alice"]);
}
