//! An actix request, as the engine sees it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::net::IpAddr;
use std::slice;

use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
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

/// More names than an application asks for.
const MOST: usize = 16;

thread_local! {
    /// The other names that were asked for. Made of text anew, one that is not HTTP's own would be copied to the heap with every
    /// request.
    static ASKED: RefCell<Vec<HeaderName>> = const { RefCell::new(Vec::new()) };
}

fn asked<'h>(headers: &'h HeaderMap, name: &str) -> slice::Iter<'h, HeaderValue> {
    ASKED.with_borrow_mut(|all| {
        if let Some(known) = all.iter().find(|known| known.as_str().eq_ignore_ascii_case(name)) {
            return headers.get_all(known);
        }
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { return [].iter() };
        let values = headers.get_all(&name);
        if all.len() < MOST {
            all.push(name);
        }
        values
    })
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
            _ => None,
        };
        known.map_or_else(|| asked(headers, name), |known| headers.get_all(known)).map(HeaderValue::as_bytes)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_remembered_once_however_it_is_written() {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("x-user"), HeaderValue::from_static("alice"));
        for name in ["X-User", "x-user", "X-USER", "X-User"] {
            assert_eq!(asked(&headers, name).map(HeaderValue::as_bytes).collect::<Vec<_>>(), [b"alice"]);
        }
        assert_eq!(ASKED.with_borrow(Vec::len), 1);
        assert_eq!(asked(&headers, "no name").count(), 0);
        let others = (0..2 * MOST).filter(|n| asked(&headers, &format!("x-{n}")).next().is_some());
        assert_eq!((others.count(), ASKED.with_borrow(Vec::len)), (0, MOST));
        assert_eq!(asked(&headers, "x-user").count(), 1);
    }
}
