//! The in-process limiter: governor's arithmetic over a table that never grows.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use governor::RateLimiter;
use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};

use crate::clock::Clock;
use crate::limit::steady::SteadyClock;
use crate::limit::{Limit, LimitError, Wait};
use crate::source::Source;

/// Counts requests per [`Source`] in this process, in memory of fixed size.
///
/// There are 65,536 buckets of eight bytes, 512 KiB, however many sources come by. A hash with a random key,
/// fresh in each limiter, assigns sources to buckets; two sources that meet in one share it. That errs on the
/// safe side: a source may be refused because of its neighbour, it never passes because of it. With *n* other
/// sources active within a period, the chance to share is about *n* / 65,536: 1.5 % for a thousand, 14 % for
/// ten thousand; and sharing hurts only if the two together exceed the limit. Nobody can aim at a chosen
/// neighbour without the key; to empty all buckets takes 65,536 × the limit's count of requests per period,
/// and that is a flood no limiter of an application answers. [`Source::UNKNOWN`] has a bucket of its own.
///
/// A limiter is shared by reference between threads; checking takes no lock and allocates nothing. It counts
/// for one process: with *k* processes, up to *k* times the limit passes.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use verify_core::{FakeClock, Limit, Limiter, Source};
///
/// let clock = FakeClock::default();
/// let limiter = Limiter::new(Limit::of(2).per(Duration::from_secs(60)), Arc::new(clock.clone()))?;
/// let source = Source::from("192.0.2.1".parse::<std::net::IpAddr>()?);
///
/// assert!(limiter.check(&source).is_ok());
/// assert!(limiter.check(&source).is_ok());
/// let wait = limiter.check(&source).unwrap_err();
///
/// clock.advance(wait.retry_after());
/// assert!(limiter.check(&source).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Limiter {
    limit: Limit,
    governor: Option<Governor>,
}

type Governor = RateLimiter<Source, Buckets, SteadyClock, NoOpMiddleware<Nanos>>;

impl Limiter {
    /// Makes a limiter with all buckets full. [`Limit::unlimited`] takes no memory and refuses nobody.
    ///
    /// # Errors
    ///
    /// If the limit cannot be kept: see [`LimitError`].
    pub fn new(limit: Limit, clock: Arc<dyn Clock>) -> Result<Self, LimitError> {
        let governor =
            limit.quota()?.map(|quota| Governor::new(quota, Buckets::new(), SteadyClock::new(clock)));
        Ok(Self { limit, governor })
    }

    /// Takes one token from the source's bucket.
    ///
    /// # Errors
    ///
    /// [`Wait`] if the bucket is empty: refuse the request, with 429 and `Retry-After`. A refused check takes
    /// nothing, so hammering does not lengthen the wait.
    pub fn check(&self, source: &Source) -> Result<(), Wait> {
        let Some(governor) = &self.governor else { return Ok(()) };
        governor
            .check_key(source)
            .map_err(|until| Wait::at_least(until.wait_time_from(governor.clock().now())))
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// The fixed table of buckets: as many as a `u16` counts.
struct Buckets {
    key: RandomState,
    known: Box<[InMemoryState]>,
    unknown: InMemoryState,
}

impl Buckets {
    fn new() -> Self {
        Self {
            key: RandomState::new(),
            known: (0..=u16::MAX).map(|_| InMemoryState::default()).collect(),
            unknown: InMemoryState::default(),
        }
    }

    fn of(&self, source: &Source) -> &InMemoryState {
        if source.is_unknown() {
            return &self.unknown;
        }
        let [a, b, ..] = self.key.hash_one(source).to_ne_bytes();
        self.known.get(usize::from(u16::from_ne_bytes([a, b]))).unwrap_or(&self.unknown)
    }
}

impl StateStore for Buckets {
    type Key = Source;

    fn measure_and_replace<T, F, E>(&self, source: &Source, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.of(source).measure_and_replace(&NotKeyed::NonKey, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r70_the_table_has_a_fixed_size_and_a_hash_reaches_all_of_it() {
        let buckets = Buckets::new();
        assert_eq!(buckets.known.len(), 65_536);
        assert_eq!(size_of::<InMemoryState>(), 8);

        let start = buckets.known.as_ptr().addr();
        let reached = (0..1_000_000_u32)
            .map(|n| std::ptr::from_ref(buckets.of(&address(n))).addr() - start)
            .collect::<std::collections::HashSet<_>>();
        // A bucket is missed by all of a million with probability e^-15; 300 of 65,536 would be a miracle.
        assert!(reached.len() > 65_236, "{}", reached.len());
        assert!(reached.iter().all(|offset| *offset < 65_536 * 8));
    }

    #[test]
    fn r69_those_without_an_address_share_no_bucket_with_anybody_else() {
        let buckets = Buckets::new();
        assert!(std::ptr::eq(buckets.of(&Source::UNKNOWN), &raw const buckets.unknown));
        assert!(!(0..100_000).any(|n| std::ptr::eq(buckets.of(&address(n)), &raw const buckets.unknown)));
    }

    #[test]
    fn two_limiters_spread_the_same_sources_differently() {
        let (one, other) = (Buckets::new(), Buckets::new());
        let slot = |buckets: &Buckets, n| {
            std::ptr::from_ref(buckets.of(&address(n))).addr() - buckets.known.as_ptr().addr()
        };
        let same = (0..10_000).filter(|n| slot(&one, *n) == slot(&other, *n)).count();
        assert!(same < 100, "{same} of 10,000 sources lie in the same place");
    }

    fn address(n: u32) -> Source {
        Source::from(std::net::IpAddr::from(n.to_be_bytes()))
    }
}
