//! Twisto as the maker of an engine's codes, against our own facade: what its code must never be good for.
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
#[path = "twilio/phone.rs"]
mod phone;
#[path = "served/serve.rs"]
mod serve;
#[path = "twisto/site.rs"]
mod site;

use bank::{Bank, Request, blocked, id_of, json_of};
use law::{LIMITED, LOCKED, WRONG, check, generous, send, ticket, told, vault_of, wrong};
use serde_json::json;
use serve::Mounting;
use site::Site;
use verify_core::{Channel, CodeOrder, Factor, MissingContacts, Policy, Psd2};
use verify_providers::HttpClient;
use verify_providers::twisto::{TransactionId, Twisto, TwistoCodes};

const CHANNELS: [Channel; 4] = [Channel::Sms, Channel::Voice, Channel::Email, Channel::WhatsApp];

/// Twisto, and an engine whose users' transactions have the users' names.
struct Pair {
    runtime: tokio::runtime::Runtime,
    site: Site,
    bank: Bank,
}

impl Pair {
    fn open(mounting: Mounting) -> Self {
        let site = Site::open(mounting);
        site.begin("alice");
        let client = Twisto::new(HttpClient::new().unwrap(), "live", "hunter2").unwrap();
        let client = client.base_url(&format!("http://{}/v2", site.running.address)).unwrap();
        let codes = TwistoCodes::new(client, |order: &CodeOrder| {
            TransactionId::new(order.subject().id(), std::time::UNIX_EPOCH).ok()
        });
        let bank = Bank::with(|builder| {
            let builder = builder.code_service(CHANNELS, codes);
            builder.missing_contacts(MissingContacts::Tell).budgets(generous())
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { runtime: runtime.unwrap(), site, bank }
    }
}

/// Twisto ends nothing when asked, and sends the same code once more.
fn r31_r41_a_code_of_a_challenge_that_is_over_is_good_for_no_other(mounting: Mounting) {
    for locks in [false, true] {
        let pair = Pair::open(mounting);
        let _within = pair.runtime.enter();
        let gate = pair.bank.gate(vault_of(Factor::code("step-up").over([Channel::Sms])));
        let sent = send(&pair.bank, "alice", &ticket(&gate, "alice"));
        assert_eq!(told(&sent), "200");
        let first = json_of(&sent)["id"].as_str().unwrap().to_owned();
        let code = pair.site.code();
        if locks {
            for number in 0..4 {
                assert_eq!(told(&check(&pair.bank, "alice", &first, &wrong(&code, number))), WRONG);
            }
            assert_eq!(told(&check(&pair.bank, "alice", &first, &wrong(&code, 4))), LOCKED);
        } else {
            assert_eq!(pair.bank.call("cancel", "alice", &json!({ "id": first })).status(), 200);
        }
        pair.site.pass(11_000);
        // While the first would still live, and long after.
        for seconds in [120, 3600] {
            pair.bank.advance(seconds);
            let other = ticket(&gate, "alice");
            assert_eq!(told(&send(&pair.bank, "alice", &other)), LIMITED, "locks: {locks}");
            assert_ne!(check(&pair.bank, "alice", &other, &code).status(), 200, "locks: {locks}");
        }
    }
}

/// Its message names neither amount nor payee (RTS 2018/389, article 5).
fn r25_it_approves_no_payment(mounting: Mounting) {
    let pair = Pair::open(mounting);
    let _within = pair.runtime.enter();
    let bound = Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
    let gate = pair.bank.gate(Policy::new("transfer").require(Factor::code("approval")).bind(bound));
    let order = json!({
        "amount": "10.00", "currency": "EUR",
        "payee": { "name": "Acme Inc.", "iban": "DE89370400440532013000" },
    });
    let request = Request::new("POST", "/transfers").user("alice").json(&order);
    let refused = send(&pair.bank, "alice", &id_of(&blocked(&gate, request)));
    assert_eq!((told(&refused).as_str(), pair.site.phone.count()), ("500 misconfigured", 0));
}

on_both! {
    r31_r41_a_code_of_a_challenge_that_is_over_is_good_for_no_other
    r25_it_approves_no_payment
}
