//! What a store says when its server fails, and that it serves again when the server does.
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

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use verify_core::store::{Store, StoreError, StoreErrorKind};
use verify_redis::RedisStore;

use proxy::Proxy;
use server::{PATIENT, Server, key, patient, until, wait};

const MINUTE: Duration = Duration::from_secs(60);
/// A deadline that calls are meant to run into.
const SHORT: Duration = Duration::from_millis(300);
/// What four calls that give up after a third of a second never need.
const GENEROUS: Duration = Duration::from_secs(30);

/// What each verb says.
fn errors(store: &RedisStore) -> [(&'static str, Option<StoreError>); 4] {
    wait(async {
        [
            ("insert", store.insert(&key(), Bytes::from_static(b"new"), MINUTE).await.err()),
            ("get", store.get(&key()).await.err()),
            ("take", store.take(&key()).await.err()),
            ("add", store.add(&key(), 1, MINUTE).await.err()),
        ]
    })
}

#[track_caller]
fn assert_errs(store: &RedisStore, kinds: &[StoreErrorKind]) {
    for (verb, error) in errors(store) {
        let kind = error.as_ref().map(StoreError::kind);
        let source = error.as_ref().and_then(std::error::Error::source);
        assert!(kind.is_some_and(|kind| kinds.contains(&kind)), "{verb}: {kind:?}, {source:?}");
    }
}

#[track_caller]
fn assert_serves(store: &RedisStore) {
    until("the store serves again", || wait(store.get(&key())).is_ok());
    for (verb, error) in errors(store) {
        assert!(error.is_none(), "{verb}: {error:?}");
    }
}

#[test]
fn a_killed_server_is_unavailable_until_it_is_back_and_empty_then() {
    let mut server = Server::start(&[]);
    let store = server.store();
    let (value, counter) = (key(), key());
    wait(async {
        assert!(store.insert(&value, Bytes::from_static(b"opened"), MINUTE).await.unwrap());
        assert_eq!(store.add(&counter, 3, MINUTE).await.unwrap(), 3);
    });
    server.kill();
    assert_errs(&store, &[StoreErrorKind::Unavailable]);
    assert_errs(&store, &[StoreErrorKind::Unavailable]);

    server.start_again();
    assert_serves(&store);
    wait(async {
        assert_eq!(store.get(&value).await.unwrap(), None, "what is lost is dead");
        assert_eq!(store.take(&value).await.unwrap(), None);
        assert_eq!(store.add(&counter, 0, MINUTE).await.unwrap(), 0);
    });
}

#[test]
fn a_frozen_server_is_given_up_in_time_and_serves_when_it_thaws() {
    let server = Server::start(&[]);
    let store = wait(server.builder().deadline(SHORT).connect()).unwrap();
    assert_serves(&store);

    server.freeze();
    let begun = Instant::now();
    let first = wait(store.add(&key(), 1, MINUTE)).unwrap_err();
    assert_eq!(first.kind(), StoreErrorKind::Timeout);
    // Nobody gets a new connection either, so these are not even sent.
    assert_errs(&store, &[StoreErrorKind::Timeout, StoreErrorKind::Unavailable]);
    assert!(begun.elapsed() < GENEROUS, "took {:?}", begun.elapsed());

    server.thaw();
    assert_serves(&store);
}

#[test]
fn a_connection_on_which_nothing_comes_back_is_replaced() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.port());
    let store = wait(patient(&proxy.url()).deadline(SHORT).connect_deadline(SHORT).connect()).unwrap();
    proxy.fall_silent();
    assert_errs(&store, &[StoreErrorKind::Timeout, StoreErrorKind::Unavailable]);
    // The connections of before stay open and silent: only a new one gets through.
    proxy.speak_to_the_next();
    assert_serves(&store);
}

#[test]
fn a_full_server_refuses_new_entries_and_keeps_the_others() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let store = server.store();
    let (value, counter) = (key(), key());
    wait(async {
        store.insert(&value, Bytes::from_static(b"opened"), MINUTE).await.unwrap();
        store.add(&counter, 3, MINUTE).await.unwrap();
    });
    let _: () = server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    wait(async {
        let insert = store.insert(&key(), Bytes::from_static(b"new"), MINUTE).await.unwrap_err();
        let add = store.add(&key(), 1, MINUTE).await.unwrap_err();
        assert_eq!((insert.kind(), add.kind()), (StoreErrorKind::Full, StoreErrorKind::Full));
        assert_eq!(store.add(&counter, 0, MINUTE).await.unwrap(), 3, "reading needs no room");
        assert_eq!(store.take(&value).await.unwrap().unwrap(), "opened", "nor does taking");
    });
    let _: () = server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_serves(&store);
    assert_eq!(server.ask::<u64>(&["DBSIZE"]), 3, "what was refused is not there");
}

#[test]
fn a_server_that_turns_connections_away_is_asked_again_later() {
    let server = Server::start(&[]);
    let store = server.store();
    let mut admin = server.connection();
    let mut tell = |words: &[&str]| {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(*word);
        }
        command.exec(&mut admin).unwrap();
    };
    // The password changes, and everybody is sent away.
    tell(&["CONFIG", "SET", "requirepass", "changed"]);
    tell(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    until("the store was sent away", || wait(store.get(&key())).is_err());
    assert_errs(&store, &[StoreErrorKind::Misconfigured]);
    tell(&["CONFIG", "SET", "requirepass", ""]);
    assert_serves(&store);

    // One place less than clients.
    tell(&["CONFIG", "SET", "maxclients", "1"]);
    tell(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    until("the store was sent away", || wait(store.get(&key())).is_err());
    assert_errs(&store, &[StoreErrorKind::Unavailable]);
    tell(&["CONFIG", "SET", "maxclients", "100"]);
    assert_serves(&store);
}

#[test]
fn a_server_that_becomes_a_replica_takes_no_writes_until_it_is_a_primary_again() {
    let server = Server::start(&[]);
    let store = server.store();
    let _: () = server.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    let insert = wait(store.insert(&key(), Bytes::new(), MINUTE)).unwrap_err();
    assert_eq!(insert.kind(), StoreErrorKind::Unavailable);
    let add = wait(store.add(&key(), 1, MINUTE)).unwrap_err();
    assert_eq!(add.kind(), StoreErrorKind::Unavailable);
    let opened = wait(server.builder().connect()).unwrap_err();
    assert_eq!(opened.kind(), StoreErrorKind::Unavailable);

    let _: () = server.ask(&["REPLICAOF", "NO", "ONE"]);
    assert_serves(&store);
}

#[test]
fn a_server_that_has_taken_over_is_looked_at_too() {
    let server = Server::start(&[]);
    let store = server.store();
    // As if another one was behind the same name.
    let _: () = server.ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    assert_serves(&store);
    let _: () = server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    until("the store was sent away", || wait(store.get(&key())).is_err());
    assert_errs(&store, &[StoreErrorKind::Misconfigured]);
    let _: () = server.ask(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    assert_serves(&store);
}

#[test]
fn a_server_that_was_made_a_replica_is_left_for_its_successor() {
    let (old, new) = (Server::start(&[]), Server::start(&[]));
    let proxy = Proxy::to(old.port());
    let store = wait(patient(&proxy.url()).connect()).unwrap();
    // A new connection would lead to the new one, and the old one keeps its clients.
    proxy.lead_to(new.port());
    let _: () = old.ask(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]);
    let insert = wait(store.insert(&key(), Bytes::new(), MINUTE)).unwrap_err();
    assert_eq!(insert.kind(), StoreErrorKind::Unavailable);
    assert_serves(&store);
}

#[test]
fn a_connection_that_was_lost_while_idle_costs_no_call() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.port());
    let store = wait(patient(&proxy.url()).connect()).unwrap();
    assert_serves(&store);
    let _: () = server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    // The connection says that it is lost before it lets go of its socket.
    assert!(proxy.departed(PATIENT), "a connection that was lost is not closed");
    assert_eq!(wait(store.get(&key())).unwrap(), None);
}

#[test]
fn what_does_not_belong_under_a_key_of_the_store_is_corrupt() {
    let server = Server::start(&[]);
    let store = server.store();
    let (value, list, text, negative) = (key(), key(), key(), key());
    let _: () = server.ask(&["RPUSH", &format!("verify:v{value}"), "element"]);
    let _: () = server.ask(&["RPUSH", &format!("verify:c{list}"), "element"]);
    let _: () = server.ask(&["SET", &format!("verify:c{text}"), "many"]);
    let _: () = server.ask(&["SET", &format!("verify:c{negative}"), "-5"]);
    wait(async {
        let corrupt = Some(StoreErrorKind::Corrupt);
        assert_eq!(store.get(&value).await.err().map(|error| error.kind()), corrupt);
        assert_eq!(store.take(&value).await.err().map(|error| error.kind()), corrupt);
        assert!(!store.insert(&value, Bytes::new(), MINUTE).await.unwrap(), "it is in the way");
        for counter in [list, text, negative] {
            assert_eq!(store.add(&counter, 0, MINUTE).await.err().map(|error| error.kind()), corrupt);
            assert_eq!(store.add(&counter, 1, MINUTE).await.err().map(|error| error.kind()), corrupt);
        }
    });
    assert_serves(&store);
}

#[test]
fn a_counter_stops_at_its_end_and_never_wraps() {
    let server = Server::start(&[]);
    let store = server.store();
    let counter = key();
    let last = i64::MAX.unsigned_abs();
    let _: () = server.ask(&["SET", &format!("verify:c{counter}"), &(last - 1).to_string()]);
    wait(async {
        assert_eq!(store.add(&counter, 1, MINUTE).await.unwrap(), last);
        for n in [1, u32::MAX] {
            assert_eq!(store.add(&counter, n, MINUTE).await.unwrap(), last);
        }
        assert_eq!(store.add(&counter, 0, MINUTE).await.unwrap(), last);
    });
}

#[test]
fn a_store_outlives_the_runtime_that_opened_it() {
    let server = Server::start(&[]);
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let first = runtime();
    let store = first.block_on(server.builder().connect()).unwrap();
    first.block_on(store.get(&key())).unwrap();
    drop(first);
    // The connection went with its runtime; the call that finds out may fail.
    let second = runtime();
    until("the store serves on another runtime", || second.block_on(store.get(&key())).is_ok());
}

#[test]
fn a_runtime_that_ends_while_it_connects_again_holds_up_nobody() {
    let server = Server::start(&[]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let store = runtime.block_on(server.builder().deadline(SHORT).connect()).unwrap();
    server.freeze();
    // The first call gives the connection up, and the second one asks for another, which takes until the thaw.
    for kind in [StoreErrorKind::Timeout, StoreErrorKind::Unavailable] {
        assert_eq!(runtime.block_on(store.get(&key())).unwrap_err().kind(), kind);
    }
    drop(runtime);
    server.thaw();
    assert_serves(&store);
}

#[test]
fn callers_that_hang_up_do_not_keep_the_store_from_connecting() {
    let mut server = Server::start(&[]);
    let store = wait(server.builder().deadline(PATIENT).connect()).unwrap();
    server.kill();
    until("the loss is noticed", || wait(store.get(&key())).is_err());
    wait(async {
        for _ in 0..100 {
            tokio::time::timeout(Duration::from_micros(100), store.get(&key())).await.ok();
        }
    });
    server.start_again();
    assert_serves(&store);
}
