//! The Verification API of Twisto, rule by rule.
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
#[path = "twisto/site.rs"]
mod site;

use serve::{Mounting, wait, wrong};
use site::{LIVE, Site, TEST, TO, checked, refused, send, sent, verify};
use tests::http::Request;
use verify_compat::twisto::{BeginError, Evaluation, Mode, NotVerifiedKind};
use verify_core::{Contact, CourierErrorKind};

fn t01_a_code_is_sent_at_once(mounting: Mounting) {
    let site = Site::open(mounting);
    site.begin("a1");
    assert_eq!(sent(&site.send("a1")), 0);
    assert_eq!(site.phone.count(), 1);
    assert_eq!(site.code().len(), 6);
}

fn t02_the_second_send_comes_ten_seconds_after_the_evaluation(mounting: Mounting) {
    let site = Site::open(mounting);
    site.begin("a1");
    assert_eq!(sent(&site.send("a1")), 0);
    site.pass(9_999);
    for _ in 0..3 {
        assert_eq!(sent(&site.send("a1")), 1);
    }
    assert_eq!(site.phone.count(), 1);
    site.pass(1);
    assert_eq!(sent(&site.send("a1")), 0, "what was too early did not count");
    assert_eq!(site.phone.count(), 2);
    let codes: Vec<String> = site.phone.all().into_iter().map(|taken| taken.code).collect();
    assert_eq!(codes[0], codes[1], "either message may arrive last");
}

fn t03_the_wait_runs_from_the_evaluation_and_not_from_the_first_send(mounting: Mounting) {
    let site = Site::open(mounting);
    site.begin("a1");
    site.pass(15_000);
    assert_eq!(sent(&site.send("a1")), 0);
    site.pass(1);
    assert_eq!(sent(&site.send("a1")), 0);
    // Unless one wants a wait of one's own.
    let site = Site::with(mounting, |config| config.settings.min_gap_after_send_seconds = 5);
    site.begin("a1");
    site.pass(15_000);
    assert_eq!(sent(&site.send("a1")), 0);
    site.pass(4_999);
    assert_eq!(sent(&site.send("a1")), 1);
    site.pass(1);
    assert_eq!(sent(&site.send("a1")), 0);
}

fn t04_the_third_send_is_one_too_many(mounting: Mounting) {
    let site = Site::open(mounting);
    site.begin("a1");
    site.pass(10_000);
    assert_eq!([sent(&site.send("a1")), sent(&site.send("a1"))], [0, 0]);
    for wait in [0, 60_000, 3_500_000] {
        site.pass(wait);
        assert_eq!(sent(&site.send("a1")), 2);
    }
    assert_eq!(site.phone.count(), 2);
}

fn t05_t06_right_is_right_and_wrong_is_wrong(mounting: Mounting) {
    let site = Site::open(mounting);
    site.begin("a1");
    site.send("a1");
    let code = site.code();
    assert_eq!(checked(&site.verify("a1", &wrong(&code, 0))), 1);
    assert_eq!(checked(&site.verify("a1", &code)), 0);
    // The answer may have been lost: the same once more is right, anything else ends it.
    assert_eq!(checked(&site.verify("a1", &code)), 0);
    assert_eq!(checked(&site.verify("a1", &wrong(&code, 0))), 4);
    assert_eq!(checked(&site.verify_raw("a1", "{}")), 4);
    let site = Site::with(mounting, |config| config.settings.strict_after_success = true);
    site.begin("a1");
    site.send("a1");
    assert_eq!(checked(&site.verify("a1", &site.code())), 0);
    assert_eq!(checked(&site.verify("a1", &site.code())), 4);
}

fn t07_the_fiftieth_code_is_compared_and_the_next_one_is_not(mounting: Mounting) {
    let site = Site::open(mounting);
    for (id, wrongs, then) in [("a1", 50, 3), ("a2", 49, 0)] {
        site.begin(id);
        site.send(id);
        let code = site.code();
        for number in 0..wrongs {
            assert_eq!(checked(&site.verify(id, &wrong(&code, number))), 1, "{number}");
        }
        assert_eq!(checked(&site.verify(id, &code)), then);
    }
    assert_eq!(sent(&site.send("a1")), 3);
    assert_eq!(checked(&site.verify_raw("a1", "{}")), 3, "also of an empty request");
    // What happened first is told, also when both have.
    site.pass(3_600_000);
    assert_eq!(checked(&site.verify("a1", "000000")), 3);
    // Before any send they count as well, and end nothing.
    site.begin("a3");
    for _ in 0..50 {
        assert_eq!(checked(&site.verify("a3", "000000")), 1);
    }
    assert_eq!(checked(&site.verify("a3", "000000")), 3);
    assert_eq!(sent(&site.send("a3")), 3);
}

fn t08_empty_requests_are_not_counted(mounting: Mounting) {
    let site = Site::open(mounting);
    for (number, empty) in ["", "{}", "[]", r#"{"code":""}"#, r#"{"code":null}"#].into_iter().enumerate() {
        let id = format!("a{number}");
        site.begin(&id);
        site.send(&id);
        for _ in 0..1000 {
            assert_eq!(checked(&site.verify_raw(&id, empty)), 1);
        }
        assert_eq!(checked(&site.verify(&id, &site.code())), 0, "{empty}");
    }
    // Nor is what no code can be in; a number is compared by its digits, and counted.
    site.begin("b1");
    site.send("b1");
    for number in 0..60 {
        assert_eq!(checked(&site.verify_raw("b1", ["{", r#"{"code":["1"]}"#, "code=1"][number % 3])), 1);
    }
    let code = site.code();
    let without_zero = |text: &str| text.trim_start_matches('0').len() == text.len();
    let other = (0..).map(|n| wrong(&code, n)).find(|other| without_zero(other)).unwrap();
    assert_eq!(checked(&site.verify_raw("b1", &format!(r#"{{"code":{other}}}"#))), 1);
    for number in 0..48 {
        assert_eq!(checked(&site.verify("b1", &wrong(&code, number))), 1);
    }
    let typed = format!(" {}-{} ", &code[..3], &code[3..]);
    assert_eq!(checked(&site.verify("b1", &typed)), 0, "the fiftieth, as people type it");
    let site = Site::with(mounting, |config| config.settings.count_malformed = true);
    site.begin("b1");
    for _ in 0..50 {
        assert_eq!(checked(&site.verify_raw("b1", "{")), 1);
    }
    assert_eq!(checked(&site.verify_raw("b1", "{")), 3);
}

fn t09_a_code_is_taken_for_an_hour_after_the_evaluation(mounting: Mounting) {
    let site = Site::open(mounting);
    for (id, wait, then) in [("a1", 3_599_999, 0), ("a2", 3_600_000, 2)] {
        site.begin(id);
        site.pass(1_000);
        site.send(id);
        site.pass(wait - 1_000);
        assert_eq!(checked(&site.verify(id, &site.code())), then, "{id}");
    }
}

fn t10_a_resend_moves_no_deadline(mounting: Mounting) {
    let site = Site::open(mounting);
    site.begin("a1");
    site.send("a1");
    site.pass(3_590_000);
    assert_eq!(sent(&site.send("a1")), 0);
    site.pass(11_000);
    assert_eq!(checked(&site.verify("a1", &site.code())), 2);
    assert_eq!(checked(&site.verify_raw("a1", "{}")), 2, "also of an empty request");
}

fn t11_t12_what_is_over_or_unknown_sends_and_checks_nothing(mounting: Mounting) {
    let site = Site::open(mounting);
    for unknown in ["a1", "%00", "%2e%2e", "a%2Fb", &"a".repeat(200)] {
        assert_eq!(sent(&site.send(unknown)), 3);
        assert_eq!(checked(&site.verify(unknown, "123456")), 4);
    }
    site.begin("verified");
    site.send("verified");
    site.verify("verified", &site.code());
    site.begin("expired");
    site.send("expired");
    site.begin_with("others", |evaluation| evaluation.of_keys("test"));
    let before = site.phone.count();
    for over in ["verified", "others"] {
        assert_eq!(sent(&site.send(over)), 3, "{over}");
    }
    assert_eq!(checked(&site.verify("others", "123456")), 4, "of other keys is unknown");
    site.pass(3_600_000);
    assert_eq!(sent(&site.send("expired")), 3);
    assert_eq!(site.phone.count(), before);
}

fn t13_in_test_mode_the_code_is_1234_and_nothing_is_delivered(mounting: Mounting) {
    let site = Site::with(mounting, |config| config.settings.code_length = 4);
    let ask = |request: Request| site.ask(&request.header("authorization", TEST));
    site.begin_test("a1");
    assert_eq!(sent(&ask(send("a1"))), 0);
    for other in ["1235", "4321", "01234", "123"] {
        assert_eq!(checked(&ask(verify("a1").body(format!(r#"{{"code":"{other}"}}"#)))), 1);
    }
    assert_eq!(checked(&ask(verify("a1").body(r#"{"code":"1234"}"#))), 0);
    site.begin_test("a2");
    assert_eq!(checked(&ask(verify("a2").body(r#"{"code":"1234"}"#))), 0, "always: also before a send");
    assert_eq!(site.phone.count(), 0);
    // A customer in live mode, of the same keys: nothing is special about it.
    site.begin_with("a3", |evaluation| evaluation.of_keys("test"));
    assert_eq!(sent(&ask(send("a3"))), 0);
    assert_eq!(checked(&ask(verify("a3").body(r#"{"code":"1234"}"#))), 1);
    let to = Contact::phone(TO).unwrap();
    let test = Evaluation::new("a4", site.engine.now(), to).in_mode(Mode::Test);
    assert_eq!(wait(site.twisto.begin(&test)), Err(BeginError::TestOnLiveKeys));
}

fn t14_no_live_code_is_1234(mounting: Mounting) {
    let site = Site::with(mounting, |config| config.settings.code_length = 4);
    for number in 0..50 {
        let id = format!("a{number}");
        site.begin(&id);
        assert_eq!(sent(&site.send(&id)), 0);
        let code = site.code();
        assert!(code.len() == 4 && code != "1234", "{code}");
        assert_eq!(checked(&site.verify(&id, "1234")), 1);
        assert_eq!(checked(&site.verify(&id, &code)), 0);
    }
}

fn t15_bad_credentials_count_nothing(mounting: Mounting) {
    let site = Site::open(mounting);
    site.begin("a1");
    site.send("a1");
    let code = site.code();
    let bad =
        ["", ",hunter2", "live,", "hunter2,live", "live,hunter3", "Bearer live,hunter2", "live, hunter2"];
    for _ in 0..8 {
        for credentials in bad {
            for id in ["a1", "unknown"] {
                refused(&site.ask(&send(id).header("authorization", credentials)), 401);
                let check = verify(id).header("authorization", credentials);
                refused(&site.ask(&check.body(format!(r#"{{"code":"{code}"}}"#))), 401);
            }
        }
        refused(&site.ask(&send("a1")), 401);
    }
    assert_eq!(site.phone.count(), 1);
    site.pass(10_000);
    assert_eq!(sent(&site.send("a1")), 0);
    assert_eq!(checked(&site.verify("a1", &code)), 0);
}

fn t16_t18_everything_is_json_and_only_post_is_served(mounting: Mounting) {
    let site = Site::open(mounting);
    site.begin("a1");
    for path in ["/v2/check/a1/verification/send/", "/v2/check/a1/verification/"] {
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let answer = site.ask(&Request::new(method, path).header("authorization", LIVE));
            refused(&answer, 405);
            assert_eq!(answer.header("allow"), Some("POST"));
            assert_eq!(site.ask(&Request::new(method, path)).status, 405);
        }
    }
    for path in ["/v2", "/v2/check/a1/", "/v2/check/a1/begin/", "/v2/check/a1/verification/send/x"] {
        refused(&site.ask(&Request::form(path, "").header("authorization", LIVE)), 404);
    }
    let long = verify("a1").header("authorization", LIVE).body("a".repeat(20_000));
    refused(&site.ask(&long), 413);
    // Without the last slash it is the same.
    let bare = Request::new("POST", "/v2/check/a1/verification/send").header("authorization", LIVE);
    assert_eq!(sent(&site.ask(&bare)), 0);
    // What fails on our side is no result, and no send is used up by it.
    site.begin("a2");
    site.phone.fail(Some(CourierErrorKind::Unavailable));
    for _ in 0..3 {
        refused(&site.send("a2"), 503);
    }
    site.phone.fail(Some(CourierErrorKind::Refused));
    assert_eq!(sent(&site.send("a2")), 3);
    site.phone.fail(None);
    assert_eq!(sent(&site.send("a2")), 0);
    site.pass(10_000);
    assert_eq!(sent(&site.send("a2")), 0);
}

fn t21_no_invoice_before_the_code_was_right_and_one_after(mounting: Mounting) {
    let site = Site::open(mounting);
    let kind = |id: &str| wait(site.twisto.require_verified(id)).map_err(|error| error.kind());
    assert_eq!(kind("a1"), Err(NotVerifiedKind::Unknown));
    site.begin("a1");
    assert_eq!(kind("a1"), Err(NotVerifiedKind::Missing));
    site.send("a1");
    let code = site.code();
    site.verify("a1", &wrong(&code, 0));
    assert_eq!(kind("a1"), Err(NotVerifiedKind::Missing));
    assert_eq!(wait(site.twisto.claim_invoice("a1")).unwrap_err().kind(), NotVerifiedKind::Missing);
    assert_eq!(checked(&site.verify("a1", &code)), 0);
    let verified = kind("a1").unwrap();
    assert_eq!((verified.transaction(), verified.at()), ("a1", site.engine.now()));
    assert_eq!(wait(site.twisto.claim_invoice("a1")).unwrap().verified(), &verified);
    let again = wait(site.twisto.claim_invoice("a1")).unwrap_err();
    assert_eq!(again.kind(), NotVerifiedKind::Claimed);
    // A day after the end it is forgotten.
    site.pass(25 * 3_600_000);
    assert_eq!(kind("a1"), Err(NotVerifiedKind::Unknown));
}

fn twisto_begins_once_and_over_http_where_it_is_allowed(mounting: Mounting) {
    let site = Site::with(mounting, |config| config.settings.begin_over_http = true);
    let begin = |id: &str, body: &str| {
        let request = Request::new("POST", &format!("/v2/check/{id}/begin/"));
        site.ask(&request.header("authorization", LIVE).body(body))
    };
    let body = format!(r#"{{"to":"{TO}"}}"#);
    for _ in 0..2 {
        assert_eq!(begin("a1", &body).status, 200, "the same once more changes nothing");
    }
    refused(&begin("a1", r#"{"to":"+420777123457"}"#), 400);
    refused(&begin("a2", r#"{"to":"nobody"}"#), 400);
    refused(&begin("a2", &format!(r#"{{"to":"{TO}","mode":"test"}}"#)), 400);
    assert_eq!(sent(&site.send("a1")), 0);
    assert_eq!(checked(&site.verify("a1", &site.code())), 0);
    let evaluation = |seconds: i64| {
        let now = site.engine.now();
        let offset = std::time::Duration::from_secs(seconds.unsigned_abs());
        let at = if seconds < 0 { now - offset } else { now + offset };
        wait(site.twisto.begin(&Evaluation::new("b1", at, Contact::phone(TO).unwrap())))
    };
    assert_eq!(evaluation(-3600), Err(BeginError::Over));
    assert_eq!(evaluation(61), Err(BeginError::Future));
    assert_eq!(evaluation(30), Ok(()), "clocks differ");
}

on_both! {
    t01_a_code_is_sent_at_once
    t02_the_second_send_comes_ten_seconds_after_the_evaluation
    t03_the_wait_runs_from_the_evaluation_and_not_from_the_first_send
    t04_the_third_send_is_one_too_many
    t05_t06_right_is_right_and_wrong_is_wrong
    t07_the_fiftieth_code_is_compared_and_the_next_one_is_not
    t08_empty_requests_are_not_counted
    t09_a_code_is_taken_for_an_hour_after_the_evaluation
    t10_a_resend_moves_no_deadline
    t11_t12_what_is_over_or_unknown_sends_and_checks_nothing
    t13_in_test_mode_the_code_is_1234_and_nothing_is_delivered
    t14_no_live_code_is_1234
    t15_bad_credentials_count_nothing
    t16_t18_everything_is_json_and_only_post_is_served
    t21_no_invoice_before_the_code_was_right_and_one_after
    twisto_begins_once_and_over_http_where_it_is_allowed
}
