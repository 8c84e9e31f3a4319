//! Clearances that were ended before their time, in this process.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::subject::Subject;

/// Users remembered one by one; beyond it, the moment of the newest entry counts for everybody.
const CAPACITY: usize = 100_000;

/// Since when which user's proofs are void. A process in which nobody was revoked pays one relaxed load a request.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    any: AtomicBool,
    hasher: RandomState,
    register: RwLock<Register>,
}

#[derive(Debug, Default)]
struct Register {
    since: HashMap<u64, u64>,
    /// Proofs up to this moment are void for everybody: what a full register falls back to, closed rather than open.
    everybody: u64,
}

impl Revocations {
    /// Voids what the user has proven up to `now`; entries older than `cap` milliseconds have nothing left to void.
    pub(crate) fn revoke(&self, subject: &Subject<'_>, now: u64, cap: u64) {
        let mut register = self.register.write().unwrap_or_else(PoisonError::into_inner);
        if register.since.len() >= CAPACITY {
            register.since.retain(|_, since| now.saturating_sub(*since) < cap);
        }
        if register.since.len() >= CAPACITY {
            register.since.clear();
            register.everybody = now;
        }
        register.since.insert(self.name(subject), now);
        self.any.store(true, Ordering::Release);
    }

    /// Proofs from this moment or before are void; zero where nothing was revoked.
    pub(crate) fn since(&self, subject: &Subject<'_>) -> u64 {
        if !self.any.load(Ordering::Acquire) {
            return 0;
        }
        let register = self.register.read().unwrap_or_else(PoisonError::into_inner);
        register.since.get(&self.name(subject)).copied().unwrap_or(0).max(register.everybody)
    }

    fn name(&self, subject: &Subject<'_>) -> u64 {
        self.hasher.hash_one((subject.id(), subject.tenant_id(), subject.is_visitor()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r18_a_full_register_forgets_nobody() {
        let revocations = Revocations::default();
        let name = |n: usize| format!("user-{n}");
        for n in 0..=CAPACITY {
            revocations.revoke(&Subject::user(name(n)), 1_000, u64::MAX);
        }
        for n in [0, 1, CAPACITY / 2, CAPACITY] {
            assert_eq!(revocations.since(&Subject::user(name(n))), 1_000);
        }
        assert!(revocations.register.read().unwrap().since.len() <= CAPACITY);
    }
}
