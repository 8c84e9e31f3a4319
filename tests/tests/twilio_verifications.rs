//! Twilio Verify over sockets, on both frameworks: starting, checking, fetching and ending a verification.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "twilio/phone.rs"]
mod phone;
#[path = "twilio/site.rs"]
mod site;

use serde_json::{Value, json};
use site::{Mounting, PLAIN, Site, TO, approved, outcome, pending, refused, text, wrong};

fn twilio_rule_10_a_start_is_pending_and_has_one_attempt(mounting: Mounting) {
    let site = Site::open(mounting);
    let started = site.start(PLAIN);
    assert_eq!((text(&started, "status"), started["valid"].clone()), pending_with(json!(false)));
    assert_eq!((&started["lookup"], &started["sna"]), (&json!({}), &Value::Null));
    assert_eq!((&started["amount"], &started["payee"]), (&Value::Null, &Value::Null));
    assert_eq!((&started["channel"], &started["to"]), (&json!("sms"), &json!(TO)));
    let attempts = started["send_code_attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0]["channel"], "SMS");
    assert!(text(&attempts[0], "attempt_sid").starts_with("VL"));
    assert_eq!(site.phone.count(), 1);
}

fn pending_with(valid: Value) -> (String, Value) {
    ("pending".to_owned(), valid)
}

fn twilio_rule_11_no_answer_holds_the_code(mounting: Mounting) {
    let site = Site::open(mounting);
    let started = site.try_start(PLAIN, &[]);
    let code = site.code();
    let sid = text(&started.json(), "sid");
    let answers = [
        started,
        site.fetch(PLAIN, &sid),
        site.check(PLAIN, &wrong(&code)),
        site.fetch(PLAIN, TO.replace('+', "%2B").as_str()),
        site.check(PLAIN, &code),
        site.get("Attempts"),
    ];
    for answer in answers {
        // An id may have these digits by chance.
        let told = format!("{:?} {}", answer.headers, answer.text().replace(&sid, ""));
        let words = told.split(|c: char| !c.is_ascii_alphanumeric());
        assert!(!words.into_iter().any(|word| word == code), "{told}");
    }
}

fn twilio_rule_12_a_code_is_so_many_digits(mounting: Mounting) {
    let site = Site::open(mounting);
    for length in 4..=10 {
        let service = site.service(&[("CodeLength", &length.to_string())]);
        site.start(&service);
        let code = site.code();
        assert!(code.len() == length && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        assert!(site.phone.last(TO).unwrap().text.contains(&code));
        assert_eq!(outcome(&site.check(&service, &code)), approved());
    }
}

fn twilio_rule_13_only_a_number_in_e_164_is_written_to(mounting: Mounting) {
    let site = Site::open(mounting);
    let start = |to: &str, channel: &str| {
        site.post(&format!("Services/{PLAIN}/Verifications"), &[("To", to), ("Channel", channel)])
    };
    for to in ["15017122661", "+0501712266", "+1 501 712 2661", "+1501712266a", "+", "", "alice@example.com"]
    {
        refused(&start(to, "sms"), 400, 60200);
    }
    for to in ["+15017122661", "alice", "alice@example.com\r\nBcc: eve@example.com"] {
        refused(&start(to, "email"), 400, 60200);
    }
    assert_eq!(site.phone.count(), 0);
    assert_eq!(start("alice@example.com", "email").status, 201);
    assert_eq!(
        site.phone.last("alice@example.com").unwrap().subject.unwrap(),
        "Your Owl Bank verification code"
    );
}

fn twilio_rule_14_an_unknown_channel_is_refused(mounting: Mounting) {
    let site = Site::open(mounting);
    let start = |channel: &str| {
        site.post(&format!("Services/{PLAIN}/Verifications"), &[("To", TO), ("Channel", channel)])
    };
    for channel in ["pigeon", "", "SMS", "rcs"] {
        refused(&start(channel), 400, 60200);
    }
    for (channel, is) in [("sms", "sms"), ("call", "call"), ("whatsapp", "whatsapp"), ("auto", "sms")] {
        let started = start(channel);
        assert_eq!((started.status, text(&started.json(), "channel")), (201, is.to_owned()));
    }
    refused(&start("sna"), 400, 60223);
}

fn twilio_rule_15_a_start_again_sends_the_same_code(mounting: Mounting) {
    let site = Site::open(mounting);
    let first = site.start(PLAIN);
    let code = site.code();
    site.pass(60);
    let again = site.start(PLAIN);
    assert_eq!((&again["sid"], site.code()), (&first["sid"], code));
    let attempts = again["send_code_attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 2);
    assert_eq!(attempts[0], first["send_code_attempts"][0]);
    assert_eq!(attempts[1]["time"], "2026-01-01T00:01:00Z");
    assert_ne!(attempts[0]["attempt_sid"], attempts[1]["attempt_sid"]);
    assert_eq!(
        (&again["date_created"], again["date_updated"].as_str()),
        (&first["date_created"], Some("2026-01-01T00:01:00Z"))
    );
    assert_eq!(site.phone.count(), 2);
}

fn twilio_rule_16_another_channel_has_the_same_code(mounting: Mounting) {
    let site = Site::open(mounting);
    let first = site.start(PLAIN);
    let code = site.code();
    for channel in ["call", "whatsapp"] {
        let again = site.try_start(PLAIN, &[]).status;
        assert_eq!(again, 201);
        let other =
            site.post(&format!("Services/{PLAIN}/Verifications"), &[("To", TO), ("Channel", channel)]);
        assert_eq!(
            (&other.json()["sid"], text(&other.json(), "channel")),
            (&first["sid"], channel.to_owned())
        );
        assert_eq!(site.code(), code);
    }
    assert_eq!(site.fetch(PLAIN, &text(&first, "sid")).json()["channel"], "whatsapp");
    assert_eq!(outcome(&site.check(PLAIN, &code)), approved());
}

fn twilio_rule_17_the_sixth_start_is_refused_and_delivers_nothing(mounting: Mounting) {
    let site = Site::open(mounting);
    for _ in 0..5 {
        site.start(PLAIN);
    }
    site.pass(100);
    let sixth = site.try_start(PLAIN, &[]);
    refused(&sixth, 429, 60203);
    assert_eq!(sixth.json()["message"], "Max send attempts reached");
    assert_eq!(sixth.header("retry-after"), Some("500"));
    assert_eq!(site.phone.count(), 5);
    assert_eq!(outcome(&site.check(PLAIN, &site.code())), approved(), "the code is as good as before");
}

fn twilio_rule_18_after_its_end_a_start_works_at_once_with_another_code(mounting: Mounting) {
    let site = Site::open(mounting);
    let mut seen: Vec<(String, String)> = Vec::new();
    for round in 0..6 {
        for _ in 0..5 {
            site.start(PLAIN);
        }
        let sid = text(&site.fetch(PLAIN, "%2B15017122661").json(), "sid");
        assert!(!seen.iter().any(|(known, _)| *known == sid));
        let ended = match round % 3 {
            0 => site.update(PLAIN, &sid, "canceled").status,
            1 => site.update(PLAIN, &sid, "approved").status,
            _ => site.check(PLAIN, &site.code()).status,
        };
        assert!(ended == 200 || ended == 201);
        seen.push((sid, site.code()));
    }
    // Two of six codes may be equal by chance, once in 66,000 times; all of them are not.
    assert!(seen.iter().any(|(_, code)| *code != seen[0].1));
    assert_eq!(site.phone.count(), 30);
}

fn twilio_rule_19_a_wrong_code_is_no_error_five_times(mounting: Mounting) {
    let site = Site::open(mounting);
    site.start(PLAIN);
    for _ in 0..5 {
        assert_eq!(outcome(&site.check(PLAIN, &site.wrong())), pending());
    }
    assert_eq!(site.fetch(PLAIN, "%2B15017122661").json()["status"], "pending");
}

fn twilio_rule_20_21_the_sixth_check_is_too_many_even_with_the_right_code(mounting: Mounting) {
    let site = Site::open(mounting);
    let sid = text(&site.start(PLAIN), "sid");
    for _ in 0..5 {
        assert_eq!(outcome(&site.check(PLAIN, &site.wrong())), pending());
    }
    for _ in 0..2 {
        let sixth = site.check(PLAIN, &site.code());
        refused(&sixth, 429, 60202);
        assert_eq!(sixth.json()["message"], "Max check attempts reached");
    }
    let fetched = site.fetch(PLAIN, &sid);
    assert_eq!((fetched.status, fetched.json()["status"].as_str()), (200, Some("max_attempts_reached")));
    // The next one waits until this one has expired.
    site.pass(599);
    let start = site.try_start(PLAIN, &[]);
    refused(&start, 429, 60202);
    assert_eq!(start.header("retry-after"), Some("1"));
    assert_eq!(site.phone.count(), 1);
    site.pass(1);
    assert_ne!(text(&site.start(PLAIN), "sid"), sid);
    assert_eq!(outcome(&site.check(PLAIN, &site.code())), approved());
}

fn twilio_rule_22_23_the_right_code_is_approved_on_any_of_five_and_gone_then(mounting: Mounting) {
    let site = Site::open(mounting);
    for wrongs in 0..5 {
        let sid = text(&site.start(PLAIN), "sid");
        for _ in 0..wrongs {
            assert_eq!(outcome(&site.check(PLAIN, &site.wrong())), pending());
        }
        let right = site.check(PLAIN, &site.code());
        assert_eq!(outcome(&right), approved());
        let body = right.json();
        assert_eq!(text(&body, "sid"), sid);
        for absent in ["send_code_attempts", "url", "lookup"] {
            assert!(body.get(absent).is_none(), "{absent}");
        }
        assert_eq!(body["sna_attempts_error_codes"], json!([]));
        let again = site.check(PLAIN, &site.code());
        refused(&again, 404, 20404);
        let text = format!("The requested resource /v2/Services/{PLAIN}/VerificationCheck was not found");
        assert_eq!(again.json()["message"], text);
        refused(&site.fetch(PLAIN, &sid), 404, 20404);
        refused(&site.fetch(PLAIN, "%2B15017122661"), 404, 20404);
    }
}

fn twilio_rule_24_25_it_expires_ten_minutes_after_the_first_start(mounting: Mounting) {
    let site = Site::open(mounting);
    let sid = text(&site.start(PLAIN), "sid");
    site.pass(590);
    assert_eq!(text(&site.start(PLAIN), "sid"), sid);
    site.pass(9);
    assert_eq!(outcome(&site.check(PLAIN, &site.wrong())), pending());
    let code = site.code();
    site.pass(1);
    refused(&site.check(PLAIN, &code), 404, 20404);
    refused(&site.fetch(PLAIN, &sid), 404, 20404);
    refused(&site.update(PLAIN, &sid, "canceled"), 404, 20404);
    assert_ne!(text(&site.start(PLAIN), "sid"), sid);
}

fn twilio_rule_26_a_check_names_the_number_or_the_verification(mounting: Mounting) {
    let site = Site::open(mounting);
    let path = format!("Services/{PLAIN}/VerificationCheck");
    let sid = text(&site.start(PLAIN), "sid");
    let code = site.code();
    let by = |name: &str, value: &str, code: &str| site.post(&path, &[(name, value), ("Code", code)]);
    assert_eq!(outcome(&by("VerificationSid", &sid, &wrong(&code))), pending());
    assert_eq!(outcome(&by("To", TO, &wrong(&code))), pending());
    refused(&site.post(&path, &[("Code", &code)]), 400, 60221);
    refused(&by("VerificationSid", "VE1", &code), 400, 60200);
    refused(&by("VerificationSid", &format!("VE{}", "0".repeat(32)), &code), 404, 20404);
    refused(&by("To", "+15017122662", &code), 404, 20404);
    refused(&by("To", "somebody", &code), 400, 60200);
    // Of another service it is none.
    let other = site.service(&[]);
    let elsewhere = format!("Services/{other}/VerificationCheck");
    refused(&site.post(&elsewhere, &[("VerificationSid", &sid), ("Code", &code)]), 404, 20404);
    assert_eq!(outcome(&by("VerificationSid", &sid, &code)), approved());
}

fn twilio_rule_27_a_code_of_another_form_uses_no_attempt(mounting: Mounting) {
    let site = Site::open(mounting);
    site.start(PLAIN);
    for code in ["123", "12345678901", "", "ünï-cöde"] {
        for _ in 0..6 {
            refused(&site.check(PLAIN, code), 400, 60200);
        }
    }
    let missing = site.post(&format!("Services/{PLAIN}/VerificationCheck"), &[("To", TO)]);
    refused(&missing, 400, 60200);
    let right = site.check(PLAIN, &site.code());
    assert_eq!(outcome(&right), approved());
}

fn twilio_rule_28_a_number_stands_for_its_pending_verification(mounting: Mounting) {
    let site = Site::open(mounting);
    refused(&site.fetch(PLAIN, "%2B15017122661"), 404, 20404);
    let started = site.start(PLAIN);
    assert_eq!(site.fetch(PLAIN, "%2B15017122661").json(), started);
    assert_eq!(site.fetch(PLAIN, "+15017122661").json(), started);
    assert_eq!(site.fetch(PLAIN, &text(&started, "sid")).json(), started);
    let canceled = site.update(PLAIN, "%2B15017122661", "canceled");
    assert_eq!((canceled.status, text(&canceled.json(), "status")), (200, "canceled".to_owned()));
    assert_ne!(site.start(PLAIN)["sid"], started["sid"]);
    refused(&site.fetch(PLAIN, "somebody"), 404, 20404);
}

fn twilio_rule_29_a_canceled_verification_can_be_fetched_and_not_answered(mounting: Mounting) {
    let site = Site::open(mounting);
    let sid = text(&site.start(PLAIN), "sid");
    assert_eq!(site.update(PLAIN, &sid, "canceled").json()["status"], "canceled");
    let fetched = site.fetch(PLAIN, &sid);
    assert_eq!((fetched.status, text(&fetched.json(), "status")), (200, "canceled".to_owned()));
    refused(&site.check(PLAIN, &site.code()), 404, 20404);
    assert_eq!(site.update(PLAIN, &sid, "canceled").status, 200);
    refused(&site.update(PLAIN, &sid, "approved"), 404, 20404);
}

fn twilio_rule_30_a_status_is_canceled_or_approved(mounting: Mounting) {
    let site = Site::open(mounting);
    let sid = text(&site.start(PLAIN), "sid");
    for status in ["pending", "expired", "", "CANCELED"] {
        refused(&site.update(PLAIN, &sid, status), 400, 60200);
    }
    let done = site.update(PLAIN, &sid, "approved");
    assert_eq!((done.status, &done.json()["valid"]), (200, &json!(true)));
    assert_eq!(done.json()["status"], "approved");
    refused(&site.fetch(PLAIN, &sid), 404, 20404);
    refused(&site.check(PLAIN, &site.code()), 404, 20404);
    refused(&site.update(PLAIN, &sid, "canceled"), 404, 20404);
}

fn twilio_rule_31_a_code_may_be_chosen_where_the_service_says_so(mounting: Mounting) {
    let site = Site::open(mounting);
    refused(&site.try_start(PLAIN, &[("CustomCode", "4711ab")]), 403, 60204);
    let service = site.service(&[("CustomCodeEnabled", "true")]);
    for bad in ["123", "12345678901", "12 34", ""] {
        refused(&site.try_start(&service, &[("CustomCode", bad)]), 400, 60200);
    }
    assert_eq!(site.phone.count(), 0);
    for code in ["4711", "aBc4567890"] {
        assert_eq!(site.try_start(&service, &[("CustomCode", code)]).status, 201);
        assert!(site.phone.last(TO).unwrap().text.contains(code));
        assert_eq!(outcome(&site.check(&service, &wrong(code))), pending());
        assert_eq!(outcome(&site.check(&service, code)), approved());
    }
    // Once more with the same code, or with none, sends it again; with another one nothing is sent, in silence least of all.
    site.try_start(&service, &[("CustomCode", "4711")]);
    for same in [&[("CustomCode", "4711")][..], &[]] {
        assert_eq!(site.try_start(&service, same).status, 201);
        assert_eq!(site.code(), "4711");
    }
    let sent = site.phone.count();
    refused(&site.try_start(&service, &[("CustomCode", "4712")]), 400, 60200);
    assert_eq!(site.phone.count(), sent);
    site.update(&service, "%2B15017122661", "canceled");
    assert_eq!(site.try_start(&service, &[("CustomCode", "4712")]).status, 201);
    assert_eq!(outcome(&site.check(&service, "4712")), approved());
    // Nor does it take the place of one that was made here.
    site.start(&service);
    refused(&site.try_start(&service, &[("CustomCode", "4711")]), 400, 60200);
    assert_eq!(outcome(&site.check(&service, &site.code())), approved());
}

on_both! {
    twilio_rule_10_a_start_is_pending_and_has_one_attempt
    twilio_rule_11_no_answer_holds_the_code
    twilio_rule_12_a_code_is_so_many_digits
    twilio_rule_13_only_a_number_in_e_164_is_written_to
    twilio_rule_14_an_unknown_channel_is_refused
    twilio_rule_15_a_start_again_sends_the_same_code
    twilio_rule_16_another_channel_has_the_same_code
    twilio_rule_17_the_sixth_start_is_refused_and_delivers_nothing
    twilio_rule_18_after_its_end_a_start_works_at_once_with_another_code
    twilio_rule_19_a_wrong_code_is_no_error_five_times
    twilio_rule_20_21_the_sixth_check_is_too_many_even_with_the_right_code
    twilio_rule_22_23_the_right_code_is_approved_on_any_of_five_and_gone_then
    twilio_rule_24_25_it_expires_ten_minutes_after_the_first_start
    twilio_rule_26_a_check_names_the_number_or_the_verification
    twilio_rule_27_a_code_of_another_form_uses_no_attempt
    twilio_rule_28_a_number_stands_for_its_pending_verification
    twilio_rule_29_a_canceled_verification_can_be_fetched_and_not_answered
    twilio_rule_30_a_status_is_canceled_or_approved
    twilio_rule_31_a_code_may_be_chosen_where_the_service_says_so
}
