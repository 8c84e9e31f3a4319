//! The law of policies and gates, R1 to R11, seen from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;

use std::time::Duration;

use async_trait::async_trait;
use bank::{
    Bank, Outcome, Request, Witness, ask, block_on, blocked, challenge_of, enter, headers_of, id_of, id_on,
    json_of, keys, other_than, solved, text_of,
};
use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use verify_core::{
    BlockStatus, Channel, CodeFactor, Contact, Contacts, ContactsError, Courier, CourierError,
    CourierErrorKind, Decision, Delivery, Engine, Factor, FakeClock, Gate, MemoryStore, MissingContacts,
    Origin, Policy, Psd2, Reply, RequestLimits, Requirement, Subject, WorkFactor, all_of, any_of,
};

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

fn step() -> CodeFactor {
    Factor::code("step-up")
}

fn mail() -> CodeFactor {
    Factor::code("by-mail").over([Channel::Email])
}

fn human() -> WorkFactor {
    Factor::proof_of_work("human").cost(1).prefix("0")
}

fn nothing() -> Vec<Requirement> {
    Vec::new()
}

fn compiles(requirement: impl Into<Requirement>) -> Result<Gate, String> {
    Bank::new().engine.gate(Policy::new("p").require(requirement)).map_err(|error| error.to_string())
}

fn vault() -> Request {
    Request::get("/vault").user("alice")
}

fn with(request: Request, clearances: &[&str]) -> Request {
    clearances.iter().fold(request, |request, token| request.header("challenge-clearance", token))
}

/// Satisfies the one factor of a gate: the clearance.
fn proof(bank: &Bank, gate: &Gate) -> String {
    let challenge = challenge_of(&blocked(gate, vault()));
    let body = match challenge["type"].as_str().unwrap() {
        "proof_of_work" => json!({ "id": challenge["id"], "token": solved(&challenge) }),
        _ => {
            let sent = bank.call("send", "alice", &json!({ "id": challenge["id"] }));
            assert_eq!(sent.status(), 200, "{sent:?}");
            let sent = json_of(&sent);
            let code = match sent["channel"].as_str().unwrap() {
                "email" => bank.inbox.last_code("alice@example.com").unwrap(),
                _ => bank.code("alice"),
            };
            json!({ "id": sent["id"], "code": code })
        }
    };
    let checked = bank.call("check", "alice", &body);
    assert_eq!(checked.status(), 200, "{checked:?}");
    json_of(&checked)["clearance"].as_str().unwrap().to_owned()
}

fn reasons(reply: &Reply) -> Vec<Vec<(String, String)>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    json_of(reply)["alternatives"]
        .as_array()
        .unwrap()
        .iter()
        .map(|leaves| {
            leaves
                .as_array()
                .unwrap()
                .iter()
                .map(|leaf| (text(&leaf["factor"]), text(&leaf["reason"])))
                .collect()
        })
        .collect()
}

fn listed(expected: &[&[(&str, &str)]]) -> Vec<Vec<(String, String)>> {
    expected
        .iter()
        .map(|leaves| leaves.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect())
        .collect()
}

fn assert_unavailable(reply: &Reply) {
    assert_eq!(reply.status(), 503, "{reply:?}");
    assert_eq!(headers_of(reply, "retry-after").len(), 1, "{reply:?}");
    assert!(reply.headers().get("challenge-clearance").is_none(), "{reply:?}");
}

// R1

#[test]
fn r01_empty_and_duplicate_only_compositions_do_not_build() {
    let bank = Bank::new();
    let bare = bank.engine.gate(Policy::new("bare")).unwrap_err();
    assert_eq!(bare.policy(), "bare");
    for hollow in [
        any_of(nothing()),
        all_of(nothing()),
        any_of((step(), all_of(nothing()))),
        all_of((human(), any_of((step(), any_of(nothing()))))),
        all_of([step(), step()]),
        any_of([step(), step(), step()]),
        any_of((human(), all_of([mail(), mail()]))),
        all_of([any_of((step(), mail())), any_of((step(), mail()))]),
    ] {
        let error = compiles(hollow.clone()).expect_err(&format!("{hollow:?}"));
        assert!(error.starts_with("policy `p`: "), "{error}");
    }
}

#[test]
fn r01_a_name_a_purpose_and_an_age_have_to_make_sense() {
    let bank = Bank::new();
    for name in ["", "Admin", "a b", "ä", &"a".repeat(33)] {
        assert!(bank.engine.gate(Policy::new(name).require(step())).is_err(), "{name:?}");
        assert!(compiles(Factor::code(name)).is_err(), "{name:?}");
    }
    for purpose in ["", "  ", "two\nlines", "turn\u{202e}ed", &"x".repeat(81)] {
        let policy = Policy::new("p").purpose(purpose).require(step());
        assert!(bank.engine.gate(policy).is_err(), "{purpose:?}");
    }
    for age in [Duration::ZERO, Duration::from_secs(12 * 3600 + 1)] {
        assert!(compiles(step().within(age)).is_err(), "{age:?}");
        assert!(compiles(step().lasts(age)).is_err(), "{age:?}");
    }
    assert!(compiles(step().within(Duration::from_secs(12 * 3600))).is_ok());
}

#[test]
fn r01_one_name_stands_for_one_policy_and_one_factor() {
    let bank = Bank::new();
    bank.gate(Policy::new("p").require(step()));
    bank.gate(Policy::new("p").require(step()));
    assert!(bank.engine.gate(Policy::new("p").require(mail())).is_err());
    assert!(bank.engine.gate(Policy::new("q").require(step().digits(8))).is_err());
    assert!(bank.engine.gate(Policy::new("q").require(step().tries(9))).is_err());
    bank.gate(Policy::new("q").require(step().within(minutes(5))));
}

/// A requirement over three factors, and what it should say of the set of those that are satisfied.
#[derive(Clone, Debug)]
enum Tree {
    Leaf(usize),
    All(Vec<Self>),
    Any(Vec<Self>),
}

impl Tree {
    fn requirement(&self) -> Requirement {
        match self {
            Self::Leaf(0) => step().into(),
            Self::Leaf(1) => mail().into(),
            Self::Leaf(_) => human().into(),
            Self::All(parts) => all_of(parts.iter().map(Self::requirement).collect::<Vec<_>>()),
            Self::Any(parts) => any_of(parts.iter().map(Self::requirement).collect::<Vec<_>>()),
        }
    }

    fn holds(&self, satisfied: usize) -> bool {
        match self {
            Self::Leaf(index) => satisfied >> index & 1 == 1,
            Self::All(parts) => parts.iter().all(|part| part.holds(satisfied)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(satisfied)),
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    (0..3_usize).prop_map(Tree::Leaf).prop_recursive(4, 16, 3, |inner| {
        let parts = proptest::collection::vec(inner, 1..4);
        prop_oneof![parts.clone().prop_map(Tree::All), parts.prop_map(Tree::Any)]
    })
}

#[test]
fn r01_all_of_and_any_of_nest_freely_and_mean_what_they_say() {
    let bank = Bank::new();
    let single = |name: &str, requirement: Requirement| bank.gate(Policy::new(name).require(requirement));
    let tokens = [
        proof(&bank, &single("s", step().into())),
        proof(&bank, &single("m", mail().into())),
        proof(&bank, &single("h", human().into())),
    ];
    let (mut built, mut number) = (0, 0);
    let mut runner = TestRunner::deterministic();
    for _ in 0..300 {
        let tree = trees().new_tree(&mut runner).unwrap().current();
        number += 1;
        let Ok(gate) = bank.engine.gate(Policy::new(format!("t{number}")).require(tree.requirement())) else {
            continue;
        };
        built += 1;
        for satisfied in 0..8_usize {
            let presented: Vec<&str> = (0..3)
                .filter(|index| satisfied >> index & 1 == 1)
                .map(|index| tokens[index].as_str())
                .collect();
            let is_in = enter(&gate, with(vault(), &presented)).is_in();
            assert_eq!(is_in, tree.holds(satisfied), "{tree:?} with {satisfied:03b}");
        }
    }
    assert!(built > 100, "only {built} of {number} compositions were built");
}

// R2

#[test]
fn r02_one_proof_passes_a_30_minute_route_and_fails_a_5_minute_route() {
    let bank = Bank::new();
    let long = bank.gate(Policy::new("long").require(step().within(minutes(30))));
    let short = bank.gate(Policy::new("short").require(step().within(minutes(5))));
    let token = proof(&bank, &long);
    let is_in = |gate: &Gate| enter(gate, with(vault(), &[&token])).is_in();
    assert!(is_in(&long) && is_in(&short));
    bank.advance(360);
    assert!(is_in(&long) && !is_in(&short), "at six minutes");
    bank.advance(24 * 60 - 1);
    assert!(is_in(&long) && !is_in(&short), "a second before thirty minutes");
    bank.advance(1);
    assert!(!is_in(&long) && !is_in(&short), "at thirty minutes");
}

#[test]
fn r02_one_policy_may_ask_for_one_factor_at_two_ages() {
    let bank = Bank::new();
    // Five minutes for the code alone, thirty together with a proof of work.
    let gate = bank.gate(
        Policy::new("p")
            .require(any_of((step().within(minutes(5)), all_of((step().within(minutes(30)), human()))))),
    );
    let code = proof(&bank, &bank.gate(Policy::new("s").require(step())));
    assert!(enter(&gate, with(vault(), &[&code])).is_in());
    bank.advance(300);
    assert!(!enter(&gate, with(vault(), &[&code])).is_in());
    let work = proof(&bank, &bank.gate(Policy::new("h").require(human())));
    assert!(enter(&gate, with(vault(), &[&code, &work])).is_in());
}

// R3

#[test]
fn r03_equality_is_expired() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step().within(minutes(5))));
    let token = proof(&bank, &gate);
    bank.clock.advance(Duration::from_millis(299_999));
    assert!(enter(&gate, with(vault(), &[&token])).is_in());
    bank.clock.advance(Duration::from_millis(1));
    assert!(!enter(&gate, with(vault(), &[&token])).is_in());
}

#[test]
fn r03_a_proof_from_the_future_counts_within_the_skew_and_not_beyond() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step().within(minutes(5))));
    let token = proof(&bank, &gate);
    bank.clock.turn_back(Duration::from_secs(30));
    assert!(enter(&gate, with(vault(), &[&token])).is_in(), "half a minute ahead is a clock's skew");
    bank.clock.turn_back(Duration::from_millis(1));
    assert!(!enter(&gate, with(vault(), &[&token])).is_in(), "more is not");
}

#[test]
fn r03_the_cap_on_clearances_is_exclusive_too() {
    let bank = Bank::with(|builder| builder.clearance_life(minutes(10)));
    assert!(bank.engine.gate(Policy::new("over").require(step().within(minutes(11)))).is_err());
    let gate = bank.gate(Policy::new("p").require(step().within(minutes(10))));
    let token = proof(&bank, &gate);
    bank.clock.advance(Duration::from_millis(599_999));
    assert!(enter(&gate, with(vault(), &[&token])).is_in());
    bank.clock.advance(Duration::from_millis(1));
    assert!(!enter(&gate, with(vault(), &[&token])).is_in());
}

// R4

#[test]
fn r04_using_a_clearance_does_not_extend_it() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step().within(minutes(30))));
    let token = proof(&bank, &gate);
    for minute in 0..30 {
        let outcome = enter(&gate, with(vault(), &[&token]));
        assert!(
            matches!(outcome, Outcome::Allowed),
            "minute {minute}: nothing new is handed out: {outcome:?}"
        );
        bank.advance(60);
    }
    assert!(!enter(&gate, with(vault(), &[&token])).is_in());
}

#[test]
fn r04_proving_one_factor_does_not_renew_another() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("both").require(all_of((step(), mail()))));
    let code = proof(&bank, &bank.gate(Policy::new("s").require(step())));
    bank.advance(20 * 60);
    let offer = blocked(&gate, with(vault(), &[&code]));
    assert_eq!(reasons(&offer), listed(&[&[("by-mail", "missing")]]));
    let sent = json_of(&bank.call("send", "alice", &json!({ "id": id_of(&offer) })));
    let mailed = bank.inbox.last_code("alice@example.com").unwrap();
    let checked = bank.ask(with(
        Request::new("POST", "/challenge/check")
            .user("alice")
            .json(&json!({ "id": sent["id"], "code": mailed })),
        &[&code],
    ));
    let both = json_of(&checked)["clearance"].as_str().unwrap().to_owned();
    assert!(enter(&gate, with(vault(), &[&both])).is_in(), "one clearance carries both proofs");
    bank.advance(10 * 60);
    let late = blocked(&gate, with(vault(), &[&both]));
    assert_eq!(reasons(&late), listed(&[&[("step-up", "expired")]]), "each with its own age");
}

#[test]
fn r04_a_new_proof_of_the_same_factor_starts_anew() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step()));
    let old = proof(&bank, &gate);
    bank.advance(29 * 60);
    let fresh = proof(&bank, &gate);
    bank.advance(29 * 60);
    assert!(!enter(&gate, with(vault(), &[&old])).is_in());
    assert!(enter(&gate, with(vault(), &[&fresh])).is_in());
    assert!(enter(&gate, with(vault(), &[&old, &fresh])).is_in(), "a stale one beside it does no harm");
}

// R5

#[test]
fn r05_the_denial_lists_what_is_unmet_in_each_alternative() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(all_of((human(), any_of((step(), mail()))))));
    let (missing, expired) = ("missing", "expired");
    assert_eq!(
        reasons(&blocked(&gate, vault())),
        listed(&[&[("human", missing), ("step-up", missing)], &[("human", missing), ("by-mail", missing)]])
    );
    let code = proof(&bank, &bank.gate(Policy::new("s").require(step())));
    assert_eq!(
        reasons(&blocked(&gate, with(vault(), &[&code]))),
        listed(&[&[("human", missing)], &[("human", missing), ("by-mail", missing)]]),
        "what is met is not asked for again"
    );
    bank.advance(30 * 60);
    assert_eq!(
        reasons(&blocked(&gate, with(vault(), &[&code]))),
        listed(&[&[("human", missing), ("step-up", expired)], &[("human", missing), ("by-mail", missing)]])
    );
}

#[test]
fn r05_an_offer_stands_for_one_factor_in_all_alternatives() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(all_of((human(), any_of((step(), mail()))))));
    let body = json_of(&blocked(&gate, vault()));
    assert_eq!(body["alternatives"][0][0]["id"], body["alternatives"][1][0]["id"]);
    assert_ne!(body["alternatives"][0][1]["id"], body["alternatives"][1][1]["id"]);
}

#[test]
fn r05_what_was_proven_before_a_refusal_stays_proven() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("both").require(all_of((step(), mail()))));
    let offers = json_of(&blocked(&gate, vault()))["alternatives"][0].clone();
    for offer in offers.as_array().unwrap() {
        assert_eq!(bank.call("send", "alice", &json!({ "id": offer["id"] })).status(), 200);
    }
    let mailed = bank.inbox.last_code("alice@example.com").unwrap();
    let request = vault()
        .header("challenge-id", offers[0]["id"].as_str().unwrap())
        .header("challenge-answer", bank.code("alice"))
        .header("challenge-id", offers[1]["id"].as_str().unwrap())
        .header("challenge-answer", other_than(&mailed));
    let reply = blocked(&gate, request);
    assert_eq!(json_of(&reply)["code"], "challenge_failed", "{reply:?}");
    // The first code is redeemed and cannot be typed again, so its proof has to come with this answer.
    let kept = headers_of(&reply, "challenge-clearance");
    assert_eq!(kept.len(), 1, "the proof of the first factor is lost: {reply:?}");
    assert_eq!(reasons(&blocked(&gate, with(vault(), &[&kept[0]]))), listed(&[&[("by-mail", "missing")]]));
}

// R6

#[test]
fn r06_a_channel_that_is_not_offered_is_refused() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step().over([Channel::Voice, Channel::Email])));
    let id = id_of(&blocked(&gate, vault()));
    for channel in ["sms", "VOICE", "Email", "", " voice", "email,voice", "push", "0"] {
        let reply = bank.call("send", "alice", &json!({ "id": id, "channel": channel }));
        assert_eq!(reply.status(), 400, "{channel:?}: {reply:?}");
    }
    assert!(bank.inbox.is_empty());
    assert_eq!(json_of(&bank.call("send", "alice", &json!({ "id": id })))["channel"], "voice");
}

#[test]
fn r06_a_ticket_of_another_policy_does_not_answer_in_line() {
    let bank = Bank::new();
    let own = bank.gate(Policy::new("own").require(step()));
    // The same factor under another policy, a factor of another policy, and a cheaper one.
    let twin = bank.gate(Policy::new("twin").require(step()));
    let by_mail = bank.gate(Policy::new("mail").require(mail()));
    let cheap = bank.gate(Policy::new("cheap").require(human()));

    let own_ticket = json_of(&bank.call("send", "alice", &json!({ "id": id_of(&blocked(&own, vault())) })));
    let code = bank.code("alice");
    let puzzle = challenge_of(&blocked(&cheap, vault()));
    let mailed = json_of(&bank.call("send", "alice", &json!({ "id": id_of(&blocked(&by_mail, vault())) })));
    let mail_code = bank.inbox.last_code("alice@example.com").unwrap();
    let inline = |id: &Value, answer: &str| {
        vault().header("challenge-id", id.as_str().unwrap()).header("challenge-answer", answer)
    };

    for (gate, id, answer) in [
        (&twin, &own_ticket["id"], code.as_str()),
        (&own, &mailed["id"], &mail_code),
        (&own, &puzzle["id"], &solved(&puzzle)),
    ] {
        let reply = blocked(gate, inline(id, answer));
        assert_eq!(reply.status(), 410, "{reply:?}");
    }
    // Nothing of it was spent.
    assert!(enter(&own, inline(&own_ticket["id"], &code)).is_in());
    assert!(enter(&by_mail, inline(&mailed["id"], &mail_code)).is_in());
}

#[test]
fn r06_no_parameter_talks_the_gate_down() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step()));
    bank.gate(Policy::new("cheap").require(human()));
    let request = Request::get("/vault?policy=cheap&factor=human&challenge-required=cheap&max_age=999999999")
        .user("alice")
        .header("challenge-required", "cheap")
        .header("challenge-policy", "cheap")
        .header("x-original-url", "/public")
        .header("x-http-method-override", "OPTIONS");
    let reply = blocked(&gate, request);
    assert_eq!(reasons(&reply), listed(&[&[("step-up", "missing")]]));
    assert_eq!(reply.headers()["challenge-required"], "p");
    // Nor does the body of a call: what it does not know, it refuses.
    let id = id_of(&reply);
    for member in ["policy", "factor", "type", "within", "digits", "to", "phone", "subject"] {
        let reply = bank.call("send", "alice", &json!({ "id": id, member: "cheap" }));
        assert_eq!(reply.status(), 400, "{member}");
    }
    assert!(bank.inbox.is_empty());
}

// R7

#[test]
fn r07_two_codes_to_one_kind_of_address_prove_it_once() {
    let phone = |name: &str, channel| Factor::code(name).over([channel]);
    for same in [
        all_of((step(), phone("call", Channel::Voice))),
        all_of((phone("a", Channel::Sms), phone("b", Channel::Sms))),
        all_of((mail(), phone("b", Channel::Email))),
        // One way to meet it is enough to refuse it.
        all_of((step(), any_of((mail(), phone("call", Channel::Voice))))),
        all_of((step().over([Channel::Sms, Channel::Email]), mail())),
        all_of((human(), all_of([any_of((step(), human())), all_of([phone("b", Channel::Sms)])]))),
    ] {
        let error = compiles(same.clone()).expect_err(&format!("{same:?}"));
        assert!(error.contains("count_same_address_twice"), "{error}");
        let meant = Policy::new("p").require(same).count_same_address_twice();
        Bank::new().engine.gate(meant).unwrap();
    }
    for distinct in
        [all_of((step(), mail())), all_of((step(), human())), any_of((step(), phone("call", Channel::Voice)))]
    {
        assert!(compiles(distinct.clone()).is_ok(), "{distinct:?}");
    }
}

// R8

#[test]
fn r08_no_spelling_of_a_path_leads_around_the_gate() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step()));
    for path in [
        "/vault",
        "/vault/",
        "//vault",
        "/VAULT",
        "/public/../vault",
        "/vault;jsessionid=1",
        "/v%61ult",
        "/vault%2f",
        "/vault%00.png",
        "/challenge/send",
        "/challenge/challenge.js",
        "/health",
        "/favicon.ico",
        "*",
        "",
        "vault",
        "\\vault",
        "http://other.example/vault",
    ] {
        assert_eq!(blocked(&gate, Request::get(path).user("alice")).status(), 403, "{path:?}");
    }
}

// R9

const METHODS: [&str; 14] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "QUERY",
    "get", "OPTION", "options",
];

#[test]
fn r09_every_method_is_guarded() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step()));
    let token = proof(&bank, &gate);
    for method in METHODS {
        let request = || Request::new(method, "/vault").user("alice");
        assert_eq!(blocked(&gate, request()).status(), 403, "{method}");
        assert_eq!(blocked(&gate, request().browser()).status(), 403, "{method}");
        assert_eq!(blocked(&gate, request().browser().form("a=b")).status(), 403, "{method}");
        assert!(enter(&gate, with(request(), &[&token])).is_in(), "{method}");
    }
}

#[test]
fn r09_a_preflight_reaches_nobody_unless_the_policy_says_so() {
    let bank = Bank::new();
    let transfers = bank.gate(Policy::new("t").require(step()).bind(Psd2::json("/a", "/b", "/c", "/d")));
    for gate in [bank.gate(Policy::new("p").require(step())), transfers] {
        let preflight = Request::new("OPTIONS", "/vault")
            .header("origin", "https://shop.example")
            .header("access-control-request-method", "PUT");
        let answer = blocked(&gate, preflight);
        assert_eq!((answer.status().as_u16(), answer.body().len()), (204, 0), "no challenge");
        assert!(!answer.headers().keys().any(|name| name.as_str().starts_with("access-control")));
    }
    let wished = Policy::new("w").require(step()).bind(Psd2::json("/a", "/b", "/c", "/d")).pass_preflights();
    assert!(bank.engine.gate(wished).is_err(), "a payment never passes by looking like one");
}

#[test]
fn r09_only_a_true_preflight_passes() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step()).pass_preflights());
    let options = || Request::new("OPTIONS", "/vault");
    let origin = |request: Request| request.header("origin", "https://shop.example");
    let asking = |request: Request| request.header("access-control-request-method", "PUT");
    assert!(matches!(gate.decide(&asking(origin(options()))), Decision::Allow));
    for not_one in [
        options(),
        origin(options()),
        asking(options()),
        origin(options()).header("access-control-request-headers", "x-a"),
        options().header("access-control-allow-origin", "*").header("access-control-request-method", "GET"),
    ] {
        assert_eq!(blocked(&gate, not_one).status(), 403);
    }
    for method in METHODS.into_iter().filter(|method| *method != "OPTIONS") {
        let request = asking(origin(Request::new(method, "/vault")));
        assert!(!enter(&gate, request).is_in(), "{method}");
    }
}

#[test]
fn r09_head_is_answered_like_get_without_a_body() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step()));
    type Look = fn(Request) -> Request;
    for look in [(|request| request) as Look, Request::browser] {
        let get = blocked(&gate, look(vault()));
        let head = blocked(&gate, look(Request::new("HEAD", "/vault").user("alice")));
        assert!(!get.body().is_empty() && head.body().is_empty());
        assert_eq!(get.status(), head.status());
        let names = |reply: &Reply| {
            let mut names: Vec<String> = reply.headers().keys().map(ToString::to_string).collect();
            names.retain(|name| name != "content-length");
            names.sort();
            names
        };
        assert_eq!(names(&get), names(&head));
        // Where there is a body, its server says how long it is.
        assert_eq!(headers_of(&head, "content-length"), [get.body().len().to_string()]);
        assert_eq!(get.headers()["content-type"], head.headers()["content-type"]);
    }
    for path in ["send", "check", "solver.js", "challenge.js", "nowhere"] {
        let reply = bank.ask(Request::new("HEAD", &format!("/challenge/{path}")));
        assert!(reply.body().is_empty(), "{path}");
    }
}

// R10

/// Offers, sends, guesses wrong and answers right; says what each of the three calls answered.
fn walk(bank: &Bank, gate: &Gate, user: &str) -> [Reply; 3] {
    let id = id_of(&blocked(gate, Request::get("/vault").user(user)));
    let sent = bank.call("send", user, &json!({ "id": id }));
    let code = bank.inbox.last_code(&bank::phone_of(user)).unwrap_or_else(|| "123456".to_owned());
    let wrong = bank.call("check", user, &json!({ "id": id, "code": other_than(&code) }));
    let right = bank.call("check", user, &json!({ "id": id, "code": code }));
    [sent, wrong, right]
}

#[test]
fn r10_whichever_store_call_errs_nobody_gets_in() {
    let mut tried = 0;
    for call in 0..40 {
        let clock = FakeClock::default();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        let witness = Witness::new(store.clone());
        let bank = Bank::around(clock, store, |builder| builder.store(witness.clone()));
        let gate = bank.gate(Policy::new("p").require(step()));
        witness.fail(call..call + 1);
        let before = witness.failed();
        let replies = walk(&bank, &gate, "alice");
        if witness.failed() == before {
            break;
        }
        tried += 1;
        let errors: Vec<&Reply> = replies.iter().filter(|reply| reply.status() == 503).collect();
        assert_eq!(errors.len(), 1, "call {call}: {replies:?}");
        assert_unavailable(errors[0]);
        assert_eq!(json_of(errors[0])["code"], "unavailable");
        assert_ne!(replies[1].status(), 200, "call {call}: a wrong code never passes");
    }
    assert!(tried >= 10, "only {tried} store calls were seen");
}

#[test]
fn r10_with_the_store_gone_everything_that_needs_it_answers_503() {
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let witness = Witness::new(store.clone());
    let bank = Bank::around(clock, store, |builder| builder.store(witness.clone()));
    let gate = bank.gate(Policy::new("p").require(step()));
    let checking = bank.gate(Policy::new("checking").require(step()).checks_revocation());
    let cheap = bank.gate(Policy::new("cheap").require(human()));
    let token = proof(&bank, &gate);
    bank.advance(60);
    let id = id_of(&blocked(&gate, vault()));
    assert_eq!(bank.call("send", "alice", &json!({ "id": id })).status(), 200);
    let code = bank.code("alice");
    assert!(enter(&checking, with(vault(), &[&token])).is_in());

    witness.fail(0..u64::MAX);
    let inline = vault().header("challenge-id", &id).header("challenge-answer", &code);
    let puzzle = challenge_of(&blocked(&cheap, vault()));
    for reply in [
        blocked(&checking, with(vault(), &[&token])),
        blocked(&gate, inline),
        bank.call("send", "alice", &json!({ "id": id })),
        bank.call("check", "alice", &json!({ "id": id, "code": code })),
        bank.call("check", "alice", &json!({ "id": puzzle["id"], "token": solved(&puzzle) })),
        bank.call("status", "alice", &json!({ "id": id })),
        bank.call("cancel", "alice", &json!({ "id": id })),
    ] {
        assert_unavailable(&reply);
    }
    for action in ["send", "check", "cancel"] {
        let form = format!("challenge-id={id}&challenge-answer={code}");
        let page = bank.ask(Request::new("POST", &format!("/challenge/{action}")).user("alice").form(form));
        assert_unavailable(&page);
        assert!(text_of(&page).contains("<!doctype html>"));
    }
    // What needs no store goes on: a block, and a clearance that is not looked up.
    assert_eq!(blocked(&gate, vault()).status(), 403);
    assert!(enter(&gate, with(vault(), &[&token])).is_in());
    // And nothing was lost.
    witness.heal();
    assert_eq!(bank.call("check", "alice", &json!({ "id": id, "code": code })).status(), 200);
}

#[test]
fn r10_a_posted_form_is_answered_with_503_too() {
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let witness = Witness::new(store.clone());
    let bank = Bank::around(clock, store, |builder| builder.store(witness.clone()));
    let gate = bank.gate(Policy::new("p").require(step()));
    let post = |body: &str| Request::new("POST", "/vault").user("alice").browser().form(body);
    let id = id_on(&blocked(&gate, post("amount=1")));
    witness.fail(0..u64::MAX);
    let carried = |action: &str, body: &str| {
        bank.ask(Request::new("POST", &format!("/challenge/{action}?carry")).user("alice").form(body))
    };
    let body = format!("amount=1&challenge-id={id}&challenge-answer=123456");
    for page in [blocked(&gate, post(&body)), carried("send", &body), carried("cancel", &body)] {
        assert!(text_of(&page).contains("not available"), "{page:?}");
        assert!(text_of(&page).contains("name=\"amount\" value=\"1\""), "{page:?}");
        assert_unavailable(&page);
    }
}

/// A courier and an address book that fail as told.
#[derive(Clone, Debug)]
struct Failing(CourierErrorKind);

#[async_trait]
impl Courier for Failing {
    async fn deliver(&self, _: &Delivery) -> Result<(), CourierError> {
        Err(CourierError::new(self.0).with_source("to +12025550101: 123456 rejected"))
    }

    fn is_development(&self) -> bool {
        true
    }
}

#[async_trait]
impl Contacts for Failing {
    async fn contact(&self, _: &Subject<'_>, _: Channel) -> Result<Option<Contact>, ContactsError> {
        Err(ContactsError::new("ldap://10.0.0.9 is down"))
    }
}

/// Where answers may tell how the delivery went.
fn told_bank(kind: CourierErrorKind) -> Bank {
    Bank::with(|builder| builder.courier(Channel::Sms, Failing(kind)).missing_contacts(MissingContacts::Tell))
}

#[test]
fn r10_a_courier_that_errs_answers_503_and_keeps_nobody_waiting() {
    let bank = told_bank(CourierErrorKind::Unavailable);
    let gate = bank.gate(Policy::new("p").require(step().over([Channel::Sms, Channel::Email])));
    let id = id_of(&blocked(&gate, vault()));
    let reply = bank.call("send", "alice", &json!({ "id": id }));
    assert_unavailable(&reply);
    assert!(!text_of(&reply).contains("+1202"), "{reply:?}");
    let mailed = bank.call("send", "alice", &json!({ "id": id, "channel": "email" }));
    assert_eq!(mailed.status(), 200, "the next channel may be tried at once: {mailed:?}");
}

#[test]
fn r10_an_address_that_is_refused_is_the_clients_error_and_no_pass() {
    let bank = told_bank(CourierErrorKind::Refused);
    let gate = bank.gate(Policy::new("p").require(step()));
    let id = id_of(&blocked(&gate, vault()));
    assert_eq!(bank.call("send", "alice", &json!({ "id": id })).status(), 400);
    assert!(!enter(&gate, vault()).is_in());
}

#[test]
fn r10_contacts_that_err_answer_503() {
    let bank = Bank::with(|builder| builder.contacts(Failing(CourierErrorKind::Unavailable)));
    let gate = bank.gate(Policy::new("p").require(step()));
    let id = id_of(&blocked(&gate, vault()));
    let reply = bank.call("send", "alice", &json!({ "id": id }));
    assert_unavailable(&reply);
    assert!(!text_of(&reply).contains("10.0.0.9"));
    assert!(bank.inbox.is_empty());
}

#[test]
fn r10_an_unknown_policy_or_factor_does_not_pass() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step()));
    let id = id_of(&blocked(&gate, vault()));
    // Another process of the same deployment that was built without this policy, or with another factor in it.
    let bare = Bank::new();
    let changed = Bank::new();
    let changed_gate = changed.gate(Policy::new("p").require(step().digits(8)));
    for other in [&bare, &changed] {
        for action in ["send", "check", "status", "cancel"] {
            let body = json!({ "id": id, "code": "123456" });
            let reply = other.call(action, "alice", &body);
            assert_eq!((reply.status().as_u16(), &json_of(&reply)["code"]), (500, &json!("misconfigured")));
        }
        assert!(other.inbox.is_empty());
    }
    let token = proof(&bank, &gate);
    assert!(!enter(&changed_gate, with(vault(), &[&token])).is_in(), "the proof of another factor");
}

#[test]
fn r10_a_missing_identity_is_a_stranger() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step()));
    let token = proof(&bank, &gate);
    for request in [
        Request::get("/vault"),
        Request::get("/vault").header("x-user", ""),
        Request::get("/vault").header("x-user", "alice").header("x-user", "alice"),
        Request::get("/vault").header("x-user", b"ali\xffce"),
    ] {
        assert!(!enter(&gate, with(request, &[&token])).is_in());
    }
}

#[test]
fn r10_what_an_adapter_gives_up_on_is_closed() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step()));
    let inquiry = |request: Request| match bank.endpoints.decide(&request) {
        Decision::Read(inquiry, _) => inquiry,
        other => panic!("{other:?}"),
    };
    let call = || Request::new("POST", "/challenge/check").user("alice").json(&json!({}));
    assert_unavailable(&inquiry(call()).timed_out());
    assert_eq!(inquiry(call()).too_large().status(), 413);
    assert_eq!(inquiry(call()).unreadable().status(), 400);
    let page = Request::new("POST", "/vault").browser().form("a=b");
    let Decision::Read(inquiry, limit) = gate.decide(&page) else { panic!("a form is read") };
    assert_unavailable(&inquiry.timed_out());
    assert!((16 * 1024..=1024 * 1024).contains(&limit), "{limit}");
    let inline = vault().header("challenge-id", "t1.k1.x").header("challenge-answer", "123456");
    let Decision::Consult(inquiry) = gate.decide(&inline) else { panic!("an answer is consulted on") };
    assert_unavailable(&inquiry.timed_out());
    assert!(!gate.deadline().is_zero() && gate.deadline() == bank.engine.deadline());
}

#[test]
fn r10_an_inquiry_of_one_kind_is_not_ruled_on_as_another() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step()));
    let call = Request::new("POST", "/challenge/status").user("alice").json(&json!({}));
    let Decision::Read(inquiry, _) = bank.endpoints.decide(&call) else { panic!("a call is read") };
    assert!(matches!(block_on(gate.rule(inquiry, Bytes::new())), verify_core::Ruling::Respond(_)));
    let inline = vault().header("challenge-id", "t1.k1.x").header("challenge-answer", "123456");
    let Decision::Consult(inquiry) = gate.decide(&inline) else { panic!("an answer is consulted on") };
    assert!(matches!(block_on(bank.endpoints.rule(inquiry, Bytes::new())), verify_core::Ruling::Respond(_)));
}

#[test]
fn r10_an_inquiry_of_one_gate_does_not_open_another() {
    let bank = Bank::new();
    let weak = bank.gate(Policy::new("weak").require(human()).checks_revocation());
    let strong = bank.gate(Policy::new("strong").require(step()));
    let token = proof(&bank, &weak_twin(&bank));
    let Decision::Consult(inquiry) = weak.decide(&with(vault(), &[&token])) else {
        panic!("revocation is looked up")
    };
    assert!(matches!(block_on(strong.rule(inquiry, Bytes::new())), verify_core::Ruling::Respond(_)));
}

fn weak_twin(bank: &Bank) -> Gate {
    bank.gate(Policy::new("twin").require(human()))
}

#[test]
fn r10_a_configuration_error_does_not_start() {
    let origin = || Origin::parse("https://bank.example").unwrap();
    let bare = || Engine::builder(keys(), origin()).limits(RequestLimits::unlimited());
    let engine = bare().build().unwrap();
    assert!(engine.gate(Policy::new("p").require(step())).is_err(), "no courier");
    assert!(engine.gate(Policy::new("p").require(human())).is_ok(), "a proof of work needs none");
    let couriered = bare().courier(Channel::Sms, Failing(CourierErrorKind::Refused)).build().unwrap();
    assert!(couriered.gate(Policy::new("p").require(step())).is_err(), "no contacts");
    for status in [200, 302, 401, 428, 500, 503] {
        let status = http::StatusCode::from_u16(status).unwrap();
        assert!(bare().block_status(BlockStatus::Other(status)).build().is_err(), "{status}");
    }
    assert!(Engine::builder(keys(), Origin::parse("http://bank.example").unwrap()).build().is_err());
    assert!(bare().clearance_life(Duration::ZERO).build().is_err());
    assert!(bare().mount("challenge").build().is_err());
}

#[test]
fn r10_the_endpoints_pass_nothing_on() {
    let bank = Bank::new();
    let gate = bank.gate(Policy::new("p").require(step()));
    let token = proof(&bank, &gate);
    for method in METHODS {
        for path in ["/challenge/send", "/challenge/check", "/challenge/nowhere", "/challenge", "/", ""] {
            // `ask` panics where an endpoint would let the request pass.
            let reply = ask(&bank.endpoints, with(Request::new(method, path).user("alice"), &[&token]));
            assert!(reply.status().is_client_error(), "{method} {path}: {reply:?}");
        }
    }
}
