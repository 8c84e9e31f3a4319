//! Our client of Worldpay account verification against our own server side, over sockets on both mountings; and through a gate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "worldpay/site.rs"]
mod site;

use std::net::TcpListener;
use std::time::Duration;

use site::{Mounting, PASSWORD, Running, USERNAME, api, serve_on};
use tests::worldpay::NUMBER;
use verify_compat::worldpay::IssuerSimulator;
use verify_core::{
    Card, CardAddress, CardMatch, CardRisk, Engine, Factor, FakeClock, KeyRing, MemoryStore, Origin, Policy,
    RefusedKind, Subject,
};
use verify_providers::HttpClient;
use verify_providers::worldpay::{Worldpay, WorldpayErrorKind};

/// A server whose links begin with where it is, and a client of it.
fn both(mounting: Mounting) -> (Running, FakeClock, Worldpay) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let api = api(&clock, store, |builder| builder.public_url(&url).issuer(IssuerSimulator::default()));
    let client = client(USERNAME, PASSWORD, "default").base_url(&url).unwrap();
    (serve_on(listener, mounting, api), clock, client)
}

fn client(username: &str, password: &str, entity: &str) -> Worldpay {
    let client = Worldpay::new(HttpClient::new().unwrap(), username, password, entity, "GBP").unwrap();
    client.when_not_ready(3, Duration::from_millis(1))
}

fn card(holder: &str, cvc: &str) -> Card {
    let card = Card::new(NUMBER, 12, 2035).unwrap().with_cvc(cvc).unwrap().with_holder(holder).unwrap();
    card.with_address(CardAddress::new("1 Road", "444", "London", "GB").unwrap())
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn worldpay_rule_18_every_shape_of_a_verification_comes_to_its_outcome(mounting: Mounting) {
    let (_running, _, worldpay) = both(mounting);
    block_on(async {
        let shapes = [
            worldpay.clone(),
            worldpay.clone().on_file(),
            worldpay.clone().amount(0).narrative("STATEMENT").unwrap(),
            worldpay.clone().amount(100).on_file(),
        ];
        for (count, shape) in shapes.iter().enumerate() {
            let made = shape.check(&card("Anybody", "333"), &format!("shape-{count}")).await.unwrap();
            let results: Vec<_> = made.outcome().results().collect();
            assert!(made.outcome().is_verified() && made.checked_at().is_some());
            let wanted = [
                (CardRisk::Cvc, CardMatch::NotChecked),
                (CardRisk::Postcode, CardMatch::NotMatched),
                (CardRisk::Address, CardMatch::Matched),
            ];
            assert_eq!(results, wanted);
            assert_eq!(made.scheme_reference().is_some(), count % 2 == 1);
            assert_eq!(shape.retrieve(made.link().unwrap()).await.unwrap(), made);
        }
        let refused = worldpay.check(&card("REFUSED", "555"), "refused").await.unwrap();
        assert!(!refused.outcome().is_verified());
        let token = Card::from_token("https://vault.example/tokens/1").unwrap().with_cvc("555").unwrap();
        assert!(worldpay.check(&token, "token").await.unwrap().outcome().passes(&[CardRisk::Cvc]));
    });
}

fn worldpay_rule_18_every_refusal_is_known_for_what_it_is(mounting: Mounting) {
    let (running, clock, worldpay) = both(mounting);
    let url = format!("http://{}", running.address);
    block_on(async {
        let kind = |worldpay: Worldpay, card: Card, reference: &'static str| async move {
            worldpay.check(&card, reference).await.unwrap_err().kind()
        };
        let good = || card("Anybody", "555");
        assert_eq!(
            kind(worldpay.clone(), card("ERROR", "555"), "error").await,
            WorldpayErrorKind::Indeterminate
        );
        assert_eq!(kind(worldpay.clone(), good(), "error").await, WorldpayErrorKind::DuplicateReference);
        assert_eq!(
            kind(worldpay.clone(), good(), "a b").await,
            WorldpayErrorKind::InvalidReference,
            "not even sent"
        );
        let stranger = client(USERNAME, "wrong", "default").base_url(&url).unwrap();
        assert_eq!(kind(stranger, good(), "stranger").await, WorldpayErrorKind::Misconfigured);
        let entity = client(USERNAME, PASSWORD, "theirs").base_url(&url).unwrap();
        let error = entity.check(&good(), "entity").await.unwrap_err();
        assert_eq!((error.kind(), error.name()), (WorldpayErrorKind::Misconfigured, Some("boardingError")));
        // Not ready, and then it is.
        let made = worldpay.check(&card("LATER9", "555"), "later").await.unwrap();
        let link = made.link().unwrap().to_owned();
        assert_eq!(worldpay.retrieve(&link).await.unwrap_err().kind(), WorldpayErrorKind::NotReady);
        clock.advance(Duration::from_secs(9));
        assert_eq!(worldpay.retrieve(&link).await.unwrap(), made);
        let gone = format!("{}0000", &link[..link.len() - 4]);
        assert_eq!(worldpay.retrieve(&gone).await.unwrap_err().kind(), WorldpayErrorKind::NotFound);
        let elsewhere = worldpay.retrieve("https://evil.example/verifications/accounts/x").await.unwrap_err();
        assert_eq!(elsewhere.kind(), WorldpayErrorKind::Misconfigured);
    });
}

fn worldpay_rule_18_a_factor_is_satisfied_by_what_it_requires(mounting: Mounting) {
    let (_running, _, worldpay) = both(mounting);
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let engine = Engine::builder(keys, Origin::parse("https://shop.example").unwrap()).build().unwrap();
    let gate = |name: &'static str, risks: &[CardRisk]| {
        let factor = Factor::card(name, worldpay.clone()).requires(risks.iter().copied());
        engine.gate(Policy::new(name).require(factor)).unwrap()
    };
    let (mild, strict) =
        (gate("mild", &[CardRisk::Cvc]), gate("strict", &[CardRisk::Cvc, CardRisk::Postcode]));
    block_on(async {
        let alice = engine.direct(Subject::user("alice"));
        let ticket = alice.offer(&strict, "strict").unwrap();
        // Verified, and the postcode does not match.
        let refused = alice.check_card(&ticket, &card("Anybody", "555")).await.unwrap_err();
        assert_eq!(refused.kind(), RefusedKind::Wrong);
        let ticket = alice.offer(&mild, "mild").unwrap();
        let silent = alice.check_card(&ticket, &card("ERROR", "555")).await.unwrap_err();
        assert_eq!(silent.kind(), RefusedKind::Unavailable);
        alice.check_card(&ticket, &card("Anybody", "555")).await.unwrap();
    });
}

on_both! {
    worldpay_rule_18_every_shape_of_a_verification_comes_to_its_outcome
    worldpay_rule_18_every_refusal_is_known_for_what_it_is
    worldpay_rule_18_a_factor_is_satisfied_by_what_it_requires
}
