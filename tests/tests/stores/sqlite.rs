//! A store of several processes on one file of SQLite, with the statements of a page.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use verify_core::store::{Key, Store, StoreError, StoreErrorKind};
use verify_core::{Clock, FakeClock};

use crate::page::Section;

/// Processes on one file.
const PROCESSES: usize = 3;

/// Runs the statements of a page.
#[derive(Debug)]
pub struct SqliteStore {
    pub clock: FakeClock,
    statements: Section,
    processes: Vec<Mutex<Process>>,
    next: AtomicUsize,
    near_the_top: bool,
    folder: PathBuf,
}

impl SqliteStore {
    /// Opens a file of its own.
    pub fn open(statements: Section) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("verify-stores-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let processes: Vec<_> =
            (0..PROCESSES).map(|_| Mutex::new(Process::start(&folder.join("store.db")))).collect();
        let (clock, next) = (FakeClock::default(), AtomicUsize::new(0));
        let store = Self { clock, statements, processes, next, near_the_top: false, folder };
        store.script(store.statements.get("connection"));
        // A machine under load is slow, and no power cut is waited for here.
        store.script("PRAGMA busy_timeout = 60000; PRAGMA synchronous = OFF;");
        store.script(store.statements.get("tables"));
        store
    }

    /// Lets the file grow no further than to so many pages of 4 KiB.
    pub fn with_pages(self, pages: u32) -> Self {
        self.script(&format!("PRAGMA max_page_count = {pages};"));
        self
    }

    /// Lets each counter start a few below its end.
    pub fn near_the_top(mut self) -> Self {
        self.near_the_top = true;
        self
    }

    /// Runs it in each process.
    fn script(&self, script: &str) {
        for process in &self.processes {
            let reply = process.lock().unwrap().ask(&json!({ "script": script }));
            assert_eq!(reply, json!({ "rows": [] }), "{script}");
        }
    }

    /// Runs a statement of the page in one of the processes; the first column of its first row.
    fn run(&self, name: &str, mut values: Value) -> Result<Option<Value>, StoreError> {
        let now = self.clock.now().duration_since(UNIX_EPOCH).unwrap();
        values["now"] = json!(u64::try_from(now.as_millis()).unwrap());
        let statement = self.statements.get(name);
        // Some drivers refuse values that a statement does not name.
        values.as_object_mut().unwrap().retain(|name, _| statement.contains(&format!(":{name}")));
        self.ask(&json!({ "statement": statement, "values": values }))
    }

    fn ask(&self, request: &Value) -> Result<Option<Value>, StoreError> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let reply = self.processes[turn % PROCESSES].lock().unwrap().ask(request);
        match reply["error"].as_str() {
            None => Ok(reply["rows"].get(0).map(|row| row[0].clone())),
            Some("database or disk is full") => Err(StoreErrorKind::Full.into()),
            Some(error) => Err(StoreError::new(StoreErrorKind::Unavailable).with_source(error.to_owned())),
        }
    }

    fn ends(&self, ttl: Duration) -> u64 {
        let ends = self.clock.now().duration_since(UNIX_EPOCH).unwrap() + ttl;
        u64::try_from(ends.as_nanos().div_ceil(1_000_000)).unwrap()
    }

    /// Rows that take up space, whether or not their time is over.
    pub fn rows(&self) -> u64 {
        let count = "SELECT (SELECT count(*) FROM verify_values) + (SELECT count(*) FROM verify_counters)";
        self.ask(&json!({ "statement": count, "values": {} })).unwrap().unwrap().as_u64().unwrap()
    }

    /// Runs the page's clean-up.
    pub fn clean_up(&self) {
        let now = self.clock.now().duration_since(UNIX_EPOCH).unwrap().as_millis().to_string();
        self.script(&self.statements.get("clean up").replace(":now", &now));
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.processes.clear();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        let values = json!({ "key": hex(key.as_bytes()), "value": hex(&value), "ends": self.ends(ttl) });
        Ok(self.run("insert", values)?.is_some())
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        Ok(self.run("get", json!({ "key": hex(key.as_bytes()) }))?.map(|value| bytes(&value)))
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        Ok(self.run("take", json!({ "key": hex(key.as_bytes()) }))?.map(|value| bytes(&value)))
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        let values = json!({ "key": hex(key.as_bytes()), "n": n, "ends": self.ends(ttl) });
        if self.near_the_top {
            let start = "INSERT OR IGNORE INTO verify_counters VALUES (:key, 9223372036854775800, :ends)";
            let values = json!({ "key": values["key"], "ends": values["ends"] });
            self.ask(&json!({ "statement": start, "values": values }))?;
        }
        let sum = self.run(if n == 0 { "look" } else { "add" }, values)?;
        sum.map_or(Ok(0), |sum| sum.as_u64().ok_or(StoreErrorKind::Corrupt.into()))
    }
}

fn hex(bytes: &[u8]) -> Value {
    json!({ "hex": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() })
}

fn bytes(value: &Value) -> Bytes {
    let hex = value["hex"].as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// A process that runs statements, and ends when nobody asks any more.
#[derive(Debug)]
struct Process {
    child: Child,
    asks: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Process {
    fn start(file: &std::path::Path) -> Self {
        let child = Command::new("python3")
            .args(["-c", include_str!("worker.py")])
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child
            .unwrap_or_else(|error| panic!("python3 is not installed: apt-get install python3 ({error})"));
        let asks = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, asks, answers }
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.asks.as_mut().unwrap(), "{request}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{request} is answered with {line:?}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.asks = None;
        self.child.wait().ok();
    }
}
