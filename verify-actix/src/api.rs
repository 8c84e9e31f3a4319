//! An API over the engine as an actix scope.

use std::sync::Arc;

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, Scope, web};
use bytes::Bytes;
use verify_core::{Api, Errand, Reply};

use crate::bridge;
use crate::errand;
use crate::payload::{self, Unread};

/// Mounts an [`Api`] in one line: `.service(api("/v2", twilio))`.
///
/// ```
/// # #[actix_web::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use actix_web::{App, test};
/// use bytes::Bytes;
/// use verify_actix::api;
/// use verify_core::{Api, Reply};
///
/// struct Paths;
///
/// #[async_trait::async_trait]
/// impl Api for Paths {
///     async fn answer(&self, request: http::Request<Bytes>) -> Reply {
///         Reply::new(Bytes::from(request.uri().path().to_owned()))
///     }
///
///     fn refuse_body(&self, _: &http::request::Parts, _: bool) -> Reply {
///         let mut reply = Reply::default();
///         *reply.status_mut() = http::StatusCode::PAYLOAD_TOO_LARGE;
///         reply
///     }
///
///     fn body_limit(&self) -> usize {
///         3
///     }
/// }
///
/// let app = test::init_service(App::new().service(api("/v2", Paths))).await;
/// let asked = test::call_service(&app, test::TestRequest::get().uri("/v2/here").to_request()).await;
/// assert_eq!(test::read_body(asked).await, "/v2/here");
/// let long = test::TestRequest::post().uri("/v2/here").set_payload("long").to_request();
/// assert_eq!(test::call_service(&app, long).await.status(), 413);
/// # Ok(()) }
/// ```
#[must_use]
pub fn api(mount: &str, api: impl Api) -> Scope {
    let api: Arc<dyn Api> = Arc::new(api);
    web::scope(mount).default_service(web::to(move |request: HttpRequest, payload: Payload| {
        let api = Arc::clone(&api);
        async move { bridge::response(serve(&*api, &request, payload).await, request.method()) as HttpResponse }
    }))
}

async fn serve(api: &dyn Api, request: &HttpRequest, payload: Payload) -> Reply {
    let Some(head) = bridge::request(request, Bytes::new()) else {
        return api.refuse_body(&http::Request::new(()).into_parts().0, false);
    };
    let head = head.into_parts().0;
    let payload = &mut payload.into_inner();
    let body = match payload::read_within(payload, api.body_limit(), api.body_deadline()).await {
        Ok(body) => body,
        Err(unread) => return api.refuse_body(&head, matches!(unread, Unread::TooLarge)),
    };
    let answer = api.answer(http::Request::from_parts(head.clone(), body));
    let answer = tokio::time::timeout(api.deadline(), answer).await;
    let mut reply = answer.unwrap_or_else(|_| api.too_late(&head));
    if let Some(errand) = Errand::left_with(&mut reply) {
        errand::run(errand, api.errand_deadline());
    }
    reply
}
