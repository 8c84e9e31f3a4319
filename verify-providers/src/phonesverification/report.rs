//! What a callback says, and how much of it is believed.

use std::collections::BTreeMap;

use percent_encoding::percent_decode;
use verify_core::{Contact, PinReport, PinResult};

use crate::phonesverification::datetime;

/// A callback, taken apart.
pub(super) enum Said {
    /// The call goes on; so far nothing follows from it.
    Underway,
    /// The call is over.
    Over(PinReport),
}

/// Reads a query; nothing for what is no callback of this service.
pub(super) fn read(query: &str) -> Option<Said> {
    let values = parse(query)?;
    let get = |name: &str| values.get(name).map(String::as_str);
    let id = get("requestid").filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()))?;
    let recipient = get("recipient")?.trim();
    let to = Contact::e164(&format!("+{}", recipient.trim_start_matches('+'))).ok()?;
    let matched = get("matched").is_some_and(|matched| matched.eq_ignore_ascii_case("true"));
    let status = get("status")?;
    let result = match (status, matched) {
        ("Sent" | "Delivered", _) => return Some(Said::Underway),
        // Both say yes: nothing else is one.
        ("Delivered - PIN Verified", true) => PinResult::Right,
        ("Delivered - PIN Unverified", false) => PinResult::Wrong,
        ("Failed" | "Insufficient Balance" | "Stopped" | "Machine Hangup", false) => PinResult::Unanswered,
        (
            "Delivered - PIN Verified"
            | "Delivered - PIN Unverified"
            | "Failed"
            | "Insufficient Balance"
            | "Stopped"
            | "Machine Hangup",
            _,
        ) => {
            tracing::warn!(target: "verify", matched, "a callback contradicts itself, and counts as a wrong PIN");
            PinResult::Wrong
        }
        // A status of next year.
        _ => {
            tracing::warn!(target: "verify", "a callback has a status that is not known, and is ignored");
            return Some(Said::Underway);
        }
    };
    if get("datetime").and_then(datetime::parse).is_none() {
        tracing::debug!(target: "verify", "a callback does not say when its call was asked for");
    }
    Some(Said::Over(PinReport::of(result).handle(id).to(to)))
}

/// `+` and `%20` are both a space. A name that is there twice could be read in two ways, so it is refused.
fn parse(query: &str) -> Option<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if values.insert(decode(name)?, decode(value)?).is_some() {
            return None;
        }
    }
    Some(values)
}

fn decode(text: &str) -> Option<String> {
    String::from_utf8(percent_decode(text.replace('+', " ").as_bytes()).collect()).ok()
}
