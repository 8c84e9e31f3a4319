//! Redis as a child process on a free loopback port, with nothing on disk, and ended with the test.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::runtime::Runtime;
use verify_core::store::{Key, Store, StoreError};
use verify_redis::{RedisStore, RedisStoreBuilder};

/// Between two looks at something that is about to happen.
const PAUSE: Duration = Duration::from_millis(20);
/// Looks before it is said that it never happens: a minute, for machines under load.
const LOOKS: usize = 3_000;
/// A deadline that no call over a good connection meets, whatever the load.
pub const PATIENT: Duration = Duration::from_secs(60);

/// The runtime of all tests of a file.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

/// Waits for a future on the shared runtime.
pub fn wait<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

/// Looks until it says yes.
#[track_caller]
pub fn until(what: &str, mut look: impl FnMut() -> bool) {
    for _ in 0..LOOKS {
        if look() {
            return;
        }
        thread::sleep(PAUSE);
    }
    panic!("never happened: {what}");
}

/// A program of Redis, or the line that installs it.
pub fn run(program: &str) -> Command {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(found.is_ok(), "{program} is not installed: apt-get install redis-server");
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    program: &'static str,
    arguments: Vec<String>,
    port: u16,
    /// Where the nodes of a cluster speak with each other.
    bus: u16,
    folder: PathBuf,
    child: Option<Child>,
}

impl Server {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_as("redis-server", arguments)
    }

    pub fn start_as(program: &'static str, arguments: &[&str]) -> Self {
        let mut server = Self {
            program,
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            port: 0,
            bus: 0,
            folder: folder(),
            child: None,
        };
        // Somebody else may take the free ports first.
        for _ in 0..10 {
            (server.port, server.bus) = (free_port(), free_port());
            if server.try_start() {
                return server;
            }
        }
        panic!("{program} does not start");
    }

    fn try_start(&mut self) -> bool {
        let mut command = run(self.program);
        command.current_dir(&self.folder);
        // A file of settings comes first; of those that are given twice, the last one counts.
        let (file, settings) = match self.arguments.first() {
            Some(file) if !file.starts_with("--") => self.arguments.split_at(1),
            _ => self.arguments.split_at(0),
        };
        command.args(file).args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"]);
        if file.is_empty() {
            command.args(["--save", "", "--appendonly", "no"]);
        }
        if settings.iter().any(|word| word == "--cluster-enabled") {
            command.args(["--cluster-port", &self.bus.to_string()]);
        }
        command.args(settings);
        self.child = Some(command.spawn().unwrap());
        for _ in 0..LOOKS {
            if self.child.as_mut().unwrap().try_wait().unwrap().is_some() {
                return false;
            }
            if self.answers() {
                return true;
            }
            thread::sleep(PAUSE);
        }
        panic!("{} does not answer", self.program);
    }

    /// Whether it says anything: one that listens may yet find another port taken, and end.
    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) else { return false };
        stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut [0]).is_ok()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn folder(&self) -> &PathBuf {
        &self.folder
    }

    pub fn process(&self) -> u32 {
        self.child.as_ref().unwrap().id()
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

    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        assert!(
            Command::new("kill").arg(signal).arg(self.process().to_string()).status().unwrap().success(),
            "kill {signal}"
        );
    }

    /// A connection of the test's own.
    pub fn connection(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// Sends a command of the test's own.
    pub fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(*word);
        }
        command.query(&mut self.connection()).unwrap()
    }

    /// One number or word out of `INFO`.
    pub fn info(&self, section: &str, field: &str) -> Option<String> {
        let info: String = self.ask(&["INFO", section]);
        info.lines().find_map(|line| Some(line.strip_prefix(field)?.strip_prefix(':')?.to_owned()))
    }

    /// How to connect to it; with a deadline that no machine under load misses.
    pub fn builder(&self) -> RedisStoreBuilder {
        patient(&self.url())
    }

    pub fn store(&self) -> RedisStore {
        wait(self.builder().connect()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

pub fn patient(url: &str) -> RedisStoreBuilder {
    RedisStore::builder(url).deadline(PATIENT).connect_deadline(PATIENT)
}

pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A folder of its own for each server.
pub fn folder() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("verify-redis-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// One thing for all tests that run at the same time; it goes when the last of them does.
#[derive(Debug)]
pub struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    pub const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    pub fn get(&self, start: impl FnOnce() -> T) -> Arc<T> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.upgrade().unwrap_or_else(|| {
            let started = Arc::new(start());
            *slot = Arc::downgrade(&started);
            started
        })
    }
}

/// A store, and what has to live as long as it does.
#[derive(Debug)]
pub struct Hosted<S, H>(pub S, pub H);

#[async_trait]
impl<S: Store, H: std::fmt::Debug + Send + Sync + 'static> Store for Hosted<S, H> {
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
pub struct NearTop<S> {
    pub store: S,
    pub server: Arc<Server>,
    /// What the names of counters begin with.
    pub counters: &'static str,
}

#[async_trait]
impl<S: Store> Store for NearTop<S> {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        self.store.insert(key, value, ttl).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.store.get(key).await
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.store.take(key).await
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        let (name, start) = (format!("{}{key}", self.counters), (i64::MAX - 9).to_string());
        let _: Option<String> = self.server.ask(&["SET", &name, &start, "NX", "PX", "600000"]);
        self.store.add(key, n, ttl).await
    }
}

/// A key that nothing else in this process uses.
pub fn key() -> Key {
    static COUNT: AtomicUsize = AtomicUsize::new(1);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes[8..12].copy_from_slice(&std::process::id().to_be_bytes());
    Key::new(bytes)
}
