//! A service that answers what it is told, and an engine whose codes go there.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use verify_core::{
    Channel, Contact, Countries, Courier, Engine, EngineBuilder, Event, EventKind, Factor, Fetch, FetchError,
    FetchErrorKind, KeyRing, MissingContacts, Origin, Policy, RefusedKind, Subject,
};

/// One answer, or the way in which there is none.
pub type Turn = Result<(u16, Option<&'static str>, String), FetchErrorKind>;

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub url: String,
    pub headers: HeaderMap,
    pub body: String,
}

/// Answers in that order, and keeps what it was asked.
#[derive(Clone, Debug, Default)]
pub struct Stub {
    turns: Arc<Mutex<VecDeque<Turn>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Stub {
    pub fn then(turns: impl IntoIterator<Item = Turn>) -> Self {
        let stub = Self::default();
        stub.turns.lock().unwrap().extend(turns);
        stub
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Fetch for Stub {
    async fn fetch(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        let (url, headers) = (request.uri().to_string(), request.headers().clone());
        self.asked.lock().unwrap().push(Asked { url, headers, body });
        let turn = self.turns.lock().unwrap().pop_front().expect("nothing more is asked");
        let (status, retry_after, body) = turn?;
        let mut answer = Response::builder().status(status);
        if let Some(wait) = retry_after {
            answer = answer.header("retry-after", wait);
        }
        Ok(answer.body(body.into()).unwrap())
    }
}

/// What an engine has told.
#[derive(Clone, Debug, Default)]
pub struct Told(Arc<Mutex<Vec<Event>>>);

impl Told {
    pub fn of(&self, kind: EventKind) -> Vec<Event> {
        self.0.lock().unwrap().iter().filter(|event| event.kind == kind).cloned().collect()
    }
}

/// Everybody has one phone and one mail address, and hears how the delivery went.
pub fn builder(told: &Told) -> EngineBuilder {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let told = told.clone();
    Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
        .contacts(|subject: &Subject<'_>, channel: Channel| match channel {
            Channel::Email => Contact::email(&format!("{}@example.com", subject.id())).ok(),
            _ => Contact::phone("+12025550123").ok(),
        })
        .countries(Countries::only(["US"]).unwrap())
        .missing_contacts(MissingContacts::Tell)
        .on_event(move |event| told.0.lock().unwrap().push(event.clone()))
}

pub fn engine(courier: impl Courier) -> Engine {
    builder(&Told::default()).courier(Channel::Sms, courier).build().unwrap()
}

/// Asks for a code by SMS.
pub async fn send(engine: &Engine) -> Result<(), RefusedKind> {
    let gate = engine.gate(Policy::new("vault").require(Factor::code("step-up"))).unwrap();
    let alice = engine.direct(Subject::user("alice"));
    let ticket = alice.offer(&gate, "step-up").unwrap();
    alice.send(&ticket, None).await.map(drop).map_err(|refused| refused.kind())
}
