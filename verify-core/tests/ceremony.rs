//! Whole ceremonies: blocked, sent, answered, in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;

use bank::{Bank, Outcome, Request, blocked, challenge_of, enter, id_of, json_of, text_of};
use serde_json::json;
use verify_core::{Channel, Factor, Policy, altcha};

fn vault() -> Policy {
    Policy::new("vault")
        .purpose("open the vault")
        .require(Factor::code("step-up").over([Channel::Sms, Channel::Email]))
}

#[test]
fn a_program_is_blocked_gets_a_code_and_gets_in() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let reply = blocked(&gate, Request::get("/vault").user("alice"));
    assert_eq!(reply.status(), 403);
    assert_eq!(reply.headers()["content-type"], "application/problem+json");
    assert_eq!(json_of(&reply)["code"], "challenge_required");
    let id = id_of(&reply);
    let sent = bank.call("send", "alice", &json!({ "id": id }));
    assert_eq!(sent.status(), 200, "{sent:?}");
    let sent = json_of(&sent);
    assert_eq!((&sent["code_sent"], &sent["channel"]), (&json!(true), &json!("sms")));
    let code = bank.code("alice");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(bank.call("check", "alice", &json!({ "id": sent["id"], "code": wrong })).status(), 403);
    let checked = bank.call("check", "alice", &json!({ "id": id, "code": code }));
    assert_eq!(checked.status(), 200, "{checked:?}");
    let clearance = json_of(&checked)["clearance"].as_str().unwrap().to_owned();
    assert!(matches!(
        enter(&gate, Request::get("/vault").user("alice").header("challenge-clearance", &clearance)),
        Outcome::Allowed
    ));
    let cookie = format!("a=b; __Host-clearance={clearance}");
    assert!(matches!(
        enter(&gate, Request::get("/vault").user("alice").header("cookie", &cookie)),
        Outcome::Allowed
    ));
    assert!(!enter(&gate, Request::get("/vault").user("bob").header("cookie", &cookie)).is_in());
}

#[test]
fn a_program_answers_in_line() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let id = id_of(&blocked(&gate, Request::get("/vault").user("alice")));
    let sent = json_of(&bank.call("send", "alice", &json!({ "id": id, "channel": "email" })));
    assert_eq!(sent["delivery_hint"], "a***@e***.com");
    let code = bank.inbox.last_code("alice@example.com").unwrap();
    let request = Request::get("/vault")
        .user("alice")
        .header("challenge-id", sent["id"].as_str().unwrap())
        .header("challenge-answer", code);
    let Outcome::Passed(passage) = enter(&gate, request.clone()) else { panic!("not let in") };
    assert!(passage.headers.iter().any(|(name, _)| name == "challenge-clearance"));
    assert_eq!(enter(&gate, request).reply().status(), 409);
}

#[test]
fn a_proof_of_work_gets_in_once() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("feed").require(Factor::proof_of_work("human").cost(10)));
    let challenge = challenge_of(&blocked(&gate, Request::get("/feed").user("alice")));
    let puzzle = altcha::Challenge::from_json(&challenge["altcha"].to_string()).unwrap();
    let token = altcha::solve(puzzle.parameters(), 1_000_000).unwrap().payload(&puzzle);
    let checked = bank.call("check", "alice", &json!({ "id": challenge["id"], "token": token }));
    assert_eq!(checked.status(), 200, "{checked:?}");
    assert_eq!(bank.call("check", "alice", &json!({ "id": challenge["id"], "token": token })).status(), 409);
}

#[test]
fn a_browser_posts_a_form_and_its_body_arrives_once() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let post = |body: &str| {
        Request::new("POST", "/transfers")
            .user("alice")
            .browser()
            .header("sec-fetch-site", "same-origin")
            .form(body)
    };
    let page = blocked(&gate, post("amount=10.00&payee_name=A+%26+B"));
    assert_eq!(page.status(), 403);
    let html = text_of(&page);
    assert!(html.contains(r#"name="payee_name" value="A &#38; B""#), "{html}");
    let id = html.split("name=\"challenge-id\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let send = Request::new("POST", "/challenge/send?carry").user("alice").browser();
    let page = bank.ask(send.form(format!("amount=10.00&payee_name=A+%26+B&challenge-id={id}")));
    let html = text_of(&page);
    assert!(html.contains("one-time-code"), "{html}");
    let code = bank.code("alice");
    let id = html.split("name=\"challenge-id\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let wrong = blocked(
        &gate,
        post(&format!("amount=10.00&payee_name=A+%26+B&challenge-id={id}&challenge-answer=12")),
    );
    assert!(text_of(&wrong).contains("one-time-code"));
    let outcome = enter(
        &gate,
        post(&format!("amount=10.00&payee_name=A+%26+B&challenge-id={id}&challenge-answer={code}")),
    );
    let Outcome::Passed(passage) = outcome else { panic!("{outcome:?}") };
    assert_eq!(passage.body, "amount=10.00&payee_name=A+%26+B");
}
