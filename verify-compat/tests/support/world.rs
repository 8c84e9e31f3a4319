//! Everybody else of an API, each of whom can be made to stop: then whoever waits for them can be dropped.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;
use verify_core::store::{Key, Store, StoreError};
use verify_core::{
    Api, Channel, Countries, Courier, CourierError, Delivery, Engine, FakeClock, Fetch, FetchError, KeyRing,
    MemoryStore, Origin, Reply,
};

/// A store that stops after one of its writes.
#[derive(Clone, Debug)]
pub struct Parking {
    store: MemoryStore,
    /// How many writes are left until it stops.
    left: Arc<Mutex<Option<u32>>>,
    is_parked: Arc<watch::Sender<bool>>,
}

impl Parking {
    fn new(store: MemoryStore) -> Self {
        Self { store, left: Arc::default(), is_parked: Arc::new(watch::Sender::new(false)) }
    }

    /// Stops after that write, counted from one.
    pub fn park_at(&self, step: u32) {
        *self.left.lock().unwrap() = Some(step);
    }

    /// Goes on, and stops no more.
    pub fn let_go(&self) {
        *self.left.lock().unwrap() = None;
        self.is_parked.send_replace(false);
    }

    pub async fn parked(&self) {
        self.is_parked.subscribe().wait_for(|parked| *parked).await.unwrap();
    }

    async fn wrote(&self) {
        let parks = {
            let mut left = self.left.lock().unwrap();
            *left = left.and_then(|left| left.checked_sub(1));
            *left == Some(0)
        };
        if parks {
            self.is_parked.send_replace(true);
            self.is_parked.subscribe().wait_for(|parked| !*parked).await.unwrap();
        }
    }
}

#[async_trait]
impl Store for Parking {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        let done = self.store.insert(key, value, ttl).await?;
        if done {
            self.wrote().await;
        }
        Ok(done)
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.store.get(key).await
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let taken = self.store.take(key).await?;
        if taken.is_some() {
            self.wrote().await;
        }
        Ok(taken)
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        let sum = self.store.add(key, n, ttl).await?;
        if n > 0 {
            self.wrote().await;
        }
        Ok(sum)
    }
}

/// A telephone, which may be one on which nothing ever arrives.
#[derive(Clone, Debug, Default)]
pub struct Phone {
    codes: Arc<Mutex<Vec<String>>>,
    hangs: Arc<Mutex<bool>>,
}

impl Phone {
    pub fn hang(&self, hangs: bool) {
        *self.hangs.lock().unwrap() = hangs;
    }

    pub fn codes(&self) -> Vec<String> {
        self.codes.lock().unwrap().clone()
    }
}

#[async_trait]
impl Courier for Phone {
    async fn deliver(&self, delivery: &Delivery) -> Result<(), CourierError> {
        if *self.hangs.lock().unwrap() {
            std::future::pending::<()>().await;
        }
        self.codes.lock().unwrap().push(delivery.code().expose().to_owned());
        Ok(())
    }

    fn is_development(&self) -> bool {
        false
    }
}

/// Takes webhooks.
#[derive(Clone, Debug, Default)]
pub struct Receiver(Arc<Mutex<Vec<serde_json::Value>>>);

impl Receiver {
    /// What they said, by this member.
    pub fn said(&self, member: &str) -> Vec<String> {
        let taken = self.0.lock().unwrap();
        taken.iter().map(|body| body[member].as_str().unwrap().to_owned()).collect()
    }
}

#[async_trait]
impl Fetch for Receiver {
    async fn fetch(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, FetchError> {
        self.0.lock().unwrap().push(serde_json::from_slice(request.body()).unwrap());
        Ok(http::Response::new(Bytes::new()))
    }
}

/// All of them, around an engine.
pub struct World {
    pub engine: Engine,
    pub clock: FakeClock,
    pub store: Parking,
    pub phone: Phone,
    pub receiver: Receiver,
}

impl World {
    pub fn new() -> Self {
        let (clock, phone) = (FakeClock::default(), Phone::default());
        let store = Parking::new(MemoryStore::builder().clock(clock.clone()).build());
        let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
        let engine = Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
            .clock(clock.clone())
            .store(store.clone())
            .courier(Channel::Sms, phone.clone())
            .countries(Countries::any())
            .build()
            .unwrap();
        Self { engine, clock, store, phone, receiver: Receiver::default() }
    }

    /// Drops what is under way where the store has stopped, as an adapter does with a request whose client has gone, and lets
    /// the store go on; false if it came to its end before.
    pub async fn hang_up(&self, asked: impl Future) -> bool {
        let is_dropped = tokio::select! {
            biased;
            _ = asked => false,
            () = self.store.parked() => true,
        };
        self.store.let_go();
        is_dropped
    }
}

/// Lets the others go on until something has happened.
pub async fn until(what: &str, mut has_happened: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if has_happened() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("in vain: {what}");
}

/// Lets the others go on until they have nothing more to do.
pub async fn settled() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

pub async fn ask(api: &impl Api, request: http::request::Builder, body: impl Into<Bytes>) -> Reply {
    api.answer(request.body(body.into()).unwrap()).await
}

pub fn json(reply: &Reply) -> serde_json::Value {
    serde_json::from_slice(reply.body()).unwrap()
}
