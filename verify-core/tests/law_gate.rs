//! The law of the gate, R5 to R9, seen from outside: what a block offers, and that nothing leads around it or through the endpoints.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/proofs.rs"]
mod proofs;

use bank::{
    Bank, Request, ask, blocked, challenge_of, enter, headers_of, id_of, json_of, other_than, solved,
};
use proofs::{compiles, human, listed, mail, proof, reasons, step, vault, with};
use serde_json::{Value, json};
use verify_core::{Channel, Decision, Factor, Policy, Psd2, Reply, all_of, any_of};

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
