//! Vendors' captchas at both banks: over sockets, and in a browser that gets the vendors' scripts from the vendors' hosts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use serde_json::{Value, json};
use tests::bank::{Bank, FRAMEWORKS, Framework};
use tests::browser::{Browser, Visit};
use tests::http::{Request, Response};
use tests::scenario::{GUARDED, Transcript, challenges, differences, run_captcha};
use tests::siteverify::{SECRET, Siteverify};
use tests::widgets::Widgets;

const VENDORS: [&str; 3] = ["turnstile", "hcaptcha", "recaptcha"];

#[test]
fn r12_captcha_rule_24_both_banks_say_the_same_of_every_vendor_and_every_fault() {
    let play = |framework, vendor| {
        let stub = Siteverify::start();
        let bank = Bank::start_with_captcha(framework, vendor, &stub);
        let played = run_captcha(&bank, &stub);
        let printed = bank.printed();
        // R60: not even at the level at which everything is printed.
        assert!(!printed.contains(SECRET), "{vendor} at {framework:?} prints its secret");
        assert!(!printed.contains("-of-a-visitor"), "{vendor} at {framework:?} prints a token");
        played
    };
    for vendor in VENDORS {
        let played: Vec<Transcript> = std::thread::scope(|scope| {
            let runs = FRAMEWORKS.map(|framework| scope.spawn(move || play(framework, vendor)));
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        for (framework, played) in FRAMEWORKS.iter().zip(&played) {
            let surprises = played.surprises();
            assert!(surprises.is_empty(), "{vendor} at {framework:?}:\n{}", surprises.join("\n"));
        }
        let report = differences(&played[0].exchanges(), &played[1].exchanges());
        assert!(report.is_empty(), "{vendor}: axum (-) and actix (+) differ:\n{report}");
        for exchange in played.iter().flat_map(Transcript::raw).filter(|exchange| exchange.expected != 200) {
            let shown = exchange.response.text();
            assert!(
                !GUARDED.iter().any(|text| shown.contains(text)),
                "{} shows what is guarded",
                exchange.name
            );
        }
    }
}

fn offer(bank: &Bank, user: &str) -> Value {
    challenges(&bank.ask(&Request::get("/feed").user(user))).remove(0)
}

fn check(bank: &Bank, user: &str, offer: &Value, token: &str) -> Response {
    bank.ask(&Request::json("/challenge/check", &json!({ "id": offer["id"], "token": token })).user(user))
}

#[test]
fn captcha_rule_02_of_fifty_parallel_uses_over_sockets_one_passes() {
    for framework in FRAMEWORKS {
        let stub = Siteverify::start();
        // This vendor signs no challenge, so that one token could do for any ticket.
        let bank = Bank::start_with_captcha(framework, "recaptcha", &stub);
        let offers: Vec<Value> = (0..50).map(|n| offer(&bank, &format!("user-{n}"))).collect();
        let token = stub.solve("localhost", "", "");
        let passed: usize = std::thread::scope(|scope| {
            let tries: Vec<_> = offers
                .iter()
                .enumerate()
                .map(|(n, offer)| {
                    let (bank, token) = (&bank, &token);
                    scope.spawn(move || {
                        usize::from(check(bank, &format!("user-{n}"), offer, token).status == 200)
                    })
                })
                .collect();
            tries.into_iter().map(|one| one.join().unwrap()).sum()
        });
        assert_eq!(passed, 1, "{framework:?}");
    }
}

fn with_test_keys(
    framework: Framework,
    vendor: &str,
    site_key: &str,
    secret: &str,
    stub: &Siteverify,
) -> Bank {
    let prefix = vendor.to_ascii_uppercase();
    let variables = [
        (format!("{prefix}_SITE_KEY"), site_key.to_owned()),
        (format!("{prefix}_SECRET"), secret.to_owned()),
        (format!("{prefix}_VERIFY_URL"), stub.url(vendor)),
        ("CAPTCHA_ALLOW_TEST_KEYS".to_owned(), "1".to_owned()),
    ];
    Bank::start_in(framework, &["--preset", "none", "--captcha", vendor], &variables)
}

#[test]
fn captcha_rule_28_the_public_test_keys_do_at_a_bank_what_they_should() {
    let dummy = "XXXX.DUMMY.TOKEN.XXXX";
    for framework in FRAMEWORKS {
        for (vendor, site_key, secret, token, status, reason) in [
            ("turnstile", "1x00000000000000000000AA", "1x0000000000000000000000000000000AA", dummy, 200, ""),
            (
                "turnstile",
                "1x00000000000000000000AA",
                "1x0000000000000000000000000000000AA",
                "other",
                403,
                "invalid",
            ),
            (
                "turnstile",
                "2x00000000000000000000AB",
                "2x0000000000000000000000000000000AA",
                dummy,
                403,
                "invalid",
            ),
            (
                "turnstile",
                "3x00000000000000000000FF",
                "3x0000000000000000000000000000000AA",
                dummy,
                403,
                "duplicate",
            ),
            (
                "hcaptcha",
                "10000000-ffff-ffff-ffff-000000000001",
                "0x0000000000000000000000000000000000000000",
                "10000000-aaaa-bbbb-cccc-000000000001",
                200,
                "",
            ),
            (
                "hcaptcha",
                "30000000-ffff-ffff-ffff-000000000003",
                "0x0000000000000000000000000000000000000000",
                "30000000-aaaa-bbbb-cccc-000000000003",
                403,
                "low_score",
            ),
            (
                "recaptcha",
                "6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI",
                "6LeIxAcTAAAAAGG-vFI1TnRWxMZNFuojJ4WifJWe",
                "anything",
                200,
                "",
            ),
        ] {
            let stub = Siteverify::start();
            let bank = with_test_keys(framework, vendor, site_key, secret, &stub);
            let challenge = offer(&bank, "ada");
            assert_eq!((&challenge["type"], &challenge["site_key"]), (&json!(vendor), &json!(site_key)));
            let reply = check(&bank, "ada", &challenge, token);
            assert_eq!(reply.status, status, "{framework:?} {vendor} {site_key}: {}", reply.text());
            if status != 200 {
                assert_eq!(reply.json()["reason"], reason, "{framework:?} {vendor} {site_key}");
            }
        }
    }
}

/// A browser at either bank, behind each vendor, with the vendors' scripts.
fn at_every_vendor(scenario: impl Fn(&Visit<'_>, &str, &Siteverify)) {
    let widgets = Widgets::start();
    let browser = Browser::start_beside(widgets.port());
    for framework in FRAMEWORKS {
        for vendor in VENDORS {
            println!("at the bank on {framework:?}, behind {vendor}");
            browser.forget();
            let _ = browser.log();
            let stub = Siteverify::start();
            let bank = Bank::start_with_captcha(framework, vendor, &stub);
            scenario(&Visit::to(bank, &browser), vendor, &stub);
        }
    }
}

/// Where each vendor's script comes from.
fn script_of(vendor: &str) -> &'static str {
    match vendor {
        "turnstile" => "https://challenges.cloudflare.com/turnstile/v0/api.js",
        "hcaptcha" => "https://js.hcaptcha.com/1/api.js",
        _ => "https://www.google.com/recaptcha/api.js",
    }
}

#[test]
fn captcha_rule_21_a_vendors_widget_works_under_the_pages_own_policy() {
    at_every_vendor(|visit, vendor, stub| {
        let browser = visit.browser;
        visit.open_titled("/news", "News");
        assert!(browser.log().elsewhere(&visit.bank.url("")).is_empty(), "a free page asks no vendor");
        visit.open_titled("/vault", "Verify to open the vault");
        assert!(browser.log().elsewhere(&visit.bank.url("")).is_empty(), "nor does another challenge");

        visit.open_titled("/feed", "Verify to read the feed");
        browser.click("I am human");
        visit.wait_for("Feed");
        let log = browser.log();
        assert!(log.faults().is_empty(), "{vendor}: the console says {:?}", log.faults());
        let origin = |url: &str| url.split('/').take(3).collect::<Vec<_>>().join("/");
        let elsewhere = log.elsewhere(&visit.bank.url("")).into_iter().map(str::to_owned).collect::<Vec<_>>();
        assert!(elsewhere.iter().any(|url| url.starts_with(script_of(vendor))), "{vendor}: {elsewhere:?}");
        assert!(
            elsewhere.iter().all(|url| origin(url) == origin(script_of(vendor))),
            "{vendor}: {elsewhere:?}"
        );
        assert_eq!(stub.asked().len(), 1, "{vendor} is asked once");
        visit.open_titled("/feed", "Feed");
    });
}

#[test]
fn captcha_rule_21_a_page_lets_no_other_vendor_in() {
    at_every_vendor(|visit, vendor, _| {
        let browser = visit.browser;
        visit.open_titled("/feed", "Verify to read the feed");
        let _ = browser.text(".widget button");
        let frame = "const frame = document.createElement('iframe'); frame.src = 'https://other.example/';
            const stopped = new Promise((done) => {
                document.addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective));
            });
            document.body.append(frame); return stopped;";
        assert_eq!(browser.run(frame), "frame-src", "{vendor}");
        let call = "return fetch('https://other.example/').then(() => 'sent', () => 'stopped');";
        assert_eq!(browser.run(call), "stopped", "{vendor}");
        let markup = "const stopped = new Promise((done) => {
                document.addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective));
            });
            document.body.insertAdjacentHTML('beforeend', '<img src=\"https://other.example/a.png\">'); return stopped;";
        assert_eq!(browser.run(markup), "img-src", "{vendor}");
    });
}

#[test]
fn captcha_rule_22_a_refused_token_and_a_failed_widget_lead_on() {
    at_every_vendor(|visit, vendor, stub| {
        let browser = visit.browser;
        visit.open_titled("/feed", "Verify to read the feed");
        browser.click("I am a machine");
        assert!(browser.text("[role=alert]:not(:empty)").starts_with("The check did not work."), "{vendor}");

        stub.fail(tests::siteverify::Fault::Members(json!({ "hostname": "evil.example" })));
        browser.click("I am human");
        visit.wait_for("Error");
        assert!(browser.text("[role=alert]").starts_with("The check did not succeed."), "{vendor}");
        stub.fail(tests::siteverify::Fault::None);
        browser.click("Go back");
        visit.wait_for("Verify to read the feed");
        browser.click("I am human");
        visit.wait_for("Feed");
    });
}

#[test]
fn captcha_rule_22_a_vendor_that_does_not_load_is_told_in_plain_words() {
    let widgets = Widgets::start();
    let browser = Browser::start_beside(widgets.port());
    for framework in FRAMEWORKS {
        browser.forget();
        let stub = Siteverify::start();
        let bank = Bank::start_with_captcha(framework, "turnstile", &stub);
        let visit = Visit::to(bank, &browser);
        browser.block(&["https://challenges.cloudflare.com/*"]);
        visit.open_titled("/feed", "Verify to read the feed");
        let said = browser.text("[role=alert]:not(:empty)");
        assert!(said.starts_with("The check could not be loaded."), "{said}");
        browser.block(&[]);
        browser.click("Try again");
        browser.click("I am human");
        visit.wait_for("Feed");
    }
}

#[test]
fn captcha_rule_22_without_javascript_the_page_says_what_is_needed() {
    let browser = Browser::without_javascript();
    for framework in FRAMEWORKS {
        let _ = browser.log();
        let stub = Siteverify::start();
        let visit = Visit::to(Bank::start_with_captcha(framework, "hcaptcha", &stub), &browser);
        visit.open_titled("/feed", "Verify to read the feed");
        assert!(browser.text("noscript .error").contains("needs JavaScript, which is off"));
        browser.click("Load this page again");
        visit.wait_for("Verify to read the feed");
        let log = browser.log();
        let mut elsewhere = log.elsewhere(&visit.bank.url(""));
        // The tab that the browser begins with is its own.
        elsewhere.retain(|url| !url.starts_with("chrome:"));
        assert!(elsewhere.is_empty(), "no vendor hears of it: {elsewhere:?}");
    }
}
