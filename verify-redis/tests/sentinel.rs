//! A primary that Sentinels watch, and its successor.
#![cfg(feature = "sentinel")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/fake.rs"]
mod fake;
#[path = "support/server.rs"]
mod server;

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use verify_core::store::{Store, StoreErrorKind};
use verify_redis::RedisStoreBuilder;

use server::{Server, free_port, key, patient, until, wait};

const MINUTE: Duration = Duration::from_secs(60);

/// A primary and its replica, both with a password, and a Sentinel with another one.
struct Watched {
    primary: Server,
    replica: Server,
    sentinel: Server,
}

impl Watched {
    fn start() -> Self {
        let password =
            ["--requirepass", "secret", "--masterauth", "secret", "--repl-diskless-sync-delay", "0"];
        let primary = Server::start(&password);
        let of = format!("127.0.0.1 {}", primary.port());
        let replica = Server::start(&[password.as_slice(), &["--replicaof", &of]].concat());
        let settings = replica.folder().join("sentinel.conf");
        let text = format!(
            "requirepass watcher\n\
             sentinel monitor mymaster {of} 1\n\
             sentinel auth-pass mymaster secret\n\
             sentinel down-after-milliseconds mymaster 1000\n\
             sentinel failover-timeout mymaster 10000\n"
        );
        std::fs::write(&settings, text).unwrap();
        let sentinel = Server::start(&[settings.to_str().unwrap(), "--sentinel"]);
        let watched = Self { primary, replica, sentinel };
        until("the Sentinel knows the replica", || {
            let replicas: Vec<HashMap<String, String>> = watched.ask(&["SENTINEL", "REPLICAS", "mymaster"]);
            replicas.iter().any(|replica| replica["master-link-status"] == "ok")
        });
        watched
    }

    fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let url = format!("redis://:watcher@127.0.0.1:{}", self.sentinel.port());
        let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(*word);
        }
        command.query(&mut connection).unwrap()
    }

    /// Where the Sentinel sees the primary.
    fn seen(&self) -> u16 {
        let (_, port): (String, u16) = self.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"]);
        port
    }

    /// The first Sentinel is gone, the second one says nothing.
    fn builder(&self, name: &str) -> RedisStoreBuilder {
        let silent = fake::serve(|mut stream| {
            std::io::copy(&mut stream, &mut std::io::sink()).ok();
        });
        patient("redis://:secret@the.primary/0").connect_deadline(Duration::from_secs(8)).sentinel(
            [
                format!("redis://127.0.0.1:{}", free_port()),
                format!("redis://127.0.0.1:{silent}"),
                format!("redis://:watcher@127.0.0.1:{}", self.sentinel.port()),
            ],
            name,
        )
    }
}

#[test]
fn the_primary_is_asked_for_and_its_successor_is_found() {
    let mut watched = Watched::start();
    let store = wait(watched.builder("mymaster").connect()).unwrap();
    let (value, counter) = (key(), key());
    wait(store.insert(&value, Bytes::from_static(b"opened"), MINUTE)).unwrap();
    assert_eq!(wait(store.add(&counter, 2, MINUTE)).unwrap(), 2);
    until("the replica has both", || {
        let url = format!("redis://:secret@127.0.0.1:{}", watched.replica.port());
        let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
        redis::cmd("DBSIZE").query::<u64>(&mut connection).unwrap() == 2
    });

    watched.primary.kill();
    until("the Sentinel has a new primary", || watched.seen() == watched.replica.port());
    until("the store serves", || wait(store.add(&counter, 1, MINUTE)).is_ok());
    assert_eq!(wait(store.take(&value)).unwrap().unwrap(), "opened");
    assert!(wait(store.insert(&key(), Bytes::new(), MINUTE)).unwrap());
}

#[test]
fn the_sentinels_need_to_be_asked_one_thing() {
    let watched = Watched::start();
    let _: redis::Value =
        watched.ask(&["ACL", "SETUSER", "asker", "on", ">pw", "+sentinel|get-master-addr-by-name"]);
    let url = format!("redis://asker:pw@127.0.0.1:{}", watched.sentinel.port());
    let builder = || patient("redis://:secret@the.primary").sentinel([url.clone()], "mymaster");
    let store = wait(builder().connect()).unwrap();
    assert!(wait(store.insert(&key(), Bytes::new(), MINUTE)).unwrap());
    let _: redis::Value = watched.ask(&["ACL", "SETUSER", "asker", "-sentinel|get-master-addr-by-name"]);
    assert_eq!(wait(builder().connect()).unwrap_err().kind(), StoreErrorKind::Misconfigured);
}

#[test]
fn what_the_sentinels_do_not_know_is_told() {
    let watched = Watched::start();
    let error = wait(watched.builder("nobody").connect()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    assert!(error.to_string().contains("no primary of this name"), "{error}");

    let url = |password: &str| format!("redis://:{password}@127.0.0.1:{}", watched.sentinel.port());
    let wrong = patient("redis://:secret@the.primary").sentinel([url("hunter2")], "mymaster");
    assert!(!format!("{wrong:?}").contains("hunter2"));
    let error = wait(wrong.connect()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");

    let error =
        wait(patient("redis://:hunter2@the.primary").sentinel([url("watcher")], "mymaster").connect())
            .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");

    let nobody: [&str; 0] = [];
    let error = wait(patient("redis://the.primary").sentinel(nobody, "mymaster").connect()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    let lone = Server::start(&[]);
    let error =
        wait(patient("redis://the.primary").sentinel([lone.url()], "mymaster").connect()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "a server that is no Sentinel: {error}");
}
