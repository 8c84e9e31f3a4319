//! The gateway: hosted verification services' own APIs on one address, by axum or by actix-web.

use std::error::Error;
use std::net::TcpListener;
use std::process::ExitCode;

use axum::Router;
use examples::gateway::{self, Config, Framework, Gateway, Ground, Options};
use examples::options;
use examples::stop;
use verify_tower::ApiService;

fn main() -> ExitCode {
    stop::told(serve())
}

fn serve() -> Result<(), Box<dyn Error>> {
    options::start_log();
    let options = Options::from_args()?;
    if options.framework == Framework::Actix {
        return actix_web::rt::System::new().block_on(with_actix(options));
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(with_axum(options))
}

async fn open(options: &Options) -> Result<(Gateway, TcpListener), Box<dyn Error>> {
    let config = Config::read(options.config.as_deref())?;
    let listener = TcpListener::bind(options.listen)?;
    let address = listener.local_addr()?;
    let data = options.data();
    let store = options::open_store(&options.store).await?;
    let ground = Ground::new(options::keys()?, store, &data, address);
    let ground = ground.danger_open_inbox(options.danger_open_inbox);
    let gateway = gateway::open(config, ground, std::convert::identity)?;
    println!("The gateway is open: http://{address}/");
    for served in &gateway.served {
        println!("{}: http://{address}{}", served.name, served.prefix);
    }
    println!("What outlives it is in {}", data.display());
    Ok((gateway, listener))
}

async fn with_axum(options: Options) -> Result<(), Box<dyn Error>> {
    let asked = stop::asked()?;
    let (gateway, listener) = open(&options).await?;
    let mut app = Router::new();
    for served in gateway.served {
        app = app.nest_service(served.prefix, ApiService::new(served.api));
    }
    let app = app.fallback_service(ApiService::new(gateway.front));
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    stop::serve_until(asked, listener, app).await?;
    println!("The gateway is closed.");
    Ok(())
}

async fn with_actix(options: Options) -> Result<(), Box<dyn Error>> {
    let asked = stop::asked()?;
    let (gateway, listener) = open(&options).await?;
    let server = actix_web::HttpServer::new(move || {
        let mut app = actix_web::App::new();
        for served in gateway.served.clone() {
            app = app.service(verify_actix::api(served.prefix, served.api));
        }
        app.service(verify_actix::api("", gateway.front.clone()))
    });
    // By itself it would break off on Ctrl-C, and finish on SIGTERM alone.
    let server = server.shutdown_signal(asked).shutdown_timeout(stop::PATIENCE.as_secs());
    server.listen(listener)?.run().await?;
    println!("The gateway is closed.");
    Ok(())
}
