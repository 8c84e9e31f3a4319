//! The law of the wire, R67 to R71 and R49 for bodies, seen from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bank::{
    Bank, Request, Witness, answered, blocked, enter, headers_of, id_of, id_on, json_of, other_than, text_of,
};
use serde_json::{Value, json};
use verify_core::{
    Backoff, Budgets, Channel, ClientIp, CodeFactor, Courier, CourierError, CourierErrorKind, Decision,
    Delivery, Factor, FakeClock, Gate, IpNet, Limit, MemoryStore, MissingContacts, Policy, Quota, Reply,
    RequestLimits, Subject,
};

const OWN: &str = "https://bank.example";

fn step() -> CodeFactor {
    Factor::code("step-up").over([Channel::Sms, Channel::Email])
}

fn vault() -> Policy {
    Policy::new("vault").require(step())
}

/// As many messages as the test likes; tries, sends and waits stay as they are.
fn generous() -> Budgets {
    Budgets::default().per_destination([]).per_source([])
}

fn post(action: &str) -> Request {
    Request::new("POST", &format!("/challenge/{action}")).user("alice")
}

/// A challenge that is open, and its code.
fn opened(bank: &Bank, gate: &Gate) -> (String, String) {
    let id = id_of(&blocked(gate, Request::get("/vault").user("alice")));
    let sent = bank.call("send", "alice", &json!({ "id": id }));
    assert_eq!(sent.status(), 200, "{sent:?}");
    (id, bank.code("alice"))
}

fn tries_left(bank: &Bank, id: &str) -> u64 {
    json_of(&bank.call("status", "alice", &json!({ "id": id })))["tries_left"].as_u64().unwrap()
}

/// A refusal as a problem, whole in itself.
fn assert_problem(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status().as_u16(), status, "{reply:?}");
    assert_eq!(reply.headers()["content-type"], "application/problem+json");
    assert_eq!(reply.headers()["cache-control"], "no-store");
    let body = json_of(reply);
    assert_eq!((&body["code"], &body["status"]), (&json!(code), &json!(status)));
    assert_eq!(body["type"], format!("urn:verify:problem:{code}"));
}

// R49

/// Bodies that no endpoint understands, around a ticket that is genuine.
fn bodies_that_are_no_call(id: &str, code: &str) -> Vec<(&'static str, Vec<u8>)> {
    let text = |value: Value| value.to_string().into_bytes();
    vec![
        ("nothing", Vec::new()),
        ("white space", b" \n".to_vec()),
        ("null", b"null".to_vec()),
        ("a number", b"17".to_vec()),
        ("a text", text(json!(id))),
        ("an empty object", b"{}".to_vec()),
        ("an empty array", b"[]".to_vec()),
        ("an array of an object", text(json!([{ "id": id, "code": code }]))),
        ("no id", text(json!({ "code": code }))),
        ("id null", text(json!({ "id": null, "code": code }))),
        ("id a number", text(json!({ "id": 1, "code": code }))),
        ("id an array", text(json!({ "id": [id], "code": code }))),
        ("id an object", text(json!({ "id": { "id": id }, "code": code }))),
        ("id twice", format!("{{\"id\":\"{id}\",\"id\":\"{id}\",\"code\":\"{code}\"}}").into_bytes()),
        ("code twice", format!("{{\"id\":\"{id}\",\"code\":\"{code}\",\"code\":\"{code}\"}}").into_bytes()),
        ("an unknown member", text(json!({ "id": id, "code": code, "remember": true }))),
        ("a misspelt member", text(json!({ "id": id, "Code": code }))),
        ("broken off", format!("{{\"id\":\"{id}\",\"code\":\"{code}\"").into_bytes()),
        ("something behind", format!("{{\"id\":\"{id}\",\"code\":\"{code}\"}} x").into_bytes()),
        ("two objects", format!("{{\"id\":\"{id}\",\"code\":\"{code}\"}}{{}}").into_bytes()),
        ("a trailing comma", format!("{{\"id\":\"{id}\",\"code\":\"{code}\",}}").into_bytes()),
        ("single quotes", format!("{{'id':'{id}','code':'{code}'}}").into_bytes()),
        ("a byte order mark", format!("\u{feff}{{\"id\":\"{id}\",\"code\":\"{code}\"}}").into_bytes()),
        ("not UTF-8", [b"{\"id\":\"".as_slice(), b"\xff\xfe", b"\"}"].concat()),
        ("a form", format!("challenge-id={id}&challenge-answer={code}").into_bytes()),
        ("very deep", [vec![b'['; 20_000], vec![b']'; 3]].concat()),
        (
            "code a number",
            format!("{{\"id\":\"{id}\",\"code\":{}}}", code.trim_start_matches('0')).into_bytes(),
        ),
        ("code an array", text(json!({ "id": id, "code": [code] }))),
        ("code an object", text(json!({ "id": id, "code": { "eq": code } }))),
        ("code true", text(json!({ "id": id, "code": true }))),
        ("channel a number", text(json!({ "id": id, "channel": 1 }))),
        ("token an object", text(json!({ "id": id, "token": {} }))),
    ]
}

#[test]
fn r49_a_body_that_is_no_call_is_refused_and_spends_nothing() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate);
    let messages = bank.inbox.len();
    for (what, body) in bodies_that_are_no_call(&id, &code) {
        for action in ["send", "check", "status", "cancel"] {
            let reply = bank.ask(post(action).header("content-type", "application/json").body(body.clone()));
            assert_eq!(reply.status(), 400, "{what}, {action}: {reply:?}");
            assert_problem(&reply, 400, "validation_error");
            assert!(!text_of(&reply).contains(&code), "{what}: an answer does not repeat the body");
        }
    }
    assert_eq!((tries_left(&bank, &id), bank.inbox.len()), (5, messages));
    assert_eq!(bank.call("check", "alice", &json!({ "id": id, "code": code })).status(), 200);
}

#[test]
fn r49_an_array_of_what_the_object_would_hold_is_refused() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate);
    for (action, body) in [
        ("send", json!([id, null, null, null])),
        ("check", json!([id, code, null, null])),
        ("status", json!([id, null, null, null])),
        ("cancel", json!([id, null, null, null])),
    ] {
        let reply = bank.call(action, "alice", &body);
        assert_eq!(reply.status(), 400, "{action}: {reply:?}");
    }
}

#[test]
fn r49_a_code_that_is_no_code_is_refused_and_spends_nothing() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate);
    let long = [code.clone(), "0".repeat(59)].concat();
    let padded = format!("{code}{}", " ".repeat(59));
    for no_code in [
        json!(null),
        json!(""),
        json!(" "),
        json!("-"),
        json!("123"),
        json!("12345678901"),
        json!("12345６"),
        json!("１２３４５６"),
        json!("123_456"),
        json!("123.456"),
        json!("+123456"),
        json!("123456\u{0}"),
        json!(format!("{code}\u{200b}")),
        json!(format!("{code}%")),
        json!(format!("{code}\"")),
        json!("' OR 1=1 --"),
        json!("*"),
        json!(long),
        json!(padded),
        json!("1".repeat(20_000)),
    ] {
        let reply = bank.call("check", "alice", &json!({ "id": id, "code": no_code }));
        assert_problem(&reply, 400, "validation_error");
    }
    for body in [
        json!({ "id": id }),
        json!({ "id": id, "token": code }),
        json!({ "id": id, "code": code, "token": "" }),
    ] {
        assert_problem(&bank.call("check", "alice", &body), 400, "validation_error");
    }
    assert_eq!(tries_left(&bank, &id), 5);
    assert_eq!(bank.call("check", "alice", &json!({ "id": id, "code": code })).status(), 200);
}

#[test]
fn r49_a_ticket_that_is_no_ticket_is_gone() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate);
    let sealed = id.rsplit('.').next().unwrap();
    for no_ticket in [
        String::new(),
        ".".to_owned(),
        "t1.k1.".to_owned(),
        "t1..".to_owned(),
        id.replacen("t1", "t2", 1),
        id.replacen("k1", "k2", 1),
        id.to_uppercase(),
        format!("{id}="),
        format!("{id}AAAA"),
        id[..id.len() - 4].to_owned(),
        format!(" {id}"),
        format!("t1.k1.{}", sealed.chars().rev().collect::<String>()),
        format!("t1.k1.{}", "A".repeat(8186)),
        "t1.k1.\u{0}\u{202e}".to_owned(),
    ] {
        for action in ["send", "check", "status", "cancel"] {
            let reply = bank.call(action, "alice", &json!({ "id": no_ticket, "code": code }));
            assert_problem(&reply, 410, "session_expired");
        }
    }
    assert_eq!(bank.call("check", "alice", &json!({ "id": id, "code": code })).status(), 200);
}

#[test]
fn r49_nothing_that_was_never_sent_can_be_answered() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let id = id_of(&blocked(&gate, Request::get("/vault").user("alice")));
    for code in ["000000", "123456", "null", "undefined", "0000"] {
        let reply = bank.call("check", "alice", &json!({ "id": id, "code": code }));
        assert_eq!(reply.status(), 409, "{reply:?}");
    }
    assert!(!enter(&gate, Request::get("/vault").user("alice")).is_in());
}

#[test]
fn r49_a_body_beyond_the_cap_is_refused_unread() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate);
    let Decision::Read(_, limit) = bank.endpoints.decide(&post("check").json(&json!({}))) else {
        panic!("a call is read")
    };
    assert!((8 * 1024..=64 * 1024).contains(&limit), "{limit}");
    let body = json!({ "id": id, "code": code }).to_string();
    let padded = |length: usize| format!("{body}{}", " ".repeat(length - body.len()));
    let call = |body: String| bank.ask(post("check").header("content-type", "application/json").body(body));
    assert_problem(&call(padded(limit + 1)), 413, "too_large");
    assert_eq!(call(padded(limit)).status(), 200);
}

#[test]
fn r49_headers_that_answer_in_line_are_read_strictly() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate);
    let request = || Request::get("/vault").user("alice");
    let nine = (0..9)
        .fold(request(), |request, _| request.header("challenge-id", &id).header("challenge-answer", &code));
    for malformed in [
        request().header("challenge-id", &id),
        request().header("challenge-answer", &code),
        request()
            .header("challenge-id", &id)
            .header("challenge-answer", &code)
            .header("challenge-answer", &code),
        request().header("challenge-id", &id).header("challenge-answer", b"\xff\xfe"),
        request().header("challenge-id", b"\xff").header("challenge-answer", &code),
        request().header("challenge-id", &id).header("challenge-answer", ""),
        request().header("challenge-id", &id).header("challenge-answer", "1".repeat(65)),
        request().header("challenge-id", &id).header("challenge-answer", format!("{code},{code}")),
        nine,
    ] {
        assert_problem(&blocked(&gate, malformed), 400, "validation_error");
    }
    let no_ticket = request().header("challenge-id", "").header("challenge-answer", &code);
    assert_problem(&blocked(&gate, no_ticket), 410, "session_expired");
    assert_eq!(tries_left(&bank, &id), 5);
    assert!(enter(&gate, request().header("challenge-id", &id).header("challenge-answer", &code)).is_in());
}

#[test]
fn r49_forms_are_read_strictly() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate);
    for form in [
        String::new(),
        format!("challenge-answer={code}"),
        format!("challenge-id={id}&challenge-id={id}&challenge-answer={code}"),
        format!("challenge-id={id}&challenge-answer={code}&challenge-answer={code}"),
        format!("challenge-id={id}&challenge-answer=%ff"),
        format!("challenge-id={id}&challenge-answer="),
        format!("challenge-id={id}"),
        format!("challenge-id={id}&challenge-answer={}", "1".repeat(65)),
        format!("challenge-id={id}&challenge-answer[]={code}"),
        format!("{{\"id\":\"{id}\",\"code\":\"{code}\"}}"),
    ] {
        let reply = bank.ask(post("check").form(form.clone()));
        assert!(
            reply.status() == 400 || text_of(&reply).contains("one-time-code"),
            "{form:?} is a 400, or the page that asks again: {reply:?}"
        );
        assert!(reply.headers().get("challenge-clearance").is_none());
        let at_the_gate = Request::new("POST", "/vault").user("alice").browser().form(form.clone());
        assert_eq!(blocked(&gate, at_the_gate).status(), 403, "{form:?}");
    }
    assert_eq!(tries_left(&bank, &id), 5);
    let right = bank.ask(post("check").form(format!("challenge-id={id}&challenge-answer={code}")));
    assert_eq!(right.status(), 303);
}

// R67

type Fields = &'static [(&'static str, &'static str)];

const OURS: &[Fields] = &[
    &[],
    &[("sec-fetch-site", "same-origin")],
    &[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors"), ("origin", OWN)],
    &[("sec-fetch-site", "none")],
    &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
    &[("sec-fetch-site", "a-value-of-the-future"), ("origin", OWN)],
    &[("origin", OWN)],
    &[("origin", OWN), ("referer", "https://evil.example/")],
    &[("referer", "https://bank.example")],
    &[("referer", "https://bank.example/")],
    &[("referer", "https://bank.example/vault?x=1")],
    &[("referer", "https://bank.example?x=1")],
];

const FOREIGN: &[Fields] = &[
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "cross-site"), ("origin", OWN)],
    &[("sec-fetch-site", "same-site"), ("origin", OWN), ("referer", "https://bank.example/")],
    &[("sec-fetch-site", "none"), ("sec-fetch-mode", "cors")],
    &[("sec-fetch-site", "a-value-of-the-future"), ("origin", "https://evil.example")],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "")],
    &[("origin", "http://bank.example")],
    &[("origin", "https://bank.example:8443")],
    &[("origin", "https://bank.example.evil.example")],
    &[("origin", "https://shop.bank.example")],
    &[("origin", "https://bank.example/")],
    &[("origin", OWN), ("origin", "https://evil.example")],
    &[("origin", "https://evil.example"), ("referer", "https://bank.example/")],
    &[("referer", "https://evil.example/https://bank.example/")],
    &[("referer", "https://bank.example.evil.example/")],
    &[("referer", "https://bank.example@evil.example/")],
    &[("referer", "https://bank.example:8443/")],
    &[("referer", "http://bank.example/")],
    &[("referer", "")],
];

fn bearing(request: Request, fields: Fields) -> Request {
    fields.iter().fold(request, |request, (name, value)| request.header(name, value))
}

#[test]
fn r67_another_site_is_refused_at_every_endpoint_and_spends_nothing() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate);
    let wrong = other_than(&code);
    let messages = bank.inbox.len();
    for fields in FOREIGN {
        for action in ["send", "check", "status", "cancel"] {
            let json = post(action).json(&json!({ "id": id, "code": wrong }));
            assert_problem(&bank.ask(bearing(json, fields)), 403, "origin_not_allowed");
            let form = post(action).form(format!("challenge-id={id}&challenge-answer={wrong}"));
            assert_problem(&bank.ask(bearing(form, fields)), 403, "origin_not_allowed");
        }
    }
    assert_eq!((tries_left(&bank, &id), bank.inbox.len()), (5, messages));
    assert_eq!(bank.call("check", "alice", &json!({ "id": id, "code": code })).status(), 200);
}

#[test]
fn r67_our_own_pages_and_programs_are_heard() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, _) = opened(&bank, &gate);
    for fields in OURS {
        for action in ["send", "status"] {
            let reply = bank.ask(bearing(post(action).json(&json!({ "id": id })), fields));
            assert_eq!(reply.status(), 200, "{action} {fields:?}: {reply:?}");
        }
    }
}

#[test]
fn r67_a_front_end_on_another_host_is_heard_where_it_is_named() {
    let named = || verify_core::Origin::parse("https://app.bank.example").unwrap();
    let asks = |bank: &Bank, id: &str, origin: &str, site: &str| {
        let request = post("status").json(&json!({ "id": id })).header("origin", origin);
        bank.ask(request.header("sec-fetch-site", site).header("sec-fetch-mode", "cors")).status().as_u16()
    };
    let (plain, other) = (Bank::new(), Bank::with(|builder| builder.also_from([named()])));
    for (bank, heard) in [(&plain, 403), (&other, 200)] {
        let (id, _) = opened(bank, &bank.gate(vault()));
        for site in ["same-site", "cross-site"] {
            assert_eq!(asks(bank, &id, "https://app.bank.example", site), heard, "{site}");
            for stranger in ["https://app.bank.example.evil.example", "http://app.bank.example", "null"] {
                assert_eq!(asks(bank, &id, stranger, site), 403, "{stranger} {site}");
            }
        }
    }
}

#[test]
fn r67_the_check_holds_for_answers_at_the_gate() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate);
    for fields in FOREIGN {
        for answer in [&code, &other_than(&code)] {
            let inline = Request::get("/vault")
                .user("alice")
                .header("challenge-id", &id)
                .header("challenge-answer", answer);
            assert_problem(&blocked(&gate, bearing(inline, fields)), 403, "origin_not_allowed");
            // A page: `Sec-Fetch-Mode` has its say in who gets one, so it comes with the fields alone.
            let form = Request::new("POST", "/vault").user("alice").header("accept", "text/html");
            let body = format!("challenge-id={id}&challenge-answer={answer}");
            assert_eq!(blocked(&gate, bearing(form.form(body), fields)).status(), 403);
        }
    }
    assert_eq!(tries_left(&bank, &id), 5);
    let inline =
        Request::get("/vault").user("alice").header("challenge-id", &id).header("challenge-answer", &code);
    assert!(enter(&gate, bearing(inline, OURS[2])).is_in());
}

#[test]
fn r67_the_check_needs_no_cookie() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    blocked(&gate, Request::get("/vault"));
    let call = Request::new("POST", "/challenge/send").json(&json!({ "id": "x" }));
    assert_problem(&bank.ask(call.header("origin", "https://evil.example")), 403, "origin_not_allowed");
}

#[test]
fn r67_what_is_neither_json_nor_a_form_is_not_taken() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate);
    let body = json!({ "id": id, "code": other_than(&code) }).to_string();
    let typed = |kinds: &[&[u8]]| {
        kinds
            .iter()
            .fold(post("check").body(body.clone()), |request, kind| request.header("content-type", kind))
    };
    for refused in [
        typed(&[]),
        typed(&[b""]),
        typed(&[b"text/plain"]),
        typed(&[b"text/plain; charset=utf-8; application/json"]),
        typed(&[b"multipart/form-data; boundary=x"]),
        typed(&[b"application/jsonp"]),
        typed(&[b"application/json-patch+json"]),
        typed(&[b"application/vnd.api+json"]),
        typed(&[b"application/xml"]),
        typed(&[b"application"]),
        typed(&[b"application/json, text/plain"]),
        typed(&[b"text/plain", b"application/json"]),
        typed(&[b"application/json", b"application/json"]),
        typed(&[b"\xff"]),
        typed(&[b"application/json"]).header("content-encoding", "gzip"),
        typed(&[b"application/json"]).header("content-encoding", "identity"),
    ] {
        assert_problem(&bank.ask(refused), 415, "unsupported_media_type");
    }
    assert_eq!(tries_left(&bank, &id), 5);
    let status = json!({ "id": id }).to_string();
    for taken in
        ["application/json", "application/json; charset=utf-8", "Application/JSON", " application/json ;x=y"]
    {
        let reply = bank.ask(post("status").header("content-type", taken).body(status.clone()));
        assert_eq!(reply.status(), 200, "{taken:?}");
    }
}

#[test]
fn r67_a_form_needs_its_ticket() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    opened(&bank, &gate);
    let messages = bank.inbox.len();
    for action in ["send", "check", "status", "cancel"] {
        for form in ["", "id=1", "challenge-channel=sms", "challenge-answer=123456"] {
            let reply = bank.ask(post(action).form(form));
            assert_eq!(reply.status(), 400, "{action} {form:?}: {reply:?}");
        }
        let forged = bank.ask(post(action).form("challenge-id=t1.k1.AAAA&challenge-answer=123456"));
        assert_eq!(forged.status(), 410, "{action}");
    }
    assert_eq!(bank.inbox.len(), messages);
}

#[test]
fn r67_only_post_changes_anything() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate);
    let messages = bank.inbox.len();
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "QUERY"] {
        for action in ["send", "check", "status", "cancel"] {
            let target =
                format!("/challenge/{action}?id={id}&code={code}&challenge-id={id}&challenge-answer={code}");
            let request =
                Request::new(method, &target).user("alice").json(&json!({ "id": id, "code": code }));
            let reply = bank.ask(request);
            assert_eq!(reply.status(), 405, "{method} {action}");
            assert_eq!(reply.headers()["allow"], "POST");
        }
    }
    for script in ["solver.js", "challenge.js"] {
        let reply = bank.ask(Request::new("POST", &format!("/challenge/{script}")));
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()["allow"]),
            (405, &"GET, HEAD".parse().unwrap())
        );
    }
    assert_eq!(bank.inbox.len(), messages);
    assert_eq!(bank.call("check", "alice", &json!({ "id": id, "code": code })).status(), 200);
}

// R68

/// Where a browser is sent after it was blocked there and has answered.
fn returns_to(request: Request) -> String {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let id = id_on(&blocked(&gate, request.user("alice").browser()));
    let page = bank.ask(post("send").form(format!("challenge-id={id}")));
    let form = format!("challenge-id={}&challenge-answer={}", id_on(&page), bank.code("alice"));
    let moved = bank.ask(post("check").form(form));
    assert_eq!(moved.status(), 303, "{moved:?}");
    let location = headers_of(&moved, "location");
    assert_eq!(location.len(), 1, "{moved:?}");
    location[0].clone()
}

#[test]
fn r68_the_way_back_is_path_and_query_of_the_blocked_request() {
    for target in [
        "/",
        "/vault",
        "/vault?x=1&y=%2F",
        "/a/b/c;d=e?f",
        "/vault?",
        "/%2e%2e/x",
        "/a//b",
        "/?https://x.example",
    ] {
        assert_eq!(returns_to(Request::get(target)), target);
    }
}

#[test]
fn r68_no_way_back_leads_off_the_site() {
    for target in [
        "//evil.example",
        "//evil.example/vault?x=1",
        "///evil.example",
        "/\\evil.example",
        "/\\/evil.example",
        "\\\\evil.example",
        "/vault\\..\\evil",
        "https://evil.example/",
        "javascript:alert(1)",
        "evil.example",
        "",
        "*",
        "/vault\r\nSet-Cookie: a=b",
        "/va\tult",
        "/\t/evil.example",
        "/\u{0}",
        "/va ult",
        "/\u{7f}",
        "/väult",
        "/\u{202e}tluav",
    ] {
        assert_eq!(returns_to(Request::get(target)), "/", "{target:?}");
    }
    for query in ["/vault?x=\r\nSet-Cookie: a=b", "/vault?a\\b", "/vault?a b", "/vault?ä", "/vault?\u{0}"] {
        assert_eq!(returns_to(Request::get(query)), "/vault", "{query:?}");
    }
}

#[test]
fn r68_a_long_way_back_is_cut_where_it_can_be() {
    let path = |length: usize| format!("/{}", "a".repeat(length - 1));
    assert_eq!(returns_to(Request::get(&path(2000))), path(2000));
    assert_eq!(returns_to(Request::get(&path(2001))), "/");
    let with_query = format!("{}?{}", path(1000), "q".repeat(1000));
    assert_eq!(returns_to(Request::get(&with_query)), with_query);
    assert_eq!(returns_to(Request::get(&format!("{with_query}q"))), path(1000));
}

#[test]
fn r68_no_parameter_and_no_header_names_the_way_back() {
    let request = Request::get("/vault?next=//evil.example&return_to=https://evil.example")
        .header("referer", "https://bank.example/elsewhere")
        .header("x-original-url", "//evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("host", "evil.example");
    assert_eq!(returns_to(request), "/vault?next=//evil.example&return_to=https://evil.example");
    // Nor does a call, whose body knows no such member.
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate);
    for name in ["return_to", "next", "target", "redirect_uri"] {
        let body = json!({ "id": id, "code": code, name: "//evil.example" });
        assert_problem(&bank.call("check", "alice", &body), 400, "validation_error");
    }
    let form =
        format!("challenge-id={id}&challenge-answer={code}&return_to=//evil.example&next=//evil.example");
    let moved = bank.ask(post("check").form(form).header("referer", "https://bank.example/elsewhere"));
    assert_eq!(headers_of(&moved, "location"), ["/vault"]);
}

#[test]
fn r68_the_page_posts_to_the_blocked_address_or_to_the_endpoints_and_nowhere_else() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    for target in ["//evil.example", "/\\evil.example", "/v\"><script>", "/vault?a=\"b&c='d"] {
        for body in ["", "a=b"] {
            let page = blocked(&gate, Request::new("POST", target).user("alice").browser().form(body));
            let html = text_of(&page);
            for action in html.split("action=\"").skip(1) {
                let action = action.split('"').next().unwrap();
                assert!(
                    action.starts_with('/') && !action.starts_with("//") && !action.contains('\\'),
                    "{action}"
                );
            }
            assert!(!html.contains("<script>"), "{target}");
        }
    }
}

// R69

fn limits(challenges: u32, blocked: u32) -> RequestLimits {
    let minute = Duration::from_secs(60);
    RequestLimits::default()
        .with_challenges(Limit::of(challenges).per(minute))
        .with_blocked(Limit::of(blocked).per(minute))
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

fn call_from(bank: &Bank, peer: Option<IpAddr>) -> Reply {
    bank.ask(post("status").json(&json!({ "id": "x" })).peer(peer))
}

fn assert_limited(reply: &Reply) {
    assert_problem(reply, 429, "rate_limited");
    let wait: u64 = headers_of(reply, "retry-after")[0].parse().unwrap();
    assert!((1..=60).contains(&wait), "{reply:?}");
}

#[test]
fn r69_endpoints_are_limited_by_source_and_recover() {
    let bank = Bank::with(|builder| builder.limits(limits(3, 100)));
    for _ in 0..3 {
        assert_eq!(call_from(&bank, ip("192.0.2.1")).status(), 410);
    }
    let limited = call_from(&bank, ip("192.0.2.1"));
    assert_limited(&limited);
    assert_eq!(call_from(&bank, ip("192.0.2.2")).status(), 410, "another source has its own");
    let wait: u64 = headers_of(&limited, "retry-after")[0].parse().unwrap();
    bank.advance(wait);
    assert_eq!(call_from(&bank, ip("192.0.2.1")).status(), 410, "after the wait that was told");
    assert_limited(&call_from(&bank, ip("192.0.2.1")));
}

#[test]
fn r69_blocked_answers_are_limited_by_source_and_a_clearance_is_not() {
    let bank = Bank::with(|builder| builder.limits(limits(100, 2)));
    let gate = bank.gate(vault());
    let token = bank.clearance(&gate, "alice");
    let ask = || Request::get("/vault").user("alice").peer(ip("198.51.100.1"));
    for _ in 0..2 {
        assert_eq!(blocked(&gate, ask()).status(), 403);
    }
    let reply = blocked(&gate, ask());
    assert_limited(&reply);
    assert!(json_of(&reply).get("alternatives").is_none(), "the bare answer is the cheap one");
    assert_eq!(blocked(&gate, ask().browser()).status(), 429);
    assert_eq!(blocked(&gate, ask().browser().form("a=b")).status(), 429);
    assert_eq!(blocked(&gate, ask().header("challenge-clearance", "c1.k1.AAAA")).status(), 429);
    for _ in 0..10 {
        assert!(enter(&gate, ask().header("challenge-clearance", &token)).is_in());
    }
    bank.advance(60);
    assert_eq!(blocked(&gate, ask()).status(), 403);
}

#[test]
fn r69_answers_in_line_draw_on_the_limit_of_the_endpoints() {
    let bank = Bank::with(|builder| builder.limits(limits(3, 2)));
    let gate = bank.gate(vault());
    let inline = || {
        Request::get("/vault").user("alice").header("challenge-id", "x").header("challenge-answer", "123456")
    };
    let form = |page: &str| {
        Request::new("POST", "/vault")
            .user("alice")
            .browser()
            .form(format!("challenge-id=x&challenge-answer={page}"))
    };
    for _ in 0..2 {
        assert_eq!(blocked(&gate, inline()).status(), 410);
    }
    assert_eq!(blocked(&gate, form("123456")).status(), 403);
    assert_limited(&blocked(&gate, inline()));
    assert_limited(&call_from(&bank, ip("192.0.2.1")));
    // A form is told on its page.
    let page = blocked(&gate, form("123456"));
    assert!(text_of(&page).contains("a little fast"), "{page:?}");
    assert!(!headers_of(&page, "retry-after").is_empty());
}

#[test]
fn r69_an_ipv6_source_is_its_64() {
    let bank = Bank::with(|builder| builder.limits(limits(3, 3)));
    for peer in ["2001:db8:1:2::1", "2001:db8:1:2:ffff::1", "2001:db8:1:2:0:1:2:3"] {
        assert_eq!(call_from(&bank, ip(peer)).status(), 410);
    }
    assert_limited(&call_from(&bank, ip("2001:db8:1:2::4")));
    assert_eq!(call_from(&bank, ip("2001:db8:1:3::1")).status(), 410);
}

#[test]
fn r69_a_mapped_address_is_the_ipv4_address_it_carries() {
    let bank = Bank::with(|builder| builder.limits(limits(2, 2)));
    assert_eq!(call_from(&bank, ip("192.0.2.1")).status(), 410);
    assert_eq!(call_from(&bank, ip("::ffff:192.0.2.1")).status(), 410);
    assert_limited(&call_from(&bank, ip("192.0.2.1")));
    assert_eq!(call_from(&bank, ip("::ffff:192.0.2.2")).status(), 410);
}

#[test]
fn r69_without_an_address_everybody_shares_one_bucket() {
    let bank = Bank::with(|builder| builder.limits(limits(3, 2)));
    let gate = bank.gate(vault());
    for user in ["alice", "bob", "carol"] {
        let call =
            Request::new("POST", "/challenge/status").user(user).json(&json!({ "id": "x" })).peer(None);
        assert_eq!(bank.ask(call).status(), 410);
    }
    assert_limited(&call_from(&bank, None));
    let ask = |user: &str| Request::get("/vault").user(user).peer(None);
    assert_eq!(
        (blocked(&gate, ask("a")).status(), blocked(&gate, ask("b")).status()),
        (http::StatusCode::FORBIDDEN, http::StatusCode::FORBIDDEN)
    );
    assert_limited(&blocked(&gate, ask("c")));
}

#[test]
fn r69_a_header_that_nobody_vouches_for_is_not_believed() {
    let bank = Bank::with(|builder| builder.limits(limits(3, 100)));
    let claimed = |n: u8| {
        post("status")
            .json(&json!({ "id": "x" }))
            .header("x-forwarded-for", format!("203.0.113.{n}"))
            .header("forwarded", format!("for=203.0.113.{n}"))
            .header("x-real-ip", format!("203.0.113.{n}"))
            .header("cf-connecting-ip", format!("203.0.113.{n}"))
    };
    for n in 0..3 {
        assert_eq!(bank.ask(claimed(n)).status(), 410);
    }
    assert_limited(&bank.ask(claimed(200)));
}

#[test]
fn r69_behind_a_trusted_proxy_the_rightmost_stranger_is_the_client() {
    let proxies: IpNet = "10.0.0.0/8".parse().unwrap();
    let bank =
        Bank::with(|builder| builder.limits(limits(2, 100)).client_ip(ClientIp::forwarded_by([proxies])));
    let through = |line: &str| {
        bank.ask(
            post("status").json(&json!({ "id": "x" })).peer(ip("10.0.0.7")).header("x-forwarded-for", line),
        )
    };
    assert_eq!(through("203.0.113.1, 198.51.100.9").status(), 410);
    assert_eq!(through("203.0.113.2, 198.51.100.9, 10.0.0.8").status(), 410);
    assert_limited(&through("203.0.113.3, 198.51.100.9"));
    assert_eq!(through("198.51.100.9, 198.51.100.10").status(), 410, "another client of the same proxy");
    // Around the proxy the header is the client's own word.
    let around = |n: u8| {
        let request = post("status").json(&json!({ "id": "x" })).peer(ip("192.0.2.77"));
        bank.ask(request.header("x-forwarded-for", format!("203.0.113.{n}")))
    };
    assert_eq!((around(1).status().as_u16(), around(2).status().as_u16()), (410, 410));
    assert_limited(&around(3));
}

// R70

#[test]
fn r70_the_limiter_comes_before_parsing() {
    let bank = Bank::with(|builder| builder.limits(limits(2, 100)));
    let gate = bank.gate(vault());
    for _ in 0..2 {
        call_from(&bank, ip("192.0.2.1"));
    }
    for request in [
        post("check").json(&json!("no call")),
        post("check").header("content-type", "text/plain").body("x"),
        post("check").header("origin", "https://evil.example").json(&json!({})),
        post("check").json(&json!({ "id": "x".repeat(100_000) })),
        post("nowhere"),
        Request::get("/challenge/send"),
        Request::get("/challenge/solver.js"),
        Request::get("/challenge/inbox"),
    ] {
        // Not even the body is asked for.
        let Decision::Respond(reply) = bank.endpoints.decide(&request) else { panic!("answered by looking") };
        assert_limited(&reply);
    }
    for malformed in [
        Request::get("/vault").header("challenge-id", "x"),
        Request::get("/vault").header("challenge-id", b"\xff").header("challenge-answer", b"\xff"),
    ] {
        assert_limited(&blocked(&gate, malformed));
    }
}

#[test]
fn r70_the_limiter_comes_before_store_and_plug_ins() {
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let witness = Witness::new(store.clone());
    let bank = Bank::around(clock, store, |builder| {
        builder.store(witness.clone()).limits(limits(2, 100)).subject(move |head| {
            counter.fetch_add(1, Ordering::SeqCst);
            Some(Subject::user(head.header("x-user")?))
        })
    });
    for _ in 0..2 {
        call_from(&bank, ip("192.0.2.1"));
    }
    let before = (asked.load(Ordering::SeqCst), witness.calls());
    for _ in 0..5 {
        assert_limited(&call_from(&bank, ip("192.0.2.1")));
    }
    assert_eq!((asked.load(Ordering::SeqCst), witness.calls()), before);
}

// R71

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
