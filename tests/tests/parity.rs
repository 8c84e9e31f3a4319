//! One suite, two frameworks, the same answers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use tests::bank::{Bank, FRAMEWORKS};
use tests::scenario::{GUARDED, Transcript, differences, run};

/// The statuses are asserted on both, so that two equal wrongs are not right.
#[test]
fn r12_both_banks_answer_byte_for_byte_the_same() {
    let played: Vec<Transcript> = std::thread::scope(|scope| {
        let runs = FRAMEWORKS.map(|framework| scope.spawn(move || run(&Bank::start(framework))));
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let report = differences(&played[0].exchanges(), &played[1].exchanges());
    let surprises: Vec<_> =
        FRAMEWORKS.iter().zip(&played).map(|(framework, played)| (framework, played.surprises())).collect();
    for (framework, surprises) in &surprises {
        eprintln!("{framework:?} is not as expected in {}:\n{}\n", surprises.len(), surprises.join("\n"));
    }
    assert!(surprises.iter().all(|(_, surprises)| surprises.is_empty()), "statuses are not as expected");
    assert!(report.is_empty(), "axum (-) and actix (+) differ:\n{report}");
    assert!(played[0].raw().len() > 300, "the suite is smaller than it was");
    for exchange in played.iter().flat_map(Transcript::raw).filter(|exchange| exchange.expected != 200) {
        let shown = exchange.response.text();
        let leaked = GUARDED[..4].iter().find(|text| shown.contains(**text));
        assert_eq!(leaked, None, "{} shows what is guarded", exchange.name);
    }
}
