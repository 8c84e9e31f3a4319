//! A telephone for development: calls ring on a page, and whoever opens it dials.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use serde_json::json;
use verify_core::{Api, Reply};

use crate::phonesverification::outbox::Outbox;
use crate::phonesverification::parameters::Parameters;
use crate::phonesverification::status::Status;
use crate::phonesverification::{CallEnd, Voice, VoiceCall};

/// Everybody's telephone, for development and tests: calls ring until somebody answers on the page or over its little API.
/// Clones are one telephone.
///
/// Mounted anywhere, `GET` lists the calls that ring, as a page for a browser and else as JSON; `POST` with the `id` of one and
/// an `end` answers it: `dial` with the `keys`, `answer` without any, `machine`, `no-answer`, `cancel`, `no-money`. `pick-up`
/// answers and leaves the line open.
///
/// ```
/// use verify_compat::phonesverification::{CallEnd, Handset};
///
/// let handset = Handset::new();
/// assert!(handset.ringing().is_empty());
/// assert!(!handset.end("12025550123", CallEnd::dialled("471147")), "nobody calls that number");
/// ```
#[derive(Clone, Default)]
pub struct Handset {
    calls: Arc<Mutex<Vec<Ringing>>>,
}

struct Ringing {
    id: u64,
    to: String,
    text: String,
    is_answered: bool,
    outbox: Arc<Outbox>,
    end: Option<CallEnd>,
    waker: Option<Waker>,
}

impl Handset {
    /// A telephone that nobody has called yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The calls that ring, oldest first: the number that is called, and what is said.
    #[must_use]
    pub fn ringing(&self) -> Vec<(String, String)> {
        self.with(|calls| calls.iter().map(|call| (call.to.clone(), call.text.clone())).collect())
    }

    /// Ends the oldest call to this number; says whether there was one.
    #[must_use]
    pub fn end(&self, number: &str, end: CallEnd) -> bool {
        let number = number.trim_start_matches('+');
        let id = self.with(|calls| {
            calls.iter().find(|call| call.to == number && call.end.is_none()).map(|call| call.id)
        });
        id.is_some_and(|id| self.end_call(id, end))
    }

    fn end_call(&self, id: u64, end: CallEnd) -> bool {
        self.with(|calls| {
            let Some(call) = calls.iter_mut().find(|call| call.id == id && call.end.is_none()) else {
                return false;
            };
            call.end = Some(end);
            if let Some(waker) = call.waker.take() {
                waker.wake();
            }
            true
        })
    }

    fn pick_up(&self, id: u64) -> bool {
        self.with(|calls| {
            let Some(call) = calls.iter_mut().find(|call| call.id == id) else { return false };
            call.is_answered = true;
            call.outbox.push(Status::Delivered);
            true
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut Vec<Ringing>) -> T) -> T {
        look(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn list(&self, page: bool) -> Reply {
        let shown = self.with(|calls| {
            let one = |call: &Ringing| json!({ "id": call.id, "to": call.to, "text": call.text, "answered": call.is_answered });
            calls.iter().map(one).collect::<Vec<_>>()
        });
        if !page {
            return reply(StatusCode::OK, "application/json", json!(shown).to_string());
        }
        let calls = self.with(|calls| calls.iter().map(row).collect::<String>());
        let calls = if calls.is_empty() { "<p>Nobody is calling.</p>".to_owned() } else { calls };
        reply(StatusCode::OK, "text/html; charset=utf-8", format!("{HEAD}{calls}"))
    }

    fn act(&self, given: &Parameters) -> bool {
        let Some(id) = given.get("id").and_then(|id| id.parse().ok()) else { return false };
        let end = match given.get("end") {
            Some("dial") => CallEnd::dialled(given.get("keys").unwrap_or_default()),
            Some("answer") => CallEnd::Answered,
            Some("machine") => CallEnd::Machine,
            Some("no-answer") => CallEnd::NoAnswer,
            Some("cancel") => CallEnd::Cancelled,
            Some("no-money") => CallEnd::NoMoney,
            Some("pick-up") => return self.pick_up(id),
            _ => return false,
        };
        self.end_call(id, end)
    }
}

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
    content=\"width=device-width, initial-scale=1\"><title>Development handset</title><h1>Development handset</h1>\
    <p>Calls that would ring at somebody's phone. For development only.</p><p><a href=\"\">Listen again</a></p>";

fn row(call: &Ringing) -> String {
    let escape = |text: &str| quick_xml::escape::escape(text).into_owned();
    let way = |end: &str, words: &str| format!("<button name=\"end\" value=\"{end}\">{words}</button> ");
    format!(
        "<form method=\"post\"><h2>{to}</h2><blockquote dir=\"auto\">{text}</blockquote><input type=\"hidden\" name=\"id\" \
         value=\"{id}\"><label>Keys <input name=\"keys\" inputmode=\"numeric\" autocomplete=\"off\"></label> {ways}</form>",
        to = escape(&call.to),
        text = escape(&call.text),
        id = call.id,
        ways = [
            way("dial", "Dial"),
            way("pick-up", "Pick up"),
            way("answer", "Hang up after answering"),
            way("machine", "Machine"),
            way("no-answer", "Let it ring"),
            way("cancel", "Cancelled"),
            way("no-money", "No money"),
        ]
        .concat(),
    )
}

fn reply(status: StatusCode, kind: &'static str, body: String) -> Reply {
    let mut reply = Reply::new(Bytes::from(body));
    *reply.status_mut() = status;
    let fields = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in fields {
        reply.headers_mut().insert(name, http::HeaderValue::from_static(value));
    }
    reply
}

#[async_trait]
impl Voice for Handset {
    async fn call(&self, call: &VoiceCall) -> CallEnd {
        let id = call.id;
        let ringing = Ringing {
            id,
            to: call.to().expose().trim_start_matches('+').to_owned(),
            text: call.text(),
            is_answered: false,
            outbox: Arc::clone(&call.outbox),
            end: None,
            waker: None,
        };
        self.with(|calls| calls.push(ringing));
        let _line = Line { handset: self, id };
        poll_fn(|context| {
            self.with(|calls| match calls.iter_mut().find(|call| call.id == id) {
                None => Poll::Ready(CallEnd::Cancelled),
                Some(call) => match call.end.take() {
                    Some(end) => Poll::Ready(end),
                    None => {
                        call.waker = Some(context.waker().clone());
                        Poll::Pending
                    }
                },
            })
        })
        .await
    }

    fn is_development(&self) -> bool {
        true
    }
}

/// A call stops ringing when it is over, and when nobody waits for it any more.
struct Line<'h> {
    handset: &'h Handset,
    id: u64,
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.handset.with(|calls| calls.retain(|call| call.id != self.id));
    }
}

#[async_trait]
impl Api for Handset {
    async fn answer(&self, request: Request<Bytes>) -> Reply {
        let (parts, body) = request.into_parts();
        let accept =
            parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let page = accept.contains("text/html");
        let told =
            |status, text: &str| reply(status, "application/json", json!({ "status": text }).to_string());
        match parts.method {
            Method::GET | Method::HEAD => self.list(page),
            Method::POST => {
                let is_done = Parameters::read(&parts, &body).is_ok_and(|given| self.act(&given));
                if page {
                    let mut back = told(StatusCode::SEE_OTHER, "see the list");
                    if let Ok(path) = http::HeaderValue::from_str(parts.uri.path()) {
                        back.headers_mut().insert(header::LOCATION, path);
                    }
                    return back;
                }
                match is_done {
                    true => told(StatusCode::OK, "done"),
                    false => {
                        told(StatusCode::BAD_REQUEST, "name the `id` of a call that rings, and its `end`")
                    }
                }
            }
            _ => told(StatusCode::METHOD_NOT_ALLOWED, "GET or POST"),
        }
    }

    fn refuse_body(&self, _: &http::request::Parts, _: bool) -> Reply {
        reply(
            StatusCode::BAD_REQUEST,
            "application/json",
            json!({ "status": "the body is too long" }).to_string(),
        )
    }

    fn body_limit(&self) -> usize {
        1024
    }
}

impl fmt::Debug for Handset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handset").field("ringing", &self.with(|calls| calls.len())).finish()
    }
}
