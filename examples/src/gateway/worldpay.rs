//! Worldpay account verification, both versions, at the gateway.

use std::sync::Arc;

use verify_compat::worldpay::{Config, ConfigError, Worldpay};
use verify_core::{Api, Engine};

use crate::gateway::Served;

/// The account of the configuration that is built in.
const DEVELOPMENT: &str = "worldpay:secret";

const MEDIA_TYPE: &str = "application/vnd.worldpay.verifications.accounts-v5+json";

/// Opens the API at its three places; links begin with `origin` unless the configuration says otherwise.
pub(super) fn open(
    mut config: Config,
    engine: &Engine,
    origin: &str,
    is_built_in: bool,
) -> Result<Vec<Served>, ConfigError> {
    config.public_url.get_or_insert_with(|| origin.to_owned());
    let api: Arc<dyn Api> = Arc::new(Worldpay::builder(engine).config(config).build()?);
    let credentials = if is_built_in { DEVELOPMENT } else { "USERNAME:PASSWORD" };
    let names = [
        ("Worldpay account verification v5", "verifications.accounts-v5"),
        ("Worldpay card verification v6", "cardVerifications-v6"),
        ("Worldpay relations", ""),
    ];
    let served = Worldpay::MOUNTS.into_iter().zip(names).map(|(prefix, (name, version))| {
        let curl = match version {
            "" => format!("curl {origin}{prefix}/resourceTree"),
            "cardVerifications-v6" => format!(
                "curl -u {credentials} {origin}{prefix} -H 'Accept: application/vnd.worldpay.{version}+json' \
                 -H 'Content-Type: application/vnd.worldpay.{version}+json' -d '{SIX}'"
            ),
            _ => format!(
                "curl -u {credentials} {origin}{prefix}/intelligent/oneTime -H 'Accept: {MEDIA_TYPE}' \
                 -H 'Content-Type: {MEDIA_TYPE}' -d '{FIVE}'"
            ),
        };
        Served { name, prefix, curl, api: Arc::clone(&api) }
    });
    Ok(served.collect())
}

/// A reference counts once: whoever runs a line twice takes another one.
const FIVE: &str = r#"{"currency":"GBP","merchant":{"entity":"default"},"transactionReference":"first","paymentInstrument":{"type":"card/plain","cardNumber":"4444333322221111","cardExpiryDate":{"month":12,"year":2035},"cvc":"555"}}"#;
const SIX: &str = r#"{"merchant":{"entity":"default"},"transactionReference":"second","instruction":{"value":{"currency":"GBP"},"paymentInstrument":{"type":"card/plain","cardNumber":"4444333322221111","expiryDate":{"month":12,"year":2035},"cvc":"444"}}}"#;
