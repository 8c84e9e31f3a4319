//! The demo bank on axum.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use examples::options::{self, Options};
use examples::site::{self, Answer, BODY_LIMIT, Site};
use verify_tower::{ChallengeLayer, EndpointService};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    options::start_log();
    let options = Options::from_args()?;
    let listener = tokio::net::TcpListener::bind(options.listen).await?;
    let address = listener.local_addr()?;
    let site = site::open(options::keys()?, &options.host, address)?;
    println!("The bank is open: http://{}:{}/", options.host, address.port());
    println!("Its messages:     http://{}:{}/challenge/inbox", options.host, address.port());
    let app = app(site).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(interrupted()).await?;
    println!("The bank is closed.");
    Ok(())
}

fn app(site: Site) -> Router {
    let guard = |gate: &verify_core::Gate| ChallengeLayer::from(gate.clone());
    Router::new()
        .route("/", get(|| async { response(Answer::index()) }))
        .route("/news", get(|| async { response(Answer::news()) }))
        .route("/feed", get(|| async { response(Answer::feed()) }).layer(guard(&site.feed)))
        .route("/vault", get(|| async { response(Answer::vault()) }).layer(guard(&site.vault)))
        .route("/transfers", post(transfer).layer(guard(&site.transfers)))
        .route("/safe", get(|| async { response(Answer::safe()) }).layer(guard(&site.safe)))
        .route("/ledger", get(ledger))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .nest_service("/challenge", EndpointService::new(&site.engine))
        .with_state(site)
}

async fn transfer(State(site): State<Site>, headers: HeaderMap, body: Bytes) -> Response {
    response(site.transfer(text(&headers, &CONTENT_TYPE), text(&headers, &ACCEPT), &body))
}

async fn ledger(State(site): State<Site>, headers: HeaderMap) -> Response {
    response(site.show_ledger(text(&headers, &ACCEPT)))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn response(answer: Answer) -> Response {
    let status = axum::http::StatusCode::from_u16(answer.status).unwrap_or_default();
    (status, [(CONTENT_TYPE, answer.content_type)], Body::from(answer.body)).into_response()
}

async fn interrupted() {
    // Without a signal to wait for, the bank runs until it is killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
