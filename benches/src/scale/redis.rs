//! A Redis of its own as a child process, and what it says of itself.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use verify_core::Engine;
use verify_redis::RedisStore;

use crate::world::World;

/// A call may take as long as a busy machine needs.
const PATIENT: Duration = Duration::from_secs(60);

/// A running server, with nothing on disk; it ends with this.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts one; `None`, and a line that says how to install it, where there is none.
    pub fn start() -> Option<Self> {
        // Somebody else may take the free port first.
        for _ in 0..10 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            let started = Command::new("redis-server")
                .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
                .args(["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            let Ok(child) = started else {
                eprintln!(
                    "redis-server is not installed, what needs it is left out: apt-get install redis-server"
                );
                return None;
            };
            let mut server = Self { child, port };
            if server.comes_up() {
                return Some(server);
            }
        }
        panic!("redis-server does not start");
    }

    fn comes_up(&mut self) -> bool {
        for _ in 0..500 {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
                && stream.write_all(b"PING\r\n").is_ok()
                && stream.read_exact(&mut [0]).is_ok()
            {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Where it listens on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A store on it, over one connection.
    pub async fn store(&self) -> RedisStore {
        RedisStore::builder(&self.url()).deadline(PATIENT).connect().await.unwrap()
    }

    /// An engine that keeps its challenges there.
    pub async fn engine(&self) -> Engine {
        let store = self.store().await;
        World::with(|builder| builder.store(store)).engine
    }

    /// A connection to ask it about itself.
    pub async fn connect(&self) -> MultiplexedConnection {
        let patient = AsyncConnectionConfig::new().set_response_timeout(None);
        let client = redis::Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection_with_config(&patient).await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server says of itself.
#[derive(Clone, Debug)]
pub struct Meter {
    /// Bytes that it uses.
    pub memory: f64,
    /// How often each command was called, in small letters.
    pub commands: BTreeMap<String, u64>,
}

impl Meter {
    /// Reads it.
    pub async fn read(server: &mut MultiplexedConnection) -> Self {
        let info: String = redis::cmd("INFO").arg("everything").query_async(server).await.unwrap();
        let memory = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
        let calls = |line: &str| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
        };
        Self { memory: memory.trim().parse().unwrap(), commands: info.lines().filter_map(calls).collect() }
    }

    /// What each command was called since then, for each of so many operations; what is not theirs is left out.
    pub fn since(&self, before: &Self, operations: usize) -> BTreeMap<String, f64> {
        let each = |(name, calls): (&String, &u64)| {
            let new = calls - before.commands.get(name).copied().unwrap_or(0);
            (name.clone(), new as f64 / operations as f64)
        };
        self.commands.iter().map(each).filter(|(_, calls)| *calls > 0.5).collect()
    }
}

/// Who takes the bytes of an open challenge.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bytes {
    /// The challenge itself, which lives for minutes, and the waits of its user and its address.
    pub challenge: f64,
    /// The counts of its address, which live for an hour and a day.
    pub counts: f64,
}

/// Splits the bytes of so many open challenges by what they are for.
pub async fn split(server: &mut MultiplexedConnection, bytes: f64, challenges: usize) -> Bytes {
    let names: Vec<String> = redis::cmd("KEYS").arg("verify:*").query_async(server).await.unwrap();
    let mut kinds = [(0_u32, 0.0); 2];
    for names in names.chunks(1000) {
        let mut asked = redis::pipe();
        for name in names {
            asked.cmd("MEMORY").arg("USAGE").arg(name);
        }
        let told: Vec<Option<u32>> = asked.query_async(server).await.unwrap();
        for (name, told) in names.iter().zip(told) {
            let (entries, sum) = &mut kinds[usize::from(name.starts_with("verify:c"))];
            *entries += u32::from(told.is_some());
            *sum += f64::from(told.unwrap_or(0));
        }
    }
    // The server does not count what its tables take for each entry: places in both, and an entry in that of the ends.
    let entries = f64::from(kinds[0].0 + kinds[1].0);
    let unseen = (bytes - kinds[0].1 - kinds[1].1).max(0.0) / entries.max(1.0);
    let [challenge, counts] =
        kinds.map(|(entries, sum)| (sum + unseen * f64::from(entries)) / challenges as f64);
    Bytes { challenge, counts }
}
