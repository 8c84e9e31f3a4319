//! ALTCHA's own widget, unmodified, in a browser at either bank: both formats, and a code typed into it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use tests::altcha;
use tests::browser::{Browser, Visit, on_both_with};

const CHECKBOX: &str = "return document.querySelector('altcha-widget input[type=checkbox]')";

fn visit(formats: &[&str], scenario: impl Fn(&Visit<'_>)) {
    let dist = altcha::widget();
    let dist = dist.to_str().expect("the target folder has a name in UTF-8");
    let browser = Browser::start();
    for format in formats {
        println!("in format {format}");
        on_both_with(&browser, &["--altcha-widget", dist, "--work", format], &scenario);
    }
}

/// Ticks the box, as a person does, and waits until the widget says that it is content.
fn tick(visit: &Visit<'_>) {
    let _ = visit.browser.text("altcha-widget label");
    let _ = visit.browser.run(&format!("{CHECKBOX}.click()"));
}

#[test]
fn captcha_rule_21_the_widget_opens_the_feed_under_a_strict_policy() {
    visit(&["v1", "v2"], |visit| {
        let browser = visit.browser;
        visit.open_titled("/feed", "Verify to read the feed");
        browser.goto("about:blank");
        visit.open_titled("/widget/feed", "Feed by widget");
        tick(visit);
        browser.wait_until(
            "the widget is content",
            "return document.querySelector('altcha-widget input[name=altcha]')?.value",
        );
        browser.click("Continue");
        browser.wait_for_title("Demo Bank");
        assert!(visit.is_at("/"), "{}", browser.url());
        visit.open_titled("/feed", "Feed");
        let asked = visit.clean_log().requests;
        for path in ["/challenge/altcha?policy=feed", "/widget/altcha.min.js", "/widget/altcha.css"] {
            assert!(asked.contains(&visit.bank.url(path)), "{path}: {asked:?}");
        }
        assert_eq!(visit.messages(), 0);
    });
}

#[test]
fn captcha_rule_01_a_code_typed_into_the_widget_opens_the_safe() {
    visit(&["v1", "v2"], |visit| {
        let browser = visit.browser;
        visit.open_titled("/widget/safe", "Safe by widget");
        assert_eq!(visit.messages(), 0, "nothing is sent that nobody has worked for");
        tick(visit);
        let field = "altcha-widget .altcha-code-challenge-input, altcha-widget input[type=text]";
        let _ = browser.attribute(field, "maxlength");
        browser.wait_until("a message", "return document.querySelector('altcha-widget img')?.complete");
        visit.wait_for_message();
        let wrong = visit.wrong_code();
        browser.fill(field, &wrong);
        browser.press("\u{e007}");
        browser.wait_until(
            "the widget says no",
            "return document.querySelector('altcha-widget [data-state=error]') !== null",
        );

        // Again from the start: the work first, then the same code, since it was not sent anew.
        tick(visit);
        let _ = browser.attribute(field, "maxlength");
        browser.fill(field, &visit.code());
        browser.press("\u{e007}");
        browser.wait_until(
            "the widget says yes",
            "return document.querySelector('altcha-widget [data-state=verified]') !== null",
        );
        browser.click("Continue");
        visit.wait_for("Safe");
        assert!(visit.is_at("/safe"), "{}", browser.url());
        assert_eq!(visit.messages(), 1);
        let _ = visit.clean_log();
    });
}

#[test]
fn captcha_rule_21_our_own_page_solves_the_first_format_too() {
    visit(&["v1"], |visit| {
        visit.open("/feed");
        visit.wait_for("Feed");
        assert!(visit.is_at("/feed"), "{}", visit.browser.url());
        let _ = visit.clean_log();
    });
}
