//! The gateway as a child process with its development configuration, on either framework.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::bank::Framework;
use crate::http::{Request, Response};
use crate::scenario::{Secret, leaks};
use crate::server::{KEYS, Server, programs};

/// The account of the development configuration.
pub const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Its token.
pub const TOKEN: &str = "secret";

/// Both as HTTP Basic has them.
const CREDENTIALS: &str = "Basic QUNhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYTpzZWNyZXQ=";

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    server: Server,
    folder: Folder,
}

/// A folder of one test's own, which goes with it.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new one.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    #[expect(clippy::panic, reason = "a test without its folder has failed")]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("gateway-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = programs().join("test-data").join(name);
        std::fs::create_dir_all(&folder)
            .unwrap_or_else(|error| panic!("{} cannot be made: {error}", folder.display()));
        Self(folder)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
        // The last one takes the common folder with it.
        let _ = self.0.parent().map(std::fs::remove_dir);
    }
}

impl Gateway {
    /// Starts a gateway, logging everything.
    ///
    /// # Panics
    /// When the program was not built or does not start: `cargo build -p examples --bins` builds it.
    #[must_use]
    pub fn start(framework: Framework) -> Self {
        Self::start_in(framework, Folder::new(), &[])
    }

    /// Starts a gateway over a folder that may know services already, with further arguments.
    ///
    /// # Panics
    /// As [`Gateway::start`].
    #[must_use]
    pub fn start_in(framework: Framework, folder: Folder, arguments: &[&str]) -> Self {
        let framework = match framework {
            Framework::Axum => "axum",
            Framework::Actix => "actix",
        };
        let data = folder.path().to_string_lossy().into_owned();
        let mut all = vec!["--framework", framework, "--data", &data];
        all.extend(arguments);
        Self { server: Server::start("gateway", &all), folder }
    }

    /// Sends it a signal, as `INT` or `TERM`.
    ///
    /// # Panics
    /// When it cannot be signalled.
    pub fn signal(&self, signal: &str) {
        self.server.signal(signal);
    }

    /// Waits for its end, for so many seconds or a little more, and says whether that was a success.
    ///
    /// # Panics
    /// When it cannot be waited for.
    #[must_use]
    pub fn ends_well_within(&self, seconds: u32) -> bool {
        self.server.ends_well_within(seconds)
    }

    /// Interrupts it as Ctrl-C does, and hands its folder to whoever comes next.
    ///
    /// # Panics
    /// When it does not end by itself.
    #[must_use]
    pub fn stop(mut self) -> Folder {
        self.server.signal("INT");
        assert!(self.server.ends_well_within(60), "the gateway does not end when it is interrupted");
        std::mem::replace(&mut self.folder, Folder(PathBuf::new()))
    }

    /// Ends it at once, as a machine that fails.
    pub fn end(&self) {
        self.server.end();
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Its address for a client.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Sends a request and reads the answer.
    ///
    /// # Panics
    /// When the connection fails.
    #[must_use]
    pub fn ask(&self, request: &Request) -> Response {
        self.server.ask(request)
    }

    /// A request of the development account's.
    #[must_use]
    pub fn signed(request: Request) -> Request {
        request.header("authorization", CREDENTIALS)
    }

    /// All messages, newest first.
    #[must_use]
    pub fn inbox(&self) -> Value {
        self.ask(&Request::get("/inbox").header("accept", "application/json")).json()
    }

    /// The newest code for an address.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[expect(clippy::panic, reason = "a test without its code has failed")]
    pub fn code(&self, to: &str) -> String {
        let inbox = self.inbox();
        let letters = inbox.as_array().cloned().unwrap_or_default();
        let letter = letters.iter().find(|letter| letter["to"] == to);
        let code = letter.and_then(|letter| letter["code"].as_str());
        code.unwrap_or_else(|| panic!("no message for {to} in {inbox}")).to_owned()
    }

    /// Everything that it has printed so far.
    #[must_use]
    pub fn printed(&self) -> String {
        self.server.printed()
    }

    /// Codes and addresses of its messages that it has printed: there must be none.
    fn printed_secrets(&self) -> Vec<String> {
        let request = Request::get("/inbox").header("accept", "application/json");
        let Ok(inbox) = request.send(self.address()) else { return Vec::new() };
        let letters = inbox.json().as_array().cloned().unwrap_or_default();
        let text = |letter: &Value, member: &str| letter[member].as_str().unwrap_or_default().to_owned();
        let key = KEYS.split(':').nth(1).unwrap_or_default().to_owned();
        let credentials = CREDENTIALS.trim_start_matches("Basic ").to_owned();
        let mut secrets = vec![Secret::Text(key), Secret::Text(credentials)];
        for letter in &letters {
            secrets.extend([Secret::Code(text(letter, "code")), Secret::Text(text(letter, "to"))]);
        }
        leaks(&self.printed(), &secrets)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let leaks = if std::thread::panicking() { Vec::new() } else { self.printed_secrets() };
        self.server.end();
        assert!(leaks.is_empty(), "R60: the gateway printed secrets:\n{}", leaks.join("\n"));
    }
}
