//! Redis as a child process on a free loopback port, with nothing on disk, and ended with the test.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use own_store::OwnStore;
use tokio::runtime::Runtime;
use verify_core::store::{Key, Store, StoreError};

/// A deadline that no call over a good connection meets, whatever the load.
pub const PATIENT: Duration = Duration::from_secs(60);

/// The runtime of all tests of a file: the connection lives on it.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

/// Waits for a future on that runtime.
pub fn wait<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

/// Looks until it says yes, for a minute at most: machines that run tests are slow.
#[track_caller]
pub fn until(what: &str, mut look: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if look() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("never happened: {what}");
}

/// A running server.
#[derive(Debug)]
pub struct Redis {
    arguments: Vec<String>,
    port: u16,
    child: Option<Child>,
}

impl Redis {
    /// Starts one, with further arguments.
    pub fn start(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let mut redis = Self { arguments, port: 0, child: None };
        until("a port is free and stays so", || {
            redis.port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            redis.try_start()
        });
        redis
    }

    /// Whether it runs: somebody else may have taken the port.
    fn try_start(&mut self) -> bool {
        let child = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.expect("redis-server is not installed: apt-get install redis-server");
        let (port, mut has_ended) = (self.port, false);
        until("Redis answers", || {
            has_ended = child.try_wait().unwrap().is_some();
            has_ended || answers(port)
        });
        self.child = Some(child);
        !has_ended
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// Starts it again at the same port, with nothing in it.
    pub fn start_again(&mut self) {
        self.kill();
        until("the port is free again", || self.try_start());
    }

    /// Sends a command of the test's own.
    pub fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::Cmd::new();
        command.arg(words);
        command.query(&mut redis::Client::open(self.url()).unwrap().get_connection().unwrap()).unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether it says anything: one that listens may yet find the port taken, and end.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut [0]).is_ok()
}

/// One server for all tests that run at the same time; it goes when the last of them does.
#[derive(Debug)]
pub struct Shared(Mutex<Weak<Redis>>);

impl Shared {
    pub const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    pub fn get(&self) -> Arc<Redis> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.upgrade().unwrap_or_else(|| {
            let started = Arc::new(Redis::start(&[]));
            *slot = Arc::downgrade(&started);
            started
        })
    }
}

/// A store, and what has to live as long as it does.
#[derive(Debug)]
pub struct Hosted<H>(pub OwnStore, pub H);

#[async_trait]
impl<H: std::fmt::Debug + Send + Sync + 'static> Store for Hosted<H> {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        self.0.insert(key, value, ttl).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.0.get(key).await
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.0.take(key).await
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        self.0.add(key, n, ttl).await
    }
}

/// Lets each counter start a few below where those of Redis end.
#[derive(Debug)]
pub struct NearTop(pub OwnStore, pub Arc<Redis>);

#[async_trait]
impl Store for NearTop {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        self.0.insert(key, value, ttl).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.0.get(key).await
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.0.take(key).await
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        let (name, start) = (format!("own:c:{key}"), (i64::MAX - 9).to_string());
        let _: Option<String> = self.1.ask(&["SET", &name, &start, "NX", "PX", "600000"]);
        self.0.add(key, n, ttl).await
    }
}
