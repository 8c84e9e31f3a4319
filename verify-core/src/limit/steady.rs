//! The engine's clock, as governor wants it: nanoseconds since the limiter was made, never backwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use governor::nanos::Nanos;

use crate::clock::Clock;

/// A step back up to this size is waited out: it may be a thread that was stopped between reading and using
/// the time. A larger one is a corrected clock.
const TOLERATED_STEP_BACK: i64 = 60_000_000_000;

/// The high-water mark moves in steps of this size, so that threads do not fight for it at every request.
const GRAIN: i64 = 10_000_000;

/// Makes a wall clock steady.
///
/// A wall clock may be set back. Were its word taken, every bucket would stay empty until the old time came
/// round again: an hour's correction would lock everybody out for an hour. So after a large step back, time
/// goes on from where it was. A step back thus grants nothing, and each step forward grants one full bucket
/// at most, as the passing of that time would.
#[derive(Debug)]
pub(super) struct SteadyClock {
    clock: Arc<dyn Clock>,
    origin: SystemTime,
    /// The latest moment handed out, in nanoseconds since the origin and rounded down to some grain.
    high: AtomicI64,
    /// What is added to the clock's reading because the clock was set back.
    correction: AtomicI64,
}

impl SteadyClock {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let origin = clock.now();
        Self { clock, origin, high: AtomicI64::new(0), correction: AtomicI64::new(0) }
    }

    /// Nanoseconds by the clock's own reading, negative before the origin, saturating after 292 years.
    fn reading(&self) -> i64 {
        let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        match self.clock.now().duration_since(self.origin) {
            Ok(after) => nanos(after),
            Err(before) => nanos(before.duration()).saturating_neg(),
        }
    }

    fn elapsed(&self) -> i64 {
        // The correction is read before the clock: a reading from before a step back can then never be paired
        // with the correction made after it, which would send time far ahead.
        let correction = self.correction.load(Ordering::SeqCst);
        let reading = self.reading();
        let high = self.high.load(Ordering::SeqCst);
        let now = reading.saturating_add(correction);
        if high.saturating_sub(now) > TOLERATED_STEP_BACK {
            let corrected = high.saturating_sub(reading);
            // Whoever comes second finds the clock corrected already.
            let _ =
                self.correction.compare_exchange(correction, corrected, Ordering::SeqCst, Ordering::SeqCst);
        } else if now.saturating_sub(high) >= GRAIN {
            self.high.fetch_max(now, Ordering::SeqCst);
        }
        now.max(high)
    }
}

impl governor::clock::Clock for SteadyClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(u64::try_from(self.elapsed()).unwrap_or(0))
    }
}
