//! Worldpay account verification, bodies that are not taken: W9 to W11, over sockets on both mountings.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "worldpay/site.rs"]
mod site;

use serde_json::{Value, json};
use site::{DYNAMIC, Mounting, ON_FILE, ONE_TIME, OTHER, SIX, Site, basic, faults, posting, refused};
use tests::http::Request;
use tests::worldpay::{FIVE, dynamic, intelligent, six};

/// A body with one change at a JSON pointer; without a value, the member goes.
fn changed(mut body: Value, pointer: &str, value: Option<Value>) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => drop(parent.insert(name.to_owned(), value)),
        None => drop(parent.remove(name)),
    }
    body
}

fn one(path: &str, name: &str) -> Vec<(String, String)> {
    vec![(path.to_owned(), name.to_owned())]
}

fn worldpay_rule_09_each_fault_has_its_name_and_its_place(mounting: Mounting) {
    let site = Site::open(mounting);
    let raw = |body: &str| site.send(&posting(ONE_TIME, body));
    for body in ["", "  \n"] {
        refused(&raw(body), 400, "bodyIsEmpty");
    }
    for body in ["{", "nonsense", r#"{"currency":"GBP","currency":"EUR"}"#, "{}{}", "\u{feff}{}"] {
        refused(&raw(body), 400, "bodyIsNotJson");
    }
    assert_eq!(faults(&raw("[]")), one("$", "fieldMustBeObject"));
    assert_eq!(faults(&raw("null")), one("$", "fieldIsNull"));
    let text = |text: &str| Some(json!(text));
    let card = "$.paymentInstrument";
    for (pointer, value, path, name) in [
        ("/currency", None, "$.currency", "fieldIsMissing"),
        ("/currency", Some(json!(7)), "$.currency", "fieldMustBeString"),
        ("/currency", Some(Value::Null), "$.currency", "fieldIsNull"),
        ("/currency", text(""), "$.currency", "fieldIsEmpty"),
        ("/currency", text("gbp"), "$.currency", "stringFailedRegexCheck"),
        ("/currency", text("XQX"), "$.currency", "fieldHasInvalidValue"),
        ("/merchant", None, "$.merchant", "fieldIsMissing"),
        ("/merchant", text("default"), "$.merchant", "fieldMustBeObject"),
        ("/merchant/entity", None, "$.merchant.entity", "fieldIsMissing"),
        ("/merchant/mcc", text("60"), "$.merchant.mcc", "stringIsTooShort"),
        ("/channel", text("web"), "$.channel", "fieldHasInvalidValue"),
        ("/narrative", Some(json!({})), "$.narrative.line1", "fieldIsMissing"),
        ("/narrative", Some(json!({ "line1": "a".repeat(25) })), "$.narrative.line1", "stringIsTooLong"),
        ("/paymentInstrument", None, card, "fieldIsMissing"),
        ("/paymentInstrument/type", text("card/front"), "$.paymentInstrument.type", "fieldHasInvalidValue"),
        (
            "/paymentInstrument/cardNumber",
            Some(json!(4444333322221111_u64)),
            "$.paymentInstrument.cardNumber",
            "fieldMustBeString",
        ),
        (
            "/paymentInstrument/cardNumber",
            text("4444 3333 2222 1111"),
            "$.paymentInstrument.cardNumber",
            "stringFailedRegexCheck",
        ),
        (
            "/paymentInstrument/cardExpiryDate",
            text("12/35"),
            "$.paymentInstrument.cardExpiryDate",
            "fieldMustBeObject",
        ),
        (
            "/paymentInstrument/cardExpiryDate/year",
            None,
            "$.paymentInstrument.cardExpiryDate.year",
            "fieldIsMissing",
        ),
        (
            "/paymentInstrument/cardExpiryDate/year",
            text("2035"),
            "$.paymentInstrument.cardExpiryDate.year",
            "fieldMustBeInteger",
        ),
        (
            "/paymentInstrument/cardExpiryDate/year",
            Some(json!(35)),
            "$.paymentInstrument.cardExpiryDate.year",
            "integerIsTooSmall",
        ),
        (
            "/paymentInstrument/cardExpiryDate/month",
            Some(json!(0)),
            "$.paymentInstrument.cardExpiryDate.month",
            "integerIsTooSmall",
        ),
        (
            "/paymentInstrument/cardExpiryDate/month",
            Some(json!(13)),
            "$.paymentInstrument.cardExpiryDate.month",
            "integerIsTooLarge",
        ),
        (
            "/paymentInstrument/cardExpiryDate/month",
            Some(json!(1.5)),
            "$.paymentInstrument.cardExpiryDate.month",
            "fieldMustBeInteger",
        ),
        ("/paymentInstrument/cvc", text("12"), "$.paymentInstrument.cvc", "stringIsTooShort"),
        ("/paymentInstrument/cvc", text("12345"), "$.paymentInstrument.cvc", "stringIsTooLong"),
        ("/paymentInstrument/cvc", text("12a"), "$.paymentInstrument.cvc", "stringFailedRegexCheck"),
        (
            "/paymentInstrument/cardHolderName",
            text("a\nb"),
            "$.paymentInstrument.cardHolderName",
            "stringFailedRegexCheck",
        ),
        (
            "/paymentInstrument/verificationAddress/city",
            None,
            "$.paymentInstrument.verificationAddress.city",
            "fieldIsMissing",
        ),
        (
            "/paymentInstrument/verificationAddress/countryCode",
            text("GBR"),
            "$.paymentInstrument.verificationAddress.countryCode",
            "stringIsTooLong",
        ),
        // Strict: whatever is not documented is a fault, at every depth, and so are the names of another version.
        ("/colour", text("red"), "$.colour", "fieldIsNotAllowed"),
        ("/merchant/colour", text("red"), "$.merchant.colour", "fieldIsNotAllowed"),
        ("/paymentInstrument/colour", text("red"), "$.paymentInstrument.colour", "fieldIsNotAllowed"),
        (
            "/paymentInstrument/verificationAddress/colour",
            text("red"),
            "$.paymentInstrument.verificationAddress.colour",
            "fieldIsNotAllowed",
        ),
        ("/instruction", Some(json!({})), "$.instruction", "fieldIsNotAllowed"),
        (
            "/paymentInstrument/billingAddress",
            Some(json!({})),
            "$.paymentInstrument.billingAddress",
            "fieldIsNotAllowed",
        ),
    ] {
        let answer = site.post(ONE_TIME, &changed(intelligent("fault"), pointer, value));
        assert_eq!(faults(&answer), one(path, name), "{pointer}");
    }
    // All at once, and nothing of the body in the answer.
    let body = json!({
        "currency": 7, "merchant": {}, "transactionReference": "a b", "4444333322221111": true,
        "paymentInstrument": { "type": "card/plain", "cardNumber": "4444333322221112", "cvc": "x", "cardExpiryDate": { "month": 13 } },
    });
    let answer = site.post(ONE_TIME, &body);
    let names: Vec<String> =
        faults(&answer).into_iter().map(|(path, name)| format!("{path} {name}")).collect();
    assert_eq!(
        names,
        [
            "$.* fieldIsNotAllowed",
            "$.currency fieldMustBeString",
            "$.merchant.entity fieldIsMissing",
            "$.paymentInstrument.cardExpiryDate.month integerIsTooLarge",
            "$.paymentInstrument.cardExpiryDate.year fieldIsMissing",
            "$.paymentInstrument.cardNumber panFailedLuhnCheck",
            "$.paymentInstrument.cvc stringIsTooShort",
            "$.transactionReference stringFailedRegexCheck",
        ]
    );
    assert!(!answer.text().contains("4444"), "{}", answer.text());
    // The other shapes, by their own paths.
    let amount = changed(dynamic("amount"), "/instruction/value/amount", Some(json!(-1)));
    assert_eq!(faults(&site.post(DYNAMIC, &amount)), one("$.instruction.value.amount", "integerIsTooSmall"));
    let flag = changed(dynamic("flag"), "/instruction/consumerBillPayment", text("yes"));
    assert_eq!(
        faults(&site.post(DYNAMIC, &flag)),
        one("$.instruction.consumerBillPayment", "fieldMustBeBoolean")
    );
    let agreement =
        changed(six("agreement"), "/instruction/customerAgreement", Some(json!({ "type": "other" })));
    assert_eq!(
        faults(&site.post(SIX, &agreement)),
        one("$.instruction.customerAgreement.type", "fieldHasInvalidValue")
    );
    // What is documented and optional is taken.
    let mut full = intelligent("full");
    full["channel"] = json!("moto");
    full["narrative"] = json!({ "line1": "MindPalace" });
    full["customer"] = json!({ "firstName": "Sherlock", "ipAddress": "192.0.2.1" });
    full["merchant"]["mcc"] = json!("6012");
    full["merchant"]["paymentFacilitator"] = json!({
        "pfId": "12345678901", "isoId": "12345678901",
        "subMerchant": { "merchantId": "1", "name": "a", "street": "b", "city": "c", "countryCode": "826", "postalCode": "d" },
    });
    assert_eq!(site.post(ON_FILE, &full).status, 201);
    // An entity of somebody else's.
    let entity = changed(intelligent("entity"), "/merchant/entity", text("theirs"));
    refused(&site.post(ONE_TIME, &entity), 403, "boardingError");
}

fn worldpay_rule_10_a_number_has_its_check_digit(mounting: Mounting) {
    let site = Site::open(mounting);
    let ask = |reference: &str, number: &str| {
        site.post(
            ONE_TIME,
            &changed(intelligent(reference), "/paymentInstrument/cardNumber", Some(json!(number))),
        )
    };
    let answer = ask("luhn", "4444333322221112");
    assert_eq!(faults(&answer), one("$.paymentInstrument.cardNumber", "panFailedLuhnCheck"));
    for (count, number) in ["4444333322221111", "5555555555554444", "343434343434343"].into_iter().enumerate()
    {
        assert_eq!(ask(&format!("luhn{count}"), number).status, 201, "{number}");
    }
}

fn worldpay_rule_11_a_reference_names_one_verification(mounting: Mounting) {
    let site = Site::open(mounting);
    let ask = |path: &str, reference: &str| {
        site.post(path, &changed(intelligent("x"), "/transactionReference", Some(json!(reference))))
    };
    let long = "a".repeat(64);
    for good in [&*long, "a", "Memory265-13/08/1876", "-_/!@#$%()*=.:;?[]{}~+"] {
        assert_eq!(ask(ONE_TIME, good).status, 201, "{good}");
        for path in [ONE_TIME, ON_FILE] {
            let again = ask(path, good);
            assert_eq!(faults(&again), one("$.transactionReference", "fieldHasInvalidValue"), "{good}");
        }
        // In whichever version it comes, and not for whoever else uses it.
        let six = changed(six("x"), "/transactionReference", Some(json!(good)));
        assert_eq!(faults(&site.post(SIX, &six)), one("$.transactionReference", "fieldHasInvalidValue"));
    }
    let theirs = Request::new("POST", ONE_TIME).header("authorization", &basic(OTHER, "other"));
    let theirs =
        theirs.header("accept", FIVE).header("content-type", FIVE).body(intelligent("a").to_string());
    assert_eq!(site.send(&theirs).status, 201);
    for (bad, name) in [
        (&*"a".repeat(65), "stringIsTooLong"),
        ("", "fieldIsEmpty"),
        ("a b", "stringFailedRegexCheck"),
        ("ä", "stringFailedRegexCheck"),
        ("a\"b", "stringFailedRegexCheck"),
    ] {
        assert_eq!(faults(&ask(ONE_TIME, bad)), one("$.transactionReference", name), "{bad}");
    }
    // What was refused as a body has used nothing up.
    let body = changed(intelligent("unused"), "/currency", None);
    assert_eq!(site.post(ONE_TIME, &body).status, 400);
    assert_eq!(site.post(ONE_TIME, &intelligent("unused")).status, 201);
}

on_both! {
    worldpay_rule_09_each_fault_has_its_name_and_its_place
    worldpay_rule_10_a_number_has_its_check_digit
    worldpay_rule_11_a_reference_names_one_verification
}
