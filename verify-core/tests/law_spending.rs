//! What messages may cost: limits by who and where, the cap on the money, and the watch on numbers that nobody answers from.
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

use std::sync::Arc;
use std::time::Duration;

use bank::Bank;
use law::{Events, LIMITED, check, generous, send, ticket, together, told, vault_of};
use post::Post;
use verify_core::{
    Budgets, Channel, CodeFactor, Contact, Conversion, Cost, Countries, DailyCap, EngineBuilder, EventKind,
    Factor, MissingContacts, Quota, Subject,
};

const HOUR: Duration = Duration::from_secs(3600);

fn step_up() -> CodeFactor {
    Factor::code("step-up").over([Channel::Sms, Channel::Email])
}

/// Whoever is called `44-123` has the number +44 7700 900123, `1-123` is in America, and so on; each has an address of mail.
fn address(subject: &Subject<'_>, channel: Channel) -> Option<Contact> {
    if channel == Channel::Email {
        return Contact::email(&format!("u{}@example.com", subject.id())).ok();
    }
    let (country, number) = subject.id().split_once('-')?;
    let number: u32 = number.parse().ok()?;
    let number = match country {
        // Ranges of ten thousand numbers.
        "44" => format!("+4477{:08}", 10_000_000 + number),
        "49" => format!("+49151{:08}", 20_000_000 + number),
        _ => format!("+1202555{:04}", number % 10_000),
    };
    Contact::phone(&number).ok()
}

fn posted(budgets: Budgets) -> (Bank, Post, Events) {
    posted_with(budgets, |builder| builder.missing_contacts(MissingContacts::Tell))
}

fn posted_with(
    budgets: Budgets,
    change: impl FnOnce(EngineBuilder) -> EngineBuilder,
) -> (Bank, Post, Events) {
    let (post, events) = (Post::default(), Events::default());
    let bank = Bank::with(|builder| {
        let builder = [Channel::Sms, Channel::Email]
            .into_iter()
            .fold(builder, |builder, channel| builder.courier(channel, post.clone()));
        let builder = builder.contacts(address).countries(Countries::any()).budgets(budgets);
        change(builder.on_event(events.listener()))
    });
    (bank, post, events)
}

fn ask(bank: &Bank, user: &str) -> String {
    told(&send(bank, user, &ticket(&bank.gate(vault_of(step_up())), user)))
}

#[test]
fn o10_a_range_of_numbers_has_a_limit_of_its_own() {
    let (bank, post, events) = posted(generous().per_prefix([Quota::new(3, HOUR)]));
    let answers: Vec<_> = (0..5).map(|n| ask(&bank, &format!("44-{n}"))).collect();
    assert_eq!(answers, ["200", "200", "200", LIMITED, LIMITED]);
    assert_eq!(ask(&bank, "44-20000"), "200", "the next range");
    assert_eq!(post.len(), 4);
    let told: Vec<_> = events.all().into_iter().filter_map(|event| event.reason).collect();
    assert_eq!(told, ["prefix", "prefix"], "and why is told to whoever runs this");
    bank.advance(3600);
    assert_eq!(ask(&bank, "44-7"), "200");
}

#[test]
fn o10_a_country_and_a_user_and_all_together_have_limits() {
    let (bank, ..) = posted(generous().per_country([Quota::new(2, HOUR)]));
    let answers: Vec<_> = ["44-1", "44-20000", "44-40000", "49-1"].map(|user| ask(&bank, user)).to_vec();
    assert_eq!(answers, ["200", "200", LIMITED, "200"]);

    let (bank, ..) = posted(generous().per_subject([Quota::new(2, HOUR)]));
    let other = |name: &str| {
        let gate =
            bank.gate(verify_core::Policy::new(name.to_owned()).require(Factor::code(name.to_owned())));
        told(&send(&bank, "44-1", &ticket(&gate, "44-1")))
    };
    assert_eq!([other("a"), other("b"), other("c")], ["200", "200", LIMITED], "whatever it is for");
    assert_eq!(ask(&bank, "44-2"), "200");

    let (bank, ..) = posted(generous().in_total([Quota::new(3, HOUR)]));
    let answers: Vec<_> = ["44-1", "49-1", "1-1", "44-2"].map(|user| ask(&bank, user)).to_vec();
    assert_eq!(answers, ["200", "200", "200", LIMITED]);
}

fn cap(most: u32) -> DailyCap {
    DailyCap::of(Cost::units(most), |channel, country| {
        match (channel, country.map(|country| country.code())) {
            (Channel::Email, _) => Cost::default(),
            (_, Some("GB")) => Cost::units(2),
            _ => Cost::units(1),
        }
    })
}

#[test]
fn o10_the_money_of_a_day_is_a_hard_stop() {
    let (bank, post, _) = posted(generous().daily_cap(cap(5)));
    let answers: Vec<_> = ["44-1", "1-1", "44-2", "1-2", "44-3"].map(|user| ask(&bank, user)).to_vec();
    assert_eq!(answers, ["200", "200", "200", LIMITED, LIMITED], "two and one and two");
    let mail = bank.call(
        "send",
        "1-9",
        &serde_json::json!({ "id": ticket(&bank.gate(vault_of(step_up())), "1-9"), "channel": "email" }),
    );
    assert_eq!(told(&mail), "200", "what costs nothing goes on");
    assert_eq!(post.len(), 4);
    bank.advance(24 * 3600);
    assert_eq!(ask(&bank, "1-3"), "200");
}

#[test]
fn o10_the_money_of_a_day_is_exact_under_parallel_sends() {
    for round in 0..50 {
        let (bank, post, _) = posted(generous().daily_cap(cap(10)));
        let bank = Arc::new(bank);
        bank.gate(vault_of(step_up()));
        let answers = together(16, |n| ask(&bank, &format!("49-{n}")));
        let sent = answers.iter().filter(|answer| *answer == "200").count();
        assert_eq!((sent, post.len()), (10, 10), "round {round}: {answers:?}");
    }
}

/// Ten thousand messages to one range, and nobody answers: artificial traffic, paid for by the message.
#[test]
fn o12_r65_a_range_that_nobody_answers_from_is_written_to_no_more_and_others_are_served() {
    let watch = Conversion::below(5, 100, HOUR);
    let (bank, post, events) = posted(generous().watch_prefixes(watch));
    let gate = bank.gate(vault_of(step_up()));
    for n in 0..10_000 {
        let user = format!("44-{n}");
        let answer = told(&send(&bank, &user, &ticket(&gate, &user)));
        assert_eq!(answer, if n < 100 { "200" } else { LIMITED }, "{n}");
    }
    assert_eq!(post.len(), 100, "a hundred were paid for, of ten thousand");
    assert_eq!(events.count(EventKind::ConversionLow), 1, "and it is told once");
    for n in 0..50 {
        assert_eq!(ask(&bank, &format!("49-{n}")), "200", "another country is served");
    }
    bank.advance(3600);
    assert_eq!(ask(&bank, "44-1"), "200", "with the next window it is tried anew");
}

#[test]
fn o12_numbers_that_people_answer_from_are_served_on() {
    let watch = Conversion::below(40, 10, HOUR);
    let (bank, post, events) = posted(generous().watch_prefixes(watch).watch_countries(watch));
    let gate = bank.gate(vault_of(step_up()));
    for n in 0..40 {
        let user = format!("44-{n}");
        let sent = send(&bank, &user, &ticket(&gate, &user));
        assert_eq!(told(&sent), "200", "{n}");
        if n % 2 == 0 {
            let id = bank::json_of(&sent)["id"].as_str().unwrap().to_owned();
            assert_eq!(told(&check(&bank, &user, &id, &post.last().code)), "200");
        }
    }
    assert_eq!(events.count(EventKind::ConversionLow), 0);
    let nobody = |n: u32| told(&send(&bank, &format!("49-{n}"), &ticket(&gate, &format!("49-{n}"))));
    let answers: Vec<_> = (0..12).map(nobody).collect();
    assert!(
        answers[..10].iter().all(|answer| answer == "200")
            && answers[10..].iter().all(|answer| answer == LIMITED)
    );
}

/// Where answers hide who has an address, a limit of a place must not tell either.
#[test]
fn r71_what_a_limit_of_a_place_stops_is_answered_as_everything_is() {
    let budgets = generous().per_prefix([Quota::new(1, HOUR)]).daily_cap(cap(100));
    let (bank, post, events) = posted_with(budgets, |builder| builder);
    let gate = bank.gate(vault_of(step_up()));
    for user in ["44-1", "44-2", "44-3", "nobody"] {
        let sent = send(&bank, user, &ticket(&gate, user));
        assert_eq!(told(&sent), "200", "{user}");
        assert!(bank::json_of(&sent)["delivery_hint"].as_str().unwrap().starts_with("***-***-"));
    }
    assert!(post.len() <= 1, "one may leave");
    assert_eq!(events.count(EventKind::SendRefused), 2, "and whoever runs this hears of the others");
}

#[test]
fn o10_what_is_refused_uses_up_nothing_else() {
    let budgets = generous().per_prefix([Quota::new(1, HOUR)]).per_country([Quota::new(2, HOUR)]);
    let (bank, ..) = posted(budgets);
    let answers: Vec<_> =
        ["44-1", "44-2", "44-3", "44-20000", "44-40000"].map(|user| ask(&bank, user)).to_vec();
    assert_eq!(answers, ["200", LIMITED, LIMITED, "200", LIMITED], "the country has counted two");
}

#[test]
fn o10_what_the_application_allows_holds_for_whoever_brings_budgets_of_their_own() {
    let (bank, post, _) = posted(generous().daily_cap(cap(3)).in_total([Quota::new(9, HOUR)]));
    let gate = bank.gate(vault_of(step_up()));
    let theirs = Arc::new(Budgets::per_challenge_only().in_total([Quota::new(2, HOUR)]));
    let send = |budgets: &Arc<Budgets>, user: &'static str| {
        let direct = bank.engine.direct(Subject::user(user)).budgets(budgets);
        let direct = direct.to(address(&Subject::user(user), Channel::Sms).unwrap());
        let ticket = direct.offer(&gate, "step-up").unwrap();
        bank::block_on(direct.send(&ticket, Some(Channel::Sms))).map(|_| ()).map_err(|refused| refused.kind())
    };
    let without = Arc::new(Budgets::per_challenge_only());
    assert_eq!(send(&without, "1-1"), Ok(()));
    assert_eq!(send(&theirs, "1-2"), Ok(()));
    assert_eq!(send(&theirs, "1-3"), Err(verify_core::RefusedKind::RateLimited), "two in all, as they say");
    assert_eq!(send(&without, "1-4"), Ok(()));
    assert_eq!(
        send(&without, "1-5"),
        Err(verify_core::RefusedKind::RateLimited),
        "three units, as the engine says"
    );
    assert_eq!(post.len(), 0, "these were errands, and nobody ran them");
}

#[test]
fn o10_what_goes_to_nobody_uses_up_nothing_of_all() {
    let (bank, ..) = posted_with(generous().in_total([Quota::new(2, HOUR)]), |builder| builder);
    for n in 0..5 {
        assert_eq!(ask(&bank, &format!("nobody{n}")), "200", "nobody is told that there is no address");
    }
    assert_eq!(["1-1", "1-2", "1-3"].map(|user| ask(&bank, user)), ["200", "200", LIMITED]);
    assert_eq!(ask(&bank, "nobody9"), LIMITED, "R71: and what stops all stops nobody too");
}
