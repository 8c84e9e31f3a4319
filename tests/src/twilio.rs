//! What the Verify API of Twilio promises, by its official description and by its contract for errors.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::openapi::Description;
use crate::recorder::Recorded;

/// The description, as published.
pub const DESCRIPTION: &str = include_str!("../specs/twilio_verify_v2.json");

static RULES: LazyLock<Result<(Description, Validator), String>> = LazyLock::new(|| {
    let description = Description::read(DESCRIPTION, correct)?;
    let refusal = jsonschema::validator_for(&refusal()).map_err(|error| error.to_string())?;
    Ok((description, refusal))
});

/// Where the description is wrong about its own service, and what holds instead.
fn correct(_: &mut Value) {}

/// An error has four members and no others: with those of RFC 9457 beside them, one SDK raises another exception.
fn refusal() -> Value {
    json!({
        "type": "object",
        "properties": {
            "code": { "type": "integer", "minimum": 20001, "maximum": 99999 },
            "message": { "type": "string", "minLength": 1 },
            "more_info": { "type": "string", "pattern": "^https://www\\.twilio\\.com/docs/errors/[0-9]{5}$" },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
        },
        "required": ["code", "message", "more_info", "status"],
        "additionalProperties": false,
    })
}

/// What is wrong with these answers; those of the gateway's own pages are not looked at.
#[must_use]
pub fn faults(seen: &[Recorded]) -> Vec<String> {
    let (description, refusal) = match &*RULES {
        Ok(rules) => rules,
        Err(error) => return vec![error.clone()],
    };
    let of_the_api = seen.iter().filter(|seen| seen.path.starts_with("/v2/"));
    of_the_api
        .flat_map(|seen| {
            let mut faults = description.faults(seen, refusal);
            let body = seen.response.json();
            if seen.response.status >= 400 {
                let status = body.get("status");
                if status != Some(&json!(seen.response.status)) {
                    faults.push(format!("{}: the body says status {status:?}", seen.response.status));
                }
            }
            faults.extend(bad_times(&body).map(|time| format!("{} {}: time {time}", seen.method, seen.path)));
            faults
        })
        .collect()
}

/// Times that the Python SDK would hand out as text.
fn bad_times(body: &Value) -> impl Iterator<Item = String> {
    let mut found = Vec::new();
    gather_times(body, &mut found);
    found.into_iter().filter(|time| {
        let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        shape != "0000-00-00T00:00:00Z"
    })
}

fn gather_times(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(time) if name.starts_with("date_") || name == "time" => {
                        found.push(time.clone());
                    }
                    other => gather_times(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather_times(item, found)),
        _ => {}
    }
}
