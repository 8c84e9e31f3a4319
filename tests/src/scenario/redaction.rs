//! Names in the place of what is drawn at random: tickets, clearances, nonces, codes, times.

use std::collections::HashMap;

/// Texts between two marks: what stands before, what ends it, and the name.
const BETWEEN: [(&str, &str, &str); 11] = [
    ("\"request_id\":\"", "\"", "request id"),
    ("nonce=\"", "\"", "nonce"),
    ("'nonce-", "'", "nonce"),
    ("visitor=", ";", "visitor"),
    ("\"nonce\":\"", "\"", "altcha nonce"),
    ("\"salt\":\"", "\"", "altcha salt"),
    ("\"signature\":\"", "\"", "altcha signature"),
    ("\"expiresAt\":", ",", "altcha expiry"),
    ("nonce&#34;:&#34;", "&#34;", "altcha nonce"),
    ("salt&#34;:&#34;", "&#34;", "altcha salt"),
    ("signature&#34;:&#34;", "&#34;", "altcha signature"),
];
const EXPIRY_IN_PAGE: (&str, &str, &str) = ("expiresAt&#34;:", ",", "altcha expiry");

const CLEARANCE: &str = "clearance";

/// Remembers which name a value was given.
#[derive(Debug, Default)]
pub(super) struct Redaction {
    names: HashMap<String, String>,
    counts: HashMap<String, usize>,
    hidden: Vec<(String, String)>,
}

impl Redaction {
    pub(super) fn of<'a>(hidden: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut redaction = Self::default();
        for (value, label) in hidden {
            let name = redaction.name(label, value);
            redaction.hidden.push((value.to_owned(), name));
        }
        redaction
    }

    fn name(&mut self, label: &str, value: &str) -> String {
        if let Some(known) = self.names.get(value) {
            return known.clone();
        }
        let count = self.counts.entry(label.to_owned()).or_default();
        *count += 1;
        // Of times only the shape is compared: two moments of one run may or may not fall into the same second.
        let name = match label {
            "time" | "altcha expiry" => format!("<{label}>"),
            _ => format!("<{label} {count}>"),
        };
        self.names.insert(value.to_owned(), name.clone());
        name
    }

    pub(super) fn apply(&mut self, text: &str) -> String {
        // Two clearances for the same that are signed within one tick of the clock are one text, and one tick later two: which of
        // them are the same is compared within an answer, not between answers.
        self.names.retain(|value, _| label_of(value) != Some(CLEARANCE));
        self.counts.remove(CLEARANCE);
        let mut text = self.words(text);
        for (before, until, label) in BETWEEN.iter().chain([&EXPIRY_IN_PAGE]) {
            text = self.between(&text, before, until, label);
        }
        for (value, name) in &self.hidden {
            text = replace_whole(&text, value, name);
        }
        text
    }

    fn between(&mut self, text: &str, before: &str, until: &str, label: &str) -> String {
        let mut parts = text.split(before);
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            out.push_str(before);
            match part.split_once(until) {
                Some((value, rest)) if !value.is_empty() => {
                    out.push_str(&self.name(label, value));
                    out.push_str(until);
                    out.push_str(rest);
                }
                _ => out.push_str(part),
            }
        }
        out
    }

    /// What can be told by its own shape: tickets, clearances and RFC 3339 times.
    fn words(&mut self, text: &str) -> String {
        let part_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':');
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|c| !part_of_word(c)).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            out.push_str(&match label_of(word) {
                Some(label) => self.name(label, word),
                None => word.to_owned(),
            });
            let gap = behind.find(part_of_word).unwrap_or(behind.len());
            let (gap, next) = behind.split_at(gap);
            out.push_str(gap);
            rest = next;
        }
        out
    }
}

fn label_of(word: &str) -> Option<&'static str> {
    let sealed = |version: &str| word.starts_with(version) && word.split('.').count() == 3 && word.len() > 40;
    if sealed("t1.") {
        Some("ticket")
    } else if sealed("c1.") {
        Some(CLEARANCE)
    } else if sealed("e1.") {
        Some("enrolment")
    } else if sealed("n1.") || sealed("l1.") {
        Some("token")
    } else if is_time(word) {
        Some("time")
    } else {
        None
    }
}

fn is_time(word: &str) -> bool {
    let shape = word.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    shape.eq(*b"0000-00-00T00:00:00Z")
}

/// Replaces a value where it stands alone, not where it is a part of a longer word.
fn replace_whole(text: &str, value: &str, name: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (at, _) in text.match_indices(value) {
        let (before, behind) = (text.get(..at), text.get(at + value.len()..));
        let alone = |c: Option<char>| !c.is_some_and(|c| c.is_ascii_alphanumeric());
        // In JSON, a line break before it reads as a backslash and a letter.
        let begins_line = before.is_some_and(|text| text.ends_with("\\n"));
        if (begins_line || alone(before.and_then(|text| text.chars().next_back())))
            && alone(behind.and_then(|text| text.chars().next()))
        {
            out.push_str(text.get(done..at).unwrap_or_default());
            out.push_str(name);
            done = at + value.len();
        }
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_random_gets_a_name_and_the_rest_stays() {
        let ticket = format!("t1.test.{}", "A-_b".repeat(20));
        let other = format!("t1.test.{}", "C-_d".repeat(20));
        let text = format!(
            "{{\"id\":\"{ticket}\",\"at\":\"2026-01-01T00:00:00Z\",\"request_id\":\"0011\"}}\n\
             set-cookie: clearance=c1.test.{}; Path=/\nvisitor=abc; {other} {ticket} #123456 1234567 t1.x \\n123456",
            "9".repeat(60)
        );
        let redacted = Redaction::of([("123456", "code")].into_iter()).apply(&text);
        assert_eq!(
            redacted,
            "{\"id\":\"<ticket 1>\",\"at\":\"<time>\",\"request_id\":\"<request id 1>\"}\n\
             set-cookie: clearance=<clearance 1>; Path=/\nvisitor=<visitor 1>; <ticket 2> <ticket 1> #<code 1> 1234567 t1.x \\n<code 1>"
        );
    }

    #[test]
    fn a_nonce_has_the_same_name_in_header_and_page() {
        let redacted =
            Redaction::default().apply("style-src 'nonce-abc'\n<style nonce=\"abc\"><script nonce=\"def\">");
        assert_eq!(
            redacted,
            "style-src 'nonce-<nonce 1>'\n<style nonce=\"<nonce 1>\"><script nonce=\"<nonce 2>\">"
        );
    }
}
