//! One approval is for one transaction, and for one execution of it.
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

use std::sync::Arc;

use bank::{Bank, Outcome, Request, block_on, blocked, enter, id_of, id_on, json_of, phone_of, text_of};
use law::{Events, USED, WRONG, check, generous, send, step_up, together, told};
use races::{Make, SOUND};
use serde_json::{Value, json};
use stores::{Faulty, Flaw, Mutant, Verb};
use verify_core::{
    Account, BindError, BoundRequest, Channel, Currency, EventKind, Factor, FakeClock, Gate, MemoryStore,
    Money, Passage, Payee, Policy, Psd2, Transaction, all_of,
};

const DE: &str = "DE89370400440532013000";
const GB: &str = "GB29NWBK60161331926819";

fn policy() -> Policy {
    Policy::new("transfer").require(step_up()).bind(
        Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban").or_form(
            "amount",
            "currency",
            "payee_name",
            "payee_iban",
        ),
    )
}

fn order(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR", "payee": { "name": "Acme Inc.", "iban": DE } })
}

fn pay(body: &Value) -> Request {
    Request::new("POST", "/transfers").user("alice").json(body)
}

fn cleared(body: &Value, clearance: &str) -> Request {
    pay(body).header("challenge-clearance", clearance)
}

fn answered(body: &Value, id: &str, code: &str) -> Request {
    pay(body).header("challenge-id", id).header("challenge-answer", code)
}

/// Blocked, sent: the ticket and the code.
fn asked(bank: &Bank, gate: &Gate, body: &Value) -> (String, String) {
    let sent = send(bank, "alice", &id_of(&blocked(gate, pay(body))));
    assert_eq!(sent.status(), 200, "{sent:?}");
    (json_of(&sent)["id"].as_str().unwrap().to_owned(), bank.code("alice"))
}

/// Approved at the endpoint: the clearance.
fn approved(bank: &Bank, gate: &Gate, body: &Value) -> String {
    let (id, code) = asked(bank, gate, body);
    let checked = check(bank, "alice", &id, &code);
    assert_eq!(checked.status(), 200, "{checked:?}");
    json_of(&checked)["clearance"].as_str().unwrap().to_owned()
}

fn passed(outcome: Outcome) -> Passage {
    match outcome {
        Outcome::Passed(passage) => passage,
        other => panic!("it was not let in: {other:?}"),
    }
}

fn settle(passage: &mut Passage, status: u16, body: &[u8]) {
    let settlement = passage.settlement.take().expect("a transaction is settled");
    let status = http::StatusCode::from_u16(status).unwrap();
    block_on(settlement.settle(status, Some(b"application/json"), Some(body)));
}

const MISMATCH: &str = "409 binding_mismatch";

fn generous_bank() -> Bank {
    Bank::with(|builder| builder.budgets(generous()))
}

/// Asks for a code with the fields of the page beside.
fn carried(body: &str) -> Request {
    Request::new("POST", "/challenge/send?carry").user("alice").browser().form(body)
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
fn r22_r24_r27_any_change_is_refused_and_kills_the_approval_for_good() {
    let changes = [
        ("/amount", json!("1000.00")),
        ("/amount", json!("10.01")),
        ("/currency", json!("USD")),
        ("/payee/name", json!("Acme Ltd.")),
        ("/payee/iban", json!(GB)),
    ];
    for (place, value) in changes {
        let events = Events::default();
        let bank = Bank::with(|builder| builder.budgets(generous()).on_event(events.listener()));
        let gate = bank.gate(policy());
        let clearance = approved(&bank, &gate, &order("10.00"));
        let mut other = order("10.00");
        *other.pointer_mut(place).unwrap() = value;
        let refused = blocked(&gate, cleared(&other, &clearance));
        assert_eq!(told(&refused), MISMATCH, "{place}");
        let challenge = &json_of(&refused)["alternatives"][0][0];
        assert_eq!(challenge["reason"], "binding_mismatch");
        assert_eq!(challenge["transaction"].pointer("/amount").unwrap(), other.pointer("/amount").unwrap());
        assert_eq!(events.count(EventKind::BindingMismatch), 1);
        // R24: changing it back does not help.
        assert_eq!(told(&blocked(&gate, cleared(&order("10.00"), &clearance))), USED, "{place}");
        assert_eq!(events.count(EventKind::GrantUsed), 0);
    }
}

#[test]
fn r22_another_subject_policy_method_or_route_has_nothing_of_it() {
    let bank = generous_bank();
    let gate = bank.gate(policy());
    let twin = bank.gate(Policy::new("twin").require(step_up()).bind(Psd2::json(
        "/amount",
        "/currency",
        "/payee/name",
        "/payee/iban",
    )));
    let clearance = approved(&bank, &gate, &order("10.00"));
    let eve = Request::new("POST", "/transfers").user("eve").json(&order("10.00"));
    assert!(!enter(&gate, eve.header("challenge-clearance", &clearance)).is_in());
    let put = Request::new("PUT", "/transfers").user("alice").json(&order("10.00"));
    assert!(!enter(&gate, put.header("challenge-clearance", &clearance)).is_in());
    let clearance = approved(&bank, &gate, &order("10.00"));
    assert!(!enter(&twin, cleared(&order("10.00"), &clearance)).is_in());
    // And a proof that is for no transaction approves none.
    let vault = bank.gate(Policy::new("vault").require(step_up()));
    let open = bank.clearance(&vault, "alice");
    assert_eq!(blocked(&gate, cleared(&order("10.00"), &open)).status(), 403);
    let clearance = approved(&bank, &gate, &order("10.00"));
    let vault_request = Request::get("/vault").user("alice").header("challenge-clearance", &clearance);
    assert!(!enter(&vault, vault_request).is_in(), "E45: an approval opens nothing else");
}

#[test]
fn r23_what_comes_with_the_code_does_not_matter() {
    let bank = generous_bank();
    let gate = bank.gate(policy());
    let (id, code) = asked(&bank, &gate, &order("10.00"));
    let extra = json!({ "id": id, "code": code, "amount": "1000.00" });
    assert_eq!(bank.call("check", "alice", &extra).status(), 400, "there is no such member");
    // The body that is executed is the one that is bound, whatever the ticket's page says.
    assert_eq!(told(&blocked(&gate, answered(&order("1000.00"), &id, &code))), MISMATCH);
    assert_eq!(told(&check(&bank, "alice", &id, &code)), USED, "and the code is dead");
}

#[test]
fn r24_e44_the_data_again_with_other_values_while_the_code_is_open_kills_the_code() {
    let events = Events::default();
    let bank = Bank::with(|builder| builder.budgets(generous()).on_event(events.listener()));
    let gate = bank.gate(policy());
    let offer = id_of(&blocked(&gate, pay(&order("10.00"))));
    let sent = json_of(&send(&bank, "alice", &offer))["id"].as_str().unwrap().to_owned();
    let code = bank.code("alice");
    // By the ticket from before the send as well as by the one from after it, without an answer.
    let again = blocked(&gate, pay(&order("99.00")).header("challenge-id", &offer));
    assert_eq!(told(&again), MISMATCH);
    assert_eq!(events.count(EventKind::BindingMismatch), 1);
    assert_eq!(told(&check(&bank, "alice", &sent, &code)), USED);
    assert_eq!(told(&blocked(&gate, answered(&order("10.00"), &sent, &code))), USED);
    // A browser that changes a field of the page.
    let form = |amount: &str, more: &str| {
        let body = format!("amount={amount}&currency=EUR&payee_name=Acme&payee_iban={DE}{more}");
        Request::new("POST", "/transfers").user("alice").browser().form(body)
    };
    let page = blocked(&gate, form("5", ""));
    let typed = bank.ask(carried(&format!("amount=5&challenge-id={}", id_on(&page))));
    let (id, code) = (id_on(&typed), bank.code("alice"));
    let forged = blocked(&gate, form("500", &format!("&challenge-id={id}&challenge-answer={code}")));
    assert_eq!(forged.status(), 409, "{forged:?}");
    assert!(text_of(&forged).contains("not what you approved"));
    let honest = blocked(&gate, form("5", &format!("&challenge-id={id}&challenge-answer={code}")));
    assert!(text_of(&honest).contains("used or is over"), "{honest:?}");
}

#[test]
fn r25_page_message_and_answer_name_what_is_approved() {
    let bank = generous_bank();
    let gate = bank.gate(policy());
    let json = blocked(&gate, pay(&order("1234.50")));
    let transaction = &json_of(&json)["alternatives"][0][0]["transaction"];
    let expected = json!({
        "amount": "1234.50", "currency": "EUR", "up_to": false,
        "payee": { "name": "Acme Inc.", "account": { "kind": "iban", "id": DE } },
    });
    assert_eq!(transaction, &expected);
    let sent = send(&bank, "alice", &id_of(&json));
    assert_eq!(json_of(&sent)["transaction"], expected);
    let body = format!("amount=1234.50&currency=EUR&payee_name=%3Cb%3EAcme&payee_iban={DE}");
    let page =
        text_of(&blocked(&gate, Request::new("POST", "/transfers").user("alice").browser().form(body)));
    assert!(page.contains("EUR 1,234.50") && page.contains("DE89 3704 0044 0532 0130 00"), "{page}");
    assert!(page.contains("<bdi>&#60;b&#62;Acme</bdi>") && !page.contains("<b>Acme"), "P8: names are inert");
    let bank = Bank::with(|builder| builder.approval_text(Channel::Sms, "{code}: {amount} an {payee}"));
    let gate = bank.gate(policy());
    assert_eq!(send(&bank, "alice", &id_of(&blocked(&gate, pay(&order("5"))))).status(), 200);
    assert!(bank.inbox.last_code(&phone_of("alice")).is_some());
}

#[test]
fn r25_a_text_without_amount_or_payee_does_not_start() {
    for text in ["{code}", "{code} {amount}", "{code} {payee}", "{amount} {payee}"] {
        let builder = verify_core::Engine::builder(
            bank::keys(),
            verify_core::Origin::parse("https://bank.example").unwrap(),
        );
        let error = builder.approval_text(Channel::Sms, text).build().unwrap_err();
        assert!(matches!(error, verify_core::ConfigError::Text { channel: Channel::Sms, .. }), "{error}");
    }
}

#[test]
fn r26_e50_ways_of_writing_one_transaction_are_one() {
    let bank = generous_bank();
    let gate = bank.gate(policy());
    let spellings = [
        json!({ "amount": "10", "currency": "EUR", "payee": { "name": "Acme Inc.", "iban": DE } })
            .to_string(),
        json!({ "amount": 10, "currency": "EUR", "payee": { "name": "Acme Inc.", "iban": DE } }).to_string(),
        format!(
            "{{\"payee\":{{\"iban\":\"{}\",\"name\":\"Acme\\u0020Inc.\"}},\n \"currency\":\"EUR\",\"amount\":\"10.0\"}}",
            DE.to_lowercase()
        ),
    ];
    for body in spellings {
        let clearance = approved(&bank, &gate, &order("10.00"));
        let request = Request::new("POST", "/transfers")
            .user("alice")
            .header("content-type", "application/json; charset=utf-8");
        let passage =
            passed(enter(&gate, request.header("challenge-clearance", &clearance).body(body.clone())));
        assert_eq!(passage.body, body);
    }
}

#[test]
fn r26_e52_e63_what_cannot_be_read_for_sure_is_refused_with_the_field_and_costs_nothing() {
    let bank = generous_bank();
    let gate = bank.gate(policy());
    let refuse = |request: Request, status: u16, field: Option<&str>| {
        let reply = blocked(&gate, request);
        assert_eq!(reply.status(), status, "{reply:?}");
        assert_eq!(json_of(&reply)["field"].as_str(), field, "{reply:?}");
    };
    for amount in [
        json!("1e1"),
        json!("+10"),
        json!("-0"),
        json!("1_000"),
        json!("10."),
        json!(".5"),
        json!("010.00"),
        json!("10,00"),
        json!("1 000"),
        json!("１０"),
        json!("NaN"),
        json!(10.5),
        json!(1e300),
        json!(-1),
        json!(null),
        json!(["10"]),
        json!("100.001"),
        json!("99999999999999999999"),
    ] {
        let mut body = order("1");
        body["amount"] = amount;
        refuse(pay(&body), 422, Some("/amount"));
    }
    refuse(pay(&order("0")), 422, None);
    for (place, value) in [
        ("/currency", json!("eur")),
        ("/currency", json!("XXX")),
        ("/payee/iban", json!("DE00")),
        ("/payee/name", json!("A\nB")),
        ("/payee/name", json!("A\u{202e}B")),
        ("/payee/name", json!("")),
    ] {
        let mut body = order("1");
        *body.pointer_mut(place).unwrap() = value;
        refuse(pay(&body), 422, Some(place));
    }
    let raw = |kind: &str, body: &str| {
        Request::new("POST", "/transfers").user("alice").header("content-type", kind).body(body.to_owned())
    };
    refuse(raw("application/json", "{\"amount\":\"1\",\"amount\":\"2\"}"), 422, None);
    refuse(raw("application/json", "{}"), 422, Some("/currency"));
    refuse(raw("application/json", ""), 422, None);
    refuse(raw("application/x-www-form-urlencoded", "amount=1&amount=2"), 422, None);
    refuse(
        raw("application/x-www-form-urlencoded", "amount=1&currency=EUR&payee_name=A"),
        422,
        Some("payee_iban"),
    );
    for kind in ["text/plain", "multipart/form-data; boundary=x", "application/xml", ""] {
        refuse(raw(kind, "{}"), 415, None);
    }
    refuse(pay(&order("1")).header("content-encoding", "gzip"), 415, None);
    refuse(Request::new("POST", "/transfers?amount=1").user("alice").json(&order("1")), 422, Some("amount"));
    refuse(Request::get("/transfers").user("alice"), 415, None);
    assert!(bank.store.is_empty() && bank.inbox.is_empty(), "nothing was spent");
}

#[test]
fn h28_a_body_beyond_the_cap_is_413_before_anything_is_spent() {
    let bank = generous_bank();
    let gate = bank.gate(policy().body_limit(1000));
    let clearance = approved(&bank, &gate, &order("10.00"));
    let mut large = order("10.00");
    large["note"] = json!("x".repeat(1000));
    assert_eq!(blocked(&gate, cleared(&large, &clearance)).status(), 413);
    large["note"] = json!("x".repeat(90_000));
    assert_eq!(blocked(&gate, cleared(&large, &clearance)).status(), 413);
    passed(enter(&gate, cleared(&order("10.00"), &clearance)));
}

fn batch_of(lines: &[(&str, &str)]) -> Value {
    let line = |(amount, name): &(&str, &str)| json!({ "amount": amount, "currency": "EUR", "payee": { "name": name, "iban": DE } });
    json!({ "payments": lines.iter().map(line).collect::<Vec<_>>() })
}

#[test]
fn r28_e43_a_batch_is_its_total_and_every_line_in_any_order() {
    let bank = generous_bank();
    let batch = Psd2::json_batch("/payments", "/amount", "/currency", "/payee/name", "/payee/iban");
    let gate = bank.gate(Policy::new("batch").require(step_up()).bind(batch));
    let lines = [("1.00", "A"), ("2.00", "B"), ("3.00", "C")];
    let clearance = approved(&bank, &gate, &batch_of(&lines));
    passed(enter(&gate, cleared(&batch_of(&[lines[2], lines[0], lines[1]]), &clearance)));
    for other in [
        vec![("1.00", "A"), ("2.00", "B"), ("3.00", "D")],
        vec![("2.00", "A"), ("1.00", "B"), ("3.00", "C")],
        vec![("1.00", "A"), ("2.00", "B")],
        vec![("1.00", "A"), ("2.00", "B"), ("3.00", "C"), ("1.00", "A")],
        vec![("1.00", "A"), ("5.00", "C")],
    ] {
        let clearance = approved(&bank, &gate, &batch_of(&lines));
        assert_eq!(told(&blocked(&gate, cleared(&batch_of(&other), &clearance))), MISMATCH, "{other:?}");
    }
    let shown = json_of(&blocked(&gate, pay(&batch_of(&lines))));
    let transaction = &shown["alternatives"][0][0]["transaction"];
    assert_eq!((&transaction["amount"], transaction["lines"].as_array().unwrap().len()), (&json!("6.00"), 3));
    // A policy that says nothing of batches takes none.
    let bind = |_: &BoundRequest, _: &[u8]| -> Result<Transaction, BindError> {
        Ok(Transaction::batch(vec![payment("1", "A"), payment("2", "B")])?)
    };
    let single = bank.gate(Policy::new("single").require(step_up()).bind(bind));
    assert_eq!(blocked(&single, pay(&json!({}))).status(), 422);
}

fn payment(amount: &str, name: &str) -> (Money, Payee) {
    let money = Money::parse(amount, Currency::parse("EUR").unwrap()).unwrap();
    (money, Payee::new(name, Account::iban(DE).unwrap()).unwrap())
}

#[test]
fn r29_e42_up_to_an_amount_is_that_or_less_and_only_where_the_policy_says_so() {
    let bank = generous_bank();
    let places = || Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
    let gate = bank.gate(Policy::new("card").require(step_up()).bind(places().up_to()));
    let clearance = approved(&bank, &gate, &order("100.00"));
    assert_eq!(
        json_of(&blocked(&gate, pay(&order("7"))))["alternatives"][0][0]["transaction"]["up_to"],
        true
    );
    passed(enter(&gate, cleared(&order("99.50"), &clearance)));
    assert_eq!(told(&blocked(&gate, cleared(&order("0.50"), &clearance))), USED, "once");
    let clearance = approved(&bank, &gate, &order("100.00"));
    assert_eq!(told(&blocked(&gate, cleared(&order("100.01"), &clearance))), MISMATCH);
    assert_eq!(told(&blocked(&gate, cleared(&order("100.00"), &clearance))), USED, "and dead it is");
    let exact = bank.gate(policy());
    let clearance = approved(&bank, &exact, &order("100.00"));
    assert_eq!(told(&blocked(&exact, cleared(&order("99.00"), &clearance))), MISMATCH);
    // Two limits are two challenges.
    let (low, code) = asked(&bank, &gate, &order("1.00"));
    let (high, _) = asked(&bank, &gate, &order("900.00"));
    assert_ne!(told(&check(&bank, "alice", &high, &code)), "200");
    assert_eq!(told(&blocked(&gate, answered(&order("900.00"), &low, &code))), MISMATCH);
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
