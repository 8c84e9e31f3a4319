//! An official OpenAPI 3.0 description, held against recorded answers.

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::recorder::Recorded;

/// A description, ready to judge.
#[derive(Debug)]
pub struct Description {
    operations: Vec<Operation>,
}

#[derive(Debug)]
struct Operation {
    method: String,
    /// The template's segments; one in braces stands for any.
    path: Vec<String>,
    /// By status; an answer without a body has none.
    answers: BTreeMap<u16, Option<Validator>>,
}

impl Description {
    /// Reads a description. `correct` may mend its schemas where the description itself is wrong.
    ///
    /// # Errors
    /// When it is no OpenAPI, or a schema in it is none.
    pub fn read(text: &str, correct: impl Fn(&mut Value)) -> Result<Self, String> {
        let mut whole: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        correct(&mut whole);
        to_json_schema(whole.pointer_mut("/components/schemas").ok_or("it has no schemas")?);
        let components = json!({ "schemas": whole.pointer("/components/schemas") });
        let mut operations = Vec::new();
        let paths = whole.pointer("/paths").and_then(Value::as_object).ok_or("it has no paths")?;
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                let Some(responses) = operation["responses"].as_object() else { continue };
                let mut answers = BTreeMap::new();
                for (status, response) in responses {
                    let status = status.parse().map_err(|_| format!("{path}: status {status}"))?;
                    answers.insert(status, validator(response, &components)?);
                }
                let path = path.split('/').map(str::to_owned).collect();
                operations.push(Operation { method: method.to_ascii_uppercase(), path, answers });
            }
        }
        Ok(Self { operations })
    }

    /// What is wrong with an answer. `refusal` judges statuses from 400 up that the description does not mention.
    #[must_use]
    pub fn faults(&self, seen: &Recorded, refusal: &Validator) -> Vec<String> {
        let place = format!("{} {}: {}", seen.method, seen.path, seen.response.status);
        let Some(operation) = self.find(&seen.method, &seen.path) else {
            return vec![format!("{place}: no such operation")];
        };
        let judge = match operation.answers.get(&seen.response.status) {
            Some(judge) => judge.as_ref(),
            None if seen.response.status >= 400 => Some(refusal),
            None => return vec![format!("{place}: a status that the description does not know")],
        };
        let Some(judge) = judge else {
            let empty = seen.response.body.is_empty();
            return if empty { Vec::new() } else { vec![format!("{place}: a body where none belongs")] };
        };
        let is_json =
            seen.response.header("content-type").is_some_and(|it| it.starts_with("application/json"));
        if !is_json {
            return vec![format!("{place}: not JSON")];
        }
        let body = seen.response.json();
        judge
            .iter_errors(&body)
            .map(|error| format!("{place}: {error} at `{}`", error.instance_path()))
            .collect()
    }

    /// The operation of a path: the one with the most literal segments, where several fit.
    fn find(&self, method: &str, path: &str) -> Option<&Operation> {
        let path: Vec<&str> = path.split('?').next().unwrap_or_default().split('/').collect();
        let literal = |operation: &&Operation| {
            operation.path.iter().filter(|segment| !segment.starts_with('{')).count()
        };
        let fits = |operation: &&Operation| {
            operation.method == method
                && operation.path.len() == path.len()
                && operation
                    .path
                    .iter()
                    .zip(&path)
                    .all(|(known, seen)| known.starts_with('{') || known == seen)
        };
        self.operations.iter().filter(fits).max_by_key(literal)
    }
}

fn validator(response: &Value, components: &Value) -> Result<Option<Validator>, String> {
    let Some(schema) = response.pointer("/content/application~1json/schema") else { return Ok(None) };
    let mut schema = schema.clone();
    to_json_schema(&mut schema);
    if let Some(members) = schema.as_object_mut() {
        members.insert("components".to_owned(), components.clone());
    }
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&schema).map(Some).map_err(|error| error.to_string())
}

/// OpenAPI 3.0 has a dialect of its own: `nullable` instead of a type `null`.
fn to_json_schema(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(to_json_schema),
        Value::Object(members) => {
            members.values_mut().for_each(to_json_schema);
            if members.remove("nullable") == Some(Value::Bool(true)) {
                admit_null(members);
            }
        }
        _ => {}
    }
}

fn admit_null(members: &mut Map<String, Value>) {
    // Without a type everything is admitted already.
    if let Some(kind) = members.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
    if let Some(values) = members.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
}
