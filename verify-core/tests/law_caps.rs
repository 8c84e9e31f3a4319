//! How much may be sent: by user, by address and by source, and what a refusal tells.
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

use std::net::IpAddr;
use std::time::Duration;

use bank::{Bank, Request, ask, json_of};
use law::{
    LIMITED, check, generous, opened, retry_after, send, status, step_up, ticket, told, vault, vault_of,
};
use serde_json::json;
use verify_core::{Backoff, Budgets, Channel, Contact, Gate, Quota, Subject};

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 86_400;

/// What `Retry-After` may say: coarse, so that it does not tell how the budgets are cut.
fn is_coarse(seconds: u64) -> bool {
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].contains(&seconds) || seconds.is_multiple_of(HOUR)
}

fn refused(bank: &Bank, user: &str, id: &str) -> u64 {
    let letters = bank.inbox.len();
    let reply = send(bank, user, id);
    assert_eq!(told(&reply), LIMITED);
    assert_eq!(bank.inbox.len(), letters);
    let seconds = retry_after(&reply);
    assert!(is_coarse(seconds), "{seconds}");
    seconds
}

/// An application in which everybody shares one telephone.
fn family(budgets: Budgets, spelling: fn(&str) -> &'static str) -> (Bank, Gate) {
    let bank = Bank::with(|builder| {
        builder
            .budgets(budgets)
            .contacts(move |subject: &Subject<'_>, _: Channel| Contact::phone(spelling(subject.id())).ok())
    });
    let gate = bank.gate(vault_of(step_up().over([Channel::Sms])));
    (bank, gate)
}

#[test]
fn r44_a_user_waits_between_messages() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let first = send(&bank, "alice", &ticket(&gate, "alice"));
    let id = json_of(&first)["id"].as_str().unwrap().to_owned();
    assert_eq!(json_of(&first)["resend_at"], "2026-01-01T00:00:30Z");
    bank.clock.advance(Duration::from_millis(29_999));
    assert_eq!(send(&bank, "alice", &id).status(), 200, "the same wish, told alike");
    assert_eq!(json_of(&send(&bank, "alice", &id))["resend_at"], "2026-01-01T00:00:30Z");
    assert_eq!(bank.inbox.len(), 1, "and nothing was sent");
    bank.clock.advance(Duration::from_millis(1));
    let second = json_of(&send(&bank, "alice", &id));
    assert_eq!((bank.inbox.len(), &second["resend_at"]), (2, &json!("2026-01-01T00:01:30Z")));
    assert_eq!(status(&bank, "alice", &id)["resend_at"], second["resend_at"]);
    bank.advance(59);
    assert_eq!(refused(&bank, "alice", &id), 1, "twice as long after the second");
    bank.advance(1);
    assert_eq!(send(&bank, "alice", &id).status(), 200);
    assert_eq!(bank.inbox.len(), 3);
}

/// The wait is the user's, whichever tab, session or policy asks.
#[test]
fn r44_another_ticket_or_session_does_not_shorten_the_wait() {
    let bank = Bank::with(|builder| builder.budgets(generous().resend_wait(Backoff::default())));
    let gate = bank.gate(vault());
    let (id, _) = opened(&bank, &gate, "alice");
    let session = |name: &'static str| {
        let subject = Subject::user("alice").session(name);
        let id = bank::id_of(&bank::blocked(&gate, Request::get("/vault").subject(subject.clone())));
        ask(
            &bank.endpoints,
            Request::new("POST", "/challenge/send").subject(subject).json(&json!({ "id": id })),
        )
    };
    for name in ["s1", "s2"] {
        let reply = session(name);
        assert_eq!((told(&reply).as_str(), retry_after(&reply)), (LIMITED, 30));
    }
    bank.call("cancel", "alice", &json!({ "id": id }));
    assert_eq!(refused(&bank, "alice", &ticket(&gate, "alice")), 30, "nor does cancelling");
    assert_eq!(bank.inbox.len(), 1);
}

#[test]
fn r44_an_address_waits_whoever_asks() {
    let (bank, gate) = family(Budgets::default().per_source([]), |_| "+12025550123");
    opened_by_phone(&bank, &gate, "alice");
    assert_eq!(refused(&bank, "bob", &ticket(&gate, "bob")), 30);
    bank.clock.advance(Duration::from_millis(29_999));
    refused(&bank, "bob", &ticket(&gate, "bob"));
    bank.clock.advance(Duration::from_millis(1));
    opened_by_phone(&bank, &gate, "bob");
    assert_eq!(bank.inbox.len(), 2);
}

fn opened_by_phone(bank: &Bank, gate: &Gate, user: &str) -> (String, String) {
    let sent = send(bank, user, &ticket(gate, user));
    assert_eq!(sent.status(), 200, "{sent:?}");
    (json_of(&sent)["id"].as_str().unwrap().to_owned(), bank.inbox.last_code("+12025550123").unwrap())
}

#[test]
fn r55_spellings_of_one_address_share_its_wait_and_caps() {
    let spelling = |user: &str| match user {
        "alice" => "+12025550123",
        "bob" => "+1 (202) 555-0123",
        _ => "+1 202.555.0123",
    };
    let (bank, gate) = family(Budgets::default().per_source([]), spelling);
    opened_by_phone(&bank, &gate, "alice");
    refused(&bank, "bob", &ticket(&gate, "bob"));
    bank.advance(30);
    opened_by_phone(&bank, &gate, "bob");
    let budgets = generous().per_destination([Quota::new(2, Duration::from_secs(HOUR))]);
    let (bank, gate) = family(budgets, spelling);
    for user in ["alice", "bob"] {
        opened_by_phone(&bank, &gate, user);
        bank.advance(1);
    }
    refused(&bank, "carol", &ticket(&gate, "carol"));
}

/// Sends and answers so many codes, so that only the caps of the address stand in the way.
fn messages(bank: &Bank, gate: &Gate, number: usize) {
    for _ in 0..number {
        let (id, code) = opened(bank, gate, "alice");
        assert_eq!(told(&check(bank, "alice", &id, &code)), "200");
    }
}

#[test]
fn r44_an_address_gets_five_an_hour() {
    let bank = Bank::with(|builder| builder.budgets(Budgets::default().per_source([])));
    let gate = bank.gate(vault());
    messages(&bank, &gate, 5);
    assert_eq!(refused(&bank, "alice", &ticket(&gate, "alice")), HOUR);
    bank.clock.advance(Duration::from_millis(HOUR * 1000 - 1));
    refused(&bank, "alice", &ticket(&gate, "alice"));
    bank.clock.advance(Duration::from_millis(1));
    messages(&bank, &gate, 1);
}

#[test]
fn r44_an_address_gets_ten_a_day() {
    let bank = Bank::with(|builder| builder.budgets(Budgets::default().per_source([])));
    let gate = bank.gate(vault());
    for _ in 0..2 {
        messages(&bank, &gate, 5);
        bank.advance(HOUR);
    }
    assert_eq!(bank.inbox.len(), 10);
    assert_eq!(refused(&bank, "alice", &ticket(&gate, "alice")), DAY);
    bank.advance(DAY - 2 * HOUR - 1);
    refused(&bank, "alice", &ticket(&gate, "alice"));
    bank.advance(1);
    // The hour of the two refusals is not over yet, and they are none of its five.
    messages(&bank, &gate, 1);
}

/// The caps are on messages: asking in vain sends none.
#[test]
fn r44_a_refused_send_uses_up_no_cap() {
    let bank = Bank::with(|builder| builder.budgets(Budgets::default().per_source([])));
    let gate = bank.gate(vault());
    messages(&bank, &gate, 5);
    for _ in 0..10 {
        refused(&bank, "alice", &ticket(&gate, "alice"));
    }
    bank.advance(HOUR);
    let reply = send(&bank, "alice", &ticket(&gate, "alice"));
    assert_eq!(told(&reply), "200", "five of the day's ten were sent");
}

/// One user's refused sends are not another's messages, though they share the address.
#[test]
fn r44_asking_in_vain_uses_up_nobody_elses_cap() {
    let (bank, gate) = family(Budgets::default().per_source([]), |_| "+12025550123");
    opened_by_phone(&bank, &gate, "alice");
    let bobs = ticket(&gate, "bob");
    for _ in 0..10 {
        refused(&bank, "bob", &bobs);
    }
    bank.advance(30);
    let reply = send(&bank, "alice", &ticket(&gate, "alice"));
    assert_eq!(told(&reply), "200", "one of five was sent");
}

#[test]
fn r44_a_source_asks_for_ten_an_hour() {
    let bank = Bank::new();
    let gate = bank.gate(vault_of(step_up().over([Channel::Email])));
    let from = |peer: [u8; 4], user: &str| {
        let body = json!({ "id": ticket(&gate, user) });
        let request = Request::new("POST", "/challenge/send").user(user).json(&body);
        ask(&bank.endpoints, request.peer(Some(IpAddr::from(peer))))
    };
    for n in 0..10 {
        assert_eq!(from([192, 0, 2, 1], &format!("user-{n}")).status(), 200);
    }
    let refused = from([192, 0, 2, 1], "late");
    assert_eq!((told(&refused).as_str(), retry_after(&refused)), (LIMITED, HOUR));
    assert_eq!(from([192, 0, 2, 2], "late").status(), 200, "another source is not stopped");
    assert_eq!(bank.inbox.len(), 11);
    bank.advance(HOUR);
    assert_eq!(from([192, 0, 2, 1], "later").status(), 200);
}

#[test]
fn r44_a_challenge_sends_three_messages() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate, "alice");
    for left in [2, 1] {
        assert_eq!(status(&bank, "alice", &id)["sends_left"], left);
        assert_eq!(send(&bank, "alice", &id).status(), 200);
    }
    assert_eq!(status(&bank, "alice", &id)["sends_left"], 0);
    for _ in 0..3 {
        refused(&bank, "alice", &id);
        refused(&bank, "alice", &ticket(&gate, "alice"));
    }
    assert_eq!(status(&bank, "alice", &id)["sends_left"], 0);
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200", "and it can still be answered");
}

/// A send that was refused is not answered as sent when it is repeated.
#[test]
fn r44_a_refused_send_stays_refused() {
    let bank = Bank::with(|builder| builder.budgets(generous().resend_wait(Backoff::default())));
    let (id, _) = opened(&bank, &bank.gate(vault_of(step_up().sends(1))), "alice");
    bank.advance(30);
    assert_eq!(told(&send(&bank, "alice", &id)), LIMITED);
    let again = send(&bank, "alice", &id);
    assert_eq!(bank.inbox.len(), 1);
    assert_eq!(told(&again), LIMITED, "the answer says that a code was sent: {again:?}");
}

/// Whoever waits as long as the answer says gets through.
#[test]
fn r44_retry_after_is_never_too_early() {
    let budgets = generous().resend_wait(Backoff::default());
    let bank = Bank::with(|builder| builder.budgets(budgets));
    let gate = bank.gate(vault());
    let (id, _) = opened(&bank, &gate, "alice");
    for wait in [30, 60] {
        bank.advance(wait);
        assert_eq!(send(&bank, "alice", &id).status(), 200);
    }
    assert_eq!(bank.inbox.len(), 3);
    bank.advance(2 * MINUTE);
    let wait = refused(&bank, "alice", &id);
    bank.advance(wait);
    assert_eq!(
        told(&send(&bank, "alice", &ticket(&gate, "alice"))),
        "200",
        "after the {wait} s that were told"
    );
}

#[test]
fn r44_a_success_ends_the_wait() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    for sent in 1..=3 {
        let (id, code) = opened(&bank, &gate, "alice");
        assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
        assert_eq!(bank.inbox.len(), sent);
    }
}

/// A visit costs nothing: blocked requests and status calls send nothing and store nothing.
#[test]
fn r44_being_blocked_sends_and_stores_nothing() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    for _ in 0..1000 {
        ticket(&gate, "alice");
    }
    let id = ticket(&gate, "alice");
    assert_eq!(status(&bank, "alice", &id)["status"], "offered");
    assert!(bank.inbox.is_empty() && bank.store.is_empty());
}
