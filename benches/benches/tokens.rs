//! What is sealed and signed, each by itself, by criterion.

use benches::cases::runtime;
use benches::tokens::{Clearances, Proof, Tickets};
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    tickets(&mut criterion);
    clearances(&mut criterion);
    proofs(&mut criterion);
    criterion.final_summary();
}

fn tickets(criterion: &mut Criterion) {
    let runtime = runtime();
    let tickets = Tickets::default();
    let ticket = tickets.seal();
    let mut group = criterion.benchmark_group("ticket");
    group.bench_function("sealed", |bencher| bencher.iter(|| tickets.seal()));
    group.bench_function("opened, and its challenge looked for", |bencher| {
        bencher.to_async(&runtime).iter(|| tickets.open(&ticket));
    });
}

fn clearances(criterion: &mut Criterion) {
    let runtime = runtime();
    let (good, due) = (Clearances::good(&runtime), Clearances::due(&runtime));
    let mut group = criterion.benchmark_group("clearance");
    group.bench_function("verified", |bencher| bencher.iter(|| good.verify()));
    group.bench_function("verified and signed anew", |bencher| {
        bencher.to_async(&runtime).iter(|| due.sign());
    });
}

fn proofs(criterion: &mut Criterion) {
    let proof = Proof::default();
    criterion.bench_function("proof of work verified", |bencher| bencher.iter(|| proof.verify()));
}
