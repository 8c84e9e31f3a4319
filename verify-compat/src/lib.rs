//! The HTTP APIs of hosted verification services, served from your own process: a module and a feature each.
//!
//! Each is an [`Api`](verify_core::Api) over an [`Engine`](verify_core::Engine), which `verify-tower` and `verify-actix`
//! mount in one line. What happens to a challenge is kept in the engine's store, so several processes serve one API; what
//! is configured over an API is kept in [`Resources`](resources::Resources).

#[cfg(any(feature = "twilio", feature = "twisto", feature = "govifi"))]
mod detached;
#[cfg(feature = "govifi")]
pub mod govifi;
#[cfg(any(feature = "twilio", feature = "twisto", feature = "govifi"))]
mod json;
#[cfg(any(feature = "twilio", feature = "twisto", feature = "govifi", feature = "worldpay"))]
mod moment;
#[cfg(any(feature = "twilio", feature = "phonesverification", feature = "govifi"))]
mod outgoing;
#[cfg(feature = "phonesverification")]
pub mod phonesverification;
#[cfg(any(feature = "twilio", feature = "durable", feature = "conformance"))]
pub mod resources;
#[cfg(any(
    feature = "twilio",
    feature = "phonesverification",
    feature = "worldpay",
    feature = "twisto",
    feature = "govifi"
))]
mod secret;
#[cfg(feature = "twilio")]
pub mod twilio;
#[cfg(feature = "twisto")]
pub mod twisto;
#[cfg(feature = "worldpay")]
pub mod worldpay;

#[cfg(any(
    feature = "twilio",
    feature = "phonesverification",
    feature = "worldpay",
    feature = "twisto",
    feature = "govifi"
))]
pub use secret::Secret;
