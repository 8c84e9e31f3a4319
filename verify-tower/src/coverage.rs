//! Which routes a layer missed.

use bytes::Bytes;
use http::{Method, Request, Response};
use tower_service::Service;

/// Asks each route without a clearance, and lists those that did not answer with a challenge. For a test of your own:
/// a layer covers only the routes that were added before it, and this is how a forgotten one is found.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::{Router, body::Body, routing::get};
/// use http::Method;
/// use verify_core::{Engine, Factor, KeyRing, Origin, Policy};
/// use verify_tower::{ChallengeLayer, unguarded};
///
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// # let engine = Engine::builder(keys, Origin::parse("https://bank.example")?).build()?;
/// let layer = ChallengeLayer::new(&engine, Policy::new("human").require(Factor::proof_of_work("human")))?;
/// let app: Router = Router::new()
///     .route("/feed", get(|| async { "guarded" }))
///     .layer(layer)
///     .route("/late", get(|| async { "added after the layer" }));
///
/// let missed = unguarded::<_, Body, _>(app, [(Method::GET, "/feed"), (Method::GET, "/late")]).await;
/// assert_eq!(missed, ["GET /late"]);
/// # Ok(()) }
/// ```
pub async fn unguarded<S, B, R>(
    service: S,
    routes: impl IntoIterator<Item = (Method, impl AsRef<str>)>,
) -> Vec<String>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    B: From<Bytes>,
{
    let mut missed = Vec::new();
    for (method, path) in routes {
        let path = path.as_ref();
        let name = format!("{method} {path}");
        let mut service = service.clone();
        let request = Request::builder().method(method).uri(path).body(B::from(Bytes::new()));
        let answered = match request {
            Ok(request) if std::future::poll_fn(|cx| service.poll_ready(cx)).await.is_ok() => {
                service.call(request).await.ok()
            }
            _ => None,
        };
        if !answered.is_some_and(|response| response.headers().contains_key("challenge-required")) {
            missed.push(name);
        }
    }
    missed
}
