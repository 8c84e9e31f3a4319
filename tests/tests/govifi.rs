//! The hosted-session challenges of GoViFi, rule by rule: sessions, challenges and their codes.
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
#[path = "govifi/site.rs"]
mod site;

use serde_json::{Value, json};
use serve::{Mounting, wait};
use site::{ADMIN, EMAIL, PHONE, SHOP, Session, Site, refused, sms};
use tests::http::Request;
use verify_compat::govifi::{SessionError, SessionRequest, SessionStatus};
use verify_core::CourierErrorKind;

fn g01_g17_a_send_delivers_once_and_the_session_shows_it(mounting: Mounting) {
    let site = Site::open(mounting);
    for (kind, hint) in [("sms", "***-***-0123"), ("email", "a***@e***.com")] {
        let session = site.session(kind);
        let before = site.phone.count();
        let challenge = |sent: bool| json!({ "type": kind, "delivery_hint": hint, "code_sent": sent });
        assert_eq!(site.view(&session).json()["challenge"], challenge(false));
        let sent = site.send(&session);
        assert_eq!((sent.status, sent.json()), (200, challenge(true)), "{}", sent.text());
        assert_eq!(site.phone.count(), before + 1);
        assert_eq!(site.view(&session).json()["challenge"], challenge(true));
    }
}

fn g02_g03_within_the_window_nothing_more_is_sent_and_after_it_the_same_code(mounting: Mounting) {
    let site = Site::open(mounting);
    let session = site.session("sms");
    let first = site.send(&session);
    for _ in 0..9 {
        site.pass(3);
        let again = site.send(&session);
        assert_eq!((again.status, again.body), (200, first.body.clone()));
    }
    assert_eq!(site.phone.count(), 1);
    site.pass(3);
    assert_eq!(site.send(&session).body, first.body);
    let codes: Vec<String> = site.phone.all().into_iter().map(|taken| taken.code).collect();
    assert!(codes.len() == 2 && codes[0] == codes[1], "{codes:?}");
}

fn g04_over_the_limit_is_rate_limited(mounting: Mounting) {
    let site = Site::open(mounting);
    let session = site.session("sms");
    for _ in 0..3 {
        assert_eq!(site.send(&session).status, 200);
        site.pass(30);
    }
    for _ in 0..2 {
        let limited = site.send(&session);
        refused(&limited, 429, "rate_limited", true);
        assert_eq!(limited.header("retry-after"), Some("1710"), "as long as the session lasts");
    }
    assert_eq!(site.phone.count(), 3);
    site::paid(&site.confirm(&session, sms(&site.code())));
    // What never left does not count.
    let session = site.session("sms");
    site.phone.fail(Some(CourierErrorKind::Unavailable));
    for _ in 0..4 {
        refused(&site.send(&session), 503, "processing_error", true);
    }
    site.phone.fail(Some(CourierErrorKind::Refused));
    refused(&site.send(&session), 400, "validation_error", false);
    site.phone.fail(None);
    assert_eq!(site.send(&session).status, 200);
    assert_eq!(site.phone.count(), 4);
    // And neither does one credential ask without end.
    let site = Site::with(mounting, |config| config.settings.requests_per_minute = 5);
    let session = site.session("sms");
    for _ in 0..5 {
        assert_eq!(site.view(&session).status, 200);
    }
    refused(&site.view(&session), 429, "rate_limited", true);
    assert_eq!(site.view(&site.session("sms")).status, 200, "another credential is another");
    site.pass(60);
    assert_eq!(site.view(&session).status, 200);
}

fn g05_for_captchas_there_is_nothing_to_send(mounting: Mounting) {
    let site = Site::open(mounting);
    for kind in ["hcaptcha", "turnstile"] {
        let session = site.session(kind);
        for _ in 0..20 {
            let sent = site.send(&session);
            let expected = json!({ "type": kind, "site_key": "public-site-key" });
            assert_eq!((sent.status, sent.json()), (200, expected));
        }
    }
    let none = site.send(&site.session("none"));
    assert_eq!((none.status, none.json(), none.text().as_str()), (200, Value::Null, "null"));
    assert_eq!(site.phone.count(), 0);
    let site = Site::with(mounting, |config| config.settings.refuse_send_without_challenge = true);
    refused(&site.send(&site.session("none")), 400, "validation_error", true);
}

fn g06_no_answer_tells_who_the_payer_is(mounting: Mounting) {
    let site = Site::open(mounting);
    for kind in ["sms", "email", "hcaptcha"] {
        let session = site.session(kind);
        let answers = [
            site.view(&session),
            site.send(&session),
            site.confirm(&session, Value::Null),
            site.view(&session),
        ];
        let code = site.phone.all().last().map(|taken| taken.code.clone());
        for answer in answers {
            let all = format!("{} {:?}", answer.text(), answer.headers);
            for secret in [PHONE, "2025550", EMAIL, "alice", "192.0.2.7", "server-token", &session.secret] {
                assert!(!all.contains(secret), "{secret} in {all}");
            }
            assert!(code.as_ref().is_none_or(|code| !all.contains(code)), "{all}");
            let hint = answer.json()["challenge"]["delivery_hint"].as_str().unwrap_or_default().to_owned();
            assert!(hint.chars().filter(char::is_ascii_digit).count() <= 4, "{hint}");
        }
    }
}

fn g07_bad_ids_unknown_ones_and_bad_requests(mounting: Mounting) {
    let site = Site::open(mounting);
    let as_page = |method: &str, path: &str| {
        site.ask(
            &Request::new(method, &format!("/v1/hosted-sessions/{path}")).header("authorization", "Bearer x"),
        )
    };
    for id in ["cs_", "cs_a-b", "x", "example", "cs_%C3%A4", "CS_a"] {
        for (method, rest) in
            [("GET", ""), ("POST", "/challenge/send"), ("POST", "/confirm"), ("POST", "/expire")]
        {
            refused(&as_page(method, &format!("{id}{rest}")), 400, "validation_error", true);
        }
    }
    for (method, rest) in [("GET", ""), ("POST", "/challenge/send"), ("POST", "/confirm")] {
        refused(&as_page(method, &format!("cs_unknown{rest}")), 404, "session_expired", false);
    }
    refused(&as_page("POST", "cs_a/challenge/verify"), 404, "validation_error", false);
    let put = as_page("PUT", "cs_a/confirm");
    refused(&put, 405, "validation_error", false);
    assert_eq!(put.header("allow"), Some("POST"));
    for bad in [
        json!({}),
        json!({ "amount": 0, "currency": "USD" }),
        json!({ "amount": -5, "currency": "USD" }),
        json!({ "amount": 5, "currency": "dollars" }),
        json!({ "amount": 5, "currency": "USD", "expires_in_seconds": 5 }),
        json!({ "amount": 5, "currency": "USD", "allowed_methods": ["cash"] }),
        json!({ "amount": 5, "currency": "USD", "success_url": "javascript:alert(1)" }),
        json!({ "amount": 5, "currency": "USD", "fraud_signals": { "account_type": "sms" } }),
        json!([1]),
    ] {
        let request = Request::json("/v1/hosted-sessions", &bad).header("authorization", ADMIN);
        refused(&site.ask(&request), 400, "validation_error", true);
    }
    let site = Site::with(mounting, |config| config.settings.validation_status = 422);
    let request = Request::get("/v1/hosted-sessions/x").header("authorization", "Bearer x");
    refused(&site.ask(&request), 422, "validation_error", true);
}

fn g08_a_credential_is_for_its_session_only(mounting: Mounting) {
    let site = Site::open(mounting);
    let (a, b) = (site.session("sms"), site.session("sms"));
    let mixed = Session { id: b.id.clone(), secret: a.secret };
    let answers = [site.view(&mixed), site.send(&mixed), site.confirm(&mixed, Value::Null)];
    for answer in answers {
        refused(&answer, 404, "session_expired", false);
        assert!(!answer.text().contains(&b.id));
    }
    assert_eq!(site.phone.count(), 0);
    let bare = Request::get(&format!("/v1/hosted-sessions/{}", b.id));
    refused(&site.ask(&bare), 401, "insufficient_scope", false);
    // A page's credential is none of a server's, nor is another account's.
    let expire = |credential: &str| {
        let request = Request::new("POST", &format!("/v1/hosted-sessions/{}/expire", b.id));
        site.ask(&request.header("authorization", credential))
    };
    refused(&expire(&format!("Bearer {}", b.secret)), 401, "insufficient_scope", false);
    refused(&expire("Bearer other-token"), 404, "session_expired", false);
    let create = |credential: &str, account: &str| {
        let request = Request::json("/v1/hosted-sessions", &json!({ "amount": 1, "currency": "USD" }));
        site.ask(&request.header("authorization", credential).header("x-payment-account-uid", account)).status
    };
    assert_eq!(
        [create(ADMIN, "acct_1"), create(ADMIN, "acct_2"), create("Bearer x", "acct_1")],
        [201, 401, 401]
    );
    // The server sees its session; another one does not, and neither sends nor confirms with its token.
    let view = |credential: &str| site.ask(&bare.clone().header("authorization", credential));
    assert_eq!(view(ADMIN).json()["session_id"], *b.id);
    refused(&view("Bearer other-token"), 404, "session_expired", false);
    let send = Request::new("POST", &format!("/v1/hosted-sessions/{}/challenge/send", b.id));
    refused(&site.ask(&send.header("authorization", ADMIN)), 404, "session_expired", false);
}

fn g09_pages_of_registered_origins_only(mounting: Mounting) {
    let site = Site::open(mounting);
    let session = site.session("sms");
    let allowed = site.view(&session);
    assert_eq!(allowed.header("access-control-allow-origin"), Some(SHOP));
    let from = |method: &str, rest: &str, origin: &str| {
        let request = Request::new(method, &format!("/v1/hosted-sessions/{}{rest}", session.id));
        site.ask(
            &request.header("authorization", &format!("Bearer {}", session.secret)).header("origin", origin),
        )
    };
    for origin in [
        "https://evil.example",
        "null",
        "http://shop.example",
        "https://shop.example:8443",
        "https://other.example",
    ] {
        for (method, rest) in
            [("GET", ""), ("POST", "/challenge/send"), ("POST", "/confirm"), ("OPTIONS", "/confirm")]
        {
            let answer = from(method, rest, origin);
            refused(&answer, 403, "origin_not_allowed", false);
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
    }
    assert_eq!(site.phone.count(), 0);
    let preflight = from("OPTIONS", "/confirm", SHOP);
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, Some(SHOP)));
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("idempotency-key"));
    // A page can read refusals too, also that there is no such session.
    let unknown =
        Request::get("/v1/hosted-sessions/cs_x").header("authorization", "Bearer x").header("origin", SHOP);
    assert_eq!(site.ask(&unknown).header("access-control-allow-origin"), Some(SHOP));
    let own = site.session_with("sms", json!({ "origins": ["https://Own.example:443"] }));
    let own = Request::get(&format!("/v1/hosted-sessions/{}", own.id))
        .header("authorization", &format!("Bearer {}", own.secret))
        .header("origin", "https://own.example");
    assert_eq!(site.ask(&own).status, 200);
    // Without an origin it is a server's, or a page of the same origin; one may refuse it.
    let bare = |site: &Site| {
        let session = site.session("none");
        let request = Request::get(&format!("/v1/hosted-sessions/{}", session.id));
        site.ask(&request.header("authorization", &format!("Bearer {}", session.secret)))
    };
    assert_eq!(bare(&site).status, 200);
    let site = Site::with(mounting, |config| config.settings.require_origin = true);
    refused(&bare(&site), 403, "origin_not_allowed", false);
}

fn g10_a_session_expires_by_itself_and_when_it_is_ended(mounting: Mounting) {
    let site = Site::open(mounting);
    let session = site.session_with("sms", json!({ "expires_in_seconds": 300 }));
    site.send(&session);
    let code = site.code();
    site.clock.advance(std::time::Duration::from_millis(299_999));
    assert_eq!(site.view(&session).json()["status"], "open");
    site.clock.advance(std::time::Duration::from_millis(1));
    let gone = |session: &Session| {
        for answer in [site.view(session), site.send(session), site.confirm(session, sms(&code))] {
            refused(&answer, 410, "session_expired", false);
        }
    };
    gone(&session);
    assert_eq!(wait(site.sessions.status(&session.id)), Ok(SessionStatus::Expired));
    let session = site.session("none");
    let expire = Request::new("POST", &format!("/v1/hosted-sessions/{}/expire", session.id));
    for _ in 0..2 {
        let ended = site.ask(&expire.clone().header("authorization", ADMIN));
        assert_eq!((ended.status, &ended.json()["status"]), (200, &json!("expired")), "{}", ended.text());
    }
    gone(&session);
    assert_eq!(site.till.payments(), 0);
    // What is paid is not ended.
    let session = site.session("none");
    site::paid(&site.confirm(&session, Value::Null));
    let expire = Request::new("POST", &format!("/v1/hosted-sessions/{}/expire", session.id));
    refused(&site.ask(&expire.header("authorization", ADMIN)), 409, "already_confirmed", false);
    assert_eq!(wait(site.sessions.expire(&session.id)), Err(SessionError::Paid));
}

fn govifi_a_session_that_is_made_in_code_is_the_same(mounting: Mounting) {
    let site =
        Site::with(mounting, |config| config.settings.hosted_page = Some("https://pay.example/p".to_owned()));
    let made = wait(site.sessions.create("acct_1", SessionRequest::new(100, "eur"))).unwrap();
    assert!(!format!("{made:?}").contains(made.expose_secret()));
    let session = Session { id: made.session_id.clone(), secret: made.expose_secret().to_owned() };
    assert_eq!(site.view(&session).json()["challenge"], Value::Null);
    assert_eq!(wait(site.sessions.status(&session.id)), Ok(SessionStatus::Open));
    wait(site.sessions.expire(&session.id)).unwrap();
    assert_eq!(wait(site.sessions.status(&session.id)), Ok(SessionStatus::Expired));
    let body = json!({ "amount": 1, "currency": "USD" });
    let over_http =
        site.ask(&Request::json("/v1/hosted-sessions", &body).header("authorization", ADMIN)).json();
    let url = format!("https://pay.example/p#cs={}", over_http["client_secret"].as_str().unwrap());
    assert_eq!(over_http["hosted_url"], *url);
    let unknown = wait(site.sessions.create("acct_3", SessionRequest::new(100, "eur")));
    assert_eq!(unknown.unwrap_err(), SessionError::Account);
}

on_both! {
    g01_g17_a_send_delivers_once_and_the_session_shows_it
    g02_g03_within_the_window_nothing_more_is_sent_and_after_it_the_same_code
    g04_over_the_limit_is_rate_limited
    g05_for_captchas_there_is_nothing_to_send
    g06_no_answer_tells_who_the_payer_is
    g07_bad_ids_unknown_ones_and_bad_requests
    g08_a_credential_is_for_its_session_only
    g09_pages_of_registered_origins_only
    g10_a_session_expires_by_itself_and_when_it_is_ended
    govifi_a_session_that_is_made_in_code_is_the_same
}
