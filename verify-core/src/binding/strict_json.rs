//! JSON as two readers must agree on it: no member twice, no number that is not whole.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads a document, unless it could mean different things to different parsers (OWASP ASVS 1.5.3, 15.3.7).
///
/// A member that is there twice is the first one to some parsers and the last one to others: what was approved would not
/// be what is executed.
pub(super) fn parse(body: &[u8]) -> Result<Value, String> {
    let mut parser = serde_json::Deserializer::from_slice(body);
    let Strict(value) = Strict::deserialize(&mut parser).map_err(|error| {
        if error.is_data() && error.to_string().starts_with(TWICE) {
            "an object has a member twice: send each once".to_owned()
        } else {
            "the body is not JSON in UTF-8".to_owned()
        }
    })?;
    parser.end().map_err(|_| "something follows the JSON document".to_owned())?;
    Ok(value)
}

const TWICE: &str = "a member is there twice";

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Strict)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Strict(value))) = members.next_entry::<String, Strict>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom(TWICE));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn e63_a_member_twice_is_refused_at_any_depth() {
        for bad in [r#"{"a":1,"a":1}"#, r#"{"x":[{"a":1,"b":2,"a":3}]}"#, r#"{"a":1,"\u0061":2}"#] {
            assert!(parse(bad.as_bytes()).unwrap_err().contains("twice"), "{bad}");
        }
        assert_eq!(parse(br#"{"a":{"a":1},"b":[{"a":2},{"a":3}]}"#).unwrap()["b"][1]["a"], 3);
    }

    #[test]
    fn e63_what_is_no_json_is_refused() {
        for bad in ["", "{", "{}{}", "{} x", "\u{feff}{}", "{'a':1}", "{\"a\":01}", "[1,]", "NaN"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse(b"{\"a\":\"\xff\"}").is_err());
    }

    proptest! {
        #[test]
        fn e63_what_is_accepted_is_what_every_parser_reads(text in r#"(\{"[ab]":("[ab]"|1|-1|1\.5|null|\[\]|\{"[ab]":true\})(,"[ab]":2)?\})"#) {
            if let Ok(value) = parse(text.as_bytes()) {
                prop_assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap());
            }
        }
    }

    #[test]
    fn values_are_read_as_they_are() {
        let text = r#"{"n":null,"t":true,"i":-3,"u":18446744073709551615,"f":1.5,"s":"\u00e9\n","l":[[]]}"#;
        let expected = json!({"n": null, "t": true, "i": -3, "u": u64::MAX, "f": 1.5, "s": "é\n", "l": [[]]});
        assert_eq!(parse(text.as_bytes()).unwrap(), expected);
    }
}
