//! The bank as it is: its payments are held to PSD2, on both frameworks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::thread;

use serde_json::{Value, json};
use tests::bank::{Bank, FRAMEWORKS};
use tests::browser::{Browser, on_both_as_they_are};
use tests::ceremony::{Opened, payment, send};
use tests::http::{Request, Response};
use tests::scenario::{differences, run};

/// What is told of a failure, without the id of the request.
fn told(answer: &Response) -> (u16, Value) {
    let mut body = answer.json();
    body["request_id"] = json!("");
    (answer.status, body)
}

#[test]
fn payments_are_approved_by_text_message_with_a_factor_of_their_own() {
    for framework in FRAMEWORKS {
        let bank = Bank::start_as_it_is(framework);
        let batch = json!({ "payments": [{ "amount": "1.00", "currency": "EUR",
            "payee": { "name": "Acme Inc.", "iban": "DE89370400440532013000" } }] });
        for request in [payment("10.00"), Request::json("/transfers/batch", &batch)] {
            let blocked = bank.ask(&request.user("ann")).json();
            let offers = blocked["alternatives"].as_array().unwrap();
            assert_eq!((offers.len(), offers[0].as_array().unwrap().len()), (1, 1), "{blocked}");
            assert_eq!(offers[0][0]["channels"], json!(["sms"]), "{blocked}");
            assert_eq!(offers[0][0]["factor"], "approval", "{blocked}");
        }
        let clearance = Opened::at(&bank, "ann", &Request::get("/vault")).clearance(&bank);
        let with = payment("10.00").user("ann").header("challenge-clearance", &clearance);
        assert_eq!(bank.ask(&with).status, 403, "what opens the vault pays nothing");
    }
}

#[test]
fn e33_failures_do_not_tell_which_part_was_wrong() {
    for framework in FRAMEWORKS {
        let bank = Bank::start_as_it_is(framework);
        let opened = Opened::at(&bank, "ann", &payment("10.00"));
        let wrong = told(&opened.answer(&bank, &opened.wrong(0)));
        assert_eq!((wrong.0, &wrong.1["code"]), (403, &json!("challenge_failed")), "{framework:?}");
        let approval = opened.clearance(&bank);
        let again = told(&opened.solve(&bank));
        let (mut others, mut forged) = (opened.clone(), opened);
        others.user = "eve".to_owned();
        forged.id = "t1.test.AAAA".to_owned();
        let (others, forged) = (told(&others.solve(&bank)), told(&forged.solve(&bank)));
        for (what, answer) in [("used", again), ("another's", others), ("forged", forged)] {
            assert_eq!(answer, wrong, "{framework:?}: {what}");
        }
        let paid = payment("10.00").user("ann").header("challenge-clearance", &approval);
        assert_eq!(bank.ask(&paid).status, 200, "{framework:?}");
    }
}

#[test]
fn e22_five_wrong_codes_in_a_row_block_the_payer_and_nobody_else() {
    for framework in FRAMEWORKS {
        let bank = Bank::start_as_it_is(framework);
        let opened = Opened::at(&bank, "ann", &payment("10.00"));
        for by in 0..5 {
            assert_eq!(opened.answer(&bank, &opened.wrong(by)).status, 403, "{framework:?}");
        }
        let right = opened.solve(&bank).json();
        assert_eq!(right["reason"], "locked", "{framework:?}: {right}");
        let next = bank.ask(&payment("11.00").user("ann")).json();
        let refused = send(&bank, "ann", next["alternatives"][0][0]["id"].as_str().unwrap());
        // The engine's own wait after five is half a minute; a block is half an hour.
        assert_eq!(refused.json()["reason"], "locked", "{framework:?}: {}", refused.text());
        assert_eq!(Opened::at(&bank, "ben", &payment("10.00")).solve(&bank).status, 200, "{framework:?}");
    }
}

/// What a bank answers that is held to PSD2 is the same on both frameworks as well; which status it is stands above.
#[test]
fn r12_both_banks_answer_byte_for_byte_the_same() {
    let played = thread::scope(|scope| {
        let play = |framework| scope.spawn(move || run(&Bank::start_as_it_is(framework)));
        FRAMEWORKS.map(play).map(|run| run.join().unwrap())
    });
    let report = differences(&played[0].exchanges(), &played[1].exchanges());
    assert!(report.is_empty(), "axum (-) and actix (+) differ:\n{report}");
    // An approval that is spent is told from one that never was: it is no part of an answer.
    for exchange in played[0].raw().iter().filter(|exchange| exchange.request.contains(" /challenge/")) {
        let code = exchange.response.json()["code"].clone();
        assert!(code != "already_used" && code != "session_expired", "{} tells {code}", exchange.name);
    }
}

#[test]
fn a_bank_that_has_mail_alone_opens_for_no_payments_and_says_what_to_do() {
    for framework in FRAMEWORKS {
        let mail = ["--smtp", "smtp://127.0.0.1:1", "--origin", "https://bank.test"];
        let told = Bank::refused(framework, &mail);
        for said in ["goes by mail", "2018/389, 7(1)", "--twilio", "--preset none"] {
            assert!(told.contains(said), "{framework:?}: {told}");
        }
    }
}

#[test]
fn a_transfer_is_made_in_a_browser_with_the_code_in_the_inbox() {
    let browser = Browser::start();
    on_both_as_they_are(&browser, |visit| {
        visit.open("/");
        browser.click("Transfer");
        visit.wait_for("Verify to make a transfer");
        visit.ask_for_code();
        visit.answer(&visit.wrong_code());
        visit.wait_for("Error: enter your code");
        visit.answer(&visit.code());
        visit.wait_for("Transfer");
        assert!(browser.text("body").contains("Transfer 1 is made."));
        let _ = visit.clean_log();
    });
}
