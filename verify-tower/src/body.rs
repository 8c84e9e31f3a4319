//! A body that comes from one of two sides: as it came, or bytes that stand in its place.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use pin_project_lite::pin_project;

pin_project! {
    /// A body of any type, or bytes that stand in its place: for stacks whose bodies cannot be made from bytes, as hyper's
    /// `Incoming` and boxed ones cannot.
    ///
    /// A layer that has read a request hands its body on, and answers in place of the service, each in the type that was
    /// there before. So it takes bodies that are made of [`Bytes`]: axum's `Body`, `Full<Bytes>`, and this one. Around a layer
    /// for requests of anything else, put [`EitherBody::of_request`]; for answers of anything else,
    /// [`EitherBody::of_response`] goes inside:
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bytes::Bytes;
    /// use http::{Request, Response};
    /// use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
    /// use tower::{ServiceBuilder, ServiceExt};
    /// use verify_core::{Engine, Factor, KeyRing, Origin, Policy};
    /// use verify_tower::{ChallengeLayer, EitherBody};
    ///
    /// # type Incoming = Empty<Bytes>;
    /// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
    /// # let engine = Engine::builder(keys, Origin::parse("https://bank.example")?).build()?;
    /// let human = Policy::new("feed").require(Factor::proof_of_work("human"));
    /// let service = ServiceBuilder::new()
    ///     .map_request(EitherBody::of_request)
    ///     .layer(ChallengeLayer::new(&engine, human)?)
    ///     .map_response(EitherBody::of_response)
    ///     .service_fn(|request: Request<EitherBody<Incoming>>| async move {
    ///         let body = request.into_body().collect().await?.to_bytes();
    ///         let body = UnsyncBoxBody::new(Full::new(body));
    ///         Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Response::new(body))
    ///     });
    ///
    /// let request: Request<Incoming> = Request::get("/feed").body(Empty::new())?;
    /// assert_eq!(service.oneshot(request).await.expect("no error").status(), 403);
    /// # Ok(()) }
    /// ```
    #[derive(Debug)]
    pub struct EitherBody<B> {
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

impl<B> EitherBody<B> {
    /// A body as it came.
    pub fn new(body: B) -> Self {
        Self { kind: Kind::Inner { body } }
    }

    /// A request with its body as it came: what to map requests with.
    pub fn of_request(request: Request<B>) -> Request<Self> {
        request.map(Self::new)
    }

    /// An answer with its body as it came: what to map answers with.
    pub fn of_response(response: Response<B>) -> Response<Self> {
        response.map(Self::new)
    }
}

impl<B> From<Bytes> for EitherBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self { kind: Kind::Bytes { body: Full::new(bytes) } }
    }
}

impl<B: Default> Default for EitherBody<B> {
    fn default() -> Self {
        Self::new(B::default())
    }
}

impl<B: Body<Data = Bytes>> Body for EitherBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProjection::Inner { body } => body.poll_frame(cx),
            KindProjection::Bytes { body } => body.poll_frame(cx).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner { body } => body.is_end_stream(),
            Kind::Bytes { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner { body } => body.size_hint(),
            Kind::Bytes { body } => body.size_hint(),
        }
    }
}
