#![doc = include_str!("../README.md")]

use std::error::Error as _;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ErrorKind, ExistenceCheck, FromRedisValue, Pipeline, RedisError, SetExpiry, SetOptions};
use tokio::time::timeout;
use verify_core::store::{Key, Store, StoreError, StoreErrorKind};

pub mod app;

/// Our store. Clones share one connection, which is opened anew after it was lost.
#[derive(Clone, Debug)]
pub struct OwnStore {
    redis: ConnectionManager,
    deadline: Duration,
}

impl OwnStore {
    /// Connects. Neither this nor any call takes longer than the deadline.
    ///
    /// # Errors
    /// When the URL is none, or nobody answers there in time.
    pub async fn connect(url: &str, deadline: Duration) -> Result<Self, StoreError> {
        let config = ConnectionManagerConfig::new().set_response_timeout(None).set_number_of_retries(0);
        let config = config.set_connection_timeout(Some(deadline));
        let opening = ConnectionManager::new_with_config(Client::open(url).map_err(told)?, config);
        Ok(Self { redis: opening.await.map_err(told)?, deadline })
    }

    async fn run<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, StoreError> {
        match timeout(self.deadline, commands.query_async(&mut self.redis.clone())).await {
            Ok(replies) => replies.map(|(reply,)| reply).map_err(told),
            Err(late) => Err(StoreError::new(StoreErrorKind::Timeout).with_source(late)),
        }
    }
}

#[async_trait]
impl Store for OwnStore {
    async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
        self.run(redis::pipe().set_options(name('v', key), &value[..], once(ttl))).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.run(redis::pipe().get(name('v', key))).await
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.run(redis::pipe().get_del(name('v', key))).await
    }

    async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
        let (name, mut commands) = (name('c', key), redis::pipe());
        let sum: Result<Option<u64>, _> = match n {
            0 => self.run(commands.get(name)).await,
            _ => self.run(commands.atomic().set_options(&name, 0, once(ttl)).ignore().incr(name, n)).await,
        };
        let overflows =
            |error: &StoreError| error.source().is_some_and(|it| it.to_string().contains("overflow"));
        if sum.as_ref().is_err_and(overflows) { Ok(i64::MAX.unsigned_abs()) } else { Ok(sum?.unwrap_or(0)) }
    }
}

/// Values and counters have names of their own, so that they never meet.
fn name(space: char, key: &Key) -> String {
    format!("own:{space}:{key}")
}

/// Only if there is nothing, and with an end: a millisecond at least, a thousand years at most.
fn once(ttl: Duration) -> SetOptions {
    let millis = u64::try_from(ttl.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    let end = SetExpiry::PX(millis.clamp(1, 1_000 * 366 * 24 * 3_600 * 1_000));
    SetOptions::default().conditional_set(ExistenceCheck::NX).with_expiration(end)
}

/// What can be done about it. The driver's own words are the source, which no message repeats.
fn told(error: RedisError) -> StoreError {
    let (words, kind) = (error.to_string(), error.kind());
    StoreError::new(match kind {
        _ if words.contains("OOM") => StoreErrorKind::Full,
        _ if words.contains("WRONGTYPE") || words.contains("not an integer") => StoreErrorKind::Corrupt,
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => StoreErrorKind::Corrupt,
        ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig => StoreErrorKind::Misconfigured,
        _ => StoreErrorKind::Unavailable,
    })
    .with_source(error)
}
