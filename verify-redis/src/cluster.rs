//! A Redis Cluster: each key on the node that owns it.
//!
//! The driver repeats commands by itself, also after a lost connection, when they may have been carried out. So it is
//! told never to, and what is safe to repeat is repeated here: commands that a node turned away with `MOVED` or `ASK`.
//! It did not carry them out, and says so.
//!
//! Nor does the driver give up a connection on which nothing comes back any more. When a call's deadline passes, another
//! connection to the cluster is opened beside the one that all use, and takes its place once the node that was silent answers
//! over it. A node that is silent itself so keeps nobody from the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{ConnectionInfo, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::fault::Fault;
use crate::link::{Dial, Target};
use crate::probe::{Eviction, Profile};
use crate::tls::Trust;

/// Nodes in a row that may send a call elsewhere. More is a cluster that does not know itself.
const HOPS: usize = 4;

/// Between the starts of two attempts to connect anew.
const PAUSE: Duration = Duration::from_millis(100);

/// How a cluster is connected to.
pub(crate) struct Nodes {
    /// Some of them, which know the rest.
    pub(crate) nodes: Vec<ConnectionInfo>,
    pub(crate) trust: Trust,
    pub(crate) eviction: Eviction,
    /// For one attempt to connect.
    pub(crate) patience: Duration,
    /// For one call.
    pub(crate) deadline: Duration,
}

impl Nodes {
    /// Opens a connection to each node, and looks whether they will do.
    async fn open(&self) -> Result<ClusterConnection, Fault> {
        let late = Fault::timeout("the cluster does not answer in time to be connected to");
        timeout(self.patience, self.connect()).await.unwrap_or(Err(late))
    }

    async fn connect(&self) -> Result<ClusterConnection, Fault> {
        let Self { nodes, trust, eviction, patience, deadline } = self;
        // Silent nodes do not use up all the time: each is waited for twice, the second time with all the others.
        let share = *patience / u32::try_from(nodes.len()).unwrap_or(u32::MAX).saturating_add(2);
        knock(nodes, trust, *eviction, share).await?;
        let Some(settings) =
            nodes.first().map(|node| (node.tcp_settings().clone(), node.redis_settings().protocol()))
        else {
            return Err(Fault::misconfigured("no node of the cluster is given"));
        };
        let builder = ClusterClientBuilder::new(nodes.clone())
            .retries(0)
            .connection_timeout(share)
            .response_timeout(*deadline)
            .overall_response_timeout(None)
            .tcp_settings(settings.0)
            .use_protocol(settings.1);
        let client = trust.of_cluster(builder).build().map_err(|_| {
            Fault::misconfigured("the nodes of a cluster have the same user, password and kind of URL")
        })?;
        let mut connection = client.get_async_connection().await.map_err(|error| Fault::from(&error))?;
        examine(&mut connection, *eviction).await?;
        Ok(connection)
    }
}

/// The connections that all clones of a store share.
#[derive(Clone)]
pub(crate) struct Cluster(Arc<Shared>);

struct Shared {
    nodes: Nodes,
    connection: watch::Sender<Arc<ClusterConnection>>,
    /// Somebody is opening another one.
    is_renewing: AtomicBool,
}

impl Cluster {
    pub(crate) async fn open(nodes: Nodes) -> Result<Self, Fault> {
        let connection = watch::Sender::new(Arc::new(nodes.open().await?));
        Ok(Self(Arc::new(Shared { nodes, connection, is_renewing: AtomicBool::new(false) })))
    }

    /// Sends the commands to the node that owns the key, and gets a reply to each, within the deadline.
    pub(crate) async fn run(
        &self,
        key: &str,
        commands: &Pipeline,
        deadline: Duration,
    ) -> Result<Vec<Value>, Fault> {
        let connection = Arc::clone(&self.0.connection.borrow());
        match timeout(deadline, follow(&connection, key, commands)).await {
            Ok(Ok(replies)) => Ok(replies),
            Ok(Err(error)) => {
                // The driver has the same deadline, and may be the first to see it pass.
                if error.is_timeout() {
                    self.renew(&connection, key);
                }
                Err(fault(&error))
            }
            // Perhaps the node is slow, perhaps nothing will ever come back: another connection will tell.
            Err(_) => {
                self.renew(&connection, key);
                Err(Fault::timeout("the cluster does not answer in time"))
            }
        }
    }

    /// Connects again beside the connection on which the owner of this key was silent, unless somebody does or has done;
    /// in a task, since whoever calls may hang up.
    fn renew(&self, silent: &Arc<ClusterConnection>, key: &str) {
        let shared = &self.0;
        if Arc::ptr_eq(silent, &shared.connection.borrow())
            && !shared.is_renewing.swap(true, Ordering::Relaxed)
        {
            tokio::spawn(Renewal(Arc::clone(shared)).run(key.to_owned()));
        }
    }
}

/// Somebody who connects again. If he fails, or the runtime ends on the way, the next call that nobody answers begins anew.
struct Renewal(Arc<Shared>);

impl Renewal {
    async fn run(self, key: String) {
        let not_before = Instant::now() + PAUSE;
        tracing::warn!(target: "verify", "a node of the Redis cluster does not answer in time; connecting again");
        match self.connect(&key).await {
            Ok(connection) => {
                tracing::info!(target: "verify", "connected to the Redis cluster again");
                self.0.connection.send_replace(Arc::new(connection));
            }
            Err(fault) => {
                tracing::warn!(target: "verify", "the node of the Redis cluster cannot be reached: {fault}");
            }
        }
        sleep_until(not_before).await;
    }

    /// A connection over which the owner of the key answers.
    async fn connect(&self, key: &str) -> Result<ClusterConnection, Fault> {
        let mut connection = self.0.nodes.open().await?;
        // The driver asks any other node where it has none for the key. That one sends the question away, as it would not a
        // `PING`.
        let look = connection
            .route_command(redis::cmd("GET").arg(key).to_owned(), RoutingInfo::SingleNode(owner(key)));
        match timeout(self.0.nodes.deadline, look).await {
            Ok(Ok(_)) => Ok(connection),
            // It is the owner that says so, of a key that is moving.
            Ok(Err(error)) if error.kind() == ErrorKind::Server(ServerErrorKind::Ask) => Ok(connection),
            Ok(Err(error)) => Err(fault(&error)),
            Err(_) => Err(Fault::timeout("the node does not answer over a new connection either")),
        }
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        self.0.is_renewing.store(false, Ordering::Relaxed);
    }
}

/// The node that owns a key.
fn owner(key: &str) -> SingleNodeRoutingInfo {
    SingleNodeRoutingInfo::SpecificNode(Route::with_key(key, SlotAddr::Master))
}

/// What went wrong with a call.
fn fault(error: &RedisError) -> Fault {
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask) => {
            Fault::unavailable("the nodes of the cluster do not agree on who owns a key")
        }
        _ => Fault::from(error),
    }
}

/// Each primary on its own may be too old, or evict.
async fn examine(connection: &mut ClusterConnection, eviction: Eviction) -> Result<(), Fault> {
    let primaries = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
    let reply = connection.route_command(redis::cmd("INFO"), primaries).await;
    let Value::Map(replies) = reply.map_err(|error| Fault::from(&error))? else { return Ok(()) };
    for (_, reply) in &replies {
        // Forbidden there is forbidden everywhere, and the first node has been warned of.
        if let Ok(profile) = Profile::of(reply) {
            profile.judge(eviction)?;
        }
    }
    Ok(())
}

/// Sends the commands to the owner of the key, wherever the nodes say that it is.
async fn follow(
    connection: &ClusterConnection,
    key: &str,
    commands: &Pipeline,
) -> Result<Vec<Value>, RedisError> {
    let mut connection = connection.clone();
    let mut outcome = connection.route_pipeline(commands.clone(), 0, commands.len(), owner(key)).await;
    for _ in 0..HOPS {
        let Err(error) = &outcome else { break };
        outcome = match error.kind() {
            // The driver has looked up the owners anew before it sends anything else.
            ErrorKind::Server(ServerErrorKind::Moved) => {
                connection.route_pipeline(commands.clone(), 0, commands.len(), owner(key)).await
            }
            ErrorKind::Server(ServerErrorKind::Ask) => match asked(error) {
                Some(other) => ask(&mut connection, commands, other).await,
                None => break,
            },
            _ => break,
        };
    }
    outcome
}

/// Finds one node that lets us in and will do. What the driver says when none does tells nobody what to change.
async fn knock(
    nodes: &[ConnectionInfo],
    trust: &Trust,
    eviction: Eviction,
    patience: Duration,
) -> Result<(), Fault> {
    let mut fault = Fault::misconfigured("no node of the cluster is given");
    for node in nodes {
        let target = Target::Server(trust.client(node.clone())?);
        match (Dial { target, eviction, patience }).connect().await {
            Ok((_, profile)) if profile.clustered == Some(false) => {
                return Err(Fault::misconfigured("the server is not a node of a cluster: use `redis://`"));
            }
            Ok(_) => return Ok(()),
            Err(refused) => fault = refused,
        }
    }
    Err(fault)
}

/// The node that a key is moving to.
fn asked(error: &RedisError) -> Option<SingleNodeRoutingInfo> {
    let (address, _) = error.redirect_node()?;
    let (host, port) = address.rsplit_once(':')?;
    Some(SingleNodeRoutingInfo::ByAddress { host: host.to_owned(), port: port.parse().ok()? })
}

/// Asks it. `ASKING` holds for the next command, or the next transaction, of the connection, which others use as well:
/// so both are sent in one piece.
async fn ask(
    connection: &mut ClusterConnection,
    commands: &Pipeline,
    other: SingleNodeRoutingInfo,
) -> Result<Vec<Value>, RedisError> {
    let mut asking = Pipeline::with_capacity(commands.len() + 1);
    asking.cmd("ASKING");
    for command in commands.cmd_iter() {
        asking.add_command(command.clone());
    }
    let count = asking.len();
    let mut replies = connection.route_pipeline(asking, 0, count, other).await?;
    if !replies.is_empty() {
        replies.remove(0);
    }
    Ok(replies)
}
