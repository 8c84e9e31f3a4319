//! The endpoints as an actix service.

use actix_web::web::Payload;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, Scope, web};
use verify_core::{Decision, Endpoints, Engine, Reply, Ruling};

use crate::bridge;
use crate::errand;
use crate::payload;
use crate::view::View;

/// `send`, `check`, `status`, `cancel` and the page's files, to be mounted at the engine's mount path:
/// `.service(endpoints(&engine, "/challenge"))`. Whatever else is below that path is answered with 404.
#[must_use]
pub fn endpoints(engine: &Engine, mount: &str) -> Scope {
    let endpoints = engine.endpoints();
    web::scope(mount.trim_end_matches('/')).default_service(web::to(
        move |request: HttpRequest, payload: Payload| {
            let endpoints = endpoints.clone();
            async move {
                let reply = serve(&endpoints, &request, payload).await;
                bridge::response(reply, request.method()) as HttpResponse
            }
        },
    ))
}

/// What the path has after the mount path and a slash. Actix decodes it first; an endpoint's name has nothing to decode.
fn name(request: &HttpRequest) -> &str {
    let below = request.match_info().unprocessed();
    below.strip_prefix('/').filter(|_| request.uri().path().ends_with(below)).unwrap_or_default()
}

async fn serve(endpoints: &Endpoints, request: &HttpRequest, payload: Payload) -> Reply {
    let decision = {
        let extensions = request.extensions();
        endpoints.decide_at(name(request), &View::new(request, &extensions))
    };
    let (inquiry, limit) = match decision {
        Decision::Respond(reply) => return reply,
        Decision::Read(inquiry, limit) => (inquiry, limit),
        // Endpoints are asked for an answer and never for passage.
        Decision::Consult(inquiry) => (inquiry, 0),
        Decision::Allow => return Reply::default(),
    };
    let deadline = endpoints.deadline();
    let bytes = match payload::read(&mut payload.into_inner(), limit, deadline, &inquiry).await {
        Ok(bytes) => bytes,
        Err(reply) => return reply,
    };
    let late = inquiry.timed_out();
    match tokio::time::timeout(deadline, endpoints.rule(inquiry, bytes)).await {
        Ok(Ruling::Respond(reply)) => reply,
        Ok(Ruling::RespondThen(reply, errand)) => {
            errand::run(*errand, deadline);
            reply
        }
        Ok(Ruling::Allow(_)) | Err(_) => late,
    }
}
