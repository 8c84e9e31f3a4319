//! One approval is for one execution: once, whatever happens beside it or goes wrong, R21, R30 and R31.
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
#[path = "support/races.rs"]
mod races;
#[path = "support/stores.rs"]
mod stores;
#[path = "support/transfers.rs"]
mod transfers;

use std::sync::Arc;

use bank::{Bank, Request, block_on, blocked, enter, id_of, id_on, json_of, text_of};
use law::{Events, USED, WRONG, check, generous, send, step_up, together, told};
use races::{Make, SOUND};
use serde_json::{Value, json};
use stores::{Faulty, Flaw, Mutant, Verb};
use transfers::{
    DE, MISMATCH, answered, approved, asked, carried, cleared, generous_bank, order, passed, pay, payment,
    policy,
};
use verify_core::{
    BindError, Channel, EventKind, Factor, FakeClock, MemoryStore, Passage, Policy, Psd2, Transaction, all_of,
};

fn settle(passage: &mut Passage, status: u16, body: &[u8]) {
    let settlement = passage.settlement.take().expect("a transaction is settled");
    let status = http::StatusCode::from_u16(status).unwrap();
    block_on(settlement.settle(status, Some(b"application/json"), Some(body)));
}

#[test]
fn r21_e40_an_approval_is_for_one_execution() {
    let bank = generous_bank();
    let gate = bank.gate(policy());
    let clearance = approved(&bank, &gate, &order("10.00"));
    let passage = passed(enter(&gate, cleared(&order("10.00"), &clearance)));
    assert_eq!(passage.body, order("10.00").to_string(), "the handler gets the same bytes");
    assert_eq!(told(&blocked(&gate, cleared(&order("10.00"), &clearance))), USED);
    // In line, the answer is the approval.
    let (id, code) = asked(&bank, &gate, &order("10.00"));
    passed(enter(&gate, answered(&order("10.00"), &id, &code)));
    assert_eq!(told(&blocked(&gate, answered(&order("10.00"), &id, &code))), USED);
}

fn one_execution(make: Make, threads: usize) -> Result<(), String> {
    let (events, clock) = (Events::default(), FakeClock::default());
    let memory = MemoryStore::builder().clock(clock.clone()).build();
    let bank = Bank::around(clock, memory.clone(), |builder| {
        builder.store(make(memory)).on_event(events.listener()).budgets(generous())
    });
    let gate = bank.gate(policy());
    let clearance = approved(&bank, &gate, &order("10.00"));
    let runs = together(threads, |_| enter(&gate, cleared(&order("10.00"), &clearance)).is_in());
    let count = runs.into_iter().filter(|ran| *ran).count();
    if count != 1 || events.count(EventKind::GrantUsed) != 1 {
        return Err(format!("{count} executions with one approval"));
    }
    Ok(())
}

#[test]
fn r21_of_fifty_parallel_executions_one_runs() {
    for round in 0..100 {
        one_execution(SOUND, 50).unwrap_or_else(|what| panic!("round {round}: {what}"));
    }
}

/// The test above can fail: a store whose `take` reads first executes twice.
#[test]
fn r72_a_take_that_reads_first_executes_twice() {
    let racing: Make = |memory| Arc::new(Mutant::of(memory, Flaw::TakeReadsFirst));
    assert!((0..100).any(|_| one_execution(racing, 8).is_err()));
}

#[test]
fn r30_a_handler_that_fails_leaves_the_approval_spent_unless_the_policy_says_otherwise() {
    let bank = generous_bank();
    let (spent, kept) = (
        bank.gate(policy()),
        bank.gate({
            let places = Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
            Policy::new("kept").require(step_up()).bind(places).restore_on_5xx()
        }),
    );
    let clearance = approved(&bank, &spent, &order("10.00"));
    settle(&mut passed(enter(&spent, cleared(&order("10.00"), &clearance))), 500, b"");
    assert_eq!(told(&blocked(&spent, cleared(&order("10.00"), &clearance))), USED);

    let clearance = approved(&bank, &kept, &order("10.00"));
    settle(&mut passed(enter(&kept, cleared(&order("10.00"), &clearance))), 503, b"");
    settle(&mut passed(enter(&kept, cleared(&order("10.00"), &clearance))), 422, b"");
    assert_eq!(
        told(&blocked(&kept, cleared(&order("10.00"), &clearance))),
        USED,
        "422 is no failure of the handler"
    );
    // An approval that was given back still ends with its time.
    let clearance = approved(&bank, &kept, &order("10.00"));
    settle(&mut passed(enter(&kept, cleared(&order("10.00"), &clearance))), 500, b"");
    bank.advance(31 * 60);
    assert_eq!(blocked(&kept, cleared(&order("10.00"), &clearance)).status(), 403);
    // If nobody says how it went, it is spent.
    let clearance = approved(&bank, &kept, &order("10.00"));
    drop(passed(enter(&kept, cleared(&order("10.00"), &clearance))));
    assert_eq!(told(&blocked(&kept, cleared(&order("10.00"), &clearance))), USED);
}

#[test]
fn r30_h35_h36_an_idempotency_key_never_executes_twice() {
    let bank = generous_bank();
    let gate = bank.gate(policy());
    let keyed = |request: Request| request.header("idempotency-key", "\"order-1\"");
    let clearance = approved(&bank, &gate, &order("10.00"));
    let mut passage = passed(enter(&gate, keyed(cleared(&order("10.00"), &clearance))));
    // While it runs: whatever approval comes along.
    let another = approved(&bank, &gate, &order("10.00"));
    let running = blocked(&gate, keyed(cleared(&order("10.00"), &another)));
    assert_eq!(told(&running), "409 already_executed");
    settle(&mut passage, 201, b"{\"id\":7}");
    for request in [keyed(pay(&order("10.00"))), keyed(cleared(&order("10.00"), &another))] {
        let again = blocked(&gate, request);
        assert_eq!((again.status().as_u16(), text_of(&again).as_str()), (201, "{\"id\":7}"));
        assert_eq!(again.headers()["idempotency-replayed"], "true");
        assert_eq!(again.headers()["content-type"], "application/json");
    }
    assert_eq!(told(&blocked(&gate, keyed(pay(&order("10.01"))))), "422 idempotency_mismatch");
    let mut noted = order("10.00");
    noted["note"] = json!("another body");
    assert_eq!(told(&blocked(&gate, keyed(pay(&noted)))), "422 idempotency_mismatch");
    // The other approval is still good, without the key.
    passed(enter(&gate, cleared(&order("10.00"), &another)));
    // Somebody else's key is another key, and a day later nobody knows.
    let eve = Request::new("POST", "/transfers").user("eve").json(&order("10.00"));
    assert_eq!(blocked(&gate, keyed(eve)).status(), 403);
    bank.advance(24 * 3600);
    assert_eq!(blocked(&gate, keyed(pay(&order("10.00")))).status(), 403);
    for key in ["", "\"\"", "a\tb", &"x".repeat(256)] {
        let reply = blocked(&gate, pay(&order("10.00")).header("idempotency-key", key));
        assert_eq!(told(&reply), "400 validation_error", "{key:?}");
    }
}

#[test]
fn r30_of_parallel_requests_with_one_key_one_runs() {
    for _ in 0..50 {
        let bank = generous_bank();
        let gate = bank.gate(policy());
        let clearances: Vec<String> = (0..4).map(|_| approved(&bank, &gate, &order("10.00"))).collect();
        let ran = together(8, |n| {
            let request = cleared(&order("10.00"), &clearances[n % 4]).header("idempotency-key", "k");
            enter(&gate, request).is_in()
        });
        assert_eq!(ran.into_iter().filter(|ran| *ran).count(), 1);
    }
}

#[test]
fn r31_two_open_transactions_have_a_code_each() {
    let bank = Bank::new();
    let gate = bank.gate(policy());
    let (one, first) = asked(&bank, &gate, &order("10.00"));
    let (two, second) = asked(&bank, &gate, &order("20.00"));
    assert_ne!(first, second);
    assert_eq!(told(&check(&bank, "alice", &one, &second)), WRONG);
    assert_eq!(told(&check(&bank, "alice", &two, &first)), WRONG);
    let clearance = |id: &str, code: &str| {
        json_of(&check(&bank, "alice", id, code))["clearance"].as_str().unwrap().to_owned()
    };
    let (ten, twenty) = (clearance(&one, &first), clearance(&two, &second));
    // A browser carries both in one cookie; each request takes its own.
    let both = |body: &Value| cleared(body, &ten).header("challenge-clearance", &twenty);
    passed(enter(&gate, both(&order("20.00"))));
    passed(enter(&gate, both(&order("10.00"))));
    assert_eq!(told(&blocked(&gate, both(&order("10.00")))), USED);
}

#[test]
fn e45_a_proof_of_work_alone_approves_nothing() {
    let bank = Bank::new();
    let human = || Factor::proof_of_work("human").cost(1).prefix("0");
    let bind = || Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
    assert!(bank.engine.gate(Policy::new("p").require(human()).bind(bind())).is_err());
    let gate = bank.gate(Policy::new("q").require(all_of((human(), step_up()))).bind(bind()));
    let alternatives = json_of(&blocked(&gate, pay(&order("10.00"))))["alternatives"][0].clone();
    assert!(alternatives[0].get("transaction").is_none(), "the puzzle is not bound");
    let token = bank::solved(&alternatives[0]);
    let code_id = alternatives[1]["id"].as_str().unwrap();
    assert_eq!(send(&bank, "alice", code_id).status(), 200);
    let request = answered(&order("10.00"), alternatives[0]["id"].as_str().unwrap(), &token);
    let request = request.header("challenge-id", code_id).header("challenge-answer", bank.code("alice"));
    passed(enter(&gate, request));
}

/// The approval of one of two factors waits for the other, and is used together with it.
#[test]
fn r21_an_approval_in_two_steps_is_used_once() {
    let bank = generous_bank();
    let mail = || Factor::code("by-mail").over([Channel::Email]);
    let both = all_of((step_up().over([Channel::Sms]), mail()));
    let gate = bank.gate(Policy::new("p").require(both).bind(Psd2::json(
        "/amount",
        "/currency",
        "/payee/name",
        "/payee/iban",
    )));
    let offers = json_of(&blocked(&gate, pay(&order("10.00"))))["alternatives"][0].clone();
    let ids: Vec<String> =
        offers.as_array().unwrap().iter().map(|offer| offer["id"].as_str().unwrap().to_owned()).collect();
    for id in &ids {
        assert_eq!(send(&bank, "alice", id).status(), 200);
    }
    let half = blocked(&gate, answered(&order("10.00"), &ids[0], &bank.code("alice")));
    assert_eq!(half.status(), 403);
    let clearance = half.headers()["challenge-clearance"].to_str().unwrap().to_owned();
    let mailed = bank.inbox.last_code("alice@example.com").unwrap();
    let rest = answered(&order("10.00"), &ids[1], &mailed).header("challenge-clearance", &clearance);
    passed(enter(&gate, rest));
    assert_eq!(told(&blocked(&gate, cleared(&order("10.00"), &clearance))).split(' ').next(), Some("403"));
    // For other data, the half that is there dies.
    let (id, code) = {
        let id = id_of(&blocked(&gate, pay(&order("30.00"))));
        assert_eq!(send(&bank, "alice", &id).status(), 200);
        (id, bank.code("alice"))
    };
    let half = blocked(&gate, answered(&order("30.00"), &id, &code));
    let clearance = half.headers()["challenge-clearance"].to_str().unwrap().to_owned();
    assert_eq!(told(&blocked(&gate, cleared(&order("31.00"), &clearance))), MISMATCH);
}

#[test]
fn r10_a_store_that_errs_executes_nothing() {
    let clock = FakeClock::default();
    let memory = MemoryStore::builder().clock(clock.clone()).build();
    let store = Faulty::around(memory.clone());
    let bank = Bank::around(clock, memory, |builder| builder.store(store.clone()).budgets(generous()));
    let gate = bank.gate(policy());
    let clearance = approved(&bank, &gate, &order("10.00"));
    store.err_on(Verb::Take);
    assert_eq!(told(&blocked(&gate, cleared(&order("10.00"), &clearance))), "503 unavailable");
    assert_eq!(told(&blocked(&gate, cleared(&order("11.00"), &clearance))), "503 unavailable");
    store.err_on(Verb::Get);
    let keyed = cleared(&order("10.00"), &clearance).header("idempotency-key", "k");
    assert_eq!(told(&blocked(&gate, keyed)), "503 unavailable");
    store.heal();
    passed(enter(&gate, cleared(&order("10.00"), &clearance)));
}

#[test]
fn r10_a_gate_in_the_wrong_place_lets_nobody_pass() {
    let bank = Bank::new();
    let handler = bank.gate(Policy::new("handler").require(step_up()).bind_in_handler());
    assert_eq!(blocked(&handler, pay(&order("1"))).status(), 500);
    let body = bank.gate(policy());
    assert!(
        matches!(body.decide_without_body(&pay(&order("1"))), verify_core::Decision::Respond(reply) if reply.status() == 500)
    );
    let loose = bank.gate(Policy::new("loose").require(step_up()));
    let (amount, payee) = payment("1", "A");
    let transaction = Transaction::payment(amount, payee).map_err(BindError::from);
    assert!(
        matches!(loose.decide_transaction(&pay(&order("1")), transaction), verify_core::Decision::Respond(reply) if reply.status() == 500)
    );
}

#[test]
fn r33_a_dump_of_the_store_after_many_transactions_tells_nothing() {
    let bank = generous_bank();
    let gate = bank.gate(policy());
    let mut secrets = vec![DE.to_owned(), "Acme".to_owned(), "alice".to_owned(), "EUR".to_owned()];
    for n in 0..1000 {
        let amount = format!("{}.37", 4_000 + n);
        let (id, code) = asked(&bank, &gate, &order(&amount));
        if n % 3 > 0 {
            let request = answered(&order(&amount), &id, &code).header("idempotency-key", format!("key-{n}"));
            let mut passage = passed(enter(&gate, request));
            settle(&mut passage, 200, format!("{{\"amount\":\"{amount}\",\"iban\":\"{DE}\"}}").as_bytes());
        } else {
            check(&bank, "alice", &id, &code);
        }
        secrets.extend([amount, code]);
    }
    let entries = bank.store.entries();
    assert!(entries.len() > 1000);
    let dump: Vec<String> = entries
        .into_iter()
        .map(|(_, value, _)| String::from_utf8_lossy(&value.unwrap_or_default()).into_owned())
        .collect();
    // The text of a sealed value may hold six digits by chance; a thousand codes in a thousand values would not.
    let chance =
        secrets.iter().filter(|secret| dump.iter().any(|text| text.contains(secret.as_str()))).count();
    assert!(chance <= 2, "{chance} secrets in the store");
}

/// The page of a browser goes all the way, and its form arrives once.
#[test]
fn r15_a_bound_form_is_approved_in_place() {
    let bank = Bank::new();
    let gate = bank.gate(policy());
    let fields = format!("amount=7.50&currency=EUR&payee_name=A+%26+B&payee_iban={DE}");
    let submit = |more: &str| {
        enter(
            &gate,
            Request::new("POST", "/transfers").user("alice").browser().form(format!("{fields}{more}")),
        )
    };
    let page = submit("").reply();
    assert_eq!(page.status(), 403);
    let page = bank.ask(carried(&format!("{fields}&challenge-id={}", id_on(&page))));
    assert!(text_of(&page).contains("one-time-code") && text_of(&page).contains("EUR 7.50"));
    let id = id_on(&page);
    let code = bank.code("alice");
    let wrong = submit(&format!("&challenge-id={id}&challenge-answer={}", bank::other_than(&code))).reply();
    assert!(text_of(&wrong).contains("EUR 7.50"), "the page still shows what is approved");
    let passage = passed(submit(&format!("&challenge-id={id}&challenge-answer={code}")));
    assert_eq!(passage.body, fields);
    assert!(!submit(&format!("&challenge-id={id}&challenge-answer={code}")).is_in());
    let foreign =
        Request::new("POST", "/transfers").user("alice").browser().header("sec-fetch-site", "cross-site");
    assert_eq!(blocked(&gate, foreign.form(fields.clone())).status(), 403);
}
