//! What went wrong between this store and Redis, in words of our own.
//!
//! A server's own words are never repeated: asked for a command that it does not know, it quotes the arguments, and
//! those of `AUTH` are the password.

use std::borrow::Cow;
use std::error::Error as _;
use std::fmt;
use std::io;
use std::sync::Arc;

use redis::{ErrorKind, RedisError, ServerError, Value};
use verify_core::store::{StoreError, StoreErrorKind};

/// Why [`RedisStore`](crate::RedisStore) could not be set up.
///
/// The message says what to change. It names neither the address nor the credentials, so it may be logged.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use verify_core::store::StoreErrorKind;
/// use verify_redis::RedisStore;
///
/// let error = RedisStore::connect("http://app:hunter2@localhost/").await.unwrap_err();
/// assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
/// assert!(error.to_string().contains("redis://"));
/// assert!(!format!("{error} {error:?}").contains("hunter2"));
/// # }
/// ```
#[derive(Clone)]
pub struct ConnectError(Fault);

impl ConnectError {
    /// What kind of failure this is: [`Unavailable`](StoreErrorKind::Unavailable) and
    /// [`Timeout`](StoreErrorKind::Timeout) may pass, [`Misconfigured`](StoreErrorKind::Misconfigured) does not.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.0.kind()
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no store over Redis: {}", self.0)
    }
}

impl fmt::Debug for ConnectError {
    /// The sentence as well: a `main` that returns the error shows it by `Debug`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConnectError").field(&self.0.kind).field(&self.0.what).finish()
    }
}

impl std::error::Error for ConnectError {}

impl From<Fault> for ConnectError {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl From<ConnectError> for StoreError {
    fn from(error: ConnectError) -> Self {
        error.0.into()
    }
}

/// A failure, by what can be done about it; the source of each [`StoreError`] of this crate.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    kind: StoreErrorKind,
    what: Cow<'static, str>,
}

impl Fault {
    pub(crate) fn new(kind: StoreErrorKind, what: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, what: what.into() }
    }

    pub(crate) fn unavailable(what: &'static str) -> Self {
        Self::new(StoreErrorKind::Unavailable, what)
    }

    pub(crate) fn misconfigured(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StoreErrorKind::Misconfigured, what)
    }

    pub(crate) fn corrupt(what: &'static str) -> Self {
        Self::new(StoreErrorKind::Corrupt, what)
    }

    pub(crate) fn timeout(what: &'static str) -> Self {
        Self::new(StoreErrorKind::Timeout, what)
    }

    pub(crate) const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The same while a connection is opened, where an answer that makes no sense comes from something else.
    pub(crate) fn at_the_door(self) -> Self {
        match self.kind {
            StoreErrorKind::Corrupt => Self::misconfigured("what answers at this address is not Redis"),
            _ => self,
        }
    }

    /// An error that a server answered with.
    pub(crate) fn told(error: &ServerError) -> Self {
        by_code(error.code(), error.details().unwrap_or_default())
    }

    /// An answer that none of our commands has.
    pub(crate) fn unexpected(reply: &Value) -> Self {
        match reply {
            Value::ServerError(error) => Self::told(error),
            _ => Self::corrupt("the server answers something that the command cannot have as its answer"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::new(fault.kind).with_source(fault)
    }
}

impl From<&RedisError> for Fault {
    fn from(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Io => of_io(error),
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
                Self::corrupt("what the server answers is not the Redis protocol")
            }
            ErrorKind::AuthenticationFailed => Self::misconfigured("the user or the password is wrong"),
            ErrorKind::RESP3NotSupported => Self::misconfigured(
                "the server does not know HELLO: it is older than Redis 6, or a proxy for which the URL needs `?protocol=resp2`",
            ),
            ErrorKind::InvalidClientConfig => Self::misconfigured(
                "the address cannot be used: check the host, the database number and the certificates",
            ),
            ErrorKind::Client => {
                Self::misconfigured("the connection could not be set up: check the certificates")
            }
            ErrorKind::ClusterConnectionNotFound => {
                Self::unavailable("no node of the cluster can be reached")
            }
            ErrorKind::Server(_) | ErrorKind::Extension => {
                by_code(error.code().unwrap_or_default(), error.detail().unwrap_or_default())
            }
            _ => Self::unavailable("the driver gave up"),
        }
    }
}

fn of_io(error: &RedisError) -> Fault {
    if error.is_timeout() {
        return Fault::timeout("no answer in time");
    }
    if error.is_connection_refusal() {
        return Fault::unavailable("nothing listens at this address");
    }
    match io_kind(error) {
        // This is how rustls says that it does not trust a certificate, or did not get one.
        Some(io::ErrorKind::InvalidData) => Fault::misconfigured(
            "TLS could not be agreed on: check the certificates, and that both sides use it",
        ),
        _ => Fault::unavailable("the connection could not be opened, or was lost"),
    }
}

/// The kind of the I/O error inside, which the driver keeps in a pointer of its own.
fn io_kind(error: &RedisError) -> Option<io::ErrorKind> {
    let inner = error.source()?.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>()?;
    inner.downcast_ref::<io::Error>().map(io::Error::kind)
}

/// The first word of an error reply is meant for programs; the rest tells apart what shares the word `ERR`.
fn by_code(code: &str, details: &str) -> Fault {
    match code {
        "OOM" => Fault::new(StoreErrorKind::Full, "the server's memory is used up (OOM): raise maxmemory"),
        "NOAUTH" => Fault::misconfigured("the server wants a password, and the URL has none (NOAUTH)"),
        "WRONGPASS" => Fault::misconfigured("the user or the password is wrong (WRONGPASS)"),
        "NOPERM" => Fault::misconfigured(
            "the user may not use the keys or commands of this store (NOPERM): see \"Permissions\" in its documentation",
        ),
        "DENIED" => {
            Fault::misconfigured("the server is in protected mode and lets no other machine in (DENIED)")
        }
        "NOPROTO" => {
            Fault::misconfigured("the server does not speak RESP3: add `?protocol=resp2` to the URL")
        }
        "WRONGTYPE" => Fault::corrupt("something else is stored under a key of this store (WRONGTYPE)"),
        "MOVED" | "ASK" | "CROSSSLOT" => Fault::misconfigured(
            "the server is one node of a cluster: use `redis-cluster://` (feature `cluster`)",
        ),
        "READONLY" => Fault::unavailable("the server is a replica, or was made one (READONLY)"),
        "LOADING" => Fault::unavailable("the server is still loading its data (LOADING)"),
        "MASTERDOWN" => Fault::unavailable("the server is a replica that lost its primary (MASTERDOWN)"),
        "CLUSTERDOWN" => Fault::unavailable("the cluster does not serve all keys (CLUSTERDOWN)"),
        "NOREPLICAS" => Fault::unavailable("the server has too few replicas to accept writes (NOREPLICAS)"),
        "MISCONF" => Fault::unavailable("the server cannot write to its disk and refuses writes (MISCONF)"),
        "BUSY" => Fault::unavailable("the server is busy with a script (BUSY)"),
        "ERR" if details.contains("unknown command") || details.contains("unknown subcommand") => {
            Fault::misconfigured("the server does not know a command: it is older than 6.2, or forbids it")
        }
        "ERR" if details.contains("max number of clients") => {
            Fault::unavailable("the server has too many clients: raise maxclients")
        }
        "ERR" if details.contains("not an integer") => {
            Fault::corrupt("a counter of this store is not a number any more")
        }
        "ERR" if details.contains("DB index") => {
            Fault::misconfigured("the server has no database of this number")
        }
        // The driver selects the database as it connects, and leaves the code out.
        "ERR" if details.contains("no permissions") => Fault::misconfigured(
            "the user may not select the database that the URL names: see \"Permissions\" in the store's documentation",
        ),
        "ERR" if details.contains("operation not permitted") => {
            Fault::misconfigured("the server wants a password")
        }
        _ => Fault::unavailable("the server answers with an error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Fault {
        let reply = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
        Fault::unexpected(&reply)
    }

    #[test]
    fn each_error_reply_has_the_kind_that_says_what_to_do() {
        use StoreErrorKind::{Corrupt, Full, Misconfigured, Unavailable};
        for (line, kind) in [
            ("OOM command not allowed when used memory > 'maxmemory'.", Full),
            ("NOAUTH Authentication required.", Misconfigured),
            ("WRONGPASS invalid username-password pair or user is disabled.", Misconfigured),
            ("NOPERM this user has no permissions to run the 'getdel' command", Misconfigured),
            ("ERR unknown command 'GETDEL', with args beginning with: 'verify:vx' ", Misconfigured),
            ("MOVED 3999 127.0.0.1:6381", Misconfigured),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", Corrupt),
            ("ERR value is not an integer or out of range", Corrupt),
            ("LOADING Redis is loading the dataset in memory", Unavailable),
            ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", Unavailable),
            ("CLUSTERDOWN The cluster is down", Unavailable),
            ("READONLY You can't write against a read only replica.", Unavailable),
            ("NOREPLICAS Not enough good replicas to write.", Unavailable),
            ("MISCONF Redis is configured to save RDB snapshots", Unavailable),
            ("ERR max number of clients reached", Unavailable),
            ("ERR something that nobody has seen yet", Unavailable),
        ] {
            assert_eq!(told(line).kind(), kind, "{line}");
        }
    }

    #[test]
    fn what_a_server_says_is_not_repeated() {
        for line in [
            "ERR unknown command `AUTH`, with args beginning with: `app`, `hunter2`, ",
            "WRONGPASS hunter2",
            "hunter2 hunter2",
        ] {
            let fault = told(line);
            let error = StoreError::from(fault.clone());
            let source = std::error::Error::source(&error).unwrap();
            let connect = ConnectError::from(fault.clone());
            let texts =
                format!("{fault} {fault:?} {error} {error:?} {source} {source:?} {connect} {connect:?}");
            assert!(!texts.contains("hunter2"), "{texts}");
        }
    }

    #[test]
    fn tells_what_the_network_did() {
        let kind = |kind: io::ErrorKind| Fault::from(&RedisError::from(io::Error::from(kind))).kind();
        assert_eq!(kind(io::ErrorKind::ConnectionRefused), StoreErrorKind::Unavailable);
        assert_eq!(kind(io::ErrorKind::BrokenPipe), StoreErrorKind::Unavailable);
        assert_eq!(kind(io::ErrorKind::TimedOut), StoreErrorKind::Timeout);
        assert_eq!(kind(io::ErrorKind::InvalidData), StoreErrorKind::Misconfigured);
    }
}
