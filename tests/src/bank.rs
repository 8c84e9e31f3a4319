//! The banks as child processes, each on a free loopback port, and ended with the test.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::Value;

use crate::http::{Request, Response};
use crate::scenario::{Secret, leaks};
use crate::server::{Server, programs};
use crate::siteverify::{SECRET, SITE_KEY, Siteverify};

pub use crate::server::KEYS;

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
    server: Server,
}

impl Bank {
    /// Starts a bank, logging everything. It tells failures apart, so that a test sees which one it has met.
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
        Self::start_in(framework, &[&["--preset", "none"], arguments].concat(), &[])
    }

    /// Starts a bank as somebody does who says nothing: its payments are held to PSD2.
    ///
    /// # Panics
    /// As [`Bank::start`].
    #[must_use]
    pub fn start_as_it_is(framework: Framework) -> Self {
        Self::start_in(framework, &[], &[])
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
        Self::start_in(framework, &["--preset", "none", "--captcha", vendor], &variables)
    }

    /// Starts a bank with these arguments and variables in its environment, and nothing else said.
    ///
    /// # Panics
    /// As [`Bank::start`].
    #[must_use]
    pub fn start_in(framework: Framework, arguments: &[&str], variables: &[(String, String)]) -> Self {
        Self { server: Server::start_in(name(framework), arguments, variables) }
    }

    /// What a bank says that does not open with these arguments.
    ///
    /// # Panics
    /// When it opens.
    #[must_use]
    pub fn refused(framework: Framework, arguments: &[&str]) -> String {
        Server::refused(name(framework), arguments)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Its address as a visitor types it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address().port())
    }

    /// Sends a request and reads the answer.
    ///
    /// # Panics
    /// When the connection fails.
    #[must_use]
    pub fn ask(&self, request: &Request) -> Response {
        self.server.ask(request)
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
        self.server.process()
    }

    /// Everything that it has printed so far, to either output.
    #[must_use]
    pub fn printed(&self) -> String {
        self.server.printed()
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
}

impl Bank {
    /// Codes and addresses of its messages that it has printed: there must be none, whatever a test has made it do.
    fn printed_secrets(&self) -> Vec<String> {
        let request = Request::get("/challenge/inbox").header("accept", "application/json");
        let Ok(inbox) = request.send(self.address()) else { return Vec::new() };
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
        self.server.end();
        assert!(leaks.is_empty(), "R60: the bank printed secrets:\n{}", leaks.join("\n"));
    }
}

fn name(framework: Framework) -> &'static str {
    match framework {
        Framework::Axum => "bank",
        Framework::Actix => "bank-actix",
    }
}

/// The program of a bank.
#[must_use]
pub fn program_of(framework: Framework) -> PathBuf {
    programs().join(name(framework))
}
