//! What the fuzz tests of the endpoints share: their bank, bodies of every kind, and the runner.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use verify_core::{Budgets, Channel, Factor, Gate, Policy, any_of};

use crate::bank::Bank;

pub fn bank() -> (Bank, Gate) {
    let bank = Bank::with(|builder| builder.budgets(Budgets::default().per_source([]).per_destination([])));
    let code = Factor::code("step-up").over([Channel::Email, Channel::Sms]);
    let work = Factor::proof_of_work("human").cost(1).prefix("0");
    let gate = bank.gate(Policy::new("vault").require(any_of((code, work))));
    (bank, gate)
}

pub fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let name =
            prop_oneof![select(&["id", "code", "token", "channel"][..]).prop_map(str::to_owned), ".{0,6}"];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(name, inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A body; `ID` in it stands for a genuine ticket.
pub fn body() -> impl Strategy<Value = Vec<u8>> {
    let field = select(&["challenge-id", "challenge-answer", "challenge-channel", "a"][..]);
    let worth = prop_oneof![
        Just("ID".to_owned()),
        select(&["send", "check", "cancel", "sms", "email", "123456", "%ff", "%", "+"][..])
            .prop_map(str::to_owned),
        ".{0,12}",
    ];
    prop_oneof![
        vec(any::<u8>(), 0..300),
        json_value().prop_map(|value| value.to_string().into_bytes()),
        (".{0,12}", json_value()).prop_map(|(code, other)| {
            json!({ "id": "ID", "code": code, "channel": other }).to_string().into_bytes()
        }),
        Just(json!({ "id": "ID" }).to_string().into_bytes()),
        Just(json!({ "id": "ID", "code": "000000" }).to_string().into_bytes()),
        Just(json!({ "id": "ID", "token": "e30=" }).to_string().into_bytes()),
        vec((field, worth), 0..6).prop_map(|fields| {
            let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
            pairs.join("&").into_bytes()
        }),
        (0..40_000_usize).prop_map(|length| vec![b'['; length]),
    ]
}

pub fn run<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(strategy, test).unwrap();
}
