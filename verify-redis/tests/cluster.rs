//! A cluster of three nodes: the test kit, keys that move, and nodes that fail.
#![cfg(feature = "cluster")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/fake.rs"]
mod fake;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/server.rs"]
mod server;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use verify_core::store::{Key, Store, StoreErrorKind};
use verify_redis::{ConnectError, RedisStore};

use cluster::{Cluster, owner};
use proxy::Proxy;
use server::{Hosted, Server, Shared, key, patient, until, wait};

const MINUTE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);
/// For an attempt to connect that may meet a silent node twice, a fifth of it each time.
const ATTEMPT: Duration = Duration::from_secs(5);
/// One reply in so many is lost.
const LOSSES: usize = 17;

static CLUSTER: Shared<Cluster> = Shared::new();

mod kit {
    use super::*;

    async fn open() -> Result<Hosted<RedisStore, Arc<Cluster>>, ConnectError> {
        let cluster = CLUSTER.get(Cluster::start);
        Ok(Hosted(cluster.builder().connect().await?, cluster))
    }

    /// All nodes are found behind proxies, which lose replies once the store is connected.
    async fn lossy() -> Result<Hosted<RedisStore, (Vec<Proxy>, Cluster)>, ConnectError> {
        let (cluster, proxies) = behind_proxies();
        let store = patient(&format!("redis-cluster://127.0.0.1:{}", proxies[0].port())).connect().await?;
        for proxy in &proxies {
            proxy.lose_one_in(LOSSES);
        }
        Ok(Hosted(store, (proxies, cluster)))
    }

    async fn unreachable() -> Result<Hosted<RedisStore, (Vec<Proxy>, Cluster)>, ConnectError> {
        let (cluster, proxies) = behind_proxies();
        let url = format!("redis-cluster://127.0.0.1:{}", proxies[0].port());
        let store = patient(&url).deadline(SHORT).connect().await?;
        for proxy in &proxies {
            proxy.fall_silent();
        }
        Ok(Hosted(store, (proxies, cluster)))
    }

    verify_core::store_conformance!(
        async { open().await },
        block_on: wait,
        lossy: async { lossy().await },
        unreachable: async { unreachable().await },
    );
}

fn behind_proxies() -> (Cluster, Vec<Proxy>) {
    let cluster = Cluster::start();
    let proxies: Vec<Proxy> = cluster.nodes.iter().map(|node| Proxy::to(node.port())).collect();
    cluster.announce(&proxies.iter().map(Proxy::port).collect::<Vec<_>>());
    (cluster, proxies)
}

/// Two keys: the value of the one and the counter of the other are on the same node.
#[derive(Clone, Copy)]
struct Pair {
    value: Key,
    counter: Key,
}

/// A pair that belongs to this node at the start.
fn pair_on(cluster: &Cluster, node: usize) -> Pair {
    let find = |space: &str| {
        std::iter::repeat_with(key)
            .find(|key| owner(cluster.slot(&format!("verify:{space}{key}"))) == node)
            .unwrap()
    };
    Pair { value: find("v"), counter: find("c") }
}

/// The slots of a pair.
fn slots(cluster: &Cluster, pair: Pair) -> [u16; 2] {
    [format!("verify:v{}", pair.value), format!("verify:c{}", pair.counter)].map(|name| cluster.slot(&name))
}

/// Does each verb on a fresh pair, and checks the answers; leaves the counter at two.
async fn use_once(store: &RedisStore, Pair { value, counter }: Pair) {
    assert_eq!(store.add(&counter, 2, MINUTE).await.unwrap(), 2);
    assert_eq!(store.add(&counter, 0, MINUTE).await.unwrap(), 2);
    assert!(store.insert(&value, Bytes::from_static(b"value"), MINUTE).await.unwrap());
    assert_eq!(store.get(&value).await.unwrap().unwrap(), "value");
    assert_eq!(store.take(&value).await.unwrap().unwrap(), "value");
}

#[test]
fn keys_are_on_all_nodes_and_only_those_of_the_store() {
    let cluster = Cluster::start();
    // Any of the nodes leads to the others.
    let store = wait(patient(&cluster.nodes[1].url()).cluster::<String>([]).connect()).unwrap();
    wait(async {
        for _ in 0..200 {
            let key = key();
            assert!(store.insert(&key, Bytes::new(), MINUTE).await.unwrap());
            assert_eq!(store.add(&key, 1, MINUTE).await.unwrap(), 1);
        }
    });
    let mut count = 0;
    for node in &cluster.nodes {
        let names: Vec<String> = node.ask(&["KEYS", "*"]);
        assert!(names.len() > 50, "{}", names.len());
        assert!(names.iter().all(|name| name.starts_with("verify:")), "{names:?}");
        count += names.len();
    }
    assert_eq!(count, 400);
}

#[test]
fn a_slot_that_moved_is_followed_by_every_verb() {
    let cluster = Cluster::start();
    let store = wait(cluster.builder().connect()).unwrap();
    for first in ["add", "insert", "get", "take"] {
        let key = key();
        for space in ["v", "c"] {
            let slot = cluster.slot(&format!("verify:{space}{key}"));
            cluster.hand_over(slot, (owner(slot) + 1) % 3);
        }
        wait(async {
            match first {
                "add" => assert_eq!(store.add(&key, 1, MINUTE).await.unwrap(), 1),
                "insert" => assert!(store.insert(&key, Bytes::new(), MINUTE).await.unwrap()),
                "get" => assert_eq!(store.get(&key).await.unwrap(), None),
                _ => assert_eq!(store.take(&key).await.unwrap(), None),
            }
        });
    }
}

#[test]
fn a_slot_that_is_moving_is_asked_for_at_both_ends() {
    let cluster = Cluster::start();
    let store = wait(cluster.builder().connect()).unwrap();
    let (stays, goes) = (pair_on(&cluster, 0), pair_on(&cluster, 0));
    wait(store.insert(&stays.value, Bytes::from_static(b"stays"), MINUTE)).unwrap();
    wait(store.add(&stays.counter, 5, MINUTE)).unwrap();
    for slot in [stays, goes].map(|pair| slots(&cluster, pair)).concat() {
        let slot = slot.to_string();
        let _: () = cluster.nodes[1].ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &cluster.id(0)]);
        let _: () = cluster.nodes[0].ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &cluster.id(1)]);
    }
    // What was there is answered by the old owner, and what was not by the new one.
    wait(async {
        assert_eq!(store.add(&stays.counter, 1, MINUTE).await.unwrap(), 6);
        assert_eq!(store.get(&stays.value).await.unwrap().unwrap(), "stays");
        use_once(&store, goes).await;
    });
    assert_eq!(cluster.nodes[1].ask::<u64>(&["DBSIZE"]), 1, "the counter is at the new owner");

    let [_, slot] = slots(&cluster, goes);
    cluster.hand_over(slot, 1);
    assert_eq!(wait(store.add(&goes.counter, 1, MINUTE)).unwrap(), 3, "and is still counted on");
}

#[test]
fn a_node_that_dies_takes_its_keys_along_and_no_others() {
    let mut cluster = Cluster::start();
    let store = wait(cluster.builder().connect()).unwrap();
    let pairs: Vec<Pair> = (0..3).map(|node| pair_on(&cluster, node)).collect();
    for pair in &pairs {
        wait(use_once(&store, *pair));
    }
    let dead = pairs[0].counter;
    cluster.nodes[0].kill();
    for _ in 0..3 {
        let kind = wait(store.add(&dead, 1, MINUTE)).unwrap_err().kind();
        assert!(matches!(kind, StoreErrorKind::Unavailable | StoreErrorKind::Timeout), "{kind:?}");
    }
    // The driver may be looking for the lost node when the first of these come by.
    until("the other nodes serve", || {
        pairs[1..].iter().all(|pair| wait(store.add(&pair.counter, 0, MINUTE)).is_ok_and(|sum| sum == 2))
    });
    cluster.nodes[0].start_again();
    until("the node serves again", || wait(store.add(&dead, 0, MINUTE)).is_ok_and(|sum| sum == 0));
    wait(use_once(&store, pairs[0]));
}

#[test]
fn a_replica_that_takes_over_is_found() {
    let mut cluster = Cluster::start();
    cluster.add_replica();
    let store = wait(cluster.builder().connect()).unwrap();
    let counter = pair_on(&cluster, 0).counter;
    wait(store.add(&counter, 4, MINUTE)).unwrap();
    until("the replica has seen it", || cluster.nodes[3].ask::<u64>(&["DBSIZE"]) == 1);
    let _: () = cluster.nodes[3].ask(&["CLUSTER", "FAILOVER", "TAKEOVER"]);
    cluster.nodes[0].kill();
    until("the new primary serves", || wait(store.add(&counter, 0, MINUTE)).is_ok_and(|sum| sum == 4));
    wait(use_once(&store, pair_on(&cluster, 0)));
}

#[test]
fn what_does_not_fit_is_refused_at_the_start() {
    let cluster = Cluster::start();
    let refused = |url: &str| wait(patient(url).connect()).unwrap_err();
    let lone = Server::start(&[]);
    let error = refused(&lone.url().replace("redis://", "redis-cluster://"));
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    assert!(error.to_string().contains("not a node of a cluster"), "{error}");

    // One node of a cluster serves its own keys, and sends the others away.
    let store = wait(cluster.nodes[0].builder().connect()).unwrap();
    wait(use_once(&store, pair_on(&cluster, 0)));
    let elsewhere = pair_on(&cluster, 1);
    let get = wait(store.get(&elsewhere.value)).unwrap_err();
    let add = wait(store.add(&elsewhere.counter, 1, MINUTE)).unwrap_err();
    assert_eq!([get.kind(), add.kind()], [StoreErrorKind::Misconfigured; 2]);

    let error = refused(&cluster.url().replace("://", "://app:hunter2@"));
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    assert!(!format!("{error} {error:?}").contains("hunter2"));

    // A node that is not the first one.
    let _: () = cluster.nodes[2].ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let error = refused(&cluster.url());
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    assert!(error.to_string().contains("noeviction"), "{error}");
    let store = wait(cluster.builder().danger_allow_eviction().connect()).unwrap();
    wait(use_once(&store, elsewhere));
}

#[test]
fn nodes_that_are_gone_or_silent_are_passed_over() {
    let cluster = Cluster::start();
    let silent = fake::serve(|mut stream| {
        std::io::copy(&mut stream, &mut std::io::sink()).ok();
    });
    let url = format!(
        "redis-cluster://127.0.0.1:{},127.0.0.1:{silent},127.0.0.1:{}",
        server::free_port(),
        cluster.nodes[2].port()
    );
    let store = wait(patient(&url).connect_deadline(Duration::from_secs(8)).connect()).unwrap();
    wait(use_once(&store, pair_on(&cluster, 0)));

    let gone = format!("redis-cluster://127.0.0.1:{},127.0.0.1:{}", server::free_port(), server::free_port());
    assert_eq!(wait(patient(&gone).connect()).unwrap_err().kind(), StoreErrorKind::Unavailable);
    let all_silent = format!("redis-cluster://127.0.0.1:{silent}");
    let error = wait(patient(&all_silent).connect_deadline(SHORT).connect()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
}

#[test]
fn a_node_that_freezes_holds_up_its_own_keys_and_no_others() {
    let cluster = Cluster::start();
    let store = wait(cluster.builder().deadline(SHORT).connect()).unwrap();
    let pairs: Vec<Pair> = (0..3).map(|node| pair_on(&cluster, node)).collect();
    cluster.nodes[0].freeze();
    for _ in 0..3 {
        let kind = wait(store.add(&pairs[0].counter, 1, MINUTE)).unwrap_err().kind();
        assert!(matches!(kind, StoreErrorKind::Unavailable | StoreErrorKind::Timeout), "{kind:?}");
        until("the other nodes serve", || {
            pairs[1..].iter().all(|pair| wait(store.add(&pair.counter, 1, MINUTE)).is_ok())
        });
    }
    cluster.nodes[0].thaw();
    until("the node serves again", || wait(store.get(&pairs[0].value)).is_ok());
}

#[test]
fn a_connection_on_which_nothing_comes_back_is_replaced() {
    let (cluster, proxies) = behind_proxies();
    let seeds: Vec<String> = proxies.iter().map(|proxy| format!("127.0.0.1:{}", proxy.port())).collect();
    let url = format!("redis-cluster://{}", seeds.join(","));
    let store = wait(patient(&url).deadline(SHORT).connect_deadline(ATTEMPT).connect()).unwrap();
    for (node, proxy) in proxies.iter().enumerate() {
        let key = pair_on(&cluster, node).value;
        proxy.fall_silent();
        let kind = wait(store.get(&key)).unwrap_err().kind();
        assert!(matches!(kind, StoreErrorKind::Unavailable | StoreErrorKind::Timeout), "{kind:?}");
        // The connections of before stay open and silent: only a new one gets through.
        proxy.speak_to_the_next();
        until("a new connection to the node is used", || wait(store.get(&key)).is_ok());
        let counters: Vec<_> = (0..3).map(|each| pair_on(&cluster, each).counter).collect();
        until("all nodes serve", || {
            counters.iter().all(|counter| wait(store.add(counter, 1, MINUTE)).is_ok())
        });
    }
}

#[test]
fn the_documented_permissions_are_enough() {
    let cluster = Cluster::start();
    let documented =
        "~verify:* +set +get +getdel +incrby +multi +exec +info +config|get +ping +cluster|slots +asking";
    for node in &cluster.nodes {
        let words: Vec<&str> = "ACL SETUSER app on >pw".split(' ').chain(documented.split(' ')).collect();
        let _: () = node.ask(&words);
    }
    let store = wait(patient(&cluster.url().replace("://", "://app:pw@")).connect()).unwrap();
    for node in 0..3 {
        wait(use_once(&store, pair_on(&cluster, node)));
    }
    let pair = pair_on(&cluster, 0);
    for slot in slots(&cluster, pair) {
        let slot = slot.to_string();
        let _: () = cluster.nodes[1].ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &cluster.id(0)]);
        let _: () = cluster.nodes[0].ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &cluster.id(1)]);
    }
    wait(use_once(&store, pair));
}
