//! Calling out over HTTP, with a client that is somebody else's.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

/// An HTTP client. The engine's crates call out through this and nothing else, so that a program has one client, and a
/// test none: `verify-providers` brings one (`HttpClient`), and yours is a dozen lines.
///
/// ```
/// use async_trait::async_trait;
/// use bytes::Bytes;
/// use verify_core::{Fetch, FetchError, FetchErrorKind};
///
/// /// Everybody else's server is down.
/// #[derive(Debug)]
/// struct Offline;
///
/// #[async_trait]
/// impl Fetch for Offline {
///     async fn fetch(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, FetchError> {
///         Err(FetchErrorKind::Unsent.into())
///     }
/// }
/// ```
#[async_trait]
pub trait Fetch: fmt::Debug + Send + Sync + 'static {
    /// Sends one request, once, to its absolute URI, and reads the whole answer. Follows no redirect.
    ///
    /// # Errors
    /// When there is no whole answer; an answer of any status is one.
    async fn fetch(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError>;

    /// Whether it connects to [public addresses](crate::is_public_address) only, whatever a name resolves to: what calls URLs
    /// that somebody else has chosen asks for such a client. Default: no.
    fn is_public_only(&self) -> bool {
        false
    }
}

#[async_trait]
impl<F: Fetch + ?Sized> Fetch for Arc<F> {
    async fn fetch(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        (**self).fetch(request).await
    }

    fn is_public_only(&self) -> bool {
        (**self).is_public_only()
    }
}

/// A request that got no answer. It never repeats an address, since secrets may stand in one.
pub struct FetchError {
    kind: FetchErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What kind of failure a [`FetchError`] is, by whether the request may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FetchErrorKind {
    /// It never left: no connection. Sending it again is safe.
    Unsent,
    /// It never left, because too many of this client's own requests are under way: the other server was not even tried, and
    /// may be well. Sending it again is safe, and no sooner than others have come to an end.
    Busy,
    /// No answer within the deadline. It may have arrived.
    Timeout,
    /// The connection broke, or the answer was not HTTP or too long. It may have arrived.
    Broken,
    /// The client does not call this address. Sending it again is pointless.
    Forbidden,
}

impl FetchError {
    /// The same error with what caused it, for whoever walks the source chain.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of failure this is.
    #[must_use]
    pub const fn kind(&self) -> FetchErrorKind {
        self.kind
    }
}

impl From<FetchErrorKind> for FetchError {
    fn from(kind: FetchErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            FetchErrorKind::Unsent => "the other server cannot be reached: check its address and the network",
            FetchErrorKind::Busy => {
                "too many requests of this client are under way: give it more, or each service one of its own"
            }
            FetchErrorKind::Timeout => {
                "the other server did not answer in time, and may or may not have acted"
            }
            FetchErrorKind::Broken => "the other server's answer broke off, is too long or is not HTTP",
            FetchErrorKind::Forbidden => "this client does not call that address: see how it was built",
        })
    }
}

impl fmt::Debug for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchError").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Error for FetchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
