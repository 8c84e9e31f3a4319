//! What a challenge costs from its first message to its answer, and a payment at its gate, by criterion.
#![allow(clippy::unwrap_used, reason = "a measurement that does not do what it says stops")]

use std::hint::black_box;
use std::num::NonZeroUsize;

use benches::cases::runtime;
use benches::ceremony::{CODE, Ceremonies};
use benches::payment;
use benches::world::World;
use criterion::{BatchSize, Criterion, Throughput};
use futures_util::FutureExt;
use verify_core::store::MemoryStore;

fn main() {
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    ceremonies(&mut criterion);
    payments(&mut criterion);
    criterion.final_summary();
}

fn ceremonies(criterion: &mut Criterion) {
    let runtime = runtime();
    // Challenges live for minutes, and all that are sent in that time are held.
    let capacity = NonZeroUsize::MIN.saturating_add(100_000_000);
    let store = MemoryStore::builder().capacity(capacity).build();
    let world = World::with(|builder| builder.store(store));
    let mut ceremonies = Ceremonies::new(&world.engine, &world.gate(), 0);
    let mut group = criterion.benchmark_group("ceremony in memory");
    group.bench_function("offer and send", |bencher| {
        bencher.to_async(&runtime).iter(|| ceremonies.offer().send());
    });
    for (name, code, right) in [("right check", CODE, true), ("wrong check", "000000", false)] {
        group.bench_function(name, |bencher| {
            // What is made ready is made within the runtime that asks, where nothing can wait for another.
            bencher.to_async(&runtime).iter_batched(
                || ceremonies.offer().send().now_or_never().unwrap(),
                |open| async move {
                    assert_eq!(open.check(code).await, right);
                    open
                },
                BatchSize::LargeInput,
            );
        });
    }
}

fn payments(criterion: &mut Criterion) {
    let runtime = runtime();
    let world = World::default();
    let gate = payment::gate(&world.engine);
    let mut group = criterion.benchmark_group("payment");
    for (name, bytes) in [("1 KiB", 1024), ("64 KiB", 65_000)] {
        let body = payment::body(bytes);
        let post = payment::Post::of(&body);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(format!("{name}, parsed"), |bencher| {
            bencher.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(&body)).is_ok());
        });
        group.bench_function(format!("{name}, at the gate"), |bencher| {
            bencher.to_async(&runtime).iter(|| payment::judge(&gate, &post, &body));
        });
    }
}
