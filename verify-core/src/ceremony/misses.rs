//! Answers that cost this process, or a vendor's patience, and were wrong: after so many a ticket is worn out.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ceremony::Ceremony;
use crate::refusal::Refusal;

/// 32 KiB, whatever happens.
const PLACES: usize = 4096;

/// Whoever is wrong so often with one captcha or proof of work gets another one.
const MOST: u64 = 20;

/// The part of a place that counts; the rest is the mark of the ticket.
const COUNT: u64 = 0xff;

/// Counts the wrong answers to captchas and proofs of work, by ticket, in memory of fixed size.
///
/// They are counted in this process, since what they cost is this process's time: another one has time of its own. Two
/// tickets that meet in one place begin each other's count anew, which lets a few more through and keeps nobody out.
#[derive(Debug)]
pub(crate) struct Misses {
    hasher: RandomState,
    places: Box<[AtomicU64]>,
}

impl Default for Misses {
    fn default() -> Self {
        Self { hasher: RandomState::new(), places: (0..PLACES).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Misses {
    pub(super) fn add(&self, ticket: &[u8; 16]) {
        let (place, mark) = self.place(ticket);
        if let Some(place) = place {
            let count = |known: u64| {
                let before = if known & !COUNT == mark { known & COUNT } else { 0 };
                Some(mark | (before + 1).min(COUNT))
            };
            let _ = place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count);
        }
    }

    fn has_worn_out(&self, ticket: &[u8; 16]) -> bool {
        let (place, mark) = self.place(ticket);
        let known = place.map_or(0, |place| place.load(Ordering::Relaxed));
        known & !COUNT == mark && known & COUNT >= MOST
    }

    /// Ids are random, so half of one serves as its mark.
    fn place(&self, ticket: &[u8; 16]) -> (Option<&AtomicU64>, u64) {
        let mark = ticket.first_chunk().map_or(0, |half| u64::from_ne_bytes(*half)) & !COUNT;
        let index = usize::try_from(self.hasher.hash_one(ticket) % PLACES as u64).unwrap_or_default();
        (self.places.get(index), mark)
    }
}

impl Ceremony<'_> {
    /// Refuses a ticket that was answered wrongly too often, before its answer costs anything.
    pub(super) fn refuse_worn_out(&self) -> Result<(), Refusal> {
        if self.core.misses.has_worn_out(&self.ticket.id) { Err(Refusal::Locked) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captcha_rule_29_a_ticket_wears_out_and_no_other_with_it() {
        let misses = Misses::default();
        let id = |n: u32| {
            let mut id = [9; 16];
            id[..4].copy_from_slice(&n.to_be_bytes());
            id
        };
        for n in 0..MOST {
            assert!(!misses.has_worn_out(&id(1)), "{n}");
            misses.add(&id(1));
        }
        assert!(misses.has_worn_out(&id(1)));
        assert!((2..10_000).all(|n| !misses.has_worn_out(&id(n))));
        for _ in 0..1000 {
            misses.add(&id(1));
        }
        assert!(misses.has_worn_out(&id(1)), "the count does not run over");
    }
}
