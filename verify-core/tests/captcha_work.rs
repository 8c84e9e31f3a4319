//! Proofs of work at the engine, in every format: what was asked is sealed, bound, and redeemed once.
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

use bank::{Bank, Request, Witness, blocked, challenge_of, enter, headers_of, json_of, other_than};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use law::{EXPIRED, Events, LIMITED, USED, WRONG, generous, step_up, together, told};
use serde_json::{Value, json};
use verify_core::altcha::{self, Algorithm, v1};
use verify_core::{
    EventKind, Factor, FakeClock, Gate, Limit, MemoryStore, Policy, RequestLimits, Surge, WorkFactor, all_of,
    any_of,
};

fn work() -> WorkFactor {
    Factor::proof_of_work("human")
}

/// Every kind that there is, at a price that a test can pay.
fn kinds() -> Vec<WorkFactor> {
    vec![
        work().cost(1).prefix("0"),
        work().algorithm(Algorithm::Pbkdf2Sha512).cost(2).prefix("0"),
        work().algorithm(Algorithm::Sha256).cost(1).prefix("00"),
        work().cost(1).counters(20..=40),
        work().algorithm(Algorithm::Sha384).cost(3).counters(20..=40),
        work().first_format(v1::Algorithm::Sha1, 1000),
        work().first_format(v1::Algorithm::Sha256, 1000),
        work().first_format(v1::Algorithm::Sha512, 1000),
        #[cfg(feature = "argon2id")]
        work().algorithm(Algorithm::Argon2id).cost(1).memory_cost(16).counters(3..=5),
        #[cfg(feature = "argon2id")]
        work().algorithm(Algorithm::Argon2id).cost(1).memory_cost(16).prefix("0"),
        #[cfg(feature = "scrypt")]
        work().algorithm(Algorithm::Scrypt).cost(4).counters(3..=5),
        #[cfg(feature = "scrypt")]
        work().algorithm(Algorithm::Scrypt).cost(4).memory_cost(1).parallelism(2).prefix("0"),
    ]
}

fn feed(factor: WorkFactor) -> Policy {
    Policy::new("feed").purpose("read the feed").require(factor)
}

fn puzzle(gate: &Gate, user: &str) -> Value {
    challenge_of(&blocked(gate, Request::get("/feed").user(user)))
}

/// The payload of a solved challenge, of either format.
fn solve(challenge: &Value) -> String {
    let text = challenge.to_string();
    if challenge.get("parameters").is_some() {
        let read = altcha::Challenge::from_json(&text).unwrap();
        return altcha::solve(read.parameters(), 1_000_000).unwrap().payload(&read);
    }
    let read = v1::Challenge::from_json(&text).unwrap();
    read.solve(1_000_000).unwrap().payload(&read)
}

fn opened(payload: &str) -> Value {
    serde_json::from_slice(&STANDARD.decode(payload).unwrap()).unwrap()
}

fn sealed(payload: &Value) -> String {
    STANDARD.encode(payload.to_string())
}

fn check(bank: &Bank, user: &str, id: &Value, token: &str) -> String {
    told(&bank.call("check", user, &json!({ "id": id, "token": token })))
}

#[test]
fn captcha_rule_02_every_kind_is_solved_once() {
    for factor in kinds() {
        let bank = Bank::new();
        let gate = bank.gate(feed(factor.clone()));
        let offer = puzzle(&gate, "alice");
        let token = solve(&offer["altcha"]);
        assert_eq!(check(&bank, "alice", &offer["id"], &token), "200", "{factor:?}");
        assert_eq!(check(&bank, "alice", &offer["id"], &token), USED, "{factor:?}");
    }
}

#[test]
fn captcha_rule_02_of_fifty_parallel_uses_exactly_one_passes() {
    for factor in kinds() {
        for _ in 0..8 {
            let events = Events::default();
            let bank = Bank::with(|builder| builder.on_event(events.listener()));
            let gate = bank.gate(feed(factor.clone()));
            let offer = puzzle(&gate, "alice");
            let (id, token) = (offer["id"].as_str().unwrap().to_owned(), solve(&offer["altcha"]));
            let answers = together(50, |n| {
                if n % 2 == 0 {
                    return check(&bank, "alice", &offer["id"], &token);
                }
                let request = Request::get("/feed").user("alice");
                let request = request.header("challenge-id", &id).header("challenge-answer", &token);
                let outcome = enter(&gate, request);
                if outcome.is_in() { "200".to_owned() } else { told(&outcome.reply()) }
            });
            let wins = answers.iter().filter(|answer| *answer == "200").count();
            assert_eq!(wins, 1, "{factor:?}: {answers:?}");
            assert_eq!(events.count(EventKind::Verified), 1, "{factor:?}");
            // What takes memory is checked two at a time; the others may be told to come again.
            let rest = answers.iter().filter(|answer| [USED, "503 unavailable"].contains(&answer.as_str()));
            assert_eq!(rest.count(), 49, "{factor:?}: {answers:?}");
        }
    }
}

#[test]
fn captcha_rule_03_a_failed_solution_burns_nothing_and_writes_nothing() {
    for factor in kinds() {
        let (clock, events) = (FakeClock::default(), Events::default());
        let memory = MemoryStore::builder().clock(clock.clone()).build();
        let witness = Witness::new(memory.clone());
        let bank = Bank::around(clock, memory, |builder| {
            builder.store(std::sync::Arc::new(witness.clone())).on_event(events.listener())
        });
        let gate = bank.gate(feed(factor.clone()));
        let offer = puzzle(&gate, "alice");
        let token = solve(&offer["altcha"]);
        for (pointer, wrong) in [
            ("/solution/counter", json!(4_000_000)),
            ("/solution/derivedKey", json!("00".repeat(32))),
            ("/number", json!(999_999)),
        ] {
            let mut payload = opened(&token);
            let Some(slot) = payload.pointer_mut(pointer) else { continue };
            *slot = wrong;
            let answer = check(&bank, "alice", &offer["id"], &sealed(&payload));
            assert!(answer == WRONG || answer.starts_with("400"), "{factor:?} {pointer}: {answer}");
        }
        assert_eq!(witness.calls(), 0, "{factor:?}");
        assert_eq!(check(&bank, "alice", &offer["id"], &token), "200", "{factor:?}");
    }
}

#[test]
fn captcha_rule_04_what_was_asked_cannot_be_talked_down() {
    for factor in kinds() {
        let bank = Bank::new();
        let gate = bank.gate(feed(factor.clone()));
        let offer = puzzle(&gate, "alice");
        let token = solve(&offer["altcha"]);
        let lies: &[(&str, Value)] = &[
            ("/challenge/parameters/cost", json!(1_000_000)),
            ("/challenge/parameters/keyPrefix", json!("f")),
            ("/challenge/parameters/expiresAt", json!(9_999_999_999_u64)),
            ("/challenge/parameters/algorithm", json!("SHA-512")),
            ("/challenge/parameters/keyLength", json!(16)),
            ("/challenge/parameters/memoryCost", json!(9)),
            ("/challenge/parameters/nonce", json!("00".repeat(16))),
            ("/challenge/parameters/data", json!({ "ticket": "x" })),
            ("/challenge/signature", json!("00".repeat(32))),
            ("/algorithm", json!("SHA-384")),
            ("/challenge", json!("00".repeat(32))),
            ("/salt", json!("00?expires=9999999999&")),
            ("/signature", json!("00".repeat(32))),
        ];
        for (pointer, lie) in lies {
            let mut payload = opened(&token);
            match payload.pointer_mut(pointer) {
                Some(slot) if pointer.starts_with("/challenge/") || payload_is_first(&opened(&token)) => {
                    *slot = lie.clone();
                }
                _ => continue,
            }
            let answer = check(&bank, "alice", &offer["id"], &sealed(&payload));
            assert!(answer == WRONG || answer.starts_with("400"), "{factor:?} {pointer}: {answer}");
        }
        bank.advance(600);
        assert_eq!(check(&bank, "alice", &offer["id"], &token), EXPIRED, "{factor:?}");
    }
}

fn payload_is_first(payload: &Value) -> bool {
    payload.get("number").is_some()
}

#[test]
fn captcha_rule_05_a_solution_is_for_one_subject_policy_and_challenge() {
    for factor in kinds() {
        let bank = Bank::new();
        let gate = bank.gate(feed(factor.clone()));
        let other = bank.gate(Policy::new("other").purpose("read others").require(factor.clone()));
        let (offer, second) = (puzzle(&gate, "alice"), puzzle(&gate, "alice"));
        let token = solve(&offer["altcha"]);
        assert_eq!(check(&bank, "eve", &offer["id"], &token), EXPIRED, "another subject: {factor:?}");
        assert_eq!(check(&bank, "alice", &second["id"], &token), WRONG, "another challenge: {factor:?}");
        // In line it is for the routes of its policy, even where the factor is the same.
        let request = Request::get("/other").user("alice");
        let request =
            request.header("challenge-id", offer["id"].as_str().unwrap()).header("challenge-answer", &token);
        assert_eq!(told(&enter(&other, request).reply()), EXPIRED, "another policy's route: {factor:?}");
        assert_eq!(check(&bank, "alice", &offer["id"], &token), "200", "and none of it burned it");
    }
}

#[test]
fn captcha_rule_08_another_formats_solution_is_no_answer() {
    let bank = Bank::new();
    let second = bank.gate(feed(work().algorithm(Algorithm::Sha256).cost(1).prefix("0")));
    let first = bank.gate(
        Policy::new("old").require(Factor::proof_of_work("old").first_format(v1::Algorithm::Sha256, 1000)),
    );
    let (new, old) = (puzzle(&second, "alice"), puzzle(&first, "alice"));
    let (new_token, old_token) = (solve(&new["altcha"]), solve(&old["altcha"]));
    assert!(check(&bank, "alice", &new["id"], &old_token).starts_with("400"));
    assert!(check(&bank, "alice", &old["id"], &new_token).starts_with("400"));
}

#[test]
fn captcha_rule_12_a_proof_of_work_opens_no_door_that_asks_for_a_code() {
    let bank = Bank::new();
    let human = work().cost(1).prefix("0");
    let gate = bank.gate(feed(human.clone()));
    let safe = bank.gate(Policy::new("safe").purpose("open the safe").require(all_of((human, step_up()))));
    let offer = puzzle(&gate, "alice");
    let reply = bank.call("check", "alice", &json!({ "id": offer["id"], "token": solve(&offer["altcha"]) }));
    let clearance = json_of(&reply)["clearance"].as_str().unwrap().to_owned();
    let request = Request::get("/safe").user("alice").header("challenge-clearance", &clearance);
    assert_eq!(blocked(&safe, request).status(), 403);
    let request = Request::get("/feed").user("alice").header("challenge-clearance", &clearance);
    assert!(enter(&gate, request).is_in());
}

#[test]
fn captcha_rule_10_the_price_rises_with_what_is_issued_and_open_challenges_stay_good() {
    let calm = Limit::of(50).per(Duration::from_secs(10));
    let cheap =
        || work().algorithm(Algorithm::Sha256).cost(1000).prefix("0").surge(Surge::above(calm).up_to(4));
    let bank = Bank::new();
    let gate = bank.gate(feed(cheap()));
    let asked = |offer: &Value| {
        let parameters = &offer["altcha"]["parameters"];
        let digits = u32::try_from(parameters["keyPrefix"].as_str().unwrap().len()).unwrap();
        16_u64.pow(digits) * parameters["cost"].as_u64().unwrap()
    };
    let early = puzzle(&gate, "alice");
    assert_eq!(asked(&early), 16_000);
    // From many threads at once: mCaptcha's did not rise under fifty.
    together(50, |_| (0..6).for_each(|_| _ = puzzle(&gate, "eve")));
    let dear = puzzle(&gate, "alice");
    assert_eq!(asked(&dear), 64_000, "four times as much, and no more");
    // It counts for every policy that takes the factor's proof, since all of them take it.
    let elsewhere = bank.gate(Policy::new("elsewhere").require(cheap()));
    assert_eq!(asked(&puzzle(&elsewhere, "alice")), 64_000);
    // And for no other factor.
    let other = Factor::proof_of_work("other").algorithm(Algorithm::Sha256).cost(1000).prefix("0");
    let quiet = bank.gate(Policy::new("quiet").require(other.surge(Surge::above(calm).up_to(4))));
    assert_eq!(asked(&puzzle(&quiet, "alice")), 16_000);
    // What was asked before the flood is what counts for it.
    assert_eq!(check(&bank, "alice", &early["id"], &solve(&early["altcha"])), "200");
    let mut cheaper = opened(&solve(&dear["altcha"]));
    cheaper["challenge"]["parameters"]["keyPrefix"] = json!("0");
    assert_eq!(check(&bank, "alice", &dear["id"], &sealed(&cheaper)), WRONG);
    bank.advance(30);
    assert_eq!(asked(&puzzle(&gate, "alice")), 16_000, "the flood is over");
    assert_eq!(check(&bank, "alice", &dear["id"], &solve(&dear["altcha"])), "200");
}

#[test]
fn captcha_rule_10_a_flood_of_known_answers_turns_into_prefixes_at_no_lower_a_price() {
    let bank = Bank::new();
    let gate = bank.gate(feed(work().counters(200..=300)));
    let known = |offer: &Value| offer["altcha"]["parameters"].get("keySignature").is_some();
    let calm = puzzle(&gate, "alice");
    assert!(known(&calm));
    let flood: Vec<_> = (0..1000).map(|_| puzzle(&gate, "eve")).collect();
    let issued = flood.iter().filter(|offer| known(offer)).count();
    assert!((300..500).contains(&issued), "{issued}");
    let instead = flood.last().unwrap();
    assert!(!known(instead));
    let parameters = &instead["altcha"]["parameters"];
    let digits = u32::try_from(parameters["keyPrefix"].as_str().unwrap().len()).unwrap();
    assert!(16_u64.pow(digits) * parameters["cost"].as_u64().unwrap() >= 250 * 5000);
    assert_eq!(check(&bank, "eve", &instead["id"], &solve(&instead["altcha"])), "200");
    bank.advance(60);
    assert!(known(&puzzle(&gate, "alice")), "the flood is over");
}

#[test]
fn captcha_rule_29_a_block_writes_nothing_and_asks_the_store_nothing() {
    for factor in kinds() {
        let clock = FakeClock::default();
        let memory = MemoryStore::builder().clock(clock.clone()).build();
        let witness = Witness::new(memory.clone());
        let bank = Bank::around(clock, memory, |builder| builder.store(std::sync::Arc::new(witness.clone())));
        let surge = Surge::above(Limit::of(10).per(Duration::from_secs(1)));
        // What takes memory follows the load by its counters only.
        let surging = bank.engine.gate(feed(factor.clone().surge(surge)));
        let gate = surging.unwrap_or_else(|_| bank.gate(feed(factor)));
        for _ in 0..20 {
            let _ = puzzle(&gate, "alice");
            let _ = bank.ask(Request::get("/challenge/altcha?policy=feed").user("alice"));
        }
        assert_eq!(witness.calls(), 0);
    }
}

#[test]
fn a_work_factor_that_makes_no_sense_does_not_start() {
    let bank = Bank::new();
    let calm = Limit::of(10).per(Duration::from_secs(1));
    for (n, factor) in [
        work().cost(0),
        work().cost(1_000_001),
        work().prefix(""),
        work().prefix("A"),
        work().prefix("000000000"),
        work().memory_cost(8),
        work().parallelism(1),
        work().counters(5..=5),
        work().counters(1..=u32::MAX),
        work().counters(5..=10).prefix("00"),
        work().first_format(v1::Algorithm::Sha256, 999),
        work().first_format(v1::Algorithm::Sha256, u32::MAX),
        work().first_format(v1::Algorithm::Sha256, 10_000).cost(5),
        work().first_format(v1::Algorithm::Sha256, 10_000).counters(5..=10),
        work().first_format(v1::Algorithm::Sha256, 1 << 29).surge(Surge::above(calm)),
        work().surge(Surge::above(calm).up_to(1)),
        work().surge(Surge::above(calm).up_to(2000)),
        work().surge(Surge::above(Limit::unlimited())),
        work().surge(Surge::above(Limit::of(0).per(Duration::from_secs(1)))),
        #[cfg(feature = "argon2id")]
        work().algorithm(Algorithm::Argon2id).memory_cost(65 * 1024),
        #[cfg(feature = "argon2id")]
        work().algorithm(Algorithm::Argon2id).memory_cost(7),
        #[cfg(feature = "argon2id")]
        work().algorithm(Algorithm::Argon2id).surge(Surge::above(calm)),
        #[cfg(feature = "scrypt")]
        work().algorithm(Algorithm::Scrypt).cost(5000),
        #[cfg(feature = "scrypt")]
        work().algorithm(Algorithm::Scrypt).cost(1 << 17),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("feed-{n}");
        let refused = bank.engine.gate(Policy::new(&name).require(factor.clone()));
        assert!(refused.is_err(), "{factor:?}");
    }
}

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
