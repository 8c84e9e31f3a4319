//! Proofs of work by a widget, which fetches its challenge and brings the answer, with a code typed into it or without.
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
#[path = "support/puzzles.rs"]
mod puzzles;

use std::time::Duration;

use bank::{Bank, Request, enter, headers_of, json_of, other_than};
use law::{EXPIRED, LIMITED, USED, WRONG, generous, step_up, together, told};
use puzzles::{check, feed, kinds, opened, puzzle, sealed, solve, work};
use serde_json::{Value, json};
use verify_core::altcha::Algorithm;
use verify_core::{Limit, Policy, RequestLimits, WorkFactor, all_of, any_of};

fn widget(bank: &Bank, user: &str, policy: &str) -> Value {
    let reply = bank.ask(Request::get(&format!("/challenge/altcha?policy={policy}")).user(user));
    assert_eq!(reply.status(), 200, "{reply:?}");
    assert_eq!(headers_of(&reply, "content-type"), ["application/json"], "a widget looks for /json");
    assert_eq!(headers_of(&reply, "cache-control"), ["no-store"]);
    json_of(&reply)
}

#[test]
fn captcha_rule_02_a_widgets_answer_carries_its_ticket_and_counts_once() {
    for factor in kinds() {
        let bank = Bank::new();
        let gate = bank.gate(feed(factor.clone()));
        let token = solve(&widget(&bank, "alice", "feed"));
        let call = |user: &str| told(&bank.call("check", user, &json!({ "token": token })));
        assert_eq!(call("eve"), EXPIRED, "{factor:?}");
        assert_eq!(call("alice"), "200", "{factor:?}");
        assert_eq!(call("alice"), USED, "{factor:?}");

        // As the field of a form, at the guarded address; it stays the handler's.
        let token = solve(&widget(&bank, "alice", "feed"));
        let field: String = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let form = || {
            let form = Request::new("POST", "/feed").user("alice").browser();
            form.header("sec-fetch-site", "same-origin").form(format!("text=hi&altcha={field}"))
        };
        match enter(&gate, form()) {
            bank::Outcome::Passed(passage) => assert!(passage.body.starts_with(b"text=hi&altcha=")),
            other => panic!("{factor:?}: {other:?}"),
        }
        assert!(!enter(&gate, form()).is_in(), "{factor:?}");
    }
}

#[test]
fn captcha_rule_04_a_widget_cannot_choose_what_is_asked() {
    let bank = Bank::new();
    let _gate = bank.gate(feed(work().cost(70).prefix("00")));
    let asked =
        |query: &str| json_of(&bank.ask(Request::get(&format!("/challenge/altcha?{query}")).user("alice")));
    for query in [
        "policy=feed&cost=1&keyPrefix=0&algorithm=SHA-1&maxnumber=1&expires=99",
        "policy=feed&factor=human&parameters[cost]=1",
        "cost=1&policy=feed",
    ] {
        let parameters = &asked(query)["parameters"];
        assert_eq!((&parameters["cost"], &parameters["keyPrefix"]), (&json!(70), &json!("00")), "{query}");
        assert_eq!(parameters["algorithm"], "PBKDF2/SHA-256");
    }
    for query in ["", "policy=nowhere", "policy=feed&policy=feed", "policy=feed&factor=other", "factor=human"]
    {
        let refused = asked(query);
        assert_eq!(
            (&refused["code"], refused["error"].is_string()),
            (&json!("validation_error"), true),
            "{query}"
        );
    }
    let posted =
        bank.ask(Request::new("POST", "/challenge/altcha?policy=feed").user("alice").json(&json!({})));
    assert_eq!(posted.status(), 405);
}

#[test]
fn captcha_rule_05_a_widgets_ticket_cannot_be_put_on_another_answer() {
    let bank = Bank::new();
    let human = || work().algorithm(Algorithm::Sha256).cost(1).prefix("0");
    let gate = bank.gate(feed(human()));
    let other = bank.gate(Policy::new("other").require(human()));
    let (one, two) = (widget(&bank, "alice", "feed"), widget(&bank, "alice", "other"));
    let mut swapped = opened(&solve(&one));
    swapped["challenge"]["parameters"]["data"]["ticket"] = two["parameters"]["data"]["ticket"].clone();
    assert_eq!(told(&bank.call("check", "alice", &json!({ "token": sealed(&swapped) }))), WRONG);
    // The ticket of a block, which its challenge does not carry, beside the answer of one that carries its own.
    let offer = puzzle(&gate, "alice");
    assert_eq!(check(&bank, "alice", &offer["id"], &solve(&one)), WRONG);
    let mut bare = opened(&solve(&one));
    bare["challenge"]["parameters"].as_object_mut().unwrap().remove("data");
    assert_eq!(check(&bank, "alice", &one["parameters"]["data"]["ticket"], &sealed(&bare)), WRONG);
    // Another policy's route does not take it.
    let field: String = solve(&one).bytes().map(|byte| format!("%{byte:02X}")).collect();
    let form = Request::new("POST", "/other").user("alice").browser().header("sec-fetch-site", "same-origin");
    assert!(!enter(&other, form.form(format!("altcha={field}"))).is_in());
}

fn safe(human: WorkFactor) -> Policy {
    Policy::new("safe").purpose("open the safe").require(all_of((human, step_up())))
}

#[test]
fn captcha_rule_02_a_code_typed_into_a_widget_opens_both_doors() {
    for factor in kinds() {
        let bank = Bank::with(|builder| builder.budgets(generous()));
        let gate = bank.gate(safe(factor.clone()));
        let challenge = widget(&bank, "alice", "safe");
        let typed = &challenge["codeChallenge"];
        assert_eq!((&typed["length"], &typed["image"]), (&json!(6), &json!("/challenge/code.svg")));
        assert_eq!(challenge["configuration"]["verifyUrl"], "/challenge/verify");
        assert_eq!(bank.inbox.len(), 0, "nothing is sent that nobody asked for");
        assert_eq!(bank.call("send", "alice", &json!({ "id": typed["id"] })).status(), 200);

        let payload = solve(&challenge);
        let verify = |user: &str, code: &str| {
            // As the widget has it, with what it says besides.
            let body = json!({ "code": code, "payload": payload, "fields": { "a": "b" }, "timeZone": "UTC" });
            bank.call("verify", user, &body)
        };
        let code = bank.code("alice");
        let wrong = verify("alice", &other_than(&code));
        assert_eq!((wrong.status().as_u16(), &json_of(&wrong)["verified"]), (200, &json!(false)));
        assert!(json_of(&wrong)["reason"].is_string());
        assert_eq!(json_of(&verify("eve", &code))["verified"], false, "{factor:?}");
        // The wrong code burned no work, and cost one try.
        let right = verify("alice", &code);
        let body = json_of(&right);
        assert_eq!(body["verified"], true, "{factor:?}: {body}");
        let request = Request::get("/safe").user("alice");
        assert!(
            enter(&gate, request.header("challenge-clearance", body["payload"].as_str().unwrap())).is_in()
        );
        assert_eq!(headers_of(&right, "set-cookie").len(), 1);
        assert_eq!(json_of(&verify("alice", &code))["verified"], false, "used: {factor:?}");
    }
}

#[test]
fn captcha_rule_01_no_code_is_tried_without_the_work() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let _gate = bank.gate(safe(work().algorithm(Algorithm::Sha256).cost(1).prefix("0")));
    let challenge = widget(&bank, "alice", "safe");
    let sent = json_of(&bank.call("send", "alice", &json!({ "id": challenge["codeChallenge"]["id"] })));
    let code = bank.code("alice");
    let mut lazy = opened(&solve(&challenge));
    lazy["solution"]["counter"] = json!(u32::MAX);
    for (payload, code) in [
        (sealed(&lazy), json!(code)),
        (solve(&challenge), json!(null)),
        (solve(&widget(&bank, "alice", "safe")).repeat(2), json!(code)),
    ] {
        let reply = bank.call("verify", "alice", &json!({ "code": code, "payload": payload }));
        assert_ne!(json_of(&reply)["verified"], true);
    }
    // The code of this challenge in place of another one's is under no signature.
    let mut grafted = opened(&solve(&challenge));
    grafted["challenge"]["parameters"]["data"]["code"] = sent["id"].clone();
    let reply = bank.call("verify", "alice", &json!({ "code": code, "payload": sealed(&grafted) }));
    assert_eq!(json_of(&reply)["verified"], false);
    assert_eq!(law::tries_left(&bank, "alice", sent["id"].as_str().unwrap()), 5, "none of it was a try");
    let reply = bank.call("verify", "alice", &json!({ "code": code, "payload": solve(&challenge) }));
    assert_eq!(json_of(&reply)["verified"], true);
}

#[test]
fn captcha_rule_02_of_fifty_parallel_verifications_exactly_one_succeeds() {
    for _ in 0..20 {
        let bank = Bank::with(|builder| builder.budgets(generous()));
        let policy = Policy::new("safe")
            .require(all_of((work().algorithm(Algorithm::Sha256).cost(1).prefix("0"), step_up().tries(10))));
        let _gate = bank.gate(policy);
        let challenge = widget(&bank, "alice", "safe");
        let _ = bank.call("send", "alice", &json!({ "id": challenge["codeChallenge"]["id"] }));
        let body = json!({ "code": bank.code("alice"), "payload": solve(&challenge) });
        let verified =
            together(50, |_| json_of(&bank.call("verify", "alice", &body))["verified"] == json!(true));
        assert_eq!(verified.into_iter().filter(|verified| *verified).count(), 1);
    }
}

#[test]
fn a_code_is_typed_only_where_every_way_asks_for_it() {
    let bank = Bank::new();
    let human = || work().algorithm(Algorithm::Sha256).cost(1).prefix("0");
    let _either = bank.gate(Policy::new("either").require(any_of((human(), step_up()))));
    assert!(widget(&bank, "alice", "either").get("codeChallenge").is_none());
    let refused = bank.ask(Request::get("/challenge/altcha?policy=vault").user("alice"));
    assert_eq!(refused.status(), 400, "a policy without a proof of work");
    // A plain proof of work may be sent to `verify` too.
    let payload = solve(&widget(&bank, "alice", "either"));
    let reply = bank.call("verify", "alice", &json!({ "payload": payload }));
    assert_eq!(json_of(&reply)["verified"], true);
}

#[test]
fn captcha_rule_29_a_widgets_endpoints_are_within_the_limits() {
    let limits = RequestLimits::default().with_challenges(Limit::of(3).per(Duration::from_secs(60)));
    let bank = Bank::with(|builder| builder.limits(limits));
    let _gate = bank.gate(feed(work().cost(1)));
    let asked = || bank.ask(Request::get("/challenge/altcha?policy=feed").user("alice"));
    assert_eq!([asked(), asked(), asked()].map(|reply| reply.status().as_u16()), [200; 3]);
    assert_eq!(told(&asked()), LIMITED);
}
