//! How much may be guessed and sent, counted in the store, so that it holds for all machines together.

use std::time::Duration;

use crate::limit::Backoff;

/// So many in one window. The window opens at the first one and closes as a whole, so at the worst twice the number
/// fits around the seam of two windows; the numbers are chosen with that in mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub(crate) count: u32,
    pub(crate) window: Duration,
}

impl Quota {
    /// At most `count` in each `window`.
    #[must_use]
    pub const fn new(count: u32, window: Duration) -> Self {
        Self { count, window }
    }
}

/// The budgets of one application. What belongs to one challenge (tries, sends, life) is set on its factor.
///
/// ```
/// use std::time::Duration;
/// use verify_core::{Budgets, Quota};
///
/// let budgets = Budgets::default().per_destination([Quota::new(3, Duration::from_secs(3600))]);
/// # let _ = budgets;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Budgets {
    pub(crate) failures: Quota,
    pub(crate) resend: Backoff,
    pub(crate) lockout: Backoff,
    pub(crate) idempotent: Duration,
    pub(crate) per_destination: Vec<Quota>,
    pub(crate) per_source: Vec<Quota>,
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

impl Default for Budgets {
    fn default() -> Self {
        Self {
            failures: Quota::new(15, DAY),
            resend: Backoff::new(Duration::from_secs(30), HOUR),
            lockout: Backoff::new(Duration::from_secs(30), HOUR),
            idempotent: Duration::from_secs(30),
            per_destination: vec![Quota::new(5, HOUR), Quota::new(10, DAY)],
            per_source: vec![Quota::new(10, HOUR)],
        }
    }
}

impl Budgets {
    /// Consecutive wrong guesses of one subject at one factor, over all its challenges, sessions and machines; beyond
    /// it the factor is locked for the rest of the window. A success starts it afresh. Default: 15 in 24 hours, far
    /// below the 100 of NIST SP 800-63B-4, 3.2.2.
    pub fn failures(mut self, quota: Quota) -> Self {
        self.failures = quota;
        self
    }

    /// The wait before the next message of the same challenge. Default: 30 seconds, doubled each time, at most an hour.
    pub fn resend_wait(mut self, backoff: Backoff) -> Self {
        self.resend = backoff;
        self
    }

    /// The wait before a new challenge after one was guessed to death. Default: 30 seconds, doubled with each such
    /// challenge, at most an hour.
    pub fn lockout_wait(mut self, backoff: Backoff) -> Self {
        self.lockout = backoff;
        self
    }

    /// How long a repeated send counts as the same wish: it is answered as the first was and nothing is sent. Default:
    /// 30 seconds. Beyond it, and before the resend wait is over, a send is refused with 429.
    pub fn idempotent_window(mut self, window: Duration) -> Self {
        self.idempotent = window;
        self
    }

    /// Messages to one address, over all subjects. Default: 5 an hour and 10 a day.
    pub fn per_destination(mut self, quotas: impl IntoIterator<Item = Quota>) -> Self {
        self.per_destination = quotas.into_iter().collect();
        self
    }

    /// Messages asked for by one source (an IPv4 address or an IPv6 /64). Default: 10 an hour.
    pub fn per_source(mut self, quotas: impl IntoIterator<Item = Quota>) -> Self {
        self.per_source = quotas.into_iter().collect();
        self
    }
}
