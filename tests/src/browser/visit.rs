//! A person at a bank: what they do there again and again.

use serde_json::Value;

use crate::bank::{Bank, FRAMEWORKS, Framework};
use crate::browser::{Browser, Log};

/// A browser that has just come to a bank that has just opened.
#[derive(Debug)]
#[non_exhaustive]
pub struct Visit<'b> {
    /// The bank.
    pub bank: Bank,
    /// The browser.
    pub browser: &'b Browser,
}

/// Plays a scenario at either bank, each time with a new bank and without cookies.
pub fn on_both(browser: &Browser, scenario: impl Fn(&Visit<'_>)) {
    on_both_with(browser, &[], scenario);
}

/// The same, with further arguments for the banks.
pub fn on_both_with(browser: &Browser, arguments: &[&str], scenario: impl Fn(&Visit<'_>)) {
    on_both_of(browser, |framework| Bank::start_with(framework, arguments), scenario);
}

/// The same, at banks of which nobody has said anything.
pub fn on_both_as_they_are(browser: &Browser, scenario: impl Fn(&Visit<'_>)) {
    on_both_of(browser, Bank::start_as_it_is, scenario);
}

fn on_both_of(browser: &Browser, start: impl Fn(Framework) -> Bank, scenario: impl Fn(&Visit<'_>)) {
    for framework in FRAMEWORKS {
        // Shown with a failure, to tell the two apart.
        println!("at the bank on {framework:?}");
        browser.forget();
        let _ = browser.log();
        scenario(&Visit { bank: start(framework), browser });
    }
}

impl<'b> Visit<'b> {
    /// A visit to this bank.
    #[must_use]
    pub fn to(bank: Bank, browser: &'b Browser) -> Self {
        Self { bank, browser }
    }
}

impl Visit<'_> {
    /// Opens a page of the bank.
    pub fn open(&self, path: &str) {
        self.browser.goto(&self.bank.url(path));
    }

    /// Opens a page of the bank and waits for its title, less the name of the bank.
    pub fn open_titled(&self, path: &str, title: &str) {
        self.open(path);
        self.wait_for(title);
    }

    /// Waits for a title, less the name of the bank.
    pub fn wait_for(&self, title: &str) {
        self.browser.wait_for_title(&format!("{title} – Demo Bank"));
    }

    /// Whether the browser is at this path.
    #[must_use]
    pub fn is_at(&self, path: &str) -> bool {
        self.browser.url() == self.bank.url(path)
    }

    /// How many messages were sent.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.bank.inbox().as_array().map_or(0, Vec::len)
    }

    /// Waits until a message was sent.
    pub fn wait_for_message(&self) {
        self.browser.wait_for("a message", || match self.messages() {
            0 => Err("none has arrived".to_owned()),
            _ => Ok(()),
        });
    }

    /// The code of the newest message.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test without its code has failed")]
    pub fn code(&self) -> String {
        let inbox = self.bank.inbox();
        let newest = inbox.as_array().and_then(|letters| letters.first());
        newest.and_then(|letter| letter["code"].as_str()).expect("a message has arrived").to_owned()
    }

    /// A code that is wrong in its last digit.
    #[must_use]
    pub fn wrong_code(&self) -> String {
        let mut code = self.code();
        let last = code.pop().and_then(|digit| digit.to_digit(10)).unwrap_or_default();
        code.push_str(&((last + 1) % 10).to_string());
        code
    }

    /// Asks for a code by text message and waits for the page to type it in.
    pub fn ask_for_code(&self) {
        self.browser.click("Send a code by text message");
        self.wait_for("Enter your code");
    }

    /// Types a code and sends it off.
    pub fn answer(&self, code: &str) {
        self.browser.fill("#code", code);
        self.browser.click("Continue");
    }

    /// What stands in the ledger.
    #[must_use]
    pub fn ledger(&self) -> Value {
        self.bank.ask(&crate::http::Request::get("/ledger").header("accept", "application/json")).json()
    }

    /// Holds that nothing was asked for elsewhere and nothing complained about, and returns the log.
    ///
    /// # Panics
    /// When something was.
    #[must_use]
    pub fn clean_log(&self) -> Log {
        let log = self.browser.log();
        let elsewhere = log.elsewhere(self.bank.url("").as_str());
        assert!(elsewhere.is_empty(), "asked for {elsewhere:?}");
        assert!(log.faults().is_empty(), "the console says {:?}", log.faults());
        log
    }
}
