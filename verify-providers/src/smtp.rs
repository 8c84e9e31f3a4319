//! Mail over SMTP.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use lettre::message::Mailbox;
use verify_core::{Channel, Courier, CourierError, Delivery};
use zeroize::Zeroizing;

use crate::persistence::{Persistence, persistent, unavailable};

mod letter;
mod server;
mod session;

use letter::Letter;
use server::Server;
use session::Sessions;

/// Delivers mail to a server that takes it from there, over TLS: a courier for [`Channel::Email`].
///
/// | what happens | what follows |
/// |---|---|
/// | no connection, no TLS, a certificate that is not good, 4xx before the text or to it | the same mail again, up to three times within 8 seconds and while the code lives; its `Message-ID` stays |
/// | 554 or 5.7.x to the recipient: relaying denied, the sender blocked | an error in the log, since no visitor can help it |
/// | any other 5xx to the recipient | [`Refused`](verify_core::CourierErrorKind::Refused): the visitor chooses another channel |
/// | 5xx to anything else, wrong credentials | an error in the log, since no visitor can help it |
/// | the text has left, and no answer comes | nobody knows whether it arrived, so it is not sent again |
/// | five failures in a row | nothing is tried for 30 seconds ([`CircuitBreaker`](crate::CircuitBreaker)) |
///
/// Connections are kept and used again. They belong to this value and its clones: nothing runs in the background.
///
/// Do not turn on the feature `tracing` of the crate `lettre` in your program: it logs what is sent, codes included.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use verify_core::{Channel, Engine, KeyRing, Origin};
/// use verify_providers::Smtp;
///
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// let mail = Smtp::new("smtps://bank:hunter2@mail.bank.example", "Demo Bank <no-reply@bank.example>")?;
/// let engine = Engine::builder(keys, Origin::parse("https://bank.example")?)
///     .courier(Channel::Email, mail)
///     .build()?;
///
/// assert!(Smtp::new("smtp+plain://mail.bank.example", "no-reply@bank.example").is_err(), "codes in the clear");
/// # let _ = engine;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Smtp {
    server: Arc<Server>,
    sessions: Arc<Sessions>,
    from: Mailbox,
    persistence: Persistence,
}

persistent!(Smtp);

impl Smtp {
    /// A server and whom mail is from. The server is `smtps://user:password@host:port` with TLS from the first byte (port
    /// 465), or `smtp://…` with STARTTLS, which it has to offer (port 587); a server on this machine need not. Users and
    /// passwords are percent-encoded. Calls nobody yet.
    ///
    /// # Errors
    /// When the URL or the sender is none, or the system's root certificates cannot be read.
    pub fn new(url: &str, from: &str) -> Result<Self, SmtpError> {
        let from = from.parse().map_err(|_| SmtpError::From)?;
        let server = Server::parse(url)?;
        Ok(Self {
            server: Arc::new(server),
            sessions: Arc::default(),
            from,
            persistence: Persistence::default(),
        })
    }

    /// Trusts this certificate authority too, in PEM: for a server of one's own.
    ///
    /// # Errors
    /// When it is not a certificate in PEM.
    pub fn root_certificate(mut self, pem: &[u8]) -> Result<Self, SmtpError> {
        self.server = Arc::new(self.server.trusting(pem)?);
        self.sessions = Arc::default();
        Ok(self)
    }
}

#[async_trait]
impl Courier for Smtp {
    async fn deliver(&self, delivery: &Delivery) -> Result<(), CourierError> {
        if delivery.channel() != Channel::Email {
            return Err(unavailable("this courier delivers mail: `.courier(Channel::Email, ..)`"));
        }
        let letter = Letter::write(&self.from, delivery)?;
        self.persistence.deliver(delivery, || self.sessions.send(&self.server, &letter)).await
    }

    fn is_development(&self) -> bool {
        false
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp")
            .field("host", &self.server.host())
            .field("persistence", &self.persistence)
            .finish_non_exhaustive()
    }
}

/// What [`Smtp`] was given makes no sense. It repeats nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SmtpError {
    /// Not the URL of a mail server.
    #[error(
        "a mail server is smtps://user:password@host:port or smtp://.. with STARTTLS, and nothing behind it"
    )]
    Url,
    /// Not a sender.
    #[error("a sender is name@domain.example, or Name <name@domain.example>")]
    From,
    /// Not a certificate, or no root certificates.
    #[error("no root certificates: the PEM is none, or the system's are not installed (ca-certificates)")]
    Certificate,
}

/// A text that is wiped when it is dropped.
type Secret = Zeroizing<String>;
