//! One approval is for one transaction: what is bound, how it is read, and what a change of it does, R22 to R29.
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
#[path = "support/transfers.rs"]
mod transfers;

use bank::{Bank, Request, blocked, enter, id_of, id_on, json_of, phone_of, text_of};
use law::{Events, USED, check, generous, send, step_up, told};
use serde_json::{Value, json};
use transfers::{
    DE, MISMATCH, answered, approved, asked, carried, cleared, generous_bank, order, passed, pay, payment,
    policy,
};
use verify_core::{BindError, BoundRequest, Channel, EventKind, Policy, Psd2, Transaction};

const GB: &str = "GB29NWBK60161331926819";

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
