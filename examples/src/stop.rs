//! How a program ends: asked to, it takes no new connections, and what is under way may finish.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long requests that are under way may take to finish, once a program was asked to end. Less than the ten seconds after
/// which those who run containers end a program by force.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Tells in words why a program ended. Where `main` returns an error itself, only its `Debug` is shown.
#[must_use]
pub fn told(ended: Result<(), Box<dyn Error>>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Ready once the process is asked to end: by Ctrl-C, or by SIGTERM, as systemd and those who run containers do it. It listens
/// from the call on, so call it before the program says that it is open.
///
/// # Errors
/// When the machine does not let it listen.
#[cfg(unix)]
pub fn asked() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut interrupted, mut terminated) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

/// Ready once the process is asked to end: by Ctrl-C.
///
/// # Errors
/// Never, here.
#[cfg(not(unix))]
pub fn asked() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        // Without a signal to wait for, the program runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// Serves with axum until `asked` is ready and what is under way has finished, or [`PATIENCE`] is over. actix-web has the same
/// built in: `.shutdown_signal(..)` and `.shutdown_timeout(..)`.
///
/// # Errors
/// When the listener fails.
pub async fn serve_until(
    asked: impl Future<Output = ()> + Send + 'static,
    listener: TcpListener,
    app: Router,
) -> io::Result<()> {
    let (begin, begun) = oneshot::channel();
    let graceful = async move {
        asked.await;
        // Nobody listens any more only when serving has ended already.
        let _ = begin.send(());
    };
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, app).with_graceful_shutdown(graceful);
    tokio::select! {
        served = serving => served,
        () = async { let _ = begun.await; tokio::time::sleep(PATIENCE).await } => Ok(()),
    }
}
