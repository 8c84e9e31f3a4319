//! A bounded load over sockets of loopback, the server on one core and the client on another, ours and the neighbours'
//! taking turns: ratios of throughput and of the 99th percentile to the bare route.
//!
//! ```sh
//! cargo run --release -p benches --bin load
//! ```
//!
//! A word chooses one part: `axum`, `actix`, `ceremony` or `threads`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement that does not do what it says stops"
)]

use benches::cases::{ALLOWED, BARE, FLOOR, ON_AXUM, runtime};
use benches::client::{Connection, request};
use benches::floor::{self, Floor};
use benches::load::{Target, contest, on_axum};
use benches::on_axum::{Route, guarded, head, session};
use benches::table::Table;
use benches::world::{USER, World};
use benches::{cores, servers, threads};
use tokio::runtime::Runtime;
use tower_sessions::MemoryStore;
use verify_tower::EndpointService;

/// Each is first, and second, and so on, as often as the others.
const ROUNDS: usize = 15;
const REQUESTS: usize = 20_000;

type Group = fn(&Runtime, &mut Table);

fn main() {
    let chosen = std::env::args().nth(1).unwrap_or_default();
    let runtime = runtime();
    if cores::count() < 2 {
        eprintln!("one core only: client and server take turns on it, and a ratio says less than it should");
    }
    let mut table = Table::default();
    let groups: [(&str, Group); 4] =
        [("axum", axum), ("actix", actix), ("ceremony", ceremony), ("threads", two_threads)];
    println!("| over sockets, beside the bare route | ratio | goal |\n|---|---|---|");
    for (name, group) in groups {
        if name.contains(&chosen) {
            // The servers go to the first core by themselves.
            cores::pin(1);
            group(&runtime, &mut table);
            table.print();
        }
    }
    if !table.is_met() {
        std::process::exit(1);
    }
}

fn axum(runtime: &Runtime, table: &mut Table) {
    let names = [
        BARE,
        "a layer that does nothing",
        FLOOR,
        ALLOWED,
        "ours, blocked",
        "tower-sessions, moka",
        "axum-login, moka",
    ];
    let routes = names.iter().map(|name| {
        let (_, make) = ON_AXUM.iter().find(|(known, _)| known == name).unwrap();
        (*name, make(runtime))
    });
    judge("axum", runtime, &on_axum(routes.collect()), table);
}

fn actix(runtime: &Runtime, table: &mut Table) {
    let world = World::default();
    let gate = world.gate();
    let clearance = runtime.block_on(world.clearance(&gate, USER));
    let at = servers::actix(&gate);
    let with = |cookie: &str| match cookie {
        "" => head(&[]).into_fields(),
        cookie => head(&[("cookie", cookie)]).into_fields(),
    };
    let entered = runtime.block_on(async {
        let mut connection = Connection::open(at.session).await;
        let answer = connection.ask(&request("GET", "/enter", &with(""), "")).await;
        assert_eq!(answer.status, 200);
        answer.cookies()
    });
    let cookie = with(&format!("__Host-clearance={clearance}"));
    let by_hand = with(&format!("{}={}", floor::COOKIE, Floor::default().issue(USER)));
    let targets = [
        Target::new(BARE, at.bare, &cookie, 200),
        Target::new(FLOOR, at.floor, &by_hand, 200),
        Target::new(ALLOWED, at.guarded, &cookie, 200),
        Target::new("ours, blocked", at.guarded, &with(""), 403),
        Target::new("actix-session, cookie", at.session, &with(&entered), 200),
    ];
    judge("actix", runtime, &targets, table);
}

/// Whole ceremonies beside as many requests to the bare route.
fn ceremony(runtime: &Runtime, table: &mut Table) {
    let world = World::default();
    let router = guarded(&world.gate()).nest_service("/challenge", EndpointService::new(&world.engine));
    let routes =
        vec![(BARE, Route::new(benches::on_axum::bare(), head(&[]))), ("", Route::new(router, head(&[])))];
    let [bare, served] = <[Target; 2]>::try_from(on_axum(routes)).unwrap();
    let whole = served.through_ceremonies("a ceremony: blocked, send, check, allowed", world);
    let targets = [bare, whole];
    for (target, outcome) in targets.iter().zip(contest(runtime, &targets, ROUNDS, 4_000)).skip(1) {
        table.row(
            &format!("axum: {}, beside as many requests: throughput", target.name()),
            outcome.throughput,
        );
        table.row(&format!("axum: {}: the client's core was busy", target.name()), outcome.client);
    }
}

fn judge(framework: &str, runtime: &Runtime, targets: &[Target], table: &mut Table) {
    for (target, outcome) in targets.iter().zip(contest(runtime, targets, ROUNDS, REQUESTS)) {
        let name = format!("{framework}: {}", target.name());
        match target.name() {
            ALLOWED => table.at_least(&format!("{name}: throughput"), outcome.throughput, 0.90),
            _ => table.row(&format!("{name}: throughput"), outcome.throughput),
        }
        table.row(&format!("{name}: 99th percentile"), outcome.p99);
        table.row(&format!("{name}: the client's core was busy"), outcome.client);
    }
}

/// Routers of their own that ask one gate, or one store of sessions, without sockets.
fn two_threads(runtime: &Runtime, table: &mut Table) {
    const TIMES: u32 = 50_000;
    let each = |make: &dyn Fn() -> Route| [make(), make()];
    let world = World::default();
    let gate = world.gate();
    let cookie = format!("__Host-clearance={}", runtime.block_on(world.clearance(&gate, USER)));
    let store = MemoryStore::default();
    let mut all = [
        ("the bare route", each(&|| Route::new(benches::on_axum::bare(), head(&[("cookie", &cookie)])))),
        ("ours, allowed", each(&|| Route::new(guarded(&gate), head(&[("cookie", &cookie)])))),
        (
            "ours, blocked",
            each(&|| Route::new(guarded(&gate), head(&[])).answering(http::StatusCode::FORBIDDEN)),
        ),
        ("tower-sessions, memory", each(&|| runtime.block_on(session(store.clone())))),
    ];
    for (name, routes) in &mut all {
        let ratio = threads::routes(routes, ROUNDS, TIMES);
        let name = format!("two threads beside one, without sockets: {name}");
        if name.ends_with("allowed") {
            table.at_least(&name, ratio, 1.85);
        } else {
            table.row(&name, ratio);
        }
    }
}
