//! Who plays the scenarios: asks, writes down, and reads what the next step needs out of the answers.

use serde_json::{Value, json};
use verify_core::altcha;

use crate::bank::Bank;
use crate::http::{Request, Response};
use crate::scenario::page::{Form, forms};
use crate::scenario::transcript::{Exchange, Transcript};

/// Plays one act after the other against one bank.
#[derive(Debug)]
pub struct Player<'b> {
    bank: &'b Bank,
    act: &'static str,
    transcript: Transcript,
}

impl<'b> Player<'b> {
    /// Takes a seat in front of a bank.
    #[must_use]
    pub fn new(bank: &'b Bank) -> Self {
        Self { bank, act: "", transcript: Transcript::default() }
    }

    /// The bank.
    #[must_use]
    pub fn bank(&self) -> &'b Bank {
        self.bank
    }

    /// Begins an act.
    pub fn begin(&mut self, act: &'static str) {
        self.act = act;
    }

    /// Asks, expects a status and writes the exchange down. Another status is reported in the end.
    pub fn ask(&mut self, step: &str, expected: u16, request: &Request) -> Response {
        let response = self.bank.ask(request);
        self.transcript.add(Exchange {
            name: format!("{}/{step}", self.act),
            expected,
            request: format!("{} {}", request.method(), request.target()),
            response: response.clone(),
        });
        response
    }

    /// Gives a value of this act a name in the transcript.
    pub fn hide(&mut self, label: &str, value: &str) {
        self.transcript.hide(self.act, label, value);
    }

    /// Asks as a program and is blocked: the challenges that are offered.
    pub fn blocked(&mut self, step: &str, request: &Request) -> Vec<Value> {
        challenges(&self.ask(step, 403, request))
    }

    /// Calls an endpoint with JSON.
    pub fn call(&mut self, step: &str, expected: u16, user: &str, endpoint: &str, body: &Value) -> Response {
        self.ask(step, expected, &Request::json(&format!("/challenge/{endpoint}"), body).user(user))
    }

    /// Asks for a code and fetches it: the sealed ticket and the code.
    pub fn code_for(&mut self, user: &str, id: &str) -> (String, String) {
        let sent = self.call("send", 200, user, "send", &json!({ "id": id })).json();
        (text(&sent, "id"), self.newest_code())
    }

    /// The code of the newest message.
    pub fn newest_code(&mut self) -> String {
        let inbox = self.bank.inbox();
        let code = inbox.get(0).map(|letter| text(letter, "code")).unwrap_or_default();
        self.hide("code", &code);
        code
    }

    /// A code of the right length that is not this one.
    #[must_use]
    pub fn wrong(code: &str) -> String {
        let other = |digit: char| if digit == '9' { '0' } else { '9' };
        code.chars().map(other).collect()
    }

    /// Asks for a page as a browser that is signed in by cookies.
    pub fn visit(&mut self, step: &str, expected: u16, target: &str, cookies: &str) -> Response {
        self.ask(step, expected, &Request::get(target).browser().header("cookie", cookies))
    }

    /// Presses the first button of a form, as a browser.
    pub fn press(&mut self, step: &str, expected: u16, form: &Form, cookies: &str) -> Response {
        let request = Request::form(&form.action, &form.body()).browser().header("cookie", cookies);
        let request = request.header("origin", self.bank.url("").as_str());
        self.ask(step, expected, &request)
    }

    /// Closes the book.
    #[must_use]
    pub fn finish(self) -> Transcript {
        self.transcript
    }
}

/// Every challenge of a blocked answer, over all alternatives.
#[must_use]
pub fn challenges(blocked: &Response) -> Vec<Value> {
    let body = blocked.json();
    let alternatives = body.get("alternatives").and_then(Value::as_array).cloned().unwrap_or_default();
    alternatives.iter().filter_map(Value::as_array).flatten().cloned().collect()
}

/// Solves the proof of work of an ALTCHA challenge as it was sent; empty when it cannot be read.
#[must_use]
pub fn solve(altcha: &str) -> String {
    let challenge = altcha::Challenge::from_json(altcha).ok();
    // One search in more than ten thousand million needs more than this for the prefix `00`.
    let solved = challenge.and_then(|challenge| {
        let solution = altcha::solve(challenge.parameters(), 6_000)?;
        Some(solution.payload(&challenge))
    });
    solved.unwrap_or_default()
}

/// A member of a JSON object, as text.
pub(super) fn text(value: &Value, member: &str) -> String {
    value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The ticket of the first challenge of a kind.
pub(super) fn ticket(offers: &[Value], kind: &str) -> String {
    let offer = offers.iter().find(|offer| text(offer, "type") == kind);
    offer.map(|offer| text(offer, "id")).unwrap_or_default()
}

/// The solved token of the first proof of work.
pub(super) fn token(offers: &[Value]) -> String {
    let altcha = offers.iter().find_map(|offer| offer.get("altcha"));
    altcha.map(|altcha| solve(&altcha.to_string())).unwrap_or_default()
}

/// The form whose first button, or whose action, says this.
pub(super) fn form(page: &Response, what: &str) -> Form {
    let says = |form: &Form| {
        form.action.ends_with(what)
            || form.buttons.iter().any(|(_, value, text)| text.contains(what) || value == what)
    };
    let found = forms(&page.text()).into_iter().find(says);
    found.unwrap_or_else(|| Form { action: "/lost".to_owned(), fields: Vec::new(), buttons: Vec::new() })
}

/// The clearance cookie of an answer, to be sent back.
pub(super) fn cookie(answer: &Response, name: &str) -> String {
    let set = answer.headers.iter().filter(|(field, _)| field == "set-cookie").map(|(_, value)| value);
    let pair =
        set.filter_map(|value| value.split(';').next()).find(|pair| pair.starts_with(&format!("{name}=")));
    pair.unwrap_or_default().to_owned()
}
