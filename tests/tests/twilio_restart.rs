//! Twilio Verify after a restart: verifications in Redis, what is configured in a file.
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

#[path = "../../verify-redis/tests/support/server.rs"]
mod server;

use serde_json::json;
use server::Server;
use site::{
    ACCOUNT, Mounting, PLAIN, PSD2, Site, TO, approved, config, engine, outcome, pending, refused, text,
};
use verify_compat::resources::DurableResources;
use verify_compat::twilio::{Config, TwilioVerifyApi};
use verify_core::{FakeClock, MemoryStore};

/// A process over that Redis and that file.
fn open(mounting: Mounting, redis: &Server, clock: &FakeClock, phone: &phone::Phone, config: Config) -> Site {
    let engine = engine(clock, phone, |builder| builder.store(redis.store()));
    // The workers of the process before may be on their way out yet, and one process has the file open at a time.
    let mut opened = None;
    server::until("the file is free", || {
        opened = DurableResources::open(redis.folder().join("resources.redb")).ok();
        opened.is_some()
    });
    let resources = opened.unwrap();
    let api = TwilioVerifyApi::new(&engine, config, resources).unwrap();
    Site::around(mounting, api, clock.clone(), phone.clone(), MemoryStore::default())
}

fn twilio_a_restart_on_redis_keeps_what_is_pending_and_configured(mounting: Mounting) {
    let redis = Server::start(&[]);
    let (clock, phone) = (FakeClock::default(), phone::Phone::default());
    let site = open(mounting, &redis, &clock, &phone, config());
    let service = site.service(&[("CodeLength", "8"), ("TtsName", "Owl")]);
    let limits = format!("Services/{service}/RateLimits");
    let limit = text(&site.post(&limits, &[("UniqueName", "ip")]).json(), "sid");
    site.post(&format!("{limits}/{limit}/Buckets"), &[("Max", "1"), ("Interval", "600")]);
    site.post("SafeList/Numbers", &[("PhoneNumber", TO)]);
    let counted = [("RateLimits", r#"{"ip":"a"}"#)];
    let started = site.try_start(&service, &counted).json();
    let code = site.code();
    assert_eq!(outcome(&site.check(&service, &site.wrong())), pending());
    assert_eq!(site.pay("10.00", "Acme").status, 201);
    let payment = site.code();
    let (shown, listed) = (site.get(&format!("Services/{service}")).json(), site.get("Services").json());
    drop(site);

    // Not a byte of what is personal, in either.
    let keys: Vec<Vec<u8>> = redis.ask(&["KEYS", "*"]);
    let mut held = std::fs::read(redis.folder().join("resources.redb")).unwrap();
    for key in keys {
        let mut get = redis::cmd("GET");
        let value: Vec<u8> = get.arg(key).query(&mut redis.connection()).unwrap();
        held.extend(value);
    }
    for secret in ["15017122661", "10.00", "Acme", &code, &payment] {
        assert!(!held.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
    }

    let site = open(mounting, &redis, &clock, &phone, config());
    let host = |body: &serde_json::Value| body.to_string().split("localhost:").next().unwrap().to_owned();
    let again = site.get(&format!("Services/{service}")).json();
    assert_eq!(
        (&again["sid"], &again["code_length"], &again["tts_name"]),
        (&shown["sid"], &json!(8), &json!("Owl"))
    );
    assert_eq!(host(&site.get("Services").json()), host(&listed));
    assert_eq!(site.get("SafeList/Numbers/%2B15017122661").status, 200);
    let fetched = site.fetch(&service, "%2B15017122661");
    assert_eq!(
        (&fetched.json()["sid"], fetched.header("verify-attempts-left")),
        (&started["sid"], Some("4"))
    );
    refused(&site.try_start(&service, &counted), 429, 20429);
    assert_eq!(site.start(&service)["sid"], started["sid"]);
    assert_eq!(site.code(), code);
    assert_eq!(outcome(&site.check(&service, &code)), approved());
    assert_eq!(outcome(&site.check_payment(&payment, "10.01", "Acme")), pending());
    assert_eq!(outcome(&site.check_payment(&payment, "10.00", "Acme")), approved());
    assert_eq!(site.get("Attempts/Summary").json()["total_attempts"], 3);
}

fn twilio_what_the_configuration_says_holds_at_each_start(mounting: Mounting) {
    let redis = Server::start(&[]);
    let (clock, phone) = (FakeClock::default(), phone::Phone::default());
    let mut declared = config();
    declared.services[0].rate_limits = serde_json::from_value(json!([
        { "unique_name": "ip", "description": "per ip", "buckets": [{ "max": 1, "interval": 60 }] },
    ]))
    .unwrap();
    let site = open(mounting, &redis, &clock, &phone, declared.clone());
    let path = format!("Services/{PLAIN}");
    let limits = site.get(&format!("{path}/RateLimits")).json();
    assert_eq!(limits["rate_limits"][0]["unique_name"], "ip");
    site.pass(60);
    site.post(&path, &[("FriendlyName", "Eagle Bank"), ("CodeLength", "4")]);
    assert_eq!(site.delete(&format!("Services/{PSD2}")).status, 204);
    drop(site);
    let site = open(mounting, &redis, &clock, &phone, declared);
    let service = site.get(&path).json();
    assert_eq!((&service["friendly_name"], &service["code_length"]), (&json!("Owl Bank"), &json!(6)));
    assert_eq!(
        (&service["date_created"], &service["account_sid"]),
        (&json!("2026-01-01T00:00:00Z"), &json!(ACCOUNT))
    );
    assert_eq!(site.get(&format!("Services/{PSD2}")).status, 200);
    let again = site.get(&format!("{path}/RateLimits")).json();
    assert_eq!(again["rate_limits"].as_array().unwrap().len(), 1);
    assert_eq!(again["rate_limits"][0]["sid"], limits["rate_limits"][0]["sid"]);
}

fn twilio_a_store_that_is_gone_lets_nobody_in(mounting: Mounting) {
    let mut redis = Server::start(&[]);
    let (clock, phone) = (FakeClock::default(), phone::Phone::default());
    let site = open(mounting, &redis, &clock, &phone, config());
    site.start(PLAIN);
    let code = site.code();
    redis.kill();
    for answer in [site.check(PLAIN, &code), site.try_start(PLAIN, &[]), site.fetch(PLAIN, "%2B15017122661")]
    {
        refused(&answer, 503, 20503);
        assert!(answer.header("retry-after").is_some());
    }
    // A store that has lost its memory has lost what was pending, and brings nothing back to life.
    redis.start_again();
    server::until("the store is there again", || site.check(PLAIN, &code).status != 503);
    refused(&site.check(PLAIN, &code), 404, 20404);
}

on_both! {
    twilio_a_restart_on_redis_keeps_what_is_pending_and_configured
    twilio_what_the_configuration_says_holds_at_each_start
    twilio_a_store_that_is_gone_lets_nobody_in
}
