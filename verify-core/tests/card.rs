//! Checks of cards in the engine: what is asked, what counts once, and what is never said.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/acquirer.rs"]
mod acquirer;
#[path = "support/bank.rs"]
mod bank;
#[path = "support/shop.rs"]
mod shop;

use std::time::Duration;

use acquirer::{Acquirer, CVC, NUMBER};
use bank::{Bank, Outcome, Request, block_on, blocked, challenge_of, enter, id_of, json_of, text_of};
use serde_json::{Value, json};
use shop::{DAY, Shop, card, refused, trial};
use verify_core::{
    Card, CardErrorKind, CardMatch, CardOutcome, CardRisk, EventKind, Factor, Policy, Psd2, Quota,
    RefusedKind, Requirement, Subject, all_of,
};

#[test]
fn a_live_card_opens_and_is_asked_about_once() {
    let shop = Shop::new();
    let reply = blocked(&shop.gate, trial());
    let challenge = challenge_of(&reply);
    assert_eq!((&challenge["type"], &challenge["asks"]), (&json!("card"), &json!(["cvc"])));
    assert_eq!(shop.acquirer.count(), 0, "a block asks nobody");
    let id = challenge["id"].as_str().unwrap();
    let sent = shop.bank.call("send", "alice", &json!({ "id": id }));
    assert_eq!(json_of(&sent)["type"], "card", "nothing travels");

    let checked = shop.check(id, &card("4444 3333 2222 1111", CVC));
    assert_eq!(checked.status(), 200, "{checked:?}");
    let asked = shop.acquirer.asked();
    assert_eq!((asked.len(), asked[0].card.as_str(), asked[0].cvc.as_deref()), (1, NUMBER, Some(CVC)));
    assert!(asked[0].attempt.len() == 32 && asked[0].attempt.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let token = json_of(&checked)["clearance"].as_str().unwrap().to_owned();
    assert!(matches!(enter(&shop.gate, trial().header("challenge-clearance", &token)), Outcome::Allowed));

    refused(&shop.check(id, &card(NUMBER, CVC)), 409, "already_used");
    assert_eq!(shop.acquirer.count(), 1, "whoever answers twice asks nobody twice");
    assert_eq!(shop.heard(), [(EventKind::Verified, None), (EventKind::Replayed, None)]);
}

#[test]
fn the_policy_says_which_results_have_to_match() {
    use CardMatch::{Matched, NotChecked, NotMatched, NotSupplied, NotSupported, PartiallyMatched, Unknown};
    let of =
        |cvc, postcode| CardOutcome::verified().with(CardRisk::Cvc, cvc).with(CardRisk::Postcode, postcode);
    let no = CardOutcome::not_verified().with(CardRisk::Cvc, Matched).with(CardRisk::Postcode, Matched);
    let address = json!({ "street": "1 Road", "postcode": "NW1 6XE", "city": "London", "country": "GB" });
    for (requires, outcome, passes) in [
        (vec![], of(NotMatched, NotMatched), true),
        (vec![], no.clone(), false),
        (vec![CardRisk::Cvc], of(Matched, NotMatched), true),
        (vec![CardRisk::Cvc], of(NotMatched, Matched), false),
        (vec![CardRisk::Cvc], of(NotChecked, Matched), false),
        (vec![CardRisk::Cvc], of(NotSupplied, Matched), false),
        (vec![CardRisk::Cvc], of(NotSupported, Matched), false),
        (vec![CardRisk::Cvc], of(Unknown, Matched), false),
        (vec![CardRisk::Cvc], CardOutcome::verified(), false),
        (vec![CardRisk::Postcode, CardRisk::Cvc], of(Matched, Matched), true),
        (vec![CardRisk::Postcode, CardRisk::Cvc], of(Matched, PartiallyMatched), false),
        (vec![CardRisk::Postcode, CardRisk::Cvc], no, false),
    ] {
        let shop = Shop::with(|factor| factor.requires(requires.clone()));
        shop.acquirer.then([Ok(outcome.clone())]);
        let mut given = card(NUMBER, CVC);
        given["address"] = address.clone();
        let reply = shop.check(&shop.ticket(), &given);
        assert_eq!(reply.status().is_success(), passes, "{requires:?} of {outcome:?}");
        if !passes {
            refused(&reply, 403, "challenge_failed");
            // Which of them it was helps only whoever tries cards out.
            assert_eq!(json_of(&reply)["reason"], Value::Null);
            let reason = if outcome.is_verified() { "not_matched" } else { "not_verified" };
            assert_eq!(shop.heard(), [(EventKind::Failed, Some(reason))]);
        }
    }
}

#[test]
fn r10_whatever_is_no_verdict_lets_nobody_in_and_asks_nobody_again() {
    for (kind, status, code, event) in [
        (CardErrorKind::Refused, 403, "challenge_failed", Some((EventKind::Failed, Some("refused")))),
        (CardErrorKind::Unavailable, 503, "unavailable", None),
        (CardErrorKind::Indeterminate, 503, "unavailable", Some((EventKind::Indeterminate, None))),
        (CardErrorKind::Misconfigured, 500, "misconfigured", None),
    ] {
        let shop = Shop::new();
        let id = shop.ticket();
        shop.acquirer.then([Err(kind)]);
        refused(&shop.check(&id, &card(NUMBER, CVC)), status, code);
        assert_eq!((shop.acquirer.count(), shop.heard()), (1, event.into_iter().collect()), "{kind:?}");
        // The ticket is as good as before, and the try stays counted, under a name of its own.
        assert_eq!(shop.check(&id, &card(NUMBER, CVC)).status(), 200);
        let asked = shop.acquirer.asked();
        assert_ne!(asked[0].attempt, asked[1].attempt);
    }
}

#[test]
fn r49_what_is_no_card_costs_nothing() {
    let shop = Shop::with(|factor| factor.requires([CardRisk::Cvc, CardRisk::Name, CardRisk::Postcode]));
    let id = shop.ticket();
    let mut without_address = card(NUMBER, CVC);
    without_address["name"] = json!("Sherlock Holmes");
    for (member, value, says) in [
        ("card", json!({}), "`card`"),
        ("card", card("4444333322221112", CVC), "number"),
        ("card", json!({ "number": NUMBER, "expiry_month": 13, "expiry_year": 2035, "cvc": CVC }), "expiry"),
        ("card", card(NUMBER, "12"), "security code"),
        ("card", json!({ "number": NUMBER, "expiry_month": 5, "expiry_year": 2035 }), "security code"),
        ("card", card(NUMBER, CVC), "name"),
        ("card", without_address, "address"),
        ("code", json!("123456"), "`card`"),
        ("token", json!("abc"), "`card`"),
        ("card", json!(NUMBER), "JSON object"),
        ("card", json!({ "number": NUMBER, "pan": NUMBER }), "JSON object"),
    ] {
        let reply = shop.bank.call("check", "alice", &json!({ "id": id, member: value }));
        refused(&reply, 400, "validation_error");
        let body = text_of(&reply);
        assert!(body.contains(says) && !body.contains("4444"), "{says}: {body}");
    }
    assert_eq!((shop.acquirer.count(), shop.heard()), (0, vec![]));
    let code = shop.bank.gate(Policy::new("vault").require(Factor::code("step-up")));
    let id = id_of(&blocked(&code, Request::get("/vault").user("alice")));
    let reply = shop.bank.call("check", "alice", &json!({ "id": id, "card": card(NUMBER, CVC) }));
    refused(&reply, 400, "validation_error");
}

#[test]
fn r60_a_card_in_a_header_field_is_none() {
    let shop = Shop::new();
    let id = shop.ticket();
    let answer = card(NUMBER, CVC).to_string();
    let reply = blocked(&shop.gate, trial().header("challenge-id", &id).header("challenge-answer", &answer));
    refused(&reply, 400, "validation_error");
    assert_eq!(shop.acquirer.count(), 0);
}

#[test]
fn a_form_without_scripts_checks_a_card_and_carries_the_rest_on() {
    let shop = Shop::with(|factor| factor.requires([CardRisk::Cvc, CardRisk::Postcode]));
    let page = blocked(&shop.gate, trial().browser());
    let html = text_of(&page);
    for field in ["cc-number", "cc-exp", "cc-csc", "billing postal-code"] {
        assert!(html.contains(&format!("autocomplete=\"{field}\"")), "{field}: {html}");
    }
    assert!(!html.contains("cc-name"), "only what the check asks for");
    let typed = "challenge-card-number=4444+3333+2222+1111&challenge-card-expiry=05%2F35&challenge-card-cvc=917\
                 &challenge-card-street=1+Road&challenge-card-postcode=NW1+6XE&challenge-card-city=London\
                 &challenge-card-country=gb";
    shop.acquirer.then([
        Ok(CardOutcome::not_verified()),
        Ok(CardOutcome::verified()
            .with(CardRisk::Cvc, CardMatch::Matched)
            .with(CardRisk::Postcode, CardMatch::Matched)),
    ]);
    let id = id_of(&blocked(&shop.gate, trial()));
    let post = |target: &str, rest: &str| {
        Request::new("POST", target).user("alice").browser().form(format!("challenge-id={id}&{typed}{rest}"))
    };
    let failed = shop.bank.ask(post("/challenge/check", ""));
    assert_eq!(failed.status(), 403);
    let html = text_of(&failed);
    assert!(
        html.contains("The card did not pass") && !html.contains("4444") && !html.contains("917"),
        "{html}"
    );
    // The blocked form itself, with the card: the handler gets its own fields and nothing of the card.
    match enter(&shop.gate, post("/trial", "&plan=gold")) {
        Outcome::Passed(passage) => assert_eq!(passage.body, "plan=gold"),
        other => panic!("{other:?}"),
    }
    assert_eq!(shop.acquirer.asked()[1].postcode.as_deref(), Some("NW1 6XE"));
    // A field twice, or an answer beside the card, is not guessed at.
    for more in ["&challenge-card-cvc=918", "&challenge-answer=123456", "&challenge-card-pin=1"] {
        let reply = shop.bank.ask(post("/challenge/check", more));
        assert_eq!(reply.status(), 400, "{more}");
    }
    assert_eq!(shop.acquirer.count(), 2);
}

#[test]
fn a_card_authenticates_nobody_and_approves_nothing() {
    let bank = Bank::new();
    let card = Factor::card("card", Acquirer::default());
    let order = || Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
    let alone: Requirement = (&card).into();
    let refused = bank.engine.gate(Policy::new("transfer").require(alone).bind(order())).unwrap_err();
    assert!(refused.to_string().contains("approves nothing"), "{refused}");
    let both = all_of((&card, Factor::code("approval")));
    assert!(bank.engine.gate(Policy::new("transfer").require(both).bind(order())).is_ok());
    for bad in [
        Factor::card("x", Acquirer::default()).lives(Duration::ZERO),
        Factor::card("x", Acquirer::default()).lives(DAY),
        Factor::card("x", Acquirer::default()).tries(Quota::new(0, DAY)),
    ] {
        assert!(bank.engine.gate(Policy::new("x").require(bad)).is_err());
    }
}

#[test]
fn a_proof_under_milder_terms_is_none_under_stricter_ones() {
    let bank = Bank::new();
    let acquirer = Acquirer::default();
    let mild = Factor::card("card", acquirer.clone());
    let gate = bank.gate(Policy::new("trial").require(&mild));
    let id = id_of(&blocked(&gate, trial()));
    let checked = bank.call("check", "alice", &json!({ "id": id, "card": card(NUMBER, CVC) }));
    let token = json_of(&checked)["clearance"].as_str().unwrap().to_owned();
    let Bank { clock, store, .. } = bank;
    let later = Bank::around(clock, store, |builder| builder);
    let strict = Factor::card("card", acquirer).requires([CardRisk::Cvc, CardRisk::Name]);
    let gate = later.gate(Policy::new("trial").require(strict));
    let reply = blocked(&gate, trial().header("challenge-clearance", &token));
    assert_eq!(challenge_of(&reply)["asks"], json!(["cvc", "name"]));
}

#[test]
fn challenges_without_a_request_check_cards_too() {
    let shop = Shop::new();
    let alice = shop.bank.engine.direct(Subject::user("alice"));
    let ticket = alice.offer(&shop.gate, "card").unwrap();
    let token = Card::from_token("https://vault.example/tokens/1").unwrap();
    let refused = block_on(alice.check_card(&ticket, &token)).unwrap_err();
    assert_eq!((refused.kind(), shop.acquirer.count()), (RefusedKind::Invalid, 0), "it lacks the code");
    let wrong = token.clone().with_cvc("000").unwrap();
    assert_eq!(block_on(alice.check_card(&ticket, &wrong)).unwrap_err().kind(), RefusedKind::Wrong);
    block_on(alice.check_card(&ticket, &token.with_cvc(CVC).unwrap())).unwrap();
    assert_eq!(shop.acquirer.asked()[1].card, "https://vault.example/tokens/1");
}

#[test]
fn r47_nobody_answers_the_challenge_of_another() {
    let shop = Shop::new();
    let id = shop.ticket();
    let reply = shop.bank.call("check", "eve", &json!({ "id": id, "card": card(NUMBER, CVC) }));
    refused(&reply, 410, "session_expired");
    assert_eq!(shop.acquirer.count(), 0);
}
