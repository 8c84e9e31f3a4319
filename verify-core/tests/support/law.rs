//! What the law tests share: policies, the steps of a ceremony, a record of events, and threads that start together.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use serde_json::{Value, json};
use verify_core::{
    Backoff, Budgets, Channel, CodeFactor, Contact, Engine, Event, EventKind, Factor, FakeClock, Gate, Inbox,
    KeyRing, MemoryStore, Origin, Policy, Reply, RequestLimits, Subject,
};

use crate::bank::{Bank, Request, blocked, id_of, json_of};

pub const ZERO: std::time::Duration = std::time::Duration::ZERO;

pub fn step_up() -> CodeFactor {
    Factor::code("step-up").over([Channel::Sms, Channel::Email])
}

pub fn vault() -> Policy {
    vault_of(step_up())
}

pub fn vault_of(factor: CodeFactor) -> Policy {
    Policy::new("vault").purpose("open the vault").require(factor)
}

/// Budgets that stop nobody: for tests that are about something else.
pub fn generous() -> Budgets {
    Budgets::default()
        .failures(verify_core::Quota::new(1_000_000, std::time::Duration::from_secs(3600)))
        .resend_wait(Backoff::new(ZERO, ZERO))
        .lockout_wait(Backoff::new(ZERO, ZERO))
        .per_destination([])
        .per_source([])
}

/// An engine under other keys, around a store that may have served another engine before.
pub fn bank_under(keys: &str, clock: &FakeClock, store: &MemoryStore) -> Bank {
    let inbox = Inbox::new();
    let engine =
        Engine::builder(KeyRing::parse(keys).unwrap(), Origin::parse("https://bank.example").unwrap())
            .clock(clock.clone())
            .store(store.clone())
            .limits(RequestLimits::unlimited())
            .inbox(inbox.clone())
            .contacts(|subject: &Subject<'_>, channel: Channel| match channel {
                Channel::Email => Contact::email(&format!("{}@example.com", subject.id())).ok(),
                _ => Contact::phone(&crate::bank::phone_of(subject.id())).ok(),
            })
            .subject(|head| Some(Subject::user(head.header("x-user")?)))
            .build()
            .unwrap();
    let endpoints = engine.endpoints();
    Bank { clock: clock.clone(), inbox, store: store.clone(), engine, endpoints }
}

/// Every event of an engine, in order.
#[derive(Clone, Default)]
pub struct Events(Arc<Mutex<Vec<Event>>>);

impl Events {
    pub fn listener(&self) -> impl Fn(&Event) + Send + Sync + 'static {
        let list = Arc::clone(&self.0);
        move |event| list.lock().unwrap().push(event.clone())
    }

    pub fn all(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }

    pub fn count(&self, kind: EventKind) -> usize {
        self.0.lock().unwrap().iter().filter(|event| event.kind == kind).count()
    }
}

pub fn ticket(gate: &Gate, user: &str) -> String {
    id_of(&blocked(gate, Request::get("/vault").user(user)))
}

pub fn send(bank: &Bank, user: &str, id: &str) -> Reply {
    bank.call("send", user, &json!({ "id": id }))
}

pub fn check(bank: &Bank, user: &str, id: &str, code: &str) -> Reply {
    bank.call("check", user, &json!({ "id": id, "code": code }))
}

pub fn status(bank: &Bank, user: &str, id: &str) -> Value {
    let reply = bank.call("status", user, &json!({ "id": id }));
    assert_eq!(reply.status(), 200, "{reply:?}");
    json_of(&reply)
}

pub fn tries_left(bank: &Bank, user: &str, id: &str) -> u64 {
    status(bank, user, id)["tries_left"].as_u64().expect("the challenge is open")
}

/// Blocks and sends over SMS: the opened ticket and its code.
pub fn opened(bank: &Bank, gate: &Gate, user: &str) -> (String, String) {
    let sent = send(bank, user, &ticket(gate, user));
    assert_eq!(sent.status(), 200, "{sent:?}");
    (json_of(&sent)["id"].as_str().unwrap().to_owned(), bank.code(user))
}

/// A code of the same length that is wrong, another one for each `n`.
pub fn wrong(code: &str, n: u64) -> String {
    let modulus = 10_u64.pow(u32::try_from(code.len()).unwrap());
    format!("{:0width$}", (code.parse::<u64>().unwrap() + 1 + n) % modulus, width = code.len())
}

/// Status and code of a refusal, as `403 challenge_failed`; `locked` where the reason says so.
pub fn told(reply: &Reply) -> String {
    let status = reply.status().as_u16();
    if status == 200 {
        return "200".to_owned();
    }
    let body = json_of(reply);
    assert_eq!(body["status"], status, "{body}");
    let reason = body["reason"].as_str().map(|reason| format!(" {reason}")).unwrap_or_default();
    format!("{status} {}{reason}", body["code"].as_str().unwrap())
}

pub const WRONG: &str = "403 challenge_failed";
pub const LOCKED: &str = "403 challenge_failed locked";
pub const USED: &str = "409 already_used";
pub const EXPIRED: &str = "410 session_expired";
pub const LIMITED: &str = "429 rate_limited";

pub fn retry_after(reply: &Reply) -> u64 {
    reply.headers()["retry-after"].to_str().unwrap().parse().unwrap()
}

/// Runs `n` threads that begin at the same moment.
pub fn together<T: Send>(n: usize, run: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(n);
    thread::scope(|scope| {
        let (barrier, run) = (&barrier, &run);
        let threads: Vec<_> = (0..n)
            .map(|index| {
                scope.spawn(move || {
                    barrier.wait();
                    run(index)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}
