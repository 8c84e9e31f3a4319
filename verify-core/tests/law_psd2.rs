//! The numbers and the decisions of the RTS: blocks, idle time, failures that tell nothing, and exemptions.
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

use std::time::Duration;

use bank::{Bank, Outcome, Request, block_on, blocked, cookie_of, enter, headers_of, id_of, json_of};
use law::{
    Events, LOCKED, USED, WRONG, check, generous, opened, send, step_up, together, told, vault, wrong,
};
use serde_json::{Value, json};
use verify_core::{
    Article, Backoff, Budgets, Currency, EngineBuilder, EventKind, Exemptions, Gate, LowValue, Money, Policy,
    Psd2, Risk, RiskBand, Subject,
};

const MINUTE: u64 = 60;

fn psd2(events: &Events) -> impl FnOnce(EngineBuilder) -> EngineBuilder {
    let listener = events.listener();
    let none = Backoff::new(Duration::ZERO, Duration::ZERO);
    move |builder| {
        let budgets = Budgets::psd2().per_destination([]).per_source([]).resend_wait(none).lockout_wait(none);
        builder.budgets(budgets).uniform_failures().on_event(listener)
    }
}

/// Five wrong guesses in a row, over as many challenges as it takes.
fn fail_five(bank: &Bank, gate: &Gate) -> String {
    let (id, code) = opened(bank, gate, "alice");
    for n in 0..4 {
        assert_eq!(told(&check(bank, "alice", &id, &wrong(&code, n))), WRONG);
    }
    assert_eq!(told(&check(bank, "alice", &id, &wrong(&code, 4))), LOCKED, "E22: the fifth");
    id
}

#[test]
fn e22_five_consecutive_failures_block_even_over_several_challenges() {
    let events = Events::default();
    let bank = Bank::with(psd2(&events));
    let gate = bank.gate(vault());
    for _ in 0..2 {
        let (id, code) = opened(&bank, &gate, "alice");
        assert_eq!(told(&check(&bank, "alice", &id, &wrong(&code, 0))), WRONG);
        assert_eq!(told(&check(&bank, "alice", &id, &wrong(&code, 1))), WRONG);
        assert_eq!(bank.call("cancel", "alice", &json!({ "id": id })).status(), 200);
    }
    let (id, code) = opened(&bank, &gate, "alice");
    assert_eq!(told(&check(&bank, "alice", &id, &wrong(&code, 0))), LOCKED);
    assert_eq!(told(&check(&bank, "alice", &id, &code)), LOCKED, "the sixth, though it is right");
    assert_eq!((events.count(EventKind::Blocked), events.count(EventKind::AboutToBlockPermanently)), (1, 0));
    let next = id_of(&blocked(&gate, Request::get("/vault").user("alice")));
    assert_eq!(told(&send(&bank, "alice", &next)), LOCKED, "nothing is sent meanwhile");
    let (id, code) = opened(&bank, &gate, "bob");
    assert_eq!(told(&check(&bank, "bob", &id, &code)), "200", "nobody else is blocked");
}

#[test]
fn e28_a_block_ends_with_its_time_and_the_last_one_by_hand() {
    let events = Events::default();
    let bank = Bank::with(psd2(&events));
    let gate = bank.gate(vault());
    fail_five(&bank, &gate);
    bank.advance(30 * MINUTE - 1);
    let next = id_of(&blocked(&gate, Request::get("/vault").user("alice")));
    assert_eq!(told(&send(&bank, "alice", &next)), LOCKED);
    bank.advance(1);
    assert_eq!(events.count(EventKind::AboutToBlockPermanently), 0);
    fail_five(&bank, &gate);
    assert_eq!(events.count(EventKind::AboutToBlockPermanently), 1, "told before it is permanent");
    bank.advance(30 * MINUTE);
    fail_five(&bank, &gate);
    assert_eq!((events.count(EventKind::Blocked), events.count(EventKind::BlockedPermanently)), (2, 1));
    bank.advance(400 * 24 * 3600);
    let next = id_of(&blocked(&gate, Request::get("/vault").user("alice")));
    assert_eq!(told(&send(&bank, "alice", &next)), LOCKED);
    block_on(bank.engine.unblock(&Subject::user("alice"), "step-up")).unwrap();
    assert_eq!(events.count(EventKind::Unblocked), 1);
    let (id, code) = opened(&bank, &gate, "alice");
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
}

#[test]
fn e22_no_more_than_five_are_compared_under_parallelism() {
    for _ in 0..300 {
        let events = Events::default();
        let bank = Bank::with(psd2(&events));
        let (id, code) = opened(&bank, &bank.gate(vault()), "alice");
        let answers = together(16, |n| told(&check(&bank, "alice", &id, &wrong(&code, n as u64))));
        let count = |kind: &str| answers.iter().filter(|answer| *answer == kind).count();
        assert_eq!((count(WRONG), count(WRONG) + count(LOCKED)), (events.count(EventKind::Failed), 16));
        // The fifth begins the block, which may catch up with one that was counted before it.
        assert!(events.count(EventKind::Failed) <= 4);
        assert_eq!(events.count(EventKind::Blocked), 1);
    }
}

#[test]
fn e29_a_success_begins_the_count_anew() {
    let bank = Bank::with(psd2(&Events::default()));
    let gate = bank.gate(vault());
    for _ in 0..3 {
        let (id, code) = opened(&bank, &gate, "alice");
        for n in 0..4 {
            assert_eq!(told(&check(&bank, "alice", &id, &wrong(&code, n))), WRONG);
        }
        assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
    }
}

#[test]
fn e33_failures_do_not_tell_which_part_was_wrong() {
    let bank = Bank::with(psd2(&Events::default()));
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate, "alice");
    let plain = |reply: &verify_core::Reply| {
        let mut body = json_of(reply);
        body["request_id"] = json!("");
        (reply.status(), body)
    };
    let wrong_code = plain(&check(&bank, "alice", &id, &wrong(&code, 0)));
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
    let unsent = id_of(&blocked(&gate, Request::get("/vault").user("bob")));
    let used = plain(&check(&bank, "alice", &id, &code));
    let never_sent = plain(&check(&bank, "bob", &unsent, "123456"));
    let forged = plain(&check(&bank, "alice", "t1.k1.AAAA", "123456"));
    let others = plain(&check(&bank, "eve", &id, &code));
    bank.advance(600);
    let expired = plain(&check(&bank, "alice", &id, &code));
    for (what, reply) in [
        ("used", used),
        ("never sent", never_sent),
        ("forged", forged),
        ("others", others),
        ("expired", expired),
    ] {
        assert_eq!(reply, wrong_code, "{what}");
    }
    let in_line = Request::get("/vault").user("alice").header("challenge-id", "t1.k1.AAAA");
    assert_eq!(told(&blocked(&gate, in_line.header("challenge-answer", "123456"))), WRONG);
}

#[test]
fn e35_access_ends_after_five_idle_minutes_and_stays_while_it_is_used() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let idle = |name: &str| {
        Policy::new(name).require(step_up().within(Duration::from_secs(1800))).idle(Duration::from_secs(300))
    };
    let gate = bank.gate(idle("account"));
    let first = bank.clearance(&gate, "alice");
    let visit = |clearance: &str| {
        enter(&gate, Request::get("/vault").user("alice").header("challenge-clearance", clearance))
    };
    bank.advance(59);
    assert!(matches!(visit(&first), Outcome::Allowed), "without a new cookie each time");
    bank.advance(240);
    let Outcome::Passed(passage) = visit(&first) else { panic!("299 seconds") };
    let renewed = passage.headers.iter().find(|(name, _)| name == "challenge-clearance").unwrap();
    let renewed = renewed.1.to_str().unwrap().to_owned();
    assert!(passage.headers.iter().any(|(name, _)| name == "set-cookie"));
    bank.advance(1);
    assert!(!visit(&first).is_in(), "300 seconds after its last use");
    let mut clearance = renewed;
    // Used every four minutes, it lives until the proof is too old, and no longer (R4).
    let mut age = 300;
    while age + 240 < 1800 {
        bank.advance(240);
        age += 240;
        let Outcome::Passed(passage) = visit(&clearance) else { panic!("at {age}") };
        clearance = passage
            .headers
            .iter()
            .find(|(name, _)| name == "challenge-clearance")
            .unwrap()
            .1
            .to_str()
            .unwrap()
            .to_owned();
    }
    bank.advance(1800 - age);
    let reply = visit(&clearance).reply();
    assert_eq!(json_of(&reply)["alternatives"][0][0]["reason"], "expired");
    let again = bank.clearance(&gate, "alice");
    bank.advance(300);
    let reply = visit(&again).reply();
    assert_eq!((reply.status().as_u16(), headers_of(&reply, "challenge-clearance").len()), (403, 0));
    assert_eq!(cookie_of(&reply, "__Host-clearance"), None);
    assert!(bank.engine.gate(Policy::new("x").require(step_up()).idle(Duration::from_millis(10))).is_err());
}

const DE: &str = "DE89370400440532013000";
const GB: &str = "GB29NWBK60161331926819";

fn order(amount: &str, iban: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR", "payee": { "name": "Acme Inc.", "iban": iban } })
}

fn pay(body: &Value) -> Request {
    Request::new("POST", "/transfers").user("alice").json(body)
}

fn eur(text: &str) -> Money {
    Money::parse(text, Currency::parse("EUR").unwrap()).unwrap()
}

fn exempting(exemptions: Exemptions) -> Policy {
    let places = Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
    Policy::new("transfer").require(step_up()).bind(places).exempt(exemptions)
}

fn listening() -> (Bank, Events) {
    let events = Events::default();
    let listener = events.listener();
    (Bank::with(|builder| builder.budgets(generous()).on_event(listener)), events)
}

fn article(events: &Events) -> Option<(Article, Option<u64>)> {
    let all = events.all();
    let last = all.iter().rev().find(|event| event.kind == EventKind::Exempted)?;
    last.exempt.map(|exempt| (exempt.article, exempt.input))
}

#[test]
fn e66_low_value_by_sum_ends_where_the_rts_says() {
    let (bank, events) = listening();
    let gate = bank
        .gate(exempting(Exemptions::new().low_value(LowValue::up_to(eur("30.00")).together(eur("100.00")))));
    let goes = |amount: &str| enter(&gate, pay(&order(amount, DE))).is_in();
    assert!(!goes("30.01"), "above EUR 30");
    assert!(goes("30.00"), "at EUR 30");
    assert_eq!(article(&events), Some((Article::LowValue, Some(0))));
    assert!(goes("30.00") && goes("30.00"));
    assert!(goes("10.00"), "90 before");
    assert!(goes("30.00"), "100 before: not above EUR 100");
    assert_eq!(article(&events), Some((Article::LowValue, Some(10_000))));
    assert!(!goes("0.01"), "130 before");
    let usd = json!({ "amount": "1", "currency": "USD", "payee": { "name": "A", "iban": DE } });
    assert!(!enter(&gate, pay(&usd)).is_in(), "another currency has no such limit");
}

#[test]
fn e66_low_value_by_count_is_fewer_than_five_before() {
    let (bank, events) = listening();
    let gate = bank.gate(exempting(Exemptions::new().low_value(LowValue::up_to(eur("30.00")).at_most(5))));
    let goes = || enter(&gate, pay(&order("30.00", DE))).is_in();
    for before in 0..5 {
        assert!(goes());
        assert_eq!(article(&events), Some((Article::LowValue, Some(before))));
    }
    assert!(!goes() && !goes());
}

#[test]
fn e66_of_parallel_low_value_payments_no_more_go_than_may() {
    for _ in 0..50 {
        let (bank, _) = listening();
        let gate =
            bank.gate(exempting(Exemptions::new().low_value(LowValue::up_to(eur("30.00")).at_most(5))));
        let went = together(12, |_| enter(&gate, pay(&order("1.00", DE))).is_in());
        assert!(went.into_iter().filter(|went| *went).count() <= 5);
    }
}

#[test]
fn e67_only_an_authentication_that_was_applied_begins_the_count_anew() {
    let (bank, _) = listening();
    let gate = bank.gate(exempting(Exemptions::new().low_value(LowValue::up_to(eur("30.00")).at_most(1))));
    let small = order("5.00", DE);
    assert!(enter(&gate, pay(&small)).is_in());
    // Declined, abandoned, failed, or approved and not used: none of it counts.
    let id = id_of(&blocked(&gate, pay(&small)));
    let sent = json_of(&send(&bank, "alice", &id))["id"].as_str().unwrap().to_owned();
    assert!(!enter(&gate, pay(&small)).is_in());
    assert_eq!(told(&check(&bank, "alice", &sent, &wrong(&bank.code("alice"), 0))), WRONG);
    assert!(!enter(&gate, pay(&small)).is_in());
    let checked = check(&bank, "alice", &sent, &bank.code("alice"));
    let clearance = json_of(&checked)["clearance"].as_str().unwrap().to_owned();
    assert!(!enter(&gate, pay(&small)).is_in(), "approved, but not applied");
    assert!(enter(&gate, pay(&small).header("challenge-clearance", &clearance)).is_in());
    assert!(enter(&gate, pay(&small)).is_in(), "applied: the count begins anew");
    assert!(!enter(&gate, pay(&small)).is_in());
}

#[test]
fn e65_e68_e69_e70_e71_exemptions_are_decisions_with_a_reason() {
    let (bank, events) = listening();
    let to = |iban: &'static str| {
        move |_: &Subject<'_>, transaction: &verify_core::Transaction| {
            transaction.lines().all(|(_, payee)| payee.account().id() == iban)
        }
    };
    let gate = bank.gate(exempting(Exemptions::new().trusted_beneficiaries(to(GB))));
    assert!(enter(&gate, pay(&order("4000", GB))).is_in());
    assert_eq!(article(&events), Some((Article::TrustedBeneficiary, None)));
    assert!(!enter(&gate, pay(&order("4000", DE))).is_in());

    let series =
        |_: &Subject<'_>, transaction: &verify_core::Transaction| transaction.total().minor() == 1000;
    let named = |name: &str, exemptions: Exemptions| {
        let places = Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
        bank.gate(Policy::new(name).require(step_up()).bind(places).exempt(exemptions))
    };
    let gate = named("recurring", Exemptions::new().recurring(series));
    assert!(enter(&gate, pay(&order("10.00", DE))).is_in());
    assert_eq!(article(&events), Some((Article::Recurring, None)));
    assert!(!enter(&gate, pay(&order("10.01", DE))).is_in(), "E69");

    let gate = named("own", Exemptions::new().own_accounts(to(DE)));
    assert!(
        enter(&gate, pay(&order("10.01", DE))).is_in() && !enter(&gate, pay(&order("10.01", GB))).is_in()
    );
    assert_eq!(article(&events), Some((Article::OwnAccount, None)));

    for (rate, suspicious, amount, goes) in [
        (1300, false, "100.00", true),
        (1300, false, "100.01", false),
        (1301, false, "1.00", false),
        (600, false, "250.00", true),
        (100, false, "500.00", true),
        (0, false, "500.01", false),
        (0, true, "1.00", false),
    ] {
        let analyse = move |_: &Subject<'_>, _: &verify_core::Transaction| Risk::new(rate, suspicious);
        let (bank, events) = listening();
        let gate = bank.gate(exempting(Exemptions::new().risk_analysis(RiskBand::cards(), analyse)));
        assert_eq!(enter(&gate, pay(&order(amount, DE))).is_in(), goes, "{rate} {suspicious} {amount}");
        assert_eq!(article(&events), goes.then_some((Article::RiskAnalysis, Some(rate))));
    }
    assert!(bank.engine.gate(Policy::new("x").require(step_up()).exempt(Exemptions::new())).is_err());
}

#[test]
fn r30_an_exempted_payment_with_an_idempotency_key_is_made_once() {
    let (bank, events) = listening();
    let gate = bank.gate(exempting(Exemptions::new().own_accounts(|_, _| true)));
    let request = || pay(&order("10.00", DE)).header("idempotency-key", "k");
    let went = together(8, |_| enter(&gate, request()).is_in());
    assert_eq!(went.into_iter().filter(|went| *went).count(), 1);
    assert_eq!(events.count(EventKind::Exempted), 1);
    let _ = USED;
}
