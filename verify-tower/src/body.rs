//! Bodies that come from one of two sides: the service's own, or bytes that the engine holds.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use pin_project_lite::pin_project;

pin_project! {
    /// The body that a guarded service answers with. Opaque, so that neither side's type leaks into your signatures.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    /// A request's body of any type, as it came, or as it was read and is handed on: for stacks whose body cannot be made
    /// from bytes, as hyper's `Incoming` cannot.
    ///
    /// A layer that has read a body hands it on as the same type, so it takes those that are made of [`Bytes`]: axum's
    /// `Body`, `Full<Bytes>`, and this one. Around a layer for anything else, put [`RequestBody::of`]:
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bytes::Bytes;
    /// use http::{Request, Response};
    /// use http_body_util::{BodyExt, Empty, Full};
    /// use tower::{ServiceBuilder, ServiceExt};
    /// use verify_core::{Engine, Factor, KeyRing, Origin, Policy};
    /// use verify_tower::{ChallengeLayer, RequestBody};
    ///
    /// # type Incoming = Empty<Bytes>;
    /// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
    /// # let engine = Engine::builder(keys, Origin::parse("https://bank.example")?).build()?;
    /// let human = Policy::new("feed").require(Factor::proof_of_work("human"));
    /// let service = ServiceBuilder::new()
    ///     .map_request(RequestBody::of)
    ///     .layer(ChallengeLayer::new(&engine, human)?)
    ///     .service_fn(|request: Request<RequestBody<Incoming>>| async move {
    ///         let body = request.into_body().collect().await?.to_bytes();
    ///         Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Response::new(Full::new(body)))
    ///     });
    ///
    /// let request: Request<Incoming> = Request::get("/feed").body(Empty::new())?;
    /// assert_eq!(service.oneshot(request).await.expect("no error").status(), 403);
    /// # Ok(()) }
    /// ```
    #[derive(Debug)]
    pub struct RequestBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = KindProjection]
    enum Kind<B> {
        Inner { #[pin] body: B },
        Bytes { #[pin] body: Full<Bytes> },
    }
}

impl<B> ResponseBody<B> {
    pub(crate) fn inner(body: B) -> Self {
        Self { kind: Kind::Inner { body } }
    }

    pub(crate) fn reply(bytes: Bytes) -> Self {
        Self { kind: Kind::Bytes { body: Full::new(bytes) } }
    }
}

impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::inner(B::default())
    }
}

impl<B> RequestBody<B> {
    /// A body as it came.
    pub fn new(body: B) -> Self {
        Self { kind: Kind::Inner { body } }
    }

    /// A request with its body as it came: what to map requests with.
    pub fn of(request: Request<B>) -> Request<Self> {
        request.map(Self::new)
    }
}

impl<B> From<Bytes> for RequestBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self { kind: Kind::Bytes { body: Full::new(bytes) } }
    }
}

impl<B: Default> Default for RequestBody<B> {
    fn default() -> Self {
        Self::new(B::default())
    }
}

impl<B: Body<Data = Bytes>> Kind<B> {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project() {
            KindProjection::Inner { body } => body.poll_frame(cx),
            KindProjection::Bytes { body } => body.poll_frame(cx).map_err(|never| match never {}),
        }
    }

    fn is_end(&self) -> bool {
        match self {
            Self::Inner { body } => body.is_end_stream(),
            Self::Bytes { body } => body.is_end_stream(),
        }
    }

    fn size(&self) -> SizeHint {
        match self {
            Self::Inner { body } => body.size_hint(),
            Self::Bytes { body } => body.size_hint(),
        }
    }
}

impl<B: Body<Data = Bytes>> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.project().kind.poll(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.kind.is_end()
    }

    fn size_hint(&self) -> SizeHint {
        self.kind.size()
    }
}

impl<B: Body<Data = Bytes>> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.project().kind.poll(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.kind.is_end()
    }

    fn size_hint(&self) -> SizeHint {
        self.kind.size()
    }
}
