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
    /// When the challenge ends at the latest, in milliseconds since 1970.
    pub(crate) until: Option<u64>,
}

impl Brief {
    /// Of a request that came over the wire.
    pub(super) const NOTHING: &'static Self = {
        static NOTHING: Brief = Brief { budgets: None, to: None, terms: None, words: None, until: None };
        &NOTHING
    };

    /// That moment, or the one at which the caller wants it to end, whichever is first.
    pub(crate) fn ends(&self, moment: u64) -> u64 {
        self.until.map_or(moment, |until| until.min(moment))
    }
}

impl fmt::Debug for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Brief([redacted])")
    }
}
