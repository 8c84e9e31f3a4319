//! People with a browser and a phone: called, dialled, and in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use serde_json::json;
use tests::browser::{Browser, Visit, on_both};
use tests::http::Request;

const AT_THE_LOCKER: &str = "This is your locker. Your phone has opened it.";

/// Lets the phone ring, and returns the PIN on the page and the call.
fn called(visit: &Visit<'_>) -> (String, String) {
    let browser = visit.browser;
    visit.open_titled("/locker", "Verify to open the locker");
    browser.click("Call me");
    visit.wait_for("Dial your PIN");
    let pin = browser.text("code.code");
    let call = visit.bank.inbox()[0]["call"].as_str().unwrap().to_owned();
    assert_eq!(pin.len(), 6, "{pin}");
    (pin, call)
}

fn dial(visit: &Visit<'_>, call: &str, keys: &str) {
    let dialled = visit.bank.ask(&Request::json("/challenge/dial", &json!({ "id": call, "code": keys })));
    assert_eq!(dialled.json()["status"], "entered", "{}", dialled.text());
}

#[test]
fn the_page_goes_on_by_itself_once_the_pin_is_dialled() {
    on_both(&Browser::start(), |visit| {
        let (pin, call) = called(visit);
        assert!(visit.browser.text("[role=status].state").contains("goes on by itself"));
        dial(visit, &call, &pin);
        visit.wait_for("Locker");
        assert!(visit.is_at("/locker") && visit.browser.text("body").contains(AT_THE_LOCKER));
        let _ = visit.clean_log();
    });
}

#[test]
fn a_wrong_pin_is_announced_by_itself() {
    on_both(&Browser::start(), |visit| {
        let (_, call) = called(visit);
        dial(visit, &call, "999");
        visit.wait_for("Error: dial your PIN");
        let said = "The PIN that was dialled is not this one. Let us call once more.";
        assert_eq!(visit.browser.text("[role=alert]"), said);
    });
}

#[test]
fn without_javascript_a_button_goes_on() {
    on_both(&Browser::without_javascript(), |visit| {
        let browser = visit.browser;
        let (pin, call) = called(visit);
        browser.click("I have dialled it");
        visit.wait_for("Error: dial your PIN");
        assert!(browser.text("[role=alert]").contains("not heard from your phone"));
        assert_eq!(browser.text("code.code"), pin, "it still stands there");
        dial(visit, &call, &pin);
        browser.click("I have dialled it");
        visit.wait_for("Locker");
        assert!(browser.text("body").contains(AT_THE_LOCKER));
    });
}

/// The developer's telephone is a page, too.
#[test]
fn the_inbox_has_keys() {
    on_both(&Browser::without_javascript(), |visit| {
        let browser = visit.browser;
        let (pin, _) = called(visit);
        visit.open_titled("/challenge/inbox", "Development inbox");
        browser.fill("#dial-1", &pin);
        // The page behind the button has the title of the one before it.
        browser.leave_by("Answer, or hang up with nothing dialled");
        visit.wait_for("Development inbox");
        visit.open_titled("/locker", "Verify to open the locker");
        browser.click("Call me");
        visit.wait_for("Dial your PIN");
        browser.click("I have dialled it");
        visit.wait_for("Locker");
    });
}
