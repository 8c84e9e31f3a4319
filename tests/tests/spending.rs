//! What messages may cost, for two machines with one Redis: the cap on a day's money is exact.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../../verify-redis/tests/support/server.rs"]
mod server;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use verify_core::{
    Budgets, Channel, Contact, Conversion, Cost, Countries, Courier, CourierError, DailyCap, Delivery,
    Engine, Factor, KeyRing, MissingContacts, Origin, Policy, Quota, RefusedKind, Subject,
};

/// Counts what it was given.
#[derive(Clone, Debug, Default)]
struct Till(Arc<AtomicUsize>);

#[async_trait]
impl Courier for Till {
    async fn deliver(&self, _: &Delivery) -> Result<(), CourierError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn is_development(&self) -> bool {
        false
    }
}

fn engine(store: verify_redis::RedisStore, till: &Till, budgets: Budgets) -> Engine {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
        .store(store)
        .courier(Channel::Sms, till.clone())
        .countries(Countries::any())
        .missing_contacts(MissingContacts::Tell)
        .budgets(budgets.per_source([]))
        .contacts(|subject: &Subject<'_>, _: Channel| {
            let number: u32 = subject.id().parse().ok()?;
            Contact::phone(&format!("+49151{:08}", 20_000_000 + number)).ok()
        })
        .build()
        .unwrap()
}

/// Every user asks once, half at the one machine and half at the other, at the same moment.
fn all_ask(engines: &[Engine; 2], users: usize) -> Vec<Result<(), RefusedKind>> {
    let start = Barrier::new(users);
    thread::scope(|scope| {
        let asks: Vec<_> = (0..users)
            .map(|user| {
                let (engine, start) = (&engines[user % 2], &start);
                scope.spawn(move || {
                    let gate = engine.gate(Policy::new("vault").require(Factor::code("step-up"))).unwrap();
                    let direct = engine.direct(Subject::user(user.to_string()));
                    let ticket = direct.offer(&gate, "step-up").unwrap();
                    start.wait();
                    server::wait(direct.send(&ticket, None)).map(drop).map_err(|refused| refused.kind())
                })
            })
            .collect();
        asks.into_iter().map(|ask| ask.join().unwrap()).collect()
    })
}

#[test]
fn o10_the_money_of_a_day_is_exact_for_two_machines_on_one_redis() {
    let server = server::Server::start(&[]);
    for round in 0..20 {
        let till = Till::default();
        let cap = || DailyCap::of(Cost::units(10), |_, _| Cost::units(1));
        let prefix = format!("round-{round}");
        let engines = [(); 2].map(|()| {
            let store = server::wait(server.builder().prefix(&prefix).connect()).unwrap();
            engine(store, &till, Budgets::default().daily_cap(cap()))
        });
        let sent = all_ask(&engines, 24);
        let came = sent.iter().filter(|sent| sent.is_ok()).count();
        assert_eq!((came, till.0.load(Ordering::Relaxed)), (10, 10), "round {round}: {sent:?}");
        assert!(sent.iter().all(|sent| matches!(sent, Ok(()) | Err(RefusedKind::RateLimited))), "{sent:?}");
    }
}

#[test]
fn o12_a_range_that_nobody_answers_from_is_closed_for_both_machines() {
    let server = server::Server::start(&[]);
    let till = Till::default();
    let budgets = || {
        let watch = Conversion::below(10, 20, Duration::from_secs(24 * 3600));
        Budgets::default().watch_prefixes(watch).in_total([Quota::new(1_000, Duration::from_secs(60))])
    };
    let engines = [(); 2].map(|()| engine(server.store(), &till, budgets()));
    for user in 0..40 {
        let engine = &engines[user % 2];
        let gate = engine.gate(Policy::new("vault").require(Factor::code("step-up"))).unwrap();
        let direct = engine.direct(Subject::user(user.to_string()));
        let sent = server::wait(direct.send(&direct.offer(&gate, "step-up").unwrap(), None));
        assert_eq!(sent.is_ok(), user < 20, "{user}");
    }
    assert_eq!(till.0.load(Ordering::Relaxed), 20);
}
