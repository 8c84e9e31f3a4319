//! Twilio Verify over sockets, on both frameworks: codes that approve one amount to one payee (PSD2).
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
use site::{Mounting, PLAIN, PSD2, Site, TO, approved, outcome, pending, refused, text};

const AMOUNT: &str = "€39.99";
const PAYEE: &str = "Acme Inc.";

/// A payment that was started: its verification and its code.
fn paid(site: &Site, amount: &str, payee: &str) -> (Value, String) {
    let started = site.pay(amount, payee);
    assert_eq!(started.status, 201, "{}", started.text());
    (started.json(), site.code())
}

fn twilio_rule_32_a_start_names_amount_and_payee(mounting: Mounting) {
    let site = Site::open(mounting);
    for fields in [&[][..], &[("Amount", AMOUNT)], &[("Payee", PAYEE)], &[("Amount", ""), ("Payee", PAYEE)]] {
        let refusal = site.try_start(PSD2, fields);
        refused(&refusal, 400, 60206);
        assert_eq!(refusal.json()["message"], "'Amount' & 'Payee' params are required");
    }
    assert_eq!(site.phone.count(), 0);
}

fn twilio_rule_33_a_check_names_amount_and_payee(mounting: Mounting) {
    let site = Site::open(mounting);
    let (started, code) = paid(&site, AMOUNT, PAYEE);
    let path = format!("Services/{PSD2}/VerificationCheck");
    for by in [("To", TO), ("VerificationSid", &text(&started, "sid"))] {
        for pair in [&[][..], &[("Amount", AMOUNT)], &[("Payee", PAYEE)]] {
            let fields = [&[by, ("Code", code.as_str())], pair].concat();
            refused(&site.post(&path, &fields), 400, 60206);
        }
    }
    assert_eq!(outcome(&site.check_payment(&code, AMOUNT, PAYEE)), approved());
}

fn twilio_rule_34_36_amount_and_payee_come_back_byte_for_byte(mounting: Mounting) {
    let site = Site::open(mounting);
    for (amount, payee) in [
        (AMOUNT, PAYEE),
        ("1,234.50 EUR", "Müller & Söhne + Co. = 100%"),
        (" 5 ", "e\u{301}\u{202e}\n\"\\"),
        ("5", "é"),
    ] {
        let (started, code) = paid(&site, amount, payee);
        assert_eq!((&started["amount"], &started["payee"]), (&json!(amount), &json!(payee)));
        let fetched = site.fetch(PSD2, &text(&started, "sid")).json();
        assert_eq!((&fetched["amount"], &fetched["payee"]), (&json!(amount), &json!(payee)));
        let checked = site.check_payment(&code, amount, payee);
        assert_eq!(outcome(&checked), approved());
        assert_eq!((&checked.json()["amount"], &checked.json()["payee"]), (&json!(amount), &json!(payee)));
    }
    // What people read names both, on one line.
    let message = site.phone.all()[2].text.clone();
    assert!(message.contains(" 5 ") && message.lines().count() == 1, "{message:?}");
}

fn r25_a_message_shows_amount_and_payee_as_a_whole(mounting: Mounting) {
    let site = Site::open(mounting);
    let hidden = format!("Acme Inc.{}via\u{2028}Mallory", " ".repeat(31));
    paid(&site, "€39.99", &hidden);
    let message = site.phone.last(TO).unwrap().text;
    assert!(message.contains("to Acme Inc. via Mallory."), "{message}");
    // The longest that a message shows, to its last letter; what is longer is not sent.
    let (amount, payee) = (format!("€{}", "9".repeat(39)), format!("{} Ltd", "Ä".repeat(136)));
    let (_, code) = paid(&site, &amount, &payee);
    let message = site.phone.last(TO).unwrap().text;
    assert!(message.contains(&format!("to pay {amount} to {payee}.")), "{message}");
    assert_eq!(outcome(&site.check_payment(&code, &amount, &payee)), approved());
    let sent = site.phone.count();
    for (amount, payee) in [
        (format!("{amount}0"), "Acme".to_owned()),
        ("1".to_owned(), format!("{payee}.")),
        ("1".to_owned(), " \u{200b}\u{3164}".to_owned()),
        ("\u{2060}".to_owned(), "Acme".to_owned()),
        ("1".to_owned(), format!("Acme{}", " ".repeat(2000))),
    ] {
        refused(&site.pay(&amount, &payee), 400, 60200);
    }
    assert_eq!(site.phone.count(), sent);
}

fn twilio_rule_35_another_amount_or_payee_is_never_approved(mounting: Mounting) {
    let site = Site::open(mounting);
    for (amount, payee) in [
        ("€39.98", PAYEE),
        ("€399.9", PAYEE),
        ("39.99€", PAYEE),
        (" €39.99", PAYEE),
        (AMOUNT, "Acme Inc"),
        (AMOUNT, "ACME Inc."),
        ("€39.99A", "cme Inc."),
        (PAYEE, AMOUNT),
    ] {
        let (started, code) = paid(&site, AMOUNT, PAYEE);
        let sid = text(&started, "sid");
        assert_eq!(outcome(&site.check_payment(&code, amount, payee)), pending(), "{amount} {payee}");
        let by_sid = [("VerificationSid", &*sid), ("Code", &code), ("Amount", amount), ("Payee", payee)];
        let checked = site.post(&format!("Services/{PSD2}/VerificationCheck"), &by_sid);
        assert_eq!(outcome(&checked), pending());
        // Each burns a try: there is nothing to find out about the code by trying pairs.
        assert_eq!(checked.header("verify-attempts-left"), Some("3"));
        assert_eq!(outcome(&site.check_payment(&code, AMOUNT, PAYEE)), approved());
    }
    let (_, code) = paid(&site, AMOUNT, PAYEE);
    for _ in 0..5 {
        assert_eq!(outcome(&site.check_payment(&code, "€39.98", PAYEE)), pending());
    }
    refused(&site.check_payment(&code, AMOUNT, PAYEE), 429, 60202);
}

fn twilio_rule_37_each_pair_has_a_verification_and_a_code_of_its_own(mounting: Mounting) {
    let site = Site::open(mounting);
    let (first, first_code) = paid(&site, AMOUNT, PAYEE);
    let (second, second_code) = paid(&site, "€40.00", PAYEE);
    let (third, third_code) = paid(&site, AMOUNT, "Acme Ltd.");
    assert!(first["sid"] != second["sid"] && first["sid"] != third["sid"]);
    assert!(first_code != second_code || first_code != third_code);
    if first_code != second_code {
        assert_eq!(outcome(&site.check_payment(&second_code, AMOUNT, PAYEE)), pending());
    }
    assert_eq!(outcome(&site.check_payment(&second_code, "€40.00", PAYEE)), approved());
    assert_eq!(outcome(&site.check_payment(&third_code, AMOUNT, "Acme Ltd.")), approved());
    assert_eq!(outcome(&site.check_payment(&first_code, AMOUNT, PAYEE)), approved());
}

fn twilio_rule_38_the_same_pair_again_has_the_same_code(mounting: Mounting) {
    let site = Site::open(mounting);
    let (first, code) = paid(&site, AMOUNT, PAYEE);
    paid(&site, "€40.00", PAYEE);
    let (again, same) = paid(&site, AMOUNT, PAYEE);
    assert_eq!((&first["sid"], &code), (&again["sid"], &same));
    assert_eq!(again["send_code_attempts"].as_array().unwrap().len(), 2);
    for _ in 0..3 {
        paid(&site, AMOUNT, PAYEE);
    }
    refused(&site.pay(AMOUNT, PAYEE), 429, 60203);
    paid(&site, "€40.00", PAYEE);
}

fn twilio_rule_39_no_call_says_a_payment_unless_it_is_allowed(mounting: Mounting) {
    let start = |site: &Site, channel: &str| {
        let fields = [("To", TO), ("Channel", channel), ("Amount", AMOUNT), ("Payee", PAYEE)];
        site.post(&format!("Services/{PSD2}/Verifications"), &fields)
    };
    let site = Site::open(mounting);
    let refusal = start(&site, "call");
    refused(&refusal, 400, 60214);
    assert_eq!(refusal.json()["message"], "Call channel is not supported when using PSD2");
    refused(&start(&site, "sna"), 400, 60329);
    assert_eq!(site.phone.count(), 0);
    let site = Site::with(mounting, |config| config.settings.psd2_over_voice = true, |builder| builder);
    assert_eq!(start(&site, "call").status, 201);
    let heard = site.phone.last(TO).unwrap().heard(true);
    assert!(heard.contains(AMOUNT) && heard.contains(PAYEE), "{heard}");
    assert_eq!(outcome(&site.check_payment(&site.code(), AMOUNT, PAYEE)), approved());
}

fn twilio_rule_40_a_service_without_psd2_ignores_amount_and_payee(mounting: Mounting) {
    let site = Site::open(mounting);
    let started = site.try_start(PLAIN, &[("Amount", AMOUNT), ("Payee", PAYEE)]);
    assert_eq!((&started.json()["amount"], &started.json()["payee"]), (&Value::Null, &Value::Null));
    let fields = [("To", TO), ("Code", &*site.code()), ("Amount", "1"), ("Payee", "2")];
    let checked = site.post(&format!("Services/{PLAIN}/VerificationCheck"), &fields);
    assert_eq!(outcome(&checked), approved());
    assert_eq!(checked.json()["amount"], Value::Null);
    assert!(!site.phone.last(TO).unwrap().text.contains(AMOUNT));
}

fn twilio_rule_41_a_canceled_payment_is_not_approved(mounting: Mounting) {
    let site = Site::open(mounting);
    let (started, code) = paid(&site, AMOUNT, PAYEE);
    let sid = text(&started, "sid");
    assert_eq!(site.update(PSD2, &sid, "canceled").json()["status"], "canceled");
    refused(&site.check_payment(&code, AMOUNT, PAYEE), 404, 20404);
    // And nobody vouches for one without naming what it is.
    let (started, code) = paid(&site, AMOUNT, PAYEE);
    refused(&site.update(PSD2, &text(&started, "sid"), "approved"), 403, 60204);
    assert_eq!(outcome(&site.check_payment(&code, AMOUNT, PAYEE)), approved());
}

fn twilio_rule_41_no_change_of_the_service_loosens_a_code(mounting: Mounting) {
    let site = Site::open(mounting);
    let (_, code) = paid(&site, AMOUNT, PAYEE);
    site.post(&format!("Services/{PSD2}"), &[("Psd2Enabled", "false"), ("CodeLength", "8")]);
    assert_eq!(outcome(&site.check(PSD2, &code)), pending());
    site.post(&format!("Services/{PSD2}"), &[("Psd2Enabled", "true")]);
    assert_eq!(outcome(&site.check_payment(&code, AMOUNT, PAYEE)), approved());
}

/// What the store holds in plain, everything in one text.
fn held(site: &Site) -> String {
    let values = site.store.entries().into_iter().filter_map(|(_, value, _)| value);
    values.map(|value| String::from_utf8_lossy(&value).into_owned()).collect()
}

fn twilio_rule_42_what_is_personal_is_sealed_and_gone_in_time(mounting: Mounting) {
    let secrets = ["15017122661", "39.99", "Acme"];
    let open = |ttl: u32| Site::with(mounting, |config| config.settings.ttl_seconds = ttl, |builder| builder);
    let site = open(600);
    paid(&site, AMOUNT, PAYEE);
    let shown = held(&site);
    assert!(!shown.is_empty() && !secrets.iter().any(|secret| shown.contains(secret)));
    assert!(!shown.contains(&site.code()));
    // Amount and payee within a day, also where a verification lives for all of it; the number with the last attempt.
    let site = open(86_400);
    let (started, code) = paid(&site, AMOUNT, PAYEE);
    site.pass(86_399);
    assert_eq!(outcome(&site.check_payment(&code, AMOUNT, PAYEE)), approved());
    assert!(!site.store.entries().is_empty());
    site.pass(1);
    refused(&site.fetch(PSD2, &text(&started, "sid")), 404, 20404);
    assert_eq!(site.get("Attempts").json()["attempts"], json!([]));
    // What is left says that something was approved, under a keyed name: a seal around nothing.
    let left = site.store.entries().into_iter().filter_map(|(_, value, _)| value);
    let sealed_nothing = "....k1".len() + 12 + 16;
    assert_eq!(left.map(|value| value.len()).collect::<Vec<_>>(), [sealed_nothing]);
}

on_both! {
    twilio_rule_32_a_start_names_amount_and_payee
    twilio_rule_33_a_check_names_amount_and_payee
    twilio_rule_34_36_amount_and_payee_come_back_byte_for_byte
    r25_a_message_shows_amount_and_payee_as_a_whole
    twilio_rule_35_another_amount_or_payee_is_never_approved
    twilio_rule_37_each_pair_has_a_verification_and_a_code_of_its_own
    twilio_rule_38_the_same_pair_again_has_the_same_code
    twilio_rule_39_no_call_says_a_payment_unless_it_is_allowed
    twilio_rule_40_a_service_without_psd2_ignores_amount_and_payee
    twilio_rule_41_a_canceled_payment_is_not_approved
    twilio_rule_41_no_change_of_the_service_loosens_a_code
    twilio_rule_42_what_is_personal_is_sealed_and_gone_in_time
}
