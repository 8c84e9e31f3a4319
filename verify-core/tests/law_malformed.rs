//! What is malformed is refused with a clear answer and spends nothing, R49.
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

use bank::{Bank, Request, blocked, enter, id_of, text_of};
use calls::{assert_problem, opened, post, tries_left, vault};
use serde_json::{Value, json};
use verify_core::Decision;

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
