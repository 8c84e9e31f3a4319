//! How long to wait: told in coarse steps to a client, and growing with each repetition.

use std::time::Duration;

const HOUR: u64 = 60 * 60;

/// The waits that are told, in seconds; beyond the last, whole hours.
const STEPS: [u64; 12] = [1, 2, 5, 10, 15, 30, 60, 2 * 60, 5 * 60, 10 * 60, 30 * 60, HOUR];

/// Too many requests; and how long to hold off, as coarsely as a client may know it.
///
/// An exact wait would tell an attacker the size and the state of the bucket. So it is rounded up to one of
/// 1, 2, 5, 10, 15, 30 seconds, 1, 2, 5, 10, 30 minutes, or whole hours. It is never zero and never earlier
/// than the truth.
///
/// ```
/// use std::time::Duration;
/// use verify_core::Wait;
///
/// let wait = Wait::at_least(Duration::from_millis(11_200));
/// assert_eq!(wait.retry_after(), Duration::from_secs(15));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests: try again in {seconds} seconds")]
pub struct Wait {
    seconds: u64,
}

impl Wait {
    /// Rounds a wait up to the next step. The exact value is not kept.
    #[must_use]
    pub fn at_least(wait: Duration) -> Self {
        let whole = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
        let step = STEPS.into_iter().find(|step| whole <= *step);
        Self { seconds: step.unwrap_or_else(|| whole.div_ceil(HOUR).saturating_mul(HOUR)) }
    }

    /// The value for `Retry-After` (RFC 9110, section 10.2.3): whole seconds, at least one.
    #[must_use]
    pub const fn retry_after(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// A wait that doubles with each repetition, up to a bound: between two deliveries of a code, and after wrong
/// guesses.
///
/// Doubling leaves an honest person who mistyped once nearly undisturbed, and makes the tenth try expensive.
/// The bound keeps a stranger's guesses from locking the rightful owner out for good.
///
/// ```
/// use std::time::Duration;
/// use verify_core::Backoff;
///
/// let backoff = Backoff::default();
/// assert_eq!(backoff.wait(0), Duration::ZERO);
/// assert_eq!(backoff.wait(1), Duration::from_secs(30));
/// assert_eq!(backoff.wait(2), Duration::from_secs(60));
/// assert_eq!(backoff.wait(u32::MAX), Duration::from_secs(3600));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    max: Duration,
}

impl Default for Backoff {
    /// 30 seconds, 1 minute, 2, 4 … up to an hour. Most messages arrive within half a minute, so who asks
    /// sooner usually has one under way; and an hour bounds the harm that a stranger can do.
    fn default() -> Self {
        Self::new(Duration::from_secs(30), Duration::from_secs(HOUR))
    }
}

impl Backoff {
    /// The wait after the first time, and the bound that no wait exceeds, not even the first.
    #[must_use]
    pub const fn new(first: Duration, max: Duration) -> Self {
        Self { first, max }
    }

    /// How long to wait when it has happened `times` times already: zero for none, then `first`, doubled for
    /// each one more, never above the bound. Never overflows.
    #[must_use]
    pub fn wait(&self, times: u32) -> Duration {
        if times == 0 {
            return Duration::ZERO;
        }
        let mut wait = self.first;
        for _ in 1..times {
            if wait.is_zero() || wait >= self.max {
                break;
            }
            wait = wait.saturating_mul(2);
        }
        wait.min(self.max)
    }
}
