//! An actix request, as the engine sees it.

use std::borrow::Cow;
use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use actix_web::http::header::HeaderValue;
use verify_core::{RequestView, Subject};

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
        // Looked up by text, a name that is not one of HTTP's own would be copied to the heap first, with every request.
        let known = headers.keys().find(|known| known.as_str().eq_ignore_ascii_case(name));
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
