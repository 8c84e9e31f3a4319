//! Checks of cards are counted before they are asked for: per subject, source and card.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/acquirer.rs"]
mod acquirer;
#[path = "support/bank.rs"]
mod bank;
#[path = "support/shop.rs"]
mod shop;

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Waker};
use std::thread;

use acquirer::{CVC, NUMBER, OTHER};
use async_trait::async_trait;
use bank::{Bank, Request, block_on};
use serde_json::json;
use shop::{DAY, Shop, card, refused};
use verify_core::{
    Card, CardContext, CardError, CardOutcome, CardVerifier, EventKind, Factor, Policy, Quota, RefusedKind,
    Subject,
};

#[test]
fn r36_r37_a_check_is_counted_before_it_is_asked_for() {
    let shop = Shop::new();
    for number in 1..=5 {
        let reply = shop.check(&shop.ticket(), &card(NUMBER, "000"));
        match number {
            5 => refused(&reply, 429, "rate_limited"),
            _ => refused(&reply, 403, "challenge_failed"),
        }
    }
    assert_eq!(shop.acquirer.count(), 5);
    let reply = shop.check(&shop.ticket(), &card(NUMBER, CVC));
    refused(&reply, 429, "rate_limited");
    assert!(reply.headers().contains_key("retry-after"));
    assert_eq!(shop.acquirer.count(), 5, "the sixth is not asked about, however right it is");
    let heard: Vec<_> = shop.heard().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(
        heard[4..],
        [EventKind::Failed, EventKind::Locked, EventKind::Locked],
        "R38: the last one says so"
    );
    shop.bank.advance(DAY.as_secs());
    assert_eq!(shop.check(&shop.ticket(), &card(NUMBER, CVC)).status(), 200);
}

#[test]
fn r46_no_success_gives_tries_back() {
    let shop = Shop::with(|factor| factor.tries(Quota::new(3, DAY)));
    assert_eq!(shop.check(&shop.ticket(), &card(NUMBER, "000")).status(), 403);
    assert_eq!(shop.check(&shop.ticket(), &card(NUMBER, CVC)).status(), 200);
    refused(&shop.check(&shop.ticket(), &card(NUMBER, "000")), 429, "rate_limited");
    refused(&shop.check(&shop.ticket(), &card(NUMBER, CVC)), 429, "rate_limited");
    assert_eq!(shop.acquirer.count(), 3);
}

#[test]
fn one_source_and_one_card_have_budgets_over_all_subjects() {
    let ask = |shop: &Shop, user: &str, peer: [u8; 4], number: &str| {
        let body = json!({ "id": shop.ticket_of(user), "card": card(number, "000") });
        let request = Request::new("POST", "/challenge/check").user(user).peer(Some(peer.into()));
        shop.bank.ask(request.json(&body)).status().as_u16()
    };
    // Somebody with many names at one address.
    let shop = Shop::with(|factor| factor.per_source([Quota::new(3, DAY)]));
    let seen: Vec<u16> = (0..5).map(|n| ask(&shop, &format!("user{n}"), [192, 0, 2, 7], NUMBER)).collect();
    assert_eq!(seen, [403, 403, 429, 429, 429]);
    assert_eq!(ask(&shop, "elsewhere", [192, 0, 2, 8], NUMBER), 403);
    assert_eq!(shop.acquirer.count(), 4);

    // Somebody with many addresses, who guesses the code of one card.
    let shop = Shop::with(|factor| factor.per_card([Quota::new(3, DAY)]));
    let seen: Vec<u16> = (0..5).map(|n| ask(&shop, &format!("user{n}"), [192, 0, 2, n], NUMBER)).collect();
    assert_eq!(seen, [403, 403, 429, 429, 429]);
    assert_eq!(ask(&shop, "user9", [192, 0, 2, 9], OTHER), 403, "another card is another budget");
    assert_eq!(shop.acquirer.count(), 4);

    // What one budget refuses uses up no other.
    let shop = Shop::with(|factor| factor.per_source([Quota::new(1, DAY)]).tries(Quota::new(2, DAY)));
    assert_eq!(ask(&shop, "alice", [192, 0, 2, 1], NUMBER), 429);
    for _ in 0..5 {
        assert_eq!(ask(&shop, "alice", [192, 0, 2, 1], NUMBER), 429);
    }
    assert_eq!((ask(&shop, "alice", [192, 0, 2, 2], NUMBER), shop.acquirer.count()), (429, 2));
}

/// Never answers.
#[derive(Debug)]
struct Silent;

#[async_trait]
impl CardVerifier for Silent {
    async fn verify(&self, _: &Card, _: &CardContext<'_>) -> Result<CardOutcome, CardError> {
        std::future::pending().await
    }
}

#[test]
fn r36_whoever_hangs_up_before_the_answer_was_counted() {
    let events: Arc<Mutex<Vec<EventKind>>> = Arc::default();
    let heard = Arc::clone(&events);
    let bank = Bank::with(|builder| builder.on_event(move |event| heard.lock().unwrap().push(event.kind)));
    let factor = Factor::card("card", Silent).tries(Quota::new(1, DAY));
    let gate = bank.gate(Policy::new("trial").require(factor));
    let alice = bank.engine.direct(Subject::user("alice"));
    let ticket = alice.offer(&gate, "card").unwrap();
    let card = Card::new(NUMBER, 5, 2035).unwrap().with_cvc(CVC).unwrap();
    {
        let mut asking = pin!(alice.check_card(&ticket, &card));
        assert!(asking.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert_eq!(
        *events.lock().unwrap(),
        [EventKind::Indeterminate],
        "nobody heard the issuer, and that is told"
    );
    assert_eq!(block_on(alice.check_card(&ticket, &card)).unwrap_err().kind(), RefusedKind::RateLimited);
}

#[test]
fn r37_r40_of_many_at_once_the_budget_is_asked_about_and_one_answer_counts() {
    for round in 0..200 {
        let shop = Shop::with(|factor| factor.tries(Quota::new(3, DAY)));
        let (id, right) = (shop.ticket(), round % 2 == 0);
        let barrier = Barrier::new(8);
        let statuses: Vec<u16> = thread::scope(|scope| {
            let asked: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        let given = card(NUMBER, if right { CVC } else { "000" });
                        shop.check(&id, &given).status().as_u16()
                    })
                })
                .collect();
            asked.into_iter().map(|asked| asked.join().unwrap()).collect()
        });
        let count = |status: u16| statuses.iter().filter(|seen| **seen == status).count();
        // A look that came first may refuse some that a count would have let through, but nobody asks beyond the budget.
        assert!((1..=3).contains(&shop.acquirer.count()), "round {round}: {statuses:?}");
        assert_eq!(count(200), usize::from(right), "round {round}: {statuses:?}");
        assert!(statuses.iter().all(|status| [200, 403, 409, 429].contains(status)), "{statuses:?}");
    }
}
