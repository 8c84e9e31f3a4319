//! Whether what came is what the document promises, where names stand for what it cannot know.

use std::collections::BTreeMap;

use serde_json::Value;

/// The names that may stand in angle brackets. Whatever else is in angle brackets is itself.
pub const NAMES: &[&str] = &[
    "id",
    "other-id",
    "app-id",
    "code",
    "pin",
    "call",
    "clearance",
    "visitor",
    "phone",
    "nonce",
    "salt",
    "signature",
    "seconds",
    "time",
    "request",
    "token",
];

/// Marks a JSON value that a name stands for.
const MARK: char = '\u{1}';

/// What the names of one answer stand for.
#[derive(Clone, Debug, Default)]
pub struct Names {
    bound: BTreeMap<String, String>,
}

impl Names {
    /// What each name stands for.
    #[must_use]
    pub fn into_inner(self) -> BTreeMap<String, String> {
        self.bound
    }

    /// Lets a name stand for a text, if it may.
    fn bind(&mut self, name: &str, text: &str) -> bool {
        match name {
            "time" => is_time(text),
            "request" => text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
            "seconds" => text.bytes().all(|byte| byte.is_ascii_digit()),
            _ => match self.bound.get(name) {
                Some(before) => before == text,
                None => {
                    self.bound.insert(name.to_owned(), text.to_owned());
                    true
                }
            },
        }
    }
}

/// RFC 3339, in UTC and whole seconds.
fn is_time(text: &str) -> bool {
    let form = "0000-00-00T00:00:00Z";
    text.len() == form.len()
        && text.chars().zip(form.chars()).all(|(c, f)| if f == '0' { c.is_ascii_digit() } else { c == f })
}

/// Compares a text in which names may stand.
///
/// # Errors
/// Shows both.
pub fn same_text(expected: &str, actual: &str, names: &mut Names) -> Result<(), String> {
    if fits(&parts(expected), actual, names) {
        Ok(())
    } else {
        Err(format!("`{actual}` came, and not `{expected}`"))
    }
}

/// Compares a body: JSON as JSON, anything else line by line.
///
/// # Errors
/// Shows the first difference.
pub fn same_body(expected: &str, actual: &str, names: &mut Names) -> Result<(), String> {
    if !expected.starts_with(['{', '[']) {
        return same_lines(expected, actual, names);
    }
    let expected: Value = serde_json::from_str(&marked(expected))
        .map_err(|error| format!("the document's body is not JSON: {error}"))?;
    let actual = serde_json::from_str(actual).map_err(|error| format!("no JSON ({error}): {actual}"))?;
    same_json(&expected, &actual, "", names)
}

enum Part<'a> {
    Literal(&'a str),
    Name(&'a str),
}

/// The first name in a text: what is before it, the name, and what is after.
fn first_name(text: &str) -> Option<(&str, &'static str, &str)> {
    let found = NAMES.iter().filter_map(|name| {
        let (before, after) = text.split_once(&format!("<{name}>"))?;
        Some((before, *name, after))
    });
    found.min_by_key(|(before, ..)| before.len())
}

fn parts(mut text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    while let Some((before, name, after)) = first_name(text) {
        parts.extend([Part::Literal(before), Part::Name(name)]);
        text = after;
    }
    parts.push(Part::Literal(text));
    parts
}

fn fits(parts: &[Part<'_>], text: &str, names: &mut Names) -> bool {
    match parts {
        [] => text.is_empty(),
        [Part::Literal(literal), rest @ ..] => {
            text.strip_prefix(literal).is_some_and(|text| fits(rest, text, names))
        }
        [Part::Name(name), rest @ ..] => {
            let before = names.clone();
            text.char_indices().map(|(at, c)| text.split_at(at + c.len_utf8())).any(|(value, tail)| {
                names.clone_from(&before);
                names.bind(name, value) && fits(rest, tail, names)
            })
        }
    }
}

/// Puts marked strings in the place of names outside strings, so that the rest can be read as JSON.
fn marked(text: &str) -> String {
    let mut out = String::new();
    let (mut inside, mut escaped, mut rest) = (false, false, text);
    while let Some(c) = rest.chars().next() {
        let name = first_name(rest).filter(|(before, ..)| !inside && before.is_empty());
        if let Some((_, name, after)) = name {
            out.push_str(&format!("\"\\u0001{name}\""));
            rest = after;
            continue;
        }
        inside ^= c == '"' && !escaped;
        escaped = inside && c == '\\' && !escaped;
        out.push(c);
        rest = rest.split_at(c.len_utf8()).1;
    }
    out
}

fn same_json(expected: &Value, actual: &Value, at: &str, names: &mut Names) -> Result<(), String> {
    let differ = || Err(format!("at `{at}`: {actual} came, and not {expected}"));
    match (expected, actual) {
        (Value::String(mark), actual) if mark.starts_with(MARK) => {
            if names.bind(mark.trim_start_matches(MARK), &actual.to_string()) { Ok(()) } else { differ() }
        }
        (Value::String(expected), Value::String(actual)) => {
            same_text(expected, actual, names).map_err(|what| format!("at `{at}`: {what}"))
        }
        (Value::Object(expected), Value::Object(members)) => {
            if !expected.keys().eq(members.keys()) {
                return differ();
            }
            expected
                .iter()
                .zip(members.values())
                .try_for_each(|((name, one), other)| same_json(one, other, &format!("{at}/{name}"), names))
        }
        (Value::Array(expected), Value::Array(items)) => {
            let (expected, goes_on) = match expected.split_last() {
                Some((last, before)) if last == "..." => (before, true),
                _ => (expected.as_slice(), false),
            };
            if items.len() < expected.len() || (!goes_on && items.len() > expected.len()) {
                return differ();
            }
            let mut pairs = expected.iter().zip(items).zip(0..);
            pairs.try_for_each(|((one, other), index)| same_json(one, other, &format!("{at}/{index}"), names))
        }
        _ if expected == actual => Ok(()),
        _ => differ(),
    }
}

fn same_lines(expected: &str, actual: &str, names: &mut Names) -> Result<(), String> {
    let lines = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    };
    let (actual, mut skip) = (lines(actual), false);
    let mut left = actual.iter();
    for expected in lines(expected) {
        if expected == "..." {
            skip = true;
            continue;
        }
        let mut same = |line: &String| same_text(&expected, line, names).is_ok();
        let found = if skip { left.any(&mut same) } else { left.next().is_some_and(&mut same) };
        if !found {
            return Err(format!("no line `{expected}` where it should be in\n{}", actual.join("\n")));
        }
        skip = false;
    }
    match left.next() {
        Some(line) if !skip => Err(format!("the body goes on: `{line}`")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(expected: &str, actual: &str) -> bool {
        same_body(expected, actual, &mut Names::default()).is_ok()
    }

    #[test]
    fn names_stand_for_what_is_not_known() {
        let mut names = Names::default();
        let expected = r#"{"id": "<id>", "n": [1, <seconds>], "at": "<time>", "text": "is <code>.", "more": ["a", "..."]}"#;
        let actual = r#"{"n":[1,22],"id":"t1","at":"2026-01-01T00:00:00Z","text":"is 12.","more":["a","b"]}"#;
        same_body(expected, actual, &mut names).unwrap();
        let bound = names.into_inner();
        assert_eq!((bound["id"].as_str(), bound["code"].as_str()), ("t1", "12"));
    }

    #[test]
    fn every_difference_is_found() {
        assert!(body(r#"{"a": "<id>", "b": "<id>"}"#, r#"{"a":"x","b":"x"}"#));
        for (expected, actual) in [
            (r#"{"a": "<id>", "b": "<id>"}"#, r#"{"a":"x","b":"y"}"#),
            (r#"{"a": "<id>"}"#, r#"{"a":""}"#),
            (r#"{"a": "<id>"}"#, r#"{"a":1}"#),
            (r#"{"a": 1}"#, r#"{"a":1,"b":2}"#),
            (r#"{"a": 1, "b": 2}"#, r#"{"a":1}"#),
            (r#"{"a": 1}"#, r#"{"a":"1"}"#),
            (r#"{"a": "<time>"}"#, r#"{"a":"2026-01-01 00:00:00"}"#),
            (r#"{"a": "<request>"}"#, r#"{"a":"xyz"}"#),
            (r#"{"a": <seconds>}"#, r#"{"a":"x"}"#),
            (r#"[1]"#, r#"[1,2]"#),
            (r#"[1, 2, "..."]"#, r#"[1]"#),
            (r#"[1]"#, "1"),
            ("{}", "<p>"),
        ] {
            assert!(!body(expected, actual), "{expected} {actual}");
        }
    }

    #[test]
    fn lines_are_compared_in_order_and_may_be_left_out() {
        let page = "<a>\n  <b>\n\n<c x=\"12\">\n<d>\n";
        for good in ["<a>\n<b>\n<c x=\"<id>\">\n<d>", "...\n<b>\n...\n<d>", "<a>\n...", "..."] {
            assert!(body(good, page), "{good}");
        }
        for bad in
            ["<a>\n<c x=\"12\">\n<d>", "<b>\n...", "...\n<c x=\"12\">\n<a>\n...", "<a>\n<b>", "...\n<e>"]
        {
            assert!(!body(bad, page), "{bad}");
        }
    }
}
