//! The gateway's own pages, its configuration and its data, on both frameworks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use tests::bank::FRAMEWORKS;
use tests::gateway::{Folder, Gateway};
use tests::http::{Request, Response};

/// What does not differ by framework: without the fields that a server writes itself.
fn shown(response: &Response) -> (u16, Vec<(String, String)>, String) {
    let own = ["date", "connection", "transfer-encoding", "content-length"];
    let mut headers = response.headers.clone();
    headers.retain(|(name, _)| !own.contains(&name.as_str()));
    headers.sort();
    (response.status, headers, response.text())
}

#[test]
fn a_gateway_starts_without_configuration_and_stops_on_ctrl_c() {
    for framework in FRAMEWORKS {
        let gateway = Gateway::start(framework);
        let index = gateway.ask(&Request::get("/")).json();
        assert_eq!(index["apis"][0]["prefix"], "/v2", "{framework:?}: {index}");
        assert!(index["apis"][0]["curl"].as_str().unwrap().contains("/v2/Services"), "{index}");
        let page = gateway.ask(&Request::get("/").browser());
        assert!(page.text().contains("/v2/Services") && page.text().contains("/inbox"), "{}", page.text());
        assert_eq!(gateway.inbox(), serde_json::json!([]), "{framework:?}");
        assert!(gateway.ask(&Request::get("/inbox").browser()).text().contains("Nothing has arrived yet"));
        drop(gateway.stop());
    }
}

#[test]
fn both_frameworks_answer_alike() {
    let [axum, actix] = FRAMEWORKS.map(Gateway::start);
    let requests = [
        Request::get("/nowhere"),
        Request::get("/v3/Services"),
        Request::get("/v2"),
        Request::get("/v2/"),
        Request::get("/v2/Services"),
        Gateway::signed(Request::get("/v2/nowhere/at/all")),
        Gateway::signed(Request::get("/v2/Services/VA0")),
        Gateway::signed(Request::new("PATCH", "/v2/Services")),
        Gateway::signed(Request::form("/v2/Services", "FriendlyName=%FF")),
        Gateway::signed(Request::form("/v2/Services", &"a".repeat(100_000))),
        Gateway::signed(Request::get("/v2/Services/%2e%2e/Services")),
        Request::form("/", "a=1"),
        Request::form("/inbox", "a=1"),
        Request::new("DELETE", "/inbox"),
        Request::new("HEAD", "/"),
    ];
    for request in requests {
        let answers = [&axum, &actix].map(|gateway| shown(&gateway.ask(&request)));
        assert_eq!(answers[0], answers[1], "{request:?}");
        assert!(answers[0].0 < 500, "{request:?}: {answers:?}");
    }
}

#[test]
fn r75_the_inbox_is_not_shown_under_a_name_that_somebody_else_gave() {
    for framework in FRAMEWORKS {
        let gateway = Gateway::start(framework);
        let ask = |host: &str| gateway.ask(&Request::get("/inbox").header("host", host)).status;
        let port = gateway.address().port();
        for here in ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"] {
            assert_eq!(ask(&format!("{here}:{port}")), 200, "{framework:?} {here}");
        }
        for there in ["rebound.example", "localhost.evil.example", "127.0.0.1.evil.example"] {
            assert_eq!(ask(&format!("{there}:{port}")), 403, "{framework:?} {there}");
        }
    }
}

#[test]
fn a_configuration_of_ones_own_serves_what_it_says() {
    for framework in FRAMEWORKS {
        let folder = Folder::new();
        let file = folder.path().join("gateway.toml");
        let account = format!("AC{}", "1".repeat(32));
        let text =
            format!("inbox = true\n[[twilio.accounts]]\nsid = \"{account}\"\ntoken = \"0f1e2d3c4b5a6978\"\n");
        std::fs::write(&file, text).unwrap();
        let gateway = Gateway::start_in(framework, folder, &["--config", &file.to_string_lossy()]);
        assert_eq!(gateway.ask(&Gateway::signed(Request::get("/v2/Services"))).status, 401);
        let index = gateway.ask(&Request::get("/"));
        assert!(!index.text().contains("0f1e2d3c") && !index.text().contains(&account), "{}", index.text());
    }
}

#[test]
fn services_survive_a_restart() {
    for framework in FRAMEWORKS {
        let gateway = Gateway::start(framework);
        let made = gateway.ask(&Gateway::signed(Request::form("/v2/Services", "FriendlyName=Owl")));
        assert_eq!(made.status, 201, "{}", made.text());
        let path = format!("/v2/Services/{}", made.json()["sid"].as_str().unwrap());
        let gateway = Gateway::start_in(framework, gateway.stop(), &[]);
        let found = gateway.ask(&Gateway::signed(Request::get(&path)));
        assert_eq!((found.status, &found.json()["friendly_name"]), (200, &"Owl".into()), "{}", found.text());
    }
}
