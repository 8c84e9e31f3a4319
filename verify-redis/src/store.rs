//! The four verbs, each one atomic step of Redis.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use redis::{Pipeline, Value};
use verify_core::store::{Key, Store, StoreError};

use crate::builder::RedisStoreBuilder;
use crate::fault::{ConnectError, Fault};
use crate::name::{Prefix, milliseconds};
use crate::server::Server;

/// Where a counter of Redis ends.
const LAST: u64 = i64::MAX.unsigned_abs();

/// A store in Redis or Valkey, for any number of processes.
///
/// Clones share one connection (one per node of a cluster), which carries all calls at once and is opened anew after
/// it was lost. Every call needs a tokio runtime with time and I/O. The connection lives on the one that opened it; when
/// that ends, the next call connects on its own. (A cluster's connections do not come back then: open it on a runtime
/// that lasts.)
///
/// A counter stops at [`i64::MAX`]. A call with `n == 0` reads it and creates nothing.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use verify_core::{Engine, KeyRing, Origin};
/// use verify_redis::RedisStore;
///
/// let store = RedisStore::connect("redis://app:secret@10.0.0.7:6379/0").await?;
/// let engine = Engine::builder(KeyRing::from_env("CHALLENGE_KEYS")?, Origin::parse("https://bank.example")?)
///     .store(store)
///     .build()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    pub(crate) server: Server,
    pub(crate) prefix: Prefix,
    pub(crate) deadline: Duration,
}

impl RedisStore {
    /// Connects with the defaults of [`RedisStoreBuilder`].
    ///
    /// # Errors
    ///
    /// As [`RedisStoreBuilder::connect`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use verify_core::store::StoreErrorKind;
    /// use verify_redis::RedisStore;
    ///
    /// // Nothing listens at port 1: an app that cannot reach its store does not start.
    /// let error = RedisStore::connect("redis://127.0.0.1:1").await.unwrap_err();
    /// assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    /// # }
    /// ```
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::builder(url).connect().await
    }

    /// Starts with the defaults, for the server at this URL:
    ///
    /// | URL | leads to |
    /// |---|---|
    /// | `redis://user:password@host:6379/0` | a server; all but the host may be left out |
    /// | `rediss://…` | the same over TLS (feature `tls`) |
    /// | `unix:///run/redis/redis.sock?db=0&user=…&pass=…` | a server on this machine |
    /// | `redis-cluster://user:password@host:6379,host:6379` | a cluster, by some of its nodes (feature `cluster`) |
    /// | `rediss-cluster://…` | the same over TLS |
    ///
    /// `valkey:` and `valkeys:` are the same as `redis:` and `rediss:`. Special characters of user and password are
    /// percent-encoded. `?protocol=resp2` is for proxies that do not know the newer protocol; over the old one, a
    /// connection that was lost while idle is noticed only by the next call, which fails.
    #[must_use]
    pub fn builder(url: &str) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url)
    }

    async fn run(&self, name: &str, commands: &Pipeline) -> Result<Vec<Value>, Fault> {
        let replies = self.server.run(name, commands, self.deadline).await?;
        if replies.len() == commands.len() {
            return Ok(replies);
        }
        Err(Fault::corrupt("the server answers more or fewer commands than it was sent"))
    }

    /// The reply to one command.
    async fn ask(&self, name: &str, write: impl FnOnce(&mut redis::Cmd)) -> Result<Value, Fault> {
        let mut command = redis::Cmd::new();
        write(&mut command);
        let mut commands = Pipeline::with_capacity(1);
        commands.add_command(command);
        let reply = self.run(name, &commands).await?.pop();
        reply.ok_or_else(|| Fault::corrupt("the server does not answer the command"))
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        let name = self.prefix.value(key);
        let reply = self.ask(&name, |set| {
            set.arg("SET").arg(&name).arg(value.as_ref()).arg("NX").arg("PX").arg(milliseconds(ttl));
        });
        match reply.await? {
            Value::Okay => Ok(true),
            Value::Nil => Ok(false),
            other => Err(Fault::unexpected(&other).into()),
        }
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let name = self.prefix.value(key);
        let reply = self.ask(&name, |get| {
            get.arg("GET").arg(&name);
        });
        Ok(value(reply.await?)?)
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let name = self.prefix.value(key);
        let reply = self.ask(&name, |take| {
            take.arg("GETDEL").arg(&name);
        });
        Ok(value(reply.await?)?)
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        let name = self.prefix.counter(key);
        if n == 0 {
            let reply = self.ask(&name, |get| {
                get.arg("GET").arg(&name);
            });
            return Ok(count(value(reply.await?)?)?);
        }
        // The clock of Redis stands still inside of `EXEC`: a counter cannot expire between the two commands, and so
        // the second one never creates one without an end.
        let mut commands = Pipeline::with_capacity(4);
        commands.cmd("MULTI");
        commands.cmd("SET").arg(&name).arg(0).arg("NX").arg("PX").arg(milliseconds(ttl));
        commands.cmd("INCRBY").arg(&name).arg(n);
        commands.cmd("EXEC");
        Ok(sum(&self.run(&name, &commands).await?)?)
    }
}

/// A value, or that there is none.
fn value(reply: Value) -> Result<Option<Bytes>, Fault> {
    match reply {
        Value::BulkString(bytes) => Ok(Some(bytes.into())),
        Value::Nil => Ok(None),
        other => Err(Fault::unexpected(&other)),
    }
}

/// A counter as `GET` finds it.
fn count(value: Option<Bytes>) -> Result<u64, Fault> {
    let Some(digits) = value else { return Ok(0) };
    let number = std::str::from_utf8(&digits).ok().and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| Fault::corrupt("a counter of this store is not a number any more"))
}

/// The sum in the replies to a transaction of `SET` and `INCRBY`.
fn sum(replies: &[Value]) -> Result<u64, Fault> {
    match replies.last() {
        Some(Value::Array(results)) => match results.as_slice() {
            [Value::Okay | Value::Nil, Value::Int(sum)] => {
                u64::try_from(*sum).map_err(|_| Fault::corrupt("a counter of this store is below zero"))
            }
            [_, Value::ServerError(error)]
                if error.details().is_some_and(|text| text.contains("overflow")) =>
            {
                Ok(LAST)
            }
            [_, other] => Err(Fault::unexpected(other)),
            _ => Err(Fault::corrupt(
                "the server answers something that a transaction cannot have as its answer",
            )),
        },
        // It was dropped before it began. The command that was not accepted knows why.
        Some(dropped) => {
            let reason = replies.iter().find(|reply| matches!(reply, Value::ServerError(_)));
            Err(Fault::unexpected(reason.unwrap_or(dropped)))
        }
        None => Err(Fault::corrupt("the server does not answer the transaction")),
    }
}

impl fmt::Debug for RedisStore {
    /// Without the address, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.prefix.as_str())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use verify_core::store::StoreErrorKind;

    use super::*;

    fn replies(raw: &[&str]) -> Vec<Value> {
        raw.iter().map(|raw| redis::parse_redis_value(raw.as_bytes()).unwrap()).collect()
    }

    fn transaction(exec: &str) -> Result<u64, StoreErrorKind> {
        sum(&replies(&["+OK\r\n", "+QUEUED\r\n", "+QUEUED\r\n", exec])).map_err(|fault| fault.kind())
    }

    #[test]
    fn a_sum_is_read_from_the_end_of_its_transaction() {
        assert_eq!(transaction("*2\r\n+OK\r\n:3\r\n"), Ok(3));
        assert_eq!(transaction("*2\r\n_\r\n:4\r\n"), Ok(4));
        assert_eq!(transaction("*2\r\n$-1\r\n:9223372036854775807\r\n"), Ok(LAST));
        let overflow = "*2\r\n_\r\n-ERR increment or decrement would overflow\r\n";
        assert_eq!(transaction(overflow), Ok(LAST), "a counter stops");
    }

    #[test]
    fn a_sum_that_cannot_be_ours_is_corrupt() {
        for exec in [
            "_\r\n",
            "*0\r\n",
            "*1\r\n:1\r\n",
            "*3\r\n+OK\r\n:1\r\n:2\r\n",
            "*2\r\n+OK\r\n:-1\r\n",
            "*2\r\n+OK\r\n+OK\r\n",
            "*2\r\n:1\r\n:2\r\n",
            "*2\r\n_\r\n-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
            "*2\r\n_\r\n-ERR value is not an integer or out of range\r\n",
            "+QUEUED\r\n",
        ] {
            assert_eq!(transaction(exec), Err(StoreErrorKind::Corrupt), "{exec:?}");
        }
        assert_eq!(sum(&[]).unwrap_err().kind(), StoreErrorKind::Corrupt);
    }

    #[test]
    fn a_dropped_transaction_says_why() {
        let dropped = replies(&[
            "+OK\r\n",
            "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
            "+QUEUED\r\n",
            "-EXECABORT Transaction discarded because of previous errors.\r\n",
        ]);
        assert_eq!(sum(&dropped).unwrap_err().kind(), StoreErrorKind::Full);
        assert_eq!(transaction("-EXECABORT Transaction discarded\r\n"), Err(StoreErrorKind::Unavailable));
    }

    #[test]
    fn a_counter_is_a_number_from_zero() {
        let count = |digits: &'static str| count(Some(digits.into())).map_err(|fault| fault.kind());
        assert_eq!(super::count(None).unwrap(), 0);
        assert_eq!(count("0"), Ok(0));
        assert_eq!(count("9223372036854775807"), Ok(LAST));
        for other in ["", "-1", "1.5", "one", " 1", "\u{661}"] {
            assert_eq!(count(other), Err(StoreErrorKind::Corrupt), "{other:?}");
        }
    }
}
