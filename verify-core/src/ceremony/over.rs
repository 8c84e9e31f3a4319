//! Challenges that are known to be guessed to death: what comes to them is answered without asking the store.

use std::sync::atomic::{AtomicU64, Ordering};

/// 32 KiB, whatever happens.
const PLACES: usize = 4096;

/// Remembers the latest locked challenges of this process, in memory of fixed size.
///
/// The store counts each guess for the challenge and for its user in one step. Guesses at a challenge that is over are
/// compared with nothing, so they must not use up the user's budget; this keeps them away from it. What it has forgotten,
/// or another process has locked, is counted once more and then known here too.
#[derive(Debug)]
pub(crate) struct Over {
    places: Box<[AtomicU64]>,
}

impl Default for Over {
    fn default() -> Self {
        Self { places: (0..PLACES).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Over {
    pub(super) fn add(&self, challenge: &[u8; 16]) {
        let (place, mark) = self.place(challenge);
        if let Some(place) = place {
            place.store(mark, Ordering::Relaxed);
        }
    }

    pub(super) fn has(&self, challenge: &[u8; 16]) -> bool {
        let (place, mark) = self.place(challenge);
        place.is_some_and(|place| place.load(Ordering::Relaxed) == mark)
    }

    /// Ids are random: half of one says where its place is, and the other half is its mark, by which two that meet in one place
    /// are told apart.
    fn place(&self, challenge: &[u8; 16]) -> (Option<&AtomicU64>, u64) {
        let mark = challenge.first_chunk().map_or(1, |half| u64::from_ne_bytes(*half).max(1));
        let index = challenge.last_chunk().map_or(0, |half| u64::from_ne_bytes(*half) % PLACES as u64);
        (self.places.get(usize::try_from(index).unwrap_or_default()), mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r46_a_challenge_that_is_over_is_known_and_no_other() {
        let over = Over::default();
        let id = |mark: u64, place: u64| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&mark.to_ne_bytes());
            id[8..].copy_from_slice(&place.to_ne_bytes());
            id
        };
        assert!(!over.has(&id(1, 1)) && !over.has(&[0; 16]));
        over.add(&id(1, 1));
        assert!(over.has(&id(1, 1)));
        assert!((2..PLACES as u64).all(|n| !over.has(&id(n, 1)) && !over.has(&id(1, n))));
        over.add(&id(2, 1));
        assert!(over.has(&id(2, 1)) && !over.has(&id(1, 1)), "the place is the later one's");
    }
}
