//! What reaches the server: which commands, how many round trips, and what is there afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/server.rs"]
mod server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use verify_core::store::{Key, Store};

use proxy::Proxy;
use server::{Server, key, patient, until, wait};

const MINUTE: Duration = Duration::from_secs(60);

/// How often each command was called since the last look.
fn calls(server: &Server) -> BTreeMap<String, u64> {
    let stats: String = server.ask(&["INFO", "commandstats"]);
    let _: () = server.ask(&["CONFIG", "RESETSTAT"]);
    let calls = stats.lines().filter_map(|line| {
        let (command, numbers) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((command.to_owned(), numbers.split(',').next()?.parse().ok()?))
    });
    let ours = ["set", "get", "getdel", "incrby", "multi", "exec", "ping", "watch", "evalsha", "pexpire"];
    calls.filter(|(command, _)| ours.contains(&command.as_str())).collect()
}

fn expected<const N: usize>(commands: [&str; N]) -> BTreeMap<String, u64> {
    commands.map(|command| (command.to_owned(), 1)).into()
}

#[test]
fn each_verb_is_one_round_trip_of_the_documented_commands() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.port());
    let store = wait(patient(&proxy.url()).connect()).unwrap();
    let (value, counter) = (key(), key());
    calls(&server);
    let mut turns = proxy.turns();
    let mut turned = || proxy.turns() - std::mem::replace(&mut turns, proxy.turns());

    for (text, stored) in [("one", true), ("two", false)] {
        assert_eq!(wait(store.insert(&value, Bytes::from(text), MINUTE)).unwrap(), stored);
        assert_eq!((calls(&server), turned()), (expected(["set"]), 1), "insert");
    }
    assert_eq!(wait(store.get(&value)).unwrap().unwrap(), "one");
    assert_eq!((calls(&server), turned()), (expected(["get"]), 1), "get");
    for found in [true, false] {
        assert_eq!(wait(store.take(&value)).unwrap().is_some(), found);
        assert_eq!((calls(&server), turned()), (expected(["getdel"]), 1), "take");
    }
    for sum in [3, 6] {
        assert_eq!(wait(store.add(&counter, 3, MINUTE)).unwrap(), sum);
        assert_eq!((calls(&server), turned()), (expected(["multi", "set", "incrby", "exec"]), 1), "add");
    }
    assert_eq!(wait(store.add(&counter, 0, MINUTE)).unwrap(), 6);
    assert_eq!((calls(&server), turned()), (expected(["get"]), 1), "add of nought");
}

#[test]
fn a_look_at_a_counter_creates_nothing() {
    let server = Server::start(&[]);
    let store = server.store();
    assert_eq!(wait(store.add(&key(), 0, MINUTE)).unwrap(), 0);
    assert_eq!(server.ask::<u64>(&["DBSIZE"]), 0);
}

#[test]
fn any_number_of_callers_share_one_connection_in_one_pipeline() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.port());
    let store = wait(patient(&proxy.url()).connect()).unwrap();
    let before: u64 = server.info("stats", "total_connections_received").unwrap().parse().unwrap();
    let turns = proxy.turns();
    let counter = key();
    wait(async {
        let callers: Vec<_> = (0..1_000)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.add(&counter, 1, MINUTE).await.unwrap() })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
    });
    assert_eq!(wait(store.add(&counter, 0, MINUTE)).unwrap(), 1_000);
    let after: u64 = server.info("stats", "total_connections_received").unwrap().parse().unwrap();
    // This look is a connection of its own.
    assert_eq!(after - before, 1);
    assert!(proxy.turns() - turns < 1_000, "the calls waited for each other");
}

#[test]
fn all_keys_have_the_prefix_and_an_end() {
    let server = Server::start(&[]);
    let store = wait(server.builder().prefix("bank:").connect()).unwrap();
    for _ in 0..100 {
        let key = key();
        wait(async {
            store.insert(&key, Bytes::from_static(b"opened"), MINUTE).await.unwrap();
            store.add(&key, 1, MINUTE).await.unwrap();
        });
    }
    // No time-to-live is too short or too long.
    for ttl in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let key = key();
        assert!(wait(store.insert(&key, Bytes::new(), ttl)).unwrap());
        assert_eq!(wait(store.add(&key, 1, ttl)).unwrap(), 1);
    }
    let mut connection = server.connection();
    let names: Vec<String> = redis::cmd("SCAN")
        .cursor_arg(0)
        .clone()
        .iter::<String>(&mut connection)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(names.len() >= 200, "{}", names.len());
    for name in names {
        let printed = name.strip_prefix("bank:v").or_else(|| name.strip_prefix("bank:c"));
        assert_eq!(printed.map(str::len), Some(22), "{name}");
        let left: i64 = server.ask(&["PTTL", &name]);
        assert_ne!(left, -1, "{name} never ends");
    }
}

/// The transaction of `add` finds a counter, or creates one with an end; there is nothing between, even if the counter
/// expires at that very moment.
#[test]
fn no_counter_is_left_without_an_end() {
    let server = Server::start(&[]);
    let store = Arc::new(server.store());
    let counters: [Key; 8] = std::array::from_fn(|_| key());
    wait(async {
        let callers: Vec<_> = (0..16_usize)
            .map(|caller| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    for call in 0..2_000_usize {
                        let ttl = Duration::from_millis(1 + (call % 3) as u64);
                        store.add(&counters[(call + caller) % 8], 1, ttl).await.unwrap();
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
    });
    until("all counters are over", || server.ask::<Vec<String>>(&["KEYS", "*"]).is_empty());
}
