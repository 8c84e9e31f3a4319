//! The one client that everything here calls through: pooled, with deadlines and caps.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use verify_core::{Fetch, FetchError, FetchErrorKind};

mod public;

use public::PublicOnly;

/// A pooled HTTP client (rustls, HTTP/1.1) that keeps a deadline, reads a bounded answer, has a bounded number of
/// requests under way, follows no redirect and takes no proxy from the environment. Clones share one pool.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    slots: Arc<Semaphore>,
    deadline: Duration,
    slot_deadline: Duration,
    answer_limit: usize,
    public_only: bool,
}

/// How an [`HttpClient`] is to be; made by [`HttpClient::builder`].
#[derive(Clone, Debug)]
pub struct HttpClientBuilder {
    connect_deadline: Duration,
    deadline: Duration,
    slot_deadline: Duration,
    answer_limit: usize,
    at_once: usize,
    public_only: bool,
}

impl HttpClient {
    /// A client with the defaults.
    ///
    /// # Errors
    /// When the system's root certificates cannot be read.
    pub fn new() -> Result<Self, HttpClientError> {
        Self::builder().build()
    }

    /// A client that is made to measure.
    #[must_use]
    pub const fn builder() -> HttpClientBuilder {
        HttpClientBuilder {
            connect_deadline: Duration::from_secs(2),
            deadline: Duration::from_secs(5),
            slot_deadline: Duration::from_secs(1),
            answer_limit: 64 * 1024,
            at_once: 64,
            public_only: false,
        }
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        let request = reqwest::Request::try_from(request).map_err(|_| FetchErrorKind::Forbidden)?;
        if self.public_only {
            public::refuse_inside(request.url())?;
        }
        let mut answer = self.client.execute(request).await.map_err(failed)?;
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > self.answer_limit {
                return Err(FetchErrorKind::Broken.into());
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body.freeze());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

#[async_trait]
impl Fetch for HttpClient {
    async fn fetch(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        let until = Instant::now() + self.deadline;
        // Waiting for a free slot counts, so that a slow server cannot make a queue without end; and it is told apart, since
        // it says nothing of the server that was to be asked.
        let slot = tokio::time::timeout(self.slot_deadline.min(self.deadline), self.slots.acquire());
        let Ok(Ok(_slot)) = slot.await else { return Err(FetchErrorKind::Busy.into()) };
        tokio::time::timeout_at(until, self.exchange(request))
            .await
            .unwrap_or_else(|_| Err(FetchErrorKind::Timeout.into()))
    }

    fn is_public_only(&self) -> bool {
        self.public_only
    }
}

fn failed(error: reqwest::Error) -> FetchError {
    let kind = if public::leads_inside(&error) {
        FetchErrorKind::Forbidden
    } else if error.is_connect() {
        FetchErrorKind::Unsent
    } else if error.is_timeout() {
        FetchErrorKind::Timeout
    } else {
        FetchErrorKind::Broken
    };
    // The address may carry a secret.
    FetchError::from(kind).with_source(error.without_url())
}

impl HttpClientBuilder {
    /// How long to wait for a connection. Default: 2 s, which is one lost packet and its repetition.
    #[must_use]
    pub const fn connect_deadline(mut self, deadline: Duration) -> Self {
        self.connect_deadline = deadline;
        self
    }

    /// How long a whole exchange may take, waiting for a free slot included. Default: 5 s, half of what the adapters
    /// give to a request.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long to wait for a free slot, of the [deadline](Self::deadline). Default: 1 s, less than whatever waits for an
    /// exchange does, so that a client whose slots are taken is known for [that](FetchErrorKind::Busy) and not for a service
    /// that is silent.
    #[must_use]
    pub const fn slot_deadline(mut self, deadline: Duration) -> Self {
        self.slot_deadline = deadline;
        self
    }

    /// Most bytes of an answer's body. Default: 64 KiB; verification services answer with a few hundred.
    #[must_use]
    pub const fn answer_limit(mut self, bytes: usize) -> Self {
        self.answer_limit = bytes;
        self
    }

    /// Most requests under way at one time; more wait for a [slot](Self::slot_deadline). One that is
    /// shared by several services is used up by the slowest of them. Default: 64, which at 100 ms each is 640 a
    /// second.
    #[must_use]
    pub const fn at_once(mut self, requests: usize) -> Self {
        self.at_once = requests;
        self
    }

    /// Connects to [public addresses](verify_core::is_public_address) only: for URLs that somebody else has chosen, such as
    /// callbacks, so that nobody has this process call what only it can reach. The address that is connected to is the one
    /// that is looked at. Default: any address, as for services that you name yourself.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bytes::Bytes;
    /// use verify_core::{Fetch, FetchErrorKind};
    /// use verify_providers::HttpClient;
    ///
    /// let client = HttpClient::builder().public_only().build()?;
    /// for inside in ["http://127.0.0.1:1/", "http://localhost:1/", "http://169.254.169.254/latest/"] {
    ///     let request = http::Request::get(inside).body(Bytes::new())?;
    ///     assert_eq!(client.fetch(request).await.unwrap_err().kind(), FetchErrorKind::Forbidden);
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn public_only(mut self) -> Self {
        self.public_only = true;
        self
    }

    /// Makes the client. Calls nobody yet.
    ///
    /// # Errors
    /// When the system's root certificates cannot be read.
    pub fn build(self) -> Result<HttpClient, HttpClientError> {
        // reqwest asks rustls for the cryptography of the process; an app that chose one before keeps it.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            rustls::crypto::ring::default_provider().install_default().ok();
        }
        let mut client = reqwest::Client::builder();
        if self.public_only {
            client = client.dns_resolver(Arc::new(PublicOnly));
        }
        let client = client
            .connect_timeout(self.connect_deadline)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("verify-rs/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| HttpClientError { source: error })?;
        Ok(HttpClient {
            client,
            slots: Arc::new(Semaphore::new(self.at_once.clamp(1, Semaphore::MAX_PERMITS))),
            deadline: self.deadline,
            slot_deadline: self.slot_deadline,
            answer_limit: self.answer_limit,
            public_only: self.public_only,
        })
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// A client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client: check that the system's root certificates are installed (ca-certificates)")]
pub struct HttpClientError {
    source: reqwest::Error,
}
