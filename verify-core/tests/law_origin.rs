//! One origin: what another site asks for is refused, and no way back leads to one, R67 and R68.
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

use bank::{Bank, Request, blocked, enter, headers_of, id_on, other_than, text_of};
use calls::{assert_problem, opened, post, tries_left, vault};
use serde_json::json;

const OWN: &str = "https://bank.example";

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
