//! Counts the instructions of one request, with valgrind: they do not depend on how busy the machine is.
//!
//! ```sh
//! cargo run --release -p benches --bin instructions
//! ```
//!
//! Valgrind knows no instructions for SHA, so hashes run in software here: compare within a run only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that does not do what it says stops"
)]

use std::process::Command;

use benches::cases::{ALLOWED, FLOOR, ON_AXUM, runtime};
use benches::ceremony::{CODE, Ceremonies};
use benches::world::World;

/// What an allowed request may cost, beside the check that is written by hand.
const MOST: f64 = 1.6;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [name, which, times] => ask(name, which, times.parse().unwrap()),
        _ => compare(),
    }
}

fn ask(name: &str, which: &str, times: u32) {
    let bare = which == "bare";
    let runtime = runtime();
    if name == "actix" {
        let world = World::default();
        let system = actix_web::rt::System::new();
        let gate = world.gate();
        let clearance = system.block_on(world.clearance(&gate, benches::world::USER));
        let cookie = format!("__Host-clearance={clearance}");
        let fields = [("cookie", cookie.as_str())];
        system.block_on(async {
            let route = match which {
                "bare" => benches::on_actix::bare(&fields).await,
                "floor" => benches::on_actix::floor().await,
                _ => benches::on_actix::guarded(&gate, &fields, 200).await,
            };
            route.ask(times).await;
        });
        return;
    }
    if name == "ceremony" {
        let world = World::default();
        let mut ceremonies = Ceremonies::new(&world.engine, &world.gate(), 0);
        runtime.block_on(async {
            for _ in 0..times {
                let open = ceremonies.send().await;
                if which != "bare" {
                    assert!(open.check(CODE).await);
                }
            }
        });
        return;
    }
    let (_, make) = ON_AXUM.iter().find(|(known, _)| *known == name).expect("there is such a case");
    let route = make(&runtime);
    let route = if bare { route.bare() } else { route };
    runtime.block_on(async {
        // The bare route lets everything through.
        if bare { route.answering(http::StatusCode::OK).ask(times).await } else { route.ask(times).await }
    });
}

fn compare() {
    let floor = above_bare(FLOOR);
    println!("| instructions above the bare route | beside {FLOOR} |\n|---|---|");
    let mut ours = f64::MAX;
    for (name, _) in ON_AXUM {
        let above = above_bare(name);
        println!("| {name} | {:.2} ({above:.0}) |", above / floor);
        if *name == ALLOWED {
            ours = above / floor;
        }
    }
    if ours > MOST {
        eprintln!("an allowed request takes {ours:.2} times the instructions of {FLOOR}; {MOST} is the most");
        std::process::exit(1);
    }
}

/// Of one request, without those of the same request to the bare route: what a hundred more of them add.
fn above_bare(name: &str) -> f64 {
    let each = |which: &str| (run(name, which, 200) - run(name, which, 100)) / 100.0;
    each("ours") - each("bare")
}

fn run(name: &str, which: &str, times: u32) -> f64 {
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
