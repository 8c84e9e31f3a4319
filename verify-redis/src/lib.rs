//! The store of [`verify_core`] over Redis or Valkey, for apps that run in more than one process.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use verify_core::{Engine, KeyRing, Origin};
//! use verify_redis::RedisStore;
//!
//! let store = RedisStore::connect("redis://app:secret@10.0.0.7:6379/0").await?;
//! let engine = Engine::builder(KeyRing::from_env("CHALLENGE_KEYS")?, Origin::parse("https://bank.example")?)
//!     .store(store)
//!     .build()?;
//! # Ok(()) }
//! ```
//!
//! Each verb is one round trip and one atomic step, over one connection that all tasks share:
//!
//! | verb | commands |
//! |---|---|
//! | `insert` | `SET key value NX PX ttl` |
//! | `get` | `GET key` |
//! | `take` | `GETDEL key` |
//! | `add` | `MULTI`, `SET key 0 NX PX ttl`, `INCRBY key n`, `EXEC`; with `n == 0` just `GET key` |
//!
//! There are no scripts and no command touches two keys, so any cluster will do. Values are under `verify:v…` and
//! counters under `verify:c…`, each with 22 characters that a keyed hash made; every key has a time-to-live.
//!
//! # What the server must be
//!
//! Redis from 6.2 or Valkey from 7.2, with `maxmemory-policy noeviction`. [`connect`](RedisStore::connect) looks, and
//! does not start with a server that is older, or evicts; where it is not allowed to look, it warns. With a `maxmemory`
//! the server refuses new entries when it is full, and nobody's count of wrong guesses is forgotten to make room.
//!
//! # When things go wrong
//!
//! Nothing is tried twice. When a connection is lost, or a call's deadline passes, that call fails, because nobody knows
//! whether it was carried out, and the engine refuses the request: nobody gets in by it. The next call goes over a new
//! connection.
//!
//! In a cluster, what a node turned away without touching it is sent on to the right one. When a call's deadline passes, a
//! new connection to the cluster is opened beside the old one, and takes its place once the silent node answers over it.
//! Until then, calls for that node's keys fail at their deadlines, and those for other nodes' keys are served. While the node
//! itself is down, its calls keep up one such attempt at a time, each for a
//! [`connect_deadline`](RedisStoreBuilder::connect_deadline) at most.
//!
//! **A server that starts empty** makes open challenges die and unused grants with them. Nothing that was used becomes
//! usable, so this is the way to run: `save ""` and `appendonly no`. It also forgets blocks, revocations and what messages
//! have cost; `docs/operations.md` in the repository says when to keep a log instead, and which.
//!
//! **A server that starts from an old state** brings back what was redeemed since. A code that was used after the last
//! snapshot is good once more, to somebody who knows it, until its few minutes are over; guesses made since are forgotten.
//! So switch snapshots off (the store warns of them where it may look), or let the log be complete
//! (`appendfsync always`).
//!
//! **A failover is such a moment**, if a short one: replicas follow their primary at a distance, and what they had not
//! yet seen when it died never happened. That is usually a few milliseconds' worth: an opened challenge is gone, a
//! wrong guess is not counted, a code used in this moment could be used again. `WAIT` and `min-replicas-to-write` narrow
//! the window and do not close it. Where one such reuse must be impossible, run a single server without persistence,
//! and let an outage be an outage: as long as it lasts, guarded requests are answered with 503.
//!
//! # Permissions
//!
//! A user of its own needs `~verify:* +set +get +getdel +incrby +multi +exec +info +config|get`, and in a cluster
//! `+ping +cluster|slots +asking`. The last two of the first list are for the look at the server. A URL that names another
//! database than 0 needs `+select`, and a user of the Sentinels `+sentinel|get-master-addr-by-name`.
//!
//! # Features
//!
//! None is on by default: `tls` for `rediss://`, `cluster` for `redis-cluster://`, `sentinel` for a primary that
//! Sentinels name. TLS is rustls with ring; in a process that has not chosen its rustls cryptography yet, connecting
//! chooses ring.

mod address;
mod builder;
#[cfg(feature = "cluster")]
mod cluster;
mod fault;
mod link;
mod name;
mod probe;
#[cfg(feature = "sentinel")]
mod sentinel;
mod server;
mod store;
mod tls;

pub use builder::RedisStoreBuilder;
pub use fault::ConnectError;
pub use store::RedisStore;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
