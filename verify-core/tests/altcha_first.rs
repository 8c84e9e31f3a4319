//! The first ALTCHA format: the number is found or it is not, and nothing in it can be moved, swapped or prolonged.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use verify_core::altcha::v1::{Accepted, Algorithm, Challenge, Salt, verify};
use verify_core::altcha::{MAX_PAYLOAD, Reason, ServerAlgorithm, Verification};

const SECRET: &[u8] = b"signature.secret";
const NOW: u64 = 1_767_225_600;
const EXPIRY: u64 = NOW + 600;
const ALGORITHMS: [Algorithm; 3] = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];

/// From npm's altcha-lib 2.8.0: number 123 of 1000, with the secret above.
const VECTORS: [(&str, &str, &str); 3] = [
    ("SHA-1", "05ed0e08db14b8588935d477dc5d80ad9b72b9b7", "49a828acfe21db224fd64b22044ac101478369b9"),
    (
        "SHA-256",
        "7b23166f2a4d1a5df74ed02dbee05d03515069eca94efcc61cf4387391c2b364",
        "26585f6d7071565dba840147f85ddeffaf626f0a22cecd21d7412646db5af21b",
    ),
    (
        "SHA-512",
        "a9c7b170ba602d5a1759b144f20547f916db935c48ab5f91355875e4bdfffbc0\
         f6cc52f7b51e4f41219d693184e14793aa7e2ec41b2c856ffff63ec3d8e83f6d",
        "b0147c8c747bdcfb5c7c7c82064a95429ef773587bba7cdeb762ec53ac1f5df3\
         9068a767c29721417e8a3baa11d39074d773ef7a001adb259b2640db23dbd0d5",
    ),
];

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn salt() -> Salt {
    Salt::new([0x5e; 12]).with_parameter("route", "/pay").with_expiry(at(EXPIRY))
}

fn issued(algorithm: Algorithm) -> Challenge {
    Challenge::issue(algorithm, &salt(), 412, 1000, SECRET)
}

/// The payload as a JSON value, to be tampered with.
fn opened(challenge: &Challenge) -> Value {
    let payload = challenge.solve(1000).unwrap().payload(challenge);
    serde_json::from_slice(&STANDARD.decode(payload).unwrap()).unwrap()
}

fn check(payload: &Value, algorithm: Algorithm, now: u64) -> Result<Accepted, Reason> {
    verify(&STANDARD.encode(payload.to_string()), algorithm, SECRET, at(now))
}

#[test]
fn captcha_rule_06_what_altcha_lib_makes_is_made_to_the_letter() {
    for (algorithm, challenge, signature) in VECTORS {
        let algorithm: Algorithm = algorithm.parse().unwrap();
        let mut random = [0; 12];
        for (byte, pair) in random.iter_mut().zip("5e00d5d152e1a5db7d44fb64".as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        }
        let salt = Salt::new(random).with_parameter("route", "/pay").with_expiry(at(EXPIRY));
        let made = Challenge::issue(algorithm, &salt, 123, 1000, SECRET);
        let expected = json!({
            "algorithm": algorithm.name(), "challenge": challenge, "maxnumber": 1000, "signature": signature,
            "salt": "5e00d5d152e1a5db7d44fb64?route=%2Fpay&expires=1767226200&",
        });
        assert_eq!(serde_json::to_value(&made).unwrap(), expected);
        assert_eq!(Challenge::from_json(&expected.to_string()).as_ref(), Ok(&made));
        assert_eq!(check(&opened(&made), algorithm, NOW).unwrap().challenge(), challenge);
    }
}

#[test]
fn captcha_rule_01_skipped_work_is_refused() {
    for algorithm in ALGORITHMS {
        for number in [0, 411, 413, 4_000_000_000_u64] {
            let mut payload = opened(&issued(algorithm));
            payload["number"] = json!(number);
            assert_eq!(check(&payload, algorithm, NOW), Err(Reason::Wrong), "{number}");
        }
        // A digest of one's own choice has no signature.
        let own = Challenge::issue(algorithm, &salt(), 0, 1000, b"another secret");
        assert_eq!(check(&opened(&own), algorithm, NOW), Err(Reason::Mismatch));
    }
}

#[test]
fn captcha_rule_04_a_challenge_ends_at_its_expiry_and_not_before() {
    for algorithm in ALGORITHMS {
        let payload = opened(&issued(algorithm));
        assert!(check(&payload, algorithm, EXPIRY - 1).is_ok());
        assert_eq!(check(&payload, algorithm, EXPIRY), Err(Reason::Expired));
        let endless = Challenge::issue(algorithm, &Salt::new([1; 12]), 7, 10, SECRET);
        assert!(check(&opened(&endless), algorithm, u64::MAX >> 32).is_ok());
    }
}

/// CVE-2025-68113: leading digits of the number were moved over into the expiry, which is the last of the salt.
#[test]
fn captcha_rule_04_an_expiry_cannot_be_spliced() {
    for algorithm in ALGORITHMS {
        let whole = opened(&issued(algorithm));
        let salt = whole["salt"].as_str().unwrap().to_owned();
        for (spliced, number) in [
            (format!("{}4&", &salt[..salt.len() - 1]), 12),
            (format!("{}41&", &salt[..salt.len() - 1]), 2),
            (format!("{salt}4"), 12),
            (format!("{salt}4&"), 12),
            (format!("{salt}expires=9999999999&"), 412),
            (salt.replace("expires=1767226200", "expires=9767226200"), 412),
            (salt.replace("expires=1767226200", "expires=1767226200&expires=9767226200"), 412),
            (salt.trim_end_matches('&').to_owned(), 412),
            (String::new(), 412),
        ] {
            let mut payload = whole.clone();
            payload["salt"] = json!(spliced);
            payload["number"] = json!(number);
            let verdict = check(&payload, algorithm, EXPIRY + 1);
            assert!(matches!(verdict, Err(Reason::Wrong | Reason::Malformed)), "{spliced}: {verdict:?}");
        }
    }
}

/// As libraries from before that made them: signed with the secret, open to the splice, and refused either way.
#[test]
fn captcha_rule_04_a_salt_without_its_delimiter_is_refused() {
    let digest = hex(&Sha256::digest("aabb?expires=1767226200412"));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
    mac.update(digest.as_bytes());
    let signature = hex(&mac.finalize().into_bytes());
    for (salt, number) in [("aabb?expires=1767226200", 412), ("aabb?expires=17672262004", 12)] {
        let payload = json!({
            "algorithm": "SHA-256", "challenge": digest, "number": number, "salt": salt, "signature": signature,
        });
        assert_eq!(check(&payload, Algorithm::Sha256, NOW), Err(Reason::Malformed), "{salt}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn captcha_rule_04_of_two_expiries_both_count() {
    for (first, second) in [(EXPIRY, EXPIRY + 600), (EXPIRY + 600, EXPIRY)] {
        let salt = Salt::new([1; 12]).with_expiry(at(first)).with_expiry(at(second));
        let challenge = Challenge::issue(Algorithm::Sha256, &salt, 7, 10, SECRET);
        assert!(check(&opened(&challenge), Algorithm::Sha256, EXPIRY - 1).is_ok());
        assert_eq!(check(&opened(&challenge), Algorithm::Sha256, EXPIRY), Err(Reason::Expired));
    }
    for odd in ["", "soon", "-1", "1e9", "99999999999999999999999"] {
        let challenge = Challenge::issue(
            Algorithm::Sha256,
            &Salt::new([1; 12]).with_parameter("expire", odd),
            7,
            10,
            SECRET,
        );
        assert_eq!(check(&opened(&challenge), Algorithm::Sha256, NOW), Err(Reason::Malformed), "{odd}");
    }
}

#[test]
fn captcha_rule_08_the_algorithm_is_the_issuers() {
    for issuer in ALGORITHMS {
        for claimed in ALGORITHMS {
            // Solved under another algorithm, and signed with the secret even.
            let verdict = check(&opened(&issued(claimed)), issuer, NOW);
            assert_eq!(verdict.is_ok(), issuer == claimed, "{claimed:?} for {issuer:?}");
            let mut renamed = opened(&issued(claimed));
            renamed["algorithm"] = json!(issuer.name());
            assert_eq!(check(&renamed, issuer, NOW).is_ok(), issuer == claimed);
        }
    }
    for name in ["SHA-384", "sha-256", "MD5", "PBKDF2/SHA-256", ""] {
        let mut payload = opened(&issued(Algorithm::Sha256));
        payload["algorithm"] = json!(name);
        assert_eq!(check(&payload, Algorithm::Sha256, NOW), Err(Reason::Mismatch), "{name}");
        let mut challenge = serde_json::to_value(issued(Algorithm::Sha256)).unwrap();
        challenge["algorithm"] = json!(name);
        assert!(Challenge::from_json(&challenge.to_string()).is_err(), "{name}");
    }
}

#[test]
fn captcha_rule_09_a_field_that_is_not_exact_is_refused() {
    let whole = opened(&issued(Algorithm::Sha256));
    for wrong in
        [json!("412"), json!(412.0), json!(-412), json!(1e300), json!(1_u64 << 53), json!(null), json!([412])]
    {
        let mut payload = whole.clone();
        payload["number"] = wrong.clone();
        assert_eq!(check(&payload, Algorithm::Sha256, NOW), Err(Reason::Malformed), "{wrong}");
    }
    for name in ["algorithm", "challenge", "salt", "signature", "number"] {
        let mut payload = whole.clone();
        payload.as_object_mut().unwrap().remove(name);
        assert_eq!(check(&payload, Algorithm::Sha256, NOW), Err(Reason::Malformed), "{name}");
    }
    for name in ["challenge", "signature"] {
        let mut payload = whole.clone();
        payload[name] = json!(payload[name].as_str().unwrap().to_uppercase());
        assert_eq!(check(&payload, Algorithm::Sha256, NOW), Err(Reason::Mismatch), "{name}");
    }
    let long = STANDARD.encode(format!("{whole}{}", " ".repeat(MAX_PAYLOAD)));
    assert_eq!(verify(&long, Algorithm::Sha256, SECRET, at(NOW)), Err(Reason::TooLarge));
}

#[test]
fn a_solution_does_not_print_its_number() {
    let challenge = issued(Algorithm::Sha256);
    assert!(!format!("{:?}", challenge.solve(1000).unwrap()).contains("412"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn captcha_rule_06_no_salt_with_parameters_is_ever_refused(
        random in any::<[u8; 12]>(),
        number in 0..64_u32,
        parameters in prop::collection::btree_map("[^e].{0,8}", ".{0,16}", 0..8),
        which in 0..3_usize,
    ) {
        let salt = parameters.iter().fold(Salt::new(random).with_expiry(at(EXPIRY)), |salt, (name, value)| {
            salt.with_parameter(name, value)
        });
        let challenge = Challenge::issue(ALGORITHMS[which], &salt, number, 64, SECRET);
        let payload = challenge.solve(64).unwrap().payload(&challenge);
        let accepted = verify(&payload, ALGORITHMS[which], SECRET, at(NOW)).unwrap();
        prop_assert_eq!(accepted.salt(), challenge.salt());
        for (name, value) in &parameters {
            prop_assert_eq!(accepted.parameter(name), Some(value.clone()));
        }
    }

    #[test]
    fn captcha_rule_04_no_flipped_bit_passes(position in any::<prop::sample::Index>(), bit in 0..7_u8) {
        let challenge = issued(Algorithm::Sha256);
        let mut bytes = STANDARD.decode(challenge.solve(1000).unwrap().payload(&challenge)).unwrap();
        let at_byte = position.index(bytes.len());
        bytes[at_byte] ^= 1 << bit;
        prop_assert!(verify(&STANDARD.encode(bytes), Algorithm::Sha256, SECRET, at(NOW)).is_err());
    }

    #[test]
    fn captcha_rule_09_no_text_panics_or_passes(text in ".{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for payload in [text.clone(), STANDARD.encode(&text), STANDARD.encode(bytes)] {
            prop_assert!(verify(&payload, Algorithm::Sha256, SECRET, at(NOW)).is_err());
            prop_assert!(Verification::verify(&payload, ServerAlgorithm::Sha256, SECRET, at(NOW)).is_err());
        }
        prop_assert!(Challenge::from_json(&text).is_err());
    }
}
