//! The exchanges that a document shows, replayed against a running bank.
//!
//! A document is Markdown; what counts are its blocks fenced as `console`. There,
//!
//! - a line that begins with `$ ` is a command, and goes on in the next line where it ends with a backslash. It is split
//!   as a shell would split it, quotes included, and nothing else of a shell is known;
//! - what follows is the answer: the status line, then header fields, then perhaps a blank line and a body. Status and
//!   named fields are compared; fields that are not named, and a body that is not there, are not;
//! - a body that begins with `{` or `[` is compared as JSON, member by member, whatever the order. A list that ends with
//!   `"..."` may go on. Any other body is compared line by line, without blanks around a line and without blank lines; a
//!   line `...` stands for any number of lines;
//! - a name from [`NAMES`] in angle brackets stands for a text that is not known beforehand. It is remembered, and put in
//!   where a later command uses it; within one answer it stands for one text. `<time>` and `<request>` are checked for
//!   their form and may differ; `<solution>`, in a command, is what an ALTCHA client answers to the latest puzzle;
//! - `localhost:3000` stands for wherever the bank is.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;
use verify_core::altcha::{self, Challenge};

mod document;
mod likeness;

pub use document::{Answer, Exchange, exchanges};
pub use likeness::{NAMES, Names, same_body, same_text};

/// More tries than any puzzle of the bank takes: 256 on average, so that bad luck ends once in 10^170 runs.
const MOST_TRIES: u32 = 100_000;

/// One run through a document, from its first exchange to its last.
#[derive(Debug)]
pub struct Replay {
    place: String,
    known: BTreeMap<String, String>,
    puzzle: Option<Value>,
}

impl Replay {
    /// Begins against the bank at this address.
    #[must_use]
    pub fn new(bank: SocketAddr) -> Self {
        let place = format!("localhost:{}", bank.port());
        Self { place, known: BTreeMap::new(), puzzle: None }
    }

    /// Runs one command and compares its answer.
    ///
    /// # Errors
    /// Says where in the document, and what differs.
    pub fn run(&mut self, exchange: &Exchange) -> Result<(), String> {
        self.attempt(exchange).map_err(|what| format!("line {}: {what}", exchange.line))
    }

    fn attempt(&mut self, exchange: &Exchange) -> Result<(), String> {
        let words: Vec<String> =
            exchange.command.iter().map(|word| self.filled(word)).collect::<Result<_, _>>()?;
        let Some((program, arguments)) = words.split_first().filter(|(program, _)| *program == "curl") else {
            return Err("only `curl` is run".to_owned());
        };
        if !arguments.iter().any(|argument| argument == "-i") {
            return Err("without `-i` there is no status and no header field to compare".to_owned());
        }
        // Nothing of this machine's own settings: no configuration file and no proxy.
        let output = Command::new(program)
            .args(["-q", "--silent", "--show-error", "--noproxy", "*"])
            .args(arguments)
            .output()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => "curl is missing: apt-get install curl".to_owned(),
                _ => format!("curl does not start: {error}"),
            })?;
        if !output.status.success() {
            return Err(format!("curl failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let actual = Answer::read(&String::from_utf8_lossy(&output.stdout))?;
        self.compare(&exchange.answer, &actual)
    }

    fn compare(&mut self, expected: &Answer, actual: &Answer) -> Result<(), String> {
        let body = actual.body.as_deref().unwrap_or_default();
        if expected.status != actual.status {
            return Err(format!("`{}` came, and not `{}`: {body}", actual.status, expected.status));
        }
        let mut names = Names::default();
        for (name, value) in &expected.headers {
            let value = self.placed(value);
            let same = |(other, text): &(String, String)| {
                other.eq_ignore_ascii_case(name) && same_text(&value, text, &mut names).is_ok()
            };
            if !actual.headers.iter().any(same) {
                return Err(format!("no field `{name}: {value}` among {:?}", actual.headers));
            }
        }
        if let Some(expected) = &expected.body {
            same_body(&self.placed(expected), body, &mut names)?;
        }
        self.known.extend(names.into_inner());
        if let Some(puzzle) = serde_json::from_str(body).ok().as_ref().and_then(find_puzzle) {
            self.puzzle = Some(puzzle.clone());
        }
        Ok(())
    }

    fn placed(&self, text: &str) -> String {
        text.replace("localhost:3000", &self.place)
    }

    /// A word of a command, with what is known in place of the names.
    fn filled(&self, word: &str) -> Result<String, String> {
        let mut word = self.placed(word);
        if word.contains("<solution>") {
            word = word.replace("<solution>", &self.solve()?);
        }
        for name in NAMES {
            let placeholder = format!("<{name}>");
            if word.contains(&placeholder) {
                let known = self.known.get(*name).ok_or(format!("no answer before has {placeholder}"))?;
                word = word.replace(&placeholder, known);
            }
        }
        Ok(word)
    }

    fn solve(&self) -> Result<String, String> {
        let puzzle = self.puzzle.as_ref().ok_or("no answer before has a puzzle")?;
        let challenge = Challenge::from_json(&puzzle.to_string()).map_err(|error| error.to_string())?;
        let solution = altcha::solve(challenge.parameters(), MOST_TRIES).ok_or("the puzzle has no answer")?;
        Ok(solution.payload(&challenge))
    }
}

/// The first member `altcha`, however deep; or the whole, if it is a puzzle.
fn find_puzzle(value: &Value) -> Option<&Value> {
    match value {
        Value::Object(members) if members.contains_key("parameters") => Some(value),
        Value::Object(members) => members.get("altcha").or_else(|| members.values().find_map(find_puzzle)),
        Value::Array(items) => items.iter().find_map(find_puzzle),
        _ => None,
    }
}
