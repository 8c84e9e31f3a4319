//! A tower request, as the engine sees it.

use std::borrow::Cow;
use std::net::IpAddr;

use http::{Extensions, HeaderMap, Method, Uri};
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
            uri: original_uri(request.extensions()).unwrap_or(request.uri()),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }

    #[cfg(feature = "axum")]
    pub(crate) fn of_parts(parts: &'r http::request::Parts) -> Self {
        Self {
            method: &parts.method,
            uri: original_uri(&parts.extensions).unwrap_or(&parts.uri),
            headers: &parts.headers,
            extensions: &parts.extensions,
        }
    }
}

/// Nested routers cut their prefix off; the visitor has to come back to the whole path.
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

pub(crate) fn fields<'a>(
    headers: &'a HeaderMap,
    name: &str,
) -> impl DoubleEndedIterator<Item = &'a [u8]> + use<'a> {
    headers.get_all(name).into_iter().map(http::HeaderValue::as_bytes)
}

impl RequestView for View<'_> {
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
