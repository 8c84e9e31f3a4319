//! The gateway: hosted verification services' own APIs, served from this process, behind one address.
//!
//! What is served is a list of [`Served`], an API at a prefix each. Both wirings mount the list in one line a piece, and
//! [`Front`] answers everything else.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use verify_core::{Api, Inbox, KeyRing, Store};

mod config;
mod front;
mod options;

pub use config::{Config, GatewayError};
pub use front::Front;
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
}

impl<'g> Ground<'g> {
    /// Keys, store, the folder for durable resources, and the address.
    #[must_use]
    pub fn new(keys: KeyRing, store: Arc<dyn Store>, data: &'g Path, address: SocketAddr) -> Self {
        Self { keys, store, data, address }
    }
}

/// Opens every API that the configuration asks for.
///
/// # Errors
/// When a setting makes no sense, or two of them do not go together.
pub fn open(config: &Config, ground: &Ground<'_>) -> Result<Gateway, GatewayError> {
    let inbox = config.inbox.then(Inbox::new);
    let served = Vec::new();
    if served.is_empty() {
        return Err(GatewayError::Nothing);
    }
    let front = Front::new(&served, inbox, ground.address)?;
    Ok(Gateway { served, front })
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Served").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
