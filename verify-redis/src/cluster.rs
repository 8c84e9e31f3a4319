//! A Redis Cluster: each key on the node that owns it.
//!
//! The driver repeats commands by itself, also after a lost connection, when they may have been carried out. So it is
//! told never to, and what is safe to repeat is repeated here: commands that a node turned away with `MOVED` or `ASK`.
//! It did not carry them out, and says so.

use std::time::Duration;

use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{ConnectionInfo, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};
use tokio::time::timeout;

use crate::fault::Fault;
use crate::link::{Dial, Target};
use crate::probe::{Eviction, Profile};
use crate::tls::Trust;

/// Nodes in a row that may send a call elsewhere. More is a cluster that does not know itself.
const HOPS: usize = 4;

/// A connection to each node.
#[derive(Clone)]
pub(crate) struct Cluster(ClusterConnection);

impl Cluster {
    pub(crate) async fn open(
        nodes: Vec<ConnectionInfo>,
        trust: &Trust,
        eviction: Eviction,
        patience: Duration,
        deadline: Duration,
    ) -> Result<Self, Fault> {
        let late = Fault::timeout("the cluster does not answer in time to be connected to");
        let opening = Self::connect(nodes, trust, eviction, patience, deadline);
        timeout(patience, opening).await.unwrap_or(Err(late))
    }

    async fn connect(
        nodes: Vec<ConnectionInfo>,
        trust: &Trust,
        eviction: Eviction,
        patience: Duration,
        deadline: Duration,
    ) -> Result<Self, Fault> {
        // Silent nodes do not use up all the time: each is waited for twice, the second time with all the others.
        let share = patience / u32::try_from(nodes.len()).unwrap_or(u32::MAX).saturating_add(2);
        knock(&nodes, trust, eviction, share).await?;
        let Some(settings) =
            nodes.first().map(|node| (node.tcp_settings().clone(), node.redis_settings().protocol()))
        else {
            return Err(Fault::misconfigured("no node of the cluster is given"));
        };
        let builder = ClusterClientBuilder::new(nodes)
            .retries(0)
            .connection_timeout(share)
            .response_timeout(deadline)
            .overall_response_timeout(None)
            .tcp_settings(settings.0)
            .use_protocol(settings.1);
        let client = trust.of_cluster(builder).build().map_err(|_| {
            Fault::misconfigured("the nodes of a cluster have the same user, password and kind of URL")
        })?;
        let cluster = Self(client.get_async_connection().await.map_err(|error| Fault::from(&error))?);
        cluster.examine(eviction).await?;
        Ok(cluster)
    }

    /// Each primary on its own may be too old, or evict.
    async fn examine(&self, eviction: Eviction) -> Result<(), Fault> {
        let primaries = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        let reply = self.0.clone().route_command(redis::cmd("INFO"), primaries).await;
        let Value::Map(replies) = reply.map_err(|error| Fault::from(&error))? else { return Ok(()) };
        for (_, reply) in &replies {
            // Forbidden there is forbidden everywhere, and the first node has been warned of.
            if let Ok(profile) = Profile::of(reply) {
                profile.judge(eviction)?;
            }
        }
        Ok(())
    }

    /// Sends the commands to the node that owns the key, and gets a reply to each, within the deadline.
    pub(crate) async fn run(
        &self,
        key: &str,
        commands: &Pipeline,
        deadline: Duration,
    ) -> Result<Vec<Value>, Fault> {
        let late = Fault::timeout("the cluster does not answer in time");
        match timeout(deadline, self.follow(key, commands)).await {
            Ok(replies) => replies.map_err(|error| match error.kind() {
                ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask) => {
                    Fault::unavailable("the nodes of the cluster do not agree on who owns a key")
                }
                _ => Fault::from(&error),
            }),
            Err(_) => Err(late),
        }
    }

    async fn follow(&self, key: &str, commands: &Pipeline) -> Result<Vec<Value>, RedisError> {
        let owner = SingleNodeRoutingInfo::SpecificNode(Route::with_key(key, SlotAddr::Master));
        let mut connection = self.0.clone();
        let mut outcome = connection.route_pipeline(commands.clone(), 0, commands.len(), owner.clone()).await;
        for _ in 0..HOPS {
            let Err(error) = &outcome else { break };
            outcome = match error.kind() {
                // The driver has looked up the owners anew before it sends anything else.
                ErrorKind::Server(ServerErrorKind::Moved) => {
                    connection.route_pipeline(commands.clone(), 0, commands.len(), owner.clone()).await
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
