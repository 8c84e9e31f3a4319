//! A circuit breaker: a service that is down is left alone for a while.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use verify_core::{Clock, SystemClock};

/// Stops calling a service that fails, so that requests do not wait for it one by one (OWASP ASVS 16.5.2).
///
/// | state | what it lets through | until |
/// |---|---|---|
/// | closed | everything | 5 failures in a row |
/// | open | nothing: it fails at once | 30 seconds have passed |
/// | half open | one call, to see | that call succeeds (closed) or fails (open again) |
///
/// Both numbers can be set. A success in between begins the count anew. What a service refuses is a success: it is there,
/// and so is one that wants fewer requests (429).
/// Clones are one breaker; every courier of this crate has one of its own.
///
/// ```
/// use std::time::Duration;
/// use verify_core::FakeClock;
/// use verify_providers::CircuitBreaker;
///
/// let clock = FakeClock::default();
/// let breaker = CircuitBreaker::default().after(2).pause(Duration::from_secs(10)).clock(clock.clone());
/// breaker.enter().unwrap().failed();
/// breaker.enter().unwrap().failed();
/// assert!(breaker.enter().is_none(), "open");
///
/// clock.advance(Duration::from_secs(10));
/// let trial = breaker.enter().unwrap();
/// assert!(breaker.enter().is_none(), "one at a time");
/// trial.succeeded();
/// assert!(breaker.enter().is_some());
/// ```
#[derive(Clone)]
pub struct CircuitBreaker {
    state: Arc<Mutex<State>>,
    clock: Arc<dyn Clock>,
    most: u32,
    pause: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: SystemTime },
    HalfOpen,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            state: Arc::new(Mutex::new(State::Closed { failures: 0 })),
            clock: Arc::new(SystemClock::default()),
            most: 5,
            pause: Duration::from_secs(30),
        }
    }
}

impl CircuitBreaker {
    /// How many failures in a row open it. Default: 5, more than one bad moment and fewer than a minute of waiting visitors.
    #[must_use]
    pub const fn after(mut self, failures: u32) -> Self {
        self.most = if failures == 0 { 1 } else { failures };
        self
    }

    /// How long it stays open before it tries. Default: 30 seconds, in which a service comes back if it was restarted.
    #[must_use]
    pub const fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Tells the time. Default: the machine's clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Whether the service may be called now. Say of the permit how the call went. One that is dropped says nothing: whoever
    /// was waiting gave up, and must not close the service to everybody else by hanging up. If it was the trial, the next call
    /// is.
    #[must_use]
    pub fn enter(&self) -> Option<Permit> {
        let mut state = self.state();
        let is_trial = match *state {
            State::Closed { .. } => false,
            State::Open { until } if self.clock.now() >= until => {
                *state = State::HalfOpen;
                true
            }
            State::Open { .. } | State::HalfOpen => return None,
        };
        drop(state);
        Some(Permit { breaker: self.clone(), is_trial })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self) {
        let mut state = self.state();
        let failures = match *state {
            State::Closed { failures } => failures.saturating_add(1),
            State::HalfOpen => self.most,
            // A call from before it opened.
            State::Open { .. } => return,
        };
        *state = if failures < self.most {
            State::Closed { failures }
        } else {
            State::Open { until: self.clock.now() + self.pause }
        };
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker").field("state", &*self.state()).finish_non_exhaustive()
    }
}

/// Leave to call a service once; see [`CircuitBreaker::enter`].
#[derive(Debug)]
#[must_use = "say how the call went"]
pub struct Permit {
    breaker: CircuitBreaker,
    /// Whether it is the one call of a breaker that is half open, and nothing was said of it yet.
    is_trial: bool,
}

impl Permit {
    /// The service answered, whatever it said.
    pub fn succeeded(mut self) {
        self.is_trial = false;
        let mut state = self.breaker.state();
        // A late answer from before it opened does not close it: the trial does.
        if !matches!(*state, State::Open { .. }) {
            *state = State::Closed { failures: 0 };
        }
    }

    /// It did not, or only that it cannot.
    pub fn failed(mut self) {
        self.is_trial = false;
        self.breaker.fail();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.breaker.state();
        if self.is_trial && *state == State::HalfOpen {
            *state = State::Open { until: self.breaker.clock.now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use verify_core::FakeClock;

    use super::*;

    fn breaker() -> (CircuitBreaker, FakeClock) {
        let clock = FakeClock::default();
        (CircuitBreaker::default().after(3).clock(clock.clone()), clock)
    }

    #[test]
    fn o15_it_opens_after_failures_in_a_row_only() {
        let (breaker, _) = breaker();
        for _ in 0..10 {
            breaker.enter().unwrap().failed();
            breaker.enter().unwrap().failed();
            breaker.enter().unwrap().succeeded();
        }
        for _ in 0..3 {
            breaker.enter().unwrap().failed();
        }
        assert!(breaker.enter().is_none());
    }

    #[test]
    fn o15_a_failed_trial_opens_it_again_for_as_long() {
        let (breaker, clock) = breaker();
        for _ in 0..3 {
            breaker.enter().unwrap().failed();
        }
        clock.advance(Duration::from_secs(29));
        assert!(breaker.enter().is_none());
        clock.advance(Duration::from_secs(1));
        breaker.enter().unwrap().failed();
        assert!(breaker.enter().is_none());
        clock.advance(Duration::from_secs(30));
        breaker.enter().unwrap().succeeded();
        assert_eq!(*breaker.state(), State::Closed { failures: 0 });
    }

    /// Whoever hangs up says nothing about the service: neither that it is down, nor that it is up.
    #[test]
    fn o15_who_gives_up_gives_no_verdict() {
        let (breaker, clock) = breaker();
        for _ in 0..100 {
            drop(breaker.enter().unwrap());
        }
        breaker.enter().unwrap().failed();
        breaker.enter().unwrap().failed();
        drop(breaker.enter().unwrap());
        assert_eq!(*breaker.state(), State::Closed { failures: 2 });
        let late = breaker.enter().unwrap();
        breaker.enter().unwrap().failed();
        assert!(breaker.enter().is_none());
        clock.advance(Duration::from_secs(30));
        let trial = breaker.enter().unwrap();
        drop(late);
        assert!(breaker.enter().is_none(), "the trial is under way");
        drop(trial);
        let next = breaker.enter().expect("without another pause");
        assert!(breaker.enter().is_none(), "one at a time");
        next.failed();
        assert!(breaker.enter().is_none(), "open again");
    }

    #[test]
    fn o15_a_late_success_does_not_close_it() {
        let (breaker, _) = breaker();
        let late = breaker.enter().unwrap();
        for _ in 0..3 {
            breaker.enter().unwrap().failed();
        }
        late.succeeded();
        assert!(breaker.enter().is_none());
    }

    /// Hundreds of rounds: of any number that come when the pause is over, one goes to see.
    #[test]
    fn o15_one_trial_of_many_threads() {
        for _ in 0..300 {
            let (breaker, clock) = breaker();
            for _ in 0..3 {
                breaker.enter().unwrap().failed();
            }
            clock.advance(Duration::from_secs(30));
            let permits: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| breaker.enter())).collect();
                threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(permits.len(), 1);
            permits.into_iter().for_each(Permit::succeeded);
        }
    }
}
