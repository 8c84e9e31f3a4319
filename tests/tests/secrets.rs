//! Nothing that a bank prints, at trace level, tells a secret.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use serde_json::Value;
use tests::bank::{Bank, FRAMEWORKS, Framework, KEYS};
use tests::http::Request;
use tests::scenario::{Exchange, Secret, Transcript, leaks, run};

/// Every secret that was issued, typed or shown during a run.
fn secrets(bank: &Bank, played: &Transcript) -> Vec<Secret> {
    let mut secrets = vec![Secret::Text(KEYS.split(':').nth(1).unwrap().to_owned())];
    let inbox = bank.inbox();
    let letters = inbox.as_array().unwrap();
    assert!((20..200).contains(&letters.len()), "{} messages: some may have made room", letters.len());
    for letter in letters {
        let text = |member: &str| letter[member].as_str().unwrap().to_owned();
        secrets.extend([Secret::Code(text("code")), Secret::Text(text("to"))]);
        secrets.extend(letter["call"].as_str().map(|call| Secret::Text(call.to_owned())));
        // A log has one line for one line, so a message is told by any of its own.
        secrets.extend(text("text").lines().map(|line| Secret::Text(line.to_owned())));
        // What a link is good for is in its token, whatever stands before it.
        let tokens = text("text").split("not-me?token=").skip(1).map(str::to_owned).collect::<Vec<_>>();
        secrets.extend(
            tokens.iter().filter_map(|token| token.lines().next()).map(|t| Secret::Text(t.to_owned())),
        );
    }
    for exchange in played.raw() {
        let response = &exchange.response;
        let cookies = response.headers.iter().filter(|(name, _)| name == "set-cookie");
        secrets.extend(cookies.filter_map(|(_, cookie)| {
            let value = cookie.split(';').next()?.split_once('=')?.1;
            Some(Secret::Text(value.to_owned()))
        }));
        if response.header("content-type").is_some_and(|kind| kind.contains("json"))
            && !response.text().is_empty()
        {
            tokens(&response.json(), &mut secrets);
        }
    }
    secrets.retain(|secret| !matches!(secret, Secret::Text(text) if text.len() < 8));
    secrets
}

/// Tickets and clearances, wherever they are.
fn tokens(value: &Value, secrets: &mut Vec<Secret>) {
    match value {
        Value::Object(members) => {
            // A PIN is shown where a code is not.
            secrets
                .extend(members.get("pin").and_then(Value::as_str).map(|pin| Secret::Code(pin.to_owned())));
            members.values().for_each(|member| tokens(member, secrets));
        }
        Value::Array(items) => items.iter().for_each(|item| tokens(item, secrets)),
        Value::String(text) if text.starts_with("t1.") || text.starts_with("c1.") => {
            secrets.push(Secret::Text(text.clone()));
        }
        _ => {}
    }
}

/// What was paid, by whom and to whom; and the card that was checked.
const ORDERS: [&str; 8] = [
    "DE89370400440532013000",
    "GB29NWBK60161331926819",
    "Acme Inc.",
    "39.99",
    "1000.00",
    "4444333322221111",
    "4444 3333 2222 1111",
    "221B Baker Street",
];

#[test]
fn r60_nothing_that_a_bank_prints_tells_a_secret() {
    for framework in FRAMEWORKS {
        let bank = Bank::start(framework);
        let played = run(&bank);
        let mut secrets = secrets(&bank, &played);
        secrets.extend(ORDERS.map(|text| Secret::Text(text.to_owned())));
        assert!(secrets.len() > 250, "only {} secrets", secrets.len());
        // Something of every level is there, so what should have been printed was.
        let printed = bank.printed();
        for told in ["INFO", "verify::audit", "DEVELOPMENT INBOX", "grant_used", "binding_mismatch"] {
            assert!(printed.contains(told), "{framework:?} did not log {told}");
        }
        // Axum and what it stands on have nothing to say below that; both banks set their log up in one place and from one
        // variable, so what actix says at the lowest level speaks for both.
        assert!(
            framework == Framework::Axum || printed.contains("TRACE"),
            "the log is not at its lowest level"
        );
        let found = leaks(&printed, &secrets);
        assert!(found.is_empty(), "{framework:?} printed:\n{}", found.join("\n"));

        let letters = private(&bank);
        for exchange in played.raw() {
            let found = leaks(&shown(exchange), &letters);
            let inbox = exchange.request.contains("/challenge/inbox");
            assert!(inbox || found.is_empty(), "{framework:?}: {} tells {found:#?}", exchange.name);
        }
    }
}

/// Codes and addresses: for the inbox to show, and for no other answer.
fn private(bank: &Bank) -> Vec<Secret> {
    let inbox = bank.inbox();
    let letters = inbox.as_array().unwrap().iter();
    letters
        .flat_map(|letter| {
            let text = |member: &str| letter[member].as_str().unwrap().to_owned();
            [Secret::Code(text("code")), Secret::Text(text("to"))]
        })
        .collect()
}

/// Where it was asked, header fields and body, without the style of a page: its colours could pass for codes.
fn shown(exchange: &Exchange) -> String {
    let page = exchange.response.text();
    let body = match page.split_once("<style") {
        Some((before, rest)) => before.to_owned() + rest.split_once("</style>").unwrap().1,
        None => page,
    };
    format!("{}\n{:?}\n{body}", exchange.request, exchange.response.headers)
}

/// The scan would find what it looks for.
#[test]
fn r60_a_secret_that_was_printed_would_be_found() {
    let bank = Bank::start(FRAMEWORKS[0]);
    assert_eq!(bank.ask(&Request::get("/vault").user("ivy")).status, 403);
    let printed = format!("{}\nDEBUG to=\"ivy@example.com\" code=123456", bank.printed());
    let planted = [Secret::Code("123456".to_owned()), Secret::Text("ivy@example.com".to_owned())];
    assert_eq!(leaks(&printed, &planted).len(), 2);
}
