//! Ending by hand what a user holds, and what stands against a user.

use crate::audit::{self, Event, EventKind};
use crate::budgets::PERMANENT;
use crate::clock::millis_of;
use crate::engine::Engine;
use crate::engine::presented::SKEW_MILLIS;
use crate::facts;
use crate::store::StoreError;
use crate::subject::Subject;

impl Engine {
    /// Ends every clearance that this user holds, in all sessions, and what a code is worth that was sent before: in this
    /// process at once and until it ends, in other processes and after a restart for gates whose policy
    /// [checks revocations](crate::Policy::checks_revocation). For logout, a changed password or a changed address it is
    /// simpler, and needs no store, to change the subject's [session](Subject::session) or [epoch](Subject::epoch).
    ///
    /// # Errors
    /// When the store could not be told; in this process the clearances are over even then.
    pub async fn revoke(&self, subject: &Subject<'_>) -> Result<(), StoreError> {
        let (core, now) = (&self.core, self.core.now());
        // What another machine has proven may be as much younger as its clock may be ahead.
        let life = millis_of(core.clearance_life).saturating_add(SKEW_MILLIS);
        core.revocations.revoke(subject, now, life);
        let name = facts::revocations(core.keys.facts(), subject);
        let count = core.store.add(&name, 1, PERMANENT).await?;
        core.revocations.count(subject, count);
        Ok(())
    }

    /// Ends the block of a user at a factor, by the factor's name, and begins the count of failures anew: the way back after
    /// a block that does not end by itself (RTS 2018/389, 4(4)). Whoever calls has made sure by other means who asks.
    ///
    /// # Errors
    /// When the store did not answer; some of it may then have been done, and calling again does the rest.
    pub async fn unblock(&self, subject: &Subject<'_>, factor: &str) -> Result<(), StoreError> {
        let core = &self.core;
        let who = facts::Who::of(core.keys.facts(), subject);
        for (factor, policy) in core.registry.named(factor) {
            let facts = facts::SubjectFacts::new(core.keys.facts(), who, factor.tag(), None, None);
            core.store.take(&facts.block()).await?;
            core.store.add(&facts.era(), 1, PERMANENT).await?;
            let subject = facts::short(facts.identity());
            let event = Event::new(EventKind::Unblocked, core.clock.now(), &policy, factor.name(), subject);
            audit::record(core.listener.as_ref(), &event);
        }
        Ok(())
    }
}
