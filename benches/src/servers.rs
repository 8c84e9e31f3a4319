//! The routes behind sockets of loopback, each server on the first core, until the process ends.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread;

use actix_session::SessionMiddleware;
use actix_session::storage::CookieSessionStore;
use actix_web::cookie::Key;
use actix_web::{App, HttpServer, web};
use axum::Router;
use futures_util::future::try_join3;
use tokio::net::TcpListener;
use verify_actix::Challenge;
use verify_core::Gate;

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
            let (bare_at, guarded_at, session_at) = (bare.addrs()[0], guarded.addrs()[0], session.addrs()[0]);
            tell.send(Actix { bare: bare_at, guarded: guarded_at, session: session_at }).unwrap();
            try_join3(bare.run(), guarded.run(), session.run()).await.unwrap();
        });
    });
    told.recv().unwrap()
}
