//! Parameters, from the query and from a body of one of eight content types.

use std::collections::BTreeMap;

use http::header::CONTENT_TYPE;
use http::request::Parts;
use percent_encoding::percent_decode;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::phonesverification::envelope::Answer;

/// The content types of a JSON object.
const JSON: [&str; 7] = [
    "application/json",
    "application/jsonrequest",
    "application/x-javascript",
    "text/json",
    "text/javascript",
    "text/x-javascript",
    "text/x-json",
];

const FORM: &str = "application/x-www-form-urlencoded";

/// The parameters of a request, those of the body before those of the query.
#[derive(Default)]
pub(crate) struct Parameters {
    values: BTreeMap<String, Zeroizing<String>>,
}

impl Parameters {
    pub(crate) fn read(parts: &Parts, body: &[u8]) -> Result<Self, Answer> {
        let mut all = Self::from_form(parts.uri.query().unwrap_or_default().as_bytes())?;
        if !body.trim_ascii().is_empty() {
            all.values.extend(Self::from_body(parts, body)?.values);
        }
        Ok(all)
    }

    fn from_body(parts: &Parts, body: &[u8]) -> Result<Self, Answer> {
        let mut given = parts.headers.get_all(CONTENT_TYPE).iter();
        let kind = match (given.next().map(http::HeaderValue::to_str), given.next()) {
            (Some(Ok(kind)), None) => kind.to_ascii_lowercase(),
            _ => return Err(Answer::invalid("the content type")),
        };
        let mut pieces = kind.split(';').map(str::trim);
        let media = pieces.next().unwrap_or_default();
        let charset =
            pieces.filter_map(|piece| piece.strip_prefix("charset=")).map(|name| name.trim_matches('"'));
        if charset.into_iter().any(|name| !matches!(name, "utf-8" | "utf8")) {
            return Err(Answer::invalid("the content type"));
        }
        match media {
            FORM => Self::from_form(body),
            media if JSON.contains(&media) => Self::from_json(body),
            _ => Err(Answer::invalid("the content type")),
        }
    }

    /// `+` and `%20` are both a space. What is not UTF-8 is refused rather than repaired, and so is a name that is there twice,
    /// since two readers may read such things in two ways.
    fn from_form(text: &[u8]) -> Result<Self, Answer> {
        let mut values = BTreeMap::new();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let mut half = || decode(halves.next().unwrap_or_default());
            let (Some(name), Some(value)) = (half(), half()) else {
                return Err(Answer::invalid("the encoding"));
            };
            if values.insert(name, Zeroizing::new(value)).is_some() {
                return Err(Answer::invalid("a parameter that is there twice"));
            }
        }
        Ok(Self { values })
    }

    /// An object of texts. A whole number counts as its text; a PIN with leading zeros has to be text.
    fn from_json(text: &[u8]) -> Result<Self, Answer> {
        // The parser's own words may quote the body, so they are not repeated.
        let object: Map<String, Value> =
            serde_json::from_slice(text).map_err(|_| Answer::invalid("the JSON object"))?;
        let mut values = BTreeMap::new();
        for (name, value) in object {
            let text = match value {
                Value::String(text) => text,
                Value::Number(number) if number.is_u64() => number.to_string(),
                Value::Null => continue,
                _ => return Err(Answer::invalid("the JSON object")),
            };
            values.insert(name, Zeroizing::new(text));
        }
        Ok(Self { values })
    }

    /// The value of a parameter; an empty one is none.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.as_str()).filter(|value| !value.is_empty())
    }
}

fn decode(text: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}
