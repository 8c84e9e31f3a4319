//! The hosted-session challenges of GoViFi, rule by rule: the gate before the money, and what is told about it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "twilio/phone.rs"]
mod phone;
#[path = "served/serve.rs"]
mod serve;
#[path = "../../verify-redis/tests/support/server.rs"]
mod server;
#[path = "govifi/site.rs"]
mod site;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use serve::{Mounting, wrong};
use sha2::Sha256;
use site::{Session, Site, WEBHOOK_SECRET, paid, refused, sms};

fn g11_a_wallets_credential_pays_nothing(mounting: Mounting) {
    let site = Site::open(mounting);
    let session = site.session_with("sms", json!({ "scope": "wallet" }));
    assert_eq!(site.view(&session).json()["scope"], "wallet");
    refused(&site.confirm(&session, Value::Null), 403, "insufficient_scope", false);
    refused(&site.send(&session), 403, "insufficient_scope", false);
    assert_eq!((site.till.payments(), site.phone.count()), (0, 0));
}

fn g12_nothing_is_paid_before_the_right_answer(mounting: Mounting) {
    let site = Site::open(mounting);
    let session = site.session("sms");
    refused(&site.confirm(&session, Value::Null), 403, "challenge_required", true);
    refused(&site.confirm(&session, sms("123456")), 403, "challenge_failed", true);
    site.send(&session);
    let code = site.code();
    refused(&site.confirm(&session, sms(&wrong(&code, 0))), 403, "challenge_failed", true);
    // Another type, or two answers, is a wrong one; without the member of its type it is none.
    for answer in [
        json!({ "type": "email", "code": code }),
        json!({ "type": "hcaptcha", "token": "t" }),
        json!({ "type": "sms", "code": code, "token": "t" }),
    ] {
        for _ in 0..4 {
            refused(&site.confirm(&session, answer.clone()), 403, "challenge_failed", true);
        }
    }
    for answer in [
        json!({ "type": "sms" }),
        json!({ "type": "sms", "token": "t" }),
        json!({ "type": "sms", "code": "" }),
        json!({ "type": "sms", "code": 123456 }),
        json!({ "code": code }),
        json!("sms"),
    ] {
        refused(&site.confirm(&session, answer), 400, "validation_error", true);
    }
    assert_eq!(site.till.payments(), 0);
    paid(&site.confirm(&session, sms(&code)));
    assert_eq!(site.till.payments(), 1);
    assert_eq!(site.view(&session).json()["status"], "completed");
    refused(&site.send(&session), 409, "already_confirmed", false);
    // A code of one session is none of another.
    let (a, b) = (site.session("sms"), site.session("sms"));
    site.send(&a);
    let code = site.code();
    site.send(&b);
    if site.code() != code {
        refused(&site.confirm(&b, sms(&code)), 403, "challenge_failed", true);
    }
}

fn g12_a_captcha_is_solved_for_this_session_and_counts_once(mounting: Mounting) {
    let site = Site::open(mounting);
    for kind in ["hcaptcha", "turnstile"] {
        let session = site.session(kind);
        let answer = |token: &str| json!({ "type": kind, "token": token });
        refused(&site.confirm(&session, json!({ "type": kind, "code": "1" })), 400, "validation_error", true);
        refused(&site.confirm(&session, answer("bad")), 403, "challenge_failed", true);
        let other = site.session(kind);
        refused(&site.confirm(&session, answer(&other.token())), 403, "challenge_failed", true);
        // Nobody is let in because the vendor is down, and nothing is counted.
        for _ in 0..9 {
            refused(&site.confirm(&session, answer("down")), 503, "processing_error", true);
        }
        assert_eq!(site.till.payments(), usize::from(kind == "turnstile"));
        paid(&site.confirm(&session, answer(&session.token())));
        // The one that was tried with the wrong session is used up.
        refused(&site.confirm(&other, answer(&other.token())), 403, "challenge_failed", true);
    }
    assert_eq!(site.till.payments(), 2);
}

fn g13_one_key_one_outcome(mounting: Mounting) {
    let site = Site::open(mounting);
    let session = site.session("hcaptcha");
    let keyed = |key: &str, token: &str| {
        let answer = json!({ "type": "hcaptcha", "token": token });
        site.ask(&session.confirm(answer).header("idempotency-key", key))
    };
    // What asks for an answer leaves the key free; what was answered keeps it.
    let asks = site.ask(&session.confirm(Value::Null).header("idempotency-key", "k1"));
    refused(&asks, 403, "challenge_required", true);
    let wrong = keyed("k1", "bad");
    refused(&wrong, 403, "challenge_failed", true);
    assert_eq!(keyed("k1", "bad").body, wrong.body);
    assert_eq!(site.doorman.asked.lock().unwrap().len(), 1);
    refused(&keyed("k1", &session.token()), 400, "validation_error", true);
    // What failed on our side is asked for anew under the same key.
    for asked in [2, 3] {
        refused(&keyed("k2", "down"), 503, "processing_error", true);
        assert_eq!(site.doorman.asked.lock().unwrap().len(), asked);
    }
    let first = keyed("k3", &session.token());
    paid(&first);
    for _ in 0..3 {
        let again = keyed("k3", &session.token());
        assert_eq!((again.status, again.body), (200, first.body.clone()));
    }
    // The order of members says nothing, and the answer outlives its session.
    site.pass(3000);
    let body = format!(
        r#"{{ "method":"card", "challenge_response":{{"token":"{}","type":"hcaptcha"}}, "processor_token":"tok_1" }}"#,
        session.token()
    );
    let again = site.ask(&session.request("POST", "/confirm").header("idempotency-key", "k3").body(body));
    assert_eq!(again.body, first.body);
    assert_eq!((site.till.payments(), site.doorman.asked.lock().unwrap().len()), (1, 4));
    refused(&site.confirm(&session, Value::Null), 409, "already_confirmed", false);
    refused(&keyed("k4", "another"), 409, "already_confirmed", false);
    refused(&keyed(&"k".repeat(256), "another"), 400, "validation_error", true);
}

fn g13_declines_can_be_put_right_and_the_challenge_stays_passed(mounting: Mounting) {
    let site = Site::open(mounting);
    let session = site.session("sms");
    site.send(&session);
    let try_card = |token: &str, answer: Value| site.ask(&session.confirm_with(token, answer));
    refused(&try_card("4000 0000 0000 0002", sms(&site.code())), 402, "card_declined", true);
    assert_eq!(site.view(&session).json()["challenge"], Value::Null);
    for (token, status, code) in [
        ("tok_expired_card", 402, "expired_card"),
        ("tok_incorrect_cvc", 402, "incorrect_cvc"),
        ("tok_insufficient_funds", 402, "insufficient_funds"),
        ("tok_processing_error", 502, "processing_error"),
        ("tok_network_error", 502, "network_error"),
        ("tok_duplicate_payment", 409, "duplicate_payment"),
    ] {
        refused(&try_card(token, Value::Null), status, code, true);
    }
    let body = json!({ "processor_token": "tok_duplicate_payment", "method": "card", "duplicate_acknowledged": true });
    paid(&site.ask(&session.request("POST", "/confirm").body(body.to_string())));
    for bad in [
        json!({ "method": "card" }),
        json!({ "processor_token": "t" }),
        json!({ "processor_token": "t", "method": "cash" }),
        json!({ "processor_token": "t", "method": "ach" }),
        json!({ "processor_token": "t", "method": "card", "duplicate_acknowledged": "yes" }),
    ] {
        let session = site.session("none");
        let answer = site.ask(&session.request("POST", "/confirm").body(bad.to_string()));
        refused(&answer, 400, "validation_error", true);
    }
    // Where nobody knows whether it was paid, nothing more is paid.
    let session = site.session("none");
    refused(&site.ask(&session.confirm_with("tok_unknown", Value::Null)), 502, "processing_error", false);
    let paid_before = site.till.payments();
    refused(&site.confirm(&session, Value::Null), 409, "processing_error", true);
    assert_eq!(site.till.payments(), paid_before);
}

fn g15_without_a_challenge_there_is_nothing_to_answer(mounting: Mounting) {
    let site = Site::open(mounting);
    let session = site.session("none");
    assert_eq!(site.view(&session).json()["challenge"], Value::Null);
    paid(&site.confirm(&session, Value::Null));
    paid(&site.confirm(&site.session("none"), sms("123456")));
    assert_eq!((site.till.payments(), site.phone.count()), (2, 0));
}

fn g16_what_is_over_is_told_signed_and_once(mounting: Mounting) {
    let site = Site::open(mounting);
    let taken = |count: usize| {
        server::until("the webhook arrives", || site.receiver.taken().len() >= count);
        site.receiver.taken()[count - 1].clone()
    };
    let session = site.session_with("none", json!({ "metadata": { "order": "4711" }, "customer_id": "c1" }));
    paid(&site.ask(&session.confirm(Value::Null).header("idempotency-key", "k")));
    paid(&site.ask(&session.confirm(Value::Null).header("idempotency-key", "k")));
    let (signature, body) = taken(1);
    let told: Value = serde_json::from_slice(&body).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes()).unwrap();
    mac.update(told["timestamp"].as_str().unwrap().as_bytes());
    mac.update(b".");
    mac.update(&body);
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(signature, format!("sha256={digest}"));
    assert_eq!(told["event_type"], "checkout_session.completed");
    assert_eq!(
        (&told["data"]["session_id"], &told["data"]["metadata"]["order"]),
        (&json!(session.id), &json!("4711"))
    );
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert!(!text.contains(site::EMAIL) && !text.contains(site::PHONE) && !text.contains(&session.secret));
    // An expired one, once somebody asks for it.
    let session: Session = site.session("none");
    site.pass(1800);
    for _ in 0..3 {
        refused(&site.view(&session), 410, "session_expired", false);
    }
    let told: Value = serde_json::from_slice(&taken(2).1).unwrap();
    assert_eq!(
        (&told["event_type"], &told["data"]["session_id"]),
        (&json!("checkout_session.expired"), &json!(session.id))
    );
    let last = site.session("none");
    paid(&site.confirm(&last, Value::Null));
    taken(3);
    assert_eq!(site.receiver.taken().len(), 3, "none of them came twice");
}

fn g18_after_so_many_wrong_answers_none_is_right(mounting: Mounting) {
    let site = Site::open(mounting);
    let session = site.session("sms");
    for round in 0..5 {
        // A code that is sent anew makes no new tries.
        if round % 2 == 0 {
            assert_eq!(site.send(&session).status, 200);
            site.pass(30);
        }
        refused(
            &site.confirm(&session, sms(&wrong(&site.code(), round))),
            403,
            "challenge_failed",
            round < 4,
        );
    }
    refused(&site.confirm(&session, sms(&site.code())), 403, "challenge_failed", false);
    refused(&site.send(&session), 403, "challenge_failed", false);
    // Nor does one that has run out.
    let session = site.session("sms");
    for round in 0..5 {
        if round % 3 == 0 {
            site.pass(601);
            site.send(&session);
        }
        refused(
            &site.confirm(&session, sms(&wrong(&site.code(), round))),
            403,
            "challenge_failed",
            round < 4,
        );
    }
    refused(&site.confirm(&session, sms(&site.code())), 403, "challenge_failed", false);
    let session = site.session("hcaptcha");
    for round in 0..5 {
        let answer = json!({ "type": "hcaptcha", "token": format!("bad-{round}") });
        refused(&site.confirm(&session, answer), 403, "challenge_failed", round < 4);
    }
    let answer = json!({ "type": "hcaptcha", "token": session.token() });
    refused(&site.confirm(&session, answer), 403, "challenge_failed", false);
    assert_eq!(site.till.payments(), 0);
}

on_both! {
    g11_a_wallets_credential_pays_nothing
    g12_nothing_is_paid_before_the_right_answer
    g12_a_captcha_is_solved_for_this_session_and_counts_once
    g13_one_key_one_outcome
    g13_declines_can_be_put_right_and_the_challenge_stays_passed
    g15_without_a_challenge_there_is_nothing_to_answer
    g16_what_is_over_is_told_signed_and_once
    g18_after_so_many_wrong_answers_none_is_right
}
