//! The Verification API of Twisto, at `/twisto/v2`.

use std::sync::Arc;

use verify_compat::twisto::{Config, Twisto};
use verify_core::Engine;

use crate::gateway::{GatewayError, Served};

/// Opens the API, and says how to try it: with the original's own sample, which the built-in configuration knows.
pub(super) fn open(
    engine: &Engine,
    config: Config,
    here: &str,
    built_in: bool,
) -> Result<Served, GatewayError> {
    let (keys, transaction) = match built_in {
        true => ("your-public-key,your-secret-key", "0f38de72lkxjpk55evbid62k"),
        false => ("PUBLIC,SECRET", "TRANSACTION"),
    };
    Ok(Served {
        name: "Twisto Verification",
        prefix: "/twisto/v2",
        curl: format!(
            "curl -H 'Authorization: {keys}' {here}/twisto/v2/check/{transaction}/verification/ -d '{{\"code\": \"1234\"}}'"
        ),
        api: Arc::new(Twisto::new(engine, config)?),
    })
}
