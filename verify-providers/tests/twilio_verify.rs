//! Twilio Verify that misbehaves: what is not a clear yes lets nobody in, and nothing is sent twice that may have arrived.
#![cfg(feature = "twilio-verify")]
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
use verify_core::{
    Channel, CodeHandle, CodeService, Contact, Engine, Factor, Fetch, FetchError, FetchErrorKind, Gate,
    KeyRing, MemoryStore, MissingContacts, Origin, Policy, RefusedKind, Subject,
};
use verify_providers::{HttpClient, TwilioVerify, TwilioVerifyError};

const VE: &str = "VE0123456789abcdef0123456789abcdef";

/// One answer, or the way in which there is none.
type Turn = Result<(u16, Option<&'static str>, String), FetchErrorKind>;

/// Answers what it is told, in that order, and keeps what it was asked.
#[derive(Clone, Debug, Default)]
struct Stub {
    turns: Arc<Mutex<VecDeque<Turn>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    fn then(&self, turns: impl IntoIterator<Item = Turn>) {
        self.turns.lock().unwrap().extend(turns);
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Fetch for Stub {
    async fn fetch(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        self.asked
            .lock()
            .unwrap()
            .push(format!("{} {body}", request.uri().path().rsplit('/').next().unwrap()));
        let turn = self.turns.lock().unwrap().pop_front().expect("nothing more is asked");
        let (status, retry_after, body) = turn?;
        let mut answer = Response::builder().status(status);
        if let Some(wait) = retry_after {
            answer = answer.header("retry-after", wait);
        }
        Ok(answer.body(body.into()).unwrap())
    }
}

fn ok(status: &str, valid: bool) -> Turn {
    Ok((
        201,
        None,
        format!(r#"{{"sid":"{VE}","status":"{status}","valid":{valid},"amount":null,"payee":null}}"#),
    ))
}

fn refused(status: u16, code: u32, message: &str) -> Turn {
    let body = format!(r#"{{"code":{code},"message":"{message}","more_info":"","status":{status}}}"#);
    Ok((status, None, body))
}

fn twilio(client: impl Fetch) -> TwilioVerify {
    let account = format!("AC{}", "a".repeat(32));
    TwilioVerify::new(client, &account, "hunter2", &format!("VA{}", "b".repeat(32))).unwrap()
}

fn engine(service: TwilioVerify) -> Engine {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
        .store(MemoryStore::default())
        .code_service([Channel::Sms], service)
        .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
        .missing_contacts(MissingContacts::Tell)
        .build()
        .unwrap()
}

fn gate(engine: &Engine) -> Gate {
    engine.gate(Policy::new("vault").require(Factor::code("step-up"))).unwrap()
}

/// Starts, with what the stub answers to that; the ticket, or what became of it.
async fn start(stub: &Stub, turns: impl IntoIterator<Item = Turn>) -> Result<(Engine, String), RefusedKind> {
    let engine = engine(twilio(stub.clone()));
    let alice = engine.direct(Subject::user("alice"));
    let ticket = alice.offer(&gate(&engine), "step-up").unwrap();
    stub.then(turns);
    let sent = alice.send(&ticket, None).await.map_err(|refused| refused.kind())?;
    Ok((engine, sent.ticket().to_owned()))
}

/// Starts, and answers; the stub has these turns for the answer.
async fn check(turns: impl IntoIterator<Item = Turn>) -> (Stub, Result<(), RefusedKind>) {
    let stub = Stub::default();
    let (engine, ticket) = start(&stub, [ok("pending", false)]).await.unwrap();
    stub.then(turns);
    let checked = engine.direct(Subject::user("alice")).check(&ticket, "471147").await;
    (stub, checked.map_err(|refused| refused.kind()))
}

#[tokio::test]
async fn the_forms_are_those_of_the_api() {
    let (stub, checked) = check([ok("approved", true)]).await;
    assert_eq!(checked, Ok(()));
    let asked = [
        "Verifications To=%2B12025550123&Channel=sms".to_owned(),
        format!("VerificationCheck Code=471147&VerificationSid={VE}"),
    ];
    assert_eq!(stub.asked(), asked);
}

#[tokio::test]
async fn only_a_clear_yes_lets_in() {
    let garbage = |body: &str| Ok((200, None, body.to_owned()));
    let other = format!(r#"{{"sid":"VE{}","status":"approved","valid":true}}"#, "f".repeat(32));
    for (turn, kind) in [
        (ok("pending", false), RefusedKind::Wrong),
        (ok("approved", false), RefusedKind::Misconfigured),
        (ok("canceled", false), RefusedKind::AlreadyUsed),
        (ok("expired", false), RefusedKind::AlreadyUsed),
        (ok("perhaps", true), RefusedKind::Unavailable),
        (garbage("<html>approved</html>"), RefusedKind::Unavailable),
        (garbage(""), RefusedKind::Unavailable),
        (garbage(&other), RefusedKind::Unavailable),
        (garbage(r#"{"status":"approved","valid":true}"#), RefusedKind::Unavailable),
        (refused(404, 20404, "The requested resource was not found"), RefusedKind::AlreadyUsed),
        (refused(400, 60200, "Invalid parameter: Code"), RefusedKind::Wrong),
        (refused(401, 20003, "Authenticate"), RefusedKind::Misconfigured),
        (refused(400, 60206, "'Amount' & 'Payee' params are required"), RefusedKind::Misconfigured),
        (Ok((503, None, "busy".to_owned())), RefusedKind::Unavailable),
        (Ok((302, None, String::new())), RefusedKind::Unavailable),
        (Err(FetchErrorKind::Timeout), RefusedKind::Unavailable),
        (Err(FetchErrorKind::Broken), RefusedKind::Unavailable),
        (Err(FetchErrorKind::Forbidden), RefusedKind::Misconfigured),
    ] {
        let told = format!("{turn:?}");
        let (stub, checked) = check([turn]).await;
        assert_eq!(checked, Err(kind), "{told}");
        assert_eq!(stub.asked().len(), 2, "{told}: a check is asked once");
    }
}

/// A locked challenge is cancelled at the service, whether it takes that or not.
#[tokio::test]
async fn the_services_own_lock_is_one() {
    let gone = refused(404, 20404, "The requested resource was not found");
    for locked in [refused(429, 60202, "Max check attempts reached"), ok("max_attempts_reached", false)] {
        let (stub, checked) = check([locked, gone.clone()]).await;
        assert_eq!(checked, Err(RefusedKind::Locked));
        assert_eq!(stub.asked()[2], format!("{VE} Status=canceled"));
    }
}

#[tokio::test]
async fn only_the_services_own_404_says_that_it_is_over_there() {
    let gone = refused(404, 20404, "The requested resource was not found");
    let page = |status, text: &str| Ok((status, None, text.to_owned()));
    for (turn, is_over) in [
        (ok("canceled", false), true),
        (gone, true),
        (page(404, "<html>no such host here</html>"), false),
        (page(404, ""), false),
        (refused(404, 20003, "Authenticate"), false),
        (page(503, "busy"), false),
    ] {
        let (stub, told) = (Stub::default(), format!("{turn:?}"));
        stub.then([turn]);
        let canceled = twilio(stub).cancel(&CodeHandle::new(VE.to_owned())).await;
        assert_eq!(canceled.is_ok(), is_over, "{told}");
    }
}

#[tokio::test]
async fn too_many_requests_say_how_long_to_wait() {
    let stub = Stub::default();
    let (engine, ticket) = start(&stub, [ok("pending", false)]).await.unwrap();
    stub.then([Ok((429, Some("33"), r#"{"code":20429,"message":"Too many requests"}"#.to_owned()))]);
    let limited = engine.direct(Subject::user("alice")).check(&ticket, "471147").await.unwrap_err();
    assert_eq!(limited.kind(), RefusedKind::RateLimited);
    assert_eq!(limited.retry_after(), Some(Duration::from_secs(33)));
}

/// The answer to a check that approved was lost; the next one hears 404, and gets nobody in.
#[tokio::test]
async fn r36_an_approval_whose_answer_was_lost_is_lost() {
    let stub = Stub::default();
    let (engine, ticket) = start(&stub, [ok("pending", false)]).await.unwrap();
    let alice = engine.direct(Subject::user("alice"));
    stub.then([Err(FetchErrorKind::Timeout), refused(404, 20404, "not found")]);
    assert_eq!(alice.check(&ticket, "471147").await.unwrap_err().kind(), RefusedKind::Unavailable);
    assert_eq!(alice.check(&ticket, "471147").await.unwrap_err().kind(), RefusedKind::AlreadyUsed);
}

#[tokio::test]
async fn r57_what_never_left_is_sent_again_and_nothing_else_is() {
    let stub = Stub::default();
    let started = start(&stub, [Err(FetchErrorKind::Unsent), ok("pending", false)]).await;
    assert!(started.is_ok() && stub.asked().len() == 2);
    for (turns, asked) in [
        (vec![Err(FetchErrorKind::Unsent), Err(FetchErrorKind::Unsent)], 2),
        (vec![Err(FetchErrorKind::Timeout)], 1),
        (vec![Err(FetchErrorKind::Broken)], 1),
        (vec![Ok((503, None, String::new()))], 1),
        (vec![Ok((201, None, "half an ans".to_owned()))], 1),
    ] {
        let stub = Stub::default();
        let kind = start(&stub, turns).await.map(drop).unwrap_err();
        assert_eq!((kind, stub.asked().len()), (RefusedKind::Unavailable, asked));
    }
}

#[tokio::test]
async fn a_start_is_refused_by_what_can_be_done_about_it() {
    for (turn, kind) in [
        (refused(400, 60200, "Invalid parameter `To`: +12025550123"), RefusedKind::Invalid),
        (refused(403, 60205, "SMS is not supported by landline phone number"), RefusedKind::Invalid),
        (refused(400, 60410, "blocked"), RefusedKind::Invalid),
        (refused(429, 60203, "Max send attempts reached"), RefusedKind::RateLimited),
        (refused(429, 60202, "Max check attempts reached"), RefusedKind::RateLimited),
        (refused(404, 20404, "not found"), RefusedKind::Misconfigured),
        (refused(400, 60223, "Delivery channel disabled"), RefusedKind::Misconfigured),
    ] {
        let told = format!("{turn:?}");
        assert_eq!(start(&Stub::default(), [turn]).await.map(drop), Err(kind), "{told}");
    }
}

#[tokio::test]
async fn silence_ends_at_the_clients_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = HttpClient::builder().deadline(Duration::from_millis(300)).build().unwrap();
    let engine = engine(twilio(client).base_url(&url).unwrap());
    let alice = engine.direct(Subject::user("alice"));
    let ticket = alice.offer(&gate(&engine), "step-up").unwrap();
    let refused = alice.send(&ticket, None).await.unwrap_err();
    assert_eq!(refused.kind(), RefusedKind::Unavailable);
}

#[test]
fn r60_settings_are_checked_and_the_token_does_not_print() {
    let service = format!("VA{}", "b".repeat(32));
    let account = format!("AC{}", "a".repeat(32));
    let new = |account: &str, token: &str, service: &str| {
        TwilioVerify::new(Stub::default(), account, token, service).map(drop).unwrap_err()
    };
    assert_eq!(new("AC1", "t", &service), TwilioVerifyError::Account);
    assert_eq!(new(&account, "", &service), TwilioVerifyError::Token);
    assert_eq!(new(&account, "two\nlines", &service), TwilioVerifyError::Token);
    assert_eq!(new(&account, "t", "VA1"), TwilioVerifyError::Service);
    for bad in
        ["http://verify.example", "ftp://verify.example", "verify.example", "https://verify.example/?a"]
    {
        assert_eq!(twilio(Stub::default()).base_url(bad).map(drop), Err(TwilioVerifyError::BaseUrl), "{bad}");
    }
    let made = twilio(Stub::default()).base_url("http://127.0.0.1:3900/").unwrap();
    let shown = format!("{made:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("Basic"), "{shown}");
}
