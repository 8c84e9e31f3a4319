//! The gateway: hosted verification services' own APIs, served from this process, behind one address.
//!
//! What is served is a list of [`Served`], an API at a prefix each. Both wirings mount the list in one line a piece, and
//! [`Front`] answers everything else.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use verify_compat::resources::DurableResources;
use verify_compat::twilio::TwilioVerifyApi;
use verify_core::{Api, Engine, EngineBuilder, Inbox, KeyRing, Origin, RequestLimits, Store};
use verify_providers::HttpClient;

use crate::inbox::Door;

mod config;
mod error;
mod front;
mod govifi;
mod options;
mod phonesverification;
mod twisto;
mod worldpay;

pub use config::Config;
pub use error::GatewayError;
pub use front::Front;
pub use govifi::{Govifi, Keys};
pub use options::{Framework, Options};

/// An API and where it is served.
#[derive(Clone)]
#[non_exhaustive]
pub struct Served {
    /// Whose API it is, for people.
    pub name: &'static str,
    /// Every path that begins with this, and a slash or nothing behind it, is for the API.
    pub prefix: &'static str,
    /// A line to try it with.
    pub curl: String,
    /// The API.
    pub api: Arc<dyn Api>,
}

/// Everything that the wiring of a framework needs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Gateway {
    /// The APIs, each at a prefix of its own.
    pub served: Vec<Served>,
    /// The index page, the inbox, and an answer to everything else.
    pub front: Front,
}

/// What a gateway stands on.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ground<'g> {
    /// The keys that seal.
    pub keys: KeyRing,
    /// Where facts are kept.
    pub store: Arc<dyn Store>,
    /// The folder of what outlives the process: services, limits, buckets.
    pub data: &'g Path,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether others than this machine may read the inbox.
    danger_open_inbox: bool,
}

impl<'g> Ground<'g> {
    /// Keys, store, the folder for durable resources, and the address.
    #[must_use]
    pub fn new(keys: KeyRing, store: Arc<dyn Store>, data: &'g Path, address: SocketAddr) -> Self {
        Self { keys, store, data, address, danger_open_inbox: false }
    }

    /// Lets others than this machine read the inbox, and so every code. Default: no.
    #[must_use]
    pub fn danger_open_inbox(mut self, is_open: bool) -> Self {
        self.danger_open_inbox = is_open;
        self
    }
}

/// Opens every API that the configuration asks for, over one engine. `couriers` gives that engine whoever delivers in
/// earnest; beside the inbox it refuses to start with one.
///
/// # Errors
/// When a setting makes no sense, or two of them do not go together.
pub fn open(
    config: Config,
    ground: Ground<'_>,
    couriers: impl FnOnce(EngineBuilder) -> EngineBuilder,
) -> Result<Gateway, GatewayError> {
    let Ground { keys, store, data, address, danger_open_inbox } = ground;
    let door = config.inbox.then(|| Door::new(address, danger_open_inbox)).transpose()?;
    let here = format!("http://localhost:{}", address.port());
    let origin = config.origin.as_deref().unwrap_or(&here);
    let mut builder = Engine::builder(keys, Origin::parse(origin)?)
        .site("Gateway")
        .store(store)
        // Whoever calls is an application that has said who it is, and many users' requests come from its address.
        .limits(RequestLimits::unlimited());
    if config.inbox {
        builder = builder.inbox(Inbox::new()).danger_plain_http();
    }
    let engine = couriers(builder).build()?;
    let mut served = Vec::new();
    if let Some(twilio) = config.twilio {
        std::fs::create_dir_all(data)
            .map_err(|source| GatewayError::Data { path: data.to_owned(), source })?;
        let credentials = if config.is_built_in { DEVELOPMENT } else { "ACCOUNT:TOKEN" };
        let api = TwilioVerifyApi::builder(&engine)
            .config(twilio)
            .resources(DurableResources::open(data.join("twilio.redb"))?)
            .fetch(HttpClient::new()?)
            .build()?;
        served.push(Served {
            name: "Twilio Verify v2",
            prefix: "/v2",
            curl: format!("curl -u {credentials} {here}/v2/Services -d FriendlyName=Bank"),
            api: Arc::new(api),
        });
    }
    if let Some(calls) = config.phonesverification {
        served.extend(phonesverification::open(&engine, calls, config.inbox, config.is_built_in, &here)?);
    }
    if let Some(worldpay) = config.worldpay {
        served.extend(worldpay::open(worldpay, &engine, origin, config.is_built_in)?);
    }
    if let Some(twisto) = config.twisto {
        served.push(twisto::open(&engine, twisto, &here, config.is_built_in)?);
    }
    if let Some(govifi) = config.govifi {
        served.push(govifi::open(&engine, govifi, &here, config.is_built_in)?);
    }
    if served.is_empty() {
        return Err(GatewayError::Nothing);
    }
    let front = Front::new(&served, door.map(|door| (engine.endpoints(), door)));
    Ok(Gateway { served, front })
}

/// The account of the configuration that is built in.
const DEVELOPMENT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:secret";

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Served").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use verify_core::{Channel, ConfigError, Courier, CourierError, Delivery, MemoryStore};

    use super::*;

    #[derive(Debug)]
    struct Real;

    #[async_trait]
    impl Courier for Real {
        async fn deliver(&self, _: &Delivery) -> Result<(), CourierError> {
            Ok(())
        }

        fn is_development(&self) -> bool {
            false
        }
    }

    #[test]
    fn r75_the_inbox_is_open_to_this_machine_only_unless_it_is_said_by_name() {
        let open = |address: [u8; 4], is_open| {
            let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
            let ground = Ground::new(
                keys,
                Arc::new(MemoryStore::default()),
                Path::new("no-such-folder"),
                (address, 3900).into(),
            );
            let mut config = Config::read(None).unwrap();
            (config.twilio, config.phonesverification, config.worldpay) = (None, None, None);
            (config.twisto, config.govifi) = (None, None);
            let ground = ground.danger_open_inbox(is_open);
            open(config, ground, std::convert::identity).unwrap_err()
        };
        assert!(matches!(open([0, 0, 0, 0], false), GatewayError::OpenInbox { .. }));
        assert!(matches!(open([192, 168, 0, 7], false), GatewayError::OpenInbox { .. }));
        // What is missing then is an API, which is looked at later.
        assert!(matches!(open([0, 0, 0, 0], true), GatewayError::Nothing));
        assert!(matches!(open([127, 0, 0, 1], false), GatewayError::Nothing));
    }

    #[test]
    fn r75_the_development_configuration_does_not_start_beside_a_real_courier() {
        let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
        let ground = Ground::new(
            keys,
            Arc::new(MemoryStore::default()),
            Path::new("no-such-folder"),
            ([127, 0, 0, 1], 3900).into(),
        );
        let config = Config::read(None).unwrap();
        let refused = open(config, ground, |builder| builder.courier(Channel::Sms, Real)).unwrap_err();
        let beside = GatewayError::Engine(ConfigError::DevelopmentCourierBesideReal);
        assert_eq!(refused.to_string(), beside.to_string());
    }
}
