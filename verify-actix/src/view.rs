//! An actix request, as the engine sees it.

use std::borrow::Cow;
use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use verify_core::{RequestView, Subject};

/// Fields that have no name in the `http` crate. These are asked for with each request that is let through, or with each that is
/// blocked.
static CLEARANCE: HeaderName = HeaderName::from_static("challenge-clearance");
static ID: HeaderName = HeaderName::from_static("challenge-id");
static ANSWER: HeaderName = HeaderName::from_static("challenge-answer");
static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Borrows the head of a request, and its extensions for as long as it lives.
pub(crate) struct View<'r> {
    request: &'r HttpRequest,
    extensions: &'r Extensions,
}

impl<'r> View<'r> {
    pub(crate) fn new(request: &'r HttpRequest, extensions: &'r Extensions) -> Self {
        Self { request, extensions }
    }
}

/// Names of a request are in lower case, and so are those that are asked for, nearly always.
fn is_named(known: &str, name: &str) -> bool {
    known.len() == name.len() && (known == name || known.eq_ignore_ascii_case(name))
}

impl RequestView for View<'_> {
    fn method(&self) -> &str {
        self.request.method().as_str()
    }

    fn path(&self) -> &str {
        self.request.uri().path()
    }

    fn query(&self) -> Option<&str> {
        self.request.uri().query()
    }

    fn headers<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        let headers = self.request.headers();
        let known = match name {
            "cookie" => Some(&header::COOKIE),
            "challenge-clearance" => Some(&CLEARANCE),
            "challenge-id" => Some(&ID),
            "challenge-answer" => Some(&ANSWER),
            "accept" => Some(&header::ACCEPT),
            "origin" => Some(&header::ORIGIN),
            "referer" => Some(&header::REFERER),
            "sec-fetch-mode" => Some(&SEC_FETCH_MODE),
            "sec-fetch-site" => Some(&SEC_FETCH_SITE),
            // Looked up by text, a name that is not one of HTTP's own would be copied to the heap first, with every request.
            _ => headers.keys().find(|known| is_named(known.as_str(), name)),
        };
        known.map(|known| headers.get_all(known)).into_iter().flatten().map(HeaderValue::as_bytes)
    }

    fn route(&self) -> Option<Cow<'_, str>> {
        self.request.match_pattern().map(Cow::Owned)
    }

    fn peer(&self) -> Option<IpAddr> {
        self.request.peer_addr().map(|address| address.ip())
    }

    fn subject(&self) -> Option<&Subject<'static>> {
        self.extensions.get()
    }
}
