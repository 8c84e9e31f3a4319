//! Clearances end by revocation, here and on other machines, R18.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/sessions.rs"]
mod sessions;

use std::time::Duration;

use bank::{Bank, Outcome, Request, Witness, block_on, blocked, challenge_of, enter, id_of, id_on, text_of};
use serde_json::json;
use sessions::{by_session, cleared, get, mail, post, prove, session, step, token_of, vault};
use verify_core::{FakeClock, MemoryStore, Policy, Subject};

fn revoke(bank: &Bank, subject: &Subject<'_>) -> Result<(), verify_core::StoreError> {
    block_on(bank.engine.revoke(subject))
}

#[test]
fn r18_a_revocation_ends_every_clearance_of_the_user_and_of_nobody_else() {
    let bank = Bank::with(by_session);
    let gate = bank.gate(vault());
    let tokens = ["s1", "s2"].map(|name| {
        bank.advance(60);
        token_of(&prove(&bank, &blocked(&gate, get(name)), session(name)))
    });
    let bob = |request: Request| request.user("bob").header("x-session", "b");
    let bobs = {
        let id = id_of(&blocked(&gate, bob(Request::get("/vault"))));
        bank.ask(bob(Request::new("POST", "/challenge/send")).json(&json!({ "id": id })));
        let body = json!({ "id": id, "code": bank.code("bob") });
        token_of(&bank.ask(bob(Request::new("POST", "/challenge/check")).json(&body)))
    };
    let elsewhere = |request: Request| request.user("alice").header("x-tenant", "acme");
    bank.advance(60);
    let tenants = token_of(&prove(&bank, &blocked(&gate, elsewhere(Request::get("/vault"))), elsewhere));

    revoke(&bank, &Subject::user("alice").session("whatever")).unwrap();
    assert!(!enter(&gate, cleared(get("s1"), &tokens[0])).is_in());
    assert!(!enter(&gate, cleared(get("s2"), &tokens[1])).is_in());
    assert!(enter(&gate, cleared(bob(Request::get("/vault")), &bobs)).is_in());
    assert!(enter(&gate, cleared(elsewhere(Request::get("/vault")), &tenants)).is_in());
}

#[test]
fn r18_what_is_proven_after_a_revocation_counts() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let before = bank.clearance(&gate, "alice");
    revoke(&bank, &Subject::user("alice")).unwrap();
    let is_in = |token: &str| enter(&gate, cleared(Request::get("/vault").user("alice"), token)).is_in();
    assert!(!is_in(&before), "a proof of the very moment is void");
    bank.clock.advance(Duration::from_millis(1));
    let after = bank.clearance(&gate, "alice");
    assert!(is_in(&after) && !is_in(&before));
    bank.advance(1);
    revoke(&bank, &Subject::user("alice")).unwrap();
    assert!(!is_in(&after));
}

#[test]
fn r18_a_revoked_proof_is_not_renewed_by_another() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let old = bank.clearance(&gate, "alice");
    bank.advance(60);
    revoke(&bank, &Subject::user("alice")).unwrap();
    bank.advance(60);
    let other = bank.gate(Policy::new("mail").require(mail()));
    let offer = blocked(&other, Request::get("/mail").user("alice"));
    let checked = prove(&bank, &offer, |request| cleared(request.user("alice"), &old));
    assert!(!enter(&gate, cleared(Request::get("/vault").user("alice"), &token_of(&checked))).is_in());
}

#[test]
fn r18_a_raised_epoch_or_a_new_session_ends_what_was_before() {
    let bank = Bank::with(by_session);
    let gate = bank.gate(vault());
    let token = token_of(&prove(&bank, &blocked(&gate, get("s1")), session("s1")));
    assert!(enter(&gate, cleared(get("s1").header("x-epoch", "0"), &token)).is_in());
    assert!(!enter(&gate, cleared(get("s1").header("x-epoch", "1"), &token)).is_in());
    // After a logout and a login there is another session.
    assert!(!enter(&gate, cleared(get("s2"), &token)).is_in());
    // An open challenge ends with its epoch too.
    bank.advance(60);
    let id = id_of(&blocked(&gate, get("s1")));
    bank.ask(post("send", "s1").json(&json!({ "id": id })));
    let body = json!({ "id": id, "code": bank.code("alice") });
    assert_eq!(bank.ask(post("check", "s1").header("x-epoch", "1").json(&body)).status(), 410);
}

/// Two engines of one deployment: one store, one clock, one key ring.
fn pair() -> (Bank, Bank, Witness) {
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let witness = Witness::new(store.clone());
    let bank = |clock: FakeClock, witness: Witness| {
        Bank::around(clock, store.clone(), move |builder| by_session(builder).store(witness))
    };
    (bank(clock.clone(), witness.clone()), bank(clock, witness.clone()), witness)
}

fn checking() -> Policy {
    vault().checks_revocation()
}

#[test]
fn r18_a_policy_that_checks_revocations_hears_of_them_from_another_machine() {
    let (here, there, _) = pair();
    let gate = here.gate(checking());
    let loose = here.gate(Policy::new("loose").require(step()));
    let token = token_of(&prove(&here, &blocked(&gate, get("s1")), session("s1")));
    assert!(enter(&gate, cleared(get("s1"), &token)).is_in());
    here.advance(60);
    revoke(&there, &Subject::user("bob")).unwrap();
    assert!(enter(&gate, cleared(get("s1"), &token)).is_in());
    revoke(&there, &Subject::user("alice")).unwrap();
    let reply = blocked(&gate, cleared(get("s1"), &token));
    assert_eq!((reply.status().as_u16(), &challenge_of(&reply)["reason"]), (403, &json!("missing")));
    assert!(enter(&loose, cleared(get("s1"), &token)).is_in(), "a policy that does not ask does not hear");
    // A new proof counts on both.
    here.advance(60);
    let fresh = token_of(&prove(&here, &blocked(&gate, get("s1")), session("s1")));
    assert!(enter(&gate, cleared(get("s1"), &fresh)).is_in());
    assert!(enter(&there.gate(checking()), cleared(get("s1"), &fresh)).is_in());
}

#[test]
fn r18_a_revocation_is_looked_up_only_where_it_decides() {
    let (here, _, witness) = pair();
    let gate = here.gate(checking());
    let token = token_of(&prove(&here, &blocked(&gate, get("s1")), session("s1")));
    let before = witness.calls();
    assert_eq!(blocked(&gate, get("s1")).status(), 403);
    assert_eq!(blocked(&gate, cleared(get("s2"), &token)).status(), 403);
    assert_eq!(witness.calls(), before, "a blocked request asks no store");
    assert!(enter(&gate, cleared(get("s1"), &token)).is_in());
    assert_eq!(witness.calls(), before + 1);
}

#[test]
fn r18_after_a_revocation_elsewhere_an_answer_in_line_is_heard() {
    let (here, there, _) = pair();
    let gate = here.gate(checking());
    let old = token_of(&prove(&here, &blocked(&gate, get("s1")), session("s1")));
    here.advance(60);
    revoke(&there, &Subject::user("alice")).unwrap();
    here.advance(60);
    // The client still carries the old clearance, as a browser does until it gets another.
    let id = id_of(&blocked(&gate, cleared(get("s1"), &old)));
    assert_eq!(here.ask(post("send", "s1").json(&json!({ "id": id }))).status(), 200);
    let inline =
        cleared(get("s1"), &old).header("challenge-id", &id).header("challenge-answer", here.code("alice"));
    let outcome = enter(&gate, inline);
    assert!(outcome.is_in(), "the answer is not looked at: {outcome:?}");
}

#[test]
fn r18_after_a_revocation_elsewhere_a_form_can_be_answered() {
    let (here, there, _) = pair();
    let gate = here.gate(checking());
    let old = token_of(&prove(&here, &blocked(&gate, get("s1")), session("s1")));
    here.advance(60);
    revoke(&there, &Subject::user("alice")).unwrap();
    here.advance(60);
    let post = |target: &str, body: &str| {
        let request = Request::new("POST", target).user("alice").header("x-session", "s1").browser();
        request.header("cookie", format!("__Host-clearance={old}")).form(body)
    };
    let submit =
        |body: &str| enter(&gate, post("/vault", body).header("content-length", body.len().to_string()));
    let page = submit("amount=1").reply();
    let send = format!("amount=1&challenge-id={}", id_on(&page));
    let page = here.ask(post("/challenge/send?carry", &send));
    assert!(text_of(&page).contains("one-time-code"), "the form is not read: {page:?}");
    let answer = format!("amount=1&challenge-id={}&challenge-answer={}", id_on(&page), here.code("alice"));
    let Outcome::Passed(passage) = submit(&answer) else { panic!("not let in") };
    assert_eq!(passage.body, "amount=1");
}

#[test]
fn r18_a_revocation_that_cannot_be_stored_is_said_and_holds_here() {
    let (here, _, witness) = pair();
    let gate = here.gate(vault());
    let token = token_of(&prove(&here, &blocked(&gate, get("s1")), session("s1")));
    witness.fail(0..u64::MAX);
    assert!(revoke(&here, &Subject::user("alice")).is_err());
    assert!(!enter(&gate, cleared(get("s1"), &token)).is_in());
}

#[test]
fn r18_a_revocation_that_fails_half_way_does_not_undo_the_one_before() {
    let (here, there, witness) = pair();
    let gate = here.gate(checking());
    let token = token_of(&prove(&here, &blocked(&gate, get("s1")), session("s1")));
    here.advance(60);
    revoke(&there, &Subject::user("alice")).unwrap();
    assert!(!enter(&gate, cleared(get("s1"), &token)).is_in());
    here.advance(60);
    for _ in 0..2 {
        witness.fail(0..1);
        assert!(revoke(&there, &Subject::user("alice")).is_err());
        witness.heal();
        assert!(
            !enter(&gate, cleared(get("s1"), &token)).is_in(),
            "a call failed, and the clearance is back"
        );
    }
}

#[test]
fn r18_a_revocation_ends_what_a_machine_with_a_fast_clock_has_issued() {
    let (slow, fast) = (FakeClock::default(), FakeClock::default());
    fast.advance(Duration::from_secs(20));
    let store = MemoryStore::builder().clock(slow.clone()).build();
    let bank = |clock: FakeClock| Bank::around(clock, store.clone(), by_session);
    let (here, there) = (bank(slow.clone()), bank(fast));
    let token = token_of(&prove(&there, &blocked(&there.gate(checking()), get("s1")), session("s1")));
    let gate = here.gate(checking());
    assert!(enter(&gate, cleared(get("s1"), &token)).is_in(), "20 seconds are within the skew");
    slow.advance(Duration::from_secs(5));
    revoke(&here, &Subject::user("alice")).unwrap();
    assert!(
        !enter(&gate, cleared(get("s1"), &token)).is_in(),
        "issued before the revocation, and alive after it"
    );
}
