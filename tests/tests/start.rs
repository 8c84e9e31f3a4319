//! The banks start, answer and stop.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use tests::bank::{Bank, FRAMEWORKS};
use tests::http::Request;

#[test]
fn a_bank_starts_without_configuration_and_stops_on_ctrl_c() {
    for framework in FRAMEWORKS {
        let bank = Bank::start(framework);
        for path in ["/", "/news", "/ledger"] {
            assert_eq!(bank.ask(&Request::get(path)).status, 200, "{framework:?} {path}");
        }
        assert!(bank.interrupt(), "{framework:?}");
    }
}
