//! What a vendor says, read strictly where it lets somebody pass, and leniently where it tells why not.

use std::time::SystemTime;

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use verify_core::Rejection;

/// A vendor's answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) success: bool,
    /// The vendor's words for what went wrong.
    pub(super) codes: Vec<String>,
    /// What they come to, where the answer is not the one of `siteverify`.
    pub(super) rejection: Option<Rejection>,
    pub(super) solved_at: Option<SystemTime>,
    pub(super) host: Option<String>,
    pub(super) action: Option<String>,
    pub(super) cdata: Option<String>,
    pub(super) score: Option<f64>,
    /// Turnstile says so of the answers to its test keys.
    pub(super) is_for_test_keys: bool,
}

/// `siteverify`, of whichever vendor.
#[derive(Deserialize)]
struct Siteverify {
    /// A boolean: the text "true" is none.
    success: bool,
    #[serde(rename = "error-codes", default)]
    codes: Value,
    challenge_ts: Option<String>,
    hostname: Option<String>,
    action: Option<String>,
    cdata: Option<String>,
    score: Option<f64>,
    #[serde(default)]
    metadata: Value,
}

impl Answer {
    /// `None` when it is not what these services say.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let read: Siteverify = serde_json::from_slice(body).ok()?;
        let codes = match &read.codes {
            Value::Array(codes) => codes.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Value::String(code) => vec![code.clone()],
            _ => Vec::new(),
        };
        Some(Self {
            success: read.success,
            codes,
            rejection: None,
            solved_at: read.challenge_ts.as_deref().and_then(moment),
            host: read.hostname,
            action: read.action,
            cdata: read.cdata,
            score: read.score,
            is_for_test_keys: read.metadata.get("result_with_testing_key") == Some(&Value::Bool(true)),
        })
    }
}

/// RFC 3339, with or without fractions, `Z` or an offset, and the offset without its colon, as some Java programs write it.
pub(super) fn moment(text: &str) -> Option<SystemTime> {
    let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let parsed = parse(text).or_else(|| {
        let (time, minutes) = text.split_at_checked(text.len().checked_sub(2)?)?;
        let sign = time.as_bytes().get(time.len().checked_sub(3)?)?;
        matches!(sign, b'+' | b'-').then(|| parse(&format!("{time}:{minutes}"))).flatten()
    })?;
    Some(parsed.into())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn captcha_rule_24_times_are_read_as_the_vendors_write_them() {
        let at = UNIX_EPOCH + Duration::from_secs(1_646_061_270);
        for text in [
            "2022-02-28T15:14:30Z",
            "2022-02-28T15:14:30+00:00",
            "2022-02-28T16:14:30+01:00",
            "2022-02-28T15:14:30+0000",
            "2022-02-28T10:14:30-0500",
        ] {
            assert_eq!(moment(text), Some(at), "{text}");
        }
        let finer = moment("2022-02-28T15:14:30.096Z").unwrap();
        assert_eq!(finer.duration_since(at).unwrap(), Duration::from_millis(96));
        for text in [
            "",
            "Z",
            "+00",
            "2022-02-28",
            "1646061270",
            "2022-02-30T15:14:30Z",
            "ü+0000",
            "2022-02-28T15:14:30",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn captcha_rule_26_success_is_a_boolean_and_an_answer_an_object() {
        for body in [
            r#"{"success":"true"}"#,
            r#"{"success":1}"#,
            r#"{"success":null}"#,
            r#"{"success":[true]}"#,
            r#"{"Success":true}"#,
            r#"{"success":true,"success":true}"#,
            r#"{"success":true"#,
            r#"{"success":true} trailing"#,
            "true",
            "[true]",
            "",
            "<!doctype html>",
        ] {
            assert!(Answer::read(body.as_bytes()).is_none_or(|read| !read.success), "{body}");
        }
        let read = Answer::read(
            br#"{"success":true,"error-codes":[],"new":{"a":1},"metadata":{"interactive":true}}"#,
        );
        assert!(read.is_some_and(|read| read.success && !read.is_for_test_keys));
        for codes in [r#"["a",1,null,"b"]"#, r#""a""#, "null", "{}", "7"] {
            let body = format!(r#"{{"success":false,"error-codes":{codes}}}"#);
            assert!(Answer::read(body.as_bytes()).is_some_and(|read| !read.success), "{codes}");
        }
    }
}
