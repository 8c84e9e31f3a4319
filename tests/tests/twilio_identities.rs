//! Twilio Verify over sockets, on both frameworks: numbers whose code is known beforehand (R74).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "twilio/phone.rs"]
mod phone;
#[path = "twilio/site.rs"]
mod site;

use std::sync::{Arc, Mutex};

use site::{Mounting, PLAIN, Site, TO, approved, config, engine, outcome, pending, refused, text};
use verify_compat::resources::MemoryResources;
use verify_compat::twilio::{Config, TestIdentity, TwilioVerifyApi};
use verify_core::{Event, EventKind, FakeClock, MemoryStore};

fn known(config: &mut Config, until: &str) {
    config.danger_test_identities = true;
    config.test_identities = vec![TestIdentity::new(TO, "424242", until)];
}

fn r74_a_test_identity_has_its_code_and_gets_nothing_until_it_ends(mounting: Mounting) {
    let site = Site::with(mounting, |config| known(config, "2026-01-01T01:00:00Z"), |builder| builder);
    let started = site.try_start(PLAIN, &[]);
    assert_eq!((started.status, site.phone.count()), (201, 0));
    assert!(!started.text().contains("424242"));
    assert_eq!(outcome(&site.check(PLAIN, "424243")), pending());
    assert_eq!(outcome(&site.check(PLAIN, "424242")), approved());
    // It is for that number only, counts as any other, and binds as any other.
    for _ in 0..5 {
        assert_eq!(site.pay("1", "Acme").status, 201);
    }
    refused(&site.pay("1", "Acme"), 429, 60203);
    assert_eq!(outcome(&site.check_payment("424242", "2", "Acme")), pending());
    assert_eq!(outcome(&site.check_payment("424242", "1", "Acme")), approved());
    let other = [("To", "+15017122662"), ("Channel", "sms")];
    site.post(&format!("Services/{PLAIN}/Verifications"), &other);
    assert_eq!(site.phone.count(), 1);
    site.pass(3600);
    site.start(PLAIN);
    assert_eq!(site.phone.count(), 2);
    let code = site.code();
    if code != "424242" {
        assert_eq!(outcome(&site.check(PLAIN, "424242")), pending());
    }
}

fn r74_a_known_code_ends_with_its_identity_and_is_never_delivered(mounting: Mounting) {
    let site = Site::with(mounting, |config| known(config, "2026-01-01T00:05:00Z"), |builder| builder);
    site.pass(299);
    let started = site.try_start(PLAIN, &[]);
    assert_eq!(started.header("verify-expires-at"), Some("2026-01-01T00:05:00Z"));
    let sid = text(&started.json(), "sid");
    assert_eq!(started.json()["date_created"], "2026-01-01T00:04:59Z");
    site.pass(1);
    refused(&site.check(PLAIN, "424242"), 404, 20404);
    refused(&site.update(PLAIN, &sid, "approved"), 404, 20404);
    // Whoever really has the number gets a code of their own, and not that which everybody knows.
    let again = site.try_start(PLAIN, &[]);
    assert_ne!(text(&again.json(), "sid"), sid);
    assert_eq!(site.phone.count(), 1);
    let code = site.code();
    if code != "424242" {
        assert_eq!(outcome(&site.check(PLAIN, "424242")), pending());
    }
    assert_eq!(outcome(&site.check(PLAIN, &code)), approved());
}

fn r74_a_message_that_nobody_is_to_get_is_no_failed_delivery(mounting: Mounting) {
    let (clock, phone) = (FakeClock::default(), phone::Phone::default());
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let heard: Arc<Mutex<Vec<EventKind>>> = Arc::default();
    let ear = Arc::clone(&heard);
    let listener = move |event: &Event| ear.lock().unwrap().push(event.kind);
    let engine = engine(&clock, &phone, |builder| builder.store(store.clone()).on_event(listener));
    let mut config = config();
    known(&mut config, "2026-01-01T01:00:00Z");
    let api = TwilioVerifyApi::new(&engine, config, MemoryResources::default()).unwrap();
    let site = Site::around(mounting, api, clock, phone, store);
    site.start(PLAIN);
    assert_eq!(outcome(&site.check(PLAIN, "424242")), approved());
    assert_eq!(*heard.lock().unwrap(), [EventKind::Created, EventKind::Sent, EventKind::Verified]);
}

#[test]
fn r74_identities_take_two_switches_and_an_end_within_a_quarter() {
    let (clock, phone) = (FakeClock::default(), phone::Phone::default());
    let engine = engine(&clock, &phone, |builder| builder);
    let build = |to: &str, code: &str, until: &str, danger: bool| {
        let mut config = config();
        config.danger_test_identities = danger;
        config.test_identities = vec![TestIdentity::new(to, code, until)];
        TwilioVerifyApi::builder(&engine).config(config).build().map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(build(TO, "1234", "2026-04-01T00:00:00Z", true), Ok(()));
    // One that is over starts, and has no effect: a configuration must not fail by itself one night.
    assert_eq!(build(TO, "1234", "2025-12-31T00:00:00Z", true), Ok(()));
    for (to, code, until, danger, says) in [
        (TO, "1234", "2026-04-01T00:00:00Z", false, "danger_test_identities"),
        (TO, "1234", "2026-04-01T00:00:01Z", true, "90 days"),
        (TO, "1234", "9999-12-31T00:00:00Z", true, "90 days"),
        (TO, "1234", "soon", true, "until"),
        (TO, "1", "2026-02-01T00:00:00Z", true, "code"),
        ("1", "1234", "2026-02-01T00:00:00Z", true, "identity 1"),
    ] {
        let error = build(to, code, until, danger).unwrap_err();
        assert!(error.contains(says) && !error.contains(TO), "{error}");
    }
}

on_both! {
    r74_a_test_identity_has_its_code_and_gets_nothing_until_it_ends
    r74_a_known_code_ends_with_its_identity_and_is_never_delivered
    r74_a_message_that_nobody_is_to_get_is_no_failed_delivery
}
