//! How many slots there may be, over all bins.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many slots there may be, and are.
pub(super) struct Places {
    taken: AtomicUsize,
    capacity: usize,
}

impl Places {
    pub(super) const fn new(capacity: usize) -> Self {
        Self { taken: AtomicUsize::new(0), capacity }
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Takes one place; says whether there was one left.
    pub(super) fn occupy(&self) -> bool {
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                (taken < self.capacity).then(|| taken.saturating_add(1))
            })
            .is_ok()
    }

    /// Gives back so many of those that were taken.
    pub(super) fn vacate(&self, number: usize) {
        self.taken.fetch_sub(number, Ordering::Relaxed);
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} taken", self.taken(), self.capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_as_there_are() {
        let places = Places::new(2);
        assert!(places.occupy() && places.occupy());
        assert!(!places.occupy() && !places.occupy());
        assert_eq!(format!("{places:?}"), "2 of 2 taken");
        places.vacate(2);
        assert_eq!(places.taken(), 0);
        assert!(places.occupy());
    }
}
