//! A small application around the engine, for the protocol tests: a fake clock, an inbox, and requests made by hand.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

#[path = "bank/witness.rs"]
mod witness;

use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use verify_core::{
    Channel, Contact, Decision, Endpoints, Engine, EngineBuilder, FakeClock, Gate, Inbox, KeyRing,
    MemoryStore, Origin, Passage, Policy, Reply, RequestLimits, RequestView, Ruling, Subject,
};

#[allow(unused_imports, reason = "each test file uses its own part of the harness")]
pub use self::witness::Witness;

/// A request made by hand.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
    peer: Option<IpAddr>,
    subject: Option<Subject<'static>>,
    body: Bytes,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            headers: Vec::new(),
            peer: Some([192, 0, 2, 1].into()),
            subject: None,
            body: Bytes::new(),
        }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.as_ref().to_vec()));
        self
    }

    pub fn user(self, name: &str) -> Self {
        self.header("x-user", name)
    }

    pub fn browser(self) -> Self {
        self.header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("sec-fetch-mode", "navigate")
    }

    pub fn peer(mut self, peer: Option<IpAddr>) -> Self {
        self.peer = peer;
        self
    }

    pub fn subject(mut self, subject: Subject<'static>) -> Self {
        self.subject = Some(subject);
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub fn form(self, body: impl Into<String>) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded").body(body.into())
    }

    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

impl RequestView for Request {
    fn method(&self) -> &str {
        &self.method
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    fn headers<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        let name = name.to_owned();
        self.headers.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value.as_slice())
    }

    fn route(&self) -> Option<std::borrow::Cow<'_, str>> {
        None
    }

    fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    fn subject(&self) -> Option<&Subject<'static>> {
        self.subject.as_ref()
    }
}

/// An application: everybody has a phone and a mail address, except `nobody`.
pub struct Bank {
    pub clock: FakeClock,
    pub inbox: Inbox,
    pub store: MemoryStore,
    pub engine: Engine,
    pub endpoints: Endpoints,
}

pub fn keys() -> KeyRing {
    KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap()
}

pub fn phone_of(user: &str) -> String {
    let number = user.bytes().fold(0_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 100);
    format!("+120255501{number:02}")
}

impl Bank {
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub fn with(change: impl FnOnce(EngineBuilder) -> EngineBuilder) -> Self {
        let clock = FakeClock::default();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        Self::around(clock, store, change)
    }

    pub fn around(
        clock: FakeClock,
        store: MemoryStore,
        change: impl FnOnce(EngineBuilder) -> EngineBuilder,
    ) -> Self {
        let inbox = Inbox::new();
        let builder = Engine::builder(keys(), Origin::parse("https://bank.example").unwrap())
            .site("Demo Bank")
            .clock(clock.clone())
            .store(store.clone())
            .limits(RequestLimits::unlimited())
            .inbox(inbox.clone())
            .contacts(|subject: &Subject<'_>, channel: Channel| match channel {
                _ if subject.id() == "nobody" => None,
                Channel::Email => Contact::email(&format!("{}@example.com", subject.id())).ok(),
                _ => Contact::phone(&phone_of(subject.id())).ok(),
            })
            .subject(|head| Some(Subject::user(head.header("x-user")?)));
        let engine = change(builder).build().unwrap();
        let endpoints = engine.endpoints();
        Self { clock, inbox, store, engine, endpoints }
    }

    pub fn gate(&self, policy: Policy) -> Gate {
        self.engine.gate(policy).unwrap()
    }

    /// The newest code that was sent to the user's phone.
    pub fn code(&self, user: &str) -> String {
        self.inbox.last_code(&phone_of(user)).expect("a code was sent")
    }

    pub fn call(&self, action: &str, user: &str, body: &Value) -> Reply {
        self.ask(Request::new("POST", &format!("/challenge/{action}")).user(user).json(body))
    }

    pub fn ask(&self, request: Request) -> Reply {
        ask(&self.endpoints, request)
    }

    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Blocks, sends and answers: the clearance header's value.
    pub fn clearance(&self, gate: &Gate, user: &str) -> String {
        let id = id_of(&blocked(gate, Request::get("/vault").user(user)));
        let sent = json_of(&self.call("send", user, &serde_json::json!({ "id": id })));
        let checked =
            self.call("check", user, &serde_json::json!({ "id": sent["id"], "code": self.code(user) }));
        assert_eq!(checked.status(), 200, "{checked:?}");
        json_of(&checked)["clearance"].as_str().unwrap().to_owned()
    }
}

/// What became of a request at a gate.
#[derive(Debug)]
pub enum Outcome {
    /// Passed at a look.
    Allowed,
    /// Passed after a ruling.
    Passed(Passage),
    /// Answered by the gate.
    Answered(Reply),
}

impl Outcome {
    pub fn is_in(&self) -> bool {
        !matches!(self, Self::Answered(_))
    }

    pub fn reply(self) -> Reply {
        match self {
            Self::Answered(reply) => reply,
            passed => panic!("the gate let it pass: {passed:?}"),
        }
    }
}

pub fn enter(gate: &Gate, request: Request) -> Outcome {
    let ruling = match gate.decide(&request) {
        Decision::Allow => return Outcome::Allowed,
        Decision::Respond(reply) => return Outcome::Answered(reply),
        Decision::Consult(inquiry) => block_on(gate.rule(inquiry, Bytes::new())),
        Decision::Read(inquiry, limit) if request.body.len() > limit => Ruling::Respond(inquiry.too_large()),
        Decision::Read(inquiry, _) => block_on(gate.rule(inquiry, request.body)),
    };
    match ruling {
        Ruling::Allow(passage) => Outcome::Passed(passage),
        ruling => Outcome::Answered(answered(ruling)),
    }
}

/// The answer; what is left to do after it is done at once.
pub fn answered(ruling: Ruling) -> Reply {
    match ruling {
        Ruling::Respond(reply) => reply,
        Ruling::RespondThen(reply, errand) => {
            let _ = block_on(errand.run());
            reply
        }
        Ruling::Allow(passage) => panic!("it was let pass: {passage:?}"),
    }
}

pub fn blocked(gate: &Gate, request: Request) -> Reply {
    enter(gate, request).reply()
}

pub fn ask(endpoints: &Endpoints, request: Request) -> Reply {
    match endpoints.decide(&request) {
        Decision::Respond(reply) => reply,
        Decision::Read(inquiry, limit) if request.body.len() > limit => inquiry.too_large(),
        Decision::Read(inquiry, _) => answered(block_on(endpoints.rule(inquiry, request.body))),
        other => panic!("an endpoint answers or reads: {other:?}"),
    }
}

pub fn json_of(reply: &Reply) -> Value {
    serde_json::from_slice(reply.body()).unwrap_or_else(|_| panic!("not JSON: {reply:?}"))
}

pub fn text_of(reply: &Reply) -> String {
    String::from_utf8(reply.body().to_vec()).unwrap()
}

/// The first challenge of the first alternative.
pub fn challenge_of(reply: &Reply) -> Value {
    json_of(reply)["alternatives"][0][0].clone()
}

pub fn id_of(reply: &Reply) -> String {
    challenge_of(reply)["id"].as_str().expect("a blocked answer offers a challenge").to_owned()
}

/// Runs a future that never waits for anything outside this thread.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::yield_now();
    }
}

/// Solves the proof of work of a challenge: the token for `check`.
pub fn solved(challenge: &Value) -> String {
    let puzzle = verify_core::altcha::Challenge::from_json(&challenge["altcha"].to_string()).unwrap();
    verify_core::altcha::solve(puzzle.parameters(), 1_000_000).unwrap().payload(&puzzle)
}

/// A code that is well-formed and not this one.
pub fn other_than(code: &str) -> String {
    let first = if code.starts_with('0') { "1" } else { "0" };
    format!("{first}{}", &code[1..])
}

/// All values of a header, as text.
pub fn headers_of(reply: &Reply, name: &str) -> Vec<String> {
    reply.headers().get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// The value that the answer sets for a cookie.
pub fn cookie_of(reply: &Reply, name: &str) -> Option<String> {
    headers_of(reply, "set-cookie").iter().find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix('=')?;
        Some(value.split(';').next().unwrap().to_owned())
    })
}

/// The ticket in the first form of a page.
pub fn id_on(page: &Reply) -> String {
    let html = text_of(page);
    let (_, rest) = html.split_once("name=\"challenge-id\" value=\"").expect("a form with a ticket");
    rest.split('"').next().unwrap().to_owned()
}
