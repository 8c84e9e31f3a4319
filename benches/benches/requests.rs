//! A request from its head to the end of its answer, by criterion: the bare route, ours and the neighbours'.
#![allow(clippy::disallowed_methods, reason = "it measures how long things take")]

use std::time::Instant;

use benches::cases::{ON_AXUM, runtime};
use benches::on_actix;
use benches::on_axum::among;
use benches::world::{USER, World};
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    axum(&mut criterion);
    actix(&mut criterion);
    criterion.final_summary();
}

fn axum(criterion: &mut Criterion) {
    let runtime = runtime();
    let mut group = criterion.benchmark_group("axum");
    for (name, make) in ON_AXUM {
        let route = make(&runtime);
        group.bench_function(*name, |bencher| bencher.to_async(&runtime).iter(|| route.ask(1)));
    }
}

fn actix(criterion: &mut Criterion) {
    let world = World::default();
    let gate = world.gate();
    let system = actix_web::rt::System::new();
    let clearance = system.block_on(world.clearance(&gate, USER));
    let cookie = format!("__Host-clearance={clearance}");
    let many = among(&cookie, 20);
    let routes = system.block_on(async {
        [
            ("bare", on_actix::bare(&[("cookie", &cookie)]).await),
            ("a check written by hand", on_actix::floor().await),
            ("ours, allowed by cookie", on_actix::guarded(&gate, &[("cookie", &cookie)], 200).await),
            (
                "ours, allowed by header",
                on_actix::guarded(&gate, &[("challenge-clearance", &clearance)], 200).await,
            ),
            ("ours, allowed among 20 cookies", on_actix::guarded(&gate, &[("cookie", &many)], 200).await),
            ("ours, blocked", on_actix::guarded(&gate, &[], 403).await),
            ("actix-extensible-rate-limit", on_actix::rate_limit().await),
            ("actix-session, cookie", on_actix::session().await),
        ]
    });
    let mut group = criterion.benchmark_group("actix");
    for (name, route) in &routes {
        group.bench_function(*name, |bencher| {
            bencher.iter_custom(|times| {
                let begun = Instant::now();
                system.block_on(route.ask(u32::try_from(times).unwrap_or(u32::MAX)));
                begun.elapsed()
            });
        });
    }
}
