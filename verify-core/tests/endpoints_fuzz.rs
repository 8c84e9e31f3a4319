//! Whatever arrives: nothing panics, every answer is one of those documented, and what is malformed costs nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;

use bank::{Bank, Outcome, Request, blocked, enter, id_of, json_of, other_than};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use verify_core::{Budgets, Channel, Factor, Gate, Policy, Reply, any_of};

const CODES: [&str; 14] = [
    "validation_error",
    "challenge_required",
    "challenge_failed",
    "already_used",
    "session_expired",
    "rate_limited",
    "unavailable",
    "origin_not_allowed",
    "not_found",
    "method_not_allowed",
    "unsupported_media_type",
    "too_large",
    "misconfigured",
    "binding_mismatch",
];

const METHODS: [&str; 12] = [
    "GET", "HEAD", "POST", "POST", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "B\u{fc}",
];

const NAMES: [&str; 16] = [
    "accept",
    "access-control-request-method",
    "challenge-answer",
    "challenge-clearance",
    "challenge-id",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "forwarded",
    "origin",
    "referer",
    "sec-fetch-mode",
    "sec-fetch-site",
    "x-forwarded-for",
    "x-user",
];

/// Values that mean something somewhere.
const VALUES: [&str; 22] = [
    "",
    "*/*",
    "text/html",
    "application/json",
    "application/json; charset=utf-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "same-origin",
    "same-site",
    "cross-site",
    "none",
    "navigate",
    "cors",
    "https://bank.example",
    "https://bank.example/vault",
    "https://evil.example",
    "null",
    "alice",
    "123456",
    "__Host-clearance=c1.k1.AAAA; __Host-visitor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "c1.k1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "for=192.0.2.7;proto=\"",
];

const PATHS: [&str; 16] = [
    "/challenge/send",
    "/challenge/check",
    "/challenge/status",
    "/challenge/cancel",
    "/challenge/inbox",
    "/challenge/solver.js",
    "/challenge/challenge.js",
    "/challenge/",
    "/challenge",
    "send",
    "",
    "/",
    "//evil.example/check",
    "/challenge/check/",
    "/challenge/%73end",
    "/challenge/../check",
];

fn bank() -> (Bank, Gate) {
    let bank = Bank::with(|builder| builder.budgets(Budgets::default().per_source([]).per_destination([])));
    let code = Factor::code("step-up").over([Channel::Email, Channel::Sms]);
    let work = Factor::proof_of_work("human").cost(1).prefix("0");
    let gate = bank.gate(Policy::new("vault").require(any_of((code, work))));
    (bank, gate)
}

fn header_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => select(&VALUES[..]).prop_map(|value| value.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..80),
        1 => "[ -~]{0,200}".prop_map(String::into_bytes),
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let name =
            prop_oneof![select(&["id", "code", "token", "channel"][..]).prop_map(str::to_owned), ".{0,6}"];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(name, inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A body; `ID` in it stands for a genuine ticket.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let field = select(&["challenge-id", "challenge-answer", "challenge-channel", "a"][..]);
    let worth = prop_oneof![
        Just("ID".to_owned()),
        select(&["send", "check", "cancel", "sms", "email", "123456", "%ff", "%", "+"][..])
            .prop_map(str::to_owned),
        ".{0,12}",
    ];
    prop_oneof![
        vec(any::<u8>(), 0..300),
        json_value().prop_map(|value| value.to_string().into_bytes()),
        (".{0,12}", json_value()).prop_map(|(code, other)| {
            json!({ "id": "ID", "code": code, "channel": other }).to_string().into_bytes()
        }),
        Just(json!({ "id": "ID" }).to_string().into_bytes()),
        Just(json!({ "id": "ID", "code": "000000" }).to_string().into_bytes()),
        Just(json!({ "id": "ID", "token": "e30=" }).to_string().into_bytes()),
        vec((field, worth), 0..6).prop_map(|fields| {
            let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
            pairs.join("&").into_bytes()
        }),
        (0..40_000_usize).prop_map(|length| vec![b'['; length]),
    ]
}

#[derive(Clone, Debug)]
struct Wild {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
    has_peer: bool,
}

fn wild() -> impl Strategy<Value = Wild> {
    let path = prop_oneof![3 => select(&PATHS[..]).prop_map(str::to_owned), 1 => ".{0,60}"];
    let query = proptest::option::of(prop_oneof![Just("carry".to_owned()), ".{0,40}"]);
    let headers = vec((select(&NAMES[..]), header_value()), 0..8);
    (select(&METHODS[..]), path, query, headers, body(), any::<bool>()).prop_map(
        |(method, path, query, headers, body, has_peer)| Wild {
            method,
            target: query.map_or(path.clone(), |query| format!("{path}?{query}")),
            headers,
            body,
            has_peer,
        },
    )
}

impl Wild {
    /// The request, with a genuine ticket where there is a place for one.
    fn request(&self, id: &str) -> Request {
        let mut request = Request::new(self.method, &self.target);
        for (name, value) in &self.headers {
            let value = match (*name, value.as_slice()) {
                ("challenge-id", b"123456") => id.as_bytes(),
                (_, value) => value,
            };
            request = request.header(name, value);
        }
        if !self.has_peer {
            request = request.peer(None);
        }
        let body = match std::str::from_utf8(&self.body) {
            Ok(text) => text.replace("ID", id).into_bytes(),
            Err(_) => self.body.clone(),
        };
        request.body(body)
    }

    fn is_preflight(&self) -> bool {
        let has = |name: &str| self.headers.iter().any(|(known, _)| *known == name);
        self.method == "OPTIONS" && has("origin") && has("access-control-request-method")
    }
}

/// One of the documented answers, whole in itself.
fn check(reply: &Reply, is_head: bool) -> Result<(), TestCaseError> {
    let status = reply.status().as_u16();
    let headers = reply.headers();
    prop_assert!([200, 303, 400, 403, 404, 405, 409, 410, 413, 415, 429].contains(&status), "{reply:?}");
    prop_assert!(headers.contains_key("cache-control") && headers.contains_key("vary"), "{reply:?}");
    prop_assert_eq!(&headers["x-content-type-options"], "nosniff");
    prop_assert_eq!(headers.contains_key("retry-after"), status == 429);
    prop_assert_eq!(headers.contains_key("allow"), status == 405);
    prop_assert_eq!(headers.contains_key("location"), status == 303);
    let kind = headers["content-type"].to_str().unwrap();
    if is_head {
        prop_assert!(reply.body().is_empty(), "{reply:?}");
        return Ok(());
    }
    match kind {
        "application/problem+json" => {
            let body: Value =
                serde_json::from_slice(reply.body()).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let code = body["code"].as_str().unwrap_or_default();
            prop_assert!(CODES.contains(&code), "{body}");
            prop_assert_eq!(&body["status"], status);
            prop_assert_eq!(&body["type"], &format!("urn:verify:problem:{code}"));
            prop_assert!(body["title"].is_string() && body["recoverable"].is_boolean(), "{body}");
            prop_assert_eq!(body["request_id"].as_str().map(str::len), Some(16));
            prop_assert!(status >= 400);
        }
        "application/json" => {
            prop_assert_eq!(status, 200);
            prop_assert!(serde_json::from_slice::<Value>(reply.body()).is_ok(), "{reply:?}");
        }
        "text/html; charset=utf-8" => {
            let html = std::str::from_utf8(reply.body()).unwrap();
            prop_assert!(html.starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"));
            prop_assert!(headers.contains_key("content-security-policy"));
        }
        "text/javascript; charset=utf-8" => prop_assert_eq!(status, 200),
        "text/plain; charset=utf-8" => prop_assert!(status == 303 && reply.body().is_empty()),
        other => prop_assert!(false, "{other}"),
    }
    Ok(())
}

fn run<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(strategy, test).unwrap();
}

#[test]
fn r49_no_request_upsets_an_endpoint() {
    let (bank, gate) = bank();
    let id = id_of(&blocked(&gate, Request::get("/vault").user("alice")));
    run(2_000, &wild(), |wild| {
        // `ask` panics where an endpoint would let the request pass.
        let reply = bank.ask(wild.request(&id));
        check(&reply, wild.method == "HEAD")
    });
}

#[test]
fn r49_no_request_upsets_the_gate_or_gets_through() {
    let (_bank, gate) = bank();
    let id = id_of(&blocked(&gate, Request::get("/vault").user("alice")));
    run(2_000, &wild(), |wild| match enter(&gate, wild.request(&id)) {
        Outcome::Answered(reply) if wild.is_preflight() => {
            prop_assert!(reply.status() == 204 && reply.body().is_empty(), "{reply:?}");
            Ok(())
        }
        Outcome::Answered(reply) => {
            prop_assert!(reply.status().is_client_error(), "{reply:?}");
            check(&reply, wild.method == "HEAD")
        }
        passed => {
            prop_assert!(false, "{passed:?}");
            Ok(())
        }
    });
}

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
