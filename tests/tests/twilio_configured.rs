//! Twilio Verify over sockets, on both frameworks: what is configured, over starts, accounts and crashes.
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

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::json;
use site::{Mounting, OTHER, PLAIN, PSD2, Site, TO, approved, basic, config, form, outcome, refused, text};
use tests::http::{Request, Response};
use verify_compat::resources::{MemoryResources, Resources, ResourcesError};
use verify_compat::twilio::{Config, TwilioVerifyApi};
use verify_core::{FakeClock, MemoryStore};

/// What outlives a process: its store, its resources, and the phones.
struct World {
    clock: FakeClock,
    phone: phone::Phone,
    store: MemoryStore,
    resources: MemoryResources,
}

impl World {
    fn new() -> Self {
        let clock = FakeClock::default();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        Self { clock, phone: phone::Phone::default(), store, resources: MemoryResources::default() }
    }

    /// A process with this configuration.
    fn open(&self, mounting: Mounting, change: impl FnOnce(&mut Config)) -> Site {
        self.open_over(mounting, change, self.resources.clone())
    }

    fn open_over(
        &self,
        mounting: Mounting,
        change: impl FnOnce(&mut Config),
        resources: impl Resources,
    ) -> Site {
        let engine = site::engine(&self.clock, &self.phone, |builder| builder.store(self.store.clone()));
        let mut config = config();
        change(&mut config);
        let api = TwilioVerifyApi::new(&engine, config, resources).unwrap();
        Site::around(mounting, api, self.clock.clone(), self.phone.clone(), self.store.clone())
    }
}

/// Asks as the other account.
fn ask(site: &Site, method: &str, path: &str, fields: &[(&str, &str)]) -> Response {
    let request = Request::new(method, &format!("/v2/{path}"))
        .header("authorization", &basic(OTHER, site::OTHER_TOKEN));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form(fields));
    request.send(site.address).unwrap()
}

fn twilio_a_service_that_moves_is_its_new_accounts_alone(mounting: Mounting) {
    let world = World::new();
    let before = world.open(mounting, |_| {});
    let path = format!("Services/{PLAIN}");
    let old = text(&before.start(PLAIN), "sid");
    let old_code = before.code();
    before.post(&format!("{path}/RateLimits"), &[("UniqueName", "mine")]);
    drop(before);

    let site = world.open(mounting, |config| config.services[0].account_sid = Some(OTHER.to_owned()));
    let started = ask(&site, "POST", &format!("{path}/Verifications"), &[("To", TO), ("Channel", "sms")]);
    assert_eq!(started.status, 201, "{}", started.text());
    let sid = text(&started.json(), "sid");
    let code = site.code();
    // The account that had it finds nothing, and ends nothing.
    refused(&site.get(&path), 404, 20404);
    refused(&site.fetch(PLAIN, &sid), 404, 20404);
    refused(&site.fetch(PLAIN, "%2B15017122661"), 404, 20404);
    refused(&site.check(PLAIN, &code), 404, 20404);
    refused(&site.update(PLAIN, &sid, "canceled"), 404, 20404);
    refused(&site.update(PLAIN, &sid, "approved"), 404, 20404);
    refused(&site.get(&format!("{path}/RateLimits")), 404, 20404);
    assert!(!site.get("Services").text().contains(PLAIN));
    // Nor does the new one find what the old one had: numbers are the business of whoever asked for them.
    assert_ne!(sid, old);
    refused(&ask(&site, "GET", &format!("{path}/Verifications/{old}"), &[]), 404, 20404);
    let limits = ask(&site, "GET", &format!("{path}/RateLimits"), &[]).json();
    assert_eq!(limits["rate_limits"], json!([]));
    let check =
        |code: &str| ask(&site, "POST", &format!("{path}/VerificationCheck"), &[("To", TO), ("Code", code)]);
    if old_code != code {
        assert_eq!(check(&old_code).json()["valid"], false);
    }
    assert_eq!(outcome(&check(&code)), approved());
}

fn twilio_a_service_that_left_the_configuration_goes_and_one_of_the_api_stays(mounting: Mounting) {
    let world = World::new();
    let before = world.open(mounting, |_| {});
    let made = before.service(&[]);
    assert_eq!(before.get(&format!("Services/{PSD2}")).status, 200);
    drop(before);
    let site = world.open(mounting, |config| config.services.truncate(1));
    refused(&site.get(&format!("Services/{PSD2}")), 404, 20404);
    refused(&site.pay("1", "Acme"), 404, 20404);
    assert_eq!(site.get(&format!("Services/{PLAIN}")).status, 200);
    assert_eq!(site.get(&format!("Services/{made}")).status, 200);
    drop(site);
    // Also where nothing is left to declare.
    let site = world.open(mounting, |config| config.services.clear());
    refused(&site.get(&format!("Services/{PLAIN}")), 404, 20404);
    assert_eq!(site.get(&format!("Services/{made}")).status, 200);
}

/// Resources of a process that dies after so many writes.
#[derive(Clone, Debug)]
struct Dying {
    resources: MemoryResources,
    left: Arc<AtomicI64>,
}

impl Dying {
    fn write(&self) -> Result<(), ResourcesError> {
        match self.left.fetch_sub(1, Ordering::Relaxed) {
            ..=0 => Err(ResourcesError::new("the process is dead")),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Resources for Dying {
    async fn get(&self, name: &str) -> Result<Option<Bytes>, ResourcesError> {
        self.resources.get(name).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, ResourcesError> {
        self.resources.list(prefix).await
    }

    async fn insert(&self, name: &str, value: Bytes) -> Result<bool, ResourcesError> {
        self.write()?;
        self.resources.insert(name, value).await
    }

    async fn replace(&self, name: &str, old: &[u8], new: Bytes) -> Result<bool, ResourcesError> {
        self.write()?;
        self.resources.replace(name, old, new).await
    }

    async fn put(&self, name: &str, value: Bytes) -> Result<(), ResourcesError> {
        self.write()?;
        self.resources.put(name, value).await
    }

    async fn remove(&self, prefix: &str) -> Result<(), ResourcesError> {
        self.write()?;
        self.resources.remove(prefix).await
    }
}

fn twilio_rule_43_a_crash_anywhere_leaves_no_name_taken_and_no_limit_off(mounting: Mounting) {
    let limits = format!("Services/{PLAIN}/RateLimits");
    let declare = |config: &mut Config| {
        config.services[0].rate_limits = serde_json::from_value(json!([
            { "unique_name": "ip", "buckets": [{ "max": 1, "interval": 60 }] },
        ]))
        .unwrap();
    };
    // It dies at one of the writes of making a limit with a bucket, of removing it, or at none of them.
    for writes in 0..8 {
        let world = World::new();
        // Before it: the writes of the start.
        drop(world.open(mounting, |_| {}).get("Services"));
        let left = Arc::new(AtomicI64::new(i64::MAX));
        let dying = Dying { resources: world.resources.clone(), left: Arc::clone(&left) };
        let site = world.open_over(mounting, |_| {}, dying);
        site.get("Services");
        left.store(writes, Ordering::Relaxed);
        let made = site.post(&limits, &[("UniqueName", "ip")]);
        if made.status == 201 {
            let limit = format!("{limits}/{}", text(&made.json(), "sid"));
            site.post(&format!("{limit}/Buckets"), &[("Max", "1"), ("Interval", "60")]);
            site.delete(&limit);
        }
        drop(site);

        let site = world.open(mounting, |_| {});
        let listed = site.get(&limits).json()["rate_limits"].as_array().unwrap().len();
        let again = site.post(&limits, &[("UniqueName", "ip")]);
        assert_eq!(again.status == 201, listed == 0, "after {writes} writes: {}", again.text());
        drop(site);
        // And what is declared is enforced, whatever was left.
        let site = world.open(mounting, declare);
        let counted = [("RateLimits", r#"{"ip":"a"}"#)];
        assert_eq!(site.try_start(PLAIN, &counted).status, 201, "after {writes} writes");
        refused(&site.try_start(PLAIN, &counted), 429, 20429);
    }
}

on_both! {
    twilio_a_service_that_moves_is_its_new_accounts_alone
    twilio_a_service_that_left_the_configuration_goes_and_one_of_the_api_stays
    twilio_rule_43_a_crash_anywhere_leaves_no_name_taken_and_no_limit_off
}
