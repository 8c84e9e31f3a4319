//! What the server itself spends on derivations.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::altcha::{Algorithm, Parameters};

/// Of each second of one core, what issuing may take: a tenth, in microseconds.
const SHARE: u64 = 10;

/// How far ahead of its share it may be, in microseconds of work: a burst of visitors is no flood.
const AHEAD: u64 = 500_000;

/// Derivations that take memory run two at a time, hence in 128 MiB at most.
const AT_ONCE: u32 = 2;

/// Keeps the derivations that strangers can cause within bounds: those of issuing by their time, and those of checking by
/// their memory.
#[derive(Debug, Default)]
pub(crate) struct Mill {
    /// When what was spent on issuing is paid off, in microseconds since 1970.
    paid_at: AtomicU64,
    at_once: AtomicU32,
}

/// The right to one derivation that takes memory, given back when dropped.
#[derive(Debug)]
pub(super) struct Place<'m>(&'m Mill);

impl Mill {
    /// Whether there is time for one derivation at issue; if so, it is spent.
    pub(super) fn spend(&self, parameters: &Parameters, now_millis: u64) -> bool {
        let now = now_millis.saturating_mul(1000);
        let cost = time_of(parameters).saturating_mul(SHARE);
        let ahead = AHEAD.saturating_mul(SHARE);
        let spend = |paid_at: u64| {
            // After a clock was set back there is nothing to pay off from the time that has not come.
            let paid_at =
                if paid_at > now.saturating_add(ahead).saturating_add(cost) { now } else { paid_at };
            let paid_at = paid_at.max(now);
            (paid_at.saturating_sub(now) < ahead).then(|| paid_at.saturating_add(cost))
        };
        self.paid_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok()
    }

    /// A place for one derivation that takes memory, if one is free.
    pub(super) fn place(&self) -> Option<Place<'_>> {
        let take = |taken: u32| (taken < AT_ONCE).then_some(taken + 1);
        self.at_once.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).ok()?;
        Some(Place(self))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.at_once.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Roughly how long one derivation takes on a server, in microseconds and rather too long than too short.
fn time_of(parameters: &Parameters) -> u64 {
    let cost = u64::from(parameters.cost().get());
    match parameters.algorithm() {
        Algorithm::Sha256 | Algorithm::Sha384 | Algorithm::Sha512 => cost / 5,
        algorithm if algorithm.takes_memory() => {
            let memory = parameters.memory_cost().map_or(1, NonZeroU32::get);
            // About a second for a GiB.
            let bytes = algorithm.memory(parameters.cost().get(), memory);
            let lanes = parameters.parallelism().map_or(1, NonZeroU32::get);
            let times = if algorithm.name() == "ARGON2ID" { cost } else { 2 * u64::from(lanes) };
            bytes.saturating_mul(times) / 1024
        }
        _ => cost / 4,
    }
    .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_767_225_600_000;

    #[test]
    fn captcha_rule_10_issuing_takes_a_tenth_of_a_core_at_most() {
        let mill = Mill::default();
        let parameters = Parameters::new([0; 16], [0; 16]); // 1.25 ms by this count
        let at_once = (0..10_000).filter(|_| mill.spend(&parameters, NOW)).count();
        assert_eq!(at_once, 400, "half a second's work");
        let in_a_minute = (0..60_000).filter(|n| mill.spend(&parameters, NOW + n)).count();
        assert!((4700..=4801).contains(&in_a_minute), "{in_a_minute} in a minute, six seconds' work");
        assert!(mill.spend(&parameters, NOW - 3_600_000), "a clock set back stops nothing");
    }

    #[test]
    fn captcha_rule_08_derivations_that_take_memory_run_two_at_a_time() {
        let mill = Mill::default();
        let (one, two) = (mill.place(), mill.place());
        assert!(one.is_some() && two.is_some() && mill.place().is_none());
        drop(one);
        assert!(mill.place().is_some());
    }
}
