//! The demo bank on actix-web.

use std::net::TcpListener;
use std::process::ExitCode;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ACCEPT, ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName};
use actix_web::http::uri::Authority;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Resource, Responder};
use examples::options::{self, Options};
use examples::post;
use examples::site::{self, Answer, BODY_LIMIT, Site};
use examples::stop;
use verify_actix::{Blocked, Challenge, Guard, api, endpoints};

#[actix_web::main]
async fn main() -> ExitCode {
    stop::told(open().await)
}

async fn open() -> Result<(), Box<dyn std::error::Error>> {
    options::start_log();
    let options = Options::from_args()?;
    let asked = stop::asked()?;
    let listener = TcpListener::bind(options.listen)?;
    let address = listener.local_addr()?;
    let site = site::open(options::keys()?, options::open_store(&options.store).await?, &options, address)?;
    println!("The bank is open: http://{}:{}/", options.host, address.port());
    if !options.post.is_real() {
        println!("Its messages:     http://{}:{}/challenge/inbox", options.host, address.port());
    }
    let server = HttpServer::new(move || App::new().wrap(from_fn(door)).configure(|app| routes(app, &site)));
    // By itself it would break off on Ctrl-C, and finish on SIGTERM alone.
    let server = server.shutdown_signal(asked).shutdown_timeout(stop::PATIENCE.as_secs());
    server.listen(listener)?.run().await?;
    println!("The bank is closed.");
    Ok(())
}

fn routes(app: &mut ServiceConfig, site: &Site) {
    let guard = |gate: &verify_core::Gate| Challenge::from(gate.clone());
    if let Some(receipts) = &site.receipts {
        app.service(api(post::RECEIPTS, receipts.clone()));
    }
    app.app_data(Data::new(site.clone()))
        .app_data(web::PayloadConfig::new(BODY_LIMIT))
        .service(page("/", Answer::index))
        .service(page("/news", Answer::news))
        .service(page("/feed", Answer::feed).wrap(guard(&site.feed)))
        .service(page("/vault", Answer::vault).wrap(guard(&site.vault)))
        .service(web::resource("/app").to(app_page).wrap(guard(&site.app_gate)))
        .service(web::resource("/transfers").to(transfer).wrap(guard(&site.transfers)))
        .service(web::resource("/transfers/batch").to(batch).wrap(guard(&site.batch)))
        .service(page("/safe", Answer::safe).wrap(guard(&site.safe)))
        .service(page("/archive", Answer::archive).wrap(guard(&site.archive)))
        .service(page("/locker", Answer::locker).wrap(guard(&site.locker)))
        .service(page("/lounge", Answer::lounge).wrap(guard(&site.lounge)))
        .service(web::resource("/ledger").to(ledger))
        .service(web::resource("/widget/{name}").to(widget))
        .service(endpoints(&site.engine, "/challenge"));
}

fn page(path: &str, show: fn() -> Answer) -> Resource {
    web::resource(path)
        .to(move |method: Method| async move { response(Answer::to_get(method.as_str(), show)) })
}

/// Keeps others away from the inbox.
async fn door(
    site: Data<Site>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> actix_web::Result<ServiceResponse<impl MessageBody>> {
    let turned_away = {
        let host = request.uri().authority().map(Authority::as_str);
        let host = host.or_else(|| request.headers().get(HOST)?.to_str().ok());
        site.turn_away(request.path(), host)
    };
    Ok(match turned_away {
        Some(answer) => request.into_response(response(answer)).map_into_right_body(),
        None => next.call(request).await?.map_into_left_body(),
    })
}

async fn app_page(
    site: Data<Site>,
    guard: Guard,
    method: Method,
    body: actix_web::Result<Bytes>,
) -> Result<impl Responder, Blocked> {
    let subject = guard.subject(&site.engine);
    let pass = match site.second_gate(subject.as_ref()) {
        Some(gate) => guard.require(gate).await?,
        None => guard.pass(),
    };
    let answer = match body {
        Ok(body) => site.app(method.as_str(), subject, &body).await,
        Err(_) => Answer::too_large(),
    };
    Ok(pass.with(response(answer)))
}

async fn transfer(site: Data<Site>, request: HttpRequest, body: actix_web::Result<Bytes>) -> HttpResponse {
    let (kind, accept) = (text(&request, &CONTENT_TYPE), text(&request, &ACCEPT));
    response(Answer::to_post(request.method().as_str(), || match body {
        Ok(body) => site.transfer(kind, accept, &body),
        Err(_) => Answer::too_large(),
    }))
}

async fn batch(site: Data<Site>, method: Method, body: actix_web::Result<Bytes>) -> HttpResponse {
    response(Answer::to_post(method.as_str(), || match body {
        Ok(body) => site.transfer_all(&body),
        Err(_) => Answer::too_large(),
    }))
}

async fn ledger(site: Data<Site>, request: HttpRequest) -> HttpResponse {
    response(Answer::to_get(request.method().as_str(), || site.show_ledger(text(&request, &ACCEPT))))
}

async fn widget(site: Data<Site>, name: web::Path<String>, method: Method) -> HttpResponse {
    response(Answer::to_get(method.as_str(), || site.widget.answer(&name)))
}

fn text<'r>(request: &'r HttpRequest, name: &HeaderName) -> &'r str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn response(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or_default();
    let mut builder = HttpResponse::build(status);
    builder.insert_header((CONTENT_TYPE, answer.content_type));
    if let Some(methods) = answer.allow {
        builder.insert_header((ALLOW, methods));
    }
    if let Some(policy) = answer.policy {
        builder.insert_header((CONTENT_SECURITY_POLICY, policy));
    }
    builder.body(answer.body)
}
