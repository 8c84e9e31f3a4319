//! A real browser: Chromium, driven over the WebDriver protocol (W3C, <https://www.w3.org/TR/webdriver2/>).
#![allow(clippy::indexing_slicing, reason = "a member that a JSON value does not have reads as null")]

use std::time::Duration;

use serde_json::{Value, json};

mod driver;
mod log;
mod visit;

use driver::Driver;
pub use log::{Complaint, Log};
pub use visit::{Visit, on_both, on_both_as_they_are, on_both_with};

/// The key that moves the focus on.
pub const TAB: &str = "\u{e004}";
/// The key that turns the order of [`TAB`] around while it is held.
pub const SHIFT: &str = "\u{e008}";
/// The key that submits.
pub const ENTER: &str = "\u{e007}";

/// The member under which the protocol names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// So often is looked for something to come true, with so long a pause: a minute, for machines that are busy.
const LOOKS: u32 = 1200;
const PAUSE: Duration = Duration::from_millis(50);

/// One browser with a fresh profile. Everything that goes wrong in it fails the test.
#[derive(Debug)]
pub struct Browser {
    driver: Driver,
}

impl Browser {
    /// Starts a browser as most people have it.
    ///
    /// # Panics
    /// When Chromium or its driver is not installed or does not start; the message says what to install.
    #[must_use]
    pub fn start() -> Self {
        Self { driver: Driver::start(true, &[]) }
    }

    /// Starts a browser for whom every host but `localhost` is the server at this port of this machine, whatever its
    /// certificate.
    ///
    /// # Panics
    /// As [`Browser::start`].
    #[must_use]
    pub fn start_beside(port: u16) -> Self {
        let elsewhere =
            format!("--host-resolver-rules=MAP * 127.0.0.1:{port}, EXCLUDE localhost, EXCLUDE 127.0.0.1");
        Self { driver: Driver::start(true, &[&elsewhere, "--ignore-certificate-errors"]) }
    }

    /// Starts a browser whose owner has switched JavaScript off.
    ///
    /// # Panics
    /// As [`Browser::start`].
    #[must_use]
    pub fn without_javascript() -> Self {
        Self { driver: Driver::start(false, &[]) }
    }

    /// Opens an address and waits until it is loaded.
    pub fn goto(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Loads the page again.
    pub fn reload(&self) {
        self.post("/refresh", &json!({}));
    }

    /// The address of the page.
    #[must_use]
    pub fn url(&self) -> String {
        text_of(&self.command("GET", "/url", &Value::Null))
    }

    /// The title of the page.
    #[must_use]
    pub fn title(&self) -> String {
        text_of(&self.command("GET", "/title", &Value::Null))
    }

    /// The page as it stands.
    #[must_use]
    pub fn source(&self) -> String {
        text_of(&self.command("GET", "/source", &Value::Null))
    }

    /// Waits until the page has this title.
    pub fn wait_for_title(&self, title: &str) {
        self.wait(&format!("a page with the title {title:?}"), || {
            let now = text_of(&self.driver.ask("GET", "/title", &Value::Null)?);
            if now == title { Ok(()) } else { Err(format!("the title is {now:?}")) }
        });
    }

    /// Waits until an element matches a CSS selector, and returns the text that a person sees in it.
    #[must_use]
    pub fn text(&self, css: &str) -> String {
        self.wait(&format!("something at {css}"), || {
            let element = self.find("css selector", css)?;
            Ok(text_of(&self.driver.ask("GET", &format!("/element/{element}/text"), &Value::Null)?))
        })
    }

    /// An attribute of an element as the page has it, or null.
    #[must_use]
    pub fn attribute(&self, css: &str, name: &str) -> Value {
        self.wait(&format!("something at {css}"), || {
            let element = self.find("css selector", css)?;
            self.driver.ask("GET", &format!("/element/{element}/attribute/{name}"), &Value::Null)
        })
    }

    /// Whether an element matches and is displayed now.
    #[must_use]
    pub fn shows(&self, css: &str) -> bool {
        let Ok(element) = self.find("css selector", css) else { return false };
        self.command("GET", &format!("/element/{element}/displayed"), &Value::Null) == Value::Bool(true)
    }

    /// Replaces what stands in an input.
    pub fn fill(&self, css: &str, text: &str) {
        self.wait(&format!("an input at {css}"), || {
            let element = self.find("css selector", css)?;
            self.driver.ask("POST", &format!("/element/{element}/clear"), &json!({}))?;
            self.driver.ask("POST", &format!("/element/{element}/value"), &json!({ "text": text }))
        });
    }

    /// Clicks on the button or link that bears these words.
    pub fn click(&self, words: &str) {
        let path = format!("//*[self::a or self::button][normalize-space()='{words}']");
        self.wait(&format!("something to click that says {words:?}"), || {
            let element = self.find("xpath", &path)?;
            self.driver.ask("POST", &format!("/element/{element}/click"), &json!({}))
        });
    }

    /// Presses keys, one after the other, wherever the focus is.
    pub fn press(&self, keys: &str) {
        self.press_with("", keys);
    }

    /// Presses keys while others are held.
    pub fn press_with(&self, held: &str, keys: &str) {
        let stroke = |kind: &str, key: char| json!({ "type": kind, "value": key });
        let mut strokes: Vec<Value> = held.chars().map(|key| stroke("keyDown", key)).collect();
        strokes.extend(keys.chars().flat_map(|key| [stroke("keyDown", key), stroke("keyUp", key)]));
        strokes.extend(held.chars().map(|key| stroke("keyUp", key)));
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": strokes });
        self.post("/actions", &json!({ "actions": [keyboard] }));
    }

    /// What has the focus: the `id` of the element, else its text.
    #[must_use]
    pub fn focused(&self) -> String {
        let script = "const at = document.activeElement; return at.id || at.textContent.trim();";
        text_of(&self.run(script))
    }

    /// Runs a script in the page, even where the page's own may not run, and returns what it returns.
    #[must_use]
    pub fn run(&self, script: &str) -> Value {
        self.command("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until a script returns something that is true.
    pub fn wait_until(&self, what: &str, script: &str) {
        self.wait(what, || {
            let body = json!({ "script": script, "args": [] });
            match self.driver.ask("POST", "/execute/sync", &body)? {
                Value::Null | Value::Bool(false) => Err("not yet".to_owned()),
                Value::String(text) if text.is_empty() => Err("not yet".to_owned()),
                _ => Ok(()),
            }
        });
    }

    /// Presses a button, and waits until the page that it stands on is gone: for pages that look like the one before.
    pub fn leave_by(&self, button: &str) {
        let page = self.wait("a page", || self.find("css selector", "html"));
        self.click(button);
        self.wait("another page", || {
            match self.driver.ask("GET", &format!("/element/{page}/name"), &Value::Null) {
                Ok(_) => Err("it is still the same".to_owned()),
                Err(_) => Ok(()),
            }
        });
    }

    /// Waits until `look` finds it.
    pub fn wait_for<T>(&self, what: &str, look: impl FnMut() -> Result<T, String>) -> T {
        self.wait(what, look)
    }

    /// Runs a script in every page of this tab from now on, before the page's own.
    pub fn run_first(&self, script: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": script }));
    }

    /// Makes requests fail whose address matches one of these patterns (`*` stands for anything).
    pub fn block(&self, patterns: &[&str]) {
        self.devtools("Network.enable", &json!({}));
        self.devtools("Network.setBlockedURLs", &json!({ "urls": patterns }));
    }

    /// Gives the page so many CSS pixels.
    pub fn viewport(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Forgets all cookies, as a new visitor has none.
    pub fn forget(&self) {
        self.devtools("Network.clearBrowserCookies", &json!({}));
    }

    /// A command of the DevTools protocol, for what WebDriver has no word for.
    fn devtools(&self, command: &str, parameters: &Value) {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }));
    }

    /// Opens a tab, goes there, and returns the one that was left.
    #[must_use]
    pub fn new_tab(&self) -> Tab {
        let before = text_of(&self.command("GET", "/window", &Value::Null));
        let opened = self.command("POST", "/window/new", &json!({ "type": "tab" }));
        self.switch(&Tab(text_of(&opened["handle"])));
        Tab(before)
    }

    /// Goes to another tab.
    pub fn switch(&self, tab: &Tab) {
        self.post("/window", &json!({ "handle": tab.0 }));
    }

    /// Closes this tab and goes to another.
    pub fn close_tab(&self, next: &Tab) {
        let _ = self.command("DELETE", "/window", &Value::Null);
        self.switch(next);
    }

    /// A picture of the page: PNG in base64.
    #[must_use]
    pub fn screenshot(&self) -> String {
        text_of(&self.command("GET", "/screenshot", &Value::Null))
    }

    /// What the browser has asked for and complained about since the last call.
    #[must_use]
    pub fn log(&self) -> Log {
        let read = |kind: &str| self.command("POST", "/se/log", &json!({ "type": kind }));
        Log::read(&read("performance"), &read("browser"))
    }

    fn find(&self, using: &str, value: &str) -> Result<String, String> {
        let found = self.driver.ask("POST", "/element", &json!({ "using": using, "value": value }))?;
        Ok(text_of(&found[ELEMENT]))
    }

    fn post(&self, command: &str, body: &Value) {
        let _ = self.command("POST", command, body);
    }

    #[expect(clippy::panic, reason = "a test without its browser has failed")]
    fn command(&self, method: &str, command: &str, body: &Value) -> Value {
        self.driver.ask(method, command, body).unwrap_or_else(|error| panic!("{method} {command}: {error}"))
    }

    /// Looks until it is there. Between two pages there is nothing to find, so an error only means: not yet.
    #[expect(clippy::panic, reason = "a test that waits for ever has failed")]
    fn wait<T>(&self, what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
        let mut last = String::new();
        for _ in 0..LOOKS {
            match look() {
                Ok(found) => return found,
                Err(error) => last = error,
            }
            std::thread::sleep(PAUSE);
        }
        panic!("there is never {what}: {last}; the page at {} is\n{}", self.url(), self.source())
    }
}

/// A tab of a browser.
#[derive(Clone, Debug)]
pub struct Tab(String);

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
