//! The shop on actix.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::CACHE_CONTROL;
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer, Responder, web};
use bytes::Bytes;
use tokio::sync::oneshot;
use verify_actix::{Blocked, Challenge, Guard, Verified, endpoints};

use super::shop::{Shop, Transfer, Vault};

pub(crate) fn serve(shop: Shop, ready: &mpsc::Sender<SocketAddr>, stopped: oneshot::Receiver<()>) {
    actix_web::rt::System::new().block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let app = move || {
            App::new()
                .app_data(web::Data::new(shop.clone()))
                .service(web::resource("/orders").to(order).wrap(Challenge::from(shop.orders.clone())))
                .service(web::resource("/layer").to(gold).wrap(Challenge::from(shop.vault.clone())))
                .route("/json", web::post().to(by_json))
                .route("/form", web::post().to(by_form))
                .route("/extractor", web::get().to(by_extractor))
                .route("/guard", web::get().to(by_guard))
                .service(endpoints(&shop.engine, "/challenge"))
                .wrap(from_fn(watched))
        };
        // As hyper does, it lets go of a request whose client has left.
        let server = HttpServer::new(app).workers(2).h1_allow_half_closed(false).disable_signals();
        let server = server.listen(listener).unwrap().run();
        let handle = server.handle();
        actix_web::rt::spawn(async move {
            stopped.await.unwrap_or_default();
            handle.stop(true).await;
        });
        ready.send(address).unwrap();
        server.await.unwrap();
    });
}

async fn watched(
    shop: web::Data<Shop>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let _underway = shop.request();
    next.call(request).await
}

async fn order(shop: web::Data<Shop>, request: HttpRequest, order: web::Json<Transfer>) -> HttpResponse {
    shop.ran();
    match request.query_string() {
        "fails" => HttpResponse::Ok().body(Cut { fails: true, has_begun: false }),
        "ends" => HttpResponse::Ok().body(Cut { fails: false, has_begun: false }),
        _ => HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(made(&order)),
    }
}

fn made(transfer: &Transfer) -> String {
    format!("{} to {}", transfer.amount, transfer.name)
}

async fn by_json(shop: web::Data<Shop>, verified: Verified<web::Json<Transfer>>) -> impl Responder {
    shop.ran();
    let (transfer, pass) = verified.into_parts();
    pass.with(made(&transfer))
}

async fn by_form(shop: web::Data<Shop>, verified: Verified<web::Form<Transfer>>) -> impl Responder {
    shop.ran();
    let (transfer, pass) = verified.into_parts();
    pass.with(made(&transfer))
}

/// For everybody to keep, if that is asked for.
async fn gold(request: HttpRequest) -> HttpResponse {
    let mut gold = HttpResponse::Ok();
    if request.query_string() == "public" {
        gold.insert_header((CACHE_CONTROL, "public"));
    }
    gold.content_type("text/plain; charset=utf-8").body("gold")
}

async fn by_extractor(request: HttpRequest, verified: Verified<Vault>) -> impl Responder {
    verified.pass().with(gold(request).await)
}

async fn by_guard(
    guard: Guard,
    shop: web::Data<Shop>,
    request: HttpRequest,
) -> Result<impl Responder, Blocked> {
    let is_free = request.query_string() == "free";
    let pass = if is_free { guard.pass() } else { guard.require(&shop.vault).await? };
    Ok(pass.with(gold(request).await))
}

/// A body of ten bytes, of which three come.
struct Cut {
    fails: bool,
    has_begun: bool,
}

impl MessageBody for Cut {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(10)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        Poll::Ready(match (std::mem::replace(&mut self.has_begun, true), self.fails) {
            (false, _) => Some(Ok(Bytes::from_static(b"abc"))),
            (true, true) => Some(Err(io::ErrorKind::BrokenPipe.into())),
            (true, false) => None,
        })
    }
}
