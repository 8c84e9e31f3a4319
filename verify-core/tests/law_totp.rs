//! Authenticator apps: each step once and never back, the user's budget, recovery codes, enrolment.
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

use std::time::Duration;

use bank::{Bank, Request, block_on, blocked, enter, headers_of, json_of, text_of};
use law::{Events, USED, WRONG, check, generous, ticket, told};
use verify_core::{
    AuthenticatorBook, Budgets, Channel, EngineBuilder, EnrolmentError, EventKind, Factor, Gate, Policy,
    Psd2, Quota, Subject, TotpFactor, TotpSecret, any_of,
};

const STEP: Duration = TotpSecret::STEP;

/// A bank, its book of authenticators, and the gate of a vault that asks for one.
struct Apps {
    bank: Bank,
    book: AuthenticatorBook,
    events: Events,
    gate: Gate,
}

impl Apps {
    fn new(budgets: Budgets) -> Self {
        Self::of(Factor::totp("app"), |builder| builder.budgets(budgets))
    }

    fn of(factor: TotpFactor, change: impl FnOnce(EngineBuilder) -> EngineBuilder) -> Self {
        let (book, events) = (AuthenticatorBook::new(), Events::default());
        let bank =
            Bank::with(|builder| change(builder.authenticators(book.clone()).on_event(events.listener())));
        let gate = bank.gate(Policy::new("vault").purpose("open the vault").require(factor));
        Self { bank, book, events, gate }
    }

    /// Enrols a user, and returns the secret as the phone has it.
    fn enrol(&self, user: &str) -> TotpSecret {
        let secret = TotpSecret::from_bytes(user.repeat(20).as_bytes().first_chunk::<20>().unwrap()).unwrap();
        self.book.enrol(&Subject::user(user.to_owned()), secret.clone(), []);
        secret
    }

    /// What the phone shows, so many steps from now.
    fn shown(&self, secret: &TotpSecret, away: i32) -> String {
        let (now, distance) = (self.bank.engine.now(), STEP * away.unsigned_abs());
        let moment = if away < 0 { now - distance } else { now + distance };
        secret.code_at(moment).expose().to_owned()
    }

    fn answer(&self, user: &str, code: &str) -> String {
        told(&check(&self.bank, user, &ticket(&self.gate, user), code))
    }
}

#[test]
fn r51_a_code_of_the_app_opens_the_gate_and_a_wrong_one_does_not() {
    let apps = Apps::new(Budgets::default());
    let secret = apps.enrol("alice");
    let reply = blocked(&apps.gate, Request::get("/vault").user("alice"));
    let challenge = bank::challenge_of(&reply);
    assert_eq!((&challenge["type"], &challenge["recovery_codes"]), (&"totp".into(), &true.into()));
    let id = challenge["id"].as_str().unwrap().to_owned();
    assert_eq!(told(&check(&apps.bank, "alice", &id, &apps.shown(&secret, 5))), WRONG);
    let checked = check(&apps.bank, "alice", &id, &apps.shown(&secret, 0));
    assert_eq!(told(&checked), "200");
    let clearance = headers_of(&checked, "challenge-clearance").remove(0);
    let with = |user: &str| Request::get("/vault").user(user).header("challenge-clearance", &clearance);
    assert!(enter(&apps.gate, with("alice")).is_in());
    assert!(!enter(&apps.gate, with("mallory")).is_in());
    assert_eq!(told(&check(&apps.bank, "alice", &id, &apps.shown(&secret, 1))), USED, "one success a ticket");
}

#[test]
fn r51_each_step_is_used_once_and_steps_only_go_up() {
    let apps = Apps::new(generous());
    let secret = apps.enrol("alice");
    let (before, now, next) = (apps.shown(&secret, -1), apps.shown(&secret, 0), apps.shown(&secret, 1));
    assert_eq!(apps.answer("alice", &now), "200");
    assert_eq!(apps.answer("alice", &now), WRONG, "the same code, with another ticket");
    assert_eq!(apps.answer("alice", &before), WRONG, "an older step than the one that was used");
    assert_eq!(apps.answer("alice", &next), "200", "within the drift, and later");
    apps.bank.advance(30);
    assert_eq!(apps.answer("alice", &next), WRONG, "a code replayed in the next window");
    assert_eq!(apps.answer("alice", &now), WRONG);
    apps.bank.advance(30);
    assert_eq!(apps.answer("alice", &apps.shown(&secret, 0)), "200");
    assert_eq!(apps.events.count(EventKind::Replayed), 4);
}

#[test]
fn r51_a_replay_stays_refused_however_wide_the_drift_is() {
    for drift in 0..=2_u8 {
        let apps = Apps::of(Factor::totp("app").drift(drift), |builder| builder.budgets(generous()));
        let secret = apps.enrol("alice");
        let first = apps.shown(&secret, i32::from(drift));
        assert_eq!(apps.answer("alice", &first), "200", "drift {drift}");
        for _ in 0..2 * drift + 3 {
            assert_ne!(apps.answer("alice", &first), "200", "drift {drift}");
            apps.bank.advance(30);
        }
    }
}

#[test]
fn e22_five_wrong_codes_in_a_row_make_the_next_one_wait_and_the_budget_ends_it() {
    let day = Duration::from_secs(24 * 3600);
    let apps = Apps::new(Budgets::default().failures(Quota::new(10, day)));
    let secret = apps.enrol("alice");
    for _ in 0..4 {
        assert_eq!(apps.answer("alice", "000000"), WRONG);
    }
    assert_eq!(apps.answer("alice", "000000"), law::LOCKED);
    assert_eq!(apps.answer("alice", &apps.shown(&secret, 0)), law::LIMITED, "even the right one has to wait");
    apps.bank.advance(30);
    for _ in 0..5 {
        apps.answer("alice", "000000");
    }
    apps.bank.advance(3600);
    assert_eq!(apps.answer("alice", &apps.shown(&secret, 0)), law::LOCKED, "ten in all, and the day is long");
    assert_eq!(apps.answer("alice", "000000"), law::LOCKED);
}

#[test]
fn e29_a_success_begins_the_failures_anew() {
    let apps = Apps::new(Budgets::default());
    let secret = apps.enrol("alice");
    for _ in 0..5 {
        for _ in 0..4 {
            assert_eq!(apps.answer("alice", "000000"), WRONG);
        }
        assert_eq!(apps.answer("alice", &apps.shown(&secret, 0)), "200");
        apps.bank.advance(90);
    }
}

#[test]
fn e25_failures_count_for_the_user_over_tickets_and_sessions_and_for_nobody_else() {
    let apps = Apps::new(Budgets::psd2());
    let (alice, bob) = (apps.enrol("alice"), apps.enrol("bob"));
    for _ in 0..5 {
        apps.answer("alice", "000000");
    }
    assert_eq!(apps.answer("alice", &apps.shown(&alice, 0)), law::LOCKED);
    assert_eq!(apps.events.count(EventKind::Blocked), 1);
    assert_eq!(apps.answer("bob", &apps.shown(&bob, 0)), "200");
    apps.bank.advance(30 * 60);
    assert_eq!(apps.answer("alice", &apps.shown(&alice, 0)), "200", "the block is over, and the count anew");
}

#[test]
fn r71_whoever_has_no_app_is_answered_as_everybody() {
    let apps = Apps::new(Budgets::default());
    apps.enrol("alice");
    for user in ["alice", "mallory"] {
        let page = text_of(&blocked(&apps.gate, Request::get("/vault").user(user).browser()));
        assert!(page.contains("authenticator app"), "{page}");
        let answers: Vec<String> = (0..6).map(|_| apps.answer(user, "000000")).collect();
        assert_eq!(answers, [WRONG, WRONG, WRONG, WRONG, law::LOCKED, law::LIMITED], "{user}");
    }
}

#[test]
fn r37_one_code_in_many_hands_opens_once() {
    for round in 0..200 {
        let apps = Apps::new(generous());
        let secret = apps.enrol("alice");
        let code = apps.shown(&secret, 0);
        let tickets: Vec<String> = (0..8).map(|_| ticket(&apps.gate, "alice")).collect();
        let answers = law::together(8, |n| told(&check(&apps.bank, "alice", &tickets[n], &code)));
        let wins = answers.iter().filter(|answer| *answer == "200").count();
        assert_eq!(wins, 1, "round {round}: {answers:?}");
    }
}

#[test]
fn r51_of_two_neighbouring_codes_at_once_the_older_never_wins_after_the_newer() {
    for round in 0..200 {
        let apps = Apps::new(generous());
        let secret = apps.enrol("alice");
        let codes = [apps.shown(&secret, 0), apps.shown(&secret, 1)];
        let tickets: Vec<String> = (0..2).map(|_| ticket(&apps.gate, "alice")).collect();
        let answers = law::together(2, |n| told(&check(&apps.bank, "alice", &tickets[n], &codes[n])));
        assert_eq!(answers[1], "200", "round {round}: the newer one is good in any order");
        assert_eq!(apps.answer("alice", &codes[0]), WRONG, "round {round}");
    }
}

#[test]
fn r52_a_recovery_code_opens_once_and_says_how_many_are_left() {
    let apps = Apps::new(Budgets::default());
    let secret = apps.enrol("alice");
    let alice = Subject::user("alice");
    let codes = apps.bank.engine.recovery_codes(&alice).unwrap();
    assert!(format!("{codes:?} {:?}", codes.digests()).contains("redacted"));
    apps.book.enrol(&alice, secret, codes.digests().iter().cloned());
    let texts: Vec<String> = codes.expose().map(str::to_owned).collect();
    assert_eq!(texts.len(), 10);
    for (index, text) in texts.iter().enumerate() {
        let checked = check(&apps.bank, "alice", &ticket(&apps.gate, "alice"), &text.to_lowercase());
        assert_eq!(told(&checked), "200");
        assert_eq!(json_of(&checked)["recovery_codes_left"], 9 - index);
        assert_eq!(apps.answer("alice", text), WRONG, "a second time");
    }
    assert_eq!(apps.events.count(EventKind::RecoveryCodeUsed), 10);
    assert_eq!(apps.events.count(EventKind::RecoveryCodesLow), 4, "with 3, 2, 1 and 0 left");
}

#[test]
fn r52_a_recovery_code_is_its_owners_only_and_a_factor_may_refuse_it() {
    let apps = Apps::new(generous());
    let (alice, bob) = (Subject::user("alice"), Subject::user("bob"));
    let codes = apps.bank.engine.recovery_codes(&alice).unwrap();
    for subject in [&alice, &bob] {
        // Whoever copies rows between users gains nothing.
        let secret = TotpSecret::from_bytes(&[7; 20]).unwrap();
        apps.book.enrol(subject, secret, codes.digests().iter().cloned());
    }
    let text = codes.expose().next().unwrap().to_owned();
    assert_eq!(apps.answer("bob", &text), WRONG);
    let strict = Apps::of(Factor::totp("app").without_recovery_codes(), |builder| builder);
    strict.book.enrol(&alice, TotpSecret::from_bytes(&[7; 20]).unwrap(), codes.digests().iter().cloned());
    assert_eq!(strict.answer("alice", &text), "400 validation_error");
    assert_eq!(apps.answer("alice", &text), "200");
}

#[test]
fn r52_one_recovery_code_in_many_hands_opens_once() {
    for round in 0..100 {
        let apps = Apps::new(generous());
        let alice = Subject::user("alice");
        let codes = apps.bank.engine.recovery_codes(&alice).unwrap();
        apps.book.enrol(&alice, TotpSecret::from_bytes(&[7; 20]).unwrap(), codes.digests().iter().cloned());
        let text = codes.expose().next().unwrap().to_owned();
        let tickets: Vec<String> = (0..8).map(|_| ticket(&apps.gate, "alice")).collect();
        let answers = law::together(8, |n| told(&check(&apps.bank, "alice", &tickets[n], &text)));
        let wins = answers.iter().filter(|answer| *answer == "200").count();
        assert_eq!(wins, 1, "round {round}: {answers:?}");
    }
}

#[test]
fn e74_an_app_counts_once_it_has_shown_a_code_and_that_code_is_used_up() {
    let apps = Apps::new(generous());
    let (engine, alice, mallory) = (&apps.bank.engine, Subject::user("alice"), Subject::user("mallory"));
    let enrolment = engine.enrol(&alice, "alice@example.com").unwrap();
    let (token, secret) = (enrolment.token().to_owned(), enrolment.secret().clone());
    let code = apps.shown(&secret, 0);
    assert!(!format!("{enrolment:?}").contains(secret.to_base32().as_str()));
    assert_eq!(apps.answer("alice", &code), WRONG, "it is not enrolled yet");
    let confirm = |subject: &Subject<'_>, token: &str, code: &str| {
        block_on(engine.confirm_enrolment(subject, token, code))
    };
    assert!(matches!(confirm(&mallory, &token, &code), Err(EnrolmentError::Expired)), "another subject's");
    for at in 0..token.len() {
        let mut broken = token.clone().into_bytes();
        broken[at] ^= 1;
        let broken = String::from_utf8(broken).unwrap();
        assert!(matches!(confirm(&alice, &broken, &code), Err(EnrolmentError::Expired)), "{at}");
    }
    assert!(matches!(confirm(&alice, &token, "000000"), Err(EnrolmentError::WrongCode)));
    let kept = confirm(&alice, &token, &code).unwrap();
    assert!(kept == secret);
    apps.book.enrol(&alice, kept, []);
    assert_eq!(apps.answer("alice", &code), WRONG, "used up by the confirmation");
    assert!(matches!(confirm(&alice, &token, &code), Err(EnrolmentError::WrongCode)));
    apps.bank.advance(30);
    assert_eq!(apps.answer("alice", &apps.shown(&secret, 0)), "200");
    apps.bank.advance(15 * 60);
    let late = confirm(&alice, &token, &apps.shown(&secret, 0));
    assert!(matches!(late, Err(EnrolmentError::Expired)));
}

#[test]
fn e74_what_the_app_is_given_is_its_own_form() {
    let apps = Apps::of(Factor::totp("app"), |builder| builder.site("Demo Bank & Söhne"));
    let enrolment = apps.bank.engine.enrol(&Subject::user("alice"), "alice:1@example.com").unwrap();
    let secret = enrolment.secret().to_base32();
    let expected = format!(
        "otpauth://totp/Demo%20Bank%20%26%20S%C3%B6hne:alice%3A1%40example.com?secret={}\
         &issuer=Demo%20Bank%20%26%20S%C3%B6hne&algorithm=SHA1&digits=6&period=30",
        secret.as_str()
    );
    assert_eq!(enrolment.uri(), expected);
    assert_eq!(enrolment.key().replace(' ', ""), secret.as_str());
    for bad in ["", " ", "a\nb", "a\u{202e}b", &"a".repeat(65)] {
        let refused = apps.bank.engine.enrol(&Subject::user("alice"), bad);
        assert!(matches!(refused, Err(EnrolmentError::Account)), "{bad:?}");
    }
}

#[test]
fn e36_the_code_of_an_app_approves_no_payment() {
    let apps = Apps::new(Budgets::default());
    let order = || Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
    let refused = apps.bank.engine.gate(Policy::new("pay").require(Factor::totp("app")).bind(order()));
    assert!(refused.unwrap_err().to_string().contains("approves nothing"));
    let either = any_of((Factor::totp("app"), Factor::code("step-up")));
    assert!(apps.bank.engine.gate(Policy::new("pay").require(either).bind(order())).is_err());
    let both = verify_core::all_of((Factor::totp("app"), Factor::code("step-up").over([Channel::Sms])));
    assert!(apps.bank.engine.gate(Policy::new("pay").require(both).bind(order())).is_ok());
}

#[test]
fn a_policy_with_an_app_does_not_start_without_authenticators() {
    let refused = Bank::new().engine.gate(Policy::new("vault").require(Factor::totp("app"))).unwrap_err();
    assert!(refused.to_string().contains("`.authenticators(..)`"), "{refused}");
    let apps = Apps::new(Budgets::default());
    for wrong in [Factor::totp("a").drift(3), Factor::totp("b").tries(0), Factor::totp("c").tries(11)] {
        assert!(apps.bank.engine.gate(Policy::new("other").require(wrong)).is_err());
    }
}

#[test]
fn r56_what_is_no_code_costs_no_try() {
    let apps = Apps::new(Budgets::default());
    let secret = apps.enrol("alice");
    for text in ["", "12345", "1234567", "１２３４５６", "abcdef", "ABCDE-FGH1", &"1".repeat(100)] {
        for _ in 0..3 {
            assert_eq!(apps.answer("alice", text), "400 validation_error", "{text:?}");
        }
    }
    let code = apps.shown(&secret, 0);
    assert_eq!(apps.answer("alice", &format!("{} {}", &code[..3], &code[3..])), "200");
}

#[cfg(feature = "qr")]
#[test]
fn e74_the_drawing_holds_no_script_and_loads_nothing() {
    let apps = Apps::new(Budgets::default());
    let svg = apps.bank.engine.enrol(&Subject::user("alice"), "alice").unwrap().qr_svg().unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
    let without_namespace = svg.replace("http://www.w3.org/2000/svg", "");
    assert!(!without_namespace.contains("http") && !svg.contains("script") && !svg.contains("href"));
}
