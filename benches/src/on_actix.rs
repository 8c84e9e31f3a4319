//! One route of an actix-web application: bare, behind ours, behind the floor and behind the neighbours.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use actix_extensible_rate_limit::RateLimiter;
use actix_extensible_rate_limit::backend::SimpleInputFunctionBuilder;
use actix_extensible_rate_limit::backend::memory::InMemoryBackend;
use actix_http::Request;
use actix_session::storage::CookieSessionStore;
use actix_session::{Session, SessionMiddleware};
use actix_web::body::MessageBody;
use actix_web::cookie::Key;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{StatusCode, Uri};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpResponse, test, web};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use verify_actix::Challenge;
use verify_core::Gate;

use crate::floor::{self, Floor};
use crate::on_axum::BROWSER;
use crate::world::USER;

/// An application, and the head of the request that it is asked with.
pub struct Route {
    ask: Box<dyn Fn(u32) -> LocalBoxFuture<'static, ()>>,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").finish_non_exhaustive()
    }
}

impl Route {
    fn new<S, B>(service: S, fields: &[(&str, &str)], status: StatusCode) -> Self
    where
        S: Service<Request, Response = ServiceResponse<B>, Error = Error> + 'static,
        B: MessageBody + 'static,
    {
        let (service, fields) = (Rc::new(service), all(fields));
        let ask = move |times| {
            let (service, fields) = (Rc::clone(&service), Rc::clone(&fields));
            async move {
                for _ in 0..times {
                    let response = service.call(request("/vault", &fields)).await.unwrap();
                    assert_eq!(response.status(), status);
                    let mut body = pin!(response.into_body());
                    while let Some(bytes) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {
                        assert!(bytes.is_ok());
                    }
                }
            }
            .boxed_local()
        };
        Self { ask: Box::new(ask) }
    }

    /// Asks so often, and panics when an answer is another one.
    pub async fn ask(&self, times: u32) {
        (self.ask)(times).await;
    }
}

/// A request as a server comes by it: it parses the fields.
fn request(path: &'static str, fields: &[(String, String)]) -> Request {
    let mut request = Request::new();
    let head = request.head_mut();
    head.uri = Uri::from_static(path);
    head.peer_addr = Some(([127, 0, 0, 1], 50_000).into());
    for (name, value) in fields {
        let (name, value) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value));
        head.headers.append(name.unwrap(), value.unwrap());
    }
    request
}

fn all(fields: &[(&str, &str)]) -> Rc<[(String, String)]> {
    let all = [("x-user", USER)];
    let all = all.iter().chain(BROWSER).chain(fields);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What all of them answer.
pub(crate) async fn gold() -> &'static str {
    "gold"
}

/// The route with nothing in front, asked with these fields.
pub async fn bare(fields: &[(&str, &str)]) -> Route {
    let app = App::new().route("/vault", web::get().to(gold));
    Route::new(test::init_service(app).await, fields, StatusCode::OK)
}

/// Behind ours.
pub async fn guarded(gate: &Gate, fields: &[(&str, &str)], status: u16) -> Route {
    let app = App::new().wrap(Challenge::from(gate.clone())).route("/vault", web::get().to(gold));
    Route::new(test::init_service(app).await, fields, StatusCode::from_u16(status).unwrap())
}

/// Behind the check that is written by hand.
pub async fn floor() -> Route {
    let cookie = format!("{}={}", floor::COOKIE, Floor::default().issue(USER));
    let app = App::new().app_data(Floor::default()).wrap(from_fn(check)).route("/vault", web::get().to(gold));
    Route::new(test::init_service(app).await, &[("cookie", &cookie)], StatusCode::OK)
}

/// The check that is written by hand.
pub(crate) async fn check(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let field = |name| request.headers().get(name).map(HeaderValue::as_bytes);
    let floor = request.app_data::<Floor>().unwrap();
    let passes = match (field("cookie"), field("x-user")) {
        (Some(cookies), Some(user)) => floor.check(cookies, user),
        _ => false,
    };
    if passes {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    }
    Ok(request.into_response(HttpResponse::Forbidden().finish()).map_into_right_body())
}

/// actix-session, with the session in a signed and encrypted cookie.
pub async fn session() -> Route {
    let app = App::new()
        .wrap(SessionMiddleware::new(CookieSessionStore::default(), Key::generate()))
        .configure(sessions);
    let service = test::init_service(app).await;
    let entered = service.call(request("/enter", &all(&[]))).await.unwrap();
    let cookie =
        entered.headers().get("set-cookie").unwrap().to_str().unwrap().split(';').next().unwrap().to_owned();
    Route::new(service, &[("cookie", &cookie)], StatusCode::OK)
}

/// A route that asks the session whether its visitor got through, and one that notes it there.
pub(crate) fn sessions(config: &mut web::ServiceConfig) {
    const FLAG: &str = "verified";
    async fn vault(session: Session) -> HttpResponse {
        match session.get::<bool>(FLAG) {
            Ok(Some(true)) => HttpResponse::Ok().body("gold"),
            _ => HttpResponse::Forbidden().finish(),
        }
    }
    async fn enter(session: Session) -> HttpResponse {
        session.insert(FLAG, true).unwrap();
        HttpResponse::Ok().finish()
    }
    config.route("/vault", web::get().to(vault)).route("/enter", web::get().to(enter));
}

/// actix-extensible-rate-limit in memory, with a limit that nobody meets.
pub async fn rate_limit() -> Route {
    let input = SimpleInputFunctionBuilder::new(Duration::from_secs(60), u64::MAX).peer_ip_key().build();
    let limiter = RateLimiter::builder(InMemoryBackend::builder().build(), input).build();
    let app = App::new().wrap(limiter).route("/vault", web::get().to(gold));
    Route::new(test::init_service(app).await, &[], StatusCode::OK)
}
