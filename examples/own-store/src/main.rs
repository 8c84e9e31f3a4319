//! `cargo run -p own-store -- redis://127.0.0.1/`

use std::net::SocketAddr;
use std::time::Duration;

use own_store::{OwnStore, app};
use verify_core::KeyRing;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1/".to_owned());
    let store = OwnStore::connect(&url, Duration::from_secs(2)).await.map_err(|error| error.to_string())?;
    // Every process behind the same name has the same keys, as it has the same store.
    let keys = match std::env::var_os("CHALLENGE_KEYS") {
        Some(_) => KeyRing::from_env("CHALLENGE_KEYS")?,
        None => KeyRing::throw_away()?,
    };
    let app = app::app(keys, "http://localhost:3000", store)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://localhost:3000/vault, and its codes: http://localhost:3000/challenge/inbox");
    // Limits are per address, so the engine has to see whose request it is.
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
