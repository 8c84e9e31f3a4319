//! Whatever arrives: nothing panics, and every answer is one of those documented.
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

use bank::{Outcome, Request, blocked, enter, id_of};
use fuzz::{bank, body, run};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use verify_core::Reply;

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

fn header_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => select(&VALUES[..]).prop_map(|value| value.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..80),
        1 => "[ -~]{0,200}".prop_map(String::into_bytes),
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
