//! An engine whose settings make no sense does not start, and says which.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use verify_core::{Budgets, ConfigError, Conversion, Engine, EngineBuilder, KeyRing, Origin, Quota};

#[test]
fn r46_budgets_and_times_that_make_no_sense_do_not_start() {
    let day = Duration::from_secs(24 * 3600);
    let build = |change: &dyn Fn(EngineBuilder) -> EngineBuilder| {
        let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
        change(Engine::builder(keys, Origin::parse("https://bank.example").unwrap())).build().err()
    };
    let budgets = |budgets: Budgets| build(&move |builder| builder.budgets(budgets.clone()));
    assert!(budgets(Budgets::default()).is_none());
    for odd in [
        Budgets::default().failures(Quota::new(0, day)),
        Budgets::default().failures(Quota::new(5, Duration::ZERO)),
        Budgets::default().per_destination([Quota::new(5, day), Quota::new(3, Duration::ZERO)]),
        Budgets::default().in_total([Quota::new(3, Duration::ZERO)]),
        Budgets::default().watch_countries(Conversion::below(101, 20, day)),
        Budgets::default().watch_prefixes(Conversion::below(10, 20, Duration::ZERO)),
    ] {
        assert!(matches!(budgets(odd.clone()), Some(ConfigError::Budget { .. })), "{odd:?}");
    }
    for odd in [Duration::ZERO, Duration::from_secs(61)] {
        let error = build(&move |builder| builder.deadline(odd));
        assert!(matches!(error, Some(ConfigError::Deadline { given }) if given == odd), "{error:?}");
    }
    assert!(build(&|builder| builder.deadline(Duration::from_secs(60))).is_none());
    assert!(matches!(build(&|builder| builder.delivery_queue(0)), Some(ConfigError::Queue)));
}
