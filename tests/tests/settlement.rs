//! What becomes of a transaction's outcome when the store, the client or the answer itself does not last.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "handlers/on_actix.rs"]
mod on_actix;
#[path = "handlers/on_axum.rs"]
mod on_axum;
#[path = "handlers/shop.rs"]
mod shop;

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use shop::{FORM, JSON, MOUNTINGS, News, Open, transfer};
use tests::http::Response;

/// More than a machine under load takes for what is in memory, and less than anybody wants to wait.
const DEADLINE: Duration = Duration::from_secs(3);

/// The layer, and the extractors; what keeps a handler's answer does so for a layer alone.
const WAYS: [(&str, &str); 3] = [("/orders", JSON), ("/json", JSON), ("/form", FORM)];

fn is_replayed(answer: &Response) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

/// As it is told to whoever asks with the same key again.
#[track_caller]
fn assert_known(answer: &Response, path: &str) {
    if path == "/orders" {
        assert_eq!((answer.status, answer.text().as_str()), (200, "10.00 to Acme"));
        assert!(is_replayed(answer), "{:?}", answer.headers);
    } else {
        assert_eq!((answer.status, &answer.json()["code"]), (409, &"already_executed".into()), "{path}");
    }
}

#[test]
fn r10_a_store_that_hangs_keeps_no_answer_back() {
    for (mounting, (path, kind)) in MOUNTINGS.into_iter().flat_map(|mounting| WAYS.map(|way| (mounting, way)))
    {
        let open = Open::on(mounting, |engine| engine.deadline(DEADLINE));
        let request = open.answered(&transfer(path, kind).header("idempotency-key", "k"));
        open.shop.store.hold();
        let answer = open.ask(&request);
        assert_eq!((answer.status, answer.text().as_str()), (200, "10.00 to Acme"), "{mounting:?} {path}");
        assert_eq!(open.news(), News::Waits);
        // It goes on meanwhile, and ends when the store does.
        open.shop.store.let_go();
        assert_eq!(open.news(), News::Kept, "{mounting:?} {path}");
        assert_known(&open.ask(&request), path);
        assert_eq!(open.runs(), 1);
    }
}

#[test]
fn r30_an_outcome_is_kept_though_the_client_has_left() {
    for (mounting, (path, kind)) in MOUNTINGS.into_iter().flat_map(|mounting| WAYS.map(|way| (mounting, way)))
    {
        let open = Open::on(mounting, |engine| engine);
        let request = open.answered(&transfer(path, kind).header("idempotency-key", "k"));
        open.shop.store.hold();
        open.forget();
        let mut client = TcpStream::connect(open.address).unwrap();
        client.write_all(&request.wire(open.address)).unwrap();
        assert_eq!(open.news(), News::Waits);
        drop(client);
        open.is_over();
        open.shop.store.let_go();
        assert_eq!(open.news(), News::Kept, "{mounting:?} {path}");
        assert_known(&open.ask(&request), path);
        // An extractor settles before its handler, which this client has not waited for.
        assert_eq!(open.runs(), usize::from(path == "/orders"), "{mounting:?} {path}");
    }
}

/// Nobody takes what broke off for a whole answer: neither the client that asked, nor the one that asks again.
#[test]
fn r30_an_answer_that_breaks_off_is_neither_given_nor_kept() {
    for (mounting, how) in
        MOUNTINGS.into_iter().flat_map(|mounting| ["fails", "ends"].map(|how| (mounting, how)))
    {
        let open = Open::on(mounting, |engine| engine);
        let order = transfer(&format!("/orders?{how}"), JSON).header("idempotency-key", "k");
        let request = open.answered(&order);
        let answer = open.ask(&request);
        assert_eq!((answer.status, answer.text().as_str()), (500, ""), "{mounting:?} {how}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{mounting:?} {how}");
        let again = open.ask(&request);
        assert_eq!(
            (again.status, &again.json()["code"]),
            (409, &"already_executed".into()),
            "{mounting:?} {how}"
        );
        assert_eq!(open.runs(), 1);
    }
}
