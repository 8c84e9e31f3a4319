//! People with a browser at either bank: blocked, challenged, and in.
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

const IN_THE_VAULT: &str = "You are in the vault. Mind the gold.";

/// Notes in the tab's own storage, which outlives the page, that the progress was shown and what was said beside it.
const WATCH_THE_WORK: &str = r#"
    new MutationObserver(() => {
        const bar = document.querySelector("progress");
        if (bar && !bar.hidden) {
            sessionStorage.setItem("bar", bar.getAttribute("aria-labelledby"));
            sessionStorage.setItem("said", document.querySelector("[role=status]").textContent);
        }
    }).observe(document, { subtree: true, childList: true, attributes: true });
"#;

/// Types the code as people read it off a telephone: in two groups.
fn in_groups(code: &str) -> String {
    let (first, second) = code.split_at(3);
    format!("{first} {second}")
}

fn get_into_the_vault(visit: &Visit<'_>) {
    let browser = visit.browser;
    visit.open_titled("/vault", "Verify to open the vault");
    assert!(visit.is_at("/vault"), "{}", browser.url());
    assert!(!browser.source().contains(IN_THE_VAULT));
    assert_eq!(visit.messages(), 0, "nothing is sent that nobody asked for");

    visit.ask_for_code();
    assert_eq!(visit.messages(), 1);
    visit.answer(&in_groups(&visit.code()));
    visit.wait_for("Vault");
    assert!(visit.is_at("/vault"), "{}", browser.url());
    assert!(browser.text("body").contains(IN_THE_VAULT));

    visit.open_titled("/vault", "Vault");
    assert_eq!(visit.messages(), 1, "the second visit asks for nothing");
}

#[test]
fn r13_r50_a_code_opens_the_vault_in_place() {
    on_both(&Browser::start(), get_into_the_vault);
}

#[test]
fn r13_r50_a_code_opens_the_vault_without_javascript() {
    on_both(&Browser::without_javascript(), get_into_the_vault);
}

fn err_first(visit: &Visit<'_>) {
    let browser = visit.browser;
    visit.open("/vault");
    visit.ask_for_code();
    assert!(!browser.shows("[role=alert]") && browser.attribute("#code", "aria-invalid").is_null());
    visit.answer(&visit.wrong_code());
    visit.wait_for("Error: enter your code");
    assert_eq!(browser.text("[role=alert]"), "That code is not right. Check it and try again.");
    assert_eq!(browser.focused(), "code");
    assert_eq!(browser.attribute("#code", "aria-invalid"), "true");
    assert!(browser.text("#about").contains("4 tries left"), "{}", browser.text("#about"));
    assert_eq!(browser.run("return document.querySelector('#code').value"), "", "a wrong code is not kept");

    visit.answer(&visit.code());
    visit.wait_for("Vault");
    assert_eq!(visit.messages(), 1);
}

#[test]
fn r37_a_wrong_code_is_announced_and_costs_one_try() {
    on_both(&Browser::start(), err_first);
}

#[test]
fn r37_a_wrong_code_is_announced_and_costs_one_try_without_javascript() {
    on_both(&Browser::without_javascript(), err_first);
}

#[test]
fn the_puzzle_solves_itself_and_shows_its_progress() {
    let browser = Browser::start();
    browser.run_first(WATCH_THE_WORK);
    on_both(&browser, |visit| {
        visit.open("/feed");
        visit.wait_for("Feed");
        assert!(visit.is_at("/feed"), "{}", browser.url());
        assert!(browser.text("body").contains("Every line of this feed was paid for"));
        assert_eq!(browser.run("return sessionStorage.getItem('bar')"), "puzzle-1");
        let said = browser.run("return sessionStorage.getItem('said')");
        assert!(!said.as_str().unwrap().is_empty(), "a screen reader hears nothing");
        let asked = visit.clean_log().requests;
        assert!(asked.contains(&visit.bank.url("/challenge/challenge.js")), "{asked:?}");
        assert_eq!(visit.messages(), 0);
        visit.open_titled("/feed", "Feed");
    });
}

#[test]
fn without_javascript_the_puzzle_says_in_plain_words_what_it_needs() {
    let browser = Browser::without_javascript();
    on_both(&browser, |visit| {
        for (path, title) in [("/feed", "Verify to read the feed"), ("/safe", "Verify to open the safe")] {
            visit.open_titled(path, title);
            let words = "The puzzle needs JavaScript, which is off. Please switch it on for this site, then load the page again.";
            assert_eq!(browser.text("noscript .error"), words);
            assert!(!browser.shows("progress") && !browser.shows("button"), "nothing that does not work");
            browser.click("Load this page again");
            visit.wait_for(title);
            assert!(visit.is_at(path), "{}", browser.url());
        }
        visit.open_titled("/news", "News");
    });
}

#[test]
fn the_safe_takes_the_puzzle_and_then_a_code() {
    let browser = Browser::start();
    on_both(&browser, |visit| {
        visit.open("/safe");
        visit.ask_for_code();
        visit.answer(&visit.code());
        visit.wait_for("Safe");
        assert!(visit.is_at("/safe"), "{}", browser.url());
        assert!(browser.text("body").contains("You are in the safe, behind two doors."));
        assert_eq!(visit.messages(), 1);
        let _ = visit.clean_log();
    });
}

/// A name in which everything stands that has a meaning in a form, a page or an address.
const PAYEE: &str = r#"A & B <é> "q""#;

fn call_a_transfer_off(visit: &Visit<'_>) {
    let browser = visit.browser;
    visit.open("/");
    browser.fill("[name=payee_name]", PAYEE);
    browser.click("Transfer");
    visit.wait_for("Verify to make a transfer");
    visit.ask_for_code();
    let code = visit.code();
    let ticket = browser.attribute("form.type [name=challenge-id]", "value");
    browser.click("Cancel");
    visit.wait_for("Verify to make a transfer");
    assert_eq!(browser.text("[role=status]"), "The code was cancelled. Nobody can use it any more.");
    assert_eq!(browser.attribute("[name=payee_name]", "value"), PAYEE, "what was filled in is kept");
    let answer = json!({ "id": ticket, "code": code });
    let refused = visit.bank.ask(&Request::json("/challenge/check", &answer));
    assert!((400..500).contains(&refused.status), "{} {}", refused.status, refused.text());
    browser.click("Send a code by text message");
    visit.wait_for("Error: verify to make a transfer");
    assert_eq!(browser.attribute("[name=payee_name]", "value"), PAYEE, "what was filled in is kept");
    assert_eq!(visit.ledger(), json!([]));
}

#[test]
fn r15_a_form_that_was_called_off_is_kept_and_not_executed() {
    on_both(&Browser::start(), call_a_transfer_off);
}

fn make_a_transfer(visit: &Visit<'_>) {
    let browser = visit.browser;
    visit.open("/");
    browser.fill("[name=amount]", "1000.50");
    browser.fill("[name=payee_name]", PAYEE);
    browser.click("Transfer");
    visit.wait_for("Verify to make a transfer");
    assert!(visit.is_at("/transfers"), "{}", browser.url());
    assert_eq!(visit.ledger(), json!([]), "it is blocked");

    visit.ask_for_code();
    visit.answer(&visit.wrong_code());
    visit.wait_for("Error: enter your code");
    browser.click("Send it again");
    visit.wait_for("Enter your code");
    assert_eq!(visit.ledger(), json!([]), "it is blocked");
    visit.answer(&in_groups(&visit.code()));
    visit.wait_for("Transfer");
    assert!(browser.text("body").contains("Transfer 1 is made."));
    assert!(visit.is_at("/transfers"), "{}", browser.url());

    let payee = json!({ "name": PAYEE, "iban": "DE89370400440532013000" });
    let entry = json!({ "id": 1, "amount": "1000.50", "currency": "EUR", "payee": payee });
    assert_eq!(visit.ledger(), json!([entry]));
    visit.open_titled("/ledger", "Ledger");
    assert_eq!(browser.text("bdi"), PAYEE);
}

#[test]
fn r15_a_blocked_form_arrives_exactly_once() {
    on_both(&Browser::start(), make_a_transfer);
}

#[test]
fn r15_a_blocked_form_arrives_exactly_once_without_javascript() {
    on_both(&Browser::without_javascript(), make_a_transfer);
}

#[test]
fn r44_asking_again_within_the_window_sends_nothing() {
    let browser = Browser::without_javascript();
    on_both(&browser, |visit| {
        visit.open("/vault");
        visit.ask_for_code();
        let code = visit.code();
        for _ in 0..3 {
            let _ = browser.run("document.title = 'before'");
            browser.click("Send it again");
            visit.wait_for("Enter your code");
        }
        assert_eq!(visit.messages(), 1);
        visit.answer(&code);
        visit.wait_for("Vault");
    });
}

#[test]
fn r39_a_cancelled_code_opens_nothing() {
    let browser = Browser::without_javascript();
    on_both(&browser, |visit| {
        visit.open("/vault");
        visit.ask_for_code();
        let ticket = browser.attribute("form.type [name=challenge-id]", "value");
        browser.click("Cancel");
        visit.wait_for("Done");
        assert_eq!(browser.text("[role=status]"), "The code was cancelled. Nobody can use it any more.");
        let answer = json!({ "id": ticket, "code": visit.code() });
        let refused = visit.bank.ask(&Request::json("/challenge/check", &answer));
        assert!((400..500).contains(&refused.status), "{} {}", refused.status, refused.text());
        browser.click("Go back");
        visit.open_titled("/vault", "Verify to open the vault");
    });
}

#[test]
fn r61_the_inbox_shows_what_was_sent() {
    let browser = Browser::without_javascript();
    on_both(&browser, |visit| {
        visit.open("/");
        browser.click("development inbox");
        visit.wait_for("Development inbox");
        assert_eq!(browser.text(".status"), "Nothing has arrived yet.");

        visit.open("/vault");
        visit.ask_for_code();
        let code = visit.code();
        visit.open_titled("/challenge/inbox", "Development inbox");
        browser.click("Look for new messages");
        visit.wait_for("Development inbox");
        assert_eq!(browser.text(".code"), code);
        let message = browser.text("pre");
        assert!(message.lines().last().unwrap().ends_with(&format!("@localhost #{code}")), "{message}");
        assert!(message.contains("open the vault"), "{message}");
    });
}

#[test]
fn what_one_tab_proves_clears_the_other() {
    let browser = Browser::start();
    on_both(&browser, |visit| {
        visit.open("/vault");
        visit.ask_for_code();
        let first = browser.new_tab();
        visit.open("/vault");
        visit.ask_for_code();
        assert_eq!(visit.messages(), 1, "both tabs stand for one wish");
        visit.answer(&visit.code());
        visit.wait_for("Vault");
        let second = browser.new_tab();
        visit.open_titled("/vault", "Vault");
        browser.close_tab(&second);
        browser.close_tab(&first);
        visit.open_titled("/vault", "Vault");
    });
}

/// The bank has no form for its vault, so its home page gets one.
const POST_TO_THE_VAULT: &str = r#"
    const form = document.createElement("form");
    form.method = "post";
    form.action = "/vault";
    const field = document.createElement("input");
    field.name = "note";
    field.value = "A & B <é>";
    form.append(field);
    document.body.append(form);
    form.submit();
"#;

fn press_on_a_stale_page(visit: &Visit<'_>, button: &str) {
    let browser = visit.browser;
    visit.open("/");
    let _ = browser.run(POST_TO_THE_VAULT);
    visit.wait_for("Verify to open the vault");
    visit.ask_for_code();
    let first = browser.new_tab();
    visit.open("/vault");
    visit.ask_for_code();
    visit.answer(&visit.code());
    visit.wait_for("Vault");
    browser.close_tab(&first);
    visit.wait_for("Enter your code");

    browser.click(button);
    visit.wait_for("You are verified");
    assert!(!visit.is_at("/vault"), "the form was executed");
    assert_eq!(visit.messages(), 1, "nobody needs another code");
    assert_eq!(browser.attribute("[name=note]", "value"), "A & B <é>", "what was filled in is kept");
    browser.click("Send it now");
    assert!(browser.text("pre").contains("ask with GET"), "the vault itself has not answered");
    assert!(visit.is_at("/vault"), "{}", browser.url());
}

#[test]
fn r15_a_stale_page_executes_nothing_unless_it_is_told_to() {
    let browser = Browser::start();
    on_both(&browser, |visit| press_on_a_stale_page(visit, "Cancel"));
    on_both(&browser, |visit| press_on_a_stale_page(visit, "Send it again"));
}

#[test]
fn r15_a_stale_page_executes_nothing_unless_it_is_told_to_without_javascript() {
    on_both(&Browser::without_javascript(), |visit| press_on_a_stale_page(visit, "Cancel"));
}

#[test]
fn a_tab_that_was_blocked_is_clear_once_it_is_loaded_again() {
    let browser = Browser::start();
    on_both(&browser, |visit| {
        visit.open_titled("/vault", "Verify to open the vault");
        let first = browser.new_tab();
        visit.open("/vault");
        visit.ask_for_code();
        visit.answer(&visit.code());
        visit.wait_for("Vault");
        browser.close_tab(&first);
        visit.wait_for("Verify to open the vault");
        browser.reload();
        visit.wait_for("Vault");
        assert_eq!(visit.messages(), 1);
    });
}

#[test]
fn visits_alone_send_nothing() {
    let browser = Browser::without_javascript();
    on_both(&browser, |visit| {
        for _ in 0..50 {
            visit.open("/vault");
        }
        visit.wait_for("Verify to open the vault");
        assert_eq!(visit.messages(), 0);
    });
}
