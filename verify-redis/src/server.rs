//! What is at the other end: one server, or a cluster of them.

use std::time::Duration;

use redis::{Pipeline, Value};

use crate::fault::Fault;
use crate::link::Link;

/// A connected server; clones share its connections.
#[derive(Clone)]
pub(crate) enum Server {
    One(Link),
    #[cfg(feature = "cluster")]
    Many(crate::cluster::Cluster),
}

impl Server {
    /// Sends the commands, all of them on this one key, in one piece, and gets a reply to each. Within the deadline,
    /// and at most once: after an error they may have been carried out or not.
    pub(crate) async fn run(
        &self,
        key: &str,
        commands: &Pipeline,
        deadline: Duration,
    ) -> Result<Vec<Value>, Fault> {
        match self {
            Self::One(link) => {
                // Only a cluster has to know where the key belongs.
                let _ = key;
                link.run(commands, deadline).await
            }
            #[cfg(feature = "cluster")]
            Self::Many(cluster) => cluster.run(key, commands, deadline).await,
        }
    }
}
