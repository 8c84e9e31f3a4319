//! What each vendor says to a token: as the real one does, by its public test keys, or as it is told to go wrong.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use verify_core::{Clock, SystemClock};

use super::{Desk, Fault, SECRET, SITE_KEY, Solved, rfc_3339};

impl Desk {
    pub(super) fn answer(
        &mut self,
        path: &str,
        fields: &BTreeMap<String, String>,
    ) -> (u16, &'static str, String) {
        const JSON: &str = "application/json";
        let vendor = path.trim_start_matches('/');
        match &mut self.fault {
            Fault::Status(status) => {
                return (*status, JSON, json!({ "success": true, "error-codes": [] }).to_string());
            }
            Fault::Html => {
                return (200, "text/html", "<!doctype html><title>Please stand by</title>".to_owned());
            }
            Fault::Codes(codes) => {
                return (200, JSON, json!({ "success": false, "error-codes": codes }).to_string());
            }
            Fault::Stumbles(left @ 1..) => {
                *left -= 1;
                return (200, JSON, refused(&["internal-error"]).to_string());
            }
            _ => {}
        }
        let (status, mut answer) =
            if vendor == "enterprise" { self.assess(fields) } else { self.verify(vendor, fields) };
        if let (Fault::Members(changes), Some(members)) = (&self.fault, answer.as_object_mut()) {
            for (name, value) in changes.as_object().into_iter().flatten() {
                members.remove(name);
                if !value.is_null() {
                    members.insert(name.clone(), value.clone());
                }
            }
        }
        let mut text = answer.to_string();
        if self.fault == Fault::Truncated {
            text.truncate(text.len() / 2);
        }
        (status, JSON, text)
    }

    fn verify(&mut self, vendor: &str, fields: &BTreeMap<String, String>) -> (u16, Value) {
        let field = |name: &str| fields.get(name).map_or("", String::as_str);
        let token = field("response");
        if let Some(answer) = with_test_keys(vendor, field("secret"), token) {
            return (200, answer);
        }
        if field("secret") != SECRET {
            // Turnstile says so with a status of its own.
            return (if vendor == "turnstile" { 400 } else { 200 }, refused(&["invalid-input-secret"]));
        }
        if vendor == "hcaptcha" && token.ends_with("-aaaa-bbbb-cccc-000000000001") {
            return (200, refused(&["not-using-dummy-secret"]));
        }
        if vendor == "hcaptcha" && field("sitekey") != SITE_KEY {
            return (200, refused(&["sitekey-secret-mismatch"]));
        }
        self.hear_of(token);
        let Some(solved) = self.solved.get_mut(token) else {
            return (200, refused(&["invalid-input-response"]));
        };
        let attempt = field("idempotency_key").to_owned();
        let repeated = vendor == "turnstile" && !attempt.is_empty() && solved.used.as_ref() == Some(&attempt);
        if solved.used.is_some() && !repeated {
            let code = if vendor == "hcaptcha" {
                "invalid-or-already-seen-response"
            } else {
                "timeout-or-duplicate"
            };
            return (200, refused(&[code]));
        }
        solved.used = Some(attempt);
        let mut answer = json!({
            "success": true,
            "challenge_ts": rfc_3339(solved.at),
            "hostname": solved.host,
        });
        if let (Some(members), "turnstile") = (answer.as_object_mut(), vendor) {
            members.insert("error-codes".to_owned(), json!([]));
            members.insert("action".to_owned(), json!(solved.action));
            members.insert("cdata".to_owned(), json!(solved.cdata));
            members.insert("metadata".to_owned(), json!({ "interactive": false }));
        }
        if let (Some(members), "recaptcha-v3") = (answer.as_object_mut(), vendor) {
            members.insert("action".to_owned(), json!(solved.action));
            members.insert("score".to_owned(), json!(0.9));
        }
        (200, answer)
    }

    /// A widget in a browser makes tokens that say themselves what they are for: `visitor~host~action~cdata~number`.
    fn hear_of(&mut self, token: &str) {
        let parts: Vec<&str> = token.split('~').collect();
        if let ["visitor", host, action, cdata, _] = *parts
            && !self.solved.contains_key(token)
        {
            let (host, action, cdata) = (host.into(), action.into(), cdata.into());
            let solved = Solved { host, action, cdata, at: SystemClock::default().now(), used: None };
            self.solved.insert(token.to_owned(), solved);
        }
    }

    fn assess(&mut self, fields: &BTreeMap<String, String>) -> (u16, Value) {
        let field = |name: &str| fields.get(name).map_or("", String::as_str);
        if field("secret") != SECRET {
            let error = json!({ "code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT" });
            return (400, json!({ "error": error }));
        }
        let Some(solved) = self.solved.get_mut(field("response")) else {
            return (200, json!({ "tokenProperties": { "invalidReason": "MALFORMED" }, "riskAnalysis": {} }));
        };
        if solved.used.replace(String::new()).is_some() {
            return (
                200,
                json!({ "tokenProperties": { "valid": false, "invalidReason": "DUPE" }, "riskAnalysis": {} }),
            );
        }
        let properties = json!({
            "valid": true, "hostname": solved.host, "action": solved.action, "createTime": rfc_3339(solved.at),
        });
        (200, json!({ "tokenProperties": properties, "riskAnalysis": { "score": 0.9, "reasons": [] } }))
    }
}

fn refused(codes: &[&str]) -> Value {
    json!({ "success": false, "error-codes": codes })
}

/// What the public test keys of a vendor give.
fn with_test_keys(vendor: &str, secret: &str, token: &str) -> Option<Value> {
    let turnstile = |secret: &str| {
        let rest = secret.strip_suffix("x0000000000000000000000000000000AA")?;
        matches!(rest, "1" | "2" | "3").then(|| rest.to_owned())
    };
    match (vendor, secret) {
        ("turnstile", secret) => {
            let which = turnstile(secret)?;
            let metadata = json!({ "result_with_testing_key": true });
            let with = |mut answer: Value| {
                if let Some(members) = answer.as_object_mut() {
                    members.insert("metadata".to_owned(), metadata.clone());
                }
                answer
            };
            Some(match which.as_str() {
                _ if token != "XXXX.DUMMY.TOKEN.XXXX" => with(refused(&["invalid-input-secret"])),
                "1" => with(json!({
                    "success": true, "error-codes": [], "challenge_ts": rfc_3339(SystemClock::default().now()),
                    "hostname": "example.com",
                })),
                "2" => with(refused(&["invalid-input-response"])),
                _ => with(refused(&["timeout-or-duplicate"])),
            })
        }
        ("hcaptcha", "0x0000000000000000000000000000000000000000") => {
            let now = rfc_3339(SystemClock::default().now());
            Some(match token {
                "10000000-aaaa-bbbb-cccc-000000000001" => {
                    json!({ "success": true, "challenge_ts": now, "hostname": "dummy-key-pass", "credit": false })
                }
                "20000000-aaaa-bbbb-cccc-000000000002" => json!({
                    "success": true, "challenge_ts": now, "hostname": "dummy-key-pass", "score": 0,
                    "score_reason": [],
                }),
                "30000000-aaaa-bbbb-cccc-000000000003" => json!({
                    "success": true, "challenge_ts": now, "hostname": "dummy-key-pass", "score": 1,
                    "score_reason": ["bot"],
                }),
                _ => refused(&["not-using-dummy-passcode"]),
            })
        }
        ("recaptcha", "6LeIxAcTAAAAAGG-vFI1TnRWxMZNFuojJ4WifJWe") => Some(json!({
            "success": true, "challenge_ts": rfc_3339(SystemClock::default().now()), "hostname": "testkey.google.com",
        })),
        _ => None,
    }
}
