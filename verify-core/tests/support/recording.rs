//! What a test listens with: the events of an engine, and all that its thread traces and meters.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, Once};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata as MetricMetadata, Recorder, SharedString,
    Unit,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event as TraceEvent, Metadata, Subscriber as TraceSubscriber};
use verify_core::{EngineBuilder, Event, EventKind};

pub type Heard = Arc<Mutex<Vec<Event>>>;

pub fn listening() -> (Heard, impl FnOnce(EngineBuilder) -> EngineBuilder) {
    let heard = Heard::default();
    let ear = Arc::clone(&heard);
    (heard, move |builder| builder.on_event(move |event: &Event| ear.lock().unwrap().push(event.clone())))
}

pub fn kinds(heard: &Heard) -> Vec<EventKind> {
    heard.lock().unwrap().drain(..).map(|event| event.kind).collect()
}

thread_local! {
    /// All that this thread has traced, on every level and target.
    static TAPE: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Writes down everything. One for the whole process, since a call site asks once whom it interests.
pub struct Recording;

pub struct Line(String);

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

pub fn write_down(metadata: &Metadata<'_>, fill: impl FnOnce(&mut Line)) {
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
pub struct Meter(Arc<Mutex<Vec<String>>>);

pub struct Reading(Arc<Mutex<Vec<String>>>, String);

impl CounterFn for Reading {
    fn increment(&self, value: u64) {
        self.0.lock().unwrap().push(format!("{} +{value}", self.1));
    }

    fn absolute(&self, value: u64) {
        self.0.lock().unwrap().push(format!("{} ={value}", self.1));
    }
}

impl Meter {
    pub fn touched(&self, key: &Key) -> String {
        let mut text = key.name().to_owned();
        for label in key.labels() {
            write!(text, " {}={}", label.key(), label.value()).unwrap();
        }
        text
    }

    pub fn all(&self) -> Vec<String> {
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
pub fn recorded(run: impl FnOnce()) -> (Vec<String>, Vec<String>) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Recording).unwrap());
    TAPE.with_borrow_mut(Vec::clear);
    let meter = Meter::default();
    metrics::with_local_recorder(&meter, run);
    (TAPE.take(), meter.all())
}
