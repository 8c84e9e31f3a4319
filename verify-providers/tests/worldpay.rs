//! Worldpay that misbehaves: what is not a clear outcome lets nobody in, and no card is checked twice unasked.
#![cfg(feature = "worldpay")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use verify_core::{
    Card, CardContext, CardErrorKind, CardMatch, CardRisk, CardVerifier, Fetch, FetchError, FetchErrorKind,
};
use verify_providers::HttpClient;
use verify_providers::worldpay::{Worldpay, WorldpayConfigError, WorldpayErrorKind};

const BASE: &str = "https://try.access.worldpay.com";

/// One answer, or the way in which there is none.
type Turn = Result<(u16, String), FetchErrorKind>;

/// Answers what it is told, in that order, and keeps what it was asked.
#[derive(Clone, Debug, Default)]
struct Stub {
    turns: Arc<Mutex<VecDeque<Turn>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    fn then(&self, turns: impl IntoIterator<Item = Turn>) -> Self {
        self.turns.lock().unwrap().extend(turns);
        self.clone()
    }

    /// Method and address of every request.
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Fetch for Stub {
    async fn fetch(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        let kind = "application/vnd.worldpay.verifications.accounts-v5+json";
        assert_eq!(request.headers()["accept"], kind);
        assert!(request.headers()["authorization"].is_sensitive());
        let has_body = request.headers().get("content-type").is_some_and(|it| it == kind);
        assert_eq!(has_body, request.method() == "POST");
        self.asked.lock().unwrap().push(format!("{} {}", request.method(), request.uri()));
        let turn = self.turns.lock().unwrap().pop_front().expect("nothing more is asked");
        let (status, body) = turn?;
        Ok(Response::builder().status(status).body(body.into()).unwrap())
    }
}

fn worldpay(client: impl Fetch) -> Worldpay {
    Worldpay::new(client, "user", "hunter2", "default", "GBP").unwrap().base_url(BASE).unwrap()
}

fn card() -> Card {
    Card::new("4444333322221111", 5, 2035).unwrap().with_cvc("123").unwrap()
}

fn curies() -> Value {
    json!([{ "name": "verifications", "href": format!("{BASE}/rels/verifications/accounts/{{rel}}"), "templated": true }])
}

fn root() -> Turn {
    root_of(&format!("{BASE}/verifications/accounts/intelligent/oneTime"))
}

fn root_of(href: &str) -> Turn {
    Ok((200, json!({ "_links": { "verifications:oneTime": { "href": href, "templated": true }, "curies": curies() } }).to_string()))
}

fn outcome(outcome: &str, factors: &Value) -> Value {
    json!({
        "outcome": outcome, "checkedAt": "2018-09-01T10:37:36.923Z", "riskFactors": factors,
        "paymentInstrument": { "type": "card/plain", "card": { "number": { "bin": "444433", "last4Digits": "1111" } } },
        "somethingNew": { "deep": [1, 2] },
        "_links": {
            "verifications:verification": { "href": format!("{BASE}/verifications/accounts/eyJr") },
            "payments:cardOnFileAuthorize": { "href": "https://elsewhere.example/x" },
            "curies": curies(),
        },
    })
}

fn made(word: &str) -> Turn {
    Ok((201, outcome(word, &json!([{ "risk": "matched", "type": "cvc" }])).to_string()))
}

fn fault(status: u16, name: &str, path: &str) -> Turn {
    let mut body = json!({ "errorName": name, "message": "for people" });
    if !path.is_empty() {
        body["validationErrors"] =
            json!([{ "errorName": "fieldHasInvalidValue", "message": "x", "jsonPath": path }]);
    }
    Ok((status, body.to_string()))
}

#[tokio::test]
async fn worldpay_rule_18_outcomes_and_factors_are_read_tolerantly_and_never_guessed_at() {
    let ask = async |word: &str, factors: Value| {
        let stub = Stub::default().then([root(), Ok((201, outcome(word, &factors).to_string()))]);
        worldpay(stub).check(&card(), "r").await
    };
    for (word, verified) in [("verified", true), ("not verified", false), ("notVerified", false)] {
        let found = ask(word, json!([])).await.unwrap();
        assert_eq!(found.outcome().is_verified(), verified, "{word}");
        assert_eq!(found.link(), Some("https://try.access.worldpay.com/verifications/accounts/eyJr"));
    }
    for word in ["", "Verified", "VERIFIED", "not_verified", "pending", "true"] {
        assert_eq!(
            ask(word, json!([])).await.unwrap_err().kind(),
            WorldpayErrorKind::Indeterminate,
            "{word}"
        );
    }
    let factors = json!([
        { "type": "cvc", "risk": "matched", "new": 1 },
        { "type": "avs", "risk": "notChecked" },
        { "type": "nameInquiry", "risk": "partialMatched", "detail": "lastName" },
        { "type": "nameInquiry", "risk": "brandNewWord", "detail": "firstName" },
        { "type": "brandNewType", "risk": "matched" },
    ]);
    let found = ask("verified", factors).await.unwrap();
    let results: Vec<_> = found.outcome().results().collect();
    let wanted = [
        (CardRisk::Cvc, CardMatch::Matched),
        (CardRisk::Postcode, CardMatch::NotChecked),
        (CardRisk::Address, CardMatch::NotChecked),
        (CardRisk::Name, CardMatch::PartiallyMatched),
        (CardRisk::Name, CardMatch::Unknown),
    ];
    assert_eq!(results, wanted);
    assert_eq!((found.risk_factors().len(), found.risk_factors()[4].kind.as_str()), (5, "brandNewType"));
    assert!(found.outcome().passes(&[CardRisk::Cvc]) && !found.outcome().passes(&[CardRisk::Name]));
}

/// A verification that was made is one, whatever stands where its comparisons are: what is not compared is not known.
#[tokio::test]
async fn worldpay_rule_18_comparisons_that_say_nothing_make_no_verification_undone() {
    let typeless =
        json!([{ "risk": "matched" }, 1, null, { "type": "cvc" }, { "type": "avs", "risk": null }]);
    for (factors, known) in [(Value::Null, 0), (json!({}), 0), (json!([]), 0), (typeless, 2)] {
        let stub = Stub::default().then([root(), Ok((201, outcome("verified", &factors).to_string()))]);
        let found = worldpay(stub).check(&card(), "r").await.unwrap();
        assert_eq!(found.risk_factors().len(), known, "{factors}");
        assert!(!found.outcome().passes(&[CardRisk::Cvc]), "{factors}");
    }
}

#[tokio::test]
async fn worldpay_rule_18_whatever_is_no_outcome_is_known_for_what_it_is_and_posted_once() {
    use WorldpayErrorKind::{
        Card as Mistyped, DuplicateReference, Indeterminate, Misconfigured, Unavailable,
    };
    let other = json!({ "outcome": "verified", "paymentInstrument": { "card": { "number": { "last4Digits": "4444" } } } });
    for (turn, kind) in [
        (fault(400, "bodyDoesNotMatchSchema", "$.transactionReference"), DuplicateReference),
        (fault(400, "bodyDoesNotMatchSchema", "$.paymentInstrument.cardNumber"), Mistyped),
        (fault(400, "bodyDoesNotMatchSchema", "$.instruction.paymentInstrument.cvc"), Mistyped),
        (fault(400, "bodyDoesNotMatchSchema", "$.currency"), Misconfigured),
        (fault(400, "bodyIsNotJson", ""), Misconfigured),
        (fault(401, "accessDenied", ""), Misconfigured),
        (fault(403, "boardingError", ""), Misconfigured),
        (fault(406, "unsupportedAcceptHeader", ""), Misconfigured),
        (fault(415, "unsupportedContentType", ""), Misconfigured),
        (Ok((429, "slow down".to_owned())), Unavailable),
        (Ok((408, String::new())), Indeterminate),
        (fault(500, "internalErrorOccurred", ""), Indeterminate),
        (Ok((502, "<html>".to_owned())), Indeterminate),
        (Ok((302, String::new())), Indeterminate),
        (Ok((201, String::new())), Indeterminate),
        (Ok((201, "<html>verified</html>".to_owned())), Indeterminate),
        (Ok((201, r#"{"outcome":"verified""#.to_owned())), Indeterminate),
        (Ok((201, r#"{"outcome":true}"#.to_owned())), Indeterminate),
        (Ok((201, r#"{"outcome":null}"#.to_owned())), Indeterminate),
        (Ok((201, r#"[{"outcome":"verified"}]"#.to_owned())), Indeterminate),
        (Ok((201, other.to_string())), Indeterminate),
        (Err(FetchErrorKind::Busy), Unavailable),
        (Err(FetchErrorKind::Timeout), Indeterminate),
        (Err(FetchErrorKind::Broken), Indeterminate),
        (Err(FetchErrorKind::Forbidden), Misconfigured),
    ] {
        let stub = Stub::default().then([root(), turn.clone()]);
        let error = worldpay(stub.clone()).check(&card(), "r").await.unwrap_err();
        assert_eq!(error.kind(), kind, "{turn:?}");
        assert_eq!(stub.asked().len(), 2, "{turn:?}: posted once");
        let told = format!("{error} {error:?}");
        assert!(
            !told.contains("4444") && !told.contains("hunter2") && !told.contains("for people"),
            "{told}"
        );
    }
    // What certainly never left is safe to repeat, once.
    let stub = Stub::default().then([root(), Err(FetchErrorKind::Unsent), made("verified")]);
    assert!(worldpay(stub).check(&card(), "r").await.unwrap().outcome().is_verified());
    let stub = Stub::default().then([root(), Err(FetchErrorKind::Unsent), Err(FetchErrorKind::Unsent)]);
    assert_eq!(worldpay(stub).check(&card(), "r").await.unwrap_err().kind(), Unavailable);
}

/// W11: a reference of another form is no duplicate, and is not even sent.
#[tokio::test]
async fn worldpay_rule_11_a_reference_that_is_none_is_told_apart_from_one_that_was_used() {
    for bad in ["", "order 42", "order\u{fc}", "a,b", "a&b", &"x".repeat(65)] {
        let error = worldpay(Stub::default()).check(&card(), bad).await.unwrap_err();
        assert_eq!(error.kind(), WorldpayErrorKind::InvalidReference, "{bad}");
    }
    for good in ["-_/!@#$%()*=.:;?[]{}~+", &"x".repeat(64)] {
        let stub = Stub::default().then([root(), made("verified")]);
        assert!(worldpay(stub).check(&card(), good).await.is_ok(), "{good}");
    }
    // Whatever the service may object to besides.
    let answer = |name: &str| {
        let faults = json!([{ "errorName": name, "message": "x", "jsonPath": "$.transactionReference" }]);
        Ok((
            400,
            json!({ "errorName": "bodyDoesNotMatchSchema", "message": "x", "validationErrors": faults })
                .to_string(),
        ))
    };
    for (name, kind) in [
        ("stringFailedRegexCheck", WorldpayErrorKind::InvalidReference),
        ("stringIsTooLong", WorldpayErrorKind::InvalidReference),
        ("fieldHasInvalidValue", WorldpayErrorKind::DuplicateReference),
        ("somethingNew", WorldpayErrorKind::DuplicateReference),
    ] {
        let stub = Stub::default().then([root(), answer(name)]);
        assert_eq!(worldpay(stub).check(&card(), "r").await.unwrap_err().kind(), kind, "{name}");
    }
}

#[tokio::test]
async fn the_root_is_read_once_and_again_when_its_links_lead_nowhere() {
    let stub = Stub::default().then([root(), made("verified"), made("not verified")]);
    let first = worldpay(stub.clone());
    assert!(first.check(&card(), "a").await.unwrap().outcome().is_verified());
    assert!(!first.clone().check(&card(), "b").await.unwrap().outcome().is_verified());
    let get = format!("GET {BASE}/verifications/accounts");
    let post = format!("POST {BASE}/verifications/accounts/intelligent/oneTime");
    assert_eq!(stub.asked(), [&*get, &post, &post]);
    // It has moved: whoever is not there has asked nobody.
    stub.then([fault(404, "resourceNotFound", ""), root_of("/moved"), made("verified")]);
    assert!(first.check(&card(), "c").await.is_ok());
    assert_eq!(stub.asked()[3..], [&*post, &get, &format!("POST {BASE}/moved")]);
    // And if it is nowhere, that is told and not tried for ever.
    stub.then([fault(404, "resourceNotFound", ""), root(), fault(404, "resourceNotFound", "")]);
    assert_eq!(first.check(&card(), "d").await.unwrap_err().kind(), WorldpayErrorKind::Misconfigured);
}

#[tokio::test]
async fn a_relation_may_have_its_whole_address_as_its_name() {
    let long = format!("{BASE}/rels/verifications/accounts/oneTime");
    let body = json!({ "_links": { long: { "href": "/here" }, "curies": curies() } });
    let stub = Stub::default().then([Ok((200, body.to_string())), made("verified")]);
    assert!(worldpay(stub.clone()).check(&card(), "r").await.is_ok());
    assert_eq!(stub.asked()[1], format!("POST {BASE}/here"));
}

#[tokio::test]
async fn no_link_takes_a_card_to_another_server() {
    for href in
        ["https://evil.example/x", "http://try.access.worldpay.com/x", "//evil.example/x", "{resource}"]
    {
        let stub = Stub::default().then([root_of(href)]);
        let error = worldpay(stub.clone()).check(&card(), "r").await.unwrap_err();
        assert_eq!((error.kind(), stub.asked().len()), (WorldpayErrorKind::Misconfigured, 1), "{href}");
    }
    for (turn, kind) in [
        (Ok((200, "{}".to_owned())), WorldpayErrorKind::Unavailable),
        (Ok((200, r#"{"_links":{}}"#.to_owned())), WorldpayErrorKind::Unavailable),
        (fault(401, "accessDenied", ""), WorldpayErrorKind::Misconfigured),
        (Ok((503, String::new())), WorldpayErrorKind::Unavailable),
        (Err(FetchErrorKind::Timeout), WorldpayErrorKind::Unavailable),
    ] {
        let stub = Stub::default().then([turn]);
        assert_eq!(worldpay(stub).check(&card(), "r").await.unwrap_err().kind(), kind, "no issuer was asked");
    }
}

#[tokio::test(start_paused = true)]
async fn worldpay_rule_13_an_outcome_that_is_not_ready_is_waited_for_within_bounds() {
    let not_ready = || fault(404, "verificationNotReady", "");
    let link = "/verifications/accounts/eyJr";
    let stub = Stub::default().then([
        not_ready(),
        not_ready(),
        Ok((200, outcome("verified", &json!([])).to_string())),
    ]);
    let began = tokio::time::Instant::now();
    assert!(worldpay(stub).retrieve(link).await.unwrap().outcome().is_verified());
    assert_eq!(began.elapsed(), Duration::from_millis(600));
    let stub = Stub::default().then((0..5).map(|_| not_ready()));
    let began = tokio::time::Instant::now();
    assert_eq!(worldpay(stub.clone()).retrieve(link).await.unwrap_err().kind(), WorldpayErrorKind::NotReady);
    assert_eq!((stub.asked().len(), began.elapsed()), (5, Duration::from_secs(3)));
    // Of an answer that has a link and no outcome yet, the link is followed; and what is lost there is not known.
    let without = json!({ "_links": { "verifications:verification": { "href": link } } });
    let stub = Stub::default().then([
        root(),
        Ok((201, without.to_string())),
        not_ready(),
        Ok((200, outcome("not verified", &json!([])).to_string())),
    ]);
    assert!(!worldpay(stub).check(&card(), "r").await.unwrap().outcome().is_verified());
    for lost in [fault(404, "resourceNotFound", ""), Ok((500, String::new())), Err(FetchErrorKind::Timeout)] {
        let stub = Stub::default().then([root(), Ok((201, without.to_string())), lost]);
        assert_eq!(
            worldpay(stub).check(&card(), "r").await.unwrap_err().kind(),
            WorldpayErrorKind::Indeterminate
        );
    }
}

#[tokio::test]
async fn the_engine_is_told_what_follows() {
    for (turn, kind) in [
        (fault(400, "bodyDoesNotMatchSchema", "$.paymentInstrument.cardNumber"), CardErrorKind::Refused),
        (fault(400, "bodyDoesNotMatchSchema", "$.transactionReference"), CardErrorKind::Misconfigured),
        (fault(500, "internalErrorOccurred", ""), CardErrorKind::Indeterminate),
        (Ok((429, String::new())), CardErrorKind::Unavailable),
    ] {
        let stub = Stub::default().then([root(), turn]);
        let context = CardContext::new(std::time::SystemTime::UNIX_EPOCH, "attempt");
        assert_eq!(worldpay(stub).verify(&card(), &context).await.unwrap_err().kind(), kind);
    }
}

#[test]
fn r60_nothing_is_shown_and_nonsense_does_not_start() {
    let client = || HttpClient::new().unwrap();
    assert!(!format!("{:?}", worldpay(client())).contains("hunter2"));
    let new = |user: &str, password: &str, entity: &str, currency: &str| {
        Worldpay::new(client(), user, password, entity, currency).unwrap_err()
    };
    assert_eq!(new("", "x", "default", "GBP"), WorldpayConfigError::Credentials);
    assert_eq!(new("a:b", "x", "default", "GBP"), WorldpayConfigError::Credentials);
    assert_eq!(new("a", "", "default", "GBP"), WorldpayConfigError::Credentials);
    assert_eq!(new("a", "b", "", "GBP"), WorldpayConfigError::Entity);
    assert_eq!(new("a", "b", "default", "gbp"), WorldpayConfigError::Currency);
    for url in ["http://try.access.worldpay.com", "ftp://localhost", "https://x.example/?a=1", "nowhere", ""]
    {
        assert_eq!(worldpay(client()).base_url(url).unwrap_err(), WorldpayConfigError::BaseUrl, "{url}");
    }
    assert!(worldpay(client()).base_url("http://127.0.0.1:3900/").is_ok());
    assert_eq!(worldpay(client()).narrative(&"a".repeat(25)).unwrap_err(), WorldpayConfigError::Narrative);
}
