//! A cluster of three primaries on loopback.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use verify_redis::RedisStoreBuilder;

use super::server::{Server, patient, until};

/// The slots of each of three nodes.
const RANGES: [(u16, u16); 3] = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)];

/// The nodes; more may join.
#[derive(Debug)]
pub struct Cluster {
    pub nodes: Vec<Server>,
}

impl Cluster {
    pub fn start() -> Self {
        let nodes: Vec<Server> = RANGES.iter().map(|_| Self::node()).collect();
        for (node, (first, last)) in nodes.iter().zip(RANGES) {
            let _: () = node.ask(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
        }
        let cluster = Self { nodes };
        for node in &cluster.nodes[1..] {
            cluster.meet(node);
        }
        cluster.settle();
        cluster
    }

    fn node() -> Server {
        let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "30000"];
        let more = ["--cluster-require-full-coverage", "no", "--cluster-allow-replica-migration", "no"];
        Server::start(&[arguments.as_slice(), more.as_slice()].concat())
    }

    fn meet(&self, node: &Server) {
        let bus: Vec<String> = node.ask(&["CONFIG", "GET", "cluster-port"]);
        let _: () = self.nodes[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &node.port().to_string(), &bus[1]]);
    }

    /// Waits until all nodes know all nodes and the owners of all slots.
    pub fn settle(&self) {
        let count = self.nodes.len();
        for node in &self.nodes {
            until("the nodes know each other", || {
                let known: String = node.ask(&["CLUSTER", "NODES"]);
                let linked = known.lines().filter(|line| !line.contains("handshake")).count();
                let info: String = node.ask(&["CLUSTER", "INFO"]);
                linked == count
                    && known.lines().count() == count
                    && info.contains("cluster_state:ok")
                    && info.contains("cluster_slots_assigned:16384")
            });
        }
    }

    /// A fourth node, which follows the first one.
    pub fn add_replica(&mut self) {
        let replica = Self::node();
        self.meet(&replica);
        self.nodes.push(replica);
        self.settle();
        let primary = self.id(0);
        let replica = &self.nodes[3];
        let _: () = replica.ask(&["CLUSTER", "REPLICATE", &primary]);
        until("the replica follows", || {
            replica.info("replication", "master_link_status").as_deref() == Some("up")
        });
    }

    pub fn id(&self, node: usize) -> String {
        self.nodes[node].ask(&["CLUSTER", "MYID"])
    }

    /// The slot of a key.
    pub fn slot(&self, name: &str) -> u16 {
        self.nodes[1].ask(&["CLUSTER", "KEYSLOT", name])
    }

    /// Gives a slot from one node to another for good, and tells all.
    pub fn hand_over(&self, slot: u16, to: usize) {
        let id = self.id(to);
        // The new owner first.
        for node in [to].into_iter().chain((0..self.nodes.len()).filter(|node| *node != to)) {
            let _: () = self.nodes[node].ask(&["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", &id]);
        }
    }

    /// Lets the nodes be found at these ports instead of their own.
    pub fn announce(&self, ports: &[u16]) {
        for (node, port) in self.nodes.iter().zip(ports) {
            let _: () = node.ask(&["CONFIG", "SET", "cluster-announce-port", &port.to_string()]);
        }
        for node in &self.nodes {
            until("the nodes know of their new ports", || {
                let known: String = node.ask(&["CLUSTER", "NODES"]);
                ports.iter().all(|port| known.contains(&format!(":{port}@")))
            });
        }
    }

    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        format!("redis-cluster://{}", hosts.join(","))
    }

    pub fn builder(&self) -> RedisStoreBuilder {
        patient(&self.url())
    }
}

/// Which of the three nodes owns a slot at the start.
pub fn owner(slot: u16) -> usize {
    RANGES.iter().position(|(first, last)| (*first..=*last).contains(&slot)).unwrap()
}
