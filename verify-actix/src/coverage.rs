//! Which routes a middleware missed.

use actix_http::Request;
use actix_web::Error;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;

/// Asks each route without a clearance, and lists those that did not answer with a challenge. For a test of your own,
/// with `actix_web::test::init_service`: this is how a forgotten route is found.
///
/// ```
/// # #[actix_web::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use actix_web::{App, http::Method, test, web};
/// use verify_actix::{Challenge, unguarded};
/// use verify_core::{Engine, Factor, KeyRing, Origin, Policy};
///
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// # let engine = Engine::builder(keys, Origin::parse("https://bank.example")?).build()?;
/// let human = Challenge::new(&engine, Policy::new("human").require(Factor::proof_of_work("human")))?;
/// let app = test::init_service(
///     App::new()
///         .service(web::resource("/feed").wrap(human).to(|| async { "guarded" }))
///         .service(web::resource("/late").to(|| async { "forgotten" })),
/// )
/// .await;
/// assert_eq!(unguarded(&app, [(Method::GET, "/feed"), (Method::GET, "/late")]).await, ["GET /late"]);
/// # Ok(()) }
/// ```
pub async fn unguarded<S, B>(
    app: &S,
    routes: impl IntoIterator<Item = (Method, impl AsRef<str>)>,
) -> Vec<String>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
{
    let mut missed = Vec::new();
    for (method, path) in routes {
        let name = format!("{method} {}", path.as_ref());
        let request = TestRequest::with_uri(path.as_ref()).method(method).to_request();
        let answered = app.call(request).await;
        if !answered.is_ok_and(|response| response.headers().contains_key("challenge-required")) {
            missed.push(name);
        }
    }
    missed
}
