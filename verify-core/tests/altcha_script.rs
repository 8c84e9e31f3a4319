//! Proof of work against JavaScript: the shipped solver, and the spelling of what is signed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use verify_core::altcha::{Algorithm, Challenge, Parameters, SOLVER_JS, canonical_json, v1, verify};

const SECRET: &[u8] = b"signature.secret";
const NOW: u64 = 1_767_225_600;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn cheap() -> Parameters {
    Parameters::new([0x39; 16], [0x5e; 16])
        .with_algorithm(Algorithm::Sha256)
        .with_cost(2.try_into().unwrap())
        .with_expiry(at(NOW + 600))
        .with_data([("action", "sign-up"), ("10", "é\u{2028}😀\"\\")])
}

/// Runs a script with `input` on its standard input, and reads what it prints as JSON.
fn node(script: &str, input: &Value) -> Value {
    let mut child = Command::new("node")
        .args(["-e", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("node is needed: apt-get install -y nodejs ({error})"));
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "node failed: {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_script_solves_what_is_issued() {
    let script = r#"
        const { source, challenges } = JSON.parse(require("fs").readFileSync(0, "utf8"));
        require("vm").runInThisContext(source);
        (async () => {
            const payloads = [];
            for (const text of challenges) {
                const challenge = JSON.parse(text);
                const solution = await solveProofOfWork({ parameters: challenge.parameters });
                const json = JSON.stringify({ challenge, solution });
                payloads.push(Buffer.from(json).toString("base64"));
            }
            console.log(JSON.stringify(payloads));
        })();
    "#;
    let issued = [
        Parameters::new([3; 16], [4; 16]).with_expiry(at(NOW + 600)),
        cheap().with_algorithm(Algorithm::Pbkdf2Sha384),
        cheap().with_algorithm(Algorithm::Pbkdf2Sha512).with_key_prefix("000").unwrap(),
        cheap(),
        cheap().with_algorithm(Algorithm::Sha384),
        cheap().with_algorithm(Algorithm::Sha512).with_key_prefix("a").unwrap(),
        Challenge::issue_fixed(cheap(), 70, SECRET, b"key.secret").parameters().clone(),
        #[cfg(feature = "scrypt")]
        cheap().with_algorithm(Algorithm::Scrypt).with_cost(64.try_into().unwrap()),
        #[cfg(feature = "scrypt")]
        cheap()
            .with_algorithm(Algorithm::Scrypt)
            .with_memory_cost(3.try_into().unwrap())
            .with_parallelism(3.try_into().unwrap())
            .with_key_prefix("0")
            .unwrap(),
        #[cfg(feature = "argon2id")]
        cheap().with_algorithm(Algorithm::Argon2id).with_memory_cost(32.try_into().unwrap()),
        #[cfg(feature = "argon2id")]
        cheap()
            .with_algorithm(Algorithm::Argon2id)
            .with_memory_cost(601.try_into().unwrap())
            .with_parallelism(3.try_into().unwrap())
            .with_key_prefix("0")
            .unwrap(),
    ];
    let challenges: Vec<_> =
        issued.iter().map(|one| Challenge::issue(one.clone(), SECRET).to_json()).collect();
    let payloads = node(script, &json!({ "source": SOLVER_JS, "challenges": challenges }));
    for (index, parameters) in issued.iter().enumerate() {
        let payload = payloads[index].as_str().unwrap();
        assert_eq!(verify(payload, parameters, SECRET, at(NOW)), Ok(()), "{parameters:?}");
    }
}

#[test]
fn the_script_solves_the_first_format() {
    let script = r#"
        const { source, challenges } = JSON.parse(require("fs").readFileSync(0, "utf8"));
        require("vm").runInThisContext(source);
        (async () => {
            const answers = [];
            for (const challenge of challenges) {
                const half = async (start) => {
                    const { number } = await solveProofOfWork({ challenge, start, step: 2 });
                    const { algorithm, challenge: digest, salt, signature } = challenge;
                    const json = JSON.stringify({ algorithm, challenge: digest, number, salt, signature });
                    return Buffer.from(json).toString("base64");
                };
                for (const start of [0, 1]) {
                    answers.push(await half(start).catch((error) => error.code));
                }
            }
            console.log(JSON.stringify(answers));
        })();
    "#;
    let salt = v1::Salt::new([7; 12]).with_expiry(at(NOW + 600)).with_parameter("é", "x y");
    let algorithms = [v1::Algorithm::Sha1, v1::Algorithm::Sha256, v1::Algorithm::Sha512];
    let challenges = algorithms.map(|one| v1::Challenge::issue(one, &salt, 321, 500, SECRET));
    let answers = node(script, &json!({ "source": SOLVER_JS, "challenges": challenges }));
    for (algorithm, answers) in algorithms.into_iter().zip(answers.as_array().unwrap().chunks(2)) {
        assert_eq!(answers[0], "exhausted", "the number is odd");
        assert!(
            v1::verify(answers[1].as_str().unwrap(), algorithm, SECRET, at(NOW)).is_ok(),
            "{algorithm:?}"
        );
    }
}

#[test]
fn the_script_shares_the_work_as_a_worker() {
    let script = r#"
        const { source, jobs } = JSON.parse(require("fs").readFileSync(0, "utf8"));
        globalThis.WorkerGlobalScope = Object;
        let said = [];
        globalThis.postMessage = (message) => said.push(message);
        require("vm").runInThisContext(source);
        (async () => {
            const answers = [];
            for (const data of jobs) {
                said = [];
                await onmessage({ data });
                answers.push(said);
            }
            console.log(JSON.stringify(answers));
        })();
    "#;
    let parameters = cheap().with_key_prefix("000").unwrap();
    let value = serde_json::to_value(Challenge::issue(parameters.clone(), SECRET)).unwrap();
    let wrong = |name: &str, wrong: Value| {
        let mut wrongly = value["parameters"].clone();
        wrongly[name] = wrong;
        json!({ "parameters": wrongly })
    };
    let jobs = json!([
        { "parameters": value["parameters"], "start": 0, "step": 2 },
        { "parameters": value["parameters"], "start": 1, "step": 2 },
        wrong("algorithm", json!("MD5")),
        wrong("keyPrefix", json!("")),
        { "parameters": wrong("keyPrefix", json!("f".repeat(64)))["parameters"], "start": u32::MAX, "step": 1 },
    ]);
    let answers = node(script, &json!({ "source": SOLVER_JS, "jobs": jobs }));
    for (worker, said) in answers.as_array().unwrap().iter().take(2).enumerate() {
        let said = said.as_array().unwrap();
        assert_eq!(said[0], json!({ "progress": 64 }));
        let solution = said.last().unwrap();
        assert_eq!(solution["counter"].as_u64().unwrap() % 2, worker as u64);
        let payload = STANDARD.encode(json!({ "challenge": value, "solution": solution }).to_string());
        assert_eq!(verify(&payload, &parameters, SECRET, at(NOW)), Ok(()));
    }
    assert_eq!(answers[2], json!([{ "error": "unsupported-algorithm" }]));
    assert_eq!(answers[3], json!([{ "error": "bad-request" }]));
    assert_eq!(answers[4], json!([{ "error": "exhausted" }]));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let key = prop_oneof![".{0,6}", "[0-9]{1,11}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn captcha_rule_07_canonical_json_is_what_javascript_prints() {
    let script = r#"
        const sorted = (value) =>
            value === null || typeof value !== "object" ? value
            : Array.isArray(value) ? value.map(sorted)
            : Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
        const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
        console.log(JSON.stringify(texts.map((text) => JSON.stringify(sorted(JSON.parse(text))))));
    "#;
    let mut runner = TestRunner::deterministic();
    // Quarters near 2^51 lie half-way between two spellings of the same length.
    let quarters = (1u64 << 51..1 << 53).prop_map(|quarters| quarters as f64 / 4.0);
    let edges = (-1074..1024).prop_map(|exponent| 2f64.powi(exponent));
    let floats = prop::collection::vec(prop_oneof![any::<f64>(), quarters, edges], 8).prop_map(Value::from);
    let draw = (any_json(), floats);
    let values: Vec<_> =
        (0..1000).map(|_| draw.new_tree(&mut runner).unwrap().current()).map(|pair| json!(pair)).collect();
    let canonical: Vec<_> = values.iter().map(canonical_json).collect();
    let plain: Vec<_> = values.iter().map(Value::to_string).collect();
    let printed = node(script, &json!(plain));
    for (index, ours) in canonical.iter().enumerate() {
        assert_eq!(printed[index], *ours, "from {}", plain[index]);
    }
}
