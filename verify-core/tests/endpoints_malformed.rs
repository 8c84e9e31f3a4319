//! Whatever is malformed, in any order: it is refused and costs nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/fuzz.rs"]
mod fuzz;

use bank::{Bank, Request, blocked, id_of, json_of, other_than};
use fuzz::{bank, body, json_value, run};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use verify_core::{Gate, Reply};

/// A request that is refused for its form, and what it gets.
#[derive(Clone, Debug)]
enum Malformed {
    Body(Vec<u8>),
    Code(Value),
    Member(String, Value),
    TwoAnswers,
    BrokenOff(prop::sample::Index),
    ContentType(Vec<u8>),
    Encoded,
    Method(&'static str),
    Foreign(&'static str, &'static str),
    AnothersTicket(String),
    BentTicket(prop::sample::Index, u8),
    FieldTwice(&'static str),
    TooLarge,
    AtTheGate(Inline),
}

#[derive(Clone, Debug)]
enum Inline {
    NoId,
    NoAnswer,
    Typed(String),
    Bytes,
    Foreign,
    AnothersTicket,
    FormFieldTwice,
    FormTyped(String),
}

/// Typed text that cannot be a code, whatever is dropped from it.
fn no_code() -> impl Strategy<Value = String> {
    let typed = prop_oneof![
        ".{0,70}",
        "[0-9 \\-]{0,3}",
        "[0-9]{11,80}",
        "[0-9]{5}[^0-9a-zA-Z\\-\\s]",
        "[0-9]{6}\u{200b}"
    ];
    typed.prop_filter("it is a code", |text: &String| {
        let kept: Vec<char> = text.chars().filter(|c| !c.is_ascii_whitespace() && *c != '-').collect();
        let is_code = (4..=10).contains(&kept.len()) && kept.iter().all(char::is_ascii_alphanumeric);
        !is_code || text.len() > 64
    })
}

fn malformed() -> impl Strategy<Value = Malformed> {
    let methods = select(&["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post"][..]);
    let foreign = select(
        &[
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "null"),
            ("origin", "https://evil.example"),
            ("referer", "https://evil.example/"),
        ][..],
    );
    let no_json_type = prop_oneof![
        select(&["", "text/plain", "application/xml", "multipart/form-data"][..])
            .prop_map(|kind| kind.as_bytes().to_vec()),
        vec(any::<u8>(), 0..30)
    ];
    let no_code_value =
        json_value().prop_filter("it is text or absent", |value| !value.is_string() && !value.is_null());
    let twice = select(&["challenge-id", "challenge-answer"][..]);
    let inline = prop_oneof![
        Just(Inline::NoId),
        Just(Inline::NoAnswer),
        no_code().prop_map(Inline::Typed),
        Just(Inline::Bytes),
        Just(Inline::Foreign),
        Just(Inline::AnothersTicket),
        Just(Inline::FormFieldTwice),
        no_code().prop_map(Inline::FormTyped),
    ];
    prop_oneof![
        // Any bytes: a genuine ticket is not among them.
        body().prop_map(Malformed::Body),
        prop_oneof![no_code().prop_map(Value::from), no_code_value].prop_map(Malformed::Code),
        ("[a-z_]{5,12}", json_value()).prop_map(|(name, value)| Malformed::Member(name, value)),
        Just(Malformed::TwoAnswers),
        any::<prop::sample::Index>().prop_map(Malformed::BrokenOff),
        no_json_type.prop_map(Malformed::ContentType),
        Just(Malformed::Encoded),
        methods.prop_map(Malformed::Method),
        foreign.prop_map(|(name, value)| Malformed::Foreign(name, value)),
        "[a-z]{1,8}".prop_map(Malformed::AnothersTicket),
        (any::<prop::sample::Index>(), 0..7_u8).prop_map(|(at, bit)| Malformed::BentTicket(at, bit)),
        twice.prop_map(Malformed::FieldTwice),
        Just(Malformed::TooLarge),
        inline.prop_map(Malformed::AtTheGate),
    ]
}

/// An open challenge of `alice`, and a wrong code that would cost a try if it were looked at.
struct Open<'b> {
    bank: &'b Bank,
    gate: &'b Gate,
    user: String,
    id: String,
    wrong: String,
}

impl Open<'_> {
    fn post(&self) -> Request {
        Request::new("POST", "/challenge/check").user(&self.user)
    }

    fn guess(&self) -> Value {
        json!({ "id": self.id, "code": self.wrong })
    }

    /// Does it, and says what came of it.
    fn try_out(&self, malformed: &Malformed) -> Option<Reply> {
        let request = match malformed {
            Malformed::Body(body) => {
                self.post().header("content-type", "application/json").body(body.clone())
            }
            Malformed::Code(code) => self.post().json(&json!({ "id": self.id, "code": code })),
            Malformed::Member(name, value) => {
                let mut call = self.guess();
                call[name] = value.clone();
                if matches!(name.as_str(), "token" | "channel") {
                    return None;
                }
                self.post().json(&call)
            }
            Malformed::TwoAnswers => {
                self.post().json(&json!({ "id": self.id, "code": self.wrong, "token": "e30=" }))
            }
            Malformed::BrokenOff(at) => {
                let whole = self.guess().to_string();
                let broken = whole[..at.index(whole.len())].to_owned();
                self.post().header("content-type", "application/json").body(broken)
            }
            Malformed::ContentType(kind) => {
                self.post().header("content-type", kind).body(self.guess().to_string())
            }
            Malformed::Encoded => self.post().header("content-encoding", "gzip").json(&self.guess()),
            Malformed::Method(method) => {
                Request::new(method, "/challenge/check").user(&self.user).json(&self.guess())
            }
            Malformed::Foreign(name, value) => self.post().header(name, value).json(&self.guess()),
            Malformed::AnothersTicket(other) => {
                let other = format!("other-{other}");
                Request::new("POST", "/challenge/check").user(&other).json(&self.guess())
            }
            Malformed::BentTicket(at, bit) => {
                let mut bent = self.id.clone().into_bytes();
                let at = at.index(bent.len());
                bent[at] ^= 1 << bit;
                let bent = String::from_utf8_lossy(&bent).into_owned();
                self.post().json(&json!({ "id": bent, "code": self.wrong }))
            }
            Malformed::FieldTwice(name) => {
                let twice = if *name == "challenge-id" { &self.id } else { &self.wrong };
                let form = format!("challenge-id={}&challenge-answer={}&{name}={twice}", self.id, self.wrong);
                self.post().form(form)
            }
            Malformed::TooLarge => {
                let padded = format!("{}{}", self.guess(), " ".repeat(64 * 1024));
                self.post().header("content-type", "application/json").body(padded)
            }
            Malformed::AtTheGate(inline) => return Some(self.at_the_gate(inline)),
        };
        Some(self.bank.ask(request))
    }

    fn at_the_gate(&self, inline: &Inline) -> Reply {
        let (id, wrong) = (self.id.as_str(), self.wrong.as_str());
        let get = || Request::get("/vault").user(&self.user);
        let form = |body: String| Request::new("POST", "/vault").user(&self.user).browser().form(body);
        let request = match inline {
            Inline::NoId => get().header("challenge-answer", wrong),
            Inline::NoAnswer => get().header("challenge-id", id),
            Inline::Typed(typed) => get().header("challenge-id", id).header("challenge-answer", typed),
            Inline::Bytes => get().header("challenge-id", id).header("challenge-answer", b"\xff12345"),
            Inline::Foreign => {
                let request = get().header("challenge-id", id).header("challenge-answer", wrong);
                request.header("origin", "https://evil.example")
            }
            Inline::AnothersTicket => Request::get("/vault")
                .user("other")
                .header("challenge-id", id)
                .header("challenge-answer", wrong),
            Inline::FormFieldTwice => {
                form(format!("challenge-id={id}&challenge-answer={wrong}&challenge-answer={wrong}"))
            }
            Inline::FormTyped(typed) => {
                let encoded: String = typed.bytes().map(|byte| format!("%{byte:02x}")).collect();
                form(format!("a=b&challenge-id={id}&challenge-answer={encoded}"))
            }
        };
        blocked(self.gate, request)
    }
}

#[test]
fn r49_a_malformed_request_never_spends_a_try() {
    let (bank, gate) = bank();
    let serial = std::cell::Cell::new(0);
    // More malformed requests than the challenge has tries: if each cost one, the right code would come too late.
    run(400, &vec(malformed(), 6..16), |requests| {
        serial.set(serial.get() + 1);
        let user = format!("user-{}", serial.get());
        let id = id_of(&blocked(&gate, Request::get("/vault").user(&user)));
        let sent = bank.call("send", &user, &json!({ "id": id }));
        prop_assert_eq!(sent.status(), 200);
        let code = bank.inbox.last_code(&format!("{user}@example.com")).unwrap();
        let open = Open { bank: &bank, gate: &gate, user, id, wrong: other_than(&code) };
        for malformed in &requests {
            let Some(reply) = open.try_out(malformed) else { continue };
            prop_assert!(
                reply.status().is_client_error() || reply.status() == 200,
                "{malformed:?}: {reply:?}"
            );
            prop_assert!(!reply.headers().contains_key("challenge-clearance"), "{malformed:?}: {reply:?}");
        }
        let standing = json_of(&bank.call("status", &open.user, &json!({ "id": open.id })));
        prop_assert_eq!(&standing["tries_left"], 5);
        let right = bank.call("check", &open.user, &json!({ "id": open.id, "code": code }));
        prop_assert_eq!(right.status(), 200);
        Ok(())
    });
}
