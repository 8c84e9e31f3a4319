//! The official description of Twilio Verify, tried out on the gateway with whatever it allows and forbids.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;

use tests::bank::{FRAMEWORKS, Framework};
use tests::gateway::{ACCOUNT, Folder, Gateway, TOKEN};
use tests::http::Request;
use tests::recorder::{Recorded, Recorder};
use tests::sdk::{Sdk, run};
use tests::twilio::{self, DESCRIPTION};

/// Longer finds little more: most of the time goes into what is refused at once.
const SECONDS: &str = "50";

fn make(gateway: &Gateway, path: &str, form: &str) -> String {
    let made = gateway.ask(&Gateway::signed(Request::form(path, form)));
    assert_eq!(made.status, 201, "{path}: {}", made.text());
    made.json()["sid"].as_str().unwrap().to_owned()
}

/// Lets it loose on one gateway, and holds every answer against the description itself.
fn try_out(python: &Sdk, framework: Framework) -> Vec<Recorded> {
    let (gateway, folder) = (Gateway::start(framework), Folder::new());
    let service = make(&gateway, "/v2/Services", "FriendlyName=Owl&CustomCodeEnabled=true");
    let limit = make(&gateway, &format!("/v2/Services/{service}/RateLimits"), "UniqueName=ip");
    // Ids that exist, since nobody guesses one.
    let parameters =
        format!("[parameters]\n\"path.ServiceSid\" = \"{service}\"\n\"path.RateLimitSid\" = \"{limit}\"\n");
    std::fs::write(folder.path().join("schemathesis.toml"), parameters).unwrap();
    std::fs::write(folder.path().join("description.json"), DESCRIPTION).unwrap();
    let recorder = Recorder::start(gateway.address()).unwrap();
    let mut command = python.program("schemathesis");
    command
        .current_dir(folder.path())
        .args(["run", "description.json", "--url", &recorder.url(), "--auth", &format!("{ACCOUNT}:{TOKEN}")])
        .args(["--checks", "not_a_server_error,response_schema_conformance", "--max-time", SECONDS])
        .args(["--phases", "examples,coverage,fuzzing,stateful", "--seed", "1", "--no-shrink"])
        .args(["--suppress-health-check", "all", "--warnings", "off", "--continue-on-failure", "--no-color"]);
    run(&mut command, "see what it has found");
    let seen = recorder.seen();
    // What is not in the description is asked for as well, to see that it is refused.
    let known: Vec<_> =
        seen.iter().filter(|seen| !matches!(seen.response.status, 404 | 405)).cloned().collect();
    let faults: BTreeSet<_> = twilio::faults(&known).into_iter().collect();
    let first: Vec<_> = faults.into_iter().take(20).collect();
    assert!(first.is_empty(), "{framework:?}:\n{}", first.join("\n"));
    seen
}

#[test]
fn no_request_that_the_description_knows_or_forbids_breaks_the_gateway() {
    let python = Sdk::python();
    std::thread::scope(|scope| {
        let runs = FRAMEWORKS.map(|framework| {
            scope.spawn({
                let python = &python;
                move || try_out(python, framework)
            })
        });
        for run in runs {
            let seen = run.join().unwrap();
            let fine = seen.iter().filter(|seen| seen.response.status < 300).count();
            let refused = seen.iter().filter(|seen| seen.response.status >= 400).count();
            assert!(fine > 50 && refused > 50, "{fine} answers and {refused} refusals are no trial");
        }
    });
}
