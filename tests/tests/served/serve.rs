//! An API in this process, behind a real socket, on either framework.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use tokio::sync::oneshot;
use verify_core::Api;

/// How an API is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounting {
    Tower,
    Actix,
}

/// A server in a thread of its own; it ends, and lets go of all it has, when this does.
pub struct Running {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let (Some(stop), Some(thread)) = (self.stop.take(), self.thread.take()) {
            stop.send(()).ok();
            thread.join().ok();
        }
    }
}

/// Serves below this prefix on a free port of this machine.
pub fn serve(mounting: Mounting, prefix: &'static str, api: Arc<dyn Api>) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (ready, is_ready) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = thread::spawn(move || match mounting {
        Mounting::Tower => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.unwrap().block_on(async move {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let app = axum::Router::new().nest_service(prefix, verify_tower::ApiService::new(api));
                ready.send(()).unwrap();
                let stopped = async { stopped.await.unwrap_or_default() };
                axum::serve(listener, app).with_graceful_shutdown(stopped).await.unwrap();
            });
        }
        Mounting::Actix => actix_web::rt::System::new().block_on(async move {
            let app = move || actix_web::App::new().service(verify_actix::api(prefix, Arc::clone(&api)));
            let server =
                actix_web::HttpServer::new(app).workers(2).disable_signals().listen(listener).unwrap();
            let server = server.run();
            let handle = server.handle();
            actix_web::rt::spawn(async move {
                stopped.await.unwrap_or_default();
                handle.stop(true).await;
            });
            ready.send(()).unwrap();
            server.await.unwrap();
        }),
    });
    is_ready.recv().unwrap();
    Running { address, stop: Some(stop), thread: Some(thread) }
}

/// Waits for a future, on a runtime of its own.
pub fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Asks so often at the same moment.
pub fn together<T: Send>(times: usize, ask: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(times);
    thread::scope(|scope| {
        let asked: Vec<_> = (0..times)
            .map(|number| {
                let (barrier, ask) = (&barrier, &ask);
                scope.spawn(move || {
                    barrier.wait();
                    ask(number)
                })
            })
            .collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    })
}

/// A code of the same length that is another one, and for each number another.
pub fn wrong(code: &str, number: usize) -> String {
    let modulus = 10_usize.pow(u32::try_from(code.len()).unwrap());
    let other = (code.parse::<usize>().unwrap() + 1 + number % (modulus - 1)) % modulus;
    format!("{other:0width$}", width = code.len())
}

/// One test for each mounting, of each rule that is named.
#[macro_export]
macro_rules! on_both {
    ($($rule:ident)*) => {
        mod tower {
            $(#[test] fn $rule() { super::$rule(super::Mounting::Tower); })*
        }

        mod actix {
            $(#[test] fn $rule() { super::$rule(super::Mounting::Actix); })*
        }
    };
}
