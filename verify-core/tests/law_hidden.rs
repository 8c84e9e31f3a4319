//! Who has an address cannot be told, and one message does not hold up another.
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
#[path = "support/post.rs"]
mod post;

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bank::{Bank, Request, Witness, block_on, json_of};
use bytes::Bytes;
use law::{generous, step_up, ticket, vault_of};
use post::{Mood, Post};
use serde_json::json;
use verify_core::{
    Channel, Contact, Conversion, Cost, DailyCap, Decision, Errand, FakeClock, MemoryStore, Quota, Reply,
    Ruling, Subject,
};

/// Sends; the answer, and what is left to do after it.
fn send(bank: &Bank, user: &str, id: &str) -> (Reply, Option<Errand>) {
    let body = json!({ "id": id });
    let request = Request::new("POST", "/challenge/send").user(user).json(&body);
    let Decision::Read(inquiry, _) = bank.endpoints.decide(&request) else { panic!("a body is asked for") };
    match block_on(bank.endpoints.rule(inquiry, Bytes::from(body.to_string()))) {
        Ruling::Respond(reply) => (reply, None),
        Ruling::RespondThen(reply, errand) => (reply, Some(*errand)),
        Ruling::Allow(_) => panic!("an endpoint allows nothing"),
    }
}

/// What of an answer can be seen, with names in the place of what is drawn at random.
fn seen(reply: &Reply) -> (u16, Vec<(String, usize)>, BTreeSet<String>, usize) {
    let headers = reply.headers().iter().map(|(name, value)| (name.as_str().to_owned(), value.len()));
    let body = json_of(reply);
    let members = body.as_object().unwrap().keys().cloned().collect();
    (reply.status().as_u16(), headers.collect(), members, body.to_string().len())
}

/// Five hundred who have an address and five hundred who have none: the same status, header fields, members and length, and the
/// store is asked for exactly as much. What takes time, the courier, comes after the answer for all of them.
#[test]
fn r71_five_hundred_with_an_address_are_answered_as_five_hundred_without() {
    let (clock, post) = (FakeClock::default(), Post::default());
    let memory = MemoryStore::builder().clock(clock.clone()).build();
    let store = Witness::new(memory.clone());
    let hour = Duration::from_secs(3600);
    let budgets = generous()
        .per_prefix([Quota::new(1_000_000, hour)])
        .per_country([Quota::new(1_000_000, hour)])
        .per_subject([Quota::new(100, hour)])
        .daily_cap(DailyCap::of(Cost::units(1_000_000), |_, _| Cost::units(1)))
        .watch_prefixes(Conversion::below(1, 1_000_000, hour));
    let bank = Bank::around(clock, memory, |builder| {
        let known = |subject: &Subject<'_>, _: Channel| {
            let number = subject.id().strip_prefix("known-")?;
            Contact::phone(&format!("+44771{number}0000")).ok()
        };
        builder.store(store.clone()).courier(Channel::Sms, post.clone()).contacts(known).budgets(budgets)
    });
    let gate = bank.gate(vault_of(step_up().over([Channel::Sms])));
    post.mood(Mood::Hangs);
    let mut answers = BTreeSet::new();
    let mut errands = Vec::new();
    for n in 0..500 {
        for user in [format!("known-{n:03}"), format!("nobody-{n:03}")] {
            let id = ticket(&gate, &user);
            let before = store.calls();
            let (reply, errand) = send(&bank, &user, &id);
            let (status, headers, members, length) = seen(&reply);
            answers.insert((status, headers, members, length, store.calls() - before));
            assert_eq!(errand.is_some(), user.starts_with("known"), "{user}");
            errands.extend(errand);
        }
    }
    assert_eq!(answers.len(), 1, "{answers:#?}");
    assert_eq!((errands.len(), post.len()), (500, 0), "no answer has waited for a courier");
    errands.into_iter().for_each(Errand::discard);
}

#[test]
fn r58_a_message_that_hangs_holds_up_no_other() {
    let post = Post::default();
    let bank = Bank::with(|builder| builder.courier(Channel::Sms, post.clone()).budgets(generous()));
    let gate = bank.gate(vault_of(step_up().over([Channel::Sms])));
    let errand = |user: &str| send(&bank, user, &ticket(&gate, user)).1.expect("a message is left");
    post.mood(Mood::Hangs);
    let mut stuck = pin!(errand("alice").run());
    let mut context = Context::from_waker(Waker::noop());
    assert!(stuck.as_mut().poll(&mut context).is_pending());
    post.mood(Mood::Delivers);
    for user in ["bob", "carol", "dave"] {
        assert_eq!(block_on(errand(user).run()), Ok(()));
    }
    assert!(matches!(stuck.as_mut().poll(&mut context), Poll::Pending));
    let to: Vec<_> = post.parcels().into_iter().map(|parcel| parcel.to).collect();
    assert_eq!(to, ["alice", "bob", "carol", "dave"].map(bank::phone_of));
}

/// Whoever looks a language up takes time for it, and does so for those only who have an address.
#[test]
fn r71_nobody_waits_for_the_language_of_a_message() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let bank = Bank::with(|builder| {
        builder.courier(Channel::Sms, Post::default()).budgets(generous()).language(move |subject| {
            assert_eq!(subject.id(), "alice");
            count.fetch_add(1, Ordering::Relaxed);
            None
        })
    });
    let gate = bank.gate(vault_of(step_up().over([Channel::Sms])));
    let (reply, errand) = send(&bank, "alice", &ticket(&gate, "alice"));
    assert_eq!((reply.status().as_u16(), asked.load(Ordering::Relaxed)), (200, 0));
    assert_eq!(block_on(errand.expect("a message is left").run()), Ok(()));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}
