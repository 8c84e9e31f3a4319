//! Captchas against vendors that speak as the real ones do, and go wrong as real ones do.
#![cfg(feature = "siteverify")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/siteverify.rs"]
mod stub;

use std::time::{Duration, SystemTime};

use serde_json::json;
use stub::{Fault, SECRET, SITE_KEY};
use verify_core::{
    CaptchaContext, CaptchaError, CaptchaErrorKind as Kind, CaptchaVerifier, Clock, FakeClock,
    FetchErrorKind, Rejection, SystemClock, WidgetSigns,
};
use verify_providers::HttpClient;
use verify_providers::siteverify::{Risk, Siteverify, SiteverifyBuilder, SiteverifyError, Trust};

const HOST: &str = "bank.example";
const ACTION: &str = "feed";
const BINDING: &str = "0123456789abcdef0123456789abcdef";
const ATTEMPT: &str = "11111111-2222-4333-8444-555555555555";

fn client() -> HttpClient {
    HttpClient::new().unwrap()
}

fn half() -> Trust {
    Trust::at_least(0.5).unwrap()
}

/// Every vendor, by the name that the stub has for it.
fn builder(vendor: &str) -> SiteverifyBuilder {
    match vendor {
        "turnstile" => Siteverify::turnstile(client(), SITE_KEY, SECRET),
        "hcaptcha" => Siteverify::hcaptcha(client(), SITE_KEY, SECRET),
        "recaptcha" => Siteverify::recaptcha_v2(client(), SITE_KEY, SECRET),
        "recaptcha-v3" => Siteverify::recaptcha_v3(client(), SITE_KEY, SECRET, half()),
        "enterprise" => Siteverify::recaptcha_enterprise(client(), SITE_KEY, "project-1", SECRET, half()),
        other => panic!("no vendor {other}"),
    }
}

const VENDORS: [&str; 5] = ["turnstile", "hcaptcha", "recaptcha", "recaptcha-v3", "enterprise"];

struct Desk {
    stub: stub::Siteverify,
    vendor: &'static str,
    verifier: Siteverify,
}

impl Desk {
    fn of(vendor: &'static str) -> Self {
        Self::with(vendor, builder(vendor).deadline(Duration::from_millis(300)))
    }

    fn with(vendor: &'static str, builder: SiteverifyBuilder) -> Self {
        let stub = stub::Siteverify::start();
        let verifier = builder.verify_url(stub.url(vendor)).build().unwrap();
        Self { stub, vendor, verifier }
    }

    fn solve(&self) -> String {
        self.stub.solve(HOST, ACTION, BINDING)
    }

    async fn verify(&self, token: &str) -> Result<(), Kind> {
        self.ask(token).await.map_err(|error| error.kind())
    }

    async fn ask(&self, token: &str) -> Result<(), CaptchaError> {
        self.verifier.verify(token, &context(SystemClock::default().now())).await
    }
}

fn context(now: SystemTime) -> CaptchaContext<'static> {
    CaptchaContext::new(HOST, now).with_action(ACTION).with_binding(BINDING).with_attempt(ATTEMPT)
}

const fn again(rejection: Rejection) -> Result<(), Kind> {
    Err(Kind::SolveAgain(rejection))
}

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

// Test keys

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
