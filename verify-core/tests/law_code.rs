//! The life of a code: how it is made, when it works, and for what it does not.
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

use std::collections::HashSet;
use std::time::Duration;

use bank::{Bank, Request, ask, block_on, blocked, enter, id_of, json_of};
use law::{
    EXPIRED, USED, WRONG, check, generous, opened, send, step_up, ticket, told, tries_left, vault, vault_of,
    wrong,
};
use serde_json::{Value, json};
use verify_core::{Channel, CodeFactor, Factor, KeyRing, MemoryStore, Policy, Subject};

fn by_mail() -> CodeFactor {
    Factor::code("by-mail").over([Channel::Email])
}

#[test]
fn r32_codes_are_padded_digits_and_differ() {
    for digits in [6, 8, 10] {
        let bank = Bank::with(|builder| builder.budgets(generous()));
        let gate = bank.gate(Policy::new("vault").require(by_mail().digits(digits)));
        let mut codes = HashSet::new();
        for n in 0..300 {
            let user = format!("user-{n}");
            assert_eq!(send(&bank, &user, &ticket(&gate, &user)).status(), 200);
            let code = bank.inbox.last_code(&format!("{user}@example.com")).unwrap();
            assert_eq!(code.len(), usize::from(digits));
            assert!(code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
            codes.insert(code);
        }
        assert!(codes.len() > 290, "of 300 draws from a million, {} differ", codes.len());
        assert!(codes.iter().any(|code| code.starts_with('0')), "leading zeros stay");
    }
}

#[test]
fn r32_short_codes_and_long_lives_do_not_start() {
    let bank = Bank::new();
    let starts = |factor: CodeFactor| bank.engine.gate(Policy::new("vault").require(factor)).is_ok();
    let factor = |name: &str| Factor::code(name);
    assert!(!starts(factor("a").digits(5)) && !starts(factor("b").digits(11)));
    assert!(!starts(factor("c").lives(Duration::from_secs(601))));
    assert!(!starts(factor("d").lives(Duration::ZERO)));
    assert!(!starts(factor("e").lives_beyond_ten_minutes(Duration::from_secs(86_401))));
    assert!(!starts(factor("f").tries(0)) && !starts(factor("g").tries(11)));
    assert!(!starts(factor("h").sends(0)) && !starts(factor("i").sends(11)));
    let fresh = Bank::new();
    assert!(
        fresh.engine.gate(Policy::new("p1").require(factor("k").lives(Duration::from_secs(600)))).is_ok()
    );
    let day = factor("l").lives_beyond_ten_minutes(Duration::from_secs(86_400));
    assert!(fresh.engine.gate(Policy::new("p2").require(day)).is_ok());
    assert!(fresh.engine.gate(Policy::new("p3").require(factor("m").digits(10).tries(1).sends(1))).is_ok());
}

#[test]
fn r32_a_code_lives_five_minutes_from_its_first_send() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let (id, code) = opened(&bank, &gate, "alice");
    bank.clock.advance(Duration::from_millis(299_999));
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");

    let unsent = ticket(&gate, "bob");
    let (id, code) = (json_of(&send(&bank, "bob", &unsent))["id"].clone(), bank.code("bob"));
    bank.clock.advance(Duration::from_millis(300_000));
    assert_eq!(told(&check(&bank, "bob", id.as_str().unwrap(), &code)), EXPIRED, "equality is too late");
    assert_eq!(told(&check(&bank, "bob", &unsent, &code)), USED, "nor by the ticket from before the send");
}

const ONE: &str = "k1:5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";
const TWO: &str = "k2:c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3";

#[test]
fn r34_a_new_key_in_front_keeps_what_is_open() {
    let before = Bank::new();
    let gate = before.gate(vault());
    let (id, code) = opened(&before, &gate, "alice");
    let cleared = before.clearance(&gate, "bob");
    for n in 0..3 {
        assert_eq!(told(&check(&before, "alice", &id, &wrong(&code, n))), WRONG);
    }

    let facts = ONE.replace("k1:", "facts:");
    let after = law::bank_under(&format!("{TWO},{ONE},{facts}"), &before.clock, &before.store);
    let gate = after.gate(vault());
    let look = |token: &str| Request::get("/vault").user("bob").header("challenge-clearance", token);
    assert!(enter(&gate, look(&cleared)).is_in());
    assert_eq!(tries_left(&after, "alice", &id), 2, "what was tried stays tried");
    assert!(after.clearance(&gate, "carol").starts_with("c1.k2."), "the newest key signs");
    assert_eq!(told(&check(&after, "alice", &id, &code)), "200");

    let dropped = law::bank_under(TWO, &before.clock, &before.store);
    assert!(!enter(&dropped.gate(vault()), look(&cleared)).is_in());
}

#[test]
fn r34_a_dropped_key_kills_what_it_sealed() {
    let before = Bank::new();
    let (id, code) = opened(&before, &before.gate(vault()), "alice");
    let impostor = format!("k1:{}", "99".repeat(32));
    let facts = ONE.replace("k1:", "facts:");
    for ring in [TWO, &impostor, &format!("{TWO},{impostor},{facts}")] {
        let after = law::bank_under(ring, &before.clock, &before.store);
        after.gate(vault());
        for action in ["send", "check", "status", "cancel"] {
            let reply = after.call(action, "alice", &json!({ "id": id, "code": code }));
            assert_eq!(told(&reply), EXPIRED, "{action}");
        }
        assert!(after.inbox.is_empty());
    }
    assert_eq!(told(&check(&before, "alice", &id, &code)), "200", "and nothing of it was spent");
}

#[test]
fn r34_what_nobody_can_open_any_more_does_not_stand_in_the_way() {
    let facts = ONE.replace("k1:", "facts:");
    let first = Bank::new();
    let before = law::bank_under(&format!("{ONE},{facts}"), &first.clock, &first.store);
    let (id, code) = opened(&before, &before.gate(vault()), "alice");
    before.advance(60);
    // Its key has leaked, and is gone at once; its entry is in the store for as long as the challenge would have lived.
    let after = law::bank_under(&format!("{TWO},{facts}"), &first.clock, &first.store);
    let (next, fresh) = opened(&after, &after.gate(vault()), "alice");
    assert_eq!(told(&check(&after, "alice", &next, &fresh)), "200");
    assert_eq!(told(&check(&before, "alice", &id, &code)), USED, "what made room does not come back");
}

#[test]
fn r34_while_a_new_key_is_rolled_out_all_machines_count_together() {
    let facts = ONE.replace("k1:", "facts:");
    // Accepted first, used second; at any moment two neighbours of this list are there.
    let rings = [
        ONE.to_owned(),
        format!("{ONE},{facts}"),
        format!("{ONE},{TWO},{facts}"),
        format!("{TWO},{ONE},{facts}"),
        format!("{TWO},{facts}"),
    ];
    for pair in rings.windows(2) {
        for (here, there) in [(&pair[0], &pair[1]), (&pair[1], &pair[0])] {
            if here.starts_with(TWO) != there.starts_with(TWO) && here.len() != there.len() {
                continue; // The last step waits until nothing of the old key is left.
            }
            let first = Bank::new();
            let here = law::bank_under(here, &first.clock, &first.store);
            let there = law::bank_under(there, &first.clock, &first.store);
            let gate = here.gate(vault());
            there.gate(vault());
            let (id, code) = opened(&here, &gate, "alice");
            for n in 0..3 {
                assert_eq!(told(&check(&there, "alice", &id, &wrong(&code, n))), WRONG);
            }
            assert_eq!(tries_left(&here, "alice", &id), 2);
            assert_eq!(told(&check(&there, "alice", &id, &code)), "200");
            assert_ne!(told(&check(&here, "alice", &id, &code)), "200");
        }
    }
}

#[test]
fn r18_r34_what_was_revoked_stays_so_when_its_key_is_dropped() {
    let facts = ONE.replace("k1:", "facts:");
    let both = format!("{TWO},{ONE},{facts}");
    let first = Bank::new();
    let before = law::bank_under(&both, &first.clock, &first.store);
    let policy = || vault().checks_revocation();
    let cleared = before.clearance(&before.gate(policy()), "bob");
    block_on(before.engine.revoke(&Subject::user("bob"))).unwrap();
    let look = || Request::get("/vault").user("bob").header("challenge-clearance", &cleared);
    for ring in [both, format!("{TWO},{facts}")] {
        let after = law::bank_under(&ring, &first.clock, &first.store);
        assert!(!enter(&after.gate(policy()), look()).is_in(), "{ring}");
    }
    assert!(KeyRing::parse(&format!("{TWO},{ONE}")).is_err(), "nobody can forget to say which key stays");
}

#[test]
fn r18_a_clearance_stays_revoked_however_often_and_long_ago_others_were() {
    let day = Duration::from_secs(24 * 3600);
    let bank = Bank::new();
    let gate = bank.gate(vault().checks_revocation());
    let revoke = || block_on(bank.engine.revoke(&Subject::user("bob"))).unwrap();
    revoke();
    bank.clock.advance(89 * day + Duration::from_secs(23 * 3600));
    let cleared = bank.clearance(&gate, "bob");
    revoke();
    // The first revocation is ninety days ago, and a store that has forgotten it would count from one again.
    bank.clock.advance(Duration::from_secs(2 * 3600));
    revoke();
    let other = law::bank_under(ONE, &bank.clock, &bank.store);
    let look = Request::get("/vault").user("bob").header("challenge-clearance", &cleared);
    assert!(!enter(&other.gate(vault().checks_revocation()), look).is_in());
}

/// Timing cannot be seen from here; that the answers do not differ by how much was right can.
#[test]
fn r35_wrong_codes_are_told_alike() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let (id, code) = opened(&bank, &bank.gate(vault_of(step_up().tries(10))), "alice");
    let other = |digit: char| if digit == '9' { '0' } else { char::from(digit as u8 + 1) };
    let changed = |place: usize| -> String {
        code.chars().enumerate().map(|(n, digit)| if n == place { other(digit) } else { digit }).collect()
    };
    let guesses = [changed(0), changed(5), format!("{code}0"), code[..5].to_owned(), "abcdef".to_owned()];
    let answers: HashSet<String> = guesses
        .iter()
        .map(|guess| {
            let reply = check(&bank, "alice", &id, guess);
            let mut body = json_of(&reply);
            body.as_object_mut().unwrap().remove("request_id");
            format!("{} {:?} {body}", reply.status(), reply.headers())
        })
        .collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[test]
fn r39_without_its_entry_no_code_works() {
    let before = Bank::new();
    let gate = before.gate(vault());
    let unsent = ticket(&gate, "alice");
    let (id, code) = (json_of(&send(&before, "alice", &unsent))["id"].clone(), before.code("alice"));
    let empty = MemoryStore::builder().clock(before.clock.clone()).build();
    let after = Bank::around(before.clock.clone(), empty, |builder| builder);
    let gate = after.gate(vault());
    for id in [id.as_str().unwrap(), &unsent] {
        assert_eq!(told(&check(&after, "alice", id, &code)), USED);
        let in_line = Request::get("/vault").user("alice").header("challenge-id", id);
        assert!(!enter(&gate, in_line.header("challenge-answer", &code)).is_in());
    }
    assert_eq!(after.call("status", "alice", &json!({ "id": id })).status(), 200);
    // The same store still knows it.
    assert_eq!(told(&check(&before, "alice", id.as_str().unwrap(), &code)), "200");
}

#[test]
fn r41_a_success_leaves_no_sibling_alive() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let also = bank.gate(Policy::new("ledger").purpose("read the ledger").require(step_up()));
    let tabs: Vec<String> = (0..3).map(|_| ticket(&gate, "alice")).collect();
    let other = id_of(&blocked(&also, Request::get("/ledger").user("alice")));
    let mut open: Vec<String> = Vec::new();
    for id in tabs.iter().chain([&other]) {
        open.push(json_of(&send(&bank, "alice", id))["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(bank.inbox.len(), 1, "tabs do not void each other, and send nothing twice");
    let code = bank.code("alice");
    let cleared = check(&bank, "alice", &open[1], &code);
    assert_eq!(cleared.status(), 200);
    for id in [&tabs[0], &open[0], &open[1]] {
        assert_eq!(told(&check(&bank, "alice", id, &code)), USED);
    }
    for id in [&tabs[1], &tabs[2], &open[2], &other, &open[3]] {
        assert_ne!(check(&bank, "alice", id, &code).status(), 200);
    }
    let clearance = json_of(&cleared)["clearance"].as_str().unwrap().to_owned();
    for gate in [&gate, &also] {
        let request = Request::get("/x").user("alice").header("challenge-clearance", &clearance);
        assert!(enter(gate, request).is_in(), "the proof is the factor's, whichever policy asked");
    }
}

#[test]
fn r53_a_ticket_works_only_for_what_it_was_offered_for() {
    let bank = Bank::new();
    let a = bank.gate(vault());
    let b = bank.gate(Policy::new("ledger").require(by_mail()));
    let c = bank.gate(Policy::new("archive").purpose("read the archive").require(step_up()));
    let (id, code) = opened(&bank, &a, "alice");
    let in_line = |id: &str, code: &str| {
        Request::get("/x").user("alice").header("challenge-id", id).header("challenge-answer", code)
    };
    for other in [&b, &c] {
        assert_eq!(told(&enter(other, in_line(&id, &code)).reply()), EXPIRED);
    }
    let theirs = id_of(&blocked(&b, Request::get("/x").user("alice")));
    let theirs = json_of(&send(&bank, "alice", &theirs))["id"].as_str().unwrap().to_owned();
    assert_eq!(tries_left(&bank, "alice", &id), 5, "what was refused unread was not counted");
    assert_eq!(told(&check(&bank, "alice", &theirs, &code)), WRONG, "one factor's code is not the other's");
    assert_eq!(told(&enter(&b, in_line(&theirs, &code)).reply()), WRONG);
    assert!(enter(&a, in_line(&id, &code)).is_in());
}

#[test]
fn r53_a_code_is_no_token_and_a_token_is_no_code() {
    let bank = Bank::new();
    let work = bank.gate(Policy::new("feed").require(Factor::proof_of_work("human").cost(10)));
    let puzzle = id_of(&blocked(&work, Request::get("/feed").user("alice")));
    let (id, code) = opened(&bank, &bank.gate(vault()), "alice");
    for body in [
        json!({ "id": puzzle, "code": code }),
        json!({ "id": puzzle, "token": code }),
        json!({ "id": id, "token": code }),
        json!({ "id": id, "code": code, "token": code }),
    ] {
        assert_eq!(told(&bank.call("check", "alice", &body)), "400 validation_error", "{body}");
    }
    assert_eq!(told(&bank.call("send", "alice", &json!({ "id": puzzle }))), "200");
    assert_eq!(bank.inbox.len(), 1, "nothing travels for a proof of work");
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
}

#[test]
fn r54_a_code_finds_no_challenge() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let gate = bank.gate(vault());
    let (alices, code) = opened(&bank, &gate, "alice");
    let (bobs, _) = opened(&bank, &gate, "bob");
    for body in
        [json!({ "code": code }), json!({ "id": null, "code": code }), json!({ "id": 7, "code": code })]
    {
        assert_eq!(told(&bank.call("check", "alice", &body)), "400 validation_error");
    }
    for id in [
        "",
        "t1",
        "t1.k1.",
        &code,
        &alices[..alices.len() - 1],
        &format!("{alices}A"),
        &alices.replace("t1", "t2"),
    ] {
        assert_eq!(told(&check(&bank, "alice", id, &code)), EXPIRED, "{id}");
    }
    assert_eq!(told(&check(&bank, "bob", &bobs, &code)), WRONG);
    assert_eq!(told(&check(&bank, "bob", &alices, &code)), EXPIRED);
    assert_eq!(told(&check(&bank, "alice", &alices, &code)), "200");
}

/// A challenge belongs to one session, tenant and epoch of one user.
#[test]
fn r53_r54_a_code_works_in_the_session_that_asked() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let alice = || Subject::user("alice").session("s1").tenant("t1").epoch(1);
    let post = |action: &str, subject: Subject<'static>, body: &Value| {
        let target = format!("/challenge/{action}");
        ask(&bank.endpoints, Request::new("POST", &target).subject(subject).json(body))
    };
    let id = id_of(&blocked(&gate, Request::get("/vault").subject(alice())));
    let id = json_of(&post("send", alice(), &json!({ "id": id })))["id"].clone();
    let body = json!({ "id": id, "code": bank.code("alice") });
    for other in [
        alice().session("s2"),
        alice().tenant("t2"),
        alice().epoch(2),
        Subject::user("alice"),
        Subject::user("bob").session("s1").tenant("t1").epoch(1),
    ] {
        assert_eq!(told(&post("check", other.clone(), &body)), EXPIRED);
        let in_line = Request::get("/vault")
            .subject(other)
            .header("challenge-id", id.as_str().unwrap())
            .header("challenge-answer", body["code"].as_str().unwrap());
        assert!(!enter(&gate, in_line).is_in());
    }
    assert_eq!(json_of(&post("status", alice(), &json!({ "id": id })))["tries_left"], 5);
    assert_eq!(told(&post("check", alice(), &body)), "200");
}
