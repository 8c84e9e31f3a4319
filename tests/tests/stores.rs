//! The page about stores: its statements for SQLite pass the test kit, run by several processes on one file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(unreachable_pub, reason = "the modules are of this test alone")]

#[path = "stores/page.rs"]
mod page;
#[path = "stores/sqlite.rs"]
mod sqlite;

use std::time::Duration;

use bytes::Bytes;
use verify_core::conformance::{self, Law, Setup, block_on};
use verify_core::store::{Key, Store};

use page::Section;
use sqlite::SqliteStore;

const PAGE: &str = include_str!("../../docs/stores.md");
const MINUTE: Duration = Duration::from_secs(60);

fn open() -> SqliteStore {
    SqliteStore::open(Section::of(PAGE, "SQLite"))
}

mod sqlite_passes {
    use super::*;

    verify_core::store_conformance!(
        async { open() },
        advance: |store, by| store.clock.advance(by),
        full: async { open().with_pages(100) },
        near_top: async { open().near_the_top() },
    );
}

/// Whether a law holds when one text is written for another in the section about SQLite.
fn holds(law: Law<SqliteStore>, truth: &str, text: &str) -> bool {
    let section = PAGE.find("\n## SQLite\n").unwrap();
    let page = format!("{}{}", &PAGE[..section], PAGE[section..].replace(truth, text));
    assert_eq!(page == PAGE, truth == text, "{truth}");
    let mut store = SqliteStore::open(Section::of(&page, "SQLite"));
    if truth.contains("9223372036854775807") {
        store = store.near_the_top();
    }
    let kit = Setup::new().open(async { store }).unwrap();
    law(&kit.advance_with(|store, by| store.clock.advance(by))).is_ok()
}

#[test]
fn a_page_that_said_otherwise_would_be_found_out() {
    let top = "WHEN c.sum > 9223372036854775807 - excluded.sum THEN 9223372036854775807";
    let lies: [(&str, &str, Law<SqliteStore>); 8] = [
        ("WHERE verify_values.ends <= :now", "WHERE false", conformance::insert_after_expiry),
        ("WHERE verify_values.ends <= :now", "", conformance::one_insert_winner),
        ("AND ends > :now RETURNING value", "RETURNING value", conformance::values_expire),
        (
            "FROM verify_values WHERE key = :key AND ends > :now\n",
            "FROM verify_values WHERE key = :key\n",
            conformance::values_expire,
        ),
        ("ELSE c.ends END", "ELSE excluded.ends END", conformance::window_is_set_at_first_touch),
        ("ELSE c.sum + excluded.sum", "ELSE excluded.sum", conformance::each_sum_once),
        (
            "FROM verify_counters WHERE key = :key AND ends > :now",
            "FROM verify_counters WHERE key = :key",
            conformance::counters_expire,
        ),
        (top, "", conformance::sums_stop_at_the_top),
    ];
    for (truth, lie, law) in lies {
        assert!(holds(law, truth, truth), "{truth:?} is no help");
        assert!(!holds(law, truth, lie), "{truth:?} makes no difference");
    }
}

#[test]
fn the_clean_up_removes_what_is_over_and_nothing_else() {
    let store = open();
    let (brief, lasting) = (Key::new([1; 16]), Key::new([2; 16]));
    block_on(async {
        for (key, ttl) in [(brief, MINUTE), (lasting, 3 * MINUTE)] {
            assert!(store.insert(&key, Bytes::from_static(b"value"), ttl).await.unwrap());
            assert_eq!(store.add(&key, 2, ttl).await.unwrap(), 2);
        }
        store.clean_up();
        assert_eq!(store.rows(), 4);
        store.clock.advance(2 * MINUTE);
        assert_eq!(store.rows(), 4, "absent for the verbs, and still there");
        store.clean_up();
        assert_eq!(store.rows(), 2);
        assert!(store.get(&lasting).await.unwrap().is_some());
        assert_eq!(store.add(&lasting, 1, MINUTE).await.unwrap(), 3);
    });
}

#[test]
fn both_databases_have_each_statement() {
    for heading in ["Postgres", "SQLite"] {
        let section = Section::of(PAGE, heading);
        for name in ["tables", "insert", "get", "take", "add", "look", "clean up"] {
            assert!(!section.get(name).is_empty(), "{heading}: {name}");
        }
    }
}
