//! Which servers a store starts with, and what it says about the others.
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

use std::error::Error;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use verify_core::store::{Store, StoreError, StoreErrorKind};
use verify_redis::{ConnectError, RedisStore, RedisStoreBuilder};

use server::{Server, free_port, key, patient, wait};

const MINUTE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);
/// What a server says to a command that it does not know.
const UNKNOWN: &str = "-ERR unknown command\r\n";
/// What a call that is given up after a third of a second never needs.
const GENEROUS: Duration = Duration::from_secs(30);

#[track_caller]
fn refused(builder: RedisStoreBuilder) -> ConnectError {
    wait(builder.connect()).expect_err("this server should not do")
}

fn at(port: u16) -> RedisStoreBuilder {
    patient(&format!("redis://127.0.0.1:{port}"))
}

/// All that can be got out of an error.
fn texts(error: &ConnectError) -> String {
    let mut texts = format!("{error} {error:?} {error:#?}");
    let store = StoreError::from(error.clone());
    texts.push_str(&format!("{store} {store:?}"));
    let mut source: Option<&dyn Error> = Some(&store);
    while let Some(error) = source {
        texts.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    texts
}

#[test]
fn nobody_at_the_address() {
    let error = refused(at(free_port()));
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.to_string().contains("nothing listens"), "{error}");
}

#[test]
fn a_name_that_does_not_exist() {
    let error = refused(patient("redis://no-such-host.invalid"));
    assert!(matches!(error.kind(), StoreErrorKind::Unavailable | StoreErrorKind::Misconfigured), "{error}");
}

#[test]
fn credentials_that_are_wrong_or_missing_are_told_and_never_shown() {
    let server = Server::start(&["--requirepass", "right"]);
    for protocol in ["resp2", "resp3"] {
        for user in [":hunter2@", "app:hunter2@", "hunter2@", ""] {
            let url = format!("redis://{user}127.0.0.1:{}/?protocol={protocol}", server.port());
            let builder = patient(&url);
            assert!(!format!("{builder:?} {builder:#?}").contains("hunter2"));
            let error = refused(builder);
            assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{user} {error}");
            assert!(error.to_string().contains("password"), "{error}");
            assert!(!texts(&error).contains("hunter2"), "{}", texts(&error));
            assert!(!texts(&error).contains("127.0.0.1"), "{}", texts(&error));
        }
        let url = format!("redis://:right@127.0.0.1:{}/?protocol={protocol}", server.port());
        let store = wait(patient(&url).connect()).unwrap();
        assert!(wait(store.insert(&key(), Bytes::new(), MINUTE)).unwrap());
        assert!(!format!("{store:?} {store:#?}").contains("right"), "{store:?}");
    }
}

#[test]
fn a_server_that_quotes_the_password_is_not_quoted() {
    let port = fake::redis(|command| {
        let arguments: Vec<String> = command[1..].iter().map(|word| format!("`{word}`, ")).collect();
        format!("-ERR unknown command `{}`, with args beginning with: {}\r\n", command[0], arguments.concat())
    });
    for protocol in ["resp2", "resp3"] {
        let error = refused(patient(&format!("redis://:HUNTER2@127.0.0.1:{port}/?protocol={protocol}")));
        assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
        assert!(!texts(&error).contains("HUNTER2"), "{}", texts(&error));
    }
}

#[test]
fn something_that_is_not_redis() {
    let http = fake::serve(|mut stream| {
        stream.read_exact(&mut [0]).ok();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").ok();
        stream.read_exact(&mut [0]).ok();
    });
    let mail = fake::serve(|mut stream| {
        stream.write_all(b"220 mail.example ESMTP\r\n").ok();
        stream.read_exact(&mut [0]).ok();
    });
    let agreeable = fake::redis(|_| "+OK\r\n".to_owned());
    for port in [http, mail, agreeable] {
        let error = refused(at(port));
        assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{error}");
        assert!(error.to_string().contains("not Redis"), "{error}");
    }
    let closes = fake::serve(drop);
    assert_eq!(refused(at(closes)).kind(), StoreErrorKind::Unavailable);
}

#[test]
fn answers_that_no_redis_gives_are_not_believed() {
    let port = fake::with_info("redis_version:7.0.0\r\nmaxmemory_policy:noeviction\r\n", ":1\r\n");
    let store = wait(at(port).connect()).unwrap();
    assert_eq!(kinds(&store), [Err(StoreErrorKind::Corrupt); 4]);
}

#[test]
fn somebody_who_never_answers_is_given_up() {
    let silent = fake::serve(|mut stream| {
        std::io::copy(&mut stream, &mut std::io::sink()).ok();
    });
    let begun = Instant::now();
    let error = refused(at(silent).connect_deadline(SHORT));
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    assert!(begun.elapsed() < GENEROUS);
    // One who greets, and then says nothing.
    let greets = fake::redis(|command| match command[0].as_str() {
        "HELLO" => "%0\r\n".to_owned(),
        _ => String::new(),
    });
    assert_eq!(refused(at(greets).connect_deadline(SHORT)).kind(), StoreErrorKind::Timeout);
}

#[test]
fn a_server_that_is_too_old() {
    for info in ["redis_version:6.0.16\r\n", "redis_version:5.0.14\r\nmaxmemory_policy:noeviction\r\n"] {
        let error = refused(at(fake::with_info(info, UNKNOWN)));
        assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
        assert!(error.to_string().contains("6.2"), "{error}");
    }
    // Before Redis 6 there was no HELLO.
    let old = fake::redis(|command| match command[0].as_str() {
        "INFO" => fake::bulk("redis_version:5.0.14\r\n"),
        other => format!("-ERR unknown command `{other}`, with args beginning with: `3`, \r\n"),
    });
    let error = refused(at(old));
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    assert!(error.to_string().contains("older"), "{error}");
    let error = refused(patient(&format!("redis://127.0.0.1:{old}?protocol=resp2")));
    assert!(error.to_string().contains("Redis 5.0"), "{error}");
}

#[test]
fn a_server_that_evicts() {
    for policy in ["allkeys-lru", "volatile-ttl"] {
        for limit in ["0", "100mb"] {
            let server = Server::start(&["--maxmemory-policy", policy, "--maxmemory", limit]);
            let error = refused(server.builder());
            assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
            assert!(error.to_string().contains("maxmemory-policy noeviction"), "{error}");
            let store = wait(server.builder().danger_allow_eviction().connect()).unwrap();
            assert!(wait(store.insert(&key(), Bytes::new(), MINUTE)).unwrap());
            let _: () = server.ask(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
            wait(server.builder().connect()).unwrap();
        }
    }
    // Where `INFO` keeps quiet about it, the configuration is asked.
    let asked = fake::redis(|command| match command[0].as_str() {
        "HELLO" => "%0\r\n".to_owned(),
        "INFO" => fake::bulk("redis_version:7.0.0\r\n"),
        "CONFIG" if command[2] == "MAXMEMORY-POLICY" => {
            "%1\r\n$16\r\nmaxmemory-policy\r\n$11\r\nallkeys-lru\r\n".to_owned()
        }
        _ => UNKNOWN.to_owned(),
    });
    assert_eq!(refused(at(asked)).kind(), StoreErrorKind::Misconfigured);
}

#[test]
fn what_the_store_puts_up_with_it_warns_of() {
    let warnings = |builder: RedisStoreBuilder| {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || wait(builder.connect()).unwrap());
        let text = log.0.lock().unwrap().clone();
        String::from_utf8(text).unwrap()
    };
    let good = Server::start(&[]);
    assert_eq!(warnings(good.builder()), "", "nothing to warn of");
    let evicting = Server::start(&["--maxmemory-policy", "allkeys-lru"]);
    assert!(warnings(evicting.builder().danger_allow_eviction()).contains("evict live entries"));
    let _: () = good.ask(&["CONFIG", "SET", "save", "3600 1"]);
    assert!(warnings(good.builder()).contains("writes snapshots"));
    let _: () = good.ask(&["CONFIG", "SET", "appendonly", "yes"]);
    assert_eq!(warnings(good.builder()), "", "the log is read instead of the snapshot");
    let silent = warnings(at(fake::with_info("", UNKNOWN)));
    assert!(silent.contains("does not tell its version") && silent.contains("maxmemory-policy"), "{silent}");
    let node = Server::start(&["--cluster-enabled", "yes"]);
    assert!(warnings(node.builder()).contains("redis-cluster://"));
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_server_that_does_not_let_itself_be_looked_at() {
    let server = Server::start(&[]);
    let _: () = server.ask(&[
        "ACL",
        "SETUSER",
        "blind",
        "on",
        ">pw",
        "~verify:*",
        "+set",
        "+get",
        "+getdel",
        "+incrby",
        "+multi",
        "+exec",
    ]);
    let store = wait(patient(&format!("redis://blind:pw@127.0.0.1:{}", server.port())).connect()).unwrap();
    serves(&store);
    let hushed = fake::with_info("# nothing to see here\r\n", UNKNOWN);
    wait(at(hushed).connect()).unwrap();
}

#[test]
fn the_documented_permissions_are_enough_and_each_is_needed() {
    let server = Server::start(&[]);
    let documented =
        ["+set", "+get", "+getdel", "+incrby", "+multi", "+exec", "+info", "+config|get", "~verify:*"];
    let mut everything = vec!["ACL", "SETUSER", "app", "on", ">pw"];
    everything.extend(documented);
    let _: () = server.ask(&everything);
    let app = || patient(&format!("redis://app:pw@127.0.0.1:{}", server.port()));
    serves(&wait(app().connect()).unwrap());
    for missing in &documented[..4] {
        let _: () = server.ask(&["ACL", "SETUSER", "app", &missing.replace('+', "-")]);
        let store = wait(app().connect()).unwrap();
        let kinds = kinds(&store);
        assert!(kinds.contains(&Err(StoreErrorKind::Misconfigured)), "without {missing}: {kinds:?}");
        assert!(kinds.iter().all(|kind| matches!(kind, Ok(()) | Err(StoreErrorKind::Misconfigured))));
        let _: () = server.ask(&["ACL", "SETUSER", "app", missing]);
    }
    let store = wait(app().prefix("elsewhere:").connect()).unwrap();
    assert_eq!(kinds(&store), [Err(StoreErrorKind::Misconfigured); 4]);
}

#[test]
fn another_database_needs_one_permission_more() {
    let server = Server::start(&[]);
    let words = "ACL SETUSER app on >pw ~verify:* +set +get +getdel +incrby +multi +exec +info +config|get";
    let _: () = server.ask(&words.split(' ').collect::<Vec<_>>());
    let app = |database: u8| patient(&format!("redis://app:pw@127.0.0.1:{}/{database}", server.port()));
    serves(&wait(app(0).connect()).unwrap());
    let error = refused(app(3));
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    assert!(error.to_string().contains("select the database"), "{error}");
    let _: () = server.ask(&["ACL", "SETUSER", "app", "+select"]);
    serves(&wait(app(3).connect()).unwrap());
}

#[test]
fn settings_that_make_no_sense() {
    for (builder, word) in [
        (patient("redis://127.0.0.1").prefix("{bank}:"), "prefix"),
        (patient("redis://127.0.0.1").prefix(""), "prefix"),
        (patient("127.0.0.1:6379"), "redis://"),
        (patient("redis://127.0.0.1#insecure"), "fragment"),
    ] {
        let error = refused(builder);
        assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
        assert!(error.to_string().contains(word), "{error}");
    }
    let server = Server::start(&[]);
    let error = refused(patient(&format!("{}/99", server.url())));
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    assert!(error.to_string().contains("database"), "{error}");
    // As long as anybody likes to wait, and no overflow.
    let endless = server.builder().deadline(Duration::MAX).connect_deadline(Duration::MAX);
    serves(&wait(endless.connect()).unwrap());
}

#[cfg(unix)]
#[test]
fn a_socket_on_this_machine() {
    let server = Server::start(&["--unixsocket", "redis.sock"]);
    let path = server.folder().join("redis.sock");
    serves(&wait(patient(&format!("unix://{}", path.display())).connect()).unwrap());
}

fn kinds(store: &RedisStore) -> [Result<(), StoreErrorKind>; 4] {
    let kind = |error: StoreError| error.kind();
    wait(async {
        [
            store.insert(&key(), Bytes::new(), MINUTE).await.map(drop).map_err(kind),
            store.get(&key()).await.map(drop).map_err(kind),
            store.take(&key()).await.map(drop).map_err(kind),
            store.add(&key(), 1, MINUTE).await.map(drop).map_err(kind),
        ]
    })
}

#[track_caller]
fn serves(store: &RedisStore) {
    assert_eq!(kinds(store), [Ok(()); 4]);
}
