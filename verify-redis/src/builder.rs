//! Settings of a store.

use std::fmt;
use std::time::Duration;

use crate::address::Address;
use crate::fault::{ConnectError, Fault};
use crate::link::{Dial, Link, Target};
use crate::name::Prefix;
use crate::probe::Eviction;
use crate::server::Server;
use crate::store::RedisStore;
use crate::tls::Trust;
#[cfg(doc)]
use verify_core::store::StoreErrorKind;

/// Longer than a healthy server ever pauses, to fork or to write to its disk, and shorter than a person waits.
const DEADLINE: Duration = Duration::from_secs(2);
/// For a look-up of the name, one packet that was lost, and the handshakes.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// No call waits for longer, whatever is asked for.
const LONGEST_DEADLINE: Duration = Duration::from_secs(60 * 60);

/// Settings of a [`RedisStore`]; made by [`RedisStore::builder`].
///
/// ```no_run
/// # async fn example() -> Result<(), verify_redis::ConnectError> {
/// use std::time::Duration;
/// use verify_redis::RedisStore;
///
/// let store = RedisStore::builder("redis://10.0.0.7")
///     .prefix("bank:")
///     .deadline(Duration::from_millis(500))
///     .connect()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisStoreBuilder {
    url: String,
    prefix: String,
    deadline: Duration,
    connect_deadline: Duration,
    eviction: Eviction,
    trust: Trust,
    #[cfg(feature = "cluster")]
    nodes: Option<Vec<String>>,
    #[cfg(feature = "sentinel")]
    sentinels: Option<(Vec<String>, String)>,
}

impl RedisStoreBuilder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            prefix: "verify:".to_owned(),
            deadline: DEADLINE,
            connect_deadline: CONNECT_DEADLINE,
            eviction: Eviction::Refused,
            trust: Trust::default(),
            #[cfg(feature = "cluster")]
            nodes: None,
            #[cfg(feature = "sentinel")]
            sentinels: None,
        }
    }

    /// What all keys begin with. Default: `verify:`, so that the keys can be told from those of others.
    ///
    /// 1 to 64 printable ASCII characters without spaces and braces. Engines with different key rings never disturb
    /// each other, whatever the prefix; give each its own to see whose keys are whose. After a change nothing that was
    /// stored is found any more: open challenges die, and counts of wrong guesses start again.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// How long one call may take; then it fails with [`StoreErrorKind::Timeout`], and the request that waits for it
    /// is refused. An hour at most.
    ///
    /// Default: 2 seconds. A healthy server answers in a millisecond, and pauses for less than a second when it forks
    /// for a snapshot; a person waits for longer. Too short a deadline refuses requests when the server is merely busy,
    /// and each of them may yet be carried out: a count goes up, a code is used up.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline.min(LONGEST_DEADLINE);
        self
    }

    /// How long an attempt to connect may take, at the start and after a connection was lost. Default: 5 seconds.
    /// A call that finds no connection waits for it no longer than its own [`deadline`](Self::deadline).
    #[must_use]
    pub fn connect_deadline(mut self, deadline: Duration) -> Self {
        self.connect_deadline = deadline.min(LONGEST_DEADLINE);
        self
    }

    /// Takes a server that drops live entries when its memory is used up.
    ///
    /// Default: refused, even without a `maxmemory`, which can be set later. What such a server drops may be the count
    /// of wrong guesses at a code, so whoever can fill its memory may guess on; or the mark of a proof of work that was
    /// used, which is then taken again. With this setting the store starts, and warns.
    #[must_use]
    pub fn danger_allow_eviction(mut self) -> Self {
        self.eviction = Eviction::Allowed;
        self
    }

    /// The URL leads to a node of a cluster, and these to some more of them. Two or three do, since the rest is asked
    /// from whichever answers first; they have the same user and password.
    ///
    /// `redis-cluster://a:6379,b:6379` as the URL says the same.
    #[cfg(feature = "cluster")]
    #[must_use]
    pub fn cluster<U: Into<String>>(mut self, more_nodes: impl IntoIterator<Item = U>) -> Self {
        self.nodes = Some(more_nodes.into_iter().map(Into::into).collect());
        self
    }

    /// Asks these Sentinels, by URL, for the primary of this name, at the start and whenever a connection was lost.
    ///
    /// Of the builder's URL, the user, password, database and kind (`redis:` or `rediss:`) are used for the primary, and
    /// its host is not. The Sentinels' URLs have their own.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), verify_redis::ConnectError> {
    /// use verify_redis::RedisStore;
    ///
    /// let store = RedisStore::builder("redis://app:secret@primary/0")
    ///     .sentinel(["redis://10.0.0.1:26379", "redis://10.0.0.2:26379", "redis://10.0.0.3:26379"], "mymaster")
    ///     .connect()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "sentinel")]
    #[must_use]
    pub fn sentinel<U: Into<String>>(mut self, urls: impl IntoIterator<Item = U>, name: &str) -> Self {
        self.sentinels = Some((urls.into_iter().map(Into::into).collect(), name.to_owned()));
        self
    }

    /// Trusts servers that this certificate authority (PEM) vouches for. Default: those that the system trusts.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.trust.set_root(pem.into());
        self
    }

    /// Shows this certificate with its key (both PEM) to servers that want one. Default: none.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn client_certificate(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.trust.set_own(certificate.into(), key.into());
        self
    }

    /// Connects, and looks whether the server will do: Redis from 6.2 or Valkey from 7.2, without eviction.
    ///
    /// After that, a lost connection is opened anew when the next call needs it, and a server that has taken over is
    /// looked at in the same way.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](StoreErrorKind::Unavailable) or [`Timeout`](StoreErrorKind::Timeout) when the server cannot be
    /// reached, and [`Misconfigured`](StoreErrorKind::Misconfigured) when it will not do, does not let us in, is not
    /// Redis, or when a setting makes no sense. Within the connect deadline in any case.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time and I/O.
    pub async fn connect(self) -> Result<RedisStore, ConnectError> {
        let prefix = Prefix::parse(&self.prefix)?;
        let server = self.server().await?;
        Ok(RedisStore { server, prefix, deadline: self.deadline })
    }

    async fn server(&self) -> Result<Server, Fault> {
        let target = match self.address()? {
            Address::Cluster(nodes) => return self.connect_cluster(nodes).await,
            #[cfg(feature = "sentinel")]
            Address::Server(template) if self.sentinels.is_some() => {
                Target::Watched(self.watched(*template)?)
            }
            Address::Server(info) => Target::Server(self.trust.client(*info)?),
        };
        let dial = Dial { target, eviction: self.eviction, patience: self.connect_deadline };
        Ok(Server::One(Link::open(dial).await?))
    }

    fn address(&self) -> Result<Address, Fault> {
        let address = Address::parse(&self.url)?;
        #[cfg(feature = "cluster")]
        if let Some(more) = &self.nodes {
            let mut nodes = match address {
                Address::Server(info) => vec![*info],
                Address::Cluster(nodes) => nodes,
            };
            for url in more {
                nodes.push(crate::address::server(url)?);
            }
            return Ok(Address::Cluster(nodes));
        }
        Ok(address)
    }

    #[cfg(feature = "cluster")]
    async fn connect_cluster(&self, nodes: Vec<redis::ConnectionInfo>) -> Result<Server, Fault> {
        #[cfg(feature = "sentinel")]
        if self.sentinels.is_some() {
            return Err(Fault::misconfigured("a cluster has no Sentinels: it watches its nodes itself"));
        }
        let nodes = crate::cluster::Nodes {
            nodes,
            trust: self.trust.clone(),
            eviction: self.eviction,
            patience: self.connect_deadline,
            deadline: self.deadline,
        };
        Ok(Server::Many(crate::cluster::Cluster::open(nodes).await?))
    }

    #[cfg(not(feature = "cluster"))]
    #[expect(clippy::unused_async, reason = "as with the feature")]
    async fn connect_cluster(&self, _: Vec<redis::ConnectionInfo>) -> Result<Server, Fault> {
        Err(Fault::misconfigured("a cluster needs the feature `cluster` of verify-redis"))
    }

    #[cfg(feature = "sentinel")]
    fn watched(&self, template: redis::ConnectionInfo) -> Result<crate::sentinel::Sentinels, Fault> {
        let (urls, name) = self.sentinels.clone().unwrap_or_default();
        let sentinels = urls
            .iter()
            .map(|url| self.trust.client(crate::address::server(url)?))
            .collect::<Result<Vec<_>, Fault>>()?;
        Ok(crate::sentinel::Sentinels { sentinels, name, template, trust: self.trust.clone() })
    }
}

impl fmt::Debug for RedisStoreBuilder {
    /// Without the addresses, which may hold passwords, and without certificates.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("prefix", &self.prefix)
            .field("deadline", &self.deadline)
            .field("connect_deadline", &self.connect_deadline)
            .field("eviction", &self.eviction)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connecting_can_be_left_to_a_task() {
        fn assert_task<T: Send + 'static>(_: T) {}
        assert_task(RedisStore::builder("redis://host").connect());
    }
}
