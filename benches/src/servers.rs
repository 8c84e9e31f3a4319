//! The routes behind sockets of loopback, each server on the first core, until the process ends.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread;

use actix_session::SessionMiddleware;
use actix_session::storage::CookieSessionStore;
use actix_web::cookie::Key;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use axum::Router;
use futures_util::future::try_join4;
use tokio::net::TcpListener;
use verify_actix::Challenge;
use verify_core::Gate;

use crate::floor::Floor;
use crate::{cases, cores, on_actix};

/// Serves these routers from one thread; where each is.
pub fn axum(routers: Vec<Router>) -> Vec<SocketAddr> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        cores::pin(0);
        let runtime = cases::runtime();
        runtime.block_on(async {
            for router in routers {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let service = router.into_make_service_with_connect_info::<SocketAddr>();
                tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
            }
            drop(tell);
            std::future::pending::<()>().await;
        });
    });
    told.into_iter().collect()
}

/// The applications of actix-web.
#[derive(Clone, Copy, Debug)]
pub struct Actix {
    /// With nothing in front.
    pub bare: SocketAddr,
    /// Behind the check that is written by hand.
    pub floor: SocketAddr,
    /// Behind ours.
    pub guarded: SocketAddr,
    /// Behind actix-session with a cookie that is signed and encrypted; `/enter` sets it.
    pub session: SocketAddr,
}

/// Serves them, one worker each, all on the first core.
pub fn actix(gate: &Gate) -> Actix {
    let (tell, told) = mpsc::channel();
    let gate = gate.clone();
    thread::spawn(move || {
        cores::pin(0);
        actix_web::rt::System::new().block_on(async move {
            let local = (Ipv4Addr::LOCALHOST, 0);
            let bare = HttpServer::new(|| App::new().route("/vault", web::get().to(on_actix::gold)))
                .workers(1)
                .disable_signals()
                .bind(local)
                .unwrap();
            let guarded = HttpServer::new(move || {
                App::new().wrap(Challenge::from(gate.clone())).route("/vault", web::get().to(on_actix::gold))
            })
            .workers(1)
            .disable_signals()
            .bind(local)
            .unwrap();
            let floor = HttpServer::new(|| {
                App::new()
                    .app_data(Floor::default())
                    .wrap(from_fn(on_actix::check))
                    .route("/vault", web::get().to(on_actix::gold))
            })
            .workers(1)
            .disable_signals()
            .bind(local)
            .unwrap();
            let key = Key::generate();
            let session = HttpServer::new(move || {
                App::new()
                    .wrap(SessionMiddleware::new(CookieSessionStore::default(), key.clone()))
                    .configure(on_actix::sessions)
            })
            .workers(1)
            .disable_signals()
            .bind(local)
            .unwrap();
            let at = Actix {
                bare: bare.addrs()[0],
                floor: floor.addrs()[0],
                guarded: guarded.addrs()[0],
                session: session.addrs()[0],
            };
            tell.send(at).unwrap();
            try_join4(bare.run(), floor.run(), guarded.run(), session.run()).await.unwrap();
        });
    });
    told.recv().unwrap()
}
