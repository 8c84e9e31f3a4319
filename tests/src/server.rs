//! A program as a child process on a free loopback port, with everything that it prints.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::http::{Request, Response};

/// A key ring for tests, so that several processes can share it.
pub const KEYS: &str = "test:5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

/// A running program of the examples; dropping it ends it.
#[derive(Debug)]
pub struct Server {
    child: Mutex<Child>,
    id: u32,
    address: SocketAddr,
    printed: Arc<Mutex<Vec<u8>>>,
}

impl Server {
    /// Starts a program, logging everything, and reads from its first line where it is.
    ///
    /// # Panics
    /// When the program was not built or does not start: `cargo build -p examples --bins` builds it.
    #[must_use]
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        Self::start_in(name, arguments, &[])
    }

    /// The same with further variables in its environment.
    ///
    /// # Panics
    /// As [`Server::start`].
    #[must_use]
    #[expect(clippy::expect_used, clippy::panic, reason = "a test without its server has failed")]
    pub fn start_in(name: &str, arguments: &[&str], variables: &[(String, String)]) -> Self {
        let mut child = Command::new(programs().join(name))
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .env("CHALLENGE_KEYS", KEYS)
            .env("RUST_LOG", "trace")
            .envs(variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{name} does not start ({error}): cargo build -p examples --bins")
            });
        let printed = Arc::new(Mutex::new(Vec::new()));
        let mut lines = BufReader::new(child.stdout.take().expect("its output is piped"));
        keep(child.stderr.take().expect("its log is piped"), Arc::clone(&printed));
        let mut first = String::new();
        lines.read_line(&mut first).expect("the program says where it is");
        let port = first.trim().trim_end_matches('/').rsplit(':').next().and_then(|port| port.parse().ok());
        let port: u16 = port.unwrap_or_else(|| panic!("{name} did not say where it is: {first:?}"));
        keep(lines, Arc::clone(&printed));
        let id = child.id();
        Self { child: Mutex::new(child), id, address: ([127, 0, 0, 1], port).into(), printed }
    }

    /// What a program says to standard error that does not open.
    ///
    /// # Panics
    /// When it opens.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::panic,
        reason = "a test whose server starts all the same has failed"
    )]
    pub fn refused(name: &str, arguments: &[&str]) -> String {
        let mut child = Command::new(programs().join(name))
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .env("CHALLENGE_KEYS", KEYS)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{name} does not start ({error}): cargo build -p examples --bins")
            });
        let mut first = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("its output is piped"));
        lines.read_line(&mut first).expect("its output can be read");
        if !first.is_empty() {
            let _ = child.kill();
        }
        let output = child.wait_with_output().expect("it can be waited for");
        assert!(first.is_empty(), "{name} opens with {arguments:?}: {first}");
        assert!(!output.status.success(), "{name} says that it went well");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The id of the process.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.id
    }

    /// Sends a request and reads the answer.
    ///
    /// # Panics
    /// When the connection fails.
    #[must_use]
    #[expect(clippy::panic, reason = "a test without its server has failed")]
    pub fn ask(&self, request: &Request) -> Response {
        request.send(self.address).unwrap_or_else(|error| panic!("no answer to {request:?}: {error}"))
    }

    /// Everything that it has printed so far, to either output.
    #[must_use]
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&self.printed.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Sends it a signal, as `INT` or `TERM`.
    ///
    /// # Panics
    /// When it cannot be signalled.
    #[expect(clippy::expect_used, reason = "a test without its server has failed")]
    pub fn signal(&self, signal: &str) {
        let (signal, id) = (format!("-{signal}"), self.id.to_string());
        let sent = Command::new("kill").args([&signal, &id]).status().expect("kill is there");
        assert!(sent.success(), "kill {signal} {id}");
    }

    /// Waits for its end, for so many seconds or a little more, and says whether that was a success.
    ///
    /// # Panics
    /// When it cannot be waited for.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test without its server has failed")]
    pub fn ends_well_within(&self, seconds: u32) -> bool {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..seconds * 100 {
            if let Some(status) = child.try_wait().expect("it can be waited for") {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// Ends it at once.
    pub(crate) fn end(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Keeps what a process prints, so that it never blocks on a full pipe.
fn keep(mut from: impl Read + Send + 'static, into: Arc<Mutex<Vec<u8>>>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let mut printed = into.lock().unwrap_or_else(PoisonError::into_inner);
            printed.extend_from_slice(buffer.get(..count).unwrap_or_default());
        }
    });
}

/// The folder of the programs that were built with the test that runs.
#[must_use]
pub fn programs() -> PathBuf {
    let mut folder = std::env::current_exe().unwrap_or_default();
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    folder
}
