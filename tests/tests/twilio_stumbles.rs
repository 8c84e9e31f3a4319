//! Twilio Verify over sockets, on both frameworks: a store that fails in the middle of things.
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
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use site::{Mounting, PLAIN, Site, approved, engine, outcome, refused, text};
use verify_compat::resources::MemoryResources;
use verify_compat::twilio::TwilioVerifyApi;
use verify_core::store::{Key, Store, StoreError, StoreErrorKind};
use verify_core::{FakeClock, MemoryStore};

/// A store that, once it is told to, cannot be read any more as soon as something was taken out of it.
#[derive(Clone, Debug)]
struct Stumbling {
    store: MemoryStore,
    will_stumble: Arc<AtomicBool>,
    is_blind: Arc<AtomicBool>,
}

#[async_trait]
impl Store for Stumbling {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        self.store.insert(key, value, ttl).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        if self.is_blind.load(Ordering::Relaxed) {
            return Err(StoreErrorKind::Unavailable.into());
        }
        self.store.get(key).await
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let taken = self.store.take(key).await?;
        if taken.is_some() && self.will_stumble.swap(false, Ordering::Relaxed) {
            self.is_blind.store(true, Ordering::Relaxed);
        }
        Ok(taken)
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        self.store.add(key, n, ttl).await
    }
}

fn twilio_rule_22_how_it_ended_is_noted_before_anything_else_can_fail(mounting: Mounting) {
    let (clock, phone) = (FakeClock::default(), phone::Phone::default());
    let memory = MemoryStore::builder().clock(clock.clone()).build();
    let store = Stumbling { store: memory.clone(), will_stumble: Arc::default(), is_blind: Arc::default() };
    let engine = engine(&clock, &phone, |builder| builder.store(store.clone()));
    let api = TwilioVerifyApi::new(&engine, site::config(), MemoryResources::default()).unwrap();
    let site = Site::around(mounting, api, clock, phone, memory);
    for how in ["check", "approved", "canceled"] {
        let sid = text(&site.start(PLAIN), "sid");
        store.will_stumble.store(true, Ordering::Relaxed);
        match how {
            "check" => assert_eq!(outcome(&site.check(PLAIN, &site.code())), approved()),
            how => assert_eq!(site.update(PLAIN, &sid, how).status, 200),
        }
        assert!(store.is_blind.swap(false, Ordering::Relaxed), "the store did stumble");
        let again = site.check(PLAIN, &site.code());
        refused(&again, 404, 20404);
        let ended = if how == "check" { "approved" } else { how };
        assert_eq!(again.header("verify-status"), Some(ended));
    }
    assert_eq!(site.get("Attempts/Summary").json()["total_converted"], 2);
}

on_both! {
    twilio_rule_22_how_it_ended_is_noted_before_anything_else_can_fail
}
