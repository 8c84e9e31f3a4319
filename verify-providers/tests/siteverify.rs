//! Captchas against vendors that speak as the real ones do, and go wrong as real ones do.
#![cfg(feature = "siteverify")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/desk.rs"]
mod desk;
#[path = "support/siteverify.rs"]
mod stub;

use std::time::Duration;

use desk::{ACTION, ATTEMPT, BINDING, Desk, HOST, VENDORS, again, builder, client, context};
use serde_json::json;
use stub::{Fault, SECRET, SITE_KEY};
use verify_core::{
    CaptchaContext, CaptchaErrorKind as Kind, CaptchaVerifier, Clock, FakeClock, FetchErrorKind, Rejection,
    SystemClock, WidgetSigns,
};
use verify_providers::siteverify::{Risk, Siteverify};

#[tokio::test]
async fn captcha_rule_24_a_token_for_exactly_this_passes_at_every_vendor() {
    for vendor in VENDORS {
        let desk = Desk::of(vendor);
        let token = desk.solve();
        assert_eq!(desk.verify(&token).await, Ok(()), "{vendor}");
        let asked = desk.stub.asked();
        assert_eq!(asked.len(), 1, "{vendor}");
        assert_eq!((asked[0]["secret"].as_str(), asked[0]["response"].as_str()), (SECRET, token.as_str()));
        assert!(!asked[0].contains_key("remoteip"), "{vendor}: nobody's address is sent");
        let extra = match desk.vendor {
            "turnstile" => asked[0]["idempotency_key"] == ATTEMPT,
            "hcaptcha" => asked[0]["sitekey"] == SITE_KEY,
            "enterprise" => asked[0]["sitekey"] == SITE_KEY && asked[0]["expected"] == ACTION,
            _ => asked[0].len() == 2,
        };
        assert!(extra, "{vendor}: {asked:?}");
    }
}

#[tokio::test]
async fn captcha_rule_02_a_vendor_takes_a_token_once() {
    for vendor in VENDORS {
        let desk = Desk::of(vendor);
        let token = desk.solve();
        assert_eq!(desk.verify(&token).await, Ok(()), "{vendor}");
        let other =
            context(SystemClock::default().now()).with_attempt("99999999-2222-4333-8444-555555555555");
        let replay = desk.verifier.verify(&token, &other).await.unwrap_err();
        assert_eq!(replay.kind(), Kind::SolveAgain(Rejection::Duplicate), "{vendor}");
        assert!(!replay.codes().is_empty(), "{vendor}: its own word is kept");
    }
}

#[tokio::test]
async fn captcha_rule_24_a_token_from_another_page_is_refused_with_its_reason() {
    for vendor in VENDORS {
        let desk = Desk::of(vendor);
        let signs = desk.verifier.widget().signed();
        let unless_signed = |signed: bool, rejection| if signed { again(rejection) } else { Ok(()) };
        for (host, action, cdata, expected) in [
            ("evil.example", ACTION, BINDING, again(Rejection::Host)),
            ("sub.bank.example", ACTION, BINDING, again(Rejection::Host)),
            ("bank.example.evil.example", ACTION, BINDING, again(Rejection::Host)),
            ("", ACTION, BINDING, again(Rejection::Host)),
            ("BANK.EXAMPLE", ACTION, BINDING, Ok(())),
            (HOST, "login", BINDING, unless_signed(signs != WidgetSigns::Nothing, Rejection::Action)),
            (HOST, "", BINDING, unless_signed(signs != WidgetSigns::Nothing, Rejection::Action)),
            (HOST, "test", BINDING, unless_signed(signs != WidgetSigns::Nothing, Rejection::Action)),
            (
                HOST,
                ACTION,
                "ffffffffffffffffffffffffffffffff",
                unless_signed(signs == WidgetSigns::ActionAndBinding, Rejection::Binding),
            ),
            (HOST, ACTION, "", unless_signed(signs == WidgetSigns::ActionAndBinding, Rejection::Binding)),
        ] {
            let token = desk.stub.solve(host, action, cdata);
            assert_eq!(desk.verify(&token).await, expected, "{vendor}: {host} {action} {cdata}");
        }
    }
}

#[tokio::test]
async fn captcha_rule_24_a_token_on_a_second_name_of_the_application_passes_where_it_is_named() {
    let desk = Desk::with("hcaptcha", builder("hcaptcha").also_on("www.bank.example"));
    assert_eq!(desk.verify(&desk.stub.solve("www.bank.example", "", "")).await, Ok(()));
    assert_eq!(desk.verify(&desk.stub.solve("w3.bank.example", "", "")).await, again(Rejection::Host));
}

#[tokio::test]
async fn captcha_rule_24_a_token_counts_as_long_as_its_vendor_says_and_not_before_it_was_solved() {
    let clock = FakeClock::default();
    for vendor in VENDORS {
        let life = if vendor == "turnstile" { 300 } else { 120 };
        let desk = Desk::of(vendor);
        let solved_at = clock.now() + Duration::from_secs(10_000);
        for (seconds, expected) in [
            (-62, again(Rejection::Expired)),
            (-60, Ok(())),
            (0, Ok(())),
            (life + 60, Ok(())),
            (life + 62, again(Rejection::Expired)),
            (9_000, again(Rejection::Expired)),
        ] {
            let token = desk.stub.solve_at(solved_at, HOST, ACTION, BINDING);
            let now = clock.now() + Duration::from_secs(u64::try_from(10_000_i64 + seconds).unwrap());
            let verdict = desk.verifier.verify(&token, &context(now)).await.map_err(|error| error.kind());
            assert_eq!(verdict, expected, "{vendor} after {seconds} s");
        }
    }
}

#[tokio::test]
async fn captcha_rule_24_what_an_answer_leaves_out_is_not_taken_for_right() {
    for vendor in ["turnstile", "hcaptcha", "recaptcha", "recaptcha-v3"] {
        let desk = Desk::of(vendor);
        for (member, rejection) in [("hostname", Rejection::Host), ("challenge_ts", Rejection::Expired)] {
            desk.stub.fail(Fault::Members(json!({ member: null })));
            assert_eq!(desk.verify(&desk.solve()).await, again(rejection), "{vendor} without {member}");
        }
        desk.stub.fail(Fault::Members(json!({ "challenge_ts": "yesterday" })));
        assert_eq!(desk.verify(&desk.solve()).await, again(Rejection::Expired), "{vendor}");
    }
    let desk = Desk::of("turnstile");
    for (member, rejection) in [("action", Rejection::Action), ("cdata", Rejection::Binding)] {
        desk.stub.fail(Fault::Members(json!({ member: null })));
        assert_eq!(desk.verify(&desk.solve()).await, again(rejection), "without {member}");
    }
}

/// What no vendor says in earnest: nobody passes, and it is nobody's fault who could solve another one.
#[tokio::test]
async fn captcha_rule_26_an_answer_that_cannot_be_read_is_an_outage() {
    for vendor in VENDORS {
        let desk = Desk::of(vendor);
        for fault in [
            Fault::Silent,
            Fault::Status(500),
            Fault::Status(503),
            Fault::Status(302),
            Fault::Html,
            Fault::Truncated,
        ] {
            desk.stub.fail(fault.clone());
            assert_eq!(desk.verify(&desk.solve()).await, Err(Kind::Unavailable), "{vendor}: {fault:?}");
        }
        // It is there, and we ask it too often.
        desk.stub.fail(Fault::Status(429));
        assert_eq!(desk.verify(&desk.solve()).await, Err(Kind::Busy), "{vendor}");
        if vendor != "enterprise" {
            desk.stub.fail(Fault::Members(json!({ "success": "true" })));
            assert_eq!(desk.verify(&desk.solve()).await, Err(Kind::Unavailable), "{vendor}: \"true\"");
        }
        desk.stub.fail(Fault::None);
        assert_eq!(desk.verify(&desk.solve()).await, Ok(()), "{vendor} is well again");
    }
    let nobody = builder("turnstile").verify_url("http://127.0.0.1:1/").build().unwrap();
    let error = nobody.verify("token", &context(SystemClock::default().now())).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.downcast_ref::<verify_core::FetchError>().unwrap().kind(), FetchErrorKind::Unsent);
}

#[tokio::test]
async fn captcha_rule_26_turnstile_is_asked_once_more_by_the_same_name() {
    let desk = Desk::of("turnstile");
    desk.stub.fail(Fault::Stumbles(1));
    assert_eq!(desk.verify(&desk.solve()).await, Ok(()));
    desk.stub.fail(Fault::Stumbles(2));
    assert_eq!(desk.verify(&desk.solve()).await, Err(Kind::Unavailable), "once, and not for ever");
    desk.stub.fail(Fault::Silent);
    assert_eq!(desk.verify(&desk.solve()).await, Err(Kind::Unavailable));
    let asked = desk.stub.asked();
    assert_eq!(asked.len(), 6);
    for pair in asked.chunks(2) {
        assert_eq!(pair[0], pair[1], "token, secret and idempotency key are the same");
        assert_eq!(pair[0]["idempotency_key"], ATTEMPT);
    }
    // Without a name for it, Turnstile would take the repetition for a replay, as the others would.
    let desk = Desk::of("turnstile");
    desk.stub.fail(Fault::Stumbles(1));
    let nameless =
        CaptchaContext::new(HOST, SystemClock::default().now()).with_action(ACTION).with_binding(BINDING);
    let verdict = desk.verifier.verify(&desk.solve(), &nameless).await;
    assert_eq!((verdict.map_err(|error| error.kind()), desk.stub.asked().len()), (Err(Kind::Unavailable), 1));
    for vendor in ["hcaptcha", "recaptcha", "recaptcha-v3"] {
        let desk = Desk::of(vendor);
        desk.stub.fail(Fault::Status(500));
        assert_eq!(desk.verify(&desk.solve()).await, Err(Kind::Unavailable));
        assert_eq!(desk.stub.asked().len(), 1, "{vendor}");
    }
}

#[tokio::test]
async fn captcha_rule_25_a_score_is_held_against_its_own_direction() {
    let v3 = Desk::of("recaptcha-v3");
    for (score, expected) in [
        (json!(0.5), Ok(())),
        (json!(1), Ok(())),
        (json!(0.49), Err(Kind::LowScore)),
        (json!(0), Err(Kind::LowScore)),
        (json!(null), Err(Kind::Misconfigured)),
        (json!("0.9"), Err(Kind::Unavailable)),
    ] {
        v3.stub.fail(Fault::Members(json!({ "score": score })));
        assert_eq!(v3.verify(&v3.solve()).await, expected, "{score}");
    }
    let risk = Risk::at_most(0.5).unwrap();
    let hcaptcha = Desk::with("hcaptcha", Siteverify::hcaptcha_enterprise(client(), SITE_KEY, SECRET, risk));
    for (score, expected) in [
        (json!(0), Ok(())),
        (json!(0.5), Ok(())),
        (json!(0.51), Err(Kind::LowScore)),
        (json!(1), Err(Kind::LowScore)),
        (json!(null), Err(Kind::Misconfigured)),
    ] {
        hcaptcha.stub.fail(Fault::Members(json!({ "score": score })));
        assert_eq!(hcaptcha.verify(&hcaptcha.solve()).await, expected, "{score}");
    }
    let enterprise = Desk::of("enterprise");
    enterprise.stub.fail(Fault::Members(json!({ "riskAnalysis": { "reasons": ["AUTOMATION"] } })));
    assert_eq!(enterprise.verify(&enterprise.solve()).await, Err(Kind::LowScore), "zero is left out of JSON");
    enterprise.stub.fail(Fault::Members(json!({ "riskAnalysis": null })));
    assert_eq!(enterprise.verify(&enterprise.solve()).await, Err(Kind::Misconfigured));
}

#[tokio::test]
async fn captcha_rule_09_what_cannot_be_a_token_is_asked_about_nowhere() {
    for vendor in VENDORS {
        let desk = Desk::of(vendor);
        let longest = if vendor == "turnstile" { 2048 } else { 8192 };
        for token in ["", "a b", "ü", "a\r\nb", &"x".repeat(longest + 1)] {
            assert_eq!(desk.verify(token).await, again(Rejection::Invalid), "{vendor}");
        }
        assert!(desk.stub.asked().is_empty(), "{vendor}");
        assert_eq!(desk.verify(&"x".repeat(longest)).await, again(Rejection::Invalid), "{vendor}");
        assert_eq!(desk.stub.asked().len(), 1, "{vendor}");
    }
}

#[tokio::test]
async fn captcha_rule_09_no_token_leaves_its_field() {
    let desk = Desk::of("recaptcha");
    let token = "a&secret=b&response=c%26=+#\"<>\\";
    assert_eq!(desk.verify(token).await, again(Rejection::Invalid));
    assert_eq!(desk.stub.asked()[0]["response"], token);
    assert_eq!(desk.stub.asked()[0].len(), 2);
}

#[test]
fn captcha_rule_21_every_vendor_names_its_own_sources() {
    for vendor in VENDORS {
        let debug = format!("{:?}", builder(vendor).build().unwrap().widget());
        let theirs = match vendor {
            "turnstile" => {
                ["https://challenges.cloudflare.com", "frames: [\"https://challenges.cloudflare.com\"]"]
            }
            "hcaptcha" => ["https://*.hcaptcha.com", "connections: [\"https://hcaptcha.com\""],
            _ => ["https://www.gstatic.com/recaptcha/", "https://recaptcha.google.com/recaptcha/"],
        };
        assert!(theirs.iter().all(|source| debug.contains(source)), "{vendor}: {debug}");
    }
}
