//! The demo bank on actix-web.

use std::net::TcpListener;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use examples::options::{self, Options};
use examples::site::{self, Answer, BODY_LIMIT, Site};
use verify_actix::{Challenge, endpoints};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    options::start_log();
    let options = Options::from_args()?;
    let listener = TcpListener::bind(options.listen)?;
    let address = listener.local_addr()?;
    let site = site::open(options::keys()?, &options.host, address)?;
    println!("The bank is open: http://{}:{}/", options.host, address.port());
    println!("Its messages:     http://{}:{}/challenge/inbox", options.host, address.port());
    let server = HttpServer::new(move || App::new().configure(|app| routes(app, &site))).shutdown_timeout(1);
    server.listen(listener)?.run().await?;
    println!("The bank is closed.");
    Ok(())
}

fn routes(app: &mut ServiceConfig, site: &Site) {
    let guard = |gate: &verify_core::Gate| Challenge::from(gate.clone());
    app.app_data(Data::new(site.clone()))
        .app_data(web::PayloadConfig::new(BODY_LIMIT))
        .route("/", web::get().to(|| async { response(Answer::index()) }))
        .route("/news", web::get().to(|| async { response(Answer::news()) }))
        .service(web::resource("/feed").wrap(guard(&site.feed)).get(|| async { response(Answer::feed()) }))
        .service(web::resource("/vault").wrap(guard(&site.vault)).get(|| async { response(Answer::vault()) }))
        .service(web::resource("/transfers").wrap(guard(&site.transfers)).post(transfer))
        .service(web::resource("/safe").wrap(guard(&site.safe)).get(|| async { response(Answer::safe()) }))
        .route("/ledger", web::get().to(ledger))
        .service(endpoints(&site.engine, "/challenge"));
}

async fn transfer(site: Data<Site>, request: HttpRequest, body: Bytes) -> HttpResponse {
    response(site.transfer(text(&request, &CONTENT_TYPE), text(&request, &ACCEPT), &body))
}

async fn ledger(site: Data<Site>, request: HttpRequest) -> HttpResponse {
    response(site.show_ledger(text(&request, &ACCEPT)))
}

fn text<'r>(request: &'r HttpRequest, name: &HeaderName) -> &'r str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn response(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or_default();
    HttpResponse::build(status).insert_header((CONTENT_TYPE, answer.content_type)).body(answer.body)
}
