//! What is left to do after an answer: several things, some of them too slow, some not to be done at all.
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

use std::fmt::Debug;
use std::future::{pending, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bank::{Bank, block_on};
use law::Events;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata};
use verify_core::{Channel, Contact, Errand, EventKind, Factor, Policy, Reply, Subject};

/// Hears what is logged for people.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<String>>>);

impl Visit for Ear {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0.lock().unwrap().push(format!("{value:?}"));
        }
    }
}

impl tracing::Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "verify"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn errands_are_all_done_told_when_too_slow_and_discarded_in_silence() {
    let ear = Ear::default();
    let events = Events::default();
    let bank = Bank::with(|builder| builder.on_event(events.listener()));
    tracing::subscriber::with_default(ear.clone(), || {
        // All that was left with an answer is done, and what is too slow holds up nothing else.
        let done = Arc::new(AtomicUsize::new(0));
        let mut reply = Reply::default();
        for _ in 0..3 {
            let done = Arc::clone(&done);
            let work = async move {
                done.fetch_add(1, Ordering::Relaxed);
            };
            Errand::of(work).leave_with(&mut reply);
        }
        Errand::of(pending()).leave_with(&mut reply);
        let left = Errand::left_with(&mut reply).expect("something is left");
        assert!(Errand::left_with(&mut reply).is_none());
        block_on(left.run_within(ready(()))).unwrap();
        assert_eq!(done.load(Ordering::Relaxed), 3);
        let heard = std::mem::take(&mut *ear.0.lock().unwrap());
        assert!(heard.len() == 1 && heard[0].contains("took too long"), "{heard:?}");

        // R74: a message that nobody is to get is no failure; one that is dropped is.
        let policy = Policy::new("given").require(Factor::code("given").over([Channel::Sms]));
        let gate = bank.gate(policy.to_given_addresses());
        for (number, failed) in [("+12025550198", false), ("+12025550199", true)] {
            let direct = bank.engine.direct(Subject::user(number)).to(Contact::phone(number).unwrap());
            let mut dispatch = block_on(direct.send(&direct.offer(&gate, "given").unwrap(), None)).unwrap();
            let errand = dispatch.errand().expect("the caller delivers");
            if failed {
                drop(errand)
            } else {
                errand.discard()
            }
            assert_eq!(events.count(EventKind::DeliveryFailed) > 0, failed);
            assert_eq!(!ear.0.lock().unwrap().is_empty(), failed);
        }
        assert!(bank.inbox.is_empty());
    });
}
