//! Where messages go, in which words, and how whoever got one by mistake ends it.
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
#[path = "support/post.rs"]
mod post;

use std::time::Duration;

use bank::{Bank, Outcome, Request, block_on, blocked, enter, headers_of, id_of, json_of, text_of};
use law::{Events, LIMITED, USED, WRONG, check, opened, send, ticket, together, told, vault, wrong};
use post::Post;
use serde_json::json;
use verify_core::{
    Channel, ConfigError, Contact, Countries, EngineBuilder, EventKind, Factor, Gate, MessageTemplate,
    MissingContacts, NotMe, NumberKind, NumberPlan, Origin, Policy, Psd2, Reply, Subject,
};

/// A bank whose mail and text messages go to one courier.
fn bank_of(post: &Post, events: &Events, change: impl FnOnce(EngineBuilder) -> EngineBuilder) -> Bank {
    Bank::with(|builder| {
        let builder = builder.courier(Channel::Email, post.clone()).courier(Channel::Sms, post.clone());
        change(builder.on_event(events.listener()))
    })
}

fn by_mail() -> Policy {
    Policy::new("vault").purpose("open the vault").require(Factor::code("by-mail").over([Channel::Email]))
}

/// The link's token in the newest message.
fn token(post: &Post) -> String {
    let text = post.last().text;
    let (_, rest) = text.split_once("https://bank.example/challenge/not-me?token=").expect("a link");
    rest.split_whitespace().next().unwrap().to_owned()
}

fn report(bank: &Bank, token: &str) -> Reply {
    bank.ask(Request::new("POST", "/challenge/not-me").json(&json!({ "token": token })))
}

/// Blocked, sent by mail: the ticket, the code and the token of the link.
fn mailed(bank: &Bank, post: &Post, gate: &Gate) -> (String, String, String) {
    let sent = send(bank, "alice", &ticket(gate, "alice"));
    assert_eq!(sent.status(), 200, "{sent:?}");
    (json_of(&sent)["id"].as_str().unwrap().to_owned(), post.last().code, token(post))
}

#[test]
fn r63_looking_at_the_link_changes_nothing_and_the_button_voids() {
    let (post, events) = (Post::default(), Events::default());
    let bank = bank_of(&post, &events, |builder| builder);
    let gate = bank.gate(by_mail());
    let (id, code, token) = mailed(&bank, &post, &gate);
    let before = bank.store.entries().len();
    for method in ["GET", "HEAD", "GET"] {
        let request = Request::new(method, &format!("/challenge/not-me?token={token}"));
        let page = bank.ask(request.header("host", "evil.example"));
        assert_eq!(page.status(), 200);
        assert_eq!(headers_of(&page, "referrer-policy"), ["no-referrer"]);
        assert_eq!(headers_of(&page, "cache-control"), ["no-store"]);
        assert!(headers_of(&page, "set-cookie").is_empty());
    }
    let page = text_of(&bank.ask(Request::get(&format!("/challenge/not-me?token={token}"))));
    assert!(page.contains("open the vault") && page.contains("method=\"post\""), "{page}");
    assert!(page.contains("action=\"/challenge/not-me\"") && !page.contains(&code), "{page}");
    assert_eq!((bank.store.entries().len(), events.count(EventKind::Reported)), (before, 0));

    // The form of the page, from a mail program's browser: another origin, and no cookie.
    let form =
        Request::new("POST", "/challenge/not-me").header("origin", "null").form(format!("token={token}"));
    let done = bank.ask(form.clone());
    assert_eq!(done.status(), 200);
    assert!(text_of(&done).contains("The code is void"), "{done:?}");
    assert_eq!(told(&check(&bank, "alice", &id, &code)), USED);
    assert!(text_of(&bank.ask(form)).contains("over before"));
    let reasons: Vec<_> =
        events.all().into_iter().filter(|event| event.kind == EventKind::Reported).collect();
    assert_eq!(reasons.iter().map(|event| event.reason).collect::<Vec<_>>(), [Some("voided"), Some("over")]);
    let sent = events.all().into_iter().find(|event| event.kind == EventKind::Sent).unwrap();
    assert_eq!((&reasons[0].challenge, &reasons[0].subject), (&sent.challenge, &sent.subject));
}

#[test]
fn r63_a_token_is_no_code_and_lives_no_longer_than_one() {
    let (post, events) = (Post::default(), Events::default());
    let bank = bank_of(&post, &events, |builder| builder);
    let (id, code, token) = mailed(&bank, &post, &bank.gate(by_mail()));
    assert!(!token.contains(&code));
    assert_ne!(told(&check(&bank, "alice", &id, &token)), "200");
    assert_eq!(
        told(&bank.call("check", "alice", &json!({ "id": token, "code": code }))),
        "410 session_expired"
    );
    assert_eq!(told(&report(&bank, &id)), "410 session_expired", "a ticket is no such token");
    for bad in ["", "n1", "n1.k1.", "n1.k1.AAAA", &token[..token.len() - 1], &token.replacen("n1", "d1", 1)] {
        assert_eq!(told(&report(&bank, bad)), "410 session_expired", "{bad}");
    }
    for body in [json!({}), json!({ "token": 1 }), json!({ "token": token, "id": id }), json!([token])] {
        let reply = bank.ask(Request::new("POST", "/challenge/not-me").json(&body));
        assert_eq!(told(&reply), "400 validation_error", "{body}");
    }
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200", "nothing of that did anything");
    bank.advance(3600);
    assert_eq!(told(&report(&bank, &token)), "410 session_expired");
    assert_eq!(bank.ask(Request::get(&format!("/challenge/not-me?token={token}"))).status(), 410);
}

/// An approval that was given and not used yet is void as well.
#[test]
fn r63_a_report_voids_an_approval_that_was_not_used() {
    let (post, events) = (Post::default(), Events::default());
    let bank = bank_of(&post, &events, |builder| builder);
    let approval = Factor::code("approval").over([Channel::Email]).within(Duration::from_secs(300));
    let rules = Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
    let gate = bank.gate(Policy::new("transfers").purpose("pay").require(approval).bind(rules));
    let order = json!({
        "amount": "10", "currency": "EUR", "payee": { "name": "Acme Inc.", "iban": "DE89370400440532013000" },
    });
    let pay = || Request::new("POST", "/transfers").user("alice").json(&order);
    let sent = send(&bank, "alice", &id_of(&blocked(&gate, pay())));
    let id = json_of(&sent)["id"].as_str().unwrap().to_owned();
    let (code, token) = (post.last().code, token(&post));
    assert!(post.last().text.contains("EUR 10.00") && post.last().text.contains("Acme Inc."));
    let checked = json_of(&check(&bank, "alice", &id, &code));
    let clearance = checked["clearance"].as_str().unwrap();
    assert_eq!(json_of(&report(&bank, &token))["status"], "voided");
    assert!(matches!(enter(&gate, pay().header("challenge-clearance", clearance)), Outcome::Answered(_)));
}

#[test]
fn r47_a_report_locks_only_where_it_was_configured() {
    for (what, then) in [(NotMe::Void, "200"), (NotMe::LockFor(Duration::from_secs(900)), LIMITED)] {
        let (post, events) = (Post::default(), Events::default());
        let bank = bank_of(&post, &events, |builder| builder.not_me(what));
        let gate = bank.gate(by_mail());
        let (_, _, token) = mailed(&bank, &post, &gate);
        assert_eq!(report(&bank, &token).status(), 200);
        bank.advance(120);
        assert_eq!(told(&send(&bank, "alice", &ticket(&gate, "alice"))), then, "{what:?}");
        assert_eq!(told(&send(&bank, "bob", &ticket(&gate, "bob"))), "200", "and nobody else");
        bank.advance(900);
        assert_eq!(told(&send(&bank, "alice", &ticket(&gate, "alice"))), "200", "{what:?}");
    }
}

/// Failures and successes after the message begin a new era, in which the lock has to be found.
#[test]
fn r47_a_report_locks_what_stands_now() {
    let (post, events) = (Post::default(), Events::default());
    let bank = bank_of(&post, &events, |builder| builder.not_me(NotMe::LockFor(Duration::from_secs(900))));
    let gate = bank.gate(by_mail());
    let (id, code, token) = mailed(&bank, &post, &gate);
    assert_eq!(told(&check(&bank, "alice", &id, &wrong(&code, 0))), WRONG);
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
    assert_eq!(report(&bank, &token).status(), 200);
    bank.advance(120);
    assert_eq!(told(&send(&bank, "alice", &ticket(&gate, "alice"))), LIMITED);
    bank.advance(900);
    assert_eq!(told(&send(&bank, "alice", &ticket(&gate, "alice"))), "200");
}

/// Hundreds of rounds: the answer and the report race for the one entry, and one of them gets it.
#[test]
fn r63_a_report_and_an_answer_never_both_win() {
    for round in 0..300 {
        let (post, events) = (Post::default(), Events::default());
        let bank = bank_of(&post, &events, |builder| builder);
        let (id, code, token) = mailed(&bank, &post, &bank.gate(by_mail()));
        let results = together(2, |thread| match thread {
            0 => told(&check(&bank, "alice", &id, &code)) == "200",
            _ => json_of(&report(&bank, &token))["status"] == "voided",
        });
        assert_eq!(results.iter().filter(|won| **won).count(), 1, "round {round}: {results:?}");
    }
}

#[test]
fn r62_the_link_is_the_configured_address_whatever_a_request_says() {
    let (post, events) = (Post::default(), Events::default());
    let bank = bank_of(&post, &events, |builder| builder);
    let gate = bank.gate(by_mail());
    let body = json!({ "id": ticket(&gate, "alice") });
    let request = Request::new("POST", "/challenge/send").user("alice").json(&body);
    let request = request.header("host", "evil.example").header("x-forwarded-host", "evil.example");
    assert_eq!(bank.ask(request.header("forwarded", "host=evil.example;proto=http")).status(), 200);
    assert!(!post.last().text.contains("evil"));
    token(&post);
}

#[test]
fn the_words_are_the_applications_by_policy_channel_and_language() {
    let (post, events) = (Post::default(), Events::default());
    let german =
        MessageTemplate::code(Channel::Sms, "{site}: {code} zum {purpose}, {minutes} Min.").in_language("de");
    let vault_only = MessageTemplate::code(Channel::Sms, "Vault: {code}").for_policy("vault");
    let bank = bank_of(&post, &events, |builder| {
        builder.message(german).message(vault_only).language(|subject: &Subject<'_>| {
            Some(if subject.id() == "gerd" { "de-AT" } else { "en" }.to_owned())
        })
    });
    let feed = bank.gate(Policy::new("feed").purpose("Lesen").require(law::step_up()));
    let vault = bank.gate(vault());
    let text = |gate: &Gate, user: &str| {
        assert_eq!(send(&bank, user, &ticket(gate, user)).status(), 200);
        post.last().text
    };
    let gerd = text(&feed, "gerd");
    assert!(gerd.starts_with("Demo Bank: ") && gerd.contains(" zum Lesen, 5 Min."), "{gerd}");
    assert_eq!(gerd.lines().last(), Some(format!("@bank.example #{}", post.last().code).as_str()));
    assert!(text(&feed, "alice").contains("is your code to"));
    bank.advance(120);
    assert!(text(&vault, "gerd").starts_with("Vault: "));
}

#[test]
fn p19_a_text_message_that_may_be_too_long_does_not_start() {
    let refused = |parts: usize, text: &str| {
        let bank =
            Bank::with(|builder| builder.sms_parts(parts).message(MessageTemplate::code(Channel::Sms, text)));
        bank.engine.gate(vault()).map(drop).err().map(|error| error.to_string())
    };
    assert_eq!(refused(1, "{code}"), None);
    let long = "x".repeat(150) + " {code}";
    let told = refused(1, &long).expect("too long for one");
    assert!(told.contains("2 parts") && told.contains(".sms_parts(2)"), "{told}");
    assert_eq!(refused(2, &long), None);
    assert!(refused(2, "{code} {not_me}").is_some(), "a link takes parts of its own");
    let foreign = "ж".repeat(60) + " {code}";
    assert!(refused(1, &foreign).is_some(), "70 letters, since one is not of the alphabet");
    let approval = "{code} pays {amount} to {payee} from your account at Demo Bank. Tell nobody. ".to_owned()
        + &"y".repeat(60);
    let bank = Bank::with(|builder| builder.sms_parts(1).approval_text(Channel::Sms, approval));
    let rules = Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
    let factor = law::step_up().within(Duration::from_secs(300));
    let policy = Policy::new("transfers").require(factor).bind(rules);
    assert!(bank.engine.gate(policy).is_err(), "with the longest amount and payee it is two");
}

fn phones(number: &'static str, change: impl FnOnce(EngineBuilder) -> EngineBuilder) -> (Bank, Post, Events) {
    let (post, events) = (Post::default(), Events::default());
    let bank = bank_of(&post, &events, |builder| {
        change(builder.contacts(move |_: &Subject<'_>, channel: Channel| match channel {
            Channel::Email => Contact::email("alice@example.com").ok(),
            _ => Contact::phone(number).ok(),
        }))
    });
    (bank, post, events)
}

/// A numbering plan that knows one dear number.
#[derive(Debug)]
struct Dear;

impl NumberPlan for Dear {
    fn kind(&self, number: &Contact) -> NumberKind {
        if number.expose().ends_with('9') { NumberKind::Premium } else { NumberKind::Ordinary }
    }
}

#[test]
fn o09_o11_what_is_not_allowed_is_refused_before_anything_is_spent() {
    for (number, countries, reason) in [
        ("+447700900123", Countries::only(["DE", "AT"]).unwrap(), "country"),
        ("+447797712345", Countries::only(["GB"]).unwrap(), "country"),
        ("+12025550123", Countries::none(), "country"),
        ("+18005550123", Countries::any(), "country"),
        ("+12025550129", Countries::any(), "premium_number"),
    ] {
        let tell = |builder: EngineBuilder| {
            builder.countries(countries).number_plan(Dear).missing_contacts(MissingContacts::Tell)
        };
        let (bank, post, events) = phones(number, tell);
        let gate = bank.gate(vault());
        let before = bank.store.entries().len();
        let by_name = json!({ "id": ticket(&gate, "alice"), "channel": "sms" });
        let refused = bank.call("send", "alice", &by_name);
        assert_eq!(told(&refused), "400 validation_error", "{number}");
        assert_eq!((post.len(), bank.store.entries().len()), (0, before), "{number}");
        let told_of: Vec<_> = events.all().into_iter().map(|event| (event.kind, event.reason)).collect();
        assert_eq!(told_of, [(EventKind::SendRefused, Some(reason))], "{number}");
        // Mail is in no country.
        let body = json!({ "id": ticket(&gate, "alice"), "channel": "email" });
        assert_eq!(bank.call("send", "alice", &body).status(), 200);
    }
}

/// Where nobody may learn who has an address, nobody learns where it is either.
#[test]
fn r71_a_number_elsewhere_reads_as_no_number() {
    let (bank, post, _) = phones("+447700900123", |builder| builder.countries(Countries::none()));
    let sent = send(&bank, "alice", &ticket(&bank.gate(vault()), "alice"));
    assert_eq!(sent.status(), 200);
    assert_eq!(post.len(), 0);
    assert_ne!(json_of(&sent)["delivery_hint"], "***-***-0123", "not even its last digits");
}

#[test]
fn r65_a_real_courier_to_phones_says_where_its_messages_go() {
    #[derive(Debug)]
    struct Real;
    #[async_trait::async_trait]
    impl verify_core::Courier for Real {
        async fn deliver(&self, _: &verify_core::Delivery) -> Result<(), verify_core::CourierError> {
            Ok(())
        }
        fn is_development(&self) -> bool {
            false
        }
    }
    let builder =
        || verify_core::Engine::builder(bank::keys(), Origin::parse("https://bank.example").unwrap());
    for channel in [Channel::Sms, Channel::Voice, Channel::WhatsApp] {
        let refused = builder().courier(channel, Real).build().unwrap_err();
        assert!(matches!(refused, ConfigError::NoCountries { .. }), "{refused}");
        assert!(refused.to_string().contains("Countries::only"), "{refused}");
        assert!(builder().courier(channel, Real).countries(Countries::none()).build().is_ok());
    }
    assert!(builder().courier(Channel::Email, Real).build().is_ok());
}

/// Ten spellings of one address have the budget of one.
#[test]
fn r55_spellings_of_an_address_share_its_budget() {
    let post = Post::default();
    let bank = Bank::with(|builder| {
        builder.courier(Channel::Email, post.clone()).missing_contacts(MissingContacts::Tell).contacts(
            |subject: &Subject<'_>, _: Channel| {
                let spelling = match subject.id() {
                    "one" => "Victim@example.com",
                    "two" => "victim+1@EXAMPLE.com",
                    _ => "VICTIM+other@example.com",
                };
                Contact::email(spelling).ok()
            },
        )
    });
    let gate = bank.gate(by_mail());
    assert_eq!(told(&send(&bank, "one", &ticket(&gate, "one"))), "200");
    assert_eq!(told(&send(&bank, "two", &ticket(&gate, "two"))), LIMITED);
    assert_eq!(told(&send(&bank, "three", &ticket(&gate, "three"))), LIMITED);
    assert_eq!(post.last().to, "Victim@example.com", "as it was said");
}

#[test]
fn o16_a_receipt_is_told_once_and_only_for_two_days() {
    use verify_core::{Fate, ReceiptOutcome};
    let (post, events) = (Post::default(), Events::default());
    let bank = bank_of(&post, &events, |builder| builder);
    opened_by(&bank, &post);
    let receipt = post.last().receipt;
    let receive = |receipt: &str, fate| block_on(bank.engine.receive(receipt, fate)).unwrap();
    for bad in ["", "d1.k1.AAAA", &receipt[..receipt.len() - 1], &receipt.replacen("d1", "n1", 1)] {
        assert_eq!(receive(bad, Fate::Arrived), ReceiptOutcome::Unknown, "{bad}");
    }
    let outcomes = together(8, |_| receive(&receipt, Fate::Arrived));
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == ReceiptOutcome::Recorded).count(), 1);
    assert_eq!(events.count(EventKind::Arrived), 1);
    assert_eq!(receive(&receipt, Fate::Lost), ReceiptOutcome::Recorded, "as services change their minds");
    bank.advance(48 * 3600);
    assert_eq!(receive(&receipt, Fate::Arrived), ReceiptOutcome::Unknown);
    assert_eq!((events.count(EventKind::Arrived), events.count(EventKind::Lost)), (1, 1));
}

fn opened_by(bank: &Bank, post: &Post) {
    assert_eq!(send(bank, "alice", &ticket(&bank.gate(vault()), "alice")).status(), 200);
    assert_eq!(post.last().channel, Channel::Sms);
}

/// With the inbox as before: no list is needed where nothing is paid for.
#[test]
fn an_inbox_needs_no_countries() {
    let bank = Bank::new();
    let (id, code) = opened(&bank, &bank.gate(vault()), "alice");
    assert_eq!(told(&check(&bank, "alice", &id, &code)), "200");
}
