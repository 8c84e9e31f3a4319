//! The clearances that a request presents, and what is proven by them.

use crate::clearance::{self, Proof};
use crate::clock::millis_of;
use crate::engine::Core;
use crate::request::RequestView;
use crate::subject::Subject;

/// How far ahead another machine's clock may be before its proofs are refused.
pub(crate) const SKEW_MILLIS: u64 = 30_000;

impl Core {
    /// Whether one of the clearances that a request presents is enough: a browser's cookie, or else one in a field of its own,
    /// which is not looked for before.
    pub(crate) fn any_clearance(
        &self,
        view: &impl RequestView,
        mut is_enough: impl FnMut(&[u8]) -> bool,
    ) -> bool {
        self.cookies.clearance(view).is_some_and(&mut is_enough)
            || view.headers("challenge-clearance").take(4).any(is_enough)
    }

    /// Hands every live proof of all of them to `visit`.
    pub(crate) fn proofs(
        &self,
        view: &impl RequestView,
        subject: &Subject<'_>,
        now: u64,
        mut visit: impl FnMut(&Proof),
    ) {
        self.any_clearance(view, |token| {
            self.proofs_of(token, subject, now, &mut visit);
            false
        });
    }

    /// Hands every live proof of one clearance to `visit`, if it is genuine. Allocates nothing and does no I/O.
    pub(crate) fn proofs_of(
        &self,
        token: &[u8],
        subject: &Subject<'_>,
        now: u64,
        mut visit: impl FnMut(&Proof),
    ) {
        let revoked = self.revocations.of(subject);
        let oldest = now.saturating_sub(millis_of(self.clearance_life));
        clearance::read(&self.keys, subject, token, |proof| {
            // A proof as old as the cap is over, and one from the future is somebody's broken clock.
            let is_alive = proof.verified_at > oldest && proof.verified_at <= now.saturating_add(SKEW_MILLIS);
            if is_alive && !revoked.covers(proof) {
                visit(proof);
            }
        });
    }
}
