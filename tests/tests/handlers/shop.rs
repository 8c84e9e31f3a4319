//! A shop whose gates are asked by a layer, by extractors and by a guard, on either framework; and a store that keeps the
//! outcomes of transactions back for as long as it is told to.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tests::http::{Request, Response};
use tokio::sync::{oneshot, watch};
use verify_core::store::{Key, MemoryStore, Store, StoreError};
use verify_core::{
    Account, BindError, Channel, Contact, Currency, DescribesTransaction, Engine, EngineBuilder, Factor,
    Gate, Inbox, KeyRing, Money, Origin, Payee, Policy, Psd2, Subject, Transaction,
};

/// A phone that everybody has.
const PHONE: &str = "+12025550123";
/// Longer than anything takes that happens at all.
const PATIENCE: Duration = Duration::from_secs(60);

pub const JSON: &str = "application/json";
pub const FORM: &str = "application/x-www-form-urlencoded";

/// How the shop is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounting {
    Tower,
    Actix,
}

pub const MOUNTINGS: [Mounting; 2] = [Mounting::Tower, Mounting::Actix];

#[derive(Debug, serde::Deserialize)]
pub struct Transfer {
    pub amount: String,
    pub currency: String,
    pub name: String,
    pub iban: String,
}

impl DescribesTransaction for Transfer {
    fn transaction(&self) -> Result<Transaction, BindError> {
        let amount = Money::parse(&self.amount, Currency::parse(&self.currency)?)?;
        Ok(Transaction::payment(amount, Payee::new(&self.name, Account::iban(&self.iban)?)?)?)
    }
}

/// What is behind the gate that binds nothing.
#[derive(Debug, Default)]
pub struct Vault;

macro_rules! protected {
    ($($by:ident)*) => {$(
        impl $by::Protected for Transfer {
            type State = Shop;

            fn gate(shop: &Shop) -> &Gate {
                &shop.transfers
            }
        }

        impl $by::Protected for Vault {
            type State = Shop;

            fn gate(shop: &Shop) -> &Gate {
                &shop.vault
            }
        }
    )*};
}

protected!(verify_tower verify_actix);

/// What the handlers have.
#[derive(Clone)]
pub struct Shop {
    pub engine: Engine,
    /// A layer reads its transactions.
    pub orders: Gate,
    /// Its handler names them.
    pub transfers: Gate,
    pub vault: Gate,
    pub store: Slow,
    runs: Arc<AtomicUsize>,
    left: mpsc::Sender<()>,
    inbox: Inbox,
}

impl Shop {
    /// A handler has run.
    pub fn ran(&self) {
        self.runs.fetch_add(1, Ordering::SeqCst);
    }

    /// Tells when a request is over, for it was answered or its client has left.
    pub fn request(&self) -> Underway {
        Underway(self.left.clone())
    }
}

/// A request that a server has.
pub struct Underway(mpsc::Sender<()>);

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.send(()).ok();
    }
}

/// A store in memory that can be told to keep outcomes back.
#[derive(Clone, Debug)]
pub struct Slow {
    inner: MemoryStore,
    is_slow: watch::Sender<bool>,
    news: mpsc::Sender<News>,
}

/// What becomes of an outcome that is kept back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    Waits,
    Kept,
}

impl Slow {
    pub fn hold(&self) {
        self.is_slow.send_replace(true);
    }

    pub fn let_go(&self) {
        self.is_slow.send_replace(false);
    }
}

#[async_trait]
impl Store for Slow {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        // Of all that a transaction enters, nothing but its outcome is longer than a digest.
        if !*self.is_slow.borrow() || value.len() <= 32 {
            return self.inner.insert(key, value, ttl).await;
        }
        self.news.send(News::Waits).ok();
        self.is_slow.subscribe().wait_for(|is_slow| !is_slow).await.ok();
        let done = self.inner.insert(key, value, ttl).await;
        self.news.send(News::Kept).ok();
        done
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.inner.get(key).await
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.inner.take(key).await
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        self.inner.add(key, n, ttl).await
    }
}

/// The shop, served in a thread of its own until this ends.
pub struct Open {
    pub shop: Shop,
    pub address: SocketAddr,
    news: mpsc::Receiver<News>,
    left: mpsc::Receiver<()>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Open {
    pub fn on(mounting: Mounting, change: impl FnOnce(EngineBuilder) -> EngineBuilder) -> Self {
        let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
        let (inbox, (is_slow, _)) = (Inbox::new(), watch::channel(false));
        let ((tell, news), (leave, left)) = (mpsc::channel(), mpsc::channel());
        let store = Slow { inner: MemoryStore::builder().build(), is_slow, news: tell };
        let builder = Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
            .inbox(inbox.clone())
            .contacts(|_: &Subject<'_>, _: Channel| Contact::phone(PHONE).ok())
            .subject(|head| Some(Subject::user(head.header("demo-user")?)))
            .store(store.clone());
        let engine = change(builder).build().unwrap();
        let code = || Factor::code("approval");
        let fields = Psd2::json("/amount", "/currency", "/name", "/iban");
        let orders = engine.gate(Policy::new("orders").require(code()).bind(fields)).unwrap();
        let transfers = engine.gate(Policy::new("transfers").require(code()).bind_in_handler()).unwrap();
        let vault = engine.gate(Policy::new("vault").require(code())).unwrap();
        let shop = Shop { engine, orders, transfers, vault, store, runs: Arc::default(), left: leave, inbox };
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = mpsc::channel();
        let served = shop.clone();
        let thread = thread::spawn(move || match mounting {
            Mounting::Tower => super::on_axum::serve(served, &ready, stopped),
            Mounting::Actix => super::on_actix::serve(served, &ready, stopped),
        });
        let address = is_ready.recv().unwrap();
        Self { shop, address, news, left, stop: Some(stop), thread: Some(thread) }
    }

    pub fn ask(&self, request: &Request) -> Response {
        request.send(self.address).unwrap()
    }

    /// The request with the answer to the challenge that it was met with.
    pub fn answered(&self, request: &Request) -> Request {
        let blocked = self.ask(request);
        let id = blocked.json()["alternatives"][0][0]["id"].as_str().expect("it is blocked").to_owned();
        let send = Request::json("/challenge/send", &serde_json::json!({ "id": id })).user("ann");
        assert_eq!(self.ask(&send).status, 200);
        let code = self.shop.inbox.last_code(PHONE).unwrap();
        request.clone().header("challenge-id", &id).header("challenge-answer", &code)
    }

    /// How often a handler has run.
    pub fn runs(&self) -> usize {
        self.shop.runs.load(Ordering::SeqCst)
    }

    /// What the store has to tell next.
    #[track_caller]
    pub fn news(&self) -> News {
        self.news.recv_timeout(PATIENCE).expect("the outcome is still waited with")
    }

    /// Forgets the requests that are over.
    pub fn forget(&self) {
        while self.left.try_recv().is_ok() {}
    }

    /// Waits until the next request is over.
    #[track_caller]
    pub fn is_over(&self) {
        self.left.recv_timeout(PATIENCE).expect("the server lets go of the request");
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shop.store.let_go();
        if let (Some(stop), Some(thread)) = (self.stop.take(), self.thread.take()) {
            stop.send(()).ok();
            thread.join().ok();
        }
    }
}

/// A transfer by "ann", as JSON or as a form.
pub fn transfer(path: &str, kind: &str) -> Request {
    let body = match kind {
        JSON => r#"{"amount":"10.00","currency":"EUR","name":"Acme","iban":"DE89370400440532013000"}"#,
        _ => "amount=10.00&currency=EUR&name=Acme&iban=DE89370400440532013000",
    };
    Request::new("POST", path).header("content-type", kind).user("ann").body(body)
}

/// The head of a transfer whose body does not come.
pub fn without_body(path: &str, kind: &str) -> Request {
    Request::new("POST", path).header("content-type", kind).header("content-length", "1000").user("ann")
}
