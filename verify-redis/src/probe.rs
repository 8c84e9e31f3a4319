//! Whether a server can keep the promises of a store: its version, its eviction policy, its role.

use std::collections::HashMap;

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, Value};
use verify_core::store::StoreErrorKind;

use crate::fault::Fault;

/// The oldest Redis that has `GETDEL`.
const OLDEST_REDIS: Version = Version(6, 2);
/// The first Valkey there is.
const OLDEST_VALKEY: Version = Version(7, 2);

/// What to do about a server that drops live entries to make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eviction {
    Refused,
    Allowed,
}

/// Looks at a server before it is used. What it is not allowed to look at, it warns of and lets pass.
pub(crate) async fn examine(
    connection: &mut MultiplexedConnection,
    eviction: Eviction,
) -> Result<Profile, Fault> {
    let mut profile = match ask(connection, &["INFO"]).await? {
        Some(reply) => Profile::of(&reply)?,
        None => Profile::default(),
    };
    if profile.policy.is_none()
        && let Some(reply) = ask(connection, &["CONFIG", "GET", "maxmemory-policy"]).await?
    {
        profile.policy = setting(reply, "maxmemory-policy");
    }
    profile.judge(eviction)?;
    Ok(profile)
}

/// Warns of snapshots: after a crash the server starts from the last one, and what was redeemed since is back.
pub(crate) async fn warn_of_snapshots(connection: &mut MultiplexedConnection, profile: &Profile) {
    if profile.appends {
        return;
    }
    if let Ok(Some(reply)) = ask(connection, &["CONFIG", "GET", "save"]).await
        && setting(reply, "save").is_some_and(|save| !save.is_empty())
    {
        tracing::warn!(
            target: "verify",
            "Redis writes snapshots (`save`): after a crash it starts from an old one, in which used codes are good \
             again; switch them off with `save \"\"`"
        );
    }
}

/// The answer to a command, or nothing if it is forbidden here.
async fn ask(connection: &mut MultiplexedConnection, words: &[&str]) -> Result<Option<Value>, Fault> {
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(*word);
    }
    let reply = connection.send_packed_command(&command).await.map_err(|error| Fault::from(&error))?;
    match &reply {
        Value::ServerError(error) => {
            let unknown = error.code() == "ERR"
                && error.details().is_some_and(|details| details.starts_with("unknown"));
            if error.code() == "NOPERM" || unknown { Ok(None) } else { Err(Fault::told(error)) }
        }
        _ => Ok(Some(reply)),
    }
}

/// A value of the reply to `CONFIG GET`.
fn setting(reply: Value, name: &str) -> Option<String> {
    HashMap::<String, String>::from_redis_value(reply).ok()?.remove(name)
}

/// Major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl Version {
    fn read(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|number| number.parse().ok());
        Some(Self(numbers.next()??, numbers.next()??))
    }
}

/// What a server says of itself, as far as it does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profile {
    redis: Option<Version>,
    valkey: Option<Version>,
    policy: Option<String>,
    replica: bool,
    /// It is a node of a cluster.
    pub(crate) clustered: Option<bool>,
    /// It keeps a log of all writes.
    appends: bool,
}

impl Profile {
    /// Reads the reply to `INFO`.
    pub(crate) fn of(reply: &Value) -> Result<Self, Fault> {
        let text = match reply {
            Value::VerbatimString { text, .. } => text.as_str(),
            Value::BulkString(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
            other => return Err(Fault::unexpected(other)),
        };
        let mut profile = Self::default();
        for (field, value) in text.lines().filter_map(|line| line.trim_end().split_once(':')) {
            match field {
                "redis_version" => profile.redis = Version::read(value),
                "valkey_version" => profile.valkey = Version::read(value),
                "maxmemory_policy" => profile.policy = Some(value.to_owned()),
                "role" => profile.replica = value == "slave",
                "redis_mode" => profile.clustered = Some(value == "cluster"),
                "aof_enabled" => profile.appends = value == "1",
                _ => {}
            }
        }
        Ok(profile)
    }

    /// Refuses a server on which codes could be guessed more often, or used more than once.
    pub(crate) fn judge(&self, eviction: Eviction) -> Result<(), Fault> {
        self.judge_version()?;
        self.judge_policy(eviction)
    }

    /// Refuses a server that takes no writes.
    pub(crate) fn judge_role(&self) -> Result<(), Fault> {
        if self.replica {
            return Err(Fault::unavailable("the server is a replica, which takes no writes"));
        }
        Ok(())
    }

    fn judge_version(&self) -> Result<(), Fault> {
        // Valkey also names the Redis that it is compatible with.
        let (found, oldest, name) = match (self.valkey, self.redis) {
            (Some(valkey), _) => (valkey, OLDEST_VALKEY, "Valkey"),
            (None, Some(redis)) => (redis, OLDEST_REDIS, "Redis"),
            (None, None) => {
                tracing::warn!(target: "verify", "Redis does not tell its version, which must be 6.2 or newer");
                return Ok(());
            }
        };
        if found >= oldest {
            return Ok(());
        }
        let (Version(major, minor), Version(least, part)) = (found, oldest);
        Err(Fault::misconfigured(format!(
            "the server is {name} {major}.{minor}, and {least}.{part} is the oldest that will do"
        )))
    }

    fn judge_policy(&self, eviction: Eviction) -> Result<(), Fault> {
        let Some(policy) = &self.policy else {
            tracing::warn!(
                target: "verify",
                "Redis does not tell its maxmemory-policy, which must be `noeviction`"
            );
            return Ok(());
        };
        match (policy.as_str(), eviction) {
            ("noeviction", _) => Ok(()),
            (_, Eviction::Allowed) => {
                tracing::warn!(
                    target: "verify",
                    "Redis may evict live entries: wrong guesses can be forgotten, and used proofs be taken again"
                );
                Ok(())
            }
            (_, Eviction::Refused) => Err(Fault::new(
                StoreErrorKind::Misconfigured,
                "the server drops live entries when its memory is used up, and with them counts of wrong guesses: \
                 set `maxmemory-policy noeviction`",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(info: &str) -> Result<(), StoreErrorKind> {
        let profile = Profile::of(&Value::BulkString(info.into())).unwrap();
        profile.judge(Eviction::Refused).map_err(|fault| fault.kind())
    }

    #[test]
    fn takes_redis_from_6_2_and_valkey_from_7_2() {
        for (info, taken) in [
            ("redis_version:6.2.0", true),
            ("redis_version:6.10.1", true),
            ("redis_version:8.2.1", true),
            ("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:7.2.5", true),
            ("redis_version:7.2.4\r\nvalkey_version:9.0.0", true),
            ("redis_version:255.255.255", true),
            ("redis_version:6.0.16", false),
            ("redis_version:5.0.14", false),
            ("redis_version:2.8", false),
        ] {
            let expected = if taken { Ok(()) } else { Err(StoreErrorKind::Misconfigured) };
            assert_eq!(judge(&format!("# Server\r\n{info}\r\n")), expected, "{info}");
        }
    }

    #[test]
    fn takes_no_policy_that_evicts_with_or_without_a_limit() {
        for policy in ["allkeys-lru", "volatile-lru", "volatile-ttl", "allkeys-random", "one-of-tomorrow"] {
            for limit in ["maxmemory:0", "maxmemory:1000000"] {
                let info = format!("redis_version:7.0.0\r\n{limit}\r\nmaxmemory_policy:{policy}\r\n");
                assert_eq!(judge(&info), Err(StoreErrorKind::Misconfigured), "{info}");
                let profile = Profile::of(&Value::BulkString(info.into())).unwrap();
                assert!(profile.judge(Eviction::Allowed).is_ok());
            }
        }
        assert_eq!(judge("redis_version:7.0.0\r\nmaxmemory_policy:noeviction\r\n"), Ok(()));
    }

    #[test]
    fn a_replica_may_become_a_primary_so_waiting_helps() {
        let role = |info: &str| {
            let profile = Profile::of(&Value::BulkString(info.into())).unwrap();
            profile.judge_role().map_err(|fault| fault.kind())
        };
        assert_eq!(role("redis_version:7.0.0\r\nrole:slave\r\n"), Err(StoreErrorKind::Unavailable));
        assert_eq!(role("redis_version:7.0.0\r\nrole:master\r\n"), Ok(()));
    }

    #[test]
    fn what_a_server_keeps_to_itself_is_no_reason_to_refuse_it() {
        for silent in ["", "# Server", "redis_version:unknown", "redis_version"] {
            assert_eq!(judge(silent), Ok(()), "{silent}");
        }
    }
}
