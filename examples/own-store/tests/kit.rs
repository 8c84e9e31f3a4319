//! The test kit of stores, over a Redis that the tests start.
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

use own_store::OwnStore;
use verify_core::store::StoreError;

use proxy::Proxy;
use server::{Hosted, NearTop, PATIENT, Redis, Shared, wait};

static REDIS: Shared = Shared::new();

type Opened<H> = Result<Hosted<H>, StoreError>;

async fn open() -> Opened<Arc<Redis>> {
    let redis = REDIS.get();
    Ok(Hosted(OwnStore::connect(&redis.url(), PATIENT).await?, redis))
}

async fn full() -> Opened<Redis> {
    let redis = Redis::start(&["--maxmemory", "4mb", "--maxmemory-policy", "noeviction"]);
    Ok(Hosted(OwnStore::connect(&redis.url(), PATIENT).await?, redis))
}

/// Connects first, and loses one reply in seventeen then.
async fn lossy() -> Opened<(Proxy, Redis)> {
    let redis = Redis::start(&[]);
    let proxy = Proxy::to(redis.port());
    let store = OwnStore::connect(&proxy.url(), PATIENT).await?;
    proxy.lose_one_in(17);
    Ok(Hosted(store, (proxy, redis)))
}

/// Connects first, and meets silence then.
async fn unreachable() -> Opened<(Proxy, Redis)> {
    let redis = Redis::start(&[]);
    let proxy = Proxy::to(redis.port());
    let store = OwnStore::connect(&proxy.url(), Duration::from_secs(1)).await?;
    proxy.fall_silent();
    Ok(Hosted(store, (proxy, redis)))
}

async fn near_top() -> Result<NearTop, StoreError> {
    open().await.map(|Hosted(store, redis)| NearTop(store, redis))
}

mod own_store_passes {
    use super::*;

    verify_core::store_conformance!(
        async { open().await },
        block_on: wait,
        full: async { full().await },
        near_top: async { near_top().await },
        lossy: async { lossy().await },
        unreachable: async { unreachable().await },
    );
}

#[test]
fn the_readme_quotes_the_file_as_it_is() {
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (readme, file) = (include_str!("../README.md"), flat(include_str!("../src/lib.rs")));
    let (_, table) = readme.split_once("\n|---|---|\n").unwrap();
    let rows: Vec<_> = table.lines().map_while(|line| line.strip_prefix("| `")).collect();
    assert!(rows.len() > 10, "{rows:?}");
    for row in rows {
        let (quote, _) = row.split_once("` | ").unwrap();
        assert!(file.contains(&flat(quote)), "{quote}");
    }
}
