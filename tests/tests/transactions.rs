//! One approval, one execution, over sockets and on both frameworks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::Barrier;
use std::thread;

use serde_json::Value;
use tests::bank::{Bank, FRAMEWORKS};
use tests::ceremony::{Opened, payment};
use tests::http::Request;

fn ledger(bank: &Bank) -> Vec<Value> {
    bank.ask(&Request::get("/ledger")).json().as_array().unwrap().clone()
}

/// The statuses of so many requests that are sent at the same moment.
fn at_once(bank: &Bank, count: usize, request: impl Fn(usize) -> Request + Sync) -> Vec<u16> {
    let barrier = Barrier::new(count);
    thread::scope(|scope| {
        let send = |n: usize| {
            let (barrier, request) = (&barrier, request(n));
            scope.spawn(move || {
                barrier.wait();
                bank.ask(&request).status
            })
        };
        let threads: Vec<_> = (0..count).map(send).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn r21_of_fifty_executions_with_one_approval_one_runs() {
    for framework in FRAMEWORKS {
        let bank = Bank::start(framework);
        for round in 1..=10 {
            let user = format!("user-{round}");
            let clearance = Opened::at(&bank, &user, &payment("10.00")).clearance(&bank);
            let statuses = at_once(&bank, 50, |_| {
                let request = payment("10.00").user(&user);
                request.header("challenge-clearance", &clearance)
            });
            let ran = statuses.iter().filter(|status| **status == 200).count();
            assert_eq!((ran, ledger(&bank).len()), (1, round), "{framework:?}: {statuses:?}");
            assert!(statuses.iter().all(|status| matches!(status, 200 | 409)), "{statuses:?}");
        }
    }
}

#[test]
fn r30_of_fifty_requests_with_one_idempotency_key_one_runs() {
    for framework in FRAMEWORKS {
        let bank = Bank::start(framework);
        let clearances: Vec<String> =
            (0..5).map(|_| Opened::at(&bank, "kim", &payment("10.00")).clearance(&bank)).collect();
        let keyed = |n: usize| {
            let request = payment("10.00").user("kim");
            request.header("idempotency-key", "k").header("challenge-clearance", &clearances[n % 5])
        };
        let statuses = at_once(&bank, 50, keyed);
        assert_eq!(ledger(&bank).len(), 1, "{framework:?}: {statuses:?}");
        assert_eq!(bank.ask(&keyed(0)).text(), "{\"id\":1}", "the outcome is known afterwards");
    }
}

#[test]
fn r24_of_many_changed_requests_none_runs_and_neither_does_the_right_one_after_them() {
    for framework in FRAMEWORKS {
        let bank = Bank::start(framework);
        let clearance = Opened::at(&bank, "lou", &payment("10.00")).clearance(&bank);
        let statuses = at_once(&bank, 20, |n| {
            payment(&format!("1{n}.01")).user("lou").header("challenge-clearance", &clearance)
        });
        assert!(!statuses.contains(&200), "{framework:?}: {statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 1, "one of them has voided it");
        let right = payment("10.00").user("lou");
        assert_eq!(bank.ask(&right.header("challenge-clearance", &clearance)).status, 409);
        assert!(ledger(&bank).is_empty());
    }
}
