//! What events say of a challenge.

use std::sync::Arc;

use crate::audit::{self, Event, EventKind};
use crate::contact::Channel;
use crate::encoding::to_hex;
use crate::engine::{Core, PolicyInfo};
use crate::factor::Factor;

/// A name of a challenge, or of its user, that is worthless to whoever reads it; printed as 16 hexadecimal digits.
pub(super) type Pseudonym = [u8; 8];

/// What events say of a challenge. They are written only where somebody reads them, and counted in any case.
#[derive(Clone)]
pub(super) struct About {
    pub(super) policy: Arc<PolicyInfo>,
    pub(super) factor: Arc<Factor>,
    /// Nothing if its key was dropped meanwhile.
    pub(super) challenge: Option<Pseudonym>,
    pub(super) subject: Pseudonym,
    pub(super) channel: Option<Channel>,
    pub(super) calling_code: u16,
}

impl About {
    pub(super) fn record(&self, core: &Core, kind: EventKind, reason: Option<&'static str>) {
        let listener = core.listener.as_ref();
        if !audit::is_heard(listener) {
            return self.policy.counters.count(kind, self.channel, self.calling_code);
        }
        let event = Event {
            kind,
            at: core.clock.now(),
            policy: Arc::clone(&self.policy.name),
            factor: self.factor.name().to_owned(),
            challenge: self.challenge.map(|challenge| to_hex(&challenge)).unwrap_or_default(),
            subject: to_hex(&self.subject),
            channel: self.channel,
            calling_code: self.calling_code,
            exempt: None,
            reason,
        };
        audit::record(listener, &event);
    }
}
