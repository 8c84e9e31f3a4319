//! The keys of captchas: wrong ones, the vendors' public test keys, settings that do not start, and no secret in print.
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

use desk::{Desk, VENDORS, again, builder, client, half};
use serde_json::json;
use stub::{Fault, SECRET, SITE_KEY};
use verify_core::{CaptchaErrorKind as Kind, Rejection};
use verify_providers::siteverify::{Risk, Siteverify, SiteverifyError};

#[tokio::test]
async fn captcha_rule_27_wrong_keys_are_the_operators() {
    for vendor in VENDORS {
        let wrong = match vendor {
            "turnstile" => Siteverify::turnstile(client(), SITE_KEY, "another"),
            "hcaptcha" => Siteverify::hcaptcha(client(), SITE_KEY, "another"),
            "recaptcha" => Siteverify::recaptcha_v2(client(), SITE_KEY, "another"),
            "recaptcha-v3" => Siteverify::recaptcha_v3(client(), SITE_KEY, "another", half()),
            _ => Siteverify::recaptcha_enterprise(client(), SITE_KEY, "project-1", "another", half()),
        };
        let desk = Desk::with(vendor, wrong);
        assert_eq!(desk.verify(&desk.solve()).await, Err(Kind::Misconfigured), "{vendor}");
    }
    let other = Desk::with("hcaptcha", Siteverify::hcaptcha(client(), "another-site-key", SECRET));
    let error = other.ask(&other.solve()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.codes()),
        (Kind::Misconfigured, &["sitekey-secret-mismatch".to_owned()][..])
    );
    for status in [401, 403, 404] {
        let desk = Desk::of("hcaptcha");
        desk.stub.fail(Fault::Status(status));
        assert_eq!(desk.verify(&desk.solve()).await, Err(Kind::Misconfigured), "{status}");
    }
    let desk = Desk::of("recaptcha");
    desk.stub.fail(Fault::Codes(&["a-code-of-next-year"]));
    let error = desk.ask("token").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.codes()),
        (Kind::SolveAgain(Rejection::Invalid), &["a-code-of-next-year".to_owned()][..])
    );
}

const TURNSTILE_PASSES: &str = "1x0000000000000000000000000000000AA";
const TURNSTILE_FAILS: &str = "2x0000000000000000000000000000000AA";
const TURNSTILE_SPENT: &str = "3x0000000000000000000000000000000AA";
const HCAPTCHA_SECRET: &str = "0x0000000000000000000000000000000000000000";
const RECAPTCHA_SITE_KEY: &str = "6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI";
const RECAPTCHA_SECRET: &str = "6LeIxAcTAAAAAGG-vFI1TnRWxMZNFuojJ4WifJWe";
const DUMMY: &str = "XXXX.DUMMY.TOKEN.XXXX";

#[tokio::test]
async fn captcha_rule_28_every_test_key_of_turnstile_gives_what_it_should() {
    for (secret, expected) in [
        (TURNSTILE_PASSES, Ok(())),
        (TURNSTILE_FAILS, again(Rejection::Invalid)),
        (TURNSTILE_SPENT, again(Rejection::Duplicate)),
    ] {
        let builder = Siteverify::turnstile(client(), "1x00000000000000000000AA", secret);
        let desk = Desk::with("turnstile", builder.danger_allow_test_keys());
        assert_eq!(desk.verify(DUMMY).await, expected, "{secret}");
        // "invalid-input-secret", says the vendor: which it is not.
        assert_eq!(desk.verify("another-token").await, again(Rejection::Invalid), "{secret}");
        for (members, rejection) in [
            (json!({ "hostname": "evil.example" }), Rejection::Host),
            (json!({ "action": "login" }), Rejection::Action),
            (json!({ "cdata": "another" }), Rejection::Binding),
            (json!({ "challenge_ts": "2020-01-01T00:00:00Z" }), Rejection::Expired),
        ] {
            desk.stub.fail(Fault::Members(members.clone()));
            let expected = if secret == TURNSTILE_PASSES { again(rejection) } else { expected };
            assert_eq!(desk.verify(DUMMY).await, expected, "{secret}: {members}");
        }
    }
    let real = Desk::of("turnstile");
    assert_eq!(real.verify(DUMMY).await, again(Rejection::Invalid), "a real secret takes no test token");
    real.stub.fail(Fault::Members(json!({ "metadata": { "result_with_testing_key": true } })));
    assert_eq!(real.verify(&real.solve()).await, again(Rejection::Invalid), "nor an answer about one");
}

#[tokio::test]
async fn captcha_rule_25_every_test_key_of_hcaptcha_gives_what_it_should_and_the_bot_is_refused() {
    let risk = Risk::at_most(0.5).unwrap();
    let token = |digit: u8| format!("{digit}0000000-aaaa-bbbb-cccc-00000000000{digit}");
    for (digit, plain, scored) in [
        (1, Ok(()), Err(Kind::Misconfigured)),
        (2, Ok(()), Ok(())),
        (3, Err(Kind::LowScore), Err(Kind::LowScore)),
    ] {
        let site_key = format!("{digit}0000000-ffff-ffff-ffff-00000000000{digit}");
        let builder = Siteverify::hcaptcha(client(), &site_key, HCAPTCHA_SECRET).danger_allow_test_keys();
        let desk = Desk::with("hcaptcha", builder);
        assert_eq!(desk.verify(&token(digit)).await, plain, "{digit}");
        assert_eq!(desk.verify("another-token").await, again(Rejection::Invalid), "{digit}");
        let builder = Siteverify::hcaptcha_enterprise(client(), &site_key, HCAPTCHA_SECRET, risk);
        let desk = Desk::with("hcaptcha", builder.danger_allow_test_keys());
        assert_eq!(desk.verify(&token(digit)).await, scored, "{digit} under a score policy");
    }
    let real = Desk::of("hcaptcha");
    assert_eq!(real.verify(&token(1)).await, again(Rejection::Invalid), "anybody can send it to a real key");
}

#[tokio::test]
async fn captcha_rule_28_the_test_key_of_recaptcha_gives_what_it_should() {
    let builder = Siteverify::recaptcha_v2(client(), RECAPTCHA_SITE_KEY, RECAPTCHA_SECRET);
    let desk = Desk::with("recaptcha", builder.danger_allow_test_keys());
    assert_eq!(desk.verify("whatever").await, Ok(()));
    desk.stub.fail(Fault::Members(json!({ "hostname": "evil.example" })));
    assert_eq!(desk.verify("whatever").await, again(Rejection::Host));
}

#[test]
fn captcha_rule_28_test_keys_do_not_start_unless_they_are_allowed_by_name() {
    let turnstile = |site_key: &str, secret: &str| Siteverify::turnstile(client(), site_key, secret);
    let hcaptcha = |site_key: &str, secret: &str| Siteverify::hcaptcha(client(), site_key, secret);
    let recaptcha = |site_key: &str, secret: &str| Siteverify::recaptcha_v2(client(), site_key, secret);
    let mut all = Vec::new();
    for secret in [TURNSTILE_PASSES, TURNSTILE_FAILS, TURNSTILE_SPENT] {
        all.push((turnstile(SITE_KEY, secret), turnstile(SITE_KEY, secret)));
    }
    for key in [
        "1x00000000000000000000AA",
        "2x00000000000000000000AB",
        "1x00000000000000000000BB",
        "2x00000000000000000000BB",
        "3x00000000000000000000FF",
    ] {
        all.push((turnstile(key, SECRET), turnstile(key, SECRET)));
    }
    for key in ["10000000-ffff-ffff-ffff-000000000001", "20000000-ffff-ffff-ffff-000000000002"] {
        all.push((hcaptcha(key, SECRET), hcaptcha(key, SECRET)));
    }
    let bot = "30000000-ffff-ffff-ffff-000000000003";
    all.push((hcaptcha(bot, HCAPTCHA_SECRET), hcaptcha(bot, HCAPTCHA_SECRET)));
    all.push((recaptcha(RECAPTCHA_SITE_KEY, SECRET), recaptcha(RECAPTCHA_SITE_KEY, SECRET)));
    all.push((recaptcha(SITE_KEY, RECAPTCHA_SECRET), recaptcha(SITE_KEY, RECAPTCHA_SECRET)));
    for (refused, allowed) in all {
        let shown = format!("{refused:?}");
        let error = refused.build().unwrap_err();
        assert!(matches!(error, SiteverifyError::TestKeys { .. }), "{shown}");
        assert!(error.to_string().contains("danger_allow_test_keys"), "{error}");
        assert!(allowed.danger_allow_test_keys().build().is_ok(), "{shown}");
    }
}

#[test]
fn captcha_rule_27_settings_that_make_no_sense_do_not_start() {
    for (site_key, secret) in
        [("", SECRET), ("a b", SECRET), (SITE_KEY, ""), (SITE_KEY, "a\nb"), ("ü", SECRET)]
    {
        let built = Siteverify::turnstile(client(), site_key, secret).build();
        let error = built.unwrap_err().to_string();
        assert!(!error.contains(SECRET), "{error}");
    }
    for url in [
        "http://vendor.example/",
        "ftp://127.0.0.1/",
        "127.0.0.1",
        "",
        "https://",
        "/siteverify",
        "http://127.0.0.1.evil.example/",
    ] {
        let built = builder("turnstile").verify_url(url).build();
        assert!(matches!(built, Err(SiteverifyError::VerifyUrl { .. })), "{url}");
    }
    for url in [
        "https://vendor.example/siteverify",
        "http://127.0.0.1:9/",
        "http://localhost:9/x",
        "http://[::1]:9/",
    ] {
        assert!(builder("turnstile").verify_url(url).build().is_ok(), "{url}");
    }
    for project in ["", "a b", "../other", "a/b"] {
        let built = Siteverify::recaptcha_enterprise(client(), SITE_KEY, project, SECRET, half()).build();
        assert!(matches!(built, Err(SiteverifyError::Project)), "{project}");
    }
}

#[tokio::test]
async fn captcha_rule_27_no_secret_and_no_token_is_printed() {
    for vendor in VENDORS {
        let desk = Desk::of(vendor);
        let mut shown = format!("{:?} {:?}", desk.verifier, builder(vendor));
        for fault in [Fault::Status(500), Fault::Silent, Fault::Html, Fault::Codes(&["invalid-input-secret"])]
        {
            desk.stub.fail(fault);
            let error = desk.ask("token-hunter3").await.unwrap_err();
            let mut source: Option<&dyn std::error::Error> = Some(&error);
            while let Some(cause) = source {
                shown += &format!(" {cause} {cause:?}");
                source = cause.source();
            }
        }
        assert!(!shown.contains("hunter"), "{vendor}: {shown}");
    }
}
