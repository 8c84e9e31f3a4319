//! What events say of a challenge.

use std::sync::Arc;

use crate::audit::{self, Event, EventKind, Pseudonym};
use crate::contact::Channel;
use crate::engine::{Core, PolicyInfo};
use crate::factor::Factor;

/// What events say of a challenge. They are written only where somebody reads them, and counted in any case.
#[derive(Clone)]
pub(super) struct About {
    pub(super) policy: Arc<PolicyInfo>,
    pub(super) factor: Arc<Factor>,
    pub(super) challenge: Pseudonym,
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
        let (name, now) = (&self.policy.name, core.clock.now());
        let event = Event::new(kind, now, name, self.factor.name(), self.subject).of(self.challenge);
        let (channel, calling_code) = (self.channel, self.calling_code);
        audit::record(listener, &Event { channel, calling_code, reason, ..event });
    }
}
