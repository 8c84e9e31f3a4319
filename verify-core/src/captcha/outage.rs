//! What follows when a captcha's vendor is down.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::captcha::CaptchaVerifier;

/// For how long a vendor that gave no answer is taken to be down: half a minute. Then it is tried anew.
const DOWN_MILLIS: u64 = 30_000;

/// No more often than this a visitor's word that a captcha does not load makes us ask its vendor.
const PROBE_MILLIS: u64 = 5_000;

/// What happens to a visitor when a captcha's vendor cannot be asked: it times out, answers with 500, or not in its own
/// language. Wrong keys are no outage, and neither is a vendor that is asked too often or a client of ours
/// that is [busy](crate::CaptchaErrorKind::Busy): they are refused, whatever stands here.
///
/// ```
/// use verify_core::Outage;
///
/// assert_eq!(Outage::default(), Outage::Closed);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outage {
    /// Nobody passes: 503 with `Retry-After`. The default.
    #[default]
    Closed,
    /// What comes after it in its [`first_of`](crate::first_of) is asked for, until the vendor answers again. A visitor's word
    /// is not enough: this server has to have asked the vendor in vain.
    Fallback,
    /// Everybody who answers passes, unasked, and each time an [event](crate::EventKind::PassedUnchecked) and its metric say
    /// so. Whoever can keep this server from reaching the vendor gets in: for routes where that is better than
    /// nobody getting in.
    Open,
}

/// The line to a vendor, and whether it is up as far as this process knows.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) verifier: Arc<dyn CaptchaVerifier>,
    down_until: AtomicU64,
    probe_at: AtomicU64,
}

impl Line {
    pub(crate) fn to(verifier: impl CaptchaVerifier) -> Self {
        Self { verifier: Arc::new(verifier), down_until: AtomicU64::new(0), probe_at: AtomicU64::new(0) }
    }

    pub(crate) fn is_down(&self, now: u64) -> bool {
        let until = self.down_until.load(Ordering::Relaxed);
        // A clock that was set back must not make an outage of half a minute one of an hour.
        now < until && until - now <= DOWN_MILLIS
    }

    pub(crate) fn went_down(&self, now: u64) {
        self.down_until.store(now.saturating_add(DOWN_MILLIS), Ordering::Relaxed);
    }

    pub(crate) fn came_up(&self) {
        self.down_until.store(0, Ordering::Relaxed);
    }

    /// Whether it is this caller's turn to find out.
    pub(crate) fn may_probe(&self, now: u64) -> bool {
        let next = now.saturating_add(PROBE_MILLIS);
        let due = |at: u64| (at <= now || at > next).then_some(next);
        self.probe_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok()
    }
}
