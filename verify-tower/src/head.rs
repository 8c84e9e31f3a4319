//! What a guard keeps of a request that its handler has taken apart.

use std::borrow::Cow;
use std::net::IpAddr;

use axum::extract::MatchedPath;
use http::request::Parts;
use http::{HeaderMap, Method, Uri};
use verify_core::{RequestView, Subject};

use crate::view;

/// As much of a head as the engine may ask for. Of the extensions, which anybody may have filled, only what it reads.
#[derive(Clone)]
pub(crate) struct Head {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    route: Option<MatchedPath>,
    peer: Option<IpAddr>,
    subject: Option<Subject<'static>>,
}

impl Head {
    pub(crate) fn of(parts: &Parts) -> Self {
        Self {
            method: parts.method.clone(),
            uri: view::original_uri(&parts.extensions).unwrap_or(&parts.uri).clone(),
            headers: parts.headers.clone(),
            route: parts.extensions.get().cloned(),
            peer: view::peer(&parts.extensions),
            subject: parts.extensions.get().cloned(),
        }
    }
}

impl RequestView for Head {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn path(&self) -> &str {
        self.uri.path()
    }

    fn query(&self) -> Option<&str> {
        self.uri.query()
    }

    fn headers<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        view::fields(&self.headers, name)
    }

    fn route(&self) -> Option<Cow<'_, str>> {
        self.route.as_ref().map(|route| Cow::Borrowed(route.as_str()))
    }

    fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    fn subject(&self) -> Option<&Subject<'static>> {
        self.subject.as_ref()
    }
}
