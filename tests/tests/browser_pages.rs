//! The pages themselves: what they load, and whether everybody can use them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use serde_json::json;
use tests::browser::{Browser, ENTER, SHIFT, TAB, Visit, on_both};

/// Stands in for the workers, so that the puzzle is never solved and its page stays.
const NEVER_SOLVED: &str = "window.Worker = class { postMessage() {} terminate() {} };";

/// Lets the workers ask for a script that is not there, until it is told otherwise.
const NOT_FOUND: &str = "window.lost = true;
    window.Worker = class extends Worker { constructor(url) { super(window.lost ? `${url}.lost` : url); } };";

/// Lists what a page does wrong.
const FAULTS: &str = r#"
    const faults = [];
    const all = (css) => [...document.querySelectorAll(css)];
    if (!document.documentElement.lang) faults.push("no language");
    if (!document.title.trim()) faults.push("no title");
    if (all("h1").length !== 1) faults.push(`${all("h1").length} main headings`);
    if (!document.querySelector("meta[name=viewport]")) faults.push("no viewport");
    for (const input of all("input:not([type=hidden]), select, textarea")) {
        const named = [...input.labels].some((label) => label.textContent.trim());
        if (!named) faults.push(`no label: ${input.outerHTML}`);
    }
    for (const control of all("button, a[href]")) {
        if (!control.textContent.trim()) faults.push(`no words: ${control.outerHTML}`);
    }
    for (const bar of all("progress")) {
        if (!bar.hidden && !document.getElementById(bar.getAttribute("aria-labelledby"))) faults.push("an unnamed bar");
    }
    for (const pointer of all("[aria-describedby], [aria-labelledby]")) {
        const ids = ["aria-describedby", "aria-labelledby"].flatMap((name) => (pointer.getAttribute(name) ?? "").split(" "));
        for (const id of ids.filter(Boolean)) {
            if (!document.getElementById(id)) faults.push(`points at nothing: ${id}`);
        }
    }
    const ids = all("[id]").map((element) => element.id);
    if (new Set(ids).size < ids.length) faults.push(`an id twice: ${ids}`);
    if (all("[tabindex]").some((element) => element.tabIndex > 0)) faults.push("an order of its own for the keyboard");
    const wide = document.documentElement.scrollWidth;
    if (wide > innerWidth) faults.push(`${wide} pixels wide in ${innerWidth}`);
    return faults;
"#;

/// Calls a code off, with a field beside.
const STALE: &str = r#"
    const form = document.createElement("form");
    form.method = "post";
    form.action = "/challenge/cancel?carry";
    for (const [name, value] of [["challenge-id", "TICKET"], ["note", "x".repeat(500)]]) {
        const field = document.createElement("input");
        field.name = name;
        field.value = value;
        form.append(field);
    }
    document.body.append(form);
    form.submit();
"#;

/// Goes through every page that a person with a code can see, and calls `look` with a name for each.
fn every_page(visit: &Visit<'_>, mut look: impl FnMut(&str)) {
    let browser = visit.browser;
    visit.open("/");
    look("home");
    visit.open_titled("/news", "News");
    look("news");
    visit.open_titled("/challenge/inbox", "Development inbox");
    look("inbox");

    visit.open_titled("/vault", "Verify to open the vault");
    look("blocked");
    visit.ask_for_code();
    look("code");
    visit.answer(&visit.wrong_code());
    visit.wait_for("Error: enter your code");
    look("wrong code");
    let ticket = browser.attribute("form.type [name=challenge-id]", "value");
    visit.answer(&visit.code());
    visit.wait_for("Vault");
    look("vault");
    // As a page does that was left open in another tab, with a form that was blocked.
    visit.open("/");
    let _ = browser.run(&STALE.replace("TICKET", ticket.as_str().unwrap()));
    visit.wait_for("You are verified");
    look("ready");

    visit.open("/");
    browser.click("Transfer");
    visit.wait_for("Verify to make a transfer");
    look("blocked form");
    browser.click("Send a code by text message");
    visit.wait_for("Enter your code");
    look("code for a form");
    visit.answer(&visit.code());
    visit.wait_for("Transfer");
    look("transfer");
    visit.open_titled("/ledger", "Ledger");
    look("ledger");

    visit.open("/");
    browser.fill("[name=amount]", "2");
    browser.click("Transfer");
    visit.wait_for("Verify to make a transfer");
    visit.ask_for_code();
    browser.click("Cancel");
    visit.wait_for("Verify to make a transfer");
    look("blocked form");

    browser.forget();
    visit.open("/vault");
    visit.ask_for_code();
    browser.click("Cancel");
    visit.wait_for("Done");
    look("cancelled");
    visit.open("/vault");
    browser.click("Send a code by e-mail");
    visit.wait_for("Error");
    look("too fast");
    visit.open_titled("/challenge/inbox", "Development inbox");
    look("inbox");
}

fn assert_sound(browser: &Browser, name: &str) {
    assert_eq!(browser.run(FAULTS), json!([]), "on the page {name:?}, {}", browser.url());
}

#[test]
fn every_page_is_labelled_and_fits_a_narrow_screen() {
    let browser = Browser::start();
    browser.viewport(320, 640);
    on_both(&browser, |visit| every_page(visit, |name| assert_sound(&browser, name)));
}

#[test]
fn every_page_is_labelled_and_fits_a_narrow_screen_without_javascript() {
    let browser = Browser::without_javascript();
    browser.viewport(320, 640);
    on_both(&browser, |visit| {
        every_page(visit, |name| assert_sound(&browser, name));
        visit.open_titled("/feed", "Verify to read the feed");
        assert_sound(&browser, "puzzle");
    });
}

#[test]
fn every_state_has_a_title_of_its_own() {
    let browser = Browser::without_javascript();
    on_both(&browser, |visit| {
        let mut titles = BTreeMap::new();
        every_page(visit, |name| {
            // The page to type a code is one state, whatever the code is for.
            let state = name.strip_suffix(" for a form").unwrap_or(name).to_owned();
            let known = titles.entry(browser.title()).or_insert_with(|| state.clone());
            assert_eq!(*known, state, "both have the title {:?}", browser.title());
        });
    });
}

#[test]
fn no_page_loads_anything_from_elsewhere_or_breaks_its_own_policy() {
    let browser = Browser::start();
    on_both(&browser, |visit| {
        let mut requests = 0;
        every_page(visit, |name| {
            println!("on the page {name:?}");
            requests += visit.clean_log().requests.len();
        });
        visit.open("/feed");
        visit.wait_for("Feed");
        requests += visit.clean_log().requests.len();
        assert!(requests > 20, "only {requests} requests were seen");
    });
}

#[test]
fn a_page_that_loads_something_from_elsewhere_would_be_found_out() {
    let browser = Browser::start();
    on_both(&browser, |visit| {
        let load =
            "const picture = new Image(); picture.src = 'http://127.0.0.1:9/'; document.body.append(picture);
            return new Promise((done) => { picture.onerror = () => done(picture.src); });";
        visit.open_titled("/news", "News");
        assert_eq!(browser.run(load), "http://127.0.0.1:9/");
        assert_eq!(browser.log().elsewhere(&visit.bank.url("")), ["http://127.0.0.1:9/"]);

        visit.open_titled("/vault", "Verify to open the vault");
        assert_eq!(browser.run(load), "http://127.0.0.1:9/");
        let log = browser.log();
        let stopped = log.faults().iter().any(|fault| fault.message.contains("Content Security Policy"));
        assert!(stopped, "the page's policy lets it pass: {log:?}");
    });
}

#[test]
fn the_puzzle_is_labelled_while_it_is_solved() {
    let browser = Browser::start();
    browser.viewport(320, 640);
    browser.run_first(NEVER_SOLVED);
    on_both(&browser, |visit| {
        visit.open_titled("/feed", "Verify to read the feed");
        assert!(browser.shows("progress"));
        assert_eq!(browser.text("[role=status]"), "Solving the puzzle.");
        assert_sound(&browser, "puzzle");
    });
}

#[test]
fn a_puzzle_that_cannot_start_says_so_and_can_be_tried_again() {
    let browser = Browser::start();
    browser.viewport(320, 640);
    browser.run_first(NOT_FOUND);
    on_both(&browser, |visit| {
        visit.open_titled("/feed", "Verify to read the feed");
        let said = browser.text("[role=alert]:not(:empty)");
        assert!(said.starts_with("The puzzle could not be started."), "{said}");
        assert!(!browser.shows("progress"));
        assert_sound(&browser, "puzzle that cannot start");
        let _ = browser.run("window.lost = false");
        browser.click("Try again");
        visit.wait_for("Feed");
    });
}

fn use_the_keyboard(visit: &Visit<'_>) {
    let browser = visit.browser;
    visit.open_titled("/vault", "Verify to open the vault");
    browser.press(TAB);
    assert_eq!(browser.focused(), "Send a code by text message");
    browser.press(TAB);
    assert_eq!(browser.focused(), "Send a code by e-mail");
    browser.press(ENTER);
    visit.wait_for("Enter your code");

    assert_eq!(browser.focused(), "code", "the page begins where there is something to do");
    for next in ["Continue", "Send it again", "Cancel"] {
        browser.press(TAB);
        assert_eq!(browser.focused(), next);
    }
    for back in ["Send it again", "Continue", "code"] {
        browser.press_with(SHIFT, TAB);
        assert_eq!(browser.focused(), back);
    }
    browser.press(&visit.code());
    browser.press(ENTER);
    visit.wait_for("Vault");
}

#[test]
fn a_keyboard_is_enough() {
    on_both(&Browser::start(), use_the_keyboard);
}

#[test]
fn a_keyboard_is_enough_without_javascript() {
    on_both(&Browser::without_javascript(), use_the_keyboard);
}
