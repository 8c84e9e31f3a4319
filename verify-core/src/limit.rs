//! How often one source may ask: limits, the in-process limiter that keeps them, and how long to wait.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;

pub use self::limiter::Limiter;
pub use self::request_limits::RequestLimits;
pub(crate) use self::shared::SharedLimit;
pub use self::wait::{Backoff, Wait};

mod limiter;
mod request_limits;
mod shared;
mod steady;
mod wait;

/// So many requests in so much time: `Limit::of(5).per(Duration::from_secs(60))`.
///
/// It is a token bucket. A source that was silent may send all 5 at once; from then on one more is granted
/// every 12 seconds, evenly, until the bucket is full again. There is no window that ends for everybody at
/// the same moment. Over any stretch of the period's length, no more than twice the count passes; over a long
/// time, the count per period.
///
/// ```
/// use std::time::Duration;
/// use verify_core::Limit;
///
/// let limit = Limit::of(5).per(Duration::from_secs(60));
/// assert_eq!(format!("{limit:?}"), "Limit(5 per 60s)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    rate: Option<Rate>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Rate {
    count: u32,
    period: Duration,
}

/// Half of a [`Limit`]: the count, waiting for its period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a count is no limit until `per` gives it a period"]
pub struct LimitCount(u32);

/// A limit that cannot be kept. Found when the limiter is built, never while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// `Limit::of(0)`: nobody could ever pass.
    #[error("a limit of zero lets nobody pass: allow at least one request per period")]
    ZeroCount,
    /// `per(Duration::ZERO)`: the rate would be infinite.
    #[error("a limit needs a period longer than zero; for no limit at all, say `Limit::unlimited()`")]
    ZeroPeriod,
    /// A period longer than [`Limit::LONGEST_PERIOD`].
    #[error("a limit's period is at most 365 days: an in-process limiter forgets at every restart anyway")]
    PeriodTooLong,
}

impl Limit {
    /// The longest period, 365 days: far beyond the life of a process, and far below where nanoseconds
    /// overflow.
    pub const LONGEST_PERIOD: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    /// Allows this many requests per period, and as many at once. Zero is refused when the limiter is built.
    pub const fn of(count: u32) -> LimitCount {
        LimitCount(count)
    }

    /// No limit, by name: for tests, benchmarks, and where something in front already limits.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self { rate: None }
    }

    /// Whether this is [`Limit::unlimited`].
    #[must_use]
    pub const fn is_unlimited(&self) -> bool {
        self.rate.is_none()
    }

    /// The count and the period, unless it is no limit.
    pub(crate) const fn pace(self) -> Option<(u32, Duration)> {
        match self.rate {
            Some(Rate { count, period }) => Some((count, period)),
            None => None,
        }
    }

    /// `None` when there is nothing to limit. The interval is rounded up to whole nanoseconds, never in
    /// favour of the sender.
    fn quota(self) -> Result<Option<Quota>, LimitError> {
        let Some(Rate { count, period }) = self.rate else { return Ok(None) };
        let burst = NonZeroU32::new(count).ok_or(LimitError::ZeroCount)?;
        if period > Self::LONGEST_PERIOD {
            return Err(LimitError::PeriodTooLong);
        }
        let refill = period.as_nanos().div_ceil(u128::from(count));
        let refill = u64::try_from(refill).map_err(|_| LimitError::PeriodTooLong)?;
        let quota = Quota::with_period(Duration::from_nanos(refill)).ok_or(LimitError::ZeroPeriod)?;
        Ok(Some(quota.allow_burst(burst)))
    }
}

impl LimitCount {
    /// The time in which an empty bucket fills again; more than zero, and at most [`Limit::LONGEST_PERIOD`].
    #[must_use]
    pub const fn per(self, period: Duration) -> Limit {
        Limit { rate: Some(Rate { count: self.0, period }) }
    }
}

impl std::fmt::Debug for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.rate {
            Some(Rate { count, period }) => write!(f, "Limit({count} per {period:?})"),
            None => f.write_str("Limit(unlimited)"),
        }
    }
}
