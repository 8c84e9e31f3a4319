//! Presets: each clause refuses the policy that breaks it, by its number, and lets the next best pass.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use verify_core::{
    AuthenticatorBook, Budgets, Channel, CodeFactor, Contact, Engine, EngineBuilder, Factor, Inbox, KeyRing,
    Origin, Policy, Preset, Psd2, Quota, Requirement, Subject, all_of, any_of,
};

fn engine(change: impl FnOnce(EngineBuilder) -> EngineBuilder) -> Engine {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let builder = Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
        .inbox(Inbox::new())
        .authenticators(AuthenticatorBook::new())
        .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok());
    change(builder).build().unwrap()
}

fn sms() -> CodeFactor {
    Factor::code("by-sms").over([Channel::Sms])
}

fn mail() -> CodeFactor {
    Factor::code("by-mail").over([Channel::Email])
}

/// The error of a policy under a preset, or nothing.
fn broken(preset: Preset, requirement: impl Into<Requirement>) -> Option<String> {
    let policy = Policy::new("vault").preset(preset).require(requirement);
    engine(|builder| builder).gate(policy).err().map(|error| error.to_string())
}

fn breaks(preset: Preset, requirement: impl Into<Requirement>, clause: &str) {
    let error = broken(preset, requirement).unwrap_or_else(|| panic!("{clause} was not held"));
    assert!(error.ends_with(&format!("({clause})")), "{error}");
    assert!(error.contains(&format!("`{}`", preset.name())), "{error}");
}

#[test]
fn e80_nist_wants_another_way_beside_the_telephone() {
    let preset = Preset::nist();
    breaks(preset, sms(), "NIST SP 800-63B-4, 3.2.9");
    breaks(preset, sms().over([Channel::Voice, Channel::Sms]), "NIST SP 800-63B-4, 3.2.9");
    breaks(preset, all_of((sms(), Factor::totp("app"))), "NIST SP 800-63B-4, 3.2.9");
    assert_eq!(broken(preset, any_of((sms(), Factor::totp("app")))), None);
    assert_eq!(broken(preset, sms().over([Channel::Sms, Channel::WhatsApp])), None);
}

#[test]
fn e78_mail_is_no_authenticator_for_nist_and_asvs_l3() {
    breaks(Preset::nist(), mail(), "NIST SP 800-63B-4, 3.1.3.1");
    breaks(Preset::nist(), any_of((mail(), Factor::totp("app"))), "NIST SP 800-63B-4, 3.1.3.1");
    breaks(Preset::asvs_l3(), mail(), "OWASP ASVS 5.0, 6.3.6");
    assert_eq!(broken(Preset::asvs_l2(), mail()), None);
}

#[test]
fn e01_short_codes_and_long_lives_break_what_names_them() {
    let app = || Factor::totp("app").drift(0);
    let either = |code: CodeFactor| any_of((code, app()));
    for (preset, digits, life) in [
        (Preset::nist(), "NIST SP 800-63B-4, 3.1.3.2", "NIST SP 800-63B-4, 3.1.3.2"),
        (Preset::asvs_l2(), "OWASP ASVS 5.0, 6.5.3", "OWASP ASVS 5.0, 6.5.5"),
    ] {
        breaks(preset, either(sms().digits_below_six(5)), digits);
        breaks(preset, either(sms().lives_beyond_ten_minutes(Duration::from_secs(601))), life);
        assert_eq!(broken(preset, either(sms().lives(Duration::from_secs(600)))), None);
    }
}

#[test]
fn e84_a_price_is_no_authenticator_in_any_preset() {
    let human = || Factor::proof_of_work("human");
    for preset in [Preset::nist(), Preset::asvs_l2(), Preset::asvs_l3(), Preset::psd2()] {
        let first = preset.clauses().first().unwrap().number;
        breaks(preset, human(), first);
        breaks(preset, any_of((human(), Factor::totp("app"))), first);
    }
    assert_eq!(broken(Preset::nist(), all_of((human(), Factor::totp("app")))), None);
}

#[test]
fn e03_asvs_takes_no_drift_and_l3_no_telephone_and_no_telling_apart() {
    breaks(Preset::asvs_l2(), Factor::totp("app"), "OWASP ASVS 5.0, 6.5.5");
    assert_eq!(broken(Preset::asvs_l2(), Factor::totp("app").drift(0)), None);
    let either = || any_of((sms(), Factor::totp("app").drift(0)));
    assert_eq!(broken(Preset::asvs_l2(), either()), None);
    breaks(Preset::asvs_l3(), either(), "OWASP ASVS 5.0, 6.6.1");
    breaks(Preset::asvs_l3(), Factor::totp("app").drift(0), "OWASP ASVS 5.0, 6.3.8");
    let policy = Policy::new("vault").preset(Preset::asvs_l3()).require(Factor::totp("app").drift(0));
    assert!(engine(EngineBuilder::uniform_failures).gate(policy).is_ok());
}

#[test]
fn e23_nist_counts_a_hundred_failures_at_most() {
    let gate = |count| {
        let quota = Quota::new(count, Duration::from_secs(24 * 3600));
        let engine = engine(|builder| builder.budgets(Budgets::default().failures(quota)));
        engine.gate(Policy::new("vault").preset(Preset::nist()).require(Factor::totp("app")))
    };
    assert!(gate(100).is_ok());
    assert!(gate(101).unwrap_err().to_string().contains("NIST SP 800-63B-4, 3.2.2"));
}

#[test]
fn e35_psd2_wants_five_failures_a_block_uniform_answers_and_five_idle_minutes() {
    let minutes = |n: u64| Duration::from_secs(n * 60);
    let access = || Policy::new("account").preset(Preset::psd2()).require(sms());
    let strict = || engine(|builder| builder.budgets(Budgets::psd2()).uniform_failures());
    assert!(strict().gate(access().idle(minutes(5))).is_ok());
    let mail = Policy::new("account").preset(Preset::psd2()).idle(minutes(5));
    let mail = mail.require(Factor::code("step-up").over([Channel::Email]));
    assert!(strict().gate(mail).unwrap_err().to_string().contains("7(1)"), "a mailbox is no possession");
    let refused = |engine: Engine, policy: Policy| engine.gate(policy).unwrap_err().to_string();
    assert!(refused(strict(), access()).contains("4(3)(d)"));
    assert!(refused(strict(), access().idle(minutes(6))).contains("4(3)(d)"));
    let tells = engine(|builder| builder.budgets(Budgets::psd2()));
    assert!(refused(tells, access().idle(minutes(5))).contains("4(3)(a)"));
    let loose = engine(EngineBuilder::uniform_failures);
    assert!(refused(loose, access().idle(minutes(5))).contains("4(3)(b)"));
    let five = Budgets::default().failures(Quota::new(5, minutes(60)));
    let unblocked = engine(|builder| builder.budgets(five).uniform_failures());
    assert!(refused(unblocked, access().idle(minutes(5))).contains("block_for"));
    let order = Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
    let pay = Policy::payment("pay", sms(), order).preset(Preset::psd2());
    assert!(strict().gate(pay).is_ok(), "an approval is never idle");
}

#[test]
fn the_table_in_the_documents_is_the_table_that_is_held() {
    let mut table = String::new();
    for preset in [Preset::nist(), Preset::asvs_l2(), Preset::asvs_l3(), Preset::psd2()] {
        table.push_str(&format!("\n## `Preset::{}()`\n\n| asks that | clause |\n|---|---|\n", preset.name()));
        for clause in preset.clauses() {
            table.push_str(&format!("| {} | {} |\n", clause.asks, clause.number));
        }
    }
    let document = std::fs::read_to_string("../docs/presets.md").unwrap();
    assert!(document.contains(&table), "docs/presets.md has to hold this:\n{table}");
}
