//! The same request limits for all machines together: counted in the store, in a window that slides.

use std::time::Duration;

use futures_util::future::try_join;

use crate::clock::millis_of;
use crate::facts;
use crate::keys::KeyRing;
use crate::limit::{Limit, Wait};
use crate::source::Source;
use crate::store::{AnyStore, StoreError};

/// Counts the requests of a source over all machines that share a store.
///
/// The store has counters whose window is set when they are made, so one counter alone would let twice the limit pass around
/// the seam of two windows (OWASP, bots). Two of them slide: what the window before counted weighs less and less as the
/// present one goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharedLimit {
    count: u64,
    period: u64,
}

impl SharedLimit {
    pub(crate) fn new(limit: Limit) -> Option<Self> {
        let rate = limit.rate?;
        Some(Self { count: u64::from(rate.count), period: millis_of(rate.period).max(1) })
    }

    /// Counts one request; a [`Wait`] if it is one too many. One round trip.
    pub(crate) async fn check(
        &self,
        store: &AnyStore,
        keys: &KeyRing,
        source: &Source,
        now: u64,
    ) -> Result<Result<(), Wait>, StoreError> {
        let (window, into) = (now / self.period, now % self.period);
        let name = |window: u64| facts::requests(keys.facts(), source, self.period, window);
        let (present, before) = (name(window), name(window.saturating_sub(1)));
        let life = Duration::from_millis(self.period.saturating_mul(2));
        let (present, before) = try_join(store.add(&present, 1, life), store.add(&before, 0, life)).await?;
        let weight = u128::from(before) * u128::from(self.period - into) / u128::from(self.period);
        let counted = u128::from(present) + weight;
        if counted <= u128::from(self.count) {
            return Ok(Ok(()));
        }
        Ok(Err(Wait::at_least(Duration::from_millis(self.period - into))))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::clock::{Clock, FakeClock, unix_millis};
    use crate::store::MemoryStore;

    fn now<F: Future>(future: F) -> F::Output {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("a store in memory waits for nothing"),
        }
    }

    #[test]
    fn e27_a_window_slides_and_a_seam_lets_no_double_burst_pass() {
        let clock = FakeClock::default();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        let keys = KeyRing::parse(&format!("k:{}", "07".repeat(32))).unwrap();
        let limit = SharedLimit::new(Limit::of(10).per(Duration::from_secs(60))).unwrap();
        let source = |n: u8| Source::from(std::net::IpAddr::from([192, 0, 2, n]));
        let ask = |n: u8| {
            now(limit.check(&AnyStore::of(store.clone()), &keys, &source(n), unix_millis(clock.now())))
                .unwrap()
                .is_ok()
        };
        let passes = |n: u8| (0..30).filter(|_| ask(n)).count();
        assert_eq!(passes(1), 10);
        assert_eq!(passes(2), 10, "another source has a limit of its own");
        clock.advance(Duration::from_secs(60));
        assert_eq!(passes(1), 0, "refused requests count too, so hammering does not help");
        clock.advance(Duration::from_secs(180));
        assert_eq!(passes(1), 10);
        // At the very seam: what was let through just before still weighs.
        let seam = FakeClock::default();
        seam.advance(Duration::from_secs(59));
        let store = MemoryStore::builder().clock(seam.clone()).build();
        let ask = || {
            now(limit.check(&AnyStore::of(store.clone()), &keys, &source(3), unix_millis(seam.now())))
                .unwrap()
                .is_ok()
        };
        assert_eq!((0..10).filter(|_| ask()).count(), 10);
        seam.advance(Duration::from_secs(2));
        assert!((0..10).filter(|_| ask()).count() <= 1);
    }

    #[test]
    fn no_limit_is_none() {
        assert!(SharedLimit::new(Limit::unlimited()).is_none());
    }
}
