//! PhonesVerification in the gateway as it comes: the index's own curl line, a call that a person answers, and a quiet log.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "phonesverification/receiver.rs"]
mod receiver;

use receiver::Receiver;
use serde_json::Value;
use tests::bank::{FRAMEWORKS, Framework};
use tests::gateway::{Folder, Gateway};
use tests::http::Request;

const PATH: &str = "/phonesverification/app/api/json/tts/reversepinverification";

/// The calls that ring, once there is one.
fn ringing(gateway: &Gateway) -> Value {
    let mut looks = (0..10_000).map(|_| gateway.ask(&Request::get("/handset")).json());
    looks.find(|calls| !calls[0].is_null()).expect("somebody is calling")
}

fn on_both(act: impl Fn(Framework)) {
    FRAMEWORKS.into_iter().for_each(act);
}

#[test]
fn the_curl_line_of_the_index_rings_at_the_handset() {
    on_both(|framework| {
        let gateway = Gateway::start(framework);
        let index = gateway.ask(&Request::get("/")).json();
        let apis = index["apis"].as_array().unwrap();
        let line = |prefix: &str| {
            let api = apis.iter().find(|api| api["prefix"] == prefix);
            api.unwrap_or_else(|| panic!("{prefix} in {index}"))["curl"].as_str().unwrap().to_owned()
        };
        let run = |prefix: &str| {
            let output =
                std::process::Command::new("sh").args(["-c", &format!("{} -s", line(prefix))]).output();
            String::from_utf8(output.expect("sh is there").stdout).unwrap()
        };
        let placed = run("/phonesverification/app/api");
        assert!(placed.contains("\"Status\":0"), "{framework:?}: {placed}");
        ringing(&gateway);
        let calls = run("/handset");
        assert!(calls.contains("Please dial the PIN"), "{framework:?}: {calls}");
        let page = gateway.ask(&Request::get("/handset").browser()).text();
        assert!(page.contains("12025550123") && page.contains("<form method=\"post\">"), "{page}");
    });
}

#[test]
fn phonesverification_rule_18_a_person_dials_and_the_log_tells_nothing() {
    on_both(|framework| {
        let (gateway, receiver) = (Gateway::start(framework), Receiver::start());
        let form = format!(
            "apikey=qd4cr4gd&apisecret=87548754&number=148485454545&pin=73194682&brand=Owl&callbackurl={}",
            receiver.at("/cb/unguessable-7f3a9")
        );
        let placed = gateway.ask(&Request::form(PATH, &form)).json();
        assert_eq!(placed["Status"], 0, "{placed}");
        assert_eq!(receiver.next().get("status"), "Sent");
        let call = ringing(&gateway)[0].clone();
        assert_eq!((&call["id"], call["to"].as_str()), (&placed["Response"]["id"], Some("148485454545")));
        let dial = |more: &str| gateway.ask(&Request::form("/handset", &format!("id={}&{more}", call["id"])));
        assert_eq!(dial("end=shout").status, 400);
        assert_eq!(dial("end=pick-up").status, 200);
        assert_eq!(receiver.next().get("status"), "Delivered");
        assert_eq!(dial("end=dial&keys=73194682").status, 200);
        assert_eq!(receiver.next().said(), ("Delivered - PIN Verified".to_owned(), "true".to_owned()));
        assert_eq!(gateway.ask(&Request::get("/handset")).json(), serde_json::json!([]));
        for secret in ["73194682", "87548754", "148485454545", "unguessable-7f3a9"] {
            assert!(!gateway.printed().contains(secret), "{framework:?} printed {secret}");
        }
        assert!(gateway.printed().contains("DEVELOPMENT HANDSET"));
    });
}

#[test]
fn a_gateway_without_its_table_does_not_serve_it() {
    on_both(|framework| {
        let folder = Folder::new();
        let file = folder.path().join("gateway.toml");
        let account = format!("AC{}", "1".repeat(32));
        std::fs::write(
            &file,
            format!("inbox = true\n[[twilio.accounts]]\nsid = \"{account}\"\ntoken = \"0123456789abcdef\"\n"),
        )
        .unwrap();
        let gateway = Gateway::start_in(framework, folder, &["--config", &file.to_string_lossy()]);
        for path in [PATH, "/handset"] {
            assert_eq!(gateway.ask(&Request::new("POST", path)).status, 404, "{path}");
        }
    });
}
