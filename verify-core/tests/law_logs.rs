//! What must not be heard: no code and no address in logs, metrics, events and answers.
//!
//! Alone in its file: `tracing` remembers for the whole process who listens.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/law.rs"]
mod law;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use bank::{Bank, Outcome, Request, ask, block_on, blocked, enter, id_of, json_of, phone_of};
use law::{Events, check, send, step_up, vault, wrong};
use serde_json::json;
use verify_core::{Policy, Psd2, Settlement};

/// Collects whatever is logged and counted.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<String>>);

impl Ear {
    fn hear(&self, text: impl std::fmt::Debug) {
        writeln!(self.0.lock().unwrap(), "{text:?}").unwrap();
    }
}

impl tracing::field::Visit for Ear {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.hear((field.name(), value));
    }
}

impl tracing::Subscriber for Ear {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        span.record(&mut self.clone());
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        self.hear(event.metadata().target());
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

impl metrics::Recorder for Ear {
    fn describe_counter(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

    fn describe_gauge(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

    fn describe_histogram(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

    fn register_counter(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
        self.hear((key.name(), key.labels().collect::<Vec<_>>()));
        metrics::Counter::noop()
    }

    fn register_gauge(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
        self.hear((key.name(), key.labels().collect::<Vec<_>>()));
        metrics::Gauge::noop()
    }

    fn register_histogram(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Histogram {
        self.hear((key.name(), key.labels().collect::<Vec<_>>()));
        metrics::Histogram::noop()
    }
}

#[test]
fn r60_no_code_in_logs_metrics_events_and_answers() {
    let (ear, events) = (Ear::default(), Events::default());
    let bank = Bank::with(|builder| builder.on_event(events.listener()));
    let mut heard = String::new();
    let mut secrets: Vec<String> = Vec::new();
    metrics::with_local_recorder(&ear, || {
        tracing::subscriber::with_default(ear.clone(), || {
            let gate = bank.gate(vault());
            let block = blocked(&gate, Request::get("/vault").user("alice"));
            let id = id_of(&block);
            let sent = send(&bank, "alice", &id);
            let code = bank.code("alice");
            let guess = wrong(&code, 0);
            let in_line = Request::get("/vault").user("alice").header("challenge-id", &id);
            let failed = enter(&gate, in_line.header("challenge-answer", &guess)).reply();
            let malformed = check(&bank, "alice", &id, &format!("{code}!"));
            let form = Request::new("POST", "/challenge/check").user("alice");
            let again =
                ask(&bank.endpoints, form.form(format!("challenge-id={id}&challenge-answer={guess}")));
            let standing = bank.call("status", "alice", &json!({ "id": id }));
            let done = check(&bank, "alice", &id, &code);
            let late = check(&bank, "alice", &id, &code);
            for reply in [block, sent, failed, malformed, again, standing, done, late] {
                write!(heard, "{reply:?}").unwrap();
            }
            secrets.extend([code, guess, "alice@example.com".to_owned(), phone_of("alice")[1..].to_owned()]);
        });
    });
    let logged = ear.0.lock().unwrap().clone();
    assert!(logged.contains("verify::audit") && logged.contains("verify_events_total"), "{logged}");
    write!(heard, "{logged} {:?}", events.all()).unwrap();
    for secret in &secrets {
        assert!(!heard.contains(secret.as_str()), "{secret} in {heard}");
    }
    assert!(!logged.contains("alice"), "{logged}");
}

/// A transaction whose handler is running.
fn unsettled(bank: &Bank) -> Settlement {
    let places = Psd2::json("/amount", "/currency", "/name", "/iban");
    let gate = bank.gate(Policy::new("transfer").require(step_up()).bind(places).restore_on_5xx());
    let order = json!({ "amount": "1", "currency": "EUR", "name": "A", "iban": "DE89370400440532013000" });
    let pay = || Request::new("POST", "/transfers").user("alice").json(&order).header("idempotency-key", "k");
    let id = id_of(&blocked(&gate, pay()));
    send(bank, "alice", &id);
    let checked = json_of(&check(bank, "alice", &id, &bank.code("alice")));
    let clearance = checked["clearance"].as_str().unwrap();
    match enter(&gate, pay().header("challenge-clearance", clearance)) {
        Outcome::Passed(passage) => passage.settlement.unwrap(),
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn r30_a_settlement_that_is_lost_is_heard_of() {
    let heard = |fate: fn(Settlement)| {
        let ear = Ear::default();
        tracing::subscriber::with_default(ear.clone(), || fate(unsettled(&Bank::new())));
        let heard = ear.0.lock().unwrap().clone();
        heard.contains("was not settled")
    };
    assert!(heard(drop));
    assert!(!heard(|settlement| block_on(settlement.settle(http::StatusCode::OK, None, None))));
    assert!(!heard(|settlement| block_on(settlement.settle(http::StatusCode::BAD_GATEWAY, None, None))));
}
