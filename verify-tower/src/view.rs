//! A tower request, as the engine sees it.

use std::borrow::Cow;
use std::net::IpAddr;

use http::header::{ACCEPT, COOKIE, FORWARDED, ORIGIN, REFERER};
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

/// Fields that have no name in the `http` crate.
static CLEARANCE: HeaderName = HeaderName::from_static("challenge-clearance");
static ID: HeaderName = HeaderName::from_static("challenge-id");
static ANSWER: HeaderName = HeaderName::from_static("challenge-answer");
static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A name that is given as text has to be parsed, which takes longer than looking it up. These are asked for with each request
/// that is let through, or with each that is blocked.
pub(crate) fn fields<'a>(
    headers: &'a HeaderMap,
    name: &str,
) -> impl DoubleEndedIterator<Item = &'a [u8]> + use<'a> {
    let all = match name {
        "cookie" => headers.get_all(COOKIE),
        "challenge-clearance" => headers.get_all(&CLEARANCE),
        "challenge-id" => headers.get_all(&ID),
        "challenge-answer" => headers.get_all(&ANSWER),
        "accept" => headers.get_all(ACCEPT),
        "origin" => headers.get_all(ORIGIN),
        "referer" => headers.get_all(REFERER),
        "forwarded" => headers.get_all(FORWARDED),
        "x-forwarded-for" => headers.get_all(&X_FORWARDED_FOR),
        "sec-fetch-mode" => headers.get_all(&SEC_FETCH_MODE),
        "sec-fetch-site" => headers.get_all(&SEC_FETCH_SITE),
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
