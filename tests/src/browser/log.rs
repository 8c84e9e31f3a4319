//! What a browser has asked for, and what it has complained about.

use serde_json::Value;

/// Both since the last look.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Log {
    /// The address of every request, in order.
    pub requests: Vec<String>,
    /// What stands in the console.
    pub complaints: Vec<Complaint>,
}

/// A line of the console.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Complaint {
    /// Who complains: `network`, `security`, `javascript` and others.
    pub source: String,
    /// What about.
    pub message: String,
}

impl Log {
    pub(super) fn read(performance: &Value, console: &Value) -> Self {
        let lines = |log: &Value| log.as_array().cloned().unwrap_or_default();
        let text = |line: &Value, member: &str| line[member].as_str().unwrap_or_default().to_owned();
        let requests = lines(performance)
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line["message"].as_str()?).ok())
            .filter_map(|event| {
                let parameters = &event["message"]["params"];
                let url = match event["message"]["method"].as_str()? {
                    "Network.requestWillBeSent" => &parameters["request"]["url"],
                    "Network.webSocketCreated" => &parameters["url"],
                    _ => return None,
                };
                Some(url.as_str()?.to_owned())
            })
            .collect();
        let complaints = lines(console)
            .iter()
            .map(|line| Complaint { source: text(line, "source"), message: text(line, "message") })
            .collect();
        Self { requests, complaints }
    }

    /// Requests that went anywhere but to this origin. Addresses of the browser itself (`about:`, `data:`) reach nobody.
    #[must_use]
    pub fn elsewhere(&self, origin: &str) -> Vec<&str> {
        let stays = |url: &str| {
            url.strip_prefix(origin).is_some_and(|path| path.starts_with('/'))
                || url.starts_with("data:")
                || url.starts_with("about:")
        };
        self.requests.iter().map(String::as_str).filter(|url| !stays(url)).collect()
    }

    /// Everything in the console, but that a page came with a status that a refusal has: the browser notes every status
    /// from 400 on. A file that is not there (404) or a server that fails (5xx) stays in.
    #[must_use]
    pub fn faults(&self) -> Vec<&Complaint> {
        let refusal = |complaint: &Complaint| {
            complaint.source == "network"
                && complaint
                    .message
                    .split_once("responded with a status of ")
                    .is_some_and(|(_, status)| status.starts_with('4') && !status.starts_with("404"))
        };
        self.complaints.iter().filter(|complaint| !refusal(complaint)).collect()
    }
}
