//! Our client of PhonesVerification against our own server side, with both its sides on either framework: a call that is really
//! dialled, and what strangers and the network make of callbacks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "phonesverification/site.rs"]
mod site;

use std::net::TcpListener;
use std::sync::Arc;

use site::{KEY, Mounting, NUMBER, Running, SECRET, Site, serve_on, wait_until};
use tests::http::Request;
use verify_compat::phonesverification::CallEnd;
use verify_core::{
    Channel, Contact, Engine, Factor, FakeClock, Gate, KeyRing, MemoryStore, MissingContacts, Origin, Policy,
    RefusedKind, Subject,
};
use verify_providers::{HttpClient, PhonesVerification};

/// A bank whose calls go to our own server, and whose callbacks come back over sockets.
struct Pair {
    service: Site,
    bank: Engine,
    gate: Gate,
    callbacks: Running,
    runtime: tokio::runtime::Runtime,
}

impl Pair {
    fn open(mounting: Mounting) -> Self {
        let service = Site::open(mounting);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = format!("http://{}/called", listener.local_addr().unwrap());
        let calls = PhonesVerification::new(HttpClient::new().unwrap(), KEY, SECRET, &here)
            .unwrap()
            .base_url(&format!("http://{}/app/api/json", service.address))
            .unwrap()
            .brand("A&B <x>");
        let clock = FakeClock::default();
        let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
        let bank = Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
            .clock(clock.clone())
            .store(MemoryStore::builder().clock(clock).build())
            .pin_service(calls.clone())
            .countries(verify_core::Countries::any())
            .contacts(|_: &Subject<'_>, _: Channel| Contact::e164(&format!("+{NUMBER}")).ok())
            .missing_contacts(MissingContacts::Tell)
            .build()
            .unwrap();
        let gate = bank.gate(Policy::new("vault").require(Factor::reverse_pin("dial-in").digits(8))).unwrap();
        let callbacks = serve_on(mounting, listener, vec![("/called", Arc::new(calls.callbacks(&bank)))]);
        Self { service, bank, gate, callbacks, runtime }
    }

    /// Lets the phone ring: the ticket, and the PIN that is shown.
    fn call(&self) -> (String, String) {
        let alice = self.bank.direct(Subject::user("alice"));
        let ticket = alice.offer(&self.gate, "dial-in").unwrap();
        let sent = self.runtime.block_on(alice.send(&ticket, None)).unwrap();
        self.service.rings(NUMBER);
        (sent.ticket().to_owned(), sent.pin().unwrap().expose().to_owned())
    }

    fn check(&self, ticket: &str) -> Result<(), RefusedKind> {
        let alice = self.bank.direct(Subject::user("alice"));
        self.runtime.block_on(alice.check(ticket, "")).map_err(|refused| refused.kind())
    }

    /// Waits until what was dialled has arrived.
    fn settled(&self, ticket: &str, tries_left: u64) {
        let alice = self.bank.direct(Subject::user("alice"));
        let standing = || self.runtime.block_on(alice.standing(ticket)).unwrap();
        wait_until("a callback comes", || standing().tries_left == Some(tries_left));
    }
}

fn the_pin_that_is_dialled_lets_in_once(mounting: Mounting) {
    let pair = Pair::open(mounting);
    let (ticket, pin) = pair.call();
    assert_eq!(pin.len(), 8);
    assert!(pair.service.handset.ringing()[0].1.contains("A&B <x>"));
    assert_eq!(pair.check(&ticket), Err(RefusedKind::Pending));
    pair.service.end(&CallEnd::dialled(pin));
    pair.settled(&ticket, 2);
    assert_eq!(pair.check(&ticket), Ok(()));
    assert_eq!(pair.check(&ticket), Err(RefusedKind::AlreadyUsed));
}

fn a_wrong_pin_is_a_failed_try(mounting: Mounting) {
    let pair = Pair::open(mounting);
    let (ticket, _) = pair.call();
    pair.service.end(&CallEnd::dialled("1"));
    pair.settled(&ticket, 2);
    assert_eq!(pair.check(&ticket), Err(RefusedKind::Wrong));
}

/// Whoever knows the form of callbacks and guesses the small numbers of calls gets nowhere without the token.
fn phonesverification_rule_14_strangers_are_answered_and_not_believed(mounting: Mounting) {
    let pair = Pair::open(mounting);
    let (ticket, pin) = pair.call();
    let forged = "status=Delivered%20-%20PIN%20Verified&requestid=458521&recipient=148485454545&datetime=&cost=0&matched=true";
    let tokens = ["", "x", "458521", &"A".repeat(43), "../called", "%2e%2e"];
    for token in tokens {
        for id in 458_515..458_530 {
            let query = forged.replace("458521", &id.to_string());
            let answer =
                Request::get(&format!("/called/{token}?{query}")).send(pair.callbacks.address).unwrap();
            assert!([200, 404].contains(&answer.status), "{token}: {}", answer.status);
        }
    }
    assert_eq!(pair.check(&ticket), Err(RefusedKind::Pending));
    for (method, status) in [("POST", 405), ("HEAD", 405), ("DELETE", 405)] {
        let request = Request::new(method, &format!("/called/x?{forged}"));
        assert_eq!(request.send(pair.callbacks.address).unwrap().status, status, "{method}");
    }
    assert_eq!(Request::get("/called/x").send(pair.callbacks.address).unwrap().status, 400);
    pair.service.end(&CallEnd::dialled(pin));
    pair.settled(&ticket, 2);
    assert_eq!(pair.check(&ticket), Ok(()));
}

on_both! {
    the_pin_that_is_dialled_lets_in_once
    a_wrong_pin_is_a_failed_try
    phonesverification_rule_14_strangers_are_answered_and_not_believed
}
