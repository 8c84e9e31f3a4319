//! Time, as the engine sees it: injected, so that a test can turn it and nothing ever sleeps.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the time to the engine, its stores and its limiters.
///
/// Every expiry is sealed as an absolute moment and compared with this clock; the time-to-live that a store is
/// given is only there to collect garbage. All machines of one deployment should agree within a second or two
/// (NTP): a clock that runs ahead ends challenges early, one that runs behind ends them late.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> SystemTime;

    /// The same in milliseconds since 1970, which the engine asks for with each request. A clock that has it for less than
    /// [`Clock::now`] takes can say so; a moment before 1970 reads as zero.
    fn unix_millis(&self) -> u64 {
        unix_millis(self.now())
    }
}

/// The machine's own clock: the default everywhere.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemClock;

impl Clock for SystemClock {
    /// On Linux, the moment of the kernel's last tick, one to ten milliseconds ago: it is asked with each request, and the
    /// exact one takes four times as long.
    fn now(&self) -> SystemTime {
        last_tick().map_or_else(exact, |since| UNIX_EPOCH + since)
    }

    fn unix_millis(&self) -> u64 {
        last_tick().map_or_else(|| unix_millis(exact()), millis_of)
    }
}

/// The time from 1970 to the kernel's last tick.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn last_tick() -> Option<Duration> {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_REALTIME_COARSE).ok().map(Duration::from)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
const fn last_tick() -> Option<Duration> {
    None
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
fn exact() -> SystemTime {
    SystemTime::now()
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> SystemTime {
        (**self).now()
    }

    fn unix_millis(&self) -> u64 {
        (**self).unix_millis()
    }
}

/// A clock that stands still until it is told to move; clones share the same hands.
///
/// ```
/// use std::time::Duration;
/// use verify_core::{Clock, FakeClock};
///
/// let clock = FakeClock::default();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(300));
/// assert_eq!(clock.now(), before + Duration::from_secs(300));
/// ```
#[derive(Clone, Debug)]
pub struct FakeClock {
    millis: Arc<AtomicU64>,
}

impl Default for FakeClock {
    /// Stands at 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self { millis: Arc::new(AtomicU64::new(1_767_225_600_000)) }
    }
}

impl FakeClock {
    /// Moves the hands forward; whole milliseconds count, the rest is dropped.
    pub fn advance(&self, by: Duration) {
        self.millis.fetch_add(millis_of(by), Ordering::SeqCst);
    }

    /// Moves the hands back, as a machine whose clock is corrected would.
    pub fn turn_back(&self, by: Duration) {
        self.millis.fetch_sub(millis_of(by), Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.millis.load(Ordering::SeqCst))
    }
}

/// Milliseconds since 1970; a clock before that reads as zero.
pub(crate) fn unix_millis(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, millis_of)
}

/// Whole milliseconds, saturating. Without the 128 bits of `as_millis`: it is asked with each request.
pub(crate) const fn millis_of(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1000).saturating_add(duration.subsec_millis() as u64)
}
