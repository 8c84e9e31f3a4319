//! The banks as child processes, each on a free loopback port, and ended with the test.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::http::{Request, Response};
use crate::scenario::{Secret, leaks};
use crate::siteverify::{SECRET, SITE_KEY, Siteverify};

/// A key ring for tests, so that several processes can share it.
pub const KEYS: &str = "test:5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

/// Which framework serves the bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framework {
    /// `bank`, on axum.
    Axum,
    /// `bank-actix`, on actix-web.
    Actix,
}

/// Both of them, for a scenario to run through.
pub const FRAMEWORKS: [Framework; 2] = [Framework::Axum, Framework::Actix];

/// A running bank.
#[derive(Debug)]
pub struct Bank {
    child: Child,
    address: SocketAddr,
    printed: Arc<Mutex<Vec<u8>>>,
}

impl Bank {
    /// Starts a bank, logging everything.
    ///
    /// # Panics
    /// When the program was not built or does not start: `cargo build -p examples --bins` builds it.
    #[must_use]
    pub fn start(framework: Framework) -> Self {
        Self::start_with(framework, &[])
    }

    /// Starts a bank with further arguments.
    ///
    /// # Panics
    /// As [`Bank::start`].
    #[must_use]
    pub fn start_with(framework: Framework, arguments: &[&str]) -> Self {
        Self::start_in(framework, arguments, &[])
    }

    /// Starts a bank whose feed is behind a vendor's captcha, with keys that the stub knows, and asks the stub.
    ///
    /// # Panics
    /// As [`Bank::start`].
    #[must_use]
    pub fn start_with_captcha(framework: Framework, vendor: &str, stub: &Siteverify) -> Self {
        let prefix = vendor.to_ascii_uppercase();
        let variables = [
            (format!("{prefix}_SITE_KEY"), SITE_KEY.to_owned()),
            (format!("{prefix}_SECRET"), SECRET.to_owned()),
            (format!("{prefix}_VERIFY_URL"), stub.url(vendor)),
        ];
        Self::start_in(framework, &["--captcha", vendor], &variables)
    }

    /// Starts a bank with further arguments and variables in its environment.
    ///
    /// # Panics
    /// As [`Bank::start`].
    #[must_use]
    #[expect(clippy::expect_used, clippy::panic, reason = "a test without its server has failed")]
    pub fn start_in(framework: Framework, arguments: &[&str], variables: &[(String, String)]) -> Self {
        let name = name(framework);
        let mut child = Command::new(program_of(framework))
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
        lines.read_line(&mut first).expect("the bank says where it is");
        let port = first.trim().trim_end_matches('/').rsplit(':').next().and_then(|port| port.parse().ok());
        let port: u16 = port.unwrap_or_else(|| panic!("{name} did not say where it is: {first:?}"));
        keep(lines, Arc::clone(&printed));
        Self { child, address: ([127, 0, 0, 1], port).into(), printed }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a visitor types it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address.port())
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

    /// The newest code for a customer over a channel, from the inbox.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[expect(clippy::panic, reason = "a test without its code has failed")]
    pub fn code(&self, to: &str) -> String {
        let inbox = self.ask(&Request::get("/challenge/inbox").header("accept", "application/json")).json();
        let letters = inbox.as_array().cloned().unwrap_or_default();
        let letter = letters.iter().find(|letter| letter["to"] == to);
        let code = letter.and_then(|letter| letter["code"].as_str());
        code.unwrap_or_else(|| panic!("no message for {to} in {inbox}")).to_owned()
    }

    /// All messages, newest first.
    #[must_use]
    pub fn inbox(&self) -> Value {
        self.ask(&Request::get("/challenge/inbox").header("accept", "application/json")).json()
    }

    /// The id of the process.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it has printed so far, to either output.
    #[must_use]
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&self.printed.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Interrupts it as Ctrl-C does, and says whether it ended by itself with success.
    ///
    /// # Panics
    /// When it cannot be signalled.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test without its server has failed")]
    pub fn interrupt(mut self) -> bool {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().expect("kill is there");
        sent.success() && self.child.wait().expect("it ends").success()
    }
}

impl Bank {
    /// Codes and addresses of its messages that it has printed: there must be none, whatever a test has made it do.
    fn printed_secrets(&self) -> Vec<String> {
        let request = Request::get("/challenge/inbox").header("accept", "application/json");
        let Ok(inbox) = request.send(self.address) else { return Vec::new() };
        let letters = inbox.json().as_array().cloned().unwrap_or_default();
        let text = |letter: &Value, member: &str| letter[member].as_str().unwrap_or_default().to_owned();
        let mut secrets = vec![Secret::Text(KEYS.split(':').nth(1).unwrap_or_default().to_owned())];
        for letter in &letters {
            secrets.extend([Secret::Code(text(letter, "code")), Secret::Text(text(letter, "to"))]);
        }
        leaks(&self.printed(), &secrets)
    }
}

impl Drop for Bank {
    fn drop(&mut self) {
        let leaks = if std::thread::panicking() { Vec::new() } else { self.printed_secrets() };
        let _ = self.child.kill();
        let _ = self.child.wait();
        assert!(leaks.is_empty(), "R60: the bank printed secrets:\n{}", leaks.join("\n"));
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

fn name(framework: Framework) -> &'static str {
    match framework {
        Framework::Axum => "bank",
        Framework::Actix => "bank-actix",
    }
}

/// The program of a bank, which lies beside the folder of the test that runs.
#[must_use]
pub fn program_of(framework: Framework) -> PathBuf {
    let mut folder = std::env::current_exe().unwrap_or_default();
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    folder.join(name(framework))
}
