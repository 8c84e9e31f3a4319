//! PhonesVerification over sockets, on both frameworks: how a call ends, and who is told (P10 to P13, P17, P18).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "phonesverification/receiver.rs"]
mod receiver;
#[path = "phonesverification/site.rs"]
mod site;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use receiver::{Callback, Receiver};
use serde_json::Value;
use site::{JSON, KEY, Mounting, NUMBER, PIN, SECRET, Site, engine, nearby, told};
use tests::http::Request;
use verify_compat::phonesverification::{
    AccountConfig, CallEnd, ConfigError, Handset, PhonesVerification, Settings,
};
use verify_core::store::{Key, Store, StoreError};
use verify_core::{Api, Engine, FakeClock, KeyRing, MemoryStore, Origin};
use verify_providers::HttpClient;

/// A call whose status is told to this receiver, once it rings.
fn called(site: &Site, receiver: &Receiver, more: &[(&str, &str)]) -> (u64, Callback) {
    let url = receiver.at("/cb");
    let answer = site.call(&[&[("callbackurl", url.as_str())], more].concat());
    let (status, response) = told(&answer);
    assert_eq!(status, 0, "{}", answer.text());
    (response["id"].as_u64().unwrap(), receiver.next())
}

fn pair(status: &str, matched: &str) -> (String, String) {
    (status.to_owned(), matched.to_owned())
}

fn phonesverification_rule_10_each_change_of_status_is_one_get(mounting: Mounting) {
    let (site, receiver) = (Site::open(mounting), Receiver::start());
    site.at(1_591_693_380_000);
    let (id, sent) = called(&site, &receiver, &[]);
    site.end(&CallEnd::dialled(PIN));
    let last = receiver.next();
    for (callback, status, cost, matched) in
        [(&sent, "Sent", "0", "false"), (&last, "Delivered - PIN Verified", "0.015", "true")]
    {
        assert_eq!((callback.method.as_str(), callback.body.len()), ("GET", 0), "{callback:?}");
        let mut values = callback.values();
        let mut take = |name: &str| values.remove(name).unwrap();
        assert_eq!((take("status").as_str(), take("matched").as_str()), (status, matched));
        assert_eq!((take("requestid"), take("recipient").as_str()), (id.to_string(), NUMBER));
        assert_eq!((take("datetime").as_str(), take("cost").as_str()), ("Jun 9 2020 9:03AM", cost));
        assert!(values.is_empty(), "{values:?}");
    }
    let order = last.target.split(['?', '&']).skip(1).map(|pair| pair.split('=').next().unwrap());
    assert_eq!(
        order.collect::<Vec<_>>(),
        ["status", "requestid", "recipient", "datetime", "cost", "matched"]
    );
    assert!(last.target.contains("status=Delivered%20-%20PIN%20Verified&"), "{}", last.target);
    assert!(last.target.starts_with("/cb?"), "{}", last.target);
    assert!(receiver.is_silent(), "and nothing more");

    let url = receiver.at("/cb?order=4711&x=%26");
    site.call(&[("callbackurl", &url)]);
    let kept = receiver.next().target;
    assert!(kept.starts_with("/cb?order=4711&x=%26&status=Sent&"), "{kept}");
}

fn phonesverification_rule_10_a_phone_that_is_picked_up_is_delivered(mounting: Mounting) {
    let (site, receiver) = (Site::open(mounting), Receiver::start());
    let (id, sent) = called(&site, &receiver, &[]);
    assert_eq!(sent.said(), pair("Sent", "false"));
    let handset = |body: &str| {
        let request = http::Request::post("/").header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(body.to_owned().into()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Api::answer(&site.handset, request)).status().as_u16()
    };
    assert_eq!(handset(&format!("id={id}&end=pick-up")), 200);
    assert_eq!(receiver.next().said(), pair("Delivered", "false"));
    assert_eq!(handset(&format!("id={id}&end=pick-up")), 200);
    assert_eq!(handset(&format!("id={id}&end=dial&keys=999")), 200);
    assert_eq!(receiver.next().said(), pair("Delivered - PIN Unverified", "false"));
    assert!(receiver.is_silent());
    assert_eq!(handset(&format!("id={id}&end=dial&keys={PIN}")), 400, "it is over");
}

fn phonesverification_rule_10_a_receiver_that_fails_is_asked_again_and_not_for_ever(mounting: Mounting) {
    let settings = || {
        let mut settings = nearby();
        settings.tries = 2;
        settings
    };
    let site =
        Site::with(mounting, |builder| builder.account(AccountConfig::new(KEY, SECRET)).settings(settings()));
    let receiver = Receiver::start();
    receiver.then(&["429 Later", "200 OK"]);
    let (_, first) = called(&site, &receiver, &[]);
    assert_eq!(receiver.next().target, first.target, "the same, once more");
    receiver.then(&["503 Busy", "500 Broken", "200 OK"]);
    site.end(&CallEnd::Machine);
    let said: Vec<_> = (0..2).map(|_| receiver.next().get("status")).collect();
    assert_eq!(said, ["Machine Hangup", "Machine Hangup"]);
    // The next call says that the third try of that one never came.
    receiver.then(&["400 No"]);
    let (_, next) = called(&site, &receiver, &[]);
    assert_eq!(next.get("status"), "Sent");
    site.end(&CallEnd::NoAnswer);
    assert_eq!(receiver.next().get("status"), "Failed", "who says no is not asked again");
}

/// P11 is held to the letter beside the code; here only that the type reaches the wire.
fn phonesverification_rule_11_the_scheme_is_that_of_the_type(mounting: Mounting) {
    let (site, receiver) = (Site::open(mounting), Receiver::start());
    for (kind, url) in [("http", receiver.at("/a")), ("HTTP", format!("http://{}", receiver.at("/a")))] {
        site.call(&[("callbackurl", &url), ("callbackurltype", kind)]);
        assert!(receiver.next().target.starts_with("/a?"));
    }
    let url = receiver.at("/tls");
    assert_eq!(told(&site.call(&[("callbackurl", &url), ("callbackurltype", "https")])).0, 0);
    let plain = format!("http://{}", receiver.at("/x"));
    assert_eq!(told(&site.call(&[("callbackurl", &plain), ("callbackurltype", "https")])), (4, Value::Null));
    // A TLS greeting is no line of HTTP with a path.
    let (_, next) = called(&site, &receiver, &[("pin", "1")]);
    assert!(!next.target.starts_with("/tls"), "{next:?}");
}

fn phonesverification_rule_12_what_happened_is_what_is_told(mounting: Mounting) {
    let (site, receiver) = (Site::open(mounting), Receiver::start());
    for (end, status, matched, cost) in [
        (CallEnd::dialled(PIN), "Delivered - PIN Verified", "true", "0.015"),
        (CallEnd::dialled("54321"), "Delivered - PIN Unverified", "false", "0.015"),
        (CallEnd::dialled("1234"), "Delivered - PIN Unverified", "false", "0.015"),
        (CallEnd::dialled("123450"), "Delivered - PIN Unverified", "false", "0.015"),
        (CallEnd::dialled(""), "Delivered - PIN Unverified", "false", "0.015"),
        (CallEnd::Answered, "Delivered - PIN Unverified", "false", "0.015"),
        (CallEnd::Machine, "Machine Hangup", "false", "0.015"),
        (CallEnd::NoAnswer, "Failed", "false", "0"),
        (CallEnd::Cancelled, "Stopped", "false", "0"),
        (CallEnd::NoMoney, "Insufficient Balance", "false", "0"),
    ] {
        called(&site, &receiver, &[]);
        site.end(&end);
        let last = receiver.next();
        assert_eq!((last.said(), last.get("cost").as_str()), (pair(status, matched), cost), "{end:?}");
    }
    called(&site, &receiver, &[("pin", "00123456")]);
    site.end(&CallEnd::dialled("123456"));
    assert_eq!(receiver.next().get("matched"), "false", "P7: zeros count");
    called(&site, &receiver, &[("pin", "00123456")]);
    site.end(&CallEnd::dialled("00123456"));
    assert_eq!(receiver.next().get("matched"), "true");
}

fn phonesverification_rule_13_the_accounts_callback_is_for_requests_without_one(mounting: Mounting) {
    let (own, of_account) = (Receiver::start(), Receiver::start());
    let site = Site::with(mounting, |builder| {
        let mut account = AccountConfig::new(KEY, SECRET);
        account.callbackurl = Some(of_account.at("/account"));
        builder.account(account).settings(nearby())
    });
    site.call(&[]);
    assert!(of_account.next().target.starts_with("/account?"));
    let (_, sent) = called(&site, &own, &[]);
    assert!(sent.target.starts_with("/cb?"));
    site.end(&CallEnd::Machine);
    assert_eq!(of_account.next().get("status"), "Machine Hangup", "the older call");
    site.end(&CallEnd::Machine);
    assert_eq!(own.next().get("status"), "Machine Hangup");
    assert!(of_account.is_silent());
}

fn phonesverification_rule_17_callbacks_lead_outside_unless_they_are_allowed_in(mounting: Mounting) {
    let receiver = Receiver::start();
    let public = || HttpClient::builder().public_only().build().unwrap();
    let site =
        Site::with(mounting, |builder| builder.fetch(public()).account(AccountConfig::new(KEY, SECRET)));
    let port = receiver.at("").rsplit(':').next().unwrap().to_owned();
    for host in
        ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.1.2.3", "2130706433", "[::ffff:127.0.0.1]"]
    {
        let url = format!("{host}:{port}/cb");
        assert_eq!(told(&site.call(&[("callbackurl", &url)])), (4, Value::Null), "{url}");
    }
    assert_eq!(told(&site.call(&[("callbackurl", "file:///etc/passwd")])).0, 4);
    assert!(site.handset.ringing().is_empty() && receiver.is_silent());

    // A redirect is followed nowhere.
    let inner = Receiver::start();
    let site = Site::open(mounting);
    receiver.then(&[&format!("302 Found\r\nLocation: http://{}", inner.at("/inside"))]);
    called(&site, &receiver, &[]);
    site.end(&CallEnd::Machine);
    assert_eq!(receiver.next().get("status"), "Machine Hangup");
    assert!(inner.is_silent());
}

/// What the client is for has to be said when the API is built.
#[test]
fn phonesverification_rule_17_a_client_that_goes_inside_is_refused_at_the_start() {
    let clock = FakeClock::default();
    let engine = engine(&clock, &MemoryStore::default());
    let build = |client: HttpClient, settings: Settings| {
        let builder = PhonesVerification::builder(&engine).voice(Handset::new()).settings(settings);
        builder.account(AccountConfig::new(KEY, SECRET)).fetch(client).build().map(drop)
    };
    let ordinary = || HttpClient::new().unwrap();
    assert_eq!(build(ordinary(), Settings::default()), Err(ConfigError::FetchGoesInside));
    assert_eq!(build(ordinary(), nearby()), Ok(()));
    let public = HttpClient::builder().public_only().build().unwrap();
    assert_eq!(build(public, Settings::default()), Ok(()));
    let without = PhonesVerification::builder(&engine).account(AccountConfig::new(KEY, SECRET));
    assert_eq!(without.build().map(drop), Err(ConfigError::NoVoice));
    for change in [
        |settings: &mut Settings| settings.path = "no-slash".to_owned(),
        |settings: &mut Settings| settings.path = "/a//b".to_owned(),
        |settings: &mut Settings| settings.path = "/../b".to_owned(),
        |settings: &mut Settings| settings.pin_min = 9,
        |settings: &mut Settings| settings.tries = 0,
        |settings: &mut Settings| settings.call_seconds = 5,
    ] {
        let mut settings = nearby();
        change(&mut settings);
        assert!(matches!(build(ordinary(), settings), Err(ConfigError::Settings { .. })));
    }
}

/// A store that never answers.
#[derive(Debug)]
struct Silent;

#[async_trait]
impl Store for Silent {
    async fn insert(&self, _: &Key, _: Bytes, _: Duration) -> Result<bool, StoreError> {
        std::future::pending().await
    }

    async fn get(&self, _: &Key) -> Result<Option<Bytes>, StoreError> {
        std::future::pending().await
    }

    async fn take(&self, _: &Key) -> Result<Option<Bytes>, StoreError> {
        std::future::pending().await
    }

    async fn add(&self, _: &Key, _: u32, _: Duration) -> Result<u64, StoreError> {
        std::future::pending().await
    }
}

/// A call may take minutes; the answer to whoever asks for one does not.
fn an_answer_does_not_wait_for_a_store_as_long_as_for_a_phone(mounting: Mounting) {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let engine = Engine::builder(keys, Origin::parse("https://calls.example").unwrap());
    let engine = engine.store(Silent).deadline(Duration::from_millis(100)).build().unwrap();
    let builder = PhonesVerification::builder(&engine).voice(Handset::new()).settings(nearby());
    let builder = builder.account(AccountConfig::new(KEY, SECRET)).fetch(HttpClient::new().unwrap());
    let api: Arc<dyn Api> = Arc::new(builder.build().unwrap());
    assert_eq!(
        (api.deadline(), api.errand_deadline()),
        (Duration::from_millis(100), Duration::from_millis(120_300))
    );
    let running = site::serve(mounting, vec![("/app/api", api)]);
    let form = site::form(&site::with(&[]));
    assert_eq!(told(&Request::form(JSON, &form).send(running.address).unwrap()), (1, Value::Null));
    let as_xml = Request::form(site::XML, &form).send(running.address).unwrap().text();
    assert!(as_xml.contains("<Status>1</Status>"), "{as_xml}");
}

fn phonesverification_rule_18_nothing_that_is_told_or_kept_holds_pin_or_secret(mounting: Mounting) {
    let (site, receiver) = (Site::open(mounting), Receiver::start());
    let answer = site.ask(&Request::form(
        JSON,
        &site::form(&site::with(&[("callbackurl", &receiver.at("/cb")), ("pin", "73194682")])),
    ));
    site.rings(NUMBER);
    for (_, text) in site.handset.ringing() {
        assert!(!text.contains("73194682"), "{text}");
    }
    site.end(&CallEnd::dialled("73194682"));
    let told = format!("{} {} {}", answer.text(), receiver.next().target, receiver.next().target);
    assert!(!told.contains("73194682") && !told.contains(SECRET), "{told}");
    for (_, value, _) in site.store.entries() {
        let value = String::from_utf8_lossy(&value.unwrap_or_default()).into_owned();
        assert!(!value.contains("73194682") && !value.contains(NUMBER), "{value}");
    }
    let shown = format!("{:?} {:?}", AccountConfig::new(KEY, SECRET), CallEnd::dialled("73194682"));
    assert!(!shown.contains(SECRET) && !shown.contains("73194682"), "{shown}");
}

on_both! {
    phonesverification_rule_10_each_change_of_status_is_one_get
    phonesverification_rule_10_a_phone_that_is_picked_up_is_delivered
    phonesverification_rule_10_a_receiver_that_fails_is_asked_again_and_not_for_ever
    phonesverification_rule_11_the_scheme_is_that_of_the_type
    phonesverification_rule_12_what_happened_is_what_is_told
    phonesverification_rule_13_the_accounts_callback_is_for_requests_without_one
    phonesverification_rule_17_callbacks_lead_outside_unless_they_are_allowed_in
    an_answer_does_not_wait_for_a_store_as_long_as_for_a_phone
    phonesverification_rule_18_nothing_that_is_told_or_kept_holds_pin_or_secret
}
