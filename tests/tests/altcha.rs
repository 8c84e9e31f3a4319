//! Both ALTCHA formats against the libraries of their makers, both ways.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tests::altcha::{PEERS, Peer};
use verify_core::altcha::{
    self, Algorithm, Challenge, Parameters, Reason, ServerAlgorithm, Verification, v1,
};

const SECRET: &str = "signature.secret";
const KEY_SECRET: &str = "key.secret";

/// The libraries look at the clock on the wall; these are far from it on either side.
const YEAR_2100: u64 = 4_102_444_800;
const YEAR_2020: u64 = 1_577_836_800;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn soon() -> SystemTime {
    at(YEAR_2100 - 1)
}

const V1: [v1::Algorithm; 3] = [v1::Algorithm::Sha1, v1::Algorithm::Sha256, v1::Algorithm::Sha512];

fn first(algorithm: v1::Algorithm, expiry: u64, seed: u8) -> v1::Challenge {
    let salt = v1::Salt::new([seed; 12])
        .with_expiry(at(expiry))
        .with_parameter("route", "/pay?a=1&b=2")
        .with_parameter("é x", "ü+ß 😀*~-._");
    v1::Challenge::issue(algorithm, &salt, 700 + u32::from(seed), 2000, SECRET.as_bytes())
}

#[test]
fn captcha_rule_06_they_solve_and_verify_our_first_format() {
    for peer in PEERS {
        let challenges: Vec<_> = V1.iter().zip(0..).map(|(one, n)| first(*one, YEAR_2100, n)).collect();
        let solve: Vec<_> =
            challenges.iter().map(|one| json!({ "job": "solve1", "challenge": one })).collect();
        for (challenge, payload) in challenges.iter().zip(peer.ask(&solve)) {
            let payload = payload.as_str().unwrap();
            let accepted = v1::verify(payload, challenge.algorithm(), SECRET.as_bytes(), soon()).unwrap();
            assert_eq!(accepted.salt(), challenge.salt(), "{peer:?}");
            assert_eq!(accepted.parameter("é x").as_deref(), Some("ü+ß 😀*~-._"));
            let late = v1::verify(payload, challenge.algorithm(), SECRET.as_bytes(), at(YEAR_2100));
            assert_eq!(late, Err(Reason::Expired));
        }
        let ours = |challenge: &v1::Challenge| challenge.solve(2000).unwrap().payload(challenge);
        let job = |payload: String, secret| json!({ "job": "verify1", "payload": payload, "secret": secret });
        let mut jobs: Vec<_> = challenges.iter().map(|one| job(ours(one), SECRET)).collect();
        jobs.push(job(ours(&challenges[1]), "another secret"));
        jobs.push(job(ours(&first(v1::Algorithm::Sha256, YEAR_2020, 9)), SECRET));
        assert_eq!(peer.ask(&jobs), [true, true, true, false, false].map(Value::from), "{peer:?}");
    }
}

#[test]
fn captcha_rule_06_we_solve_and_verify_their_first_format() {
    for peer in PEERS {
        let make = |algorithm: &v1::Algorithm| {
            let params = json!({ "route": "/pay?a=1&b=2", "é x": "ü+ß 😀*~-._" });
            let options = json!({ "algorithm": algorithm.name(), "maxnumber": 2000, "expires": YEAR_2100, "params": params });
            json!({ "job": "make1", "options": options, "secret": SECRET })
        };
        let made = peer.ask(&V1.iter().map(make).collect::<Vec<_>>());
        for (algorithm, made) in V1.into_iter().zip(made) {
            let challenge = v1::Challenge::from_json(&made.to_string()).unwrap();
            assert_eq!((challenge.algorithm(), challenge.max_number()), (algorithm, Some(2000)), "{peer:?}");
            let payload = challenge.solve(2000).unwrap().payload(&challenge);
            let accepted = v1::verify(&payload, algorithm, SECRET.as_bytes(), soon()).unwrap();
            assert_eq!(accepted.parameter("route").as_deref(), Some("/pay?a=1&b=2"), "{peer:?}");
            assert_eq!(accepted.parameter("é x").as_deref(), Some("ü+ß 😀*~-._"), "{peer:?}");
            for other in V1.into_iter().filter(|other| *other != algorithm) {
                let verdict = v1::verify(&payload, other, SECRET.as_bytes(), soon());
                assert_eq!(verdict, Err(Reason::Mismatch), "{other:?} was not chosen");
            }
        }
    }
}

#[test]
fn captcha_rule_06_a_thousand_salts_of_theirs_are_never_refused() {
    for peer in PEERS {
        let make = |n: u32| {
            let params: serde_json::Map<_, _> = (0..1 + n % 7)
                .map(|k| {
                    (
                        format!("{}{k}", "kéy +".repeat((n as usize + k as usize) % 3)),
                        json!(format!("{n}&={k} %é")),
                    )
                })
                .collect();
            let options =
                json!({ "algorithm": "SHA-256", "maxnumber": 40, "expires": YEAR_2100, "params": params });
            json!({ "job": "make1", "options": options, "secret": SECRET })
        };
        let made = peer.ask(&(0..1000).map(make).collect::<Vec<_>>());
        let payloads: Vec<_> = made
            .iter()
            .map(|made| {
                let challenge = v1::Challenge::from_json(&made.to_string()).unwrap();
                challenge.solve(40).unwrap().payload(&challenge)
            })
            .collect();
        for payload in &payloads {
            let verdict = v1::verify(payload, v1::Algorithm::Sha256, SECRET.as_bytes(), soon());
            assert!(verdict.is_ok(), "{peer:?} {verdict:?}");
        }
    }
}

/// Every algorithm at a price that a test can pay, probabilistic and with a known answer.
fn second() -> Vec<Parameters> {
    let parameters = |algorithm: Algorithm, cost: u32| {
        Parameters::new([0x39; 16], [0x5e; 16])
            .with_algorithm(algorithm)
            .with_cost(cost.try_into().unwrap())
            .with_expiry(at(YEAR_2100))
            .with_data([("action", "sign-up"), ("10", "é\u{2028}😀\"\\"), ("9", "")])
    };
    vec![
        parameters(Algorithm::Pbkdf2Sha256, 10),
        parameters(Algorithm::Pbkdf2Sha384, 10).with_key_prefix("a").unwrap(),
        parameters(Algorithm::Pbkdf2Sha512, 10).with_key_prefix("abc").unwrap(),
        parameters(Algorithm::Sha256, 3),
        parameters(Algorithm::Sha384, 3).with_key_prefix("0").unwrap(),
        parameters(Algorithm::Sha512, 3),
        parameters(Algorithm::Scrypt, 16).with_key_prefix("0").unwrap(),
        parameters(Algorithm::Scrypt, 32)
            .with_memory_cost(2.try_into().unwrap())
            .with_parallelism(2.try_into().unwrap())
            .with_key_prefix("f")
            .unwrap(),
        parameters(Algorithm::Argon2id, 1)
            .with_memory_cost(64.try_into().unwrap())
            .with_key_prefix("0")
            .unwrap(),
        parameters(Algorithm::Argon2id, 2)
            .with_memory_cost(128.try_into().unwrap())
            .with_parallelism(2.try_into().unwrap())
            .with_key_prefix("1")
            .unwrap(),
    ]
}

fn issued() -> Vec<Challenge> {
    let probabilistic = second().into_iter().map(|one| Challenge::issue(one, SECRET.as_bytes()));
    let fixed = second()
        .into_iter()
        .zip(11..)
        .map(|(one, counter)| Challenge::issue_fixed(one, counter, SECRET.as_bytes(), KEY_SECRET.as_bytes()));
    probabilistic.chain(fixed).collect()
}

/// Our verdict, by each of the ways that there are.
fn verdict(payload: &str, parameters: &Parameters, now: SystemTime) -> Result<(), Reason> {
    let derived = altcha::verify(payload, parameters, SECRET.as_bytes(), now);
    if parameters.key_signature().is_some() {
        let signed = altcha::verify_fixed(payload, parameters, SECRET.as_bytes(), KEY_SECRET.as_bytes(), now);
        assert_eq!(signed, derived);
    }
    derived
}

#[test]
fn captcha_rule_07_they_solve_and_verify_our_second_format() {
    for peer in PEERS {
        let challenges = issued();
        let solve: Vec<_> =
            challenges.iter().map(|one| json!({ "job": "solve2", "challenge": one })).collect();
        for (challenge, payload) in challenges.iter().zip(peer.ask(&solve)) {
            let payload = payload.as_str().unwrap();
            assert_eq!(verdict(payload, challenge.parameters(), soon()), Ok(()), "{peer:?} {challenge:?}");
            assert_eq!(verdict(payload, challenge.parameters(), at(YEAR_2100)), Err(Reason::Expired));
        }
        let verify: Vec<_> = challenges
            .iter()
            .flat_map(|one| {
                let payload = altcha::solve(one.parameters(), 100_000).unwrap().payload(one);
                let job = json!({ "job": "verify2", "payload": payload, "secret": SECRET });
                let mut signed = job.clone();
                signed["keySecret"] = json!(KEY_SECRET);
                [job, signed]
            })
            .collect();
        for (job, verified) in verify.iter().zip(peer.ask(&verify)) {
            assert_eq!(verified, json!(true), "{peer:?} {job}");
        }
    }
}

#[test]
fn captcha_rule_07_we_solve_and_verify_their_second_format() {
    for peer in PEERS {
        let mut jobs = Vec::new();
        for parameters in second() {
            let of: Value = serde_json::from_str(&parameters.canonical()).unwrap();
            // What JavaScript may put there: numbers in all their spellings, and nothing.
            let data = json!({ "n": 1.5, "big": 1e21, "small": 5e-7, "sum": 0.1 + 0.2, "yes": true, "none": null, "ü": "é" });
            let mut options = json!({
                "algorithm": of["algorithm"], "cost": of["cost"], "keyLength": of["keyLength"],
                "keyPrefix": of["keyPrefix"], "expiresAt": YEAR_2100, "data": data,
            });
            for name in ["memoryCost", "parallelism"] {
                if let Some(value) = of.get(name) {
                    options[name] = value.clone();
                }
            }
            jobs.push(json!({ "job": "make2", "options": options, "secret": SECRET }));
            // The library's own length of a key, whatever the hash.
            options["keyLength"] = json!(32);
            options["counter"] = json!(13);
            jobs.push(
                json!({ "job": "make2", "options": options, "secret": SECRET, "keySecret": KEY_SECRET }),
            );
        }
        for made in peer.ask(&jobs) {
            let challenge =
                Challenge::from_json(&made.to_string()).unwrap_or_else(|error| panic!("{error}: {made}"));
            assert_eq!(challenge.parameters().data()["n"], json!(1.5), "{peer:?}");
            let solution = altcha::solve(challenge.parameters(), 100_000).unwrap();
            let payload = solution.payload(&challenge);
            assert_eq!(verdict(&payload, challenge.parameters(), soon()), Ok(()), "{peer:?} {made}");
        }
    }
}

#[test]
fn captcha_rule_08_what_a_server_has_signed_is_believed_and_nothing_else() {
    let algorithms =
        [ServerAlgorithm::Sha1, ServerAlgorithm::Sha256, ServerAlgorithm::Sha384, ServerAlgorithm::Sha512];
    let data = |expire: u64, verified: bool| {
        format!(
            "classification=GOOD&email=a%40b.example&expire={expire}&fields=a,b&id=v-1&score=1.5&time=1&verified={verified}"
        )
    };
    let sign = |algorithm: ServerAlgorithm, data: String| json!({ "job": "sign", "algorithm": algorithm.name(), "data": data, "secret": SECRET });
    let mut jobs: Vec<_> = algorithms.iter().map(|one| sign(*one, data(YEAR_2100, true))).collect();
    jobs.push(sign(ServerAlgorithm::Sha256, data(YEAR_2020, true)));
    jobs.push(sign(ServerAlgorithm::Sha256, data(YEAR_2100, false)));
    let payloads = Peer::JavaScript.ask(&jobs);
    for peer in PEERS {
        let verify = payloads
            .iter()
            .map(|payload| json!({ "job": "verifyServer", "payload": payload, "secret": SECRET }));
        let verdicts = peer.ask(&verify.collect::<Vec<_>>());
        assert_eq!(verdicts, [true, true, true, true, false, false].map(Value::from), "{peer:?}");
    }
    let text = |n: usize| payloads[n].as_str().unwrap();
    for (n, algorithm) in algorithms.into_iter().enumerate() {
        let read = Verification::verify(text(n), algorithm, SECRET.as_bytes(), soon()).unwrap();
        assert_eq!(read.id().as_deref(), Some("v-1"), "the signed one");
        assert_eq!(read.parameter("email").as_deref(), Some("a@b.example"));
        assert_eq!(read.parameter("apiKey"), None);
        let late = Verification::verify(text(n), algorithm, SECRET.as_bytes(), at(YEAR_2100));
        assert_eq!(late, Err(Reason::Expired));
        let forged = Verification::verify(text(n), algorithm, b"another secret", soon());
        assert_eq!(forged, Err(Reason::Mismatch));
        let swapped = Verification::verify(text((n + 1) % 4), algorithm, SECRET.as_bytes(), soon());
        assert_eq!(swapped, Err(Reason::Mismatch), "another algorithm than the server's");
    }
    let sha = ServerAlgorithm::Sha256;
    assert_eq!(Verification::verify(text(4), sha, SECRET.as_bytes(), soon()), Err(Reason::Expired));
    assert_eq!(Verification::verify(text(5), sha, SECRET.as_bytes(), soon()), Err(Reason::Wrong));
}
