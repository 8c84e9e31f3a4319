//! The demo bank on axum.

use std::process::ExitCode;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::header::{ACCEPT, ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use examples::options::{self, Options};
use examples::post;
use examples::site::{self, Answer, BODY_LIMIT, Site};
use examples::stop;
use verify_tower::{ApiService, Blocked, ChallengeLayer, EndpointService, Guard};

#[tokio::main]
async fn main() -> ExitCode {
    stop::told(open().await)
}

async fn open() -> Result<(), Box<dyn std::error::Error>> {
    options::start_log();
    let options = Options::from_args()?;
    let asked = stop::asked()?;
    let listener = tokio::net::TcpListener::bind(options.listen).await?;
    let address = listener.local_addr()?;
    let site = site::open(options::keys()?, options::open_store(&options.store).await?, &options, address)?;
    println!("The bank is open: http://{}:{}/", options.host, address.port());
    if !options.post.is_real() {
        println!("Its messages:     http://{}:{}/challenge/inbox", options.host, address.port());
    }
    stop::serve_until(asked, listener, app(site)).await?;
    println!("The bank is closed.");
    Ok(())
}

fn app(site: Site) -> Router {
    let guard = |gate: &verify_core::Gate| ChallengeLayer::from(gate.clone());
    let receipts = site.receipts.clone().map(ApiService::new);
    let app =
        receipts.map_or_else(Router::new, |receipts| Router::new().nest_service(post::RECEIPTS, receipts));
    app.route("/", page(Answer::index))
        .route("/news", page(Answer::news))
        .route("/feed", page(Answer::feed).layer(guard(&site.feed)))
        .route("/vault", page(Answer::vault).layer(guard(&site.vault)))
        .route("/app", any(app_page).layer(guard(&site.app_gate)))
        .route("/transfers", any(transfer).layer(guard(&site.transfers)))
        .route("/transfers/batch", any(batch).layer(guard(&site.batch)))
        .route("/safe", page(Answer::safe).layer(guard(&site.safe)))
        .route("/archive", page(Answer::archive).layer(guard(&site.archive)))
        .route("/locker", page(Answer::locker).layer(guard(&site.locker)))
        .route("/lounge", page(Answer::lounge).layer(guard(&site.lounge)))
        .route("/ledger", any(ledger))
        .route("/widget/{name}", any(widget))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .nest_service("/challenge", EndpointService::new(&site.engine))
        .layer(from_fn_with_state(site.clone(), door))
        .with_state(site)
}

fn page(show: fn() -> Answer) -> MethodRouter<Site> {
    any(move |method: Method| async move { response(Answer::to_get(method.as_str(), show)) })
}

/// Keeps others away from the inbox.
async fn door(State(site): State<Site>, request: Request, next: Next) -> Response {
    let host = request.uri().authority().map(Authority::as_str);
    let host = host.or_else(|| request.headers().get(HOST)?.to_str().ok());
    match site.turn_away(request.uri().path(), host) {
        Some(answer) => response(answer),
        None => next.run(request).await,
    }
}

async fn app_page(
    State(site): State<Site>,
    guard: Guard,
    method: Method,
    body: Result<Bytes, BytesRejection>,
) -> Result<impl IntoResponse, Blocked> {
    let subject = guard.subject(&site.engine);
    let pass = match site.second_gate(subject.as_ref()) {
        Some(gate) => guard.require(gate).await?,
        None => guard.pass(),
    };
    let answer = match body {
        Ok(body) => site.app(method.as_str(), subject, &body).await,
        Err(_) => Answer::too_large(),
    };
    Ok((pass, response(answer)))
}

async fn transfer(
    State(site): State<Site>,
    method: Method,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let (kind, accept) = (text(&headers, &CONTENT_TYPE), text(&headers, &ACCEPT));
    response(Answer::to_post(method.as_str(), || match body {
        Ok(body) => site.transfer(kind, accept, &body),
        Err(_) => Answer::too_large(),
    }))
}

async fn batch(State(site): State<Site>, method: Method, body: Result<Bytes, BytesRejection>) -> Response {
    response(Answer::to_post(method.as_str(), || match body {
        Ok(body) => site.transfer_all(&body),
        Err(_) => Answer::too_large(),
    }))
}

async fn ledger(State(site): State<Site>, method: Method, headers: HeaderMap) -> Response {
    response(Answer::to_get(method.as_str(), || site.show_ledger(text(&headers, &ACCEPT))))
}

async fn widget(State(site): State<Site>, Path(name): Path<String>, method: Method) -> Response {
    response(Answer::to_get(method.as_str(), || site.widget.answer(&name)))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn response(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or_default();
    let mut response =
        (status, [(CONTENT_TYPE, answer.content_type)], Body::from(answer.body)).into_response();
    if let Some(methods) = answer.allow {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    }
    if let Some(policy) = answer.policy {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    response
}
