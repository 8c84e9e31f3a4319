//! Prints one table: what a request costs beside the bare route, ours and the neighbours', in one run.
//!
//! ```sh
//! cargo run --release -p benches
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a measurement that does not do what it says stops"
)]
#![allow(clippy::disallowed_methods, reason = "it measures how long things take")]

use std::hint::black_box;
use std::time::Instant;

use benches::cases::{
    ALLOWED, AMONG_MANY, BARE, BARE_MANY, BLOCKED, FLOOR, LIMITED, LOGIN, MOKA, ON_AXUM, runtime,
};
use benches::ceremony::{CODE, Ceremonies};
use benches::compare::{Contender, median, ratios};
use benches::on_axum::among;
use benches::table::Table;
use benches::world::{USER, World};
use benches::{crowd, on_actix, payment};
use tokio::runtime::Runtime;

const ROUNDS: usize = 41;

type Group = fn(&Runtime, &mut Table);

fn main() {
    let runtime = runtime();
    let chosen = std::env::args().nth(1).unwrap_or_default();
    let mut table = Table::default();
    let groups: [(&str, Group); 5] = [
        ("axum", axum),
        ("crowd", many_visitors),
        ("actix", actix),
        ("ceremonies", ceremonies),
        ("payments", payments),
    ];
    println!("| | ratio | goal |\n|---|---|---|");
    for (name, group) in groups {
        if name.contains(&chosen) {
            group(&runtime, &mut table);
            table.print();
        }
    }
    if !table.is_met() {
        std::process::exit(1);
    }
}

fn axum(runtime: &Runtime, table: &mut Table) {
    let mut contenders: Vec<_> = ON_AXUM
        .iter()
        .map(|(name, make)| {
            let route = make(runtime);
            Contender::new(*name, move |times| runtime.block_on(route.ask(times)))
        })
        .collect();
    let found = ratios(&mut contenders, ROUNDS, 2_000);
    let of = |name: &str| {
        contenders.iter().zip(&found).find(|(known, _)| known.name == name).map_or(0.0, |(_, ratio)| *ratio)
    };
    for (contender, ratio) in contenders.iter().zip(&found) {
        let name = contender.name.as_str();
        match name {
            ALLOWED => table.at_most(name, *ratio, 1.45),
            BLOCKED => table.at_most(name, *ratio, 2.2),
            _ => table.row(name, *ratio),
        }
    }
    let added = of(ALLOWED) - 1.0;
    let times = |name: &str| (of(name) - 1.0) / added;
    table.at_most("ours among 20 cookies, beside bare with them", of(AMONG_MANY) / of(BARE_MANY), 1.6);
    table.at_most("blocked by the limiter, beside blocked", of(LIMITED) / of(BLOCKED), 1.0);
    table.at_least("what tower-sessions adds with moka, beside what ours adds", times(MOKA), 5.0);
    table.at_least("what axum-login adds, beside what ours adds", times(LOGIN), 10.0);
}

/// Each request of another visitor.
fn many_visitors(runtime: &Runtime, table: &mut Table) {
    let ours = crowd::guarded(runtime);
    let crowds = [
        (BARE, ours.bare()),
        (ALLOWED, ours),
        (FLOOR, crowd::floor()),
        (MOKA, crowd::sessions(runtime)),
        (LOGIN, crowd::logins(runtime)),
    ];
    let mut contenders: Vec<_> = crowds
        .iter()
        .map(|(name, crowd)| Contender::new(*name, |times| runtime.block_on(crowd.ask(times))))
        .collect();
    let found = ratios(&mut contenders, ROUNDS, 2_000);
    for (contender, ratio) in contenders.iter().zip(&found) {
        table.row(&format!("{} visitors by turns: {}", crowd::VISITORS, contender.name), *ratio);
    }
    let times = |index: usize| (found[index] - 1.0) / (found[1] - 1.0);
    table.row("… what tower-sessions adds with moka, beside what ours adds", times(3));
    table.row("… what axum-login adds, beside what ours adds", times(4));
}

fn actix(_: &Runtime, table: &mut Table) {
    let world = World::default();
    let system = actix_web::rt::System::new();
    let gate = world.gate();
    let clearance = system.block_on(world.clearance(&gate, USER));
    let cookie = format!("__Host-clearance={clearance}");
    let many = among(&cookie, 20);
    let routes = system.block_on(async {
        vec![
            ("bare", on_actix::bare(&[("cookie", &cookie)]).await),
            ("bare, 20 cookies", on_actix::bare(&[("cookie", &many)]).await),
            ("a hand-written check", on_actix::floor().await),
            ("ours, cookie", on_actix::guarded(&gate, &[("cookie", &cookie)], 200).await),
            ("ours, header", on_actix::guarded(&gate, &[("challenge-clearance", &clearance)], 200).await),
            ("ours, 20 cookies", on_actix::guarded(&gate, &[("cookie", &many)], 200).await),
            ("actix-extensible-rate-limit", on_actix::rate_limit().await),
            ("actix-session, cookie", on_actix::session().await),
            ("ours, blocked", on_actix::guarded(&gate, &[], 403).await),
        ]
    });
    let mut contenders: Vec<_> = routes
        .iter()
        .map(|(name, route)| Contender::new(*name, |times| system.block_on(route.ask(times))))
        .collect();
    let found = ratios(&mut contenders, ROUNDS, 2_000);
    for (contender, ratio) in contenders.iter().zip(&found) {
        let name = format!("actix: {}", contender.name);
        match contender.name.as_str() {
            "ours, cookie" => table.at_most(&name, *ratio, 1.45),
            _ => table.row(&name, *ratio),
        }
    }
    let of = |name: &str| {
        contenders.iter().zip(&found).find(|(known, _)| known.name == name).map_or(0.0, |(_, ratio)| *ratio)
    };
    table.at_most(
        "actix: ours among 20 cookies, beside bare with them",
        of("ours, 20 cookies") / of("bare, 20 cookies"),
        1.6,
    );
}

/// Send and right check, as often in a second.
fn ceremonies(runtime: &Runtime, table: &mut Table) {
    const EACH: usize = 1_000;
    let world = World::default();
    let gate = world.gate();
    let mut ceremonies = Ceremonies::new(&world.engine, &gate, 0);
    let (mut pairs, mut wrongs) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        runtime.block_on(async {
            // What is offered was offered with the blocked answer.
            let offered: Vec<_> = (0..EACH).map(|_| ceremonies.offer()).collect();
            let mut open = Vec::with_capacity(EACH);
            let begun = Instant::now();
            for challenge in offered {
                open.push(challenge.send().await);
            }
            let sent = begun.elapsed();
            let begun = Instant::now();
            for challenge in &open {
                assert!(!challenge.check("000000").await);
            }
            let wrong = begun.elapsed();
            let begun = Instant::now();
            for challenge in &open {
                assert!(challenge.check(CODE).await);
            }
            let right = begun.elapsed();
            pairs.push(EACH as f64 / (sent + right).as_secs_f64());
            wrongs.push(wrong.as_secs_f64() / right.as_secs_f64());
        });
    }
    table.at_least(
        "send and right check in memory, of 100,000 a second on one core",
        median(pairs) / 100_000.0,
        1.0,
    );
    table.at_most("a wrong check, beside a right one", median(wrongs), 1.0);
}

fn payments(runtime: &Runtime, table: &mut Table) {
    let world = World::default();
    let gate = payment::gate(&world.engine);
    for (name, bytes) in [("1 KiB", 1024), ("64 KiB", 65_000)] {
        let body = payment::body(bytes);
        let post = payment::Post::of(&body);
        let mut contenders = [
            Contender::new("parsing it", |times| {
                for _ in 0..times {
                    black_box(serde_json::from_slice::<serde_json::Value>(&body).unwrap());
                }
            }),
            Contender::new("the gate", |times| {
                runtime.block_on(async {
                    for _ in 0..times {
                        payment::judge(&gate, &post, &body).await;
                    }
                });
            }),
        ];
        let found = ratios(&mut contenders, ROUNDS, 200);
        let what = format!("{name} of JSON through a transaction's gate, beside parsing it");
        if bytes > 1024 {
            table.at_most(&what, found[1], 1.3);
        } else {
            table.row(&what, found[1]);
        }
    }
}
