//! Worldpay account verification at the gateway, on both frameworks: a hypermedia client walks through it, the lines of the
//! index work as printed, and nothing of a card is left anywhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::process::Command;

use serde_json::{Value, json};
use tests::bank::FRAMEWORKS;
use tests::gateway::{Folder, Gateway};
use tests::http::{Request, Response};
use tests::sdk::{Sdk, run};
use tests::worldpay::{FIVE, Kind, NUMBER, SIX, faults, intelligent, six};

/// `worldpay:secret`, as HTTP Basic has them.
const CREDENTIALS: &str = "Basic d29ybGRwYXk6c2VjcmV0";

fn ask(gateway: &Gateway, method: &str, path: &str, kind: &str, body: &Value) -> Response {
    let request = Request::new(method, path).header("authorization", CREDENTIALS).header("accept", kind);
    let request = match body {
        Value::Null => request,
        body => request.header("content-type", kind).body(body.to_string()),
    };
    gateway.ask(&request)
}

/// The path of a link that begins with where the gateway is.
fn path(gateway: &Gateway, href: &Value) -> String {
    let base = format!("http://localhost:{}", gateway.address().port());
    href.as_str().unwrap().strip_prefix(&base).expect("links begin with the gateway's own origin").to_owned()
}

#[test]
fn worldpay_rule_01_a_hypermedia_client_walks_from_the_root_to_an_outcome() {
    let hal = Sdk::hal();
    for framework in FRAMEWORKS {
        let gateway = Gateway::start(framework);
        let url = format!("http://localhost:{}", gateway.address().port());
        run(hal.script("walk.cjs").args([&url, "worldpay", "secret"]), "see what the walk says");
    }
}

#[test]
fn the_lines_of_the_index_work_as_printed() {
    for framework in FRAMEWORKS {
        let gateway = Gateway::start(framework);
        let index = gateway.ask(&Request::get("/")).json();
        let lines: Vec<&str> = index["apis"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|api| api["name"].as_str().unwrap().starts_with("Worldpay"))
            .map(|api| api["curl"].as_str().unwrap())
            .collect();
        assert_eq!(lines.len(), 3, "{index}");
        for line in lines {
            let line =
                line.replacen("curl ", "curl -q --silent --show-error --fail-with-body --noproxy '*' ", 1);
            let output = run(Command::new("sh").args(["-c", &line]), "apt-get install -y curl");
            let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert!(
                answer["outcome"] == "verified" || answer["relation"] == "resourceTree",
                "{line}: {answer}"
            );
        }
    }
}

/// The request that the vendor's documentation prints for a retrieval: its two fields and nothing else, at the address that
/// its relation stands for.
#[test]
fn the_printed_retrieval_works_with_its_relation_followed() {
    for framework in FRAMEWORKS {
        let gateway = Gateway::start(framework);
        let made = ask(
            &gateway,
            "POST",
            "/verifications/accounts/intelligent/oneTime",
            FIVE,
            &intelligent("printed"),
        );
        assert_eq!(made.status, 201, "{}", made.text());
        let href = path(&gateway, &made.json()["_links"]["verifications:verification"]["href"]);
        let found =
            gateway.ask(&Request::get(&href).header("authorization", CREDENTIALS).header("accept", FIVE));
        assert_eq!((found.status, &found.body), (200, &made.body));
        assert_eq!(faults(Kind::OneTime, &found.json()), [""; 0]);
        let about =
            gateway.ask(&Request::get("/rels/verifications/accounts/verification").header("accept", FIVE));
        assert_eq!((about.status, &about.json()["relation"]), (200, &json!("verification")));
    }
}

#[test]
fn worldpay_rule_14_nothing_of_a_card_is_answered_or_printed() {
    for framework in FRAMEWORKS {
        let gateway = Gateway::start(framework);
        let mut answers = Vec::new();
        for (count, holder) in ["Sherlock Holmes", "REFUSED", "ERROR", "LATER9"].into_iter().enumerate() {
            let (mut five, mut other) = (intelligent(&format!("a{count}")), six(&format!("b{count}")));
            five["paymentInstrument"]["cardHolderName"] = json!(holder);
            five["paymentInstrument"]["cvc"] = json!("8317");
            other["instruction"]["paymentInstrument"]["cardHolderName"] = json!(holder);
            other["instruction"]["paymentInstrument"]["cvc"] = json!("8317");
            let mut broken = five.clone();
            broken["transactionReference"] = json!("a b");
            broken[NUMBER] = json!(NUMBER);
            broken["paymentInstrument"]["cardNumber"] = json!("4444333322221119");
            for (path, kind, body) in [
                ("/verifications/accounts/intelligent/oneTime", FIVE, &five),
                ("/verifications/accounts/intelligent/cardOnFile", FIVE, &five),
                ("/verifications/accounts/intelligent/cardOnFile", FIVE, &broken),
                ("/cardVerifications", SIX, &other),
                ("/cardVerifications", SIX, &five),
            ] {
                let answer = ask(&gateway, "POST", path, kind, body);
                if let Some(href) = answer.json().pointer("/_links/verifications:verification/href") {
                    let found = self::path(&gateway, href);
                    answers.push(ask(&gateway, "GET", &found, FIVE, &Value::Null));
                }
                answers.push(answer);
            }
        }
        assert!(answers.len() > 20 && answers.iter().any(|answer| answer.text().contains("444433")));
        let said = answers.iter().flat_map(|answer| [answer.text(), format!("{:?}", answer.headers)]);
        let all: String = said.chain([gateway.printed()]).collect();
        for secret in [NUMBER, "4444333322221119", "221B", "Sherlock", "d29ybGRwYXk6c2VjcmV0"] {
            assert!(!all.contains(secret), "{framework:?} tells {secret}");
        }
        // Four digits in a row stand in moments, ports and links by chance; alone they are the code.
        let mut words = all.split(|c: char| !c.is_ascii_alphanumeric());
        assert!(!words.any(|word| word == "8317"), "{framework:?} tells the security code");
    }
}

#[test]
fn a_configuration_without_its_table_does_not_serve_it() {
    for framework in FRAMEWORKS {
        let folder = Folder::new();
        let file = folder.path().join("gateway.toml");
        let text = "inbox = true\n[worldpay]\nsimulator = true\npublic_url = \"https://verify.example\"\n\
                    [[worldpay.accounts]]\nusername = \"me\"\npassword = \"mine\"\n";
        std::fs::write(&file, text).unwrap();
        let gateway = Gateway::start_in(framework, folder, &["--config", &file.to_string_lossy()]);
        assert_eq!(gateway.ask(&Gateway::signed(Request::get("/v2/Services"))).status, 404);
        let denied = ask(&gateway, "GET", "/verifications/accounts", FIVE, &Value::Null);
        assert_eq!((denied.status, &denied.json()["errorName"]), (401, &json!("accessDenied")));
        let index = gateway.ask(&Request::get("/")).text();
        assert!(index.contains("/verifications/accounts") && !index.contains("mine"), "{index}");
    }
}
