//! The four verbs, in memory and on Redis, by criterion.

use std::num::NonZeroUsize;
use std::time::Duration;

use benches::cases::runtime;
use benches::scale::redis::Server;
use bytes::Bytes;
use criterion::Criterion;
use tokio::runtime::Runtime;
use verify_core::store::{Key, MemoryStore, Store};

/// Long enough to be there when it is looked for; short enough that nothing fills up.
const LIFE: Duration = Duration::from_secs(5);

fn main() {
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    let runtime = runtime();
    let capacity = NonZeroUsize::MIN.saturating_add(100_000_000);
    verbs(&mut criterion, &runtime, "store in memory", &MemoryStore::builder().capacity(capacity).build());
    if let Some(server) = Server::start() {
        let store = runtime.block_on(server.store());
        verbs(&mut criterion, &runtime, "store on Redis", &store);
    }
    criterion.final_summary();
}

fn verbs(criterion: &mut Criterion, runtime: &Runtime, name: &str, store: &dyn Store) {
    let mut group = criterion.benchmark_group(name);
    let value = Bytes::from_static(&[0x5a; 64]);
    let mut next = 0_u128;
    let mut key = || {
        next += 1;
        // Keys are hashes.
        Key::new(next.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes())
    };
    let there = key();
    let value = &value;
    let insert =
        &async |key: &Key| assert!(store.insert(key, value.clone(), LIFE).await.is_ok_and(|new| new));
    group.bench_function("insert", |bencher| {
        bencher.to_async(runtime).iter(|| {
            let key = key();
            async move { insert(&key).await }
        });
    });
    group.bench_function("insert and get", |bencher| {
        bencher.to_async(runtime).iter(|| {
            let key = key();
            async move {
                insert(&key).await;
                assert!(store.get(&key).await.is_ok_and(|found| found.is_some()));
            }
        });
    });
    group.bench_function("insert and take", |bencher| {
        bencher.to_async(runtime).iter(|| {
            let key = key();
            async move {
                insert(&key).await;
                assert!(store.take(&key).await.is_ok_and(|found| found.is_some()));
            }
        });
    });
    group.bench_function("get, absent", |bencher| {
        bencher
            .to_async(runtime)
            .iter(|| async { assert!(store.get(&there).await.is_ok_and(|found| found.is_none())) });
    });
    group.bench_function("add to one", |bencher| {
        bencher.to_async(runtime).iter(|| async { assert!(store.add(&there, 1, LIFE).await.is_ok()) });
    });
    group.bench_function("add to a new one", |bencher| {
        bencher.to_async(runtime).iter(|| {
            let key = key();
            async move { assert!(store.add(&key, 1, LIFE).await.is_ok_and(|sum| sum == 1)) }
        });
    });
}
