//! PhonesVerification that misbehaves, and strangers who send callbacks: nothing but a clear yes to this very call lets in.
#![cfg(feature = "phonesverification")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use verify_core::{
    Api, Channel, Contact, Engine, Factor, FakeClock, Fetch, FetchError, FetchErrorKind, Gate, KeyRing,
    MemoryStore, MissingContacts, Origin, Policy, RefusedKind, Subject,
};
use verify_providers::{PhonesVerification, PhonesVerificationCallbacks, PhonesVerificationError};

/// One answer, or the way in which there is none.
type Turn = Result<(u16, String), FetchErrorKind>;

/// Answers what it is told, in that order, and keeps what it was asked.
#[derive(Clone, Debug, Default)]
struct Stub {
    turns: Arc<Mutex<VecDeque<Turn>>>,
    asked: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
}

impl Stub {
    fn then(&self, turns: impl IntoIterator<Item = Turn>) {
        self.turns.lock().unwrap().extend(turns);
    }

    fn asked(&self) -> Vec<BTreeMap<String, String>> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Fetch for Stub {
    async fn fetch(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri().path(), "/app/api/json/tts/reversepinverification");
        assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
        self.asked.lock().unwrap().push(serde_urlencoded::from_bytes(request.body()).unwrap());
        let turn = self.turns.lock().unwrap().pop_front().expect("nothing more is asked");
        let (status, body) = turn?;
        Ok(Response::builder().status(status).body(body.into()).unwrap())
    }
}

fn placed(id: u64) -> Turn {
    let response = format!(
        r#"{{"id":{id},"PhoneNumber":"12025550123","Price":0.015,"Created":"2016-06-06T08:02:17.1","VerificationType":"PhoneReversePinVerification"}}"#
    );
    Ok((200, format!(r#"{{"Response":{response},"ErrorMessage":"","Status":0}}"#)))
}

fn refused(http: u16, status: u32) -> Turn {
    Ok((http, format!(r#"{{"Response":null,"ErrorMessage":"12025550123","Status":{status}}}"#)))
}

/// An engine with one user, its calls and its callbacks.
struct Site {
    stub: Stub,
    clock: FakeClock,
    engine: Engine,
    gate: Gate,
    callbacks: PhonesVerificationCallbacks,
}

impl Site {
    fn open() -> Self {
        let (stub, clock) = (Stub::default(), FakeClock::default());
        let calls = calls(stub.clone()).brand("Owl Bank, the one with the very long name");
        let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
        let engine = Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
            .clock(clock.clone())
            .store(MemoryStore::builder().clock(clock.clone()).build())
            .pin_service(calls.clone())
            .countries(verify_core::Countries::any())
            .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
            .missing_contacts(MissingContacts::Tell)
            .build()
            .unwrap();
        let gate = engine.gate(Policy::new("vault").require(Factor::reverse_pin("dial-in"))).unwrap();
        let callbacks = calls.callbacks(&engine);
        Self { stub, clock, engine, gate, callbacks }
    }

    /// Asks for a call, with what the service answers to that: the ticket, or what became of it.
    async fn call(
        &self,
        user: &'static str,
        turns: impl IntoIterator<Item = Turn>,
    ) -> Result<String, RefusedKind> {
        let direct = self.engine.direct(Subject::user(user));
        let ticket = direct.offer(&self.gate, "dial-in").unwrap();
        self.stub.then(turns);
        let sent = direct.send(&ticket, None).await.map_err(|refused| refused.kind())?;
        assert_eq!(sent.pin().unwrap().expose(), self.stub.asked().last().unwrap()["pin"]);
        Ok(sent.ticket().to_owned())
    }

    async fn check(&self, user: &'static str, ticket: &str) -> Result<(), RefusedKind> {
        self.engine.direct(Subject::user(user)).check(ticket, "").await.map_err(|refused| refused.kind())
    }

    /// The token of the newest call.
    fn token(&self) -> String {
        self.stub.asked().last().unwrap()["callbackurl"].rsplit('/').next().unwrap().to_owned()
    }

    async fn hear(&self, token: &str, query: &str) -> StatusCode {
        let request = Request::get(format!("/called/{token}?{query}")).body(Bytes::new()).unwrap();
        self.callbacks.answer(request).await.status()
    }
}

fn calls(client: impl Fetch) -> PhonesVerification {
    PhonesVerification::new(client, "qd4cr4gd", "87548754", "https://bank.example/called/").unwrap()
}

/// A callback as the service sends it, with these values in place of the usual ones.
fn query(changes: &[(&str, &str)]) -> String {
    let usual = [
        ("status", "Delivered - PIN Verified"),
        ("requestid", "458521"),
        ("recipient", "12025550123"),
        ("datetime", "Jun 9 2020 9:03AM"),
        ("cost", "0.015"),
        ("matched", "true"),
    ];
    let value = |name: &str, usual: &str| {
        let changed = changes.iter().find(|(changed, _)| *changed == name).map(|(_, value)| *value);
        changed.unwrap_or(usual).replace(' ', "%20")
    };
    usual.map(|(name, usual)| format!("{name}={}", value(name, usual))).join("&")
}

#[tokio::test]
async fn the_form_is_that_of_the_api_and_the_answer_lets_in() {
    let site = Site::open();
    let ticket = site.call("alice", [placed(458_521)]).await.unwrap();
    let form = site.stub.asked().remove(0);
    let get = |name: &str| form[name].as_str();
    assert_eq!((get("apikey"), get("apisecret"), get("number")), ("qd4cr4gd", "87548754", "12025550123"));
    assert_eq!((get("brand"), get("callbackurltype")), ("Owl Bank, the one wi", "https"));
    assert!(get("callbackurl").starts_with("bank.example/called/") && site.token().len() == 43, "{form:?}");
    assert!(get("pin").len() == 6 && get("pin").bytes().all(|byte| byte.is_ascii_digit()));
    assert_eq!(form.len(), 7);
    assert_eq!(site.check("alice", &ticket).await, Err(RefusedKind::Pending));
    assert_eq!(site.hear(&site.token(), &query(&[("status", "Sent"), ("matched", "false")])).await, 200);
    assert_eq!(site.check("alice", &ticket).await, Err(RefusedKind::Pending));
    assert_eq!(site.hear(&site.token(), &query(&[])).await, 200);
    assert_eq!(site.check("alice", &ticket).await, Ok(()));
    assert_eq!(site.check("alice", &ticket).await, Err(RefusedKind::AlreadyUsed));
}

#[tokio::test]
async fn phonesverification_rule_14_a_forged_callback_never_passes_a_challenge() {
    let site = Site::open();
    let ticket = site.call("alice", [placed(458_521)]).await.unwrap();
    let token = site.token();
    let wrong_token = format!("{}{}", &token[..42], if token.ends_with('A') { 'B' } else { 'A' });
    for (token, changes, status) in [
        (&wrong_token, &[][..], 200),
        (&String::new(), &[][..], 200),
        (&"x".repeat(9000), &[][..], 200),
        (&token, &[("requestid", "458522")][..], 200),
        (&token, &[("recipient", "12025550124")][..], 200),
        (&token, &[("requestid", "")][..], 400),
        (&token, &[("requestid", "-458521")][..], 400),
        (&token, &[("recipient", "nobody")][..], 400),
        (&token, &[("status", "Sent")][..], 200),
        (&token, &[("status", "Delivered")][..], 200),
        (&token, &[("status", "Verified")][..], 200),
        (&token, &[("status", "delivered - pin verified")][..], 200),
    ] {
        assert_eq!(site.hear(token, &query(changes)).await, status, "{changes:?}");
        assert_eq!(site.check("alice", &ticket).await, Err(RefusedKind::Pending), "{changes:?}");
    }
    let twice = format!("{}&matched=true", query(&[("matched", "false")]));
    for bad in [twice.as_str(), "", "status=%FF", "matched=true&status=Delivered%20-%20PIN%20Verified"] {
        assert_eq!(site.hear(&token, bad).await, 400, "{bad}");
    }
    let posted = Request::post(format!("/called/{token}?{}", query(&[]))).body(Bytes::new()).unwrap();
    assert_eq!(site.callbacks.answer(posted).await.status(), 405);
    assert_eq!(site.check("alice", &ticket).await, Err(RefusedKind::Pending));
    assert_eq!(site.hear(&token, &query(&[])).await, 200, "none of that was in the way of the real one");
    assert_eq!(site.check("alice", &ticket).await, Ok(()));
}

/// Both have to say yes: what contradicts itself is none, and is over.
#[tokio::test]
async fn phonesverification_rule_14_matched_is_believed_with_its_status_only() {
    for (status, matched, kind) in [
        ("Delivered - PIN Verified", "false", RefusedKind::Wrong),
        ("Delivered - PIN Verified", "", RefusedKind::Wrong),
        ("Delivered - PIN Verified", "yes", RefusedKind::Wrong),
        ("Delivered - PIN Unverified", "true", RefusedKind::Wrong),
        ("Failed", "true", RefusedKind::Wrong),
        ("Stopped", "true", RefusedKind::Wrong),
        ("Machine Hangup", "TRUE", RefusedKind::Wrong),
        ("Insufficient Balance", "true", RefusedKind::Wrong),
        ("Delivered - PIN Unverified", "false", RefusedKind::Wrong),
        ("Failed", "false", RefusedKind::Pending),
        ("Stopped", "false", RefusedKind::Pending),
        ("Machine Hangup", "false", RefusedKind::Pending),
        ("Insufficient Balance", "false", RefusedKind::Pending),
    ] {
        let site = Site::open();
        let ticket = site.call("alice", [placed(458_521)]).await.unwrap();
        let said = query(&[("status", status), ("matched", matched)]);
        assert_eq!(site.hear(&site.token(), &said).await, 200);
        assert_eq!(site.check("alice", &ticket).await, Err(kind), "{status} {matched}");
        assert_eq!(site.hear(&site.token(), &query(&[])).await, 200);
        assert_eq!(site.check("alice", &ticket).await, Err(kind), "{status} {matched}: the first one stands");
    }
}

#[tokio::test]
async fn phonesverification_rule_15_callbacks_are_read_in_every_encoding() {
    for (spelling, datetime) in [
        ("Delivered%20-%20PIN%20Verified", "Jun%209%202020%209:03AM"),
        ("Delivered+-+PIN+Verified", "Jun++9+2020++9:03AM"),
        ("%44elivered%20%2D%20PIN+Verified", "Dec%2031%202020%2012:00AM"),
        ("Delivered%20-%20PIN%20Verified", "who+knows"),
    ] {
        for recipient in ["12025550123", "%2B12025550123", "+12025550123"] {
            let site = Site::open();
            let ticket = site.call("alice", [placed(458_521)]).await.unwrap();
            let said = format!(
                "matched=true&cost=0.01&datetime={datetime}&recipient={recipient}&requestid=458521&status={spelling}&new=1"
            );
            assert_eq!(site.hear(&site.token(), &said).await, 200);
            assert_eq!(site.check("alice", &ticket).await, Ok(()), "{said}");
        }
    }
}

#[tokio::test]
async fn phonesverification_rule_16_callbacks_may_come_twice_in_any_order_and_before_the_answer() {
    let statuses = [("Sent", "false"), ("Delivered", "false"), ("Delivered - PIN Verified", "true")];
    // Every order of the three, each of them twice.
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let site = Site::open();
        let ticket = site.call("alice", [placed(458_521)]).await.unwrap();
        for index in order {
            let (status, matched) = statuses[index];
            for _ in 0..2 {
                assert_eq!(
                    site.hear(&site.token(), &query(&[("status", status), ("matched", matched)])).await,
                    200
                );
            }
        }
        assert_eq!(site.check("alice", &ticket).await, Ok(()), "{order:?}");
        assert_eq!(site.hear(&site.token(), &query(&[])).await, 200);
        assert_eq!(site.check("alice", &ticket).await, Err(RefusedKind::AlreadyUsed), "once");
    }
    // The service's answer was lost, and the phone rang all the same.
    let site = Site::open();
    let lost = site.call("alice", [Err(FetchErrorKind::Timeout)]).await;
    assert_eq!(lost, Err(RefusedKind::Unavailable));
    assert_eq!(site.hear(&site.token(), &query(&[])).await, 200);
}

/// No callback within the life of the challenge: it is over, whatever comes then.
#[tokio::test]
async fn phonesverification_rule_14_a_late_callback_is_too_late() {
    let site = Site::open();
    let ticket = site.call("alice", [placed(458_521)]).await.unwrap();
    let token = site.token();
    site.clock.advance(std::time::Duration::from_secs(300));
    assert_eq!(site.hear(&token, &query(&[])).await, 200);
    assert_eq!(site.check("alice", &ticket).await, Err(RefusedKind::Expired));
    let next = site.call("alice", [placed(458_522)]).await.unwrap();
    assert_eq!(site.hear(&token, &query(&[])).await, 200);
    assert_eq!(
        site.check("alice", &next).await,
        Err(RefusedKind::Pending),
        "an old yes is none to the next one"
    );
    site.engine.direct(Subject::user("alice")).cancel(&next).await.unwrap();
    assert_eq!(site.hear(&site.token(), &query(&[("requestid", "458522")])).await, 200);
    assert_eq!(site.check("alice", &next).await, Err(RefusedKind::AlreadyUsed), "called off");
}

#[tokio::test]
async fn what_the_service_says_is_told_and_nothing_is_repeated_that_may_have_rung() {
    let garbage = |body: &str| Ok((200, body.to_owned()));
    for (turns, asked, kind) in [
        (vec![refused(200, 1)], 1, RefusedKind::Unavailable),
        (vec![refused(200, 2)], 1, RefusedKind::Misconfigured),
        (vec![refused(200, 3)], 1, RefusedKind::Misconfigured),
        (vec![refused(401, 3)], 1, RefusedKind::Misconfigured),
        (vec![refused(200, 4)], 1, RefusedKind::Invalid),
        (vec![refused(200, 5)], 1, RefusedKind::Unavailable),
        (vec![refused(200, 8)], 1, RefusedKind::Misconfigured),
        (vec![refused(200, 99)], 1, RefusedKind::Unavailable),
        (vec![refused(200, 0)], 1, RefusedKind::Unavailable),
        (vec![garbage("<PhonesVerification/>")], 1, RefusedKind::Unavailable),
        (vec![garbage("")], 1, RefusedKind::Unavailable),
        (vec![garbage(r#"{"Response":{"id":"x"},"Status":0}"#)], 1, RefusedKind::Unavailable),
        (vec![Ok((503, "busy".to_owned()))], 1, RefusedKind::Unavailable),
        (vec![Ok((302, String::new()))], 1, RefusedKind::Unavailable),
        (vec![Err(FetchErrorKind::Timeout)], 1, RefusedKind::Unavailable),
        (vec![Err(FetchErrorKind::Broken)], 1, RefusedKind::Unavailable),
        (vec![Err(FetchErrorKind::Forbidden)], 1, RefusedKind::Misconfigured),
        (vec![Err(FetchErrorKind::Unsent), Err(FetchErrorKind::Unsent)], 2, RefusedKind::Unavailable),
    ] {
        let told = format!("{turns:?}");
        let site = Site::open();
        assert_eq!(site.call("alice", turns).await, Err(kind), "{told}");
        assert_eq!(site.stub.asked().len(), asked, "{told}");
    }
    let site = Site::open();
    assert!(site.call("alice", [Err(FetchErrorKind::Unsent), placed(458_521)]).await.is_ok());
    assert_eq!(site.stub.asked()[0], site.stub.asked()[1], "what never left is sent again, as it was");
    let site = Site::open();
    assert!(site.call("alice", [Ok((500, placed(7).unwrap().1))]).await.is_ok(), "the envelope counts");
}

#[test]
fn r60_settings_are_checked_and_the_secret_does_not_print() {
    let new = |key: &str, secret: &str, url: &str| {
        PhonesVerification::new(Stub::default(), key, secret, url).map(drop).unwrap_err()
    };
    assert_eq!(new("", "s", "https://bank.example"), PhonesVerificationError::Credentials);
    assert_eq!(new("k", "", "https://bank.example"), PhonesVerificationError::Credentials);
    for bad in [
        "http://bank.example/cb",
        "bank.example/cb",
        "ftp://bank.example",
        "https://bank.example/?a=1",
        "https://a@bank.example",
        "",
    ] {
        assert_eq!(new("k", "s", bad), PhonesVerificationError::CallbackUrl, "{bad}");
        let base = calls(Stub::default()).base_url(bad).map(drop);
        assert_eq!(base, Err(PhonesVerificationError::BaseUrl), "{bad}");
    }
    for bad in ["", "tts", "/", "/a//b", "/a/", "/../x", "/a/./b", "@evil.example", "/a?b", "/a b", "/a%2e"] {
        let path = calls(Stub::default()).path(bad).map(drop);
        assert_eq!(path, Err(PhonesVerificationError::Path), "{bad}");
    }
    assert!(calls(Stub::default()).path("/tts/reverse-pin_v1.2").is_ok());
    let made = calls(Stub::default()).base_url("http://127.0.0.1:3900/app/api/json").unwrap();
    assert!(!format!("{made:?}").contains("87548754"), "{made:?}");
}
