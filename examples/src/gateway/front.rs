//! What the gateway answers itself: the index, the inbox, and a 404 for everything that no API is for.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use askama::Template;
use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, VARY};
use http::uri::Authority;
use http::{HeaderValue, Request, StatusCode};
use serde_json::json;
use verify_core::{Api, Decision, Endpoints, Reply, RequestView, Subject};

use crate::gateway::Served;
use crate::inbox::{Door, OUTSIDE};

/// The pages in front of the APIs.
#[derive(Clone, Debug)]
pub struct Front {
    index: Arc<Index>,
    inbox: Option<(Endpoints, Door)>,
}

#[derive(Debug, Template)]
#[template(path = "gateway.html")]
struct Index {
    apis: Vec<Line>,
    has_inbox: bool,
}

/// An API on the index.
#[derive(Debug)]
struct Line {
    name: &'static str,
    prefix: &'static str,
    curl: String,
}

impl Front {
    /// The pages in front of these APIs, and the inbox of their engine where it has one, behind its door.
    #[must_use]
    pub fn new(served: &[Served], inbox: Option<(Endpoints, Door)>) -> Self {
        let line =
            |served: &Served| Line { name: served.name, prefix: served.prefix, curl: served.curl.clone() };
        let index = Index { apis: served.iter().map(line).collect(), has_inbox: inbox.is_some() };
        Self { index: Arc::new(index), inbox }
    }

    fn index(&self, page: bool) -> Reply {
        let Index { apis, has_inbox } = &*self.index;
        if page {
            return reply(200, "text/html; charset=utf-8", self.index.render().unwrap_or_default());
        }
        let apis: Vec<_> = apis
            .iter()
            .map(|api| json!({ "name": api.name, "prefix": api.prefix, "curl": api.curl }))
            .collect();
        let inbox = has_inbox.then_some("/inbox");
        reply(200, "application/json", json!({ "apis": apis, "inbox": inbox }).to_string())
    }
}

#[async_trait]
impl Api for Front {
    async fn answer(&self, request: Request<Bytes>) -> Reply {
        let path = request.uri().path();
        let inbox = self.inbox.as_ref().filter(|_| path == "/inbox");
        if path != "/" && inbox.is_none() {
            return refused(404, "nothing is served here: see / for what is");
        }
        if !matches!(request.method().as_str(), "GET" | "HEAD") {
            let mut refused = refused(405, "ask with GET");
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        if let Some((inbox, door)) = inbox {
            if !door.lets_in(host_of(&request)) {
                return refused(403, OUTSIDE);
            }
            return match inbox.decide(&Seen(&request)) {
                Decision::Respond(reply) => reply,
                _ => refused(404, "the inbox is for reading only"),
            };
        }
        let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        self.index(accept.contains("text/html"))
    }

    fn refuse_body(&self, _: &http::request::Parts, too_large: bool) -> Reply {
        if too_large { refused(413, "the body is too large") } else { refused(400, "the body broke off") }
    }

    fn body_limit(&self) -> usize {
        1024
    }
}

/// The host that was asked for.
fn host_of(request: &Request<Bytes>) -> Option<&str> {
    let named = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    request.uri().authority().map(Authority::as_str).or(named)
}

fn refused(status: u16, what: &str) -> Reply {
    reply(status, "application/json", json!({ "error": what }).to_string())
}

fn reply(status: u16, content_type: &'static str, body: String) -> Reply {
    let mut reply = Reply::new(body.into());
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    for (name, value) in [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-store"), (VARY, "accept")] {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}

/// A whole request, as an engine looks at it.
struct Seen<'r>(&'r Request<Bytes>);

impl RequestView for Seen<'_> {
    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn path(&self) -> &str {
        self.0.uri().path()
    }

    fn query(&self) -> Option<&str> {
        self.0.uri().query()
    }

    fn headers<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        self.0.headers().get_all(name).iter().map(HeaderValue::as_bytes)
    }

    fn route(&self) -> Option<Cow<'_, str>> {
        None
    }

    fn peer(&self) -> Option<IpAddr> {
        None
    }

    fn subject(&self) -> Option<&Subject<'static>> {
        None
    }
}
