//! What a caller that runs challenges without a request knows better than the engine.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::budgets::Budgets;
use crate::code::Code;
use crate::contact::{Channel, Contact};
use crate::courier::Message;

/// Writes a message: the channel, the code, and how long it lives.
pub(crate) type Words = Arc<dyn Fn(Channel, &Code, Duration) -> Message + Send + Sync>;

/// Whatever is not given is the engine's own.
#[derive(Clone, Default)]
pub(crate) struct Brief {
    pub(crate) budgets: Option<Arc<Budgets>>,
    /// Whom to deliver to, without a lookup.
    pub(crate) to: Option<Contact>,
    /// A keyed digest of what the challenge is about.
    pub(crate) terms: Option<[u8; 32]>,
    pub(crate) words: Option<Words>,
}

impl Brief {
    /// Of a request that came over the wire.
    pub(super) const NOTHING: &'static Self = {
        static NOTHING: Brief = Brief { budgets: None, to: None, terms: None, words: None };
        &NOTHING
    };
}

impl fmt::Debug for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Brief([redacted])")
    }
}
