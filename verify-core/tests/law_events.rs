//! The law of events and of secrets in them, R76 and R60, seen from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use async_trait::async_trait;
use bank::{
    Bank, Request, Witness, block_on, blocked, challenge_of, cookie_of, enter, id_of, id_on, json_of, keys,
    other_than, phone_of, solved,
};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata as MetricMetadata, Recorder, SharedString,
    Unit,
};
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event as TraceEvent, Metadata, Subscriber as TraceSubscriber};
use verify_core::{
    Budgets, Channel, Clock, CodeFactor, Contact, Contacts, ContactsError, Courier, CourierError,
    CourierErrorKind, Delivery, EngineBuilder, Event, EventKind, Factor, FakeClock, MemoryStore, Policy,
    Quota, Resend, Subject,
};

fn step() -> CodeFactor {
    Factor::code("step-up").over([Channel::Sms, Channel::Email]).digits(8)
}

fn vault() -> Policy {
    Policy::new("vault").purpose("open the vault").require(step())
}

// What the test listens with.

type Heard = Arc<Mutex<Vec<Event>>>;

fn listening() -> (Heard, impl FnOnce(EngineBuilder) -> EngineBuilder) {
    let heard = Heard::default();
    let ear = Arc::clone(&heard);
    (heard, move |builder| builder.on_event(move |event: &Event| ear.lock().unwrap().push(event.clone())))
}

fn kinds(heard: &Heard) -> Vec<EventKind> {
    heard.lock().unwrap().drain(..).map(|event| event.kind).collect()
}

thread_local! {
    /// All that this thread has traced, on every level and target.
    static TAPE: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Writes down everything. One for the whole process, since a call site asks once whom it interests.
struct Recording;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, " {}={value}", field.name()).unwrap();
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        write!(self.0, " {}={value} {value:?}", field.name()).unwrap();
    }
}

fn write_down(metadata: &Metadata<'_>, fill: impl FnOnce(&mut Line)) {
    let mut line = Line(format!("{} {}", metadata.level(), metadata.target()));
    fill(&mut line);
    TAPE.with_borrow_mut(|tape| tape.push(line.0));
}

impl TraceSubscriber for Recording {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        write_down(span.metadata(), |line| span.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line("record".to_owned());
        values.record(&mut line);
        TAPE.with_borrow_mut(|tape| tape.push(line.0));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &TraceEvent<'_>) {
        write_down(event.metadata(), |line| event.record(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Writes down the name and the labels of each metric that was touched.
#[derive(Clone, Default)]
struct Meter(Arc<Mutex<Vec<String>>>);

struct Reading(Arc<Mutex<Vec<String>>>, String);

impl CounterFn for Reading {
    fn increment(&self, value: u64) {
        self.0.lock().unwrap().push(format!("{} +{value}", self.1));
    }

    fn absolute(&self, value: u64) {
        self.0.lock().unwrap().push(format!("{} ={value}", self.1));
    }
}

impl Meter {
    fn touched(&self, key: &Key) -> String {
        let mut text = key.name().to_owned();
        for label in key.labels() {
            write!(text, " {}={}", label.key(), label.value()).unwrap();
        }
        text
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Recorder for Meter {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &MetricMetadata<'_>) -> Counter {
        Counter::from_arc(Arc::new(Reading(Arc::clone(&self.0), self.touched(key))))
    }

    fn register_gauge(&self, key: &Key, _: &MetricMetadata<'_>) -> Gauge {
        self.0.lock().unwrap().push(self.touched(key));
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &MetricMetadata<'_>) -> Histogram {
        self.0.lock().unwrap().push(self.touched(key));
        Histogram::noop()
    }
}

/// Runs with both recorders on: all that was traced, then all that was metered.
fn recorded(run: impl FnOnce()) -> (Vec<String>, Vec<String>) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Recording).unwrap());
    TAPE.with_borrow_mut(Vec::clear);
    let meter = Meter::default();
    metrics::with_local_recorder(&meter, run);
    (TAPE.take(), meter.all())
}

fn opened(bank: &Bank, user: &str) -> (String, String) {
    let gate = bank.gate(vault());
    let id = id_of(&blocked(&gate, Request::get("/vault").user(user)));
    let sent = bank.call("send", user, &json!({ "id": id }));
    assert_eq!(sent.status(), 200, "{sent:?}");
    (json_of(&sent)["id"].as_str().unwrap().to_owned(), bank.code(user))
}

// R76

#[test]
fn r76_a_whole_life_is_told_in_order() {
    let (heard, listen) = listening();
    let bank = Bank::with(listen);
    let gate = bank.gate(vault());
    let offer = blocked(&gate, Request::get("/vault").user("alice"));
    assert_eq!(kinds(&heard), [], "a blocked request is no event: it is a counter");
    let id = id_of(&offer);
    bank.call("send", "alice", &json!({ "id": id }));
    assert_eq!(kinds(&heard), [EventKind::Created, EventKind::Sent, EventKind::Delivered]);
    bank.call("send", "alice", &json!({ "id": id }));
    assert_eq!(kinds(&heard), [], "the same wish again sends nothing");
    bank.advance(31);
    bank.call("send", "alice", &json!({ "id": id }));
    assert_eq!(kinds(&heard), [EventKind::Sent, EventKind::Delivered]);
    let code = bank.code("alice");
    bank.call("check", "alice", &json!({ "id": id, "code": other_than(&code) }));
    assert_eq!(kinds(&heard), [EventKind::Failed]);
    bank.call("check", "alice", &json!({ "id": id, "code": "malformed" }));
    bank.call("check", "alice", &json!({ "id": "forged", "code": code }));
    bank.call("check", "bob", &json!({ "id": id, "code": code }));
    bank.call("status", "alice", &json!({ "id": id }));
    kinds(&heard);
    bank.call("check", "alice", &json!({ "id": id, "code": code }));
    assert_eq!(kinds(&heard), [EventKind::Verified]);
    bank.call("check", "alice", &json!({ "id": id, "code": code }));
    assert_eq!(kinds(&heard), [EventKind::Replayed]);
}

#[test]
fn r76_what_is_malformed_or_another_s_is_no_attempt() {
    let (heard, listen) = listening();
    let bank = Bank::with(listen);
    let (id, code) = opened(&bank, "alice");
    kinds(&heard);
    for (user, body) in [
        ("alice", json!({ "id": id, "code": "1" })),
        ("alice", json!({ "id": id, "code": 12_345_678 })),
        ("alice", json!({ "id": "forged", "code": code })),
        ("bob", json!({ "id": id, "code": code })),
    ] {
        bank.call("check", user, &body);
    }
    assert_eq!(kinds(&heard), []);
}

#[test]
fn r76_a_lock_a_cancel_and_refused_sends_are_told() {
    let (heard, listen) = listening();
    let bank = Bank::with(|builder| {
        let quota = Quota::new(1, Duration::from_secs(3600));
        listen(builder).budgets(Budgets::default().per_destination([quota]).per_source([]))
    });
    let (id, code) = opened(&bank, "alice");
    kinds(&heard);
    for _ in 0..4 {
        bank.call("check", "alice", &json!({ "id": id, "code": other_than(&code) }));
    }
    assert_eq!(kinds(&heard), [EventKind::Failed; 4]);
    bank.call("check", "alice", &json!({ "id": id, "code": other_than(&code) }));
    assert_eq!(kinds(&heard), [EventKind::Locked]);

    bank.advance(3700);
    let (id, _) = opened(&bank, "alice");
    kinds(&heard);
    bank.advance(31);
    assert_eq!(bank.call("send", "alice", &json!({ "id": id })).status(), 429);
    assert_eq!(kinds(&heard), [EventKind::SendRefused]);
    bank.call("cancel", "alice", &json!({ "id": id }));
    assert_eq!(kinds(&heard), [EventKind::Cancelled]);
    bank.call("cancel", "alice", &json!({ "id": id }));
    assert_eq!(kinds(&heard), [], "there is nothing left to cancel");
}

/// Couriers and contacts that fail, and say so with what must not be repeated.
#[derive(Clone, Debug)]
struct Broken(CourierErrorKind);

const LEAK: &str = "hunter2-of-the-sms-service";

#[async_trait]
impl Courier for Broken {
    async fn deliver(&self, delivery: &Delivery) -> Result<(), CourierError> {
        let said = format!("{LEAK}: {} to {}", delivery.code().expose(), delivery.to().expose());
        Err(CourierError::new(self.0).with_source(said))
    }

    fn is_development(&self) -> bool {
        true
    }
}

#[async_trait]
impl Contacts for Broken {
    async fn contact(&self, subject: &Subject<'_>, _: Channel) -> Result<Option<Contact>, ContactsError> {
        Err(ContactsError::new(format!("{LEAK}: {}", subject.id())))
    }
}

#[test]
fn r76_a_failed_delivery_is_told_for_what_it_is() {
    for kind in [CourierErrorKind::Unavailable, CourierErrorKind::Refused] {
        let (heard, listen) = listening();
        let bank = Bank::with(|builder| listen(builder).courier(Channel::Sms, Broken(kind)));
        let gate = bank.gate(vault());
        let id = id_of(&blocked(&gate, Request::get("/vault").user("alice")));
        bank.call("send", "alice", &json!({ "id": id, "channel": "sms" }));
        assert_eq!(kinds(&heard), [EventKind::Created, EventKind::Sent, EventKind::DeliveryFailed]);
    }
}

#[test]
fn r76_proofs_of_work_are_told_too() {
    let (heard, listen) = listening();
    let bank = Bank::with(listen);
    let gate = bank.gate(Policy::new("feed").require(Factor::proof_of_work("human").cost(1).prefix("0")));
    let challenge = challenge_of(&blocked(&gate, Request::get("/feed").user("alice")));
    let other = challenge_of(&blocked(&gate, Request::get("/feed").user("alice")));
    let check = |token: String| {
        bank.call("check", "alice", &json!({ "id": challenge["id"], "token": token })).status()
    };
    assert_eq!(check(solved(&other)), 403);
    assert_eq!(kinds(&heard), [EventKind::Failed]);
    assert_eq!(check(solved(&challenge)), 200);
    assert_eq!(kinds(&heard), [EventKind::Verified]);
    assert_eq!(check(solved(&challenge)), 409);
    assert_eq!(kinds(&heard), [EventKind::Replayed]);
}

#[test]
fn r76_an_event_says_who_what_when_and_where_to_by_pseudonyms() {
    let (heard, listen) = listening();
    let bank = Bank::with(|builder| listen(builder).budgets(Budgets::default().per_source([])));
    bank.advance(7);
    let at = bank.clock.now();
    let (id, code) = opened(&bank, "alice");
    bank.call("check", "alice", &json!({ "id": id, "code": code }));
    let alice: Vec<Event> = heard.lock().unwrap().drain(..).collect();
    assert_eq!(alice.len(), 4);
    for event in &alice {
        assert_eq!((&*event.policy, event.factor.as_str(), event.at), ("vault", "step-up", at));
        assert_eq!((event.channel, event.calling_code), (Some(Channel::Sms), 1), "{:?}", event.kind);
        for pseudonym in [&event.challenge, &event.subject] {
            assert!(pseudonym.len() == 16 && pseudonym.bytes().all(|b| b.is_ascii_hexdigit()), "{pseudonym}");
        }
        assert_eq!((&event.challenge, &event.subject), (&alice[0].challenge, &alice[0].subject));
    }
    // Stable for the user, new for each challenge, and another for everybody else.
    bank.advance(3600);
    opened(&bank, "alice");
    opened(&bank, "bob");
    let later: Vec<Event> = heard.lock().unwrap().drain(..).collect();
    assert_eq!(later[0].subject, alice[0].subject);
    assert_ne!(later[0].challenge, alice[0].challenge);
    assert_ne!(later.last().unwrap().subject, alice[0].subject);
}

#[test]
fn r76_sends_and_successes_can_be_set_against_each_other_by_country() {
    // A client may keep the ticket of the block or take the one of the send: both are documented to work.
    for keeps_the_first in [false, true] {
        let (heard, listen) = listening();
        let bank = Bank::with(listen);
        let gate = bank.gate(vault());
        let first = id_of(&blocked(&gate, Request::get("/vault").user("alice")));
        let sent = json_of(&bank.call("send", "alice", &json!({ "id": first })));
        let id = if keeps_the_first { json!(first) } else { sent["id"].clone() };
        let checked = bank.call("check", "alice", &json!({ "id": id, "code": bank.code("alice") }));
        assert_eq!(checked.status(), 200);
        for event in heard.lock().unwrap().iter() {
            let where_to = (event.channel, event.calling_code);
            assert_eq!(
                where_to,
                (Some(Channel::Sms), 1),
                "{:?}, the first ticket: {keeps_the_first}",
                event.kind
            );
        }
    }
}

#[test]
fn r76_events_reach_the_log_and_the_metrics() {
    let (heard, listen) = listening();
    let bank = Bank::with(listen);
    let (tape, meter) = recorded(|| {
        let (id, code) = opened(&bank, "alice");
        bank.call("check", "alice", &json!({ "id": id, "code": code }));
    });
    let audit: Vec<&String> = tape.iter().filter(|line| line.starts_with("INFO verify::audit")).collect();
    let events: Vec<Event> = heard.lock().unwrap().drain(..).collect();
    assert_eq!(audit.len(), events.len());
    for (line, event) in audit.iter().zip(&events) {
        for part in [
            format!("event={}", event.kind),
            format!("challenge={}", event.challenge),
            format!("subject={}", event.subject),
            "channel=sms".to_owned(),
            "calling_code=1".to_owned(),
        ] {
            assert!(line.contains(&part), "{part} in {line}");
        }
        let counted =
            format!("verify_events_total event={} policy=vault channel=sms calling_code=1 +1", event.kind);
        assert!(meter.contains(&counted), "{counted} in {meter:#?}");
    }
    assert!(meter.iter().any(|line| line == "verify_blocked_total policy=vault +1"), "{meter:#?}");
}

#[test]
fn r76_limits_and_store_errors_are_counted() {
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let witness = Witness::new(store.clone());
    let bank = Bank::around(clock, store, |builder| {
        let one = verify_core::Limit::of(1).per(Duration::from_secs(60));
        builder.store(witness.clone()).limits(verify_core::RequestLimits::unlimited().with_blocked(one))
    });
    let gate = bank.gate(vault());
    let (tape, meter) = recorded(|| {
        let id = id_of(&blocked(&gate, Request::get("/vault").user("alice")));
        assert_eq!(blocked(&gate, Request::get("/vault").user("alice")).status(), 429);
        witness.fail(0..u64::MAX);
        assert_eq!(bank.call("send", "alice", &json!({ "id": id })).status(), 503);
    });
    assert!(meter.iter().any(|line| line == "verify_limited_total policy=vault +1"), "{meter:#?}");
    assert!(meter.iter().any(|line| line == "verify_store_errors_total kind=Unavailable +1"), "{meter:#?}");
    assert!(tape.iter().any(|line| line.starts_with("ERROR verify ")), "{tape:#?}");
}

#[test]
fn r76_labels_are_of_few_values() {
    let bank = Bank::with(|builder| builder.budgets(Budgets::default().per_source([])));
    let (_, meter) = recorded(|| {
        for user in ["u1", "u2", "u3", "u4"] {
            let (id, code) = opened(&bank, user);
            bank.call("check", user, &json!({ "id": id, "code": code }));
            bank.advance(60);
        }
    });
    let mut lines = meter;
    lines.sort();
    lines.dedup();
    // Created, sent, delivered, verified, and blocked: no label grows with users or challenges.
    assert_eq!(lines.len(), 5, "{lines:#?}");
}

// R60

/// Everything that a ceremony knows and must not tell, as it would appear in a log.
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn keep(&mut self, what: &'static str, text: impl Into<String>) {
        let text = text.into();
        assert!(text.len() >= 5, "{what} is too short to be looked for");
        self.0.push((what, text));
    }

    fn assert_untold(&self, lines: &[String]) {
        for line in lines {
            for (what, secret) in &self.0 {
                assert!(!line.contains(secret.as_str()), "{what} is told: {line}");
            }
        }
    }
}

#[test]
fn r60_no_secret_is_traced_metered_or_told_in_an_event() {
    let (heard, listen) = listening();
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let witness = Witness::new(store.clone());
    let mut secrets = Secrets(Vec::new());
    let (mut tape, mut meter) = (Vec::new(), Vec::new());
    for resend in [Resend::SameCode, Resend::FreshCode] {
        for form in [false, true] {
            let ear = Arc::clone(&heard);
            let bank = Bank::around(clock.clone(), store.clone(), |builder| {
                builder
                    .store(witness.clone())
                    .budgets(Budgets::default().per_source([]).per_destination([]))
                    .on_event(move |event: &Event| ear.lock().unwrap().push(event.clone()))
            });
            let (traced, metered) = recorded(|| tell_all(&bank, &witness, resend, form, &mut secrets));
            tape.extend(traced);
            meter.extend(metered);
        }
    }
    drop(listen);
    secrets.keep("the key", "5a5a5a5a");
    secrets.keep("the user", "mallory-the-user");
    secrets.keep("the source", "192.0.2.1");
    secrets.keep("the source's details", LEAK);
    secrets.keep("the store's password", "hunter2");
    assert!(tape.iter().filter(|line| line.contains("verify::audit")).count() > 20);
    assert!(tape.iter().any(|line| line.starts_with("ERROR")) && meter.len() > 20);
    let mut events = Vec::new();
    for event in heard.lock().unwrap().drain(..) {
        // The moment is a run of digits, in which any short code may be found by chance.
        events.push(format!(
            "{:?} {} {} {} {} {:?} {}",
            event.kind,
            event.policy,
            event.factor,
            event.challenge,
            event.subject,
            event.channel,
            event.calling_code
        ));
    }
    secrets.assert_untold(&tape);
    secrets.assert_untold(&meter);
    secrets.assert_untold(&events);
}

/// Does everything that can be done, and keeps what must stay unsaid.
fn tell_all(bank: &Bank, witness: &Witness, resend: Resend, form: bool, secrets: &mut Secrets) {
    let user = "mallory-the-user";
    let gate = bank.gate(Policy::new("vault").require(step().resend(resend)));
    bank.advance(7200);
    let phone = phone_of(user);
    secrets.keep("the number", &phone[1..]);
    secrets.keep("the mail address", format!("{user}@example.com"));
    let ask = || Request::get("/vault?secret=query-of-the-request").user(user);
    secrets.keep("the query", "query-of-the-request");
    let call = |action: &str, id: &str, code: &str, channel: &str| {
        let request = Request::new("POST", &format!("/challenge/{action}")).user(user);
        bank.ask(if form {
            request.form(format!("challenge-id={id}&challenge-answer={code}&challenge-channel={channel}"))
        } else if action == "check" {
            request.json(&json!({ "id": id, "code": code }))
        } else {
            request.json(&json!({ "id": id, "channel": channel }))
        })
    };
    let offer = blocked(&gate, if form { ask().browser() } else { ask() });
    let id = if form { id_on(&offer) } else { id_of(&offer) };
    let sent = call("send", &id, "", "sms");
    let opened = if form { id_on(&sent) } else { json_of(&sent)["id"].as_str().unwrap().to_owned() };
    let code = bank.code(user);
    bank.advance(120);
    call("send", &opened, "", "email");
    let mailed = bank.inbox.last_code(&format!("{user}@example.com")).unwrap();
    for code in [&code, &mailed] {
        secrets.keep("the code", code);
    }
    for id in [&id, &opened] {
        secrets.keep("the ticket", &id[id.len() - 24..]);
    }
    call("status", &opened, "", "");
    call("check", &opened, "typed-wrong", "");
    secrets.keep("what was typed", "typed-wrong");
    let wrong = other_than(&mailed);
    call("check", &opened, &wrong, "");
    secrets.keep("the wrong guess", wrong);
    witness.fail(0..u64::MAX);
    call("check", &opened, &mailed, "");
    call("send", &opened, "", "sms");
    witness.heal();
    let inline = ask().header("challenge-id", &opened).header("challenge-answer", other_than(&mailed));
    blocked(&gate, inline);
    let checked = call("check", &opened, &mailed, "");
    let token = cookie_of(&checked, "__Host-clearance").unwrap();
    secrets.keep("the clearance", &token[token.len() - 24..]);
    call("check", &opened, &mailed, "");
    assert!(enter(&gate, ask().header("challenge-clearance", &token)).is_in());
    blocked(&gate, ask().header("challenge-clearance", format!("{token}x")));
    // A visitor whom nobody knows.
    let stranger = blocked(&gate, Request::get("/vault"));
    secrets.keep("the visitor", cookie_of(&stranger, "__Host-visitor").unwrap());
    // Guessed to death, cancelled, revoked.
    bank.advance(7200);
    let offer = blocked(&gate, ask());
    let sent = json_of(&bank.call("send", user, &json!({ "id": id_of(&offer) })));
    let code = bank.code(user);
    secrets.keep("the second code", &code);
    for _ in 0..6 {
        bank.call("check", user, &json!({ "id": sent["id"], "code": other_than(&code) }));
    }
    bank.call("cancel", user, &json!({ "id": sent["id"] }));
    block_on(bank.engine.revoke(&Subject::user(user))).unwrap();
    witness.fail(0..1);
    block_on(bank.engine.revoke(&Subject::user(user))).unwrap_err();
    witness.heal();
    // Services that fail, and say why.
    for kind in [CourierErrorKind::Unavailable, CourierErrorKind::Refused] {
        let broken = Bank::with(|builder| builder.courier(Channel::Sms, Broken(kind)));
        let gate = broken.gate(vault());
        let id = id_of(&blocked(&gate, ask()));
        broken.call("send", user, &json!({ "id": id }));
    }
    let lost = Bank::with(|builder| builder.contacts(Broken(CourierErrorKind::Refused)));
    let gate = lost.gate(vault());
    let id = id_of(&blocked(&gate, ask()));
    lost.call("send", user, &json!({ "id": id }));
}

#[test]
fn r60_debug_of_what_applications_hold_tells_no_secret() {
    #[derive(Clone, Debug, Default)]
    struct Curious(Arc<Mutex<Vec<String>>>);

    #[async_trait]
    impl Courier for Curious {
        async fn deliver(&self, delivery: &Delivery) -> Result<(), CourierError> {
            let shown = format!("{delivery:?} {:?} {:?}", delivery.message(), delivery.to());
            let mut seen = self.0.lock().unwrap();
            seen.extend([
                shown,
                delivery.code().expose().to_owned(),
                delivery.message().text().to_owned(),
                delivery.id(),
            ]);
            Ok(())
        }

        fn is_development(&self) -> bool {
            true
        }
    }

    let courier = Curious::default();
    let bank = Bank::with(|builder| builder.courier(Channel::Sms, courier.clone()));
    let gate = bank.gate(vault());
    let id = id_of(&blocked(&gate, Request::get("/vault").user("alice")));
    bank.call("send", "alice", &json!({ "id": id }));
    let seen = courier.0.lock().unwrap().clone();
    let [shown, code, text, message_id] = seen.as_slice() else { panic!("one delivery: {seen:?}") };
    assert!(text.contains(code.as_str()), "{text}");
    assert!(!message_id.contains(code.as_str()));
    for secret in [code, &phone_of("alice")[1..].to_owned(), &"alice".to_owned()] {
        assert!(!shown.contains(secret.as_str()), "{shown}");
    }
    let request =
        Request::new("POST", "/challenge/check").user("alice").json(&json!({ "id": id, "code": code }));
    let inquiry = format!("{:?}", bank.endpoints.decide(&request));
    let held = format!(
        "{:?} {:?} {gate:?} {:?} {:?} {:?} {inquiry}",
        bank.engine,
        bank.endpoints,
        keys(),
        Subject::user("alice").session("s-of-alice"),
        bank.inbox,
    );
    for secret in [code.as_str(), "alice", "5a5a", &id[id.len() - 24..], "192.0.2.1"] {
        assert!(!held.contains(secret), "{secret} in {held}");
    }
}

#[test]
fn r60_no_answer_repeats_the_code_or_the_address() {
    let bank = Bank::new();
    let (id, code) = opened(&bank, "alice");
    let number = phone_of("alice");
    let call = |action: &str, code: &str| bank.call(action, "alice", &json!({ "id": id, "code": code }));
    for reply in [
        call("send", &code),
        call("status", &code),
        call("check", &other_than(&code)),
        call("check", &format!("{code}!")),
        call("check", &code),
        call("check", &code),
        call("cancel", &code),
    ] {
        let whole = format!("{reply:?}");
        assert!(!whole.contains(&code) && !whole.contains(&number[1..]), "{whole}");
    }
}
