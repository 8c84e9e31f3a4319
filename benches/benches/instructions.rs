//! Instructions of the parts, by gungraun over callgrind: they do not depend on how busy the machine is.
//!
//! It takes valgrind, and the runner of the very version that is in the lock file; without them it says so and is done.

use std::process::{Command, Stdio};

/// That of `gungraun` in the manifest.
const INSTALL: &str = "apt-get install valgrind && cargo install gungraun-runner --version 0.20.0 --locked";

fn main() {
    let there = |program: &str| {
        let asked =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok()
    };
    let runner = option_env!("GUNGRAUN_RUNNER").unwrap_or("gungraun-runner");
    // Under valgrind it is the runner that has started this.
    let is_counted = std::env::args().nth(1).is_some_and(|first| first == "--gungraun-run");
    if is_counted || (there("valgrind") && there(runner)) {
        counted::run();
    } else {
        eprintln!("instructions are not counted: {INSTALL}");
    }
}

#[allow(missing_docs, clippy::all, reason = "most of it is written by macros")]
#[allow(clippy::expect_used, reason = "a measurement that does not do what it says stops")]
mod counted {
    use benches::cases::{ALLOWED, FLOOR, ON_AXUM, runtime};
    use benches::on_axum::Route;
    use benches::tokens::{Clearances, Tickets};
    use gungraun::{library_benchmark, library_benchmark_group, main};
    use tokio::runtime::Runtime;

    fn route(name: &str) -> (Runtime, Route) {
        let runtime = runtime();
        let make = ON_AXUM.iter().find(|(known, _)| *known == name).map(|(_, make)| make);
        let route = make.expect("there is such a case")(&runtime);
        runtime.block_on(route.ask(1));
        (runtime, route)
    }

    fn bare(name: &str) -> (Runtime, Route) {
        let (runtime, route) = route(name);
        (runtime, route.bare())
    }

    #[library_benchmark]
    #[bench::bare(args = (ALLOWED), setup = bare)]
    #[bench::by_hand(args = (FLOOR), setup = route)]
    #[bench::cleared(args = (ALLOWED), setup = route)]
    #[bench::blocked(args = ("ours, blocked"), setup = route)]
    fn request((runtime, route): (Runtime, Route)) -> (Runtime, Route) {
        runtime.block_on(route.ask(1));
        (runtime, route)
    }

    fn cleared() -> Clearances {
        let clearances = Clearances::good(&runtime());
        clearances.verify();
        clearances
    }

    #[library_benchmark]
    #[bench::of_one_proof(setup = cleared)]
    fn clearance_verified(clearances: Clearances) -> Clearances {
        clearances.verify();
        clearances
    }

    fn tickets() -> Tickets {
        let tickets = Tickets::default();
        tickets.seal();
        tickets
    }

    #[library_benchmark]
    #[bench::of_a_code(setup = tickets)]
    fn ticket_sealed(tickets: Tickets) -> (Tickets, String) {
        let ticket = tickets.seal();
        (tickets, ticket)
    }

    library_benchmark_group!(name = requests; benchmarks = request);
    library_benchmark_group!(name = tokens; benchmarks = clearance_verified, ticket_sealed);
    main!(library_benchmark_groups = requests, tokens);

    pub(crate) fn run() {
        main();
    }
}
