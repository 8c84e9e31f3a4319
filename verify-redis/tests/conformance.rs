//! The test kit of stores, over a Redis of its own, in every wrapping.
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

use std::sync::Arc;
use std::time::Duration;

use verify_core::store::Store;
use verify_redis::{ConnectError, RedisStore};

use proxy::Proxy;
use server::{Hosted, NearTop, Server, Shared, patient, wait};

/// Calls that are lost by the unreachable server are given up after this long.
const SHORT: Duration = Duration::from_millis(200);
/// One reply in so many is lost; the answers to a new connection are fewer.
const LOSSES: usize = 17;

static SERVER: Shared<Server> = Shared::new();

type Open<S> = Result<Hosted<S, Arc<Server>>, ConnectError>;

async fn open(prefix: &str) -> Open<RedisStore> {
    let server = SERVER.get(|| Server::start(&[]));
    Ok(Hosted(server.builder().prefix(prefix).connect().await?, server))
}

async fn near_top() -> Result<NearTop<RedisStore>, ConnectError> {
    open("verify:").await.map(|Hosted(store, server)| NearTop { store, server, counters: "verify:c" })
}

async fn full() -> Result<Hosted<RedisStore, Server>, ConnectError> {
    let server = Server::start(&["--maxmemory", "4mb", "--maxmemory-policy", "noeviction"]);
    Ok(Hosted(server.builder().connect().await?, server))
}

/// Connects first, and loses replies then.
async fn lossy() -> Result<Hosted<RedisStore, (Proxy, Server)>, ConnectError> {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.port());
    let store = patient(&proxy.url()).connect().await?;
    proxy.lose_one_in(LOSSES);
    Ok(Hosted(store, (proxy, server)))
}

/// Connects first, and is cut off then, so that the verbs are put to the test.
async fn unreachable() -> Result<Hosted<RedisStore, (Proxy, Server)>, ConnectError> {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.port());
    let store = patient(&proxy.url()).deadline(SHORT).connect().await?;
    proxy.fall_silent();
    Ok(Hosted(store, (proxy, server)))
}

mod redis_store {
    use super::*;

    verify_core::store_conformance!(
        async { open("verify:").await },
        block_on: wait,
        full: async { full().await },
        near_top: async { near_top().await },
        lossy: async { lossy().await },
        unreachable: async { unreachable().await },
    );
}

mod with_a_prefix {
    use super::*;

    verify_core::store_conformance!(async { open("bank/eu-1:*?[x]").await }, block_on: wait);
}

mod behind_an_arc {
    use super::*;

    verify_core::store_conformance!(async { open("arc:").await.map(Arc::new) }, block_on: wait);
}

mod behind_a_box {
    use super::*;

    verify_core::store_conformance!(
        async { open("box:").await.map(|store| Box::new(store) as Box<dyn Store>) },
        block_on: wait
    );
}

mod over_the_old_protocol {
    use super::*;

    verify_core::store_conformance!(
        async {
            let server = SERVER.get(|| Server::start(&[]));
            let store = patient(&format!("{}?protocol=resp2", server.url())).prefix("resp2:").connect().await;
            store.map(|store| Hosted(store, server))
        },
        block_on: wait
    );
}

/// Valkey runs the same laws where it is installed: not every release of Debian has a package of it.
mod valkey {
    use std::process::{Command, Stdio};

    use verify_core::conformance::{self, Breach, Setup};

    use super::*;

    #[test]
    fn passes_the_kit_as_redis_does() -> Result<(), Breach> {
        let version = Command::new("valkey-server").arg("--version").stdout(Stdio::null()).status();
        if version.is_err() {
            eprintln!("valkey-server is not installed, and not every release of Debian has a package of it");
            return Ok(());
        }
        let server = Server::start_as("valkey-server", &[]);
        let setup = Setup::new().block_on(|task| wait(task));
        let kit = setup.open(server.builder().connect())?;
        conformance::every_law(&kit)
    }
}
