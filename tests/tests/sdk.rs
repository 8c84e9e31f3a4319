//! Official SDKs, unmodified, run whole sessions with the gateway; and every answer that they get is held against the
//! official description.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use tests::bank::{FRAMEWORKS, Framework};
use tests::gateway::{ACCOUNT, Gateway, TOKEN};
use tests::recorder::Recorder;
use tests::sdk::{Sdk, run};
use tests::twilio;

fn session(sdk: &Sdk, script: &str, framework: Framework) {
    let gateway = Gateway::start(framework);
    let recorder = Recorder::start(gateway.address()).unwrap();
    run(sdk.script(script).args([&recorder.url(), ACCOUNT, TOKEN]), "see what the session says");
    let seen = recorder.seen();
    let faults = twilio::faults(&seen);
    assert!(faults.is_empty(), "{framework:?}: {}", faults.join("\n"));
    let calls = seen.iter().filter(|seen| seen.path.starts_with("/v2/")).count();
    assert!(calls >= 60, "{framework:?}: only {calls} calls");
}

#[test]
fn the_python_sdk_runs_a_whole_session() {
    let sdk = Sdk::python();
    FRAMEWORKS.iter().for_each(|framework| session(&sdk, "session.py", *framework));
}

#[test]
fn the_node_sdk_runs_a_whole_session() {
    let sdk = Sdk::node();
    FRAMEWORKS.iter().for_each(|framework| session(&sdk, "session.mjs", *framework));
}
