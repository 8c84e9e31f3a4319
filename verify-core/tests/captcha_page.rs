//! A captcha on the challenge page.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/vendor.rs"]
mod vendor;

use bank::{Bank, Request, blocked, headers_of, text_of};
use vendor::Vendor;
use verify_core::{
    Factor, Gate, Outage, Policy, Reply, WidgetApi, WidgetSigns, WidgetSources, any_of, first_of,
};

fn page_of(gate: &Gate) -> Reply {
    blocked(gate, Request::get("/feed").user("alice").browser())
}

fn content_policy(reply: &Reply) -> String {
    headers_of(reply, "content-security-policy").concat()
}

#[test]
fn captcha_rule_21_a_page_allows_a_vendor_only_while_its_captcha_is_shown() {
    let (bank, vendor) = (Bank::new(), Vendor::new());
    let captcha = bank.gate(Policy::new("feed").require(Factor::captcha("human", vendor)));
    let code = bank.gate(Policy::new("vault").require(Factor::code("step-up")));
    let (with, without) = (page_of(&captcha), page_of(&code));
    let nonce = text_of(&with).split("nonce=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(
        content_policy(&with),
        format!(
            "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' https://gatekeeper.example; \
             style-src 'nonce-{nonce}'; worker-src 'self'; img-src 'self' data:; connect-src 'self'; \
             frame-src https://gatekeeper.example; form-action 'self'; base-uri 'none'; object-src 'none'; \
             frame-ancestors 'none'"
        )
    );
    assert_eq!(headers_of(&with, "referrer-policy"), ["strict-origin-when-cross-origin"]);
    assert!(text_of(&with).contains("/challenge/captcha.js"));
    assert!(
        !content_policy(&without).contains("gatekeeper") && !content_policy(&without).contains("frame-src")
    );
    assert!(!text_of(&without).contains("captcha.js") && !text_of(&without).contains("gatekeeper"));
    assert_eq!(headers_of(&without, "referrer-policy"), ["same-origin"]);
    let script = bank.ask(Request::get("/challenge/captcha.js"));
    assert_eq!(script.status(), 200);
    assert_eq!(headers_of(&script, "content-type"), ["text/javascript; charset=utf-8"]);
    assert_eq!(bank.ask(Request::new("POST", "/challenge/captcha.js")).status(), 405);
}

#[test]
fn captcha_rule_21_what_waits_behind_a_vendor_brings_nothing_of_its_own_yet() {
    let bank = Bank::new();
    let other = Vendor::called("other")
        .with(|widget| widget.sources(WidgetSources::default().scripts(["https://other.example"])));
    let first = Factor::captcha("first", Vendor::new()).when_down(Outage::Fallback);
    let chain = first_of((first, Factor::captcha("second", other)));
    let page = page_of(&bank.gate(Policy::new("feed").require(chain)));
    assert!(content_policy(&page).contains("gatekeeper.example"));
    assert!(!content_policy(&page).contains("other.example"), "{}", content_policy(&page));
    assert!(text_of(&page).contains("Look for another way"));
}

#[test]
fn captcha_rule_22_a_page_says_who_checks_and_what_to_do_without_javascript() {
    let bank = Bank::new();
    let alone = bank.gate(Policy::new("feed").require(Factor::captcha("human", Vendor::new())));
    let text = text_of(&page_of(&alone));
    assert!(
        text.contains("A check by Gatekeeper") && text.contains("Your browser connects to Gatekeeper"),
        "{text}"
    );
    let noscript = text.split("<noscript>").nth(1).unwrap().split("</noscript>").next().unwrap();
    assert!(noscript.contains("needs JavaScript") && noscript.contains("Load this page again"), "{noscript}");
    assert!(!text.contains("Look for another way"), "there is none");

    let bank = Bank::new();
    let choice = any_of((Factor::captcha("human", Vendor::new()), Factor::code("step-up")));
    let text = text_of(&page_of(&bank.gate(Policy::new("feed").require(choice))));
    let noscript = text.split("<noscript>").nth(1).unwrap();
    assert!(noscript.contains("Choose another way on this page"), "{noscript}");
    assert!(text.contains("Send a code by text message"), "{text}");
}

#[test]
fn captcha_rule_21_a_page_hands_the_script_what_the_vendor_signs() {
    let page = |vendor: Vendor| {
        let bank = Bank::new();
        text_of(&page_of(&bank.gate(Policy::new("the-feed").require(Factor::captcha("human", vendor)))))
    };
    let all = page(Vendor::new());
    for part in [
        "data-script=\"https://gatekeeper.example/api.js\"",
        "data-object=\"gatekeeper\"",
        "data-site-key=\"key-of-gatekeeper\"",
        "data-action=\"the_feed\"",
        "data-cdata=\"",
        "data-shown",
        "data-auto",
    ] {
        assert!(all.contains(part), "{part} in {all}");
    }
    let silent =
        page(Vendor::new().with(|widget| {
            widget.api(WidgetApi::Execute("grecaptcha.enterprise")).signs(WidgetSigns::Action)
        }));
    assert!(silent.contains("data-object=\"grecaptcha.enterprise\"") && !silent.contains("data-shown"));
    assert!(silent.contains("data-action=") && !silent.contains("data-cdata="), "{silent}");
}
