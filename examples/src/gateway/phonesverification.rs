//! PhonesVerification in the gateway, and the telephone that its calls ring at.

use std::sync::Arc;

use verify_compat::phonesverification::{Config, Handset, PhonesVerification};
use verify_core::Engine;
use verify_providers::HttpClient;

use crate::gateway::{GatewayError, Served};

/// What is needed in every call, of the configuration that is built in.
const DEVELOPMENT: &str = "apikey=qd4cr4gd&apisecret=87548754";

/// The API, and the handset where the inbox catches everything: this program knows no telephone service.
pub(super) fn open(
    engine: &Engine,
    config: Config,
    inbox: bool,
    is_built_in: bool,
    here: &str,
) -> Result<Vec<Served>, GatewayError> {
    let client = match config.settings.allow_private_callbacks {
        true => HttpClient::new()?,
        false => HttpClient::builder().public_only().build()?,
    };
    let path = config.settings.path.clone();
    let handset = inbox.then(Handset::new);
    let mut builder = PhonesVerification::builder(engine).config(config).fetch(client);
    if let Some(handset) = &handset {
        builder = builder.voice(handset.clone());
    }
    let prefix = "/phonesverification/app/api";
    let credentials = if is_built_in { DEVELOPMENT } else { "apikey=KEY&apisecret=SECRET" };
    let api = Served {
        name: "PhonesVerification",
        prefix,
        curl: format!("curl {here}{prefix}/json{path} -d '{credentials}&number=12025550123&pin=00123456'"),
        api: Arc::new(builder.build()?),
    };
    let telephone = handset.map(|handset| Served {
        name: "PhonesVerification: everybody's handset, in development",
        prefix: "/handset",
        curl: format!("curl {here}/handset"),
        api: Arc::new(handset),
    });
    Ok(std::iter::once(api).chain(telephone).collect())
}

#[cfg(test)]
mod tests {
    use verify_core::{KeyRing, Origin};

    use super::*;
    use crate::gateway::Config;

    #[test]
    fn without_the_inbox_nobody_calls() {
        let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
        let engine = Engine::builder(keys, Origin::parse("https://calls.example").unwrap()).build().unwrap();
        let config = || Config::read(None).unwrap().phonesverification.unwrap();
        let refused = open(&engine, config(), false, true, "").map(drop).unwrap_err().to_string();
        assert!(
            refused.starts_with("[phonesverification]") && refused.contains("nobody who calls"),
            "{refused}"
        );
        let served = open(&engine, config(), true, true, "").unwrap();
        assert_eq!(
            served.iter().map(|served| served.prefix).collect::<Vec<_>>(),
            ["/phonesverification/app/api", "/handset"]
        );
    }
}
