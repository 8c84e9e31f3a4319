//! Forms that were blocked, and the page that carries them on: only an answer brings them to their handler.
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
#[path = "support/page.rs"]
mod page;

use bank::{Bank, Outcome, Request, Witness, block_on, blocked, enter, headers_of, text_of};
use law::{generous, step_up, vault};
use page::{Form, form, forms};
use verify_core::{Decision, Factor, FakeClock, Gate, MemoryStore, Policy, Psd2, Reply, any_of};

const SEND: &str = "Send a code by text message";
const AGAIN: &str = "Send it again";
const FIELDS: &str = "b=%3Cscript%3E&a=1&a=2&empty=&%C3%A9=%26";
const TARGET: &str = "/vault?x=1";

/// A person with a browser: what they have proven goes along with everything.
struct Visitor<'b> {
    bank: &'b Bank,
    gate: &'b Gate,
    clearance: String,
}

impl Visitor<'_> {
    fn request(&self, target: &str) -> Request {
        let cookie = format!("__Host-clearance={}", self.clearance);
        Request::new("POST", target).user("alice").browser().header("cookie", cookie)
    }

    /// As browsers do, and not in chunks.
    fn with_length(&self, target: &str, body: &str) -> Request {
        self.request(target).header("content-length", body.len().to_string()).form(body)
    }

    fn submit(&self, body: &str) -> Outcome {
        enter(self.gate, self.with_length(TARGET, body))
    }

    /// Presses a button; wherever its form goes.
    fn press(&self, form: &Form) -> Outcome {
        let request = self.with_length(&form.action, &form.body());
        if form.action.starts_with("/challenge/") {
            Outcome::Answered(self.bank.ask(request))
        } else {
            enter(self.gate, request)
        }
    }
}

fn stranger<'b>(bank: &'b Bank, gate: &'b Gate) -> Visitor<'b> {
    Visitor { bank, gate, clearance: String::new() }
}

fn carried(page: &Reply) -> Vec<(String, String)> {
    let own = |name: &str| name.starts_with("challenge-");
    let fields = forms(page).remove(0).fields;
    fields.into_iter().filter(|(name, _)| !own(name)).collect()
}

#[test]
fn r15_a_stale_page_executes_nothing_unless_it_is_told_to() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let gate = bank.gate(vault());
    let mut visitor = stranger(&bank, &gate);
    let asks = visitor.submit(FIELDS).reply();
    let types = visitor.press(&form(&asks, SEND)).reply();
    assert!(text_of(&types).contains("one-time-code"));
    // In another tab, or by the very form, before the visitor went back.
    visitor.clearance = bank.clearance(&gate, "alice");
    assert!(visitor.submit(FIELDS).is_in());
    let sent = bank.inbox.len();
    for (page, button) in
        [(&types, "Cancel"), (&types, AGAIN), (&asks, SEND), (&asks, "Send a code by e-mail")]
    {
        let ready = visitor.press(&form(page, button)).reply();
        assert_eq!(ready.status(), 200, "{button}");
        assert!(text_of(&ready).contains("You are verified"), "{button}: {ready:?}");
        assert!(ready.headers().get("challenge-required").is_none());
        assert_eq!(carried(&ready), carried(&asks), "{button}");
        assert_eq!(bank.inbox.len(), sent, "nobody needs a message any more");
        let now = form(&ready, "Send it now");
        assert_eq!(now.action, TARGET);
        assert!(now.fields.iter().all(|(name, _)| !name.starts_with("challenge-")), "{now:?}");
        assert!(matches!(visitor.press(&now), Outcome::Allowed), "as any request with a clearance is");
    }
}

#[test]
fn r15_a_page_sends_nothing_but_an_answer_to_the_guarded_address() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let human = Factor::proof_of_work("human");
    let gate = bank.gate(Policy::new("either").require(any_of((human, step_up()))));
    let visitor = stranger(&bank, &gate);
    let asks = visitor.submit(FIELDS).reply();
    let types = visitor.press(&form(&asks, SEND)).reply();
    let wrong = visitor.press(&form(&types, "Continue").typing("000000")).reply();
    let cancelled = visitor.press(&form(&wrong, "Cancel")).reply();
    let lost = visitor.press(&form(&cancelled, "Load this page again")).reply();
    for page in [&asks, &types, &wrong, &cancelled, &lost] {
        assert!(!forms(page).is_empty());
        for form in forms(page) {
            let answers = form.fields.iter().any(|(name, _)| name == "challenge-answer");
            assert_eq!(form.action == TARGET, answers, "{form:?}");
            assert!(answers || form.action.ends_with("?carry"), "{form:?}");
            assert!(form.fields.iter().any(|(name, _)| name == "challenge-id"), "{form:?}");
        }
        assert_eq!(carried(page), carried(&asks));
    }
}

#[test]
fn r15_an_endpoint_says_how_it_went_and_carries_on() {
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let witness = Witness::new(store.clone());
    let bank = Bank::around(clock, store, |builder| builder.store(witness.clone()));
    let gate = bank.gate(vault());
    let visitor = stranger(&bank, &gate);
    let asks = visitor.submit(FIELDS).reply();
    let types = visitor.press(&form(&asks, SEND)).reply();
    assert_eq!((types.status().as_u16(), headers_of(&types, "challenge-required").len()), (200, 0));
    let code = bank.code("alice");
    let check = |page: &Reply, status: u16, words: &str| {
        assert_eq!(page.status(), status, "{page:?}");
        assert!(text_of(page).contains(words), "{words}: {}", text_of(page));
        assert!(page.headers().get("challenge-required").is_none(), "{page:?}");
        assert_eq!(carried(page), carried(&asks));
    };
    witness.fail(0..u64::MAX);
    check(&visitor.press(&form(&types, "Cancel")).reply(), 503, "not available");
    witness.heal();
    check(&visitor.press(&form(&types, "Cancel")).reply(), 200, "The code was cancelled");
    // The message has left all the same, and the next one has to wait.
    let soon = visitor.press(&form(&asks, "Send a code by e-mail")).reply();
    check(&soon, 429, "a little fast");
    assert!(soon.headers().get("retry-after").is_some());
    let over = visitor.press(&form(&types, "Continue").typing(&code)).reply();
    assert_eq!(over.status(), 403, "{over:?}");
    bank.advance(3600);
    let late = visitor.press(&form(&types, "Cancel")).reply();
    check(&late, 410, "took too long");
    let types = visitor.press(&form(&late, SEND)).reply();
    let Outcome::Passed(passage) = visitor.press(&form(&types, "Continue").typing(&bank.code("alice")))
    else {
        panic!("the form is lost")
    };
    assert_eq!(Form { fields: carried(&asks), ..form(&asks, SEND) }.body(), passage.body);
}

#[test]
fn r15_a_forged_ticket_carries_nothing_anywhere() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let visitor = stranger(&bank, &gate);
    for body in
        ["a=1", "a=1&challenge-id=t1.k1.AAAA", "a=1&challenge-id=x&challenge-id=y", "challenge-id=%ff"]
    {
        let reply = bank.ask(visitor.request("/challenge/send?carry").form(body));
        assert!([400, 410].contains(&reply.status().as_u16()), "{body}: {reply:?}");
        assert!(forms(&reply).is_empty(), "{body}: {reply:?}");
    }
    // Only a form is carried on, and only by those two.
    let asks = visitor.submit(FIELDS).reply();
    let body = form(&asks, SEND).body();
    let gone = bank.ask(visitor.request("/challenge/status?carry").form(body.clone()));
    assert!(!text_of(&gone).contains("script"), "{gone:?}");
    let foreign = visitor.request("/challenge/send?carry").header("sec-fetch-site", "cross-site");
    assert_eq!(bank.ask(foreign.form(body)).status(), 403);
    assert!(bank.inbox.is_empty());
}

#[test]
fn r18_a_clearance_that_was_revoked_elsewhere_does_not_keep_the_code_back() {
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let here = Bank::around(clock.clone(), store.clone(), |builder| builder.budgets(generous()));
    let there = Bank::around(clock, store, |builder| builder);
    let gate = here.gate(vault().checks_revocation());
    let mut visitor = stranger(&here, &gate);
    visitor.clearance = here.clearance(&gate, "alice");
    here.advance(60);
    block_on(there.engine.revoke(&verify_core::Subject::user("alice"))).unwrap();
    here.advance(60);
    let asks = visitor.submit(FIELDS).reply();
    let types = visitor.press(&form(&asks, SEND)).reply();
    assert!(text_of(&types).contains("one-time-code"), "{types:?}");
    assert!(visitor.press(&form(&types, "Continue").typing(&here.code("alice"))).is_in());
}

fn transfer() -> Policy {
    let order = Psd2::form("amount", "currency", "payee_name", "payee_iban");
    Policy::new("transfer").require(step_up()).bind(order)
}

#[test]
fn r25_a_bound_form_is_carried_on_with_what_was_sealed() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let gate = bank.gate(transfer());
    let visitor = stranger(&bank, &gate);
    let order = "amount=7.50&currency=EUR&payee_name=A+%26+B&payee_iban=DE89370400440532013000";
    let asks = visitor.submit(order).reply();
    let types = visitor.press(&form(&asks, SEND)).reply();
    let first = bank.code("alice");
    let cancelled = visitor.press(&form(&types, "Cancel")).reply();
    assert!(text_of(&cancelled).contains("EUR 7.50"), "{cancelled:?}");
    assert!(!visitor.press(&form(&types, "Continue").typing(&first)).is_in());
    let types = visitor.press(&form(&cancelled, SEND)).reply();
    assert!(text_of(&types).contains("EUR 7.50"), "{types:?}");
    let answer = form(&types, "Continue").typing(&bank.code("alice"));
    assert!(visitor.press(&answer).is_in());
    // Back, and off: it was executed, and is not once more.
    let stale = visitor.press(&form(&types, "Cancel")).reply();
    assert_eq!((stale.status().as_u16(), forms(&stale).len()), (200, 2), "{stale:?}");
    assert!(!visitor.press(&answer).is_in());
    // What somebody else was asked to approve is not shown.
    let mallory = Request::new("POST", "/challenge/send?carry").user("mallory").browser();
    let reply = bank.ask(mallory.form(form(&asks, SEND).body()));
    assert_eq!((reply.status().as_u16(), text_of(&reply).contains("7.50")), (410, false), "{reply:?}");
}

#[test]
fn r15_as_much_is_carried_on_as_the_gate_has_taken() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let visitor = stranger(&bank, &gate);
    let full = format!("a={}", "x".repeat(64 * 1024 - 2));
    let page = visitor.submit(&full).reply();
    let page = visitor.press(&form(&page, SEND)).reply();
    let answer = form(&page, "Continue").typing(&bank.code("alice"));
    let Outcome::Passed(passage) = visitor.press(&answer) else { panic!("it was too long to come back") };
    assert_eq!(passage.body, full);
    // The limit of an endpoint holds for everything else.
    let plain = visitor.request("/challenge/send").form(form(&page, AGAIN).body());
    assert_eq!(bank.ask(plain).status(), 413);
    let more = visitor.request("/challenge/send?carry").form(format!("{full}&b={}", "y".repeat(24 * 1024)));
    assert_eq!(bank.ask(more).status(), 413);
}

#[test]
fn r15_a_policy_that_reads_longer_bodies_is_carried_on() {
    let bank = Bank::new();
    let gate = bank.gate(transfer().body_limit(200 * 1024));
    let visitor = stranger(&bank, &gate);
    let order = "amount=1&currency=EUR&payee_name=A&payee_iban=DE89370400440532013000";
    let page = visitor.submit(&format!("{order}&note={}", "x".repeat(150 * 1024))).reply();
    let page = visitor.press(&form(&page, SEND)).reply();
    assert!(visitor.press(&form(&page, "Continue").typing(&bank.code("alice"))).is_in());
}

#[test]
fn r13_a_form_too_long_to_carry_is_blocked_and_challenged_all_the_same() {
    let bank = Bank::new();
    let gate = bank.gate(vault());
    let visitor = stranger(&bank, &gate);
    let long = format!("a={}", "x".repeat(100_000));
    let barely = format!("a={}", "x".repeat(64 * 1024));
    let declared = |body: &str| visitor.with_length(TARGET, body);
    let chunked = visitor.request(TARGET).header("transfer-encoding", "chunked");
    assert!(matches!(gate.decide(&declared(&long)), Decision::Respond(_)), "it is not read in vain");
    for request in [declared(&long), chunked.form(&*long), declared(&barely)] {
        let page = blocked(&gate, request);
        assert_eq!(page.status(), 403, "{page:?}");
        assert_eq!(headers_of(&page, "challenge-required"), ["vault"]);
        let html = text_of(&page);
        assert!(html.contains("cannot be kept for you") && !html.contains("xxx"), "{page:?}");
        assert_eq!(form(&page, SEND).action, "/challenge/send");
    }
}

#[test]
fn r15_whoever_has_proven_everything_does_not_hear_of_the_gates_limits() {
    let bank = Bank::with(|builder| builder.budgets(generous()));
    let idle = std::time::Duration::from_secs(600);
    for (name, policy) in [
        ("checks", vault().checks_revocation()),
        ("idles", Policy::new("idle").require(step_up()).idle(idle)),
    ] {
        let gate = bank.gate(policy);
        let mut visitor = stranger(&bank, &gate);
        visitor.clearance = bank.clearance(&gate, "alice");
        bank.advance(500);
        let chunked = visitor.request(TARGET).header("transfer-encoding", "chunked");
        let long = format!("a={}", "x".repeat(100_000));
        for request in [chunked.form(&*long), visitor.with_length(TARGET, &long)] {
            let outcome = enter(&gate, request);
            assert!(outcome.is_in(), "{name}: {outcome:?}");
        }
    }
    // Revoked elsewhere, it is blocked without having been read.
    let clock = FakeClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let here = Bank::around(clock.clone(), store.clone(), |builder| builder);
    let there = Bank::around(clock, store, |builder| builder);
    let gate = here.gate(vault().checks_revocation());
    let mut visitor = stranger(&here, &gate);
    visitor.clearance = here.clearance(&gate, "alice");
    here.advance(60);
    block_on(there.engine.revoke(&verify_core::Subject::user("alice"))).unwrap();
    here.advance(60);
    let page = blocked(&gate, visitor.request(TARGET).header("transfer-encoding", "chunked").form("a=1"));
    assert!(text_of(&page).contains("cannot be kept for you"), "{page:?}");
}
