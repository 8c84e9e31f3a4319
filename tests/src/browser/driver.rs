//! The processes behind a browser: chromedriver, and the Chromium that it starts with a profile of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::http::Request;

/// What a machine without the browser has to do.
const INSTALL: &str = "apt-get install -y chromium chromium-driver";

/// The setting of Chromium that refuses scripts on every site.
const BLOCKED: u32 = 2;

/// Nothing but what a page asks for leaves the machine, and nothing needs a screen or a sandboxing kernel.
const ARGUMENTS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A chromedriver with one session.
#[derive(Debug)]
pub(super) struct Driver {
    child: Child,
    address: SocketAddr,
    session: String,
    browser: Option<u64>,
    profile: PathBuf,
}

impl Driver {
    #[expect(clippy::panic, reason = "a test without its browser has failed")]
    pub(super) fn start(javascript: bool, further: &[&str]) -> Self {
        let chromium = program("chromium");
        let mut child = Command::new(program("chromedriver"))
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver does not start ({error}): {INSTALL}"));
        let address = listens_at(&mut child);
        let profile = new_profile();
        // From here on the process ends with this value, whatever happens.
        let mut driver = Self { child, address, session: String::new(), browser: None, profile };
        let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).into();
        arguments.extend(further.iter().map(|argument| (*argument).to_owned()));
        arguments.push(format!("--user-data-dir={}", driver.profile.display()));
        let mut options = json!({ "binary": chromium, "args": arguments });
        if !javascript && let Some(options) = options.as_object_mut() {
            let settings = json!({ "profile.managed_default_content_settings.javascript": BLOCKED });
            options.insert("prefs".to_owned(), settings);
        }
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let began = driver.call("POST", "/session", &wanted).unwrap_or_else(|error| {
            panic!("chromium does not start ({error}): {INSTALL}");
        });
        driver.session = began["sessionId"].as_str().unwrap_or_default().to_owned();
        driver.browser = began["capabilities"]["goog:processID"].as_u64();
        driver
    }

    /// A command of the session.
    pub(super) fn ask(&self, method: &str, command: &str, body: &Value) -> Result<Value, String> {
        self.call(method, &format!("/session/{}{command}", self.session), body)
    }

    /// One exchange: `value` of the answer, or what the driver has against it.
    fn call(&self, method: &str, target: &str, body: &Value) -> Result<Value, String> {
        let request = Request::new(method, target);
        let request = if method == "POST" {
            request.header("content-type", "application/json; charset=utf-8").body(body.to_string())
        } else {
            request
        };
        let answer = request.send(self.address).map_err(|error| error.to_string())?;
        let mut body = answer.json();
        let value = body.get_mut("value").map(Value::take).unwrap_or_default();
        match value.get("error").and_then(Value::as_str) {
            Some(error) if answer.status >= 400 => {
                let message = value.get("message").and_then(Value::as_str).unwrap_or_default();
                Err(format!("{error}: {}", message.lines().next().unwrap_or_default()))
            }
            _ => Ok(value),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let ended = !self.session.is_empty() && self.ask("DELETE", "", &Value::Null).is_ok();
        if let (false, Some(browser)) = (ended, self.browser) {
            let _ = Command::new("kill").args(["-KILL", &browser.to_string()]).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// Where a program lies; a test without it has failed, and says what is to be installed.
#[expect(clippy::panic, reason = "a test without its browser has failed")]
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("there is no {name}:\n{INSTALL}"))
}

/// Reads the port that the driver has found for itself, and goes on reading, so that it never blocks on a full pipe.
#[expect(clippy::expect_used, clippy::panic, reason = "a test without its browser has failed")]
fn listens_at(child: &mut Child) -> SocketAddr {
    let mut lines = BufReader::new(child.stdout.take().expect("its output is piped"));
    let mut printed = String::new();
    while lines.read_line(&mut printed).is_ok_and(|count| count > 0) {
        let last = printed.lines().last().unwrap_or_default();
        let port = last.split_once("successfully on port ").map(|(_, port)| port.trim_end_matches('.'));
        if let Some(port) = port.and_then(|port| port.parse::<u16>().ok()) {
            std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
            return ([127, 0, 0, 1], port).into();
        }
    }
    let _ = child.kill();
    panic!("chromedriver did not say where it is ({printed}): {INSTALL}")
}

/// A folder that no other browser has.
fn new_profile() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("bank-browser-{}-{number}", std::process::id()))
}
