//! What `redis-benchmark` gets out of the same server for the same commands.

use std::collections::BTreeMap;
use std::process::Command;

use super::redis::Server;

/// The words of the commands that a check sends, as redis-benchmark takes them: of many keys, with values and times as ours.
const COMMANDS: &[(&str, &[&str])] = &[
    ("set", &["SET", "verify:c__rand_int__", "0", "NX", "PX", "600000"]),
    ("incrby", &["INCRBY", "verify:c__rand_int__", "1"]),
    ("get", &["GET", "verify:v__rand_int__"]),
    ("getdel", &["GETDEL", "verify:v__rand_int__"]),
    ("del", &["DEL", "verify:c__rand_int__"]),
];

/// How many clients it has.
pub const CLIENTS: usize = 50;

/// What it can get through.
#[derive(Clone, Debug)]
pub struct Rates(BTreeMap<&'static str, f64>);

impl Rates {
    /// Measures each command by itself, with so many of them on their way for each client; `None` where the program is
    /// missing.
    pub fn measure(server: &Server, pipelined: usize) -> Option<Self> {
        let rate = |words: &[&str]| {
            let output = Command::new("redis-benchmark")
                .args(["-h", "127.0.0.1", "-p", &server.port().to_string()])
                .args(["-c", &CLIENTS.to_string(), "-n", "50000", "-r", "1000000000", "--csv"])
                .args(["-P", &pipelined.to_string()])
                .args(words)
                .output();
            let Ok(output) = output else {
                eprintln!("redis-benchmark is not installed: apt-get install redis-tools");
                return None;
            };
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            // "name","requests a second",…
            let line = said.lines().last().unwrap_or_default();
            let rate = line.split("\",\"").nth(1).and_then(|rate| rate.trim_matches('"').parse::<f64>().ok());
            Some(rate.unwrap_or_else(|| panic!("redis-benchmark says how many: {said}")))
        };
        COMMANDS.iter().map(|(name, words)| Some((*name, rate(words)?))).collect::<Option<_>>().map(Self)
    }

    /// How many operations a second it would do that are made of these commands. `MULTI` and `EXEC` count for nothing: it
    /// cannot send them.
    pub fn operations(&self, commands: &BTreeMap<String, f64>) -> f64 {
        let seconds = |(name, calls): (&String, &f64)| match name.as_str() {
            "multi" | "exec" => 0.0,
            known => calls / self.0.get(known).unwrap_or_else(|| panic!("no rate is known of {known}")),
        };
        1.0 / commands.iter().map(seconds).sum::<f64>()
    }
}
