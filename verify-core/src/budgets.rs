//! How much may be guessed and sent, counted in the store, so that it holds for all machines together.

use std::time::Duration;

use crate::limit::Backoff;

mod spending;

pub(crate) use spending::Spending;
pub use spending::{Conversion, Cost, DailyCap};

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
    pub(crate) block: Option<Duration>,
    pub(crate) permanent_after: Option<u32>,
    pub(crate) resend: Backoff,
    pub(crate) lockout: Backoff,
    pub(crate) lockout_until_expiry: bool,
    pub(crate) idempotent: Duration,
    pub(crate) per_destination: Vec<Quota>,
    pub(crate) per_source: Vec<Quota>,
    pub(crate) spending: Spending,
}

/// Permanent, as far as a store goes: ten years. A counter of successes, or of revocations, must never begin anew while something
/// hangs on it, and its time runs from its first touch.
pub(crate) const PERMANENT: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

impl Default for Budgets {
    fn default() -> Self {
        Self {
            failures: Quota::new(15, DAY),
            block: None,
            permanent_after: None,
            resend: Backoff::new(Duration::from_secs(30), HOUR),
            lockout: Backoff::new(Duration::from_secs(30), HOUR),
            lockout_until_expiry: false,
            idempotent: Duration::from_secs(30),
            per_destination: vec![Quota::new(5, HOUR), Quota::new(10, DAY)],
            per_source: vec![Quota::new(10, HOUR)],
            spending: Spending::default(),
        }
    }
}

impl Budgets {
    /// The numbers for payments in the European Economic Area: five consecutive failures (RTS 2018/389, 4(3)(b)), then a
    /// block of half an hour, and of three blocks within a day the third does not end by itself (4(4)). The rest is as in
    /// [`Budgets::default`]. Use it with [`EngineBuilder::uniform_failures`](crate::EngineBuilder::uniform_failures), and
    /// with [`Policy::idle`](crate::Policy::idle) for access to accounts.
    pub fn psd2() -> Self {
        let half_an_hour = Duration::from_secs(30 * 60);
        Self::default().failures(Quota::new(5, DAY)).block_for(half_an_hour).permanently_after(3)
    }

    /// Blocks a user at a factor for so long when the budget of consecutive failures is used up: neither sends nor answers
    /// count until then, and the budget begins anew after it. Default: no block of its own; the factor is locked for what is
    /// left of the budget's window.
    pub fn block_for(mut self, time: Duration) -> Self {
        self.block = Some(time);
        self
    }

    /// Makes the block that is the n-th within a day one that does not end by itself, but by
    /// [`Engine::unblock`](crate::Engine::unblock). The one before it says so, as
    /// [`EventKind::AboutToBlockPermanently`](crate::EventKind::AboutToBlockPermanently): tell the user then. Default: never.
    /// An engine does not start with it and without [`Budgets::block_for`].
    pub fn permanently_after(mut self, blocks: u32) -> Self {
        self.permanent_after = Some(blocks.max(1));
        self
    }

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

    /// Makes a new challenge wait, after one was guessed to death, at least until that one would have expired. Default: no.
    pub fn lockout_until_expiry(mut self) -> Self {
        self.lockout_until_expiry = true;
        self
    }

    /// Counts nothing beyond what a challenge counts itself (its tries, sends and life): no waits, and no budget of
    /// failures, addresses or sources. For the contract of another's API, whose callers limit strangers themselves.
    pub fn per_challenge_only() -> Self {
        let none = Backoff::new(Duration::ZERO, Duration::ZERO);
        Self {
            failures: Quota::new(u32::MAX, DAY),
            block: None,
            permanent_after: None,
            resend: none,
            lockout: none,
            lockout_until_expiry: false,
            idempotent: Duration::ZERO,
            per_destination: Vec::new(),
            per_source: Vec::new(),
            spending: Spending::default(),
        }
    }

    /// What makes no sense, if anything does not.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let quotas = self.per_destination.iter().chain(&self.per_source).chain(self.spending.quotas());
        if quotas.chain([&self.failures]).any(|quota| quota.window.is_zero()) {
            return Some("a quota's window is longer than nothing, or it counts nothing");
        }
        if self.failures.count == 0 {
            return Some("`failures` allows one at least, or nobody can answer");
        }
        self.spending.fault()
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
