//! Codes that a service makes and checks: counted before it is asked, redeemed after, and closed in every other case.
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
#[path = "support/parrot.rs"]
mod parrot;

use bank::{Bank, Request, blocked, enter, id_of, json_of, phone_of};
use law::{
    Events, LIMITED, LOCKED, USED, WRONG, check, generous, retry_after, send, status, step_up, ticket,
    together, told, vault, vault_of,
};
use parrot::{CODE, Parrot};
use serde_json::json;
use verify_core::{
    Channel, Code, CodeServiceErrorKind, ConfigError, Courier, CourierError, Delivery, EngineBuilder,
    EventKind, Factor, MissingContacts, Policy, Psd2, RefusedKind, Resend, Subject, Verdict,
};

const ALL: [Channel; 4] = [Channel::Sms, Channel::Email, Channel::Voice, Channel::WhatsApp];

fn served(change: impl FnOnce(EngineBuilder) -> EngineBuilder) -> (Bank, Parrot) {
    let parrot = Parrot::default();
    let bank = Bank::with(|builder| change(builder.code_service(ALL, parrot.clone())));
    (bank, parrot)
}

/// Blocked and sent: the ticket.
fn started(bank: &Bank, user: &str) -> String {
    let sent = send(bank, user, &ticket(&bank.gate(vault()), user));
    assert_eq!(told(&sent), "200");
    json_of(&sent)["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_code_that_a_service_makes_and_checks_lets_in_once() {
    let (bank, parrot) = served(|builder| builder);
    let id = started(&bank, "alice");
    assert_eq!(parrot.calls("start"), [format!("start {} ", phone_of("alice"))]);
    assert_eq!(told(&check(&bank, "alice", &id, "000000")), WRONG);
    let right = check(&bank, "alice", &id, CODE);
    let clearance = json_of(&right)["clearance"].as_str().unwrap().to_owned();
    let request = Request::get("/vault").user("alice").header("challenge-clearance", clearance);
    assert!(enter(&bank.gate(vault()), request).is_in());
    assert_eq!(told(&check(&bank, "alice", &id, CODE)), USED, "whatever the service says");
    assert!(parrot.calls("cancel").is_empty());
}

#[test]
fn r36_r37_each_try_is_counted_before_the_service_is_asked() {
    for _ in 0..40 {
        let (bank, parrot) = served(|builder| builder.budgets(generous()));
        let id = started(&bank, "alice");
        let answers = together(16, |_| told(&check(&bank, "alice", &id, "000000")));
        assert_eq!(answers.iter().filter(|answer| *answer == WRONG).count(), 4, "{answers:?}");
        assert!(parrot.calls("check").len() <= 5, "no more reach the service than may be guessed");
        assert_eq!(told(&check(&bank, "alice", &id, CODE)), LOCKED);
        assert_eq!(parrot.calls("cancel").len(), 1, "the code is dead at the service too");
    }
}

#[test]
fn r40_of_many_right_answers_one_succeeds_though_the_service_says_yes_to_all() {
    for _ in 0..40 {
        let (bank, _) = served(|builder| builder.budgets(generous()));
        let id = started(&bank, "alice");
        let answers = together(5, |_| told(&check(&bank, "alice", &id, CODE)));
        assert_eq!(answers.iter().filter(|answer| *answer == "200").count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| *answer == USED).count(), 4, "{answers:?}");
    }
}

#[test]
fn r46_failures_span_challenges_and_a_success_ends_them() {
    let (bank, _) = served(|builder| builder);
    let id = started(&bank, "alice");
    for _ in 0..4 {
        assert_eq!(told(&check(&bank, "alice", &id, "000000")), WRONG);
    }
    assert_eq!(told(&check(&bank, "alice", &id, CODE)), "200");
    bank.advance(3600);
    let id = started(&bank, "alice");
    for _ in 0..4 {
        assert_eq!(told(&check(&bank, "alice", &id, "000000")), WRONG, "counted afresh");
    }
}

#[test]
fn what_a_service_says_is_told_and_nothing_but_a_yes_lets_in() {
    for (verdict, answer) in [(Verdict::Wrong, WRONG), (Verdict::Locked, LOCKED), (Verdict::Gone, USED)] {
        let (bank, parrot) = served(|builder| builder);
        let id = started(&bank, "alice");
        parrot.set(|book| book.verdict = Some(verdict));
        assert_eq!(told(&check(&bank, "alice", &id, CODE)), answer, "{verdict:?}");
    }
    for (kind, answer) in [
        (CodeServiceErrorKind::Unavailable, "503 unavailable"),
        (CodeServiceErrorKind::Refused, "400 validation_error"),
        (CodeServiceErrorKind::RateLimited, LIMITED),
        (CodeServiceErrorKind::Misconfigured, "500 misconfigured"),
    ] {
        let (bank, parrot) = served(|builder| builder);
        let id = started(&bank, "alice");
        parrot.set(|book| book.fails = Some(kind));
        assert_eq!(told(&check(&bank, "alice", &id, CODE)), answer, "{kind:?}");
        parrot.set(|book| book.fails = None);
        assert_eq!(status(&bank, "alice", &id)["tries_left"], 4, "{kind:?}: no error takes a try back");
        assert_eq!(told(&check(&bank, "alice", &id, CODE)), "200", "{kind:?}: the next one may succeed");
    }
}

/// Where answers may tell, they do.
#[test]
fn a_start_that_fails_is_told_and_costs_no_wait() {
    for (kind, answer) in [
        (CodeServiceErrorKind::Unavailable, "503 unavailable"),
        (CodeServiceErrorKind::Refused, "400 validation_error"),
        (CodeServiceErrorKind::RateLimited, LIMITED),
        (CodeServiceErrorKind::Misconfigured, "500 misconfigured"),
    ] {
        let (bank, parrot) = served(|builder| builder.missing_contacts(MissingContacts::Tell));
        parrot.set(|book| book.fails = Some(kind));
        let id = ticket(&bank.gate(vault()), "alice");
        // By name, since otherwise the next channel takes the place of one that will never deliver.
        let by_name = json!({ "id": id, "channel": "sms" });
        let refused = bank.call("send", "alice", &by_name);
        assert_eq!(told(&refused), answer);
        if answer == LIMITED {
            assert!(retry_after(&refused) >= 77, "as the service says, or a coarse step more");
        }
        parrot.set(|book| book.fails = None);
        assert_eq!(told(&bank.call("send", "alice", &by_name)), "200", "{kind:?}");
        assert_eq!(parrot.calls("start").len(), 2, "nothing was repeated behind the visitor's back");
    }
}

/// Where they may not, a failed start looks as one without an address does: no answer is right.
#[test]
fn r71_without_a_handle_every_answer_is_wrong() {
    let (bank, parrot) = served(|builder| builder);
    parrot.set(|book| book.fails = Some(CodeServiceErrorKind::Unavailable));
    let id = started(&bank, "alice");
    parrot.set(|book| book.fails = None);
    assert_eq!(told(&check(&bank, "alice", &id, CODE)), WRONG);
    let nobody = started(&bank, "nobody");
    assert_eq!(told(&check(&bank, "nobody", &nobody, CODE)), WRONG);
    assert!(parrot.calls("check").is_empty(), "there is nothing to ask about");
}

#[test]
fn r41_a_cancelled_challenge_is_cancelled_at_the_service() {
    let (bank, parrot) = served(|builder| builder);
    let id = started(&bank, "alice");
    assert_eq!(bank.call("cancel", "alice", &json!({ "id": id })).status(), 200);
    assert_eq!(parrot.calls("cancel").len(), 1);
    assert_eq!(told(&check(&bank, "alice", &id, CODE)), USED);
}

/// A service that sends the code of one challenge again for another one.
#[test]
fn r53_one_code_is_not_good_for_two_purposes() {
    let (bank, parrot) =
        served(|builder| builder.budgets(generous()).missing_contacts(MissingContacts::Tell));
    parrot.set(|book| book.handle = Some("VEsame".to_owned()));
    let first = started(&bank, "alice");
    let second = bank.gate(Policy::new("safe").require(Factor::code("other").over(ALL)));
    let refused = send(&bank, "alice", &ticket(&second, "alice"));
    assert_eq!(told(&refused), LIMITED);
    assert_eq!(told(&check(&bank, "alice", &first, CODE)), "200");
}

/// The service's clock is its own: a code may be out there that is over here.
#[test]
fn r41_r53_a_code_that_is_over_here_and_not_there_is_ended_there_before_the_next() {
    let (bank, parrot) =
        served(|builder| builder.budgets(generous()).missing_contacts(MissingContacts::Tell));
    parrot.set(|book| book.handle = Some("VEsame".to_owned()));
    let first = started(&bank, "alice");
    bank.advance(301);
    assert_eq!(told(&check(&bank, "alice", &first, CODE)), law::EXPIRED);
    let other = bank.gate(Policy::new("safe").require(Factor::code("other").over(ALL)));
    let sent = send(&bank, "alice", &ticket(&other, "alice"));
    assert_eq!(told(&sent), "200");
    assert_eq!(parrot.calls("cancel"), ["cancel VEsame"]);
    assert_eq!(parrot.calls("start").len(), 3, "one of the first challenge, two of the second");
    let id = json_of(&sent)["id"].as_str().unwrap().to_owned();
    assert_eq!(told(&check(&bank, "alice", &id, CODE)), "200");
    assert!(!parrot.calls("check").iter().any(|call| call.contains("VEsame")), "the old code opens nothing");
}

#[test]
fn r53_a_service_that_ends_nothing_mixes_nothing_up() {
    let (bank, parrot) =
        served(|builder| builder.budgets(generous()).missing_contacts(MissingContacts::Tell));
    parrot.set(|book| book.handle = Some("VEsame".to_owned()));
    started(&bank, "alice");
    bank.advance(301);
    let other = bank.gate(Policy::new("safe").require(Factor::code("other").over(ALL)));
    parrot.set(|book| book.stubborn = true);
    assert_eq!(told(&send(&bank, "alice", &ticket(&other, "alice"))), LIMITED);
}

/// The message may have arrived though the start has failed.
#[test]
fn r46_a_code_of_a_failed_start_is_not_held_against_whoever_types_it() {
    let (bank, parrot) = served(|builder| builder);
    for _ in 0..3 {
        parrot.set(|book| book.fails = Some(CodeServiceErrorKind::Unavailable));
        let id = started(&bank, "alice");
        parrot.set(|book| book.fails = None);
        for _ in 0..4 {
            assert_eq!(told(&check(&bank, "alice", &id, CODE)), WRONG);
        }
        assert_eq!(told(&check(&bank, "alice", &id, CODE)), LOCKED, "the tries of the challenge are counted");
        bank.advance(3600);
    }
    let id = started(&bank, "alice");
    for _ in 0..4 {
        assert_eq!(told(&check(&bank, "alice", &id, "000000")), WRONG, "fifteen were not his failures");
    }
    assert_eq!(told(&check(&bank, "alice", &id, CODE)), "200");
}

#[test]
fn r25_amount_and_payee_go_along_in_the_same_words() {
    let (bank, parrot) = served(|builder| builder);
    let policy = Policy::new("transfer").require(step_up()).bind(Psd2::json(
        "/amount",
        "/currency",
        "/payee/name",
        "/payee/iban",
    ));
    let body = json!({ "amount": "39.99", "currency": "EUR",
        "payee": { "name": "Acme Inc.", "iban": "DE89370400440532013000" } });
    let gate = bank.gate(policy);
    let id = id_of(&blocked(&gate, Request::new("POST", "/transfers").user("alice").json(&body)));
    let sent = send(&bank, "alice", &id);
    let id = json_of(&sent)["id"].as_str().unwrap().to_owned();
    assert_eq!(told(&check(&bank, "alice", &id, CODE)), "200");
    let (start, check) = (parrot.calls("start").remove(0), parrot.calls("check").remove(0));
    let words = "EUR 39.99|Acme Inc., DE89 3704 0044 0532 0130 00";
    assert!(start.ends_with(words) && check.ends_with(words), "{start}\n{check}");
}

#[test]
fn r33_r60_the_store_and_the_log_hold_no_handle() {
    let events = Events::default();
    let (bank, parrot) = served(|builder| builder.on_event(events.listener()));
    parrot.set(|book| book.handle = Some("VE-in-the-clear".to_owned()));
    let id = started(&bank, "alice");
    for (_, value, _) in bank.store.entries() {
        let value = value.unwrap_or_default();
        assert!(!value.windows(9).any(|window| window == b"the-clear"), "{value:?}");
    }
    assert_eq!(told(&check(&bank, "alice", &id, CODE)), "200");
    assert_eq!((events.count(EventKind::Delivered), events.count(EventKind::Verified)), (1, 1));
}

#[derive(Debug)]
struct Real;

#[async_trait::async_trait]
impl Courier for Real {
    async fn deliver(&self, _: &Delivery) -> Result<(), CourierError> {
        Ok(())
    }

    fn is_development(&self) -> bool {
        false
    }
}

#[test]
fn what_does_not_go_together_does_not_start() {
    let build = |change: fn(EngineBuilder) -> EngineBuilder| {
        let origin = verify_core::Origin::parse("https://bank.example").unwrap();
        let builder = verify_core::Engine::builder(bank::keys(), origin);
        change(builder.contacts(|_: &Subject<'_>, _: Channel| None)).build()
    };
    let both = build(|builder| one_of(builder).courier(Channel::Sms, Real));
    assert!(matches!(both, Err(ConfigError::CourierAndService { channel: Channel::Sms })));
    let inbox = build(|builder| one_of(builder).inbox(verify_core::Inbox::new()));
    assert!(matches!(inbox, Err(ConfigError::DevelopmentCourierBesideReal)), "R75");

    let engine = build(|builder| one_of(builder).courier(Channel::Email, Real)).unwrap();
    let mixed = engine.gate(vault()).unwrap_err().to_string();
    assert!(mixed.contains("split it"), "{mixed}");
    let fresh = Factor::code("fresh").over([Channel::Sms]).resend(Resend::FreshCode);
    assert!(engine.gate(vault_of(fresh)).is_err());
    let gate = engine.gate(vault_of(Factor::code("plain").over([Channel::Sms]))).unwrap();
    let chosen = engine
        .direct(Subject::user("alice"))
        .offer_with_code(&gate, "plain", Code::chosen("4711").unwrap())
        .unwrap_err();
    assert_eq!(chosen.kind(), RefusedKind::NotOffered);
}

fn one_of(builder: EngineBuilder) -> EngineBuilder {
    builder.code_service([Channel::Sms], Parrot::default())
}

#[test]
fn r46_a_budget_that_an_outage_uses_up_is_followed_by_its_block_and_no_longer() {
    let (bank, parrot) = served(|builder| builder.budgets(verify_core::Budgets::psd2()));
    let id = started(&bank, "alice");
    parrot.set(|book| book.fails = Some(CodeServiceErrorKind::Unavailable));
    for _ in 0..5 {
        assert_eq!(told(&check(&bank, "alice", &id, CODE)), "503 unavailable");
    }
    parrot.set(|book| book.fails = None);
    assert_eq!(told(&check(&bank, "alice", &id, CODE)), LOCKED);
    bank.advance(30 * 60);
    let id = started(&bank, "alice");
    assert_eq!(
        told(&check(&bank, "alice", &id, CODE)),
        "200",
        "half an hour, and not what is left of the day"
    );
}
