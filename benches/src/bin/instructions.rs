//! Counts the instructions of one request, with valgrind: they do not depend on how busy the machine is.
//!
//! ```sh
//! cargo run --release -p benches --bin instructions
//! ```
//!
//! It ends with an error if a request that carries its clearance takes more of them, beside a check that is written by hand,
//! than it may. Valgrind knows no instructions for SHA, so hashes run in software here: compare within a run only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that does not do what it says stops"
)]

use std::process::{Command, ExitCode};

use benches::cases::{ALLOWED, FLOOR, ON_AXUM, runtime};
use benches::ceremony::{CODE, Ceremonies};
use benches::on_actix;
use benches::world::{USER, World};

/// What an allowed request may cost, beside the check that is written by hand.
const MOST: f64 = 1.6;

/// What is counted on actix: the floor, and ours.
const ON_ACTIX: [&str; 2] = ["actix: a check written by hand", "actix: ours, allowed by cookie"];

const CEREMONY: &str = "ceremony";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [name, which, times] => {
            run(name, which == BARE, times.parse().unwrap());
            ExitCode::SUCCESS
        }
        _ => compare(),
    }
}

const BARE: &str = "bare";

/// What valgrind watches: so many requests, or as many to the route with nothing in front.
fn run(name: &str, bare: bool, times: u32) {
    match name {
        CEREMONY => ceremonies(bare, times),
        name if ON_ACTIX.contains(&name) => actix(name, bare, times),
        name => axum(name, bare, times),
    }
}

fn axum(name: &str, bare: bool, times: u32) {
    let runtime = runtime();
    let (_, make) = ON_AXUM.iter().find(|(known, _)| *known == name).expect("there is such a case");
    let route = make(&runtime);
    let route = if bare { route.bare() } else { route };
    runtime.block_on(route.ask(times));
}

fn actix(name: &str, bare: bool, times: u32) {
    let world = World::default();
    let system = actix_web::rt::System::new();
    let gate = world.gate();
    let cookie = format!("__Host-clearance={}", system.block_on(world.clearance(&gate, USER)));
    let fields = [("cookie", cookie.as_str())];
    system.block_on(async {
        let route = match name {
            _ if bare => on_actix::bare(&fields).await,
            name if name == ON_ACTIX[0] => on_actix::floor().await,
            _ => on_actix::guarded(&gate, &fields, 200).await,
        };
        route.ask(times).await;
    });
}

/// Sends and right answers, or sends alone.
fn ceremonies(sends_alone: bool, times: u32) {
    let world = World::default();
    let mut ceremonies = Ceremonies::new(&world.engine, &world.gate(), 0);
    runtime().block_on(async {
        for _ in 0..times {
            let open = ceremonies.send().await;
            assert!(sends_alone || open.check(CODE).await);
        }
    });
}

fn compare() -> ExitCode {
    println!("| instructions above the bare route | count | beside a check written by hand |\n|---|---|---|");
    let mut worst: f64 = 0.0;
    let floor = above_bare(FLOOR);
    for (name, _) in ON_AXUM.iter().filter(|(name, _)| !name.starts_with(BARE)) {
        let above = above_bare(name);
        println!("| {name} | {above:.0} | {:.2} |", above / floor);
        if *name == ALLOWED {
            worst = worst.max(above / floor);
        }
    }
    let [floor, ours] = ON_ACTIX.map(above_bare);
    for (name, above) in ON_ACTIX.iter().zip([floor, ours]) {
        println!("| {name} | {above:.0} | {:.2} |", above / floor);
    }
    worst = worst.max(ours / floor);
    if worst > MOST {
        eprintln!(
            "an allowed request takes {worst:.2} times the instructions of {FLOOR}; {MOST} is the most"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Of one request, without those of the same request to the bare route: what a hundred more of them add.
fn above_bare(name: &str) -> f64 {
    let each = |which: &str| (watched(name, which, 200) - watched(name, which, 100)) / 100.0;
    each("guarded") - each(BARE)
}

fn watched(name: &str, which: &str, times: u32) -> f64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args([name, which, &times.to_string()])
        .output()
        .expect("valgrind counts instructions: apt-get install valgrind");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let collected =
        said.lines().find_map(|line| line.split_once("Collected : ")).expect("valgrind says how many");
    collected.1.trim().parse().unwrap()
}
