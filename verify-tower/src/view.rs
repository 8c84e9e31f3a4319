//! A tower request, as the engine sees it.

use std::borrow::Cow;
use std::net::IpAddr;

use http::header::COOKIE;
use http::{Extensions, HeaderMap, HeaderName, Method, Uri};
use verify_core::{RequestView, Subject};

/// The address at the other end of the connection, for stacks other than axum: put it into the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an address and nothing else")]
pub struct Peer(pub IpAddr);

/// Borrows the head of a request.
pub(crate) struct View<'r> {
    method: &'r Method,
    uri: &'r Uri,
    headers: &'r HeaderMap,
    extensions: &'r Extensions,
}

impl<'r> View<'r> {
    pub(crate) fn of<B>(request: &'r http::Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }

    #[cfg(feature = "axum")]
    pub(crate) fn of_parts(parts: &'r http::request::Parts) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            extensions: &parts.extensions,
        }
    }
}

/// Nested routers cut their prefix off; the visitor has to come back to the whole path. Looked up when the path is asked for,
/// since a request that is let through is not asked.
#[cfg(feature = "axum")]
pub(crate) fn original_uri(extensions: &Extensions) -> Option<&Uri> {
    extensions.get::<axum::extract::OriginalUri>().map(|original| &original.0)
}

#[cfg(not(feature = "axum"))]
pub(crate) fn original_uri(_: &Extensions) -> Option<&Uri> {
    None
}

pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    if let Some(Peer(address)) = extensions.get() {
        return Some(*address);
    }
    #[cfg(feature = "axum")]
    if let Some(info) = extensions.get::<axum::extract::ConnectInfo<std::net::SocketAddr>>() {
        return Some(info.0.ip());
    }
    None
}

/// The field of [`RequestView::headers`] that each request is asked for. A name that is given as text has to be parsed.
static CLEARANCE: HeaderName = HeaderName::from_static("challenge-clearance");

pub(crate) fn fields<'a>(
    headers: &'a HeaderMap,
    name: &str,
) -> impl DoubleEndedIterator<Item = &'a [u8]> + use<'a> {
    let all = match name {
        "cookie" => headers.get_all(COOKIE),
        "challenge-clearance" => headers.get_all(&CLEARANCE),
        _ => headers.get_all(name),
    };
    all.into_iter().map(http::HeaderValue::as_bytes)
}

impl RequestView for View<'_> {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn path(&self) -> &str {
        original_uri(self.extensions).unwrap_or(self.uri).path()
    }

    fn query(&self) -> Option<&str> {
        original_uri(self.extensions).unwrap_or(self.uri).query()
    }

    fn headers<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        fields(self.headers, name)
    }

    fn route(&self) -> Option<Cow<'_, str>> {
        #[cfg(feature = "axum")]
        if let Some(matched) = self.extensions.get::<axum::extract::MatchedPath>() {
            return Some(Cow::Borrowed(matched.as_str()));
        }
        None
    }

    fn peer(&self) -> Option<IpAddr> {
        peer(self.extensions)
    }

    fn subject(&self) -> Option<&Subject<'static>> {
        self.extensions.get()
    }
}
