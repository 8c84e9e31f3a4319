//! Links in mails: looking spends nothing, the button redeems once, where it began or, by name, anywhere.
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

use bank::{Bank, Request, ask, blocked, enter, headers_of, id_of, json_of, text_of};
use law::{USED, check, generous, send, status, ticket, together, told};
use serde_json::json;
use verify_core::{Channel, CodeFactor, Factor, Gate, Policy, Psd2, Reply, Resend};

fn by_mail() -> CodeFactor {
    Factor::code("by-mail").over([Channel::Email])
}

fn archive(factor: CodeFactor) -> Policy {
    Policy::new("archive").purpose("open the archive").require(factor)
}

/// Sends: the ticket, the code, and where the link leads.
fn mailed(bank: &Bank, gate: &Gate, user: &str) -> (String, String, String) {
    let sent = send(bank, user, &ticket(gate, user));
    assert_eq!(told(&sent), "200");
    let letters =
        json_of(&ask(&bank.endpoints, Request::get("/challenge/inbox").header("accept", "application/json")));
    let text = letters[0]["text"].as_str().unwrap().to_owned();
    let link =
        text.split_whitespace().find(|word| word.contains("/challenge/link?token=")).unwrap().to_owned();
    let code = bank.inbox.last_code(&format!("{user}@example.com")).unwrap();
    (json_of(&sent)["id"].as_str().unwrap().to_owned(), code, link)
}

fn path(link: &str) -> &str {
    link.strip_prefix("https://bank.example").expect("the origin of the configuration")
}

fn press(bank: &Bank, user: &str, link: &str) -> Reply {
    let token = link.split_once("token=").unwrap().1;
    let request = Request::new("POST", "/challenge/link").user(user).form(format!("token={token}"));
    ask(&bank.endpoints, request)
}

#[test]
fn r63_looking_changes_nothing_and_asks_the_store_nothing() {
    let bank = Bank::new();
    let gate = bank.gate(archive(by_mail().link()));
    let (id, code, link) = mailed(&bank, &gate, "alice");
    let before = bank.store.entries();
    for method in ["GET", "HEAD"] {
        for user in ["alice", "a-scanner"] {
            let shown = ask(&bank.endpoints, Request::new(method, path(&link)).user(user).browser());
            assert_eq!(shown.status(), 200);
            assert_eq!(headers_of(&shown, "referrer-policy"), ["no-referrer"]);
            assert_eq!(headers_of(&shown, "cache-control"), ["no-store"]);
        }
    }
    assert_eq!(bank.store.entries().len(), before.len());
    assert_eq!(status(&bank, "alice", &id)["status"], "pending");
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200", "the code is as good as before");
}

#[test]
fn r63_the_button_redeems_once_where_the_challenge_began() {
    let bank = Bank::new();
    let gate = bank.gate(archive(by_mail().link()));
    let (id, code, link) = mailed(&bank, &gate, "alice");
    let elsewhere = press(&bank, "mallory", &link);
    assert_eq!(elsewhere.status(), 403);
    assert!(headers_of(&elsewhere, "challenge-clearance").is_empty());
    assert_eq!(status(&bank, "alice", &id)["status"], "pending", "and nothing is spent by it");
    let here = press(&bank, "alice", &link);
    assert_eq!((here.status().as_u16(), headers_of(&here, "location").remove(0).as_str()), (303, "/vault"));
    let clearance = headers_of(&here, "challenge-clearance").remove(0);
    let request = Request::get("/vault").user("alice").header("challenge-clearance", clearance);
    assert!(enter(&gate, request).is_in());
    assert_eq!(press(&bank, "alice", &link).status(), 409);
    assert_eq!(told(&check(&bank, "alice", &id, &code)), USED, "code and link are one answer");
}

#[test]
fn r63_on_another_device_the_button_lets_in_whoever_began_and_nobody_else() {
    let bank = Bank::new();
    let gate = bank.gate(archive(by_mail().link_across_devices()));
    let (id, code, link) = mailed(&bank, &gate, "alice");
    let waits = |user: &str| told(&check(&bank, user, &id, "~opened"));
    assert_eq!(waits("alice"), "409 answer_pending");
    let page = text_of(&ask(&bank.endpoints, Request::get(path(&link)).user("phone").browser()));
    assert!(page.contains("Somebody asked for this in another browser"), "{page}");
    assert_eq!(press(&bank, "phone", &link).status(), 200);
    assert_eq!(status(&bank, "alice", &id)["status"], "answered");
    assert_eq!(waits("mallory"), law::EXPIRED);
    assert_eq!(waits("alice"), "200");
    assert_eq!(waits("alice"), USED);
    assert_eq!(press(&bank, "phone", &link).status(), 200, "a late press tells nothing");
    assert_eq!((waits("alice").as_str(), told(&check(&bank, "alice", &id, &code)).as_str()), (USED, USED));
}

#[test]
fn r63_without_its_name_no_other_device_counts() {
    let bank = Bank::new();
    let gate = bank.gate(archive(by_mail().link()));
    let (id, _, link) = mailed(&bank, &gate, "alice");
    assert_eq!(press(&bank, "phone", &link).status(), 403);
    assert_eq!(told(&check(&bank, "alice", &id, "~opened")), "400 validation_error", "that is no code");
}

#[test]
fn r53_a_link_is_no_ticket_and_a_ticket_no_link() {
    let bank = Bank::new();
    let gate = bank.gate(archive(by_mail().link()));
    let (id, code, link) = mailed(&bank, &gate, "alice");
    let token = link.split_once("token=").unwrap().1;
    assert_eq!(told(&check(&bank, "alice", token, &code)), law::EXPIRED);
    assert_eq!(press(&bank, "alice", &format!("token={id}")).status(), 410);
    assert!(!link.contains(&code), "the code is not in it");
    for at in (0..token.len()).step_by(7) {
        let mut broken = token.to_owned().into_bytes();
        broken[at] ^= 1;
        let broken = format!("token={}", String::from_utf8(broken).unwrap());
        assert_eq!(press(&bank, "alice", &broken).status(), 410, "{at}");
    }
    bank.advance(300);
    assert_eq!(press(&bank, "alice", &link).status(), 410, "it lives as long as its code");
}

#[test]
fn r40_link_and_code_at_once_let_in_once() {
    for round in 0..200 {
        let bank = Bank::with(|builder| builder.budgets(generous()));
        let gate = bank.gate(archive(by_mail().link_across_devices()));
        let (id, code, link) = mailed(&bank, &gate, "alice");
        assert_eq!(press(&bank, "phone", &link).status(), 200);
        let answers = together(6, |n| match n % 3 {
            0 => press(&bank, "alice", &link).status().as_u16(),
            1 => check(&bank, "alice", &id, &code).status().as_u16(),
            _ => check(&bank, "alice", &id, "~opened").status().as_u16(),
        });
        let wins = answers.iter().filter(|status| matches!(status, 200 | 303)).count();
        assert_eq!(wins, 1, "round {round}: {answers:?}");
    }
}

#[test]
fn r41_what_was_cancelled_no_link_brings_back() {
    let bank = Bank::new();
    let gate = bank.gate(archive(by_mail().link_across_devices()));
    let (id, _, link) = mailed(&bank, &gate, "alice");
    assert_eq!(bank.call("cancel", "alice", &json!({ "id": id })).status(), 200);
    assert_eq!(press(&bank, "phone", &link).status(), 200);
    assert_eq!(told(&check(&bank, "alice", &id, "~opened")), USED);
    assert_eq!(press(&bank, "alice", &link).status(), 409);
}

#[test]
fn a_link_where_it_makes_no_sense_does_not_start() {
    let bank = Bank::new();
    let starts = |policy: Policy| bank.engine.gate(policy).map(drop).map_err(|error| error.to_string());
    let sms = Factor::code("a").over([Channel::Sms]).link();
    assert!(starts(Policy::new("a").require(sms)).unwrap_err().contains("travels by mail"));
    let fresh = Factor::code("b").over([Channel::Email]).link().resend(Resend::FreshCode);
    assert!(starts(Policy::new("b").require(fresh)).unwrap_err().contains("SameCode"));
    let order = Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
    let pays = Factor::code("c").over([Channel::Email]).link();
    assert!(starts(Policy::payment("c", pays, order)).unwrap_err().contains("approves nothing"));
    assert!(
        id_of(&blocked(&bank.gate(archive(by_mail().link())), Request::get("/vault").user("x")))
            .starts_with("t1.")
    );
}

#[test]
fn r24_a_link_about_one_thing_is_no_answer_about_another() {
    let bank = Bank::new();
    let gate = bank.gate(archive(by_mail().link_across_devices()));
    let about =
        |terms: &'static str| bank.engine.direct(verify_core::Subject::user("alice")).about(terms.as_bytes());
    let ten = about("10 to Bob");
    let sent = bank::block_on(ten.send(&ten.offer(&gate, "by-mail").unwrap(), None)).unwrap();
    let letters =
        json_of(&ask(&bank.endpoints, Request::get("/challenge/inbox").header("accept", "application/json")));
    let text = letters[0]["text"].as_str().unwrap().to_owned();
    let link = text.split_whitespace().find(|word| word.contains("/challenge/link?token=")).unwrap();
    assert_eq!(press(&bank, "phone", link).status(), 200);
    let more = about("1000 to Mallory");
    let refused = bank::block_on(more.check(sent.ticket(), "~opened")).unwrap_err();
    assert_eq!(refused.kind(), verify_core::RefusedKind::Wrong);
    bank::block_on(ten.check(sent.ticket(), "~opened")).unwrap();
}
