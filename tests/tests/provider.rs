//! Our client of Twilio Verify against our own gateway: the engine's promises hold when somebody else makes the codes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../../verify-core/tests/support/bank.rs"]
mod bank;
#[path = "../../verify-core/tests/support/law.rs"]
mod law;

use bank::{Bank, Request, blocked, enter, id_of, json_of, phone_of};
use law::{LIMITED, LOCKED, USED, WRONG, check, generous, send, ticket, together, told, vault_of, wrong};
use serde_json::{Value, json};
use tests::bank::{FRAMEWORKS, Framework};
use tests::gateway::{ACCOUNT, Gateway, TOKEN};
use tests::http;
use verify_core::{Channel, CodeFactor, Factor, Gate, MissingContacts, Policy, Psd2};
use verify_providers::{HttpClient, TwilioVerify};

/// An engine whose codes come from a gateway.
struct Pair {
    runtime: tokio::runtime::Runtime,
    gateway: Gateway,
    bank: Bank,
}

const CHANNELS: [Channel; 4] = [Channel::Sms, Channel::Voice, Channel::Email, Channel::WhatsApp];

impl Pair {
    fn start(framework: Framework, options: &str) -> Self {
        let gateway = Gateway::start(framework);
        let form = format!("FriendlyName=Owl&{options}");
        let made = gateway.ask(&Gateway::signed(http::Request::form("/v2/Services", &form)));
        assert_eq!(made.status, 201, "{}", made.text());
        let service = made.json()["sid"].as_str().unwrap().to_owned();
        let client = HttpClient::new().unwrap();
        let twilio =
            TwilioVerify::new(client, ACCOUNT, TOKEN, &service).unwrap().base_url(&gateway.url()).unwrap();
        let bank = Bank::with(|builder| {
            builder.code_service(CHANNELS, twilio).missing_contacts(MissingContacts::Tell).budgets(generous())
        });
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { runtime, gateway, bank }
    }

    /// Blocked and sent: the ticket, and the code that the gateway made.
    fn opened(&self, gate: &Gate, user: &str) -> (String, String) {
        let sent = send(&self.bank, user, &ticket(gate, user));
        assert_eq!(told(&sent), "200");
        (json_of(&sent)["id"].as_str().unwrap().to_owned(), self.gateway.code(&phone_of(user)))
    }
}

fn step_up() -> CodeFactor {
    Factor::code("step-up").over(CHANNELS)
}

/// Runs on both frameworks, within a runtime for the client.
fn on_both(options: &str, act: impl Fn(&Pair)) {
    for framework in FRAMEWORKS {
        let pair = Pair::start(framework, options);
        let _within = pair.runtime.enter();
        act(&pair);
    }
}

#[test]
fn a_code_from_the_gateway_lets_in_once() {
    on_both("", |pair| {
        let gate = pair.bank.gate(vault_of(step_up()));
        let (id, code) = pair.opened(&gate, "alice");
        assert_eq!(told(&check(&pair.bank, "alice", &id, &wrong(&code, 0))), WRONG);
        let right = check(&pair.bank, "alice", &id, &code);
        assert_eq!(told(&right), "200");
        let clearance = json_of(&right)["clearance"].as_str().unwrap().to_owned();
        let request = Request::get("/vault").user("alice").header("challenge-clearance", clearance);
        assert!(enter(&gate, request).is_in());
        assert_eq!(told(&check(&pair.bank, "alice", &id, &code)), USED);
    });
}

#[test]
fn r42_r43_sending_again_keeps_code_tries_and_deadline() {
    on_both("", |pair| {
        let gate = pair.bank.gate(vault_of(step_up()));
        let (id, code) = pair.opened(&gate, "alice");
        assert_eq!(told(&check(&pair.bank, "alice", &id, &wrong(&code, 0))), WRONG);
        let before = law::status(&pair.bank, "alice", &id);
        let (again, same) = pair.opened(&gate, "alice");
        assert_eq!(same, code);
        let after = law::status(&pair.bank, "alice", &again);
        assert_eq!(
            (&after["tries_left"], &after["expires_at"]),
            (&before["tries_left"], &before["expires_at"])
        );
        assert_eq!(pair.gateway.inbox().as_array().unwrap().len(), 2);
        assert_eq!(told(&check(&pair.bank, "alice", &again, &code)), "200");
    });
}

#[test]
fn r37_exactly_as_many_guesses_count_as_are_allowed() {
    on_both("", |pair| {
        let gate = pair.bank.gate(vault_of(step_up().tries(3)));
        for user in ["alice", "bob", "carol"] {
            let (id, code) = pair.opened(&gate, user);
            let answers = together(12, |n| {
                let _within = pair.runtime.enter();
                told(&check(&pair.bank, user, &id, &wrong(&code, n as u64)))
            });
            // One that was counted in time may still be overtaken by the third, which ends the challenge.
            let counted = answers.iter().filter(|answer| [WRONG, USED].contains(&answer.as_str())).count();
            let locked = answers.iter().filter(|answer| *answer == LOCKED).count();
            assert_eq!((counted, locked), (2, 10), "{answers:?}");
            assert_eq!(told(&check(&pair.bank, user, &id, &code)), LOCKED);
        }
    });
}

#[test]
fn r40_of_many_right_answers_one_succeeds() {
    on_both("", |pair| {
        let gate = pair.bank.gate(vault_of(step_up()));
        for user in ["alice", "bob", "carol"] {
            let (id, code) = pair.opened(&gate, user);
            let answers = together(5, |_| {
                let _within = pair.runtime.enter();
                told(&check(&pair.bank, user, &id, &code))
            });
            assert_eq!(answers.iter().filter(|answer| *answer == "200").count(), 1, "{answers:?}");
            assert_eq!(answers.iter().filter(|answer| *answer == USED).count(), 4, "{answers:?}");
        }
    });
}

/// Whatever ends a challenge here ends it there: the next one has another code, and the old one is dead.
#[test]
fn r41_what_is_over_here_is_over_there() {
    on_both("CodeLength=10", |pair| {
        let gate = pair.bank.gate(vault_of(step_up().digits(10).tries(3)));
        let (id, code) = pair.opened(&gate, "alice");
        assert_eq!(pair.bank.call("cancel", "alice", &json!({ "id": id })).status(), 200);
        assert_eq!(told(&check(&pair.bank, "alice", &id, &code)), USED);
        let (id, other) = pair.opened(&gate, "alice");
        assert_ne!(other, code);
        for n in 0..2 {
            assert_eq!(told(&check(&pair.bank, "alice", &id, &wrong(&other, n))), WRONG);
        }
        assert_eq!(told(&check(&pair.bank, "alice", &id, &code)), LOCKED, "the third try");
        let (id, third) = pair.opened(&gate, "alice");
        assert_ne!(third, other);
        assert_eq!(told(&check(&pair.bank, "alice", &id, &third)), "200");
    });
}

/// After five wrong answers the original takes no start for that number until the verification would have expired.
#[test]
fn the_services_own_limit_is_told() {
    on_both("", |pair| {
        let gate = pair.bank.gate(vault_of(step_up()));
        let (id, code) = pair.opened(&gate, "alice");
        for n in 0..4 {
            assert_eq!(told(&check(&pair.bank, "alice", &id, &wrong(&code, n))), WRONG);
        }
        assert_eq!(told(&check(&pair.bank, "alice", &id, &wrong(&code, 4))), LOCKED);
        let again = send(&pair.bank, "alice", &ticket(&gate, "alice"));
        assert_eq!(told(&again), LIMITED);
        assert!(law::retry_after(&again) >= 60);
    });
}

#[test]
fn every_channel_is_served() {
    on_both("", |pair| {
        let gate = pair.bank.gate(vault_of(step_up()));
        for (user, channel, to) in [
            ("ann", "sms", phone_of("ann")),
            ("ben", "voice", phone_of("ben")),
            ("cat", "email", "cat@example.com".to_owned()),
            ("dan", "whatsapp", phone_of("dan")),
        ] {
            let id = ticket(&gate, user);
            let sent = pair.bank.call("send", user, &json!({ "id": id, "channel": channel }));
            assert_eq!(told(&sent), "200", "{channel}");
            let id = json_of(&sent)["id"].as_str().unwrap().to_owned();
            assert_eq!(told(&check(&pair.bank, user, &id, &pair.gateway.code(&to))), "200", "{channel}");
        }
    });
}

fn order(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR", "payee": { "name": "Acme Inc.", "iban": "DE89370400440532013000" } })
}

fn transfer() -> Policy {
    Policy::new("transfer").require(Factor::code("approval")).bind(Psd2::json(
        "/amount",
        "/currency",
        "/payee/name",
        "/payee/iban",
    ))
}

/// Blocks and sends for one payment.
fn paid_for(pair: &Pair, gate: &Gate, amount: &str) -> (String, String) {
    let request = Request::new("POST", "/transfers").user("alice").json(&order(amount));
    let sent = send(&pair.bank, "alice", &id_of(&blocked(gate, request)));
    assert_eq!(told(&sent), "200");
    (json_of(&sent)["id"].as_str().unwrap().to_owned(), pair.gateway.code(&phone_of("alice")))
}

#[test]
fn r25_r31_a_code_approves_its_own_payment_and_no_other() {
    on_both("Psd2Enabled=true&CodeLength=10", |pair| {
        let gate = pair.bank.gate(transfer());
        let (first, code) = paid_for(pair, &gate, "39.99");
        let text = pair.gateway.inbox()[0]["text"].as_str().unwrap().to_owned();
        assert!(text.contains("EUR 39.99") && text.contains("Acme Inc."), "{text}");
        let (second, other) = paid_for(pair, &gate, "40.00");
        assert_ne!(code, other);
        assert_eq!(told(&check(&pair.bank, "alice", &second, &code)), WRONG);
        assert_eq!(told(&check(&pair.bank, "alice", &first, &code)), "200");
        assert_eq!(told(&check(&pair.bank, "alice", &second, &other)), "200");
    });
}

/// A service that links no code to a payment would let one code approve anything.
#[test]
fn r25_a_service_without_psd2_approves_no_payment() {
    on_both("", |pair| {
        let gate = pair.bank.gate(transfer());
        let request = Request::new("POST", "/transfers").user("alice").json(&order("39.99"));
        let refused = send(&pair.bank, "alice", &id_of(&blocked(&gate, request)));
        assert_eq!(told(&refused), "500 misconfigured");
    });
}

#[test]
fn a_gateway_that_is_gone_lets_nobody_in() {
    on_both("", |pair| {
        let gate = pair.bank.gate(vault_of(step_up()));
        let (id, code) = pair.opened(&gate, "alice");
        pair.gateway.end();
        assert_eq!(told(&check(&pair.bank, "alice", &id, &code)), "503 unavailable");
    });
}
