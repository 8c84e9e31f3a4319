//! Clearances that were ended before their time, in this process.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::clearance::Proof;
use crate::subject::Subject;

/// Users remembered one by one; beyond it, the moment of the newest entry counts for everybody.
const CAPACITY: usize = 100_000;

/// Which proofs of which user are void. A process in which nobody was revoked pays one relaxed load a request.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    any: AtomicBool,
    hasher: RandomState,
    register: RwLock<Register>,
}

#[derive(Debug, Default)]
struct Register {
    users: HashMap<u64, Revoked>,
    /// Proofs up to this moment are void for everybody: what a full register falls back to, closed rather than open. What was on
    /// its way then is left to the policies that ask the store.
    everybody: u64,
}

/// Which proofs of a user are void: those up to a moment, and those of challenges that were opened when fewer revocations had
/// been counted. The moment holds at once, and without a store; the count holds whatever another machine's clock says, and for
/// what was on its way meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Revoked {
    until: u64,
    count: u64,
}

impl Revoked {
    pub(crate) const fn covers(&self, proof: &Proof) -> bool {
        proof.verified_at <= self.until || self.is_later_than(proof)
    }

    /// Whether the challenge of a proof was open before. What is proven in the moment of a revocation may be proven after it.
    pub(crate) const fn is_later_than(&self, proof: &Proof) -> bool {
        proof.revocations < self.count
    }
}

impl Revocations {
    /// Voids what the user has proven up to `now`; entries older than `life` milliseconds have nothing left to void.
    pub(crate) fn revoke(&self, subject: &Subject<'_>, now: u64, life: u64) {
        let mut register = self.register.write().unwrap_or_else(PoisonError::into_inner);
        let Register { users, everybody } = &mut *register;
        if users.len() >= CAPACITY {
            users.retain(|_, revoked| now.saturating_sub(revoked.until) < life);
        }
        if users.len() >= CAPACITY {
            *everybody =
                users.drain().fold(now.max(*everybody), |newest, (_, revoked)| newest.max(revoked.until));
        }
        let known = users.entry(self.name(subject)).or_default();
        // A clock that was set back does not bring back what was void.
        known.until = known.until.max(now);
        self.any.store(true, Ordering::Release);
    }

    /// Voids what hangs on fewer revocations than the store has counted.
    pub(crate) fn count(&self, subject: &Subject<'_>, count: u64) {
        let mut register = self.register.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = register.users.get_mut(&self.name(subject)) {
            known.count = known.count.max(count);
        }
    }

    /// What the store says now. A store that says less than it did has lost its count, and what hangs on the new one is not to be
    /// void for ever.
    pub(crate) fn heard(&self, subject: &Subject<'_>, count: u64) {
        if count < self.of(subject).count {
            let mut register = self.register.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = register.users.get_mut(&self.name(subject)) {
                known.count = count;
            }
        }
    }

    /// What is void of this user's.
    pub(crate) fn of(&self, subject: &Subject<'_>) -> Revoked {
        if !self.any.load(Ordering::Acquire) {
            return Revoked::default();
        }
        let register = self.register.read().unwrap_or_else(PoisonError::into_inner);
        let known = register.users.get(&self.name(subject)).copied().unwrap_or_default();
        Revoked { until: known.until.max(register.everybody), ..known }
    }

    fn name(&self, subject: &Subject<'_>) -> u64 {
        self.hasher.hash_one((subject.id(), subject.tenant_id(), subject.is_visitor()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::factor::FactorTag;

    fn proof(verified_at: u64, revocations: u64) -> Proof {
        let factor = FactorTag([1; 8]);
        Proof { factor, verified_at, seen_at: verified_at, longest_pause: 0, revocations, binding: None }
    }

    #[test]
    fn r18_a_full_register_forgets_nobody() {
        let revocations = Revocations::default();
        let name = |n: usize| format!("user-{n}");
        for n in 0..=CAPACITY {
            revocations.revoke(&Subject::user(name(n)), 1_000, u64::MAX);
        }
        for n in [0, 1, CAPACITY / 2, CAPACITY] {
            let revoked = revocations.of(&Subject::user(name(n)));
            assert!(revoked.covers(&proof(1_000, 0)) && !revoked.covers(&proof(1_001, 0)), "{n}");
        }
        assert!(revocations.register.read().unwrap().users.len() <= CAPACITY);
    }

    #[test]
    fn r18_a_clock_that_is_set_back_brings_nothing_back() {
        let (revocations, alice) = (Revocations::default(), Subject::user("alice"));
        revocations.revoke(&alice, 2_000, u64::MAX);
        revocations.revoke(&alice, 1_000, u64::MAX);
        assert!(revocations.of(&alice).covers(&proof(2_000, 0)));
        for n in 0..CAPACITY {
            revocations.revoke(&Subject::user(n.to_string()), 500, u64::MAX);
        }
        assert!(revocations.of(&alice).covers(&proof(2_000, 0)), "nor when the register is full");
    }

    #[test]
    fn r18_what_hangs_on_an_earlier_count_is_void_whatever_its_moment() {
        let (revocations, alice) = (Revocations::default(), Subject::user("alice"));
        revocations.revoke(&alice, 1_000, u64::MAX);
        assert!(!revocations.of(&alice).covers(&proof(5_000, 0)), "the store has not said yet");
        for count in [3, 2] {
            revocations.count(&alice, count);
        }
        let revoked = revocations.of(&alice);
        assert!(revoked.covers(&proof(5_000, 2)) && !revoked.covers(&proof(5_000, 3)));
        assert!(revoked.covers(&proof(1_000, 3)));
        revocations.heard(&alice, 3);
        assert_eq!(revocations.of(&alice), revoked);
        revocations.heard(&alice, 0);
        assert!(!revocations.of(&alice).covers(&proof(5_000, 0)), "the store has lost its count");
        assert!(revocations.of(&alice).covers(&proof(1_000, 0)), "and what was proven before stays void");
        assert_eq!(revocations.of(&Subject::user("bob")), Revoked::default());
    }
}
