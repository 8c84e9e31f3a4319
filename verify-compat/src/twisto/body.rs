//! What a client gave as the code.

use serde_json::Value;
use zeroize::Zeroizing;

/// What stands in the body of a check.
pub(crate) enum Given {
    /// Nothing: not counted.
    Empty,
    /// What no code can be in.
    Malformed,
    /// Something to compare.
    Code(Zeroizing<String>),
}

impl Given {
    /// The vendor's library sends an empty request as no body, as `[]` or as `{}`.
    pub(crate) fn read(body: &[u8]) -> Self {
        if body.trim_ascii().is_empty() {
            return Self::Empty;
        }
        let code = match serde_json::from_slice(body) {
            Ok(Value::Null) => return Self::Empty,
            Ok(Value::Array(items)) if items.is_empty() => return Self::Empty,
            Ok(Value::Object(mut members)) => members.remove("code").unwrap_or_default(),
            Ok(_) | Err(_) => return Self::Malformed,
        };
        let text = match code {
            Value::Null => return Self::Empty,
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => return Self::Malformed,
        };
        let text = Zeroizing::new(text);
        if text.trim().is_empty() { Self::Empty } else { Self::Code(text) }
    }
}

/// A code without what people put between its digits, as the engine compares it.
pub(crate) fn bare(code: &str) -> Zeroizing<String> {
    Zeroizing::new(code.chars().filter(|c| !c.is_ascii_whitespace() && *c != '-').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t08_every_shape_of_an_empty_request_is_empty() {
        for empty in
            ["", " \n", "{}", "[]", "null", r#"{"code":""}"#, r#"{"code":null}"#, r#"{"code":" \t"}"#]
        {
            assert!(matches!(Given::read(empty.as_bytes()), Given::Empty), "{empty}");
        }
        for malformed in
            ["{", "code=1234", r#""1234""#, "1234", r#"["1234"]"#, r#"{"code":["1234"]}"#, "\u{feff}{}"]
        {
            assert!(matches!(Given::read(malformed.as_bytes()), Given::Malformed), "{malformed}");
        }
        for (given, code) in
            [(r#"{"code":"1234"}"#, "1234"), (r#"{"code":1234}"#, "1234"), (r#"{"code":" 1 "}"#, " 1 ")]
        {
            assert!(matches!(Given::read(given.as_bytes()), Given::Code(text) if *text == code), "{given}");
        }
    }
}
