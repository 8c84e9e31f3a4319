//! Proof of work: what is issued can be solved by scripts, and nothing but the work gets through.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::num::NonZeroU32;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};
use verify_core::altcha::{
    Algorithm, Challenge, InvalidParameters, MAX_PAYLOAD, Parameters, Reason, Solution, canonical_json,
    solve, verify, verify_fixed,
};

const SECRET: &[u8] = b"signature.secret";
const KEY_SECRET: &[u8] = b"key.secret";
const NOW: u64 = 1_767_225_600;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn cost(cost: u32) -> NonZeroU32 {
    NonZeroU32::new(cost).unwrap()
}

fn cheap() -> Parameters {
    Parameters::new([0x39; 16], [0x5e; 16])
        .with_algorithm(Algorithm::Sha256)
        .with_cost(cost(2))
        .with_expiry(at(NOW + 600))
        .with_data([("action", "sign-up"), ("10", "é\u{2028}😀\"\\")])
}

fn solved(parameters: &Parameters) -> (Challenge, Solution) {
    let solution = solve(parameters, 1_000_000).expect("a solution within a million tries");
    (Challenge::issue(parameters.clone(), SECRET), solution)
}

/// The payload as a JSON value, to be tampered with.
fn opened(parameters: &Parameters) -> Value {
    let (challenge, solution) = solved(parameters);
    serde_json::from_slice(&STANDARD.decode(solution.payload(&challenge)).unwrap()).unwrap()
}

fn sealed(payload: &Value) -> String {
    STANDARD.encode(payload.to_string())
}

fn check(payload: &Value, expected: &Parameters) -> Result<(), Reason> {
    verify(&sealed(payload), expected, SECRET, at(NOW))
}

/// Rewrites a field and returns the verdict.
fn with(pointer: &str, value: Value) -> Result<(), Reason> {
    let mut payload = opened(&cheap());
    *payload.pointer_mut(pointer).expect(pointer) = value;
    check(&payload, &cheap())
}

#[test]
fn every_algorithm_is_solved_and_verified() {
    for algorithm in [
        Algorithm::Pbkdf2Sha256,
        Algorithm::Pbkdf2Sha384,
        Algorithm::Pbkdf2Sha512,
        Algorithm::Sha256,
        Algorithm::Sha384,
        Algorithm::Sha512,
    ] {
        let parameters = cheap().with_algorithm(algorithm).with_key_prefix("0").unwrap();
        let (challenge, solution) = solved(&parameters);
        assert_eq!(
            verify(&solution.payload(&challenge), &parameters, SECRET, at(NOW)),
            Ok(()),
            "{algorithm:?}"
        );
        assert_eq!(Challenge::from_json(&challenge.to_json()), Ok(challenge), "{algorithm:?}");
    }
}

#[test]
fn captcha_rule_07_the_published_signature_is_made() {
    let read = |hex: &str| u128::from_str_radix(hex, 16).unwrap().to_be_bytes();
    let nonce = read("39baf91a19d671f8231217f9e28342a6");
    let salt = read("5e00d5d152e1a5db7d44fb6404a40a5e");
    let challenge = Challenge::issue(Parameters::new(nonce, salt).with_cost(cost(1000)), SECRET);
    let value: Value = serde_json::from_str(&challenge.to_json()).unwrap();
    assert_eq!(value["signature"], "a10045ef3381d5516e0c3fd6bf0b90e02fab68d576ffe9e0e1c2d1cd1e404f2a");
}

#[test]
fn captcha_rule_01_skipped_work_is_refused() {
    // An honest derivation whose key lacks the digits: found by asking for other digits.
    let other = cheap().with_key_prefix("1").unwrap();
    let lazy = solve(&other, 1_000_000).unwrap();
    let mut payload = opened(&cheap());
    payload["solution"] = json!({ "counter": lazy.counter(), "derivedKey": lazy.derived_key() });
    assert_eq!(check(&payload, &cheap()), Err(Reason::Wrong));

    // The digits, with no derivation behind them.
    assert_eq!(with("/solution/derivedKey", json!("00".repeat(32))), Err(Reason::Wrong));

    // A right key under another counter.
    let counter = opened(&cheap())["solution"]["counter"].as_u64().unwrap();
    assert_eq!(with("/solution/counter", json!(counter + 1)), Err(Reason::Wrong));
    assert_eq!(with("/solution/counter", json!(u32::MAX)), Err(Reason::Wrong));
}

#[test]
fn captcha_rule_01_an_empty_or_impossible_prefix_cannot_be_issued() {
    for digits in ["", "0G", "AB", "é", &"0".repeat(33)] {
        assert_eq!(cheap().with_key_prefix(digits), Err(InvalidParameters::KeyPrefix), "{digits}");
    }
    assert!(cheap().with_key_prefix("0".repeat(32)).is_ok());
    assert_eq!(cheap().with_fixed_key("0".repeat(33), [0; 32]), Err(InvalidParameters::KeyPrefix));
}

#[test]
fn captcha_rule_04_a_challenge_ends_at_its_expiry_and_not_before() {
    let (challenge, solution) = solved(&cheap());
    let payload = solution.payload(&challenge);
    let verdict = |now| verify(&payload, &cheap(), SECRET, now);
    assert_eq!(verdict(at(NOW + 600) - Duration::from_nanos(1)), Ok(()));
    assert_eq!(verdict(at(NOW + 600)), Err(Reason::Expired));
    assert_eq!(verdict(at(NOW + 601)), Err(Reason::Expired));
    assert_eq!(verdict(UNIX_EPOCH - Duration::from_secs(1)), Ok(()));
}

#[test]
fn captcha_rule_04_no_altered_challenge_passes_even_when_signed_with_the_secret() {
    let easier = [
        ("a smaller cost", cheap().with_cost(cost(1))),
        ("a later expiry", cheap().with_expiry(at(NOW + 6000))),
        ("a shorter prefix", cheap().with_key_prefix("0").unwrap()),
        ("another prefix", cheap().with_key_prefix("a").unwrap()),
        ("another algorithm", cheap().with_algorithm(Algorithm::Sha384)),
        ("other data", cheap().with_data([("action", "pay")])),
        ("no data", cheap().with_data::<&str, &str>([])),
        ("another salt", Parameters::new([0x39; 16], [0; 16]).with_algorithm(Algorithm::Sha256)),
        ("a known key", cheap().with_fixed_key("00", [0; 32]).unwrap()),
    ];
    for (what, parameters) in easier {
        let (challenge, solution) = solved(&parameters);
        let verdict = verify(&solution.payload(&challenge), &cheap(), SECRET, at(NOW));
        let shape = parameters.algorithm().key_length() == cheap().algorithm().key_length();
        assert_eq!(verdict, Err(if shape { Reason::Mismatch } else { Reason::Malformed }), "{what}");
    }
}

#[test]
fn captcha_rule_04_the_signature_counts() {
    assert_eq!(with("/challenge/signature", json!("00".repeat(32))), Err(Reason::Mismatch));
    assert_eq!(with("/challenge/signature", json!("00")), Err(Reason::Mismatch));
    assert_eq!(with("/challenge/signature", json!("")), Err(Reason::Mismatch));
    let (challenge, solution) = solved(&cheap());
    let payload = solution.payload(&challenge);
    assert_eq!(verify(&payload, &cheap(), b"another secret", at(NOW)), Err(Reason::Mismatch));
}

#[test]
fn captcha_rule_08_the_algorithm_is_the_one_issued() {
    for name in ["SHA-1", "SHA-512", "PBKDF2/SHA-256", "sha-256", "ARGON2ID", ""] {
        assert_eq!(with("/challenge/parameters/algorithm", json!(name)), Err(Reason::Mismatch), "{name}");
        let mut challenge = serde_json::to_value(Challenge::issue(cheap(), SECRET)).unwrap();
        challenge["parameters"]["algorithm"] = json!(name);
        let known = name.parse::<Algorithm>().is_ok_and(|one| !one.takes_memory());
        assert_eq!(Challenge::from_json(&challenge.to_string()).is_ok(), known, "{name}");
    }
    assert_eq!("SHA-1".parse::<Algorithm>(), Err(InvalidParameters::Algorithm));
    assert_eq!("SCRYPT".parse::<Algorithm>().is_ok(), cfg!(feature = "scrypt"));
    assert_eq!("ARGON2ID".parse::<Algorithm>().is_ok(), cfg!(feature = "argon2id"));
}

#[test]
fn captcha_rule_09_a_field_that_is_not_exact_is_refused() {
    let counter = opened(&cheap())["solution"]["counter"].as_u64().unwrap();
    for wrong in [
        json!(-1),
        json!(0.5),
        json!(counter as f64),
        json!(1u64 << 32),
        json!(counter + (1 << 32)),
        json!(counter.to_string()),
        json!([counter]),
        json!(null),
        json!(true),
    ] {
        assert_eq!(with("/solution/counter", wrong.clone()), Err(Reason::Malformed), "{wrong}");
    }
    let key = opened(&cheap())["solution"]["derivedKey"].as_str().unwrap().to_owned();
    for wrong in [
        key.to_uppercase(),
        key[..63].into(),
        key[..62].into(),
        format!("{key}00"),
        format!("0x{}", &key[2..]),
    ] {
        assert_eq!(with("/solution/derivedKey", json!(wrong)), Err(Reason::Malformed), "{wrong}");
    }
    for pointer in ["/challenge", "/challenge/signature", "/solution", "/solution/derivedKey"] {
        for wrong in [json!(null), json!([]), json!({}), json!(7)] {
            assert_eq!(with(pointer, wrong), Err(Reason::Malformed), "{pointer}");
        }
    }
    for wrong in ["", "x", "====", "e30=", "bnVsbA==", "W10=", " e30=", "e30-"] {
        assert_eq!(verify(wrong, &cheap(), SECRET, at(NOW)), Err(Reason::Malformed), "{wrong}");
    }
}

#[test]
fn captcha_rule_09_what_is_too_long_is_not_parsed() {
    // The same challenge and solution, blown up by blanks that JSON does not mind.
    let json = opened(&cheap()).to_string();
    let padded =
        |length: usize| STANDARD.encode(format!("{json}{}", " ".repeat(length / 4 * 3 - json.len())));
    let (fits, long) = (padded(MAX_PAYLOAD), padded(MAX_PAYLOAD + 4));
    assert_eq!(fits.len(), MAX_PAYLOAD);
    assert_eq!(verify(&fits, &cheap(), SECRET, at(NOW)), Ok(()));
    assert_eq!(verify(&long, &cheap(), SECRET, at(NOW)), Err(Reason::TooLarge));
    assert_eq!(verify(&"(".repeat(1 << 20), &cheap(), SECRET, at(NOW)), Err(Reason::TooLarge));
    let deep = STANDARD.encode("[".repeat(6000));
    assert_eq!(verify(&deep, &cheap(), SECRET, at(NOW)), Err(Reason::Malformed));
}

#[test]
fn padding_may_be_missing() {
    for blanks in 0..3 {
        let payload = STANDARD.encode(format!("{}{}", opened(&cheap()), " ".repeat(blanks)));
        assert_eq!(verify(payload.trim_end_matches('='), &cheap(), SECRET, at(NOW)), Ok(()));
    }
}

/// One derivation at this cost takes a quarter of an hour at best: the test hangs if anything is derived.
#[test]
fn junk_costs_no_derivation() {
    let dear = Parameters::new([1; 16], [2; 16]).with_cost(NonZeroU32::MAX).with_expiry(at(NOW + 600));
    let challenge: Value = serde_json::from_str(&Challenge::issue(dear.clone(), SECRET).to_json()).unwrap();
    let guess =
        |key: &str| json!({ "challenge": challenge, "solution": { "counter": 0, "derivedKey": key } });
    assert_eq!(check(&guess(&"11".repeat(32)), &dear), Err(Reason::Wrong));
    let late = verify(&sealed(&guess(&"00".repeat(32))), &dear, SECRET, at(NOW + 600));
    assert_eq!(late, Err(Reason::Expired));
    let mut forged = guess(&"00".repeat(32));
    forged["challenge"]["signature"] = json!("00".repeat(32));
    assert_eq!(check(&forged, &dear), Err(Reason::Mismatch));
}

#[test]
fn a_fixed_key_is_checked_by_its_signature() {
    let challenge = Challenge::issue_fixed(cheap(), 40, SECRET, KEY_SECRET);
    let issued = challenge.parameters();
    let solution = solve(issued, 1000).unwrap();
    let payload = solution.payload(&challenge);
    assert_eq!(solution.counter(), 40);
    assert_eq!(issued.key_prefix().len(), 32);
    assert_eq!(verify_fixed(&payload, issued, SECRET, KEY_SECRET, at(NOW)), Ok(()));
    assert_eq!(verify(&payload, issued, SECRET, at(NOW)), Ok(()));
    assert_eq!(verify_fixed(&payload, issued, SECRET, SECRET, at(NOW)), Err(Reason::Wrong));
    assert_eq!(verify_fixed(&payload, issued, SECRET, KEY_SECRET, at(NOW + 600)), Err(Reason::Expired));
    assert_eq!(Challenge::from_json(&challenge.to_json()).as_ref(), Ok(&challenge));

    let rebuilt = cheap().with_fixed_key(issued.key_prefix(), *issued.key_signature().unwrap()).unwrap();
    assert_eq!(verify_fixed(&payload, &rebuilt, SECRET, KEY_SECRET, at(NOW)), Ok(()));

    // The told half of the key, with the other half made up.
    let guess = format!("{}{}", issued.key_prefix(), "0".repeat(32));
    let mut forged: Value = serde_json::from_slice(&STANDARD.decode(&payload).unwrap()).unwrap();
    forged["solution"]["derivedKey"] = json!(guess);
    assert_eq!(verify_fixed(&sealed(&forged), issued, SECRET, KEY_SECRET, at(NOW)), Err(Reason::Wrong));
    assert_eq!(check(&forged, issued), Err(Reason::Wrong));

    // A challenge of the other kind is not let through this door.
    let (plain, solution) = solved(&cheap());
    let verdict = verify_fixed(&solution.payload(&plain), &cheap(), SECRET, KEY_SECRET, at(NOW));
    assert_eq!(verdict, Err(Reason::Wrong));
}

#[test]
fn a_solution_does_not_print_its_key() {
    let (_, solution) = solved(&cheap());
    assert!(!format!("{solution:?}").contains(solution.derived_key()));
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

proptest! {
    #[test]
    fn captcha_rule_09_no_text_panics_or_passes(text in ".{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(verify(&text, &cheap(), SECRET, at(NOW)).is_err());
        prop_assert!(verify(&STANDARD.encode(bytes), &cheap(), SECRET, at(NOW)).is_err());
        prop_assert!(Challenge::from_json(&text).is_err());
    }

    #[test]
    fn captcha_rule_09_no_json_panics_or_passes(
        junk in any_json(),
        place in prop::sample::select(vec![
            "", "/challenge", "/challenge/parameters", "/challenge/parameters/cost", "/challenge/parameters/data",
            "/challenge/parameters/nonce", "/challenge/signature", "/solution", "/solution/counter", "/solution/derivedKey",
        ]),
    ) {
        let mut payload = opened(&cheap());
        let slot = payload.pointer_mut(place).unwrap();
        prop_assume!(*slot != junk);
        *slot = junk;
        prop_assert!(check(&payload, &cheap()).is_err());
        // A client reads a challenge only if it would write the same one back.
        if let Ok(read) = Challenge::from_json(&payload["challenge"].to_string()) {
            prop_assert_eq!(read.to_json(), canonical_json(&payload["challenge"]));
        }
    }

    #[test]
    fn captcha_rule_04_no_flipped_bit_passes(position in any::<prop::sample::Index>(), bit in 0..7u8) {
        let (challenge, solution) = solved(&cheap());
        let payload = solution.payload(&challenge);
        let flip = |text: &[u8]| {
            let mut bytes = text.to_vec();
            bytes[position.index(text.len())] ^= 1 << bit;
            bytes
        };
        let outer = String::from_utf8(flip(payload.as_bytes())).unwrap();
        prop_assert!(verify(&outer, &cheap(), SECRET, at(NOW)).is_err());
        let inner = STANDARD.encode(flip(&STANDARD.decode(&payload).unwrap()));
        prop_assert!(verify(&inner, &cheap(), SECRET, at(NOW)).is_err());
    }
}
