//! JSON in the one spelling that is signed: what JavaScript's `JSON.stringify` prints once the keys are sorted.

use serde_json::{Map, Value};

/// Writes a value the way ALTCHA's JavaScript libraries write it before they sign it.
///
/// Keys are sorted at every level by their UTF-16 units, except that keys which look like array indexes come first
/// and by number, because JavaScript objects cannot hold them in any other order. Numbers follow `Number::toString`
/// (ECMA-262, 6.1.6.1.20), strings follow `QuoteJSONString` (25.5.2.2), and there are no spaces.
///
/// ```
/// use serde_json::json;
/// use verify_core::altcha::canonical_json;
///
/// let value = json!({ "b": [1.50, 1e21, 5e-7], "a": null, "10": "\u{7}", "9": true });
/// assert_eq!(canonical_json(&value), r#"{"9":true,"10":"\u0007","a":null,"b":[1.5,1e+21,5e-7]}"#);
/// ```
///
/// Objects inside arrays are sorted too. The libraries leave those as they came, which is the same thing for a
/// challenge that this crate has written.
#[must_use]
pub fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        // JavaScript has doubles only, so a larger integer is rounded by every client that parses it.
        Value::Number(number) => out.push_str(&number_text(number.as_f64().unwrap_or(f64::INFINITY))),
        Value::String(text) => quote(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => write_object(map, out),
    }
}

fn write_object(map: &Map<String, Value>, out: &mut String) {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_cached_key(|(key, _)| {
        let index = array_index(key);
        (index.is_none(), index, key.encode_utf16().collect::<Vec<_>>())
    });
    out.push('{');
    for (position, (key, value)) in entries.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        quote(key, out);
        out.push(':');
        write(value, out);
    }
    out.push('}');
}

/// The number of a key such as `"17"`: decimal, no leading zero, below 2^32 - 1.
fn array_index(key: &str) -> Option<u32> {
    let index: u32 = key.parse().ok()?;
    (index != u32::MAX && index.to_string() == key).then_some(index)
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// `Number::toString` in base ten, with `null` for what JSON cannot say.
fn number_text(number: f64) -> String {
    if !number.is_finite() {
        return "null".to_owned();
    }
    if number == 0.0 {
        return "0".to_owned();
    }
    // Rust finds the shortest digits that read back, as ECMA-262 asks, but breaks a tie upwards. Asking for just as
    // many digits by precision breaks it to the even digit, as ECMA-262 also asks.
    let shortest = format!("{:e}", number.abs());
    let places = shortest.split_once('e').map_or(0, |(mantissa, _)| mantissa.len().saturating_sub(2));
    let nearest = format!("{:.places$e}", number.abs());
    let scientific = if nearest.parse() == Ok(number.abs()) { nearest } else { shortest };
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = mantissa.replace('.', "");
    let sign = if number < 0.0 { "-" } else { "" };
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |many: i32| "0".repeat(usize::try_from(many).unwrap_or(0));
    let split = |at: i32| digits.split_at_checked(usize::try_from(at).unwrap_or(0)).unwrap_or((&digits, ""));
    match exponent + 1 {
        point if count <= point && point <= 21 => format!("{sign}{digits}{}", zeros(point - count)),
        point if 0 < point && point <= 21 => {
            let (whole, fraction) = split(point);
            format!("{sign}{whole}.{fraction}")
        }
        point if -6 < point && point <= 0 => format!("{sign}0.{}{digits}", zeros(-point)),
        _ => {
            let (first, rest) = split(1);
            let dot = if rest.is_empty() { "" } else { "." };
            format!("{sign}{first}{dot}{rest}e{exponent:+}")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn captcha_rule_07_numbers_are_spelled_as_javascript_spells_them() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (5000.0, "5000"),
            (123_456.789, "123456.789"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.25e25, "1.25e+25"),
            (0.000_001, "0.000001"),
            (0.000_000_1, "1e-7"),
            (1.5e-7, "1.5e-7"),
            (0.1 + 0.2, "0.30000000000000004"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (5_009_874_263_910_429.0 / 4.0, "1252468565977607.2"),
            (5_009_874_263_910_431.0 / 4.0, "1252468565977607.8"),
            (f64::NAN, "null"),
        ] {
            assert_eq!(number_text(number), text);
        }
        assert_eq!(canonical_json(&json!(u64::MAX)), "18446744073709552000");
        assert_eq!(canonical_json(&json!(i64::MIN)), "-9223372036854776000");
    }

    #[test]
    fn captcha_rule_07_keys_follow_utf16_and_javascripts_own_order() {
        // U+FF5E sorts after the surrogates of U+1F600 in UTF-16, and before it by code point.
        let value =
            json!({ "\u{ff5e}": 1, "\u{1f600}": 2, "01": 3, "2": 4, "10": 5, "4294967295": 6, "-1": 7 });
        let keys: Vec<_> = ["2", "10", "-1", "01", "4294967295", "\u{1f600}", "\u{ff5e}"].into();
        let written = canonical_json(&value);
        let mut from = 0;
        for key in keys {
            let at = written.find(&format!("\"{key}\":")).expect(key);
            assert!(at >= from, "{key} in {written}");
            from = at;
        }
    }

    #[test]
    fn captcha_rule_07_strings_escape_what_json_stringify_escapes() {
        let value = json!("\"\\/\u{8}\t\n\u{c}\r\u{1f}\u{7f}\u{2028}é😀");
        assert_eq!(canonical_json(&value), "\"\\\"\\\\/\\b\\t\\n\\f\\r\\u001f\u{7f}\u{2028}é😀\"");
    }
}
