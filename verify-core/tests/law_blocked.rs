//! What is blocked is told what it needs, whatever it accepts, and goes on as it was, R13 to R15.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/sessions.rs"]
mod sessions;

use std::time::Duration;

use bank::{
    Bank, Outcome, Request, block_on, blocked, challenge_of, enter, id_of, id_on, json_of, phone_of, text_of,
};
use proptest::prelude::*;
use serde_json::json;
use sessions::{cleared, mail, step, vault};
use verify_core::{BlockStatus, Channel, Decision, Factor, Policy, all_of, any_of};

// R13

#[test]
fn r13_an_api_client_is_told_everything_it_needs() {
    let bank = Bank::new();
    let gate = bank.gate(
        Policy::new("admin").require(any_of((step().over([Channel::Sms, Channel::Email]), mail().digits(8)))),
    );
    let reply = blocked(&gate, Request::get("/admin?tab=1").user("alice"));
    assert_eq!(reply.status(), 403);
    assert_eq!(reply.headers()["content-type"], "application/problem+json");
    assert_eq!(reply.headers()["cache-control"], "no-store");
    assert_eq!(reply.headers()["challenge-required"], "admin");
    assert!(reply.headers()["vary"].to_str().unwrap().contains("accept"));
    assert!(reply.headers().get("www-authenticate").is_none());
    let body = json_of(&reply);
    assert_eq!(body["type"], "urn:verify:problem:challenge_required");
    assert_eq!(body["status"], 403);
    assert_eq!(body["code"], "challenge_required");
    assert_eq!(body["recoverable"], true);
    assert_eq!(body["policy"], "admin");
    assert_eq!(body["request_id"].as_str().unwrap().len(), 16);
    assert!(!body["title"].as_str().unwrap().is_empty());
    let alternatives = body["alternatives"].as_array().unwrap();
    assert_eq!(alternatives.len(), 2);
    let first = &alternatives[0][0];
    assert_eq!(
        (&first["type"], &first["factor"], &first["reason"], &first["channels"]),
        (&json!("code"), &json!("step-up"), &json!("missing"), &json!(["sms", "email"]))
    );
    assert_eq!((&first["code_length"], &first["code_sent"]), (&json!(6), &json!(false)));
    assert_eq!(
        (&first["expires_at"], &first["resend_at"]),
        (&json!("2026-01-01T00:10:00Z"), &json!("2026-01-01T00:00:00Z"))
    );
    assert_eq!(first["links"]["send"], "/challenge/send");
    assert_eq!(first["links"]["check"], "/challenge/check");
    assert_eq!(alternatives[1][0]["code_length"], 8);
    // Before anything is sent there is no hint, since nobody has looked an address up.
    assert!(first.get("delivery_hint").is_none());

    let sent = json_of(&bank.call("send", "alice", &json!({ "id": first["id"] })));
    let phone = phone_of("alice");
    assert_eq!(sent["delivery_hint"], format!("***-***-{}", &phone[phone.len() - 4..]));
    assert!(!sent.to_string().contains(&phone[1..]));
    assert_eq!(
        (&sent["expires_at"], &sent["resend_at"]),
        (&json!("2026-01-01T00:05:00Z"), &json!("2026-01-01T00:00:30Z"))
    );
    assert_eq!((&sent["code_sent"], &sent["channel"]), (&json!(true), &json!("sms")));
}

#[test]
fn r13_a_proof_of_work_comes_with_its_puzzle() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("feed").require(Factor::proof_of_work("human").cost(1)));
    let challenge = challenge_of(&blocked(&gate, Request::get("/feed").user("alice")));
    assert_eq!(challenge["type"], "proof_of_work");
    assert_eq!(challenge["altcha"]["parameters"]["cost"], 1);
    assert!(challenge["altcha"]["signature"].is_string(), "{challenge}");
    assert!(challenge["expires_at"].is_string() && challenge["id"].is_string());
}

#[test]
fn r13_step_up_mode_answers_401_as_rfc_9470_says() {
    let bank = Bank::with(|builder| builder.block_status(BlockStatus::StepUp));
    let gate = bank.gate(Policy::new("pay").require(all_of((
        step().within(Duration::from_secs(300)),
        mail().within(Duration::from_secs(3600)),
    ))));
    for request in [Request::get("/pay").user("alice"), Request::get("/pay").user("alice").browser()] {
        let reply = blocked(&gate, request);
        assert_eq!(reply.status(), 401);
        let line = reply.headers()["www-authenticate"].to_str().unwrap().to_owned();
        assert!(line.contains("error=\"insufficient_user_authentication\""), "{line}");
        assert!(line.contains("max_age=\"300\"") && line.contains("acr_values=\"pay\""), "{line}");
        assert_eq!(reply.headers()["challenge-required"], "pay");
    }
    let body = json_of(&blocked(&gate, Request::get("/pay").user("alice")));
    assert_eq!(body["status"], 401);
}

#[test]
fn r13_another_status_is_a_setting() {
    let status = http::StatusCode::PAYMENT_REQUIRED;
    let bank = Bank::with(|builder| builder.block_status(BlockStatus::Other(status)));
    let gate = bank.gate(vault());
    let reply = blocked(&gate, Request::get("/vault").user("alice"));
    assert_eq!((reply.status(), &json_of(&reply)["status"]), (status, &json!(402)));
    assert!(reply.headers().get("www-authenticate").is_none());
}

#[test]
fn r13_a_browser_gets_the_page_in_place() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let page = blocked(&gate, Request::get("/vault?tab=1").user("alice").browser());
    assert_eq!(page.status(), 403);
    assert!(page.headers().get("location").is_none(), "the address stays");
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert_eq!(page.headers()["cache-control"], "no-store");
    assert_eq!(page.headers()["challenge-required"], "vault");
    let html = text_of(&page);
    assert!(html.contains("open the vault") && html.contains("action=\"/challenge/send\""), "{html}");
    assert!(html.contains("name=\"challenge-id\""));
}

// R14

const ACCEPTS: [&str; 18] = [
    "",
    "*/*",
    "text/html",
    "TEXT/HTML",
    "text/html;q=0",
    "text/html;q=0.1, application/json",
    "text/html;q=NaN",
    "text/html;q=-1",
    "text/html;q=inf, application/json;q=1e300",
    "application/json",
    "application/problem+json",
    "image/png",
    "text/event-stream",
    "none/none",
    ",,,;;;",
    "text/html,text/html,text/html;q=0.0",
    "application/xhtml+xml",
    "\t text/html \t;q=1",
];

#[test]
fn r14_no_accept_skips_the_block() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    for accept in ACCEPTS {
        for mode in [None, Some("navigate"), Some("cors"), Some("no-cors"), Some("websocket"), Some("x")] {
            for method in ["GET", "POST"] {
                let request = Request::new(method, "/vault").user("alice").header("accept", accept);
                let request =
                    mode.into_iter().fold(request, |request, mode| request.header("sec-fetch-mode", mode));
                let reply = blocked(&gate, request);
                assert_eq!(reply.status(), 403, "{accept:?} {mode:?} {method}");
                assert!(reply.headers().contains_key("challenge-required"));
            }
        }
    }
    assert_eq!(blocked(&gate, Request::get("/vault").user("alice")).status(), 403);
}

proptest! {
    #[test]
    fn r14_no_bytes_in_accept_skip_the_block(
        accepts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..3),
    ) {
        let bank = Bank::new();
        let gate = bank.gate(vault());
        let request = accepts.iter().fold(Request::get("/vault"), |request, accept| request.header("accept", accept));
        prop_assert_eq!(blocked(&gate, request).status(), 403);
    }
}

#[test]
fn r14_a_fetch_gets_json_whatever_it_accepts() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    for mode in ["cors", "no-cors", "same-origin"] {
        let request =
            Request::get("/vault").user("alice").header("accept", "text/html").header("sec-fetch-mode", mode);
        assert_eq!(json_of(&blocked(&gate, request))["code"], "challenge_required");
    }
}

// R15

#[test]
fn r15_a_request_of_any_method_continues_by_its_own_replay() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    for (index, method) in ["POST", "PUT", "PATCH", "DELETE", "GET"].into_iter().enumerate() {
        let user = format!("user-{index}");
        let request = || Request::new(method, "/transfers").user(&user).json(&json!({ "amount": "10.00" }));
        let reply = blocked(&gate, request());
        assert!(!reply.status().is_redirection());
        let id = id_of(&reply);
        assert_eq!(bank.call("send", &user, &json!({ "id": id })).status(), 200);
        let again = request().header("challenge-id", &id).header("challenge-answer", bank.code(&user));
        // The body is not asked for: it stays with the adapter, and reaches the handler as it came.
        let Decision::Consult(inquiry) = gate.decide(&again) else { panic!("{method} is consulted on") };
        let verify_core::Ruling::Allow(passage) = block_on(gate.rule(inquiry, bytes::Bytes::new())) else {
            panic!("{method} is let in")
        };
        let token = passage.headers.iter().find(|(name, _)| name == "challenge-clearance").unwrap();
        let token = token.1.to_str().unwrap().to_owned();
        assert!(matches!(enter(&gate, cleared(request(), &token)), Outcome::Allowed));
    }
}

#[test]
fn r15_a_posted_form_is_carried_on_and_never_becomes_a_get() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    for (index, method) in ["POST", "PUT", "PATCH", "DELETE"].into_iter().enumerate() {
        let user = format!("form-{index}");
        let post = |body: &str| Request::new(method, "/transfers?x=1").user(&user).browser().form(body);
        let fields = "b=%3Cscript%3E&a=1&a=2&empty=&%C3%A9=%26";
        let page = blocked(&gate, post(fields));
        assert_eq!(page.status(), 403);
        let html = text_of(&page);
        assert!(html.contains("method=\"post\" action=\"/challenge/send?carry\""), "{html}");
        assert!(!html.contains("<script>"), "{html}");
        let send = Request::new("POST", "/challenge/send?carry").user(&user).browser();
        let page = bank.ask(send.form(format!("{fields}&challenge-id={}", id_on(&page))));
        assert_eq!(page.status(), 200, "{page:?}");
        assert!(page.headers().get("location").is_none());
        assert!(text_of(&page).contains("action=\"/transfers?x=1\""), "{page:?}");
        let code = bank.code(&user);
        let answer = format!("challenge-id={}&{fields}&challenge-answer={code}", id_on(&page));
        let Outcome::Passed(passage) = enter(&gate, post(&answer)) else { panic!("{method} is let in") };
        assert_eq!(passage.body, fields, "the handler gets its own bytes and nothing else");
        assert!(passage.headers.iter().any(|(name, _)| name == "set-cookie"));
    }
}

#[test]
fn r15_a_body_that_cannot_be_carried_on_is_said_to_be_lost() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let upload = Request::new("POST", "/upload").user("alice").browser();
    for request in [
        upload.clone().header("content-type", "multipart/form-data; boundary=x").body("--x--"),
        upload.clone().header("content-type", "text/plain").body("hello"),
        upload.clone().header("content-encoding", "gzip").form("a=b"),
        upload.form("a=%ff"),
    ] {
        let page = blocked(&gate, request);
        assert_eq!(page.status(), 403);
        assert!(text_of(&page).contains("cannot be kept"), "{page:?}");
    }
}
