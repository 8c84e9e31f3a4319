//! Handing one mail over, step by step, so that it is known what a failure means.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use verify_core::{CourierError, CourierErrorKind};

use crate::persistence::Try;
use crate::smtp::letter::Letter;
use crate::smtp::server::Server;

/// Connections that wait for the next mail; more than this at one time are closed after their mail.
const KEPT: usize = 8;

/// How long a connection from before may take to say that it is one.
const PATIENCE: Duration = Duration::from_secs(1);

/// Connections to one server. They end with this value.
#[derive(Default)]
pub(super) struct Sessions {
    waiting: Mutex<Vec<AsyncSmtpConnection>>,
}

/// How far it had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Connect,
    SignIn,
    Sender,
    Recipient,
    Data,
    /// The text was leaving, or had left.
    Text,
}

/// What went wrong, and where.
pub(super) struct Fault {
    pub(super) stage: Stage,
    pub(super) error: lettre::transport::smtp::Error,
}

impl Sessions {
    /// One try.
    pub(super) async fn send(&self, server: &Server, letter: &Letter) -> Try {
        match self.hand_over(server, letter).await {
            Ok(()) => Try::Taken,
            Err(fault) => fault.meaning(),
        }
    }

    async fn hand_over(&self, server: &Server, letter: &Letter) -> Result<(), Fault> {
        let mut connection = match self.waiting_one().await {
            Some(connection) => connection,
            None => server.connect().await?,
        };
        let at = |stage: Stage| move |error| Fault { stage, error };
        let from = Mail::new(letter.from(), Vec::new());
        connection.command(from).await.map_err(at(Stage::Sender))?;
        connection.command(Rcpt::new(letter.to(), Vec::new())).await.map_err(at(Stage::Recipient))?;
        connection.command(Data).await.map_err(at(Stage::Data))?;
        connection.message(letter.text()).await.map_err(at(Stage::Text))?;
        let mut waiting = self.waiting();
        if waiting.len() < KEPT {
            waiting.push(connection);
        }
        Ok(())
    }

    /// A connection from before, if it is still one. What the server has closed is dropped, and costs nothing but the look.
    async fn waiting_one(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let mut connection = self.waiting().pop()?;
            // One that the network has forgotten would not answer at all.
            if matches!(tokio::time::timeout(PATIENCE, connection.test_connected()).await, Ok(true)) {
                return Some(connection);
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<AsyncSmtpConnection>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fault {
    fn meaning(self) -> Try {
        let (stage, error) = (self.stage, self.error());
        let refused = || CourierError::new(CourierErrorKind::Refused).with_source(self.words());
        match (self.error.is_permanent(), stage) {
            // The server speaks of us, and not of whoever is written to.
            (true, Stage::Recipient) if self.is_policy() => Try::Misconfigured(error),
            (true, Stage::Recipient) => Try::Refused(refused()),
            (true, _) => Try::Misconfigured(error),
            // A server that says no, for now, does not have it.
            (false, Stage::Text) if !self.error.is_transient() => Try::Unsure(error),
            (false, _) => Try::Again(error, None),
        }
    }

    /// Whether it is not the address that is refused, but that we write to it: 554, or by RFC 3463 a matter of security or
    /// policy, as where relaying is denied or the sender is blocked.
    fn is_policy(&self) -> bool {
        let words = std::error::Error::source(&self.error).map(ToString::to_string).unwrap_or_default();
        let code = self.error.status().map(|code| code.to_string());
        code.as_deref() == Some("554") || words.starts_with("5.7.")
    }

    fn error(&self) -> CourierError {
        CourierError::new(CourierErrorKind::Unavailable).with_source(self.words())
    }

    /// Without the server's own words, which repeat the address as likely as not.
    fn words(&self) -> String {
        let what = match self.error.status() {
            Some(code) => format!("answered {code}"),
            // Nothing was said of anybody yet.
            None if self.stage == Stage::Connect => format!("failed: {}", self.error),
            None if self.error.is_timeout() => "timed out".to_owned(),
            None => "failed".to_owned(),
        };
        format!("{:?} {what}", self.stage)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("waiting", &self.waiting().len()).finish()
    }
}
