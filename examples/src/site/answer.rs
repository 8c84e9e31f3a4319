//! What the bank's own pages and handlers answer.

use askama::Template;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::site::Site;
use crate::site::ledger::{Batch, Entry, Order, OrderForm};

/// An answer for the framework to send.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// The value of `Allow`, with status 405.
    pub allow: Option<&'static str>,
    /// The value of `Content-Security-Policy`, if the page has one.
    pub policy: Option<&'static str>,
    /// The body.
    pub body: String,
}

#[derive(Template)]
#[template(path = "index.html")]
struct Index;

#[derive(Template)]
#[template(path = "text.html")]
struct Text<'a> {
    title: &'a str,
    text: &'a str,
}

#[derive(Template)]
#[template(path = "ledger.html")]
struct LedgerPage {
    entries: Vec<Entry>,
}

impl Answer {
    /// `GET /`: links to everything.
    #[must_use]
    pub fn index() -> Self {
        Self::page(200, &Index)
    }

    /// `GET /news`: free.
    #[must_use]
    pub fn news() -> Self {
        Self::page(200, &Text { title: "News", text: "The bank is open, and anybody may read this." })
    }

    /// `GET /feed`: behind a proof of work.
    #[must_use]
    pub fn feed() -> Self {
        Self::page(
            200,
            &Text { title: "Feed", text: "Every line of this feed was paid for with a little work." },
        )
    }

    /// `GET /vault`: behind a code.
    #[must_use]
    pub fn vault() -> Self {
        Self::page(200, &Text { title: "Vault", text: "You are in the vault. Mind the gold." })
    }

    /// `GET /safe`: behind both.
    #[must_use]
    pub fn safe() -> Self {
        Self::page(200, &Text { title: "Safe", text: "You are in the safe, behind two doors." })
    }

    /// `GET /archive`: behind a link in a mail.
    #[must_use]
    pub fn archive() -> Self {
        Self::page(200, &Text { title: "Archive", text: "You are in the archive. Everything is still here." })
    }

    /// `GET /locker`: behind a phone.
    #[must_use]
    pub fn locker() -> Self {
        Self::page(200, &Text { title: "Locker", text: "This is your locker. Your phone has opened it." })
    }

    pub(super) fn text(title: &str, text: &str) -> Self {
        Self::page(200, &Text { title, text })
    }

    /// A body beyond the limit.
    #[must_use]
    pub fn too_large() -> Self {
        Self::refused(413, "the body is too large")
    }

    /// What is shown for GET and HEAD; other methods are told so. The bank decides this itself, since its frameworks
    /// word it differently.
    #[must_use]
    pub fn to_get(method: &str, show: impl FnOnce() -> Self) -> Self {
        if matches!(method, "GET" | "HEAD") {
            return show();
        }
        Self { allow: Some("GET, HEAD"), ..Self::refused(405, "ask with GET") }
    }

    /// What is done for POST; other methods are told so.
    #[must_use]
    pub fn to_post(method: &str, act: impl FnOnce() -> Self) -> Self {
        if method == "POST" {
            return act();
        }
        Self { allow: Some("POST"), ..Self::refused(405, "ask with POST") }
    }

    pub(crate) fn page(status: u16, page: &impl Template) -> Self {
        let body = page.render().unwrap_or_default();
        Self { status, content_type: "text/html; charset=utf-8", allow: None, policy: None, body }
    }

    fn json(status: u16, body: &serde_json::Value) -> Self {
        Self { status, content_type: "application/json", allow: None, policy: None, body: body.to_string() }
    }

    pub(crate) fn refused(status: u16, what: &str) -> Self {
        Self::json(status, &json!({ "error": what }))
    }
}

impl Site {
    /// `GET /ledger`: a page for a browser, else JSON.
    #[must_use]
    pub fn show_ledger(&self, accept: &str) -> Answer {
        let entries = self.ledger.entries();
        if accept.contains("text/html") {
            return Answer::page(200, &LedgerPage { entries });
        }
        Answer::json(200, &json!(entries))
    }

    /// `POST /transfers`: JSON or a form, entered into the ledger.
    #[must_use]
    pub fn transfer(&self, content_type: &str, accept: &str, body: &[u8]) -> Answer {
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let order = match kind.as_str() {
            "application/json" => read(serde_json::from_slice(body)),
            "application/x-www-form-urlencoded" => {
                read(serde_urlencoded::from_bytes::<OrderForm>(body)).map(Order::from)
            }
            _ => return Answer::refused(415, "send JSON or a form"),
        };
        match order {
            Err(refused) => refused,
            Ok(order) => {
                let id = self.ledger.enter(order);
                if accept.contains("text/html") {
                    let text = format!("Transfer {id} is made.");
                    return Answer::page(200, &Text { title: "Transfer", text: &text });
                }
                Answer::json(200, &json!({ "id": id }))
            }
        }
    }
}

impl Site {
    /// `POST /transfers/batch`: all of them or none.
    #[must_use]
    pub fn transfer_all(&self, body: &[u8]) -> Answer {
        match read::<Batch, _>(serde_json::from_slice(body)) {
            Err(refused) => refused,
            Ok(batch) => {
                let ids: Vec<usize> =
                    batch.payments.into_iter().map(|order| self.ledger.enter(order)).collect();
                Answer::json(200, &json!({ "ids": ids }))
            }
        }
    }
}

fn read<T: DeserializeOwned, E: std::fmt::Display>(parsed: Result<T, E>) -> Result<T, Answer> {
    parsed.map_err(|error| Answer::refused(422, &format!("the transfer is not understood: {error}")))
}
