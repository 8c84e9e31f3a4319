//! An actix request, as the engine sees it.

use std::borrow::Cow;
use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::dev::Extensions;
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
        self.request.headers().get_all(name).map(actix_web::http::header::HeaderValue::as_bytes)
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
