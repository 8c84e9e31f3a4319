//! Worldpay account verification, from root to outcome: W1 to W5, W12, W13 and W17, over sockets on both mountings.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../../verify-core/tests/support/bank.rs"]
mod bank;
#[path = "worldpay/site.rs"]
mod site;

use std::time::Duration;

use async_trait::async_trait;
use bank::Witness;
use serde_json::{Value, json};
use site::{DYNAMIC, DYNAMIC_ON_FILE, Mounting, ON_FILE, ONE_TIME, OTHER, PUBLIC, SIX, Site};
use site::{basic, getting, link, refused, results};
use tests::http::Request;
use tests::worldpay::{self, FIVE, Kind, dynamic, intelligent, six};
use verify_compat::worldpay::{Issuer, IssuerAnswer, IssuerError, IssuerInquiry, IssuerSimulator};
use verify_core::{Api, FakeClock, MemoryStore};

fn worldpay_rule_01_the_root_names_every_resource(mounting: Mounting) {
    let site = Site::open(mounting);
    let root = site.get("/verifications/accounts");
    assert_eq!((root.status, root.header("content-type")), (200, Some(FIVE)));
    let links = root.json()["_links"].clone();
    for (relation, path) in [
        ("verifications:oneTime", ONE_TIME),
        ("verifications:cardOnFile", ON_FILE),
        ("verifications:dynamicOneTime", DYNAMIC),
        ("verifications:dynamicCardOnFile", DYNAMIC_ON_FILE),
        ("verifications:verification", "/verifications/accounts/{resource}"),
    ] {
        assert_eq!(links[relation], json!({ "href": format!("{PUBLIC}{path}"), "templated": true }));
    }
    let curie = &links["curies"][0];
    assert_eq!((&curie["name"], &curie["templated"]), (&json!("verifications"), &json!(true)));
    assert_eq!(curie["href"], format!("{PUBLIC}/rels/verifications/accounts/{{rel}}"));
    assert_eq!(site.get("/verifications/accounts/").json(), root.json());
    // What a relation means is told to everybody, and is no outcome of anything.
    for relation in
        ["resourceTree", "oneTime", "cardOnFile", "dynamicOneTime", "dynamicCardOnFile", "verification"]
    {
        let meaning = site.send(&Request::get(&format!("/rels/verifications/accounts/{relation}")));
        assert_eq!((meaning.status, &meaning.json()["relation"]), (200, &json!(relation)));
        assert_eq!(meaning.json()["outcome"], Value::Null);
    }
    refused(&site.send(&Request::get("/rels/verifications/accounts/nothing")), 404, "resourceNotFound");
}

fn worldpay_rule_02_an_answer_is_as_documented(mounting: Mounting) {
    let site = Site::open(mounting);
    for (path, body, kind) in [
        (ONE_TIME, intelligent("one"), Kind::OneTime),
        (DYNAMIC, dynamic("two"), Kind::OneTime),
        (ON_FILE, intelligent("three"), Kind::CardOnFile),
        (DYNAMIC_ON_FILE, dynamic("four"), Kind::CardOnFile),
    ] {
        let answer = site.verify(path, &body);
        assert_eq!(worldpay::faults(kind, &answer), [""; 0], "{answer}");
        assert_eq!(answer["outcome"], "verified");
        let reference = answer["schemeTransactionReference"].as_str();
        assert_eq!(reference.is_some_and(|text| !text.is_empty()), kind == Kind::CardOnFile);
        let card = &answer["paymentInstrument"]["card"];
        assert_eq!(answer["paymentInstrument"]["type"], "card/plain");
        assert_eq!(card["number"], json!({ "bin": "444433", "last4Digits": "1111" }));
        assert_eq!(card["expiryDate"], json!({ "month": 12, "year": 2035 }));
        assert_eq!((&card["brand"], &card["issuer"]["name"]), (&json!("visa"), &json!("cardIssuer")));
        let time = answer["checkedAt"].as_str().unwrap();
        let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "0000-00-00T00:00:00.000Z");
    }
    // The oracle is one: it finds what is missing.
    let mut answer = site.verify(ONE_TIME, &intelligent("five"));
    answer["riskFactors"][0].as_object_mut().unwrap().remove("risk");
    answer["_links"].as_object_mut().unwrap().remove("curies");
    assert_eq!(worldpay::faults(Kind::OneTime, &answer).len(), 2);
}

fn worldpay_rule_02_a_token_is_a_card(mounting: Mounting) {
    let site = Site::open(mounting);
    let mut body = intelligent("token");
    body["paymentInstrument"] = json!({ "type": "card/tokenized", "href": "https://try.access.worldpay.com/tokens/MTIz", "cvc": "444" });
    let answer = site.verify(ONE_TIME, &body);
    assert_eq!(worldpay::faults(Kind::OneTime, &answer), [""; 0], "{answer}");
    assert_eq!(answer["paymentInstrument"]["type"], "card/tokenized");
    assert_eq!(results(&answer), ["notMatched", "notSupplied", "notSupplied"]);
}

fn worldpay_rule_03_an_outcome_is_retrieved_as_it_was(mounting: Mounting) {
    let site = Site::open(mounting);
    for (path, body) in [(ONE_TIME, intelligent("a")), (ON_FILE, intelligent("b")), (SIX, six("c"))] {
        let made = site.post(path, &body);
        assert_eq!(made.status, 201, "{}", made.text());
        let answer = made.json();
        let href = match path {
            SIX => answer["_links"]["self"]["href"].as_str().unwrap().to_owned(),
            _ => link(&answer),
        };
        site.pass(Duration::from_secs(3600));
        // The same card, and another outcome.
        let mut other = intelligent(&format!("{path}-other"));
        other["paymentInstrument"]["cardHolderName"] = json!("REFUSED");
        assert_eq!(site.verify(ONE_TIME, &other)["outcome"], "not verified");
        for _ in 0..3 {
            let found = site.get(&href);
            assert_eq!((found.status, &found.body), (200, &made.body), "byte for byte");
            assert_eq!(found.header("content-type"), made.header("content-type"));
        }
        site.pass(Duration::from_secs(23 * 3600 - 1));
        assert_eq!(site.get(&href).status, 200);
        site.pass(Duration::from_secs(2));
        refused(&site.get(&href), 404, "resourceNotFound");
    }
}

fn worldpay_rule_04_a_refusal_is_an_outcome(mounting: Mounting) {
    let site = Site::open(mounting);
    for (holder, outcome) in [
        ("AUTHORISED", "verified"),
        ("REFUSED", "not verified"),
        ("REFUSED51", "not verified"),
        ("Anybody Else", "verified"),
    ] {
        let mut body = intelligent(holder);
        body["transactionReference"] = json!(holder.replace(' ', "_"));
        body["paymentInstrument"]["cardHolderName"] = json!(holder);
        let answer = site.verify(ON_FILE, &body);
        assert_eq!(
            (answer["outcome"].as_str(), worldpay::faults(Kind::CardOnFile, &answer)),
            (Some(outcome), vec![])
        );
        assert_eq!(site.get(&link(&answer)).json(), answer);
    }
    let mut expired = intelligent("expired");
    expired["paymentInstrument"]["cardExpiryDate"] = json!({ "month": 1, "year": 2020 });
    assert_eq!(site.verify(ONE_TIME, &expired)["outcome"], "not verified");
    let mut silent = intelligent("silent");
    silent["paymentInstrument"]["cardHolderName"] = json!("ERROR");
    refused(&site.post(ONE_TIME, &silent), 500, "internalErrorOccurred");
    // Nobody knows whether the issuer was asked: the reference is used, and nobody is asked twice by it.
    assert_eq!(site.post(ONE_TIME, &silent).status, 400);
}

fn worldpay_rule_05_every_combination_of_results_goes_round(mounting: Mounting) {
    let site = Site::open(mounting);
    let told = [("555", "matched"), ("444", "notMatched"), ("333", "notChecked"), ("222", "notSupported")];
    let mut count = 0;
    for (cvc, of_cvc) in told.iter().copied().map(Some).chain([None]).map(|told| told.unzip()) {
        for (postcode, of_postcode) in told {
            for (street, of_street) in told {
                count += 1;
                let mut body = intelligent(&format!("r{count}"));
                let card = &mut body["paymentInstrument"];
                match cvc {
                    Some(cvc) => card["cvc"] = json!(cvc),
                    None => drop(card.as_object_mut().unwrap().remove("cvc")),
                }
                card["verificationAddress"]["postalCode"] = json!(postcode);
                card["verificationAddress"]["address1"] = json!(street);
                let answer = site.verify(ONE_TIME, &body);
                let wanted = [of_cvc.unwrap_or("notSupplied"), of_postcode, of_street];
                assert_eq!(results(&answer), wanted);
                assert_eq!(results(&site.get(&link(&answer)).json()), wanted);
            }
        }
    }
    let mut body = intelligent("without");
    body["paymentInstrument"].as_object_mut().unwrap().remove("verificationAddress");
    assert_eq!(results(&site.verify(ONE_TIME, &body)), ["matched", "notSupplied", "notSupplied"]);
}

fn worldpay_rule_12_a_link_is_for_whoever_got_it(mounting: Mounting) {
    let site = Site::open(mounting);
    let answer = site.verify(ONE_TIME, &intelligent("mine"));
    let href = link(&answer);
    let path = href.strip_prefix(PUBLIC).unwrap();
    let theirs = Request::get(path).header("authorization", &basic(OTHER, "other")).header("accept", FIVE);
    refused(&site.send(&theirs), 404, "resourceNotFound");
    let unknown = format!("/verifications/accounts/{}", "0".repeat(64));
    let id = path.rsplit('/').next().unwrap();
    let loud = format!("/verifications/accounts/{}", id.to_uppercase());
    for other in [&*unknown, "/verifications/accounts/mine", "/verifications/accounts/recurring", &loud] {
        refused(&site.get(other), 404, "resourceNotFound");
    }
    // Nor is it one of the other version.
    refused(&site.get(&format!("{SIX}/{id}")), 404, "resourceNotFound");
    assert!(
        id.len() == 64
            && id != link(&site.verify(ONE_TIME, &intelligent("next"))).rsplit('/').next().unwrap()
    );
    assert_eq!(site.get(&href).json(), answer);
}

fn worldpay_rule_13_an_outcome_may_not_be_ready(mounting: Mounting) {
    let site = Site::open(mounting);
    let mut body = intelligent("later");
    body["paymentInstrument"]["cardHolderName"] = json!("LATER5");
    let made = site.post(ONE_TIME, &body);
    let href = link(&made.json());
    for _ in 0..2 {
        refused(&site.get(&href), 404, "verificationNotReady");
    }
    site.pass(Duration::from_millis(4999));
    refused(&site.get(&href), 404, "verificationNotReady");
    site.pass(Duration::from_millis(1));
    let found = site.get(&href);
    assert_eq!((found.status, found.body), (200, made.body));
}

/// Says yes, and lets nobody look.
#[derive(Debug)]
struct Secretive;

#[async_trait]
impl Issuer for Secretive {
    async fn verify(&self, _: &IssuerInquiry) -> Result<IssuerAnswer, IssuerError> {
        Ok(IssuerAnswer::approved().viewable_after(Duration::MAX))
    }
}

fn worldpay_rule_13_an_outcome_may_never_be_ready(mounting: Mounting) {
    let site = Site::with(mounting, |builder| builder.issuer(Secretive));
    let made = site.post(ONE_TIME, &intelligent("never"));
    assert_eq!((made.status, &made.json()["outcome"]), (201, &json!("verified")), "{}", made.text());
    refused(&site.get(&link(&made.json())), 404, "verificationNotReady");
}

fn worldpay_rule_17_links_begin_as_configured(mounting: Mounting) {
    let site = Site::open(mounting);
    let evil = |request: Request| {
        request
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("forwarded", "host=evil.example")
    };
    let kind = ("accept", FIVE);
    let root = site.send(&evil(getting("/verifications/accounts")));
    let made =
        site.send(&evil(site::posting(ONE_TIME, intelligent("host").to_string())).header("x-accept", kind.1));
    for answer in [root, made] {
        assert!(answer.status < 300, "{}", answer.text());
        let text = answer.text();
        assert!(!text.contains("evil") && !text.contains("localhost"), "{text}");
        assert!(text.contains(PUBLIC), "{text}");
    }
}

fn worldpay_version_6_answers_by_its_own_names(mounting: Mounting) {
    let site = Site::open(mounting);
    let mut body = six("v6");
    body["instruction"]["customerAgreement"] = json!({ "type": "cardOnFile" });
    body["instruction"]["paymentInstrument"]["cardHolderName"] = json!("NAME partialMatched");
    let answer = site.verify(SIX, &body);
    assert_eq!(
        (&answer["outcome"], &answer["paymentInstrument"]["lastFour"]),
        (&json!("verified"), &json!("1111"))
    );
    assert!(answer["scheme"]["reference"].as_str().is_some_and(|text| !text.is_empty()));
    assert!(
        answer["riskFactors"]
            .as_array()
            .unwrap()
            .contains(&json!({ "type": "nameInquiry", "risk": "partialMatched" }))
    );
    let mut body = six("v6-refused");
    body["instruction"]["paymentInstrument"]["cardHolderName"] = json!("REFUSED76");
    let answer = site.verify(SIX, &body);
    assert_eq!(answer["outcome"], "not verified");
    assert_eq!(
        (&answer["refusalCode"], &answer["refusalDescription"]),
        (&json!("76"), &json!("CARD BLOCKED"))
    );
    assert_eq!(answer["advice"], json!({ "code": "03" }));
    let mut body = six("v6-token");
    body["instruction"]["paymentInstrument"] =
        json!({ "type": "card/token", "href": "https://vault.example/tokens/1" });
    assert_eq!(site.verify(SIX, &body)["paymentInstrument"]["type"], "card/token");
    let mut body = six("v6-error");
    body["instruction"]["paymentInstrument"]["cardHolderName"] = json!("ERROR");
    refused(&site.post(SIX, &body), 500, "internalServerError");
}

/// A store that does not answer is an error of the version that was asked in, and so is what takes too long.
fn worldpay_a_fault_of_ours_has_its_versions_name(mounting: Mounting) {
    let clock = FakeClock::default();
    let store = Witness::new(MemoryStore::builder().clock(clock.clone()).build());
    let api = site::api(&clock, store.clone(), |builder| builder.issuer(IssuerSimulator::default()));
    for (path, name) in [(ONE_TIME, "internalErrorOccurred"), (SIX, "internalServerError")] {
        let head = http::Request::post(path).header("wp-correlationid", "mine").body(()).unwrap();
        let late = api.too_late(&head.into_parts().0);
        let body: Value = serde_json::from_slice(late.body()).unwrap();
        assert_eq!((late.status().as_u16(), &body["errorName"]), (500, &json!(name)));
        assert_eq!(late.headers()["wp-correlationid"], "mine");
    }
    let running = site::serve(mounting, api);
    for (path, name, body) in
        [(ONE_TIME, "internalErrorOccurred", intelligent("five")), (SIX, "internalServerError", six("six"))]
    {
        let made = site::posting(path, body.to_string());
        for failing in [0..1, 1..2] {
            store.fail(failing);
            refused(&made.send(running.address).unwrap(), 500, name);
            store.heal();
        }
        let link = format!("{}/{}", path.replace("/intelligent/oneTime", ""), "ab".repeat(32));
        store.fail(0..1);
        refused(&getting(&link).send(running.address).unwrap(), 500, name);
        store.heal();
    }
}

on_both! {
    worldpay_a_fault_of_ours_has_its_versions_name
    worldpay_rule_01_the_root_names_every_resource
    worldpay_rule_02_an_answer_is_as_documented
    worldpay_rule_02_a_token_is_a_card
    worldpay_rule_03_an_outcome_is_retrieved_as_it_was
    worldpay_rule_04_a_refusal_is_an_outcome
    worldpay_rule_05_every_combination_of_results_goes_round
    worldpay_rule_12_a_link_is_for_whoever_got_it
    worldpay_rule_13_an_outcome_may_not_be_ready
    worldpay_rule_13_an_outcome_may_never_be_ready
    worldpay_rule_17_links_begin_as_configured
    worldpay_version_6_answers_by_its_own_names
}
