//! What went over the wire, in a form that can be compared.

use crate::http::Response;
use crate::scenario::redaction::Redaction;

/// A request and its answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// The act and the step.
    pub name: String,
    /// The status that the step expects.
    pub expected: u16,
    /// Method and target.
    pub request: String,
    /// The answer as it came.
    pub response: Response,
}

impl Exchange {
    fn act(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }
}

/// All exchanges of a run, in order.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    exchanges: Vec<Exchange>,
    hidden: Vec<Hidden>,
}

/// A value that differs from run to run and has no shape to know it by.
#[derive(Clone, Debug)]
struct Hidden {
    act: String,
    label: String,
    value: String,
}

impl Transcript {
    pub(super) fn add(&mut self, exchange: Exchange) {
        self.exchanges.push(exchange);
    }

    /// Gives a value a name, in one act only: elsewhere the same text may be the same in every run.
    pub(super) fn hide(&mut self, act: &str, label: &str, value: &str) {
        self.hidden.push(Hidden { act: act.to_owned(), label: label.to_owned(), value: value.to_owned() });
    }

    /// The exchanges as they were.
    #[must_use]
    pub fn raw(&self) -> &[Exchange] {
        &self.exchanges
    }

    /// Name and text of every exchange, with names in the place of what is drawn at random. A value keeps its name
    /// within an act, so that the same ticket in two places is the same in both transcripts.
    #[must_use]
    pub fn exchanges(&self) -> Vec<(String, String)> {
        let mut redaction = Redaction::default();
        let mut act = String::new();
        let mut rendered = Vec::with_capacity(self.exchanges.len());
        for exchange in &self.exchanges {
            if exchange.act() != act {
                exchange.act().clone_into(&mut act);
                let hidden = self.hidden.iter().filter(|hidden| hidden.act == act);
                redaction =
                    Redaction::of(hidden.map(|hidden| (hidden.value.as_str(), hidden.label.as_str())));
            }
            rendered.push((exchange.name.clone(), redaction.apply(&render(exchange))));
        }
        rendered
    }

    /// The steps that were not answered with the status that they expect.
    #[must_use]
    pub fn surprises(&self) -> Vec<String> {
        let wrong = self.exchanges.iter().filter(|exchange| exchange.response.status != exchange.expected);
        wrong
            .map(|exchange| {
                let Exchange { name, expected, request, response } = exchange;
                format!("{name}: {request} is {} and not {expected}: {}", response.status, response.text())
            })
            .collect()
    }
}

fn render(exchange: &Exchange) -> String {
    let Exchange { request, response, .. } = exchange;
    let mut text = format!("{request}\n{}\n", response.status);
    let mut headers: Vec<String> = response
        .headers
        .iter()
        // What a server says about its own connection and clock is not the application's.
        .filter(|(name, _)| name != "connection")
        .map(|(name, value)| format!("{name}: {}\n", if name == "date" { "<date>" } else { value }))
        .collect();
    headers.sort_unstable();
    text.extend(headers);
    text.push('\n');
    text.push_str(&response.text());
    text
}

/// Where two transcripts differ, step by step and line by line; empty when they are the same.
#[must_use]
pub fn differences(one: &[(String, String)], other: &[(String, String)]) -> String {
    let mut report = String::new();
    for ((name, left), (other_name, right)) in one.iter().zip(other) {
        if name != other_name {
            report.push_str(&format!("the steps part: {name} and {other_name}\n"));
            return report;
        }
        if left == right {
            continue;
        }
        report.push_str(&format!("== {name}: {}\n", left.lines().next().unwrap_or_default()));
        let lines = |text: &str| text.split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>();
        let (left, right) = (lines(left), lines(right));
        for line in left.iter().filter(|line| !right.contains(line)) {
            report.push_str(&format!("- {}\n", line.escape_debug()));
        }
        for line in right.iter().filter(|line| !left.contains(line)) {
            report.push_str(&format!("+ {}\n", line.escape_debug()));
        }
        let mut sorted = (left.clone(), right.clone());
        sorted.0.sort_unstable();
        sorted.1.sort_unstable();
        if sorted.0 == sorted.1 {
            report.push_str("  the same lines in another order\n");
        }
    }
    if one.len() != other.len() {
        report.push_str(&format!("{} steps and {}\n", one.len(), other.len()));
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(texts: &[&str]) -> Vec<(String, String)> {
        texts.iter().enumerate().map(|(n, text)| (format!("act/{n}"), (*text).to_owned())).collect()
    }

    #[test]
    fn r12_any_difference_is_reported() {
        let one = steps(&["GET /\n200\na: 1\nb: 2\n\nbody", "GET /x\n404\n\n"]);
        assert_eq!(differences(&one, &one), "");
        for other in [
            steps(&["GET /\n200\na: 1\nb: 2\n\nbody\n", "GET /x\n404\n\n"]),
            steps(&["GET /\n200\nb: 2\na: 1\n\nbody", "GET /x\n404\n\n"]),
            steps(&["GET /\n200\na: 1\nb: 2\n\nbody"]),
            steps(&["GET /\n200\na: 1\na: 1\nb: 2\n\nbody", "GET /x\n404\n\n"]),
        ] {
            assert_ne!(differences(&one, &other), "", "{other:?}");
        }
    }
}
