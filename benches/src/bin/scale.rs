//! What an open challenge takes of memory, what an operation costs among a thousand and among millions of them, what a flood
//! of blocked requests leaves behind, and how cores get into each other's way; in memory and on Redis.
//!
//! ```sh
//! cargo run --release -p benches --bin scale
//! ```
//!
//! A word chooses one part: `memory`, `blocked`, `contention` or `redis`. A number is that of open challenges at the end, a
//! million unless told otherwise; ten million take about 6 GB and ten minutes.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a measurement that does not do what it says stops"
)]
#![allow(clippy::disallowed_methods, reason = "it measures how long things take")]

use std::num::NonZeroUsize;
use std::time::Instant;

use allocation_counter::measure;
use benches::cases::runtime;
use benches::compare::median;
use benches::scale::redis::{Meter, Server, split};
use benches::scale::redis_benchmark::{CLIENTS, Rates};
use benches::scale::{Operation, Population, blocked, contention, costs, kept, resident};
use benches::table::Table;
use benches::world::World;
use tokio::runtime::Runtime;
use verify_core::RequestLimits;
use verify_core::store::MemoryStore;

/// The cost of an operation may grow so much from a thousand challenges to the most.
const FLAT: f64 = 1.5;
/// A flood of blocked requests may leave so much behind, whatever its length: the tables of the limiters and change.
const FLOOD: usize = 4 << 20;

type Group = fn(&Runtime, usize, &mut Table);

fn main() {
    let (mut chosen, mut largest) = (String::new(), 1_000_000);
    for argument in std::env::args().skip(1) {
        match argument.parse() {
            Ok(number) => largest = number,
            Err(_) => chosen = argument,
        }
    }
    let runtime = runtime();
    let mut table = Table::default();
    let groups: [(&str, Group); 4] =
        [("blocked", flood), ("memory", memory), ("contention", contended), ("redis", on_redis)];
    println!("| | ratio | goal |\n|---|---|---|");
    for (name, group) in groups {
        if name.contains(&chosen) {
            group(&runtime, largest, &mut table);
            table.print();
        }
    }
    if !table.is_met() {
        std::process::exit(1);
    }
}

fn sizes(largest: usize) -> impl Iterator<Item = usize> {
    (3..).map(|zeros| 10_usize.pow(zeros)).take_while(move |size| *size <= largest)
}

fn memory(runtime: &Runtime, largest: usize, table: &mut Table) {
    const ROUNDS: usize = 21;
    const TIMES: u32 = 50;
    let mut populations = Vec::new();
    for size in sizes(largest) {
        let capacity = NonZeroUsize::new(size * 10 + 100_000).unwrap();
        let store = MemoryStore::builder().capacity(capacity).build();
        let engine = World::with(|builder| builder.store(store)).engine;
        let mut population = Population::new(format!("{size} open"), &engine, 1);
        let kept = kept(ROUNDS, TIMES as usize).min(size);
        let before = resident();
        let grown = measure(|| runtime.block_on(population.grow(size, kept)));
        let resident = resident().saturating_sub(before) as f64 / size as f64;
        let mut tickets = None;
        let held_here = measure(|| tickets = Some(population.tickets()));
        let allocated = (grown.bytes_current - held_here.bytes_current) as f64 / size as f64;
        table.at_most(
            &format!("{size} open in memory: {allocated:.0} bytes allocated each, of 1 KiB"),
            allocated / 1024.0,
            1.0,
        );
        // Of few the pages that happen to be there already, or not, are more than they take themselves.
        if size >= 100_000 {
            table.at_most(
                &format!("{size} open in memory: {resident:.0} bytes resident each, of 1 KiB"),
                resident / 1024.0,
                1.0,
            );
        }
        populations.push(population);
    }
    flatness("memory", runtime, &mut populations, (ROUNDS, TIMES), table);
}

fn flatness(
    place: &str,
    runtime: &Runtime,
    populations: &mut [Population],
    (rounds, times): (usize, u32),
    table: &mut Table,
) {
    for operation in Operation::ALL {
        let found = costs(runtime, populations, operation, rounds, times);
        for (population, ratio) in populations.iter().zip(found).skip(1) {
            let what = format!("{place}: {} among {}, beside 1000 open", operation.name(), population.name());
            table.at_most(&what, ratio, FLAT);
        }
    }
}

/// A million requests without a clearance, each from another source, with the limits that an engine has by default.
fn flood(_: &Runtime, _: usize, table: &mut Table) {
    const REQUESTS: u32 = 1_000_000;
    let world = World::with(|builder| builder.limits(RequestLimits::default()));
    let gate = world.gate();
    blocked::ask(&gate, 0, 1_000);
    let before = resident();
    let left = measure(|| blocked::ask(&gate, 1_000, REQUESTS));
    let grown = resident().saturating_sub(before);
    let what = format!("{REQUESTS} blocked requests from as many sources");
    assert_eq!(left.bytes_current, 0, "{what} leave nothing allocated");
    assert!(grown <= FLOOD, "{what} leave {grown} bytes resident; {FLOOD} is the most");
    table.at_most(
        &format!("{what}: {grown} bytes resident more, of 4 MiB"),
        grown as f64 / FLOOD as f64,
        1.0,
    );
}

fn contended(_: &Runtime, _: usize, table: &mut Table) {
    contention::race(200);
    table.row("all cores check challenges of their own, beside one core", contention::many(21));
    table.row("all cores check one challenge, beside one core", contention::one(21));
}

fn on_redis(runtime: &Runtime, largest: usize, table: &mut Table) {
    const ROUNDS: usize = 11;
    const TIMES: u32 = 200;
    let Some(server) = Server::start() else { return };
    runtime.block_on(footprint(&server, table));
    rates(runtime, &server, table);
    drop(server);

    let (mut servers, mut populations) = (Vec::new(), Vec::new());
    for size in sizes(largest) {
        let server = Server::start().expect("it was there before");
        let engine = runtime.block_on(server.engine());
        let mut population = Population::new(format!("{size} open"), &engine, CLIENTS);
        runtime.block_on(population.grow(size, kept(ROUNDS, TIMES as usize)));
        populations.push(population);
        servers.push(server);
    }
    flatness("Redis", runtime, &mut populations, (ROUNDS, TIMES), table);
}

async fn footprint(server: &Server, table: &mut Table) {
    const CHALLENGES: usize = 20_000;
    let engine = server.engine().await;
    let mut connection = server.connect().await;
    let before = Meter::read(&mut connection).await;
    Population::new("", &engine, CLIENTS).grow(CHALLENGES, 0).await;
    let after = Meter::read(&mut connection).await;
    let bytes = split(&mut connection, after.memory - before.memory, CHALLENGES).await;
    table.at_most(
        &format!("Redis: {:.0} bytes for an open challenge and its waits, of 600", bytes.challenge),
        bytes.challenge / 600.0,
        1.0,
    );
    table.row(
        &format!("Redis: {:.0} bytes for the counts of its address, of 600", bytes.counts),
        bytes.counts / 600.0,
    );
}

/// Checks over one connection beside what redis-benchmark gets with as many clients for the same commands.
fn rates(runtime: &Runtime, server: &Server, table: &mut Table) {
    const EACH: usize = 5_000;
    const ROUNDS: usize = 5;
    let engine = runtime.block_on(server.engine());
    let mut connection = runtime.block_on(server.connect());
    let mut population = Population::new("", &engine, CLIENTS);
    for (operation, waits) in [(Operation::Wrong, 1), (Operation::Right, 2)] {
        let (mut alone, mut together) = (Vec::new(), Vec::new());
        let mut sent = String::new();
        for _ in 0..ROUNDS {
            runtime.block_on(population.grow(EACH, EACH));
            let before = runtime.block_on(Meter::read(&mut connection));
            let begun = Instant::now();
            runtime.block_on(population.run(operation, EACH));
            let ours = EACH as f64 / begun.elapsed().as_secs_f64();
            let commands = runtime.block_on(Meter::read(&mut connection)).since(&before, EACH);
            let at_once = (commands.values().sum::<f64>() / f64::from(waits)).round() as usize;
            let Some(rates) = Rates::measure(server, 1) else { return };
            let Some(pipelined) = Rates::measure(server, at_once.max(1)) else { return };
            alone.push(ours / rates.operations(&commands));
            together.push(ours / pipelined.operations(&commands));
            sent = commands
                .iter()
                .map(|(name, calls)| format!("{calls:.0} {name}"))
                .collect::<Vec<_>>()
                .join(", ");
        }
        let what = format!("Redis: {} ({sent}) over one connection, {CLIENTS} at once", operation.name());
        table.at_least(&format!("{what}, beside redis-benchmark with as many clients"), median(alone), 0.5);
        table.row(&format!("{what}, beside the same with as many commands on their way"), median(together));
    }
}
