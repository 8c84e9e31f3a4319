//! The official description of Twilio Verify, tried out on the gateway with whatever it allows and forbids.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::bank::{FRAMEWORKS, Framework};
use tests::gateway::{ACCOUNT, Folder, Gateway, TOKEN};
use tests::http::Request;
use tests::openapi::Description;
use tests::recorder::{Recorded, Recorder};
use tests::sdk::{Sdk, run};
use tests::twilio::{self, DESCRIPTION};

/// Longer finds little more: most of the time goes into what is refused at once.
const SECONDS: &str = "50";

/// What is answered with 404 whatever comes: that is soon tried out, and was.
const NOT_SERVED: &str = "Entities|Webhooks|AccessTokens|Forms|MessagingConfigurations|Passkeys|Templates";

fn make(gateway: &Gateway, path: &str, form: &str) -> String {
    let made = gateway.ask(&Gateway::signed(Request::form(path, form)));
    assert_eq!(made.status, 201, "{path}: {}", made.text());
    made.json()["sid"].as_str().unwrap().to_owned()
}

/// What the API takes where the description says "text", so that not everything is refused at once.
fn sharpened() -> Value {
    let mut whole: Value = serde_json::from_str(DESCRIPTION).unwrap();
    for path in whole["paths"].as_object_mut().unwrap().values_mut() {
        let form = "/post/requestBody/content/application~1x-www-form-urlencoded/schema/properties";
        let Some(fields) = path.pointer_mut(form) else { continue };
        for (name, pattern) in [
            ("To", "^\\+1202555[0-9]{4}$"),
            ("Channel", "^(sms|call|email|whatsapp|sna|auto)$"),
            ("Code", "^[0-9]{4,10}$"),
            ("CustomCode", "^[0-9]{4,10}$"),
            ("FriendlyName", "^[A-Z][a-z]{2,20}$"),
            ("UniqueName", "^[a-z]{3,9}$"),
            ("PhoneNumber", "^\\+1202555[0-9]{4}$"),
        ] {
            if let Some(field) = fields.get_mut(name) {
                field["pattern"] = pattern.into();
            }
        }
    }
    whole
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
    std::fs::write(folder.path().join("description.json"), sharpened().to_string()).unwrap();
    let recorder = Recorder::start(gateway.address()).unwrap();
    let mut command = python.program("schemathesis");
    command
        .current_dir(folder.path())
        .args(["run", "description.json", "--url", &recorder.url(), "--auth", &format!("{ACCOUNT}:{TOKEN}")])
        .args(["--checks", "not_a_server_error,response_schema_conformance", "--max-time", SECONDS])
        .args(["--exclude-path-regex", NOT_SERVED])
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
        for seen in runs.map(|run| run.join().unwrap()) {
            let fine = seen.iter().filter(|seen| seen.response.status < 300).count();
            let refused = seen.iter().filter(|seen| seen.response.status >= 400).count();
            assert!(fine > 30 && refused > 30, "{fine} answers and {refused} refusals are no trial");
        }
    });
}

/// A judge that finds nothing has to be able to find something.
#[test]
fn a_description_that_said_otherwise_would_be_found_out() {
    let gateway = Gateway::start(FRAMEWORKS[0]);
    let recorder = Recorder::start(gateway.address()).unwrap();
    let address = recorder.url().trim_start_matches("http://").parse().unwrap();
    let made = Gateway::signed(Request::form("/v2/Services", "FriendlyName=Owl")).send(address).unwrap();
    let missing = Gateway::signed(Request::get("/v2/Services/VA0")).send(address).unwrap();
    assert_eq!((made.status, missing.status), (201, 404));
    let seen = recorder.seen();
    assert!(twilio::faults(&seen).is_empty(), "{:?}", twilio::faults(&seen));
    let strict = jsonschema::validator_for(&json!({ "required": ["type"] })).unwrap();
    let lax = jsonschema::validator_for(&json!(true)).unwrap();
    for (member, lie) in [("friendly_name", "integer"), ("date_created", "boolean"), ("sid", "array")] {
        let lying = Description::read(DESCRIPTION, |whole| {
            whole["components"]["schemas"]["verify.v2.service"]["properties"][member] =
                json!({ "type": lie });
        });
        let faults = lying.unwrap().faults(&seen[0], &lax);
        assert_eq!(faults.len(), 1, "{member} as {lie}: {faults:?}");
    }
    let description = Description::read(DESCRIPTION, |_| ()).unwrap();
    assert!(!description.faults(&seen[1], &strict).is_empty(), "an error of another form");
    let unknown = Description::read(DESCRIPTION, |whole| {
        whole["paths"]["/v2/Services"]["post"]["responses"] = json!({});
    });
    assert!(!unknown.unwrap().faults(&seen[0], &lax).is_empty(), "a status that nobody knows");
}
