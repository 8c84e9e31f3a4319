//! Telling an operator that the addresses of clients cannot be what they seem.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::request::RequestView;
use crate::source::ClientIp;

/// Warns, once in the life of a process, where all clients are counted as one: the budgets per source are then those of
/// the whole site, and a handful of visitors would use them up for everybody.
pub(crate) fn doubt(client_ip: &ClientIp, request: &impl RequestView) {
    static NO_PEER: Once = Once::new();
    static PROXIED: Once = Once::new();
    /// A proxy shows with the first requests, and each look takes as long as another part of the answer.
    const LOOKS: u32 = 1_000;
    static LOOKED: AtomicU32 = AtomicU32::new(0);
    if *client_ip != ClientIp::Peer || LOOKED.load(Ordering::Relaxed) >= LOOKS {
        return;
    }
    LOOKED.fetch_add(1, Ordering::Relaxed);
    if request.peer().is_none() {
        NO_PEER.call_once(|| {
            tracing::warn!(
                target: "verify",
                "no client has an address, so all of them share one budget: serve with `into_make_service_with_connect_info::<SocketAddr>()`, put a `Peer` into the extensions, or set `EngineBuilder::client_ip`"
            );
        });
    } else if ["x-forwarded-for", "forwarded"].iter().any(|name| request.headers(name).next().is_some()) {
        PROXIED.call_once(|| {
            tracing::warn!(
                target: "verify",
                "a proxy seems to stand in front, so all of its clients share one budget: name it with `EngineBuilder::client_ip(ClientIp::forwarded_by(..))`; if there is none, a client pretends"
            );
        });
    }
}
