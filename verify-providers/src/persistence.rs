//! How often a message is tried: a few times, quickly, while its code lives, and never once it may have left.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use verify_core::{Clock, CourierError, CourierErrorKind, Delivery, SystemClock};

use crate::CircuitBreaker;

/// What one try came to.
#[derive(Debug)]
pub(crate) enum Try {
    /// The service has taken it. That is never tried again.
    Taken,
    /// It will never take it.
    Refused(CourierError),
    /// It surely has not taken it, or knows the message by its id if it has: the same message may be sent again, after so
    /// long if the service said.
    Again(CourierError, Option<Duration>),
    /// It wants fewer messages: it is there, and surely has not taken this one.
    #[cfg_attr(
        not(any(feature = "webhook", feature = "twilio-sms")),
        expect(dead_code, reason = "what speaks no HTTP has no word for it")
    )]
    Throttled(CourierError, Option<Duration>),
    /// It was not asked, for all the requests of ours that are under way: that says nothing about it.
    #[cfg_attr(
        not(any(feature = "webhook", feature = "twilio-sms")),
        expect(dead_code, reason = "what speaks no HTTP has connections of its own")
    )]
    Queued(CourierError),
    /// Nobody knows. A second message would be one too many.
    #[cfg_attr(
        not(any(feature = "smtp", feature = "twilio-sms")),
        expect(dead_code, reason = "the receiver of a webhook knows every message by its id")
    )]
    Unsure(CourierError),
    /// It is not set up to take it.
    Misconfigured(CourierError),
}

/// The settings that all couriers share.
#[derive(Clone)]
pub(crate) struct Persistence {
    pub(crate) tries: u32,
    pub(crate) pause: Duration,
    pub(crate) deadline: Duration,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Default for Persistence {
    fn default() -> Self {
        Self {
            tries: 3,
            pause: Duration::from_millis(300),
            // Less than the 10 seconds that an engine waits.
            deadline: Duration::from_secs(8),
            breaker: CircuitBreaker::default(),
            clock: Arc::new(SystemClock::default()),
        }
    }
}

impl Persistence {
    /// Tries until it is taken, refused or nobody knows; until the tries are used up, the deadline is there or the code is
    /// dead.
    pub(crate) async fn deliver<F: Future<Output = Try>>(
        &self,
        delivery: &Delivery,
        once: impl Fn() -> F,
    ) -> Result<(), CourierError> {
        let until = Instant::now() + self.deadline;
        let mut last = None;
        for number in 1..=self.tries.max(1) {
            // What is worthless is not sent, however late that turns out.
            if self.clock.now() >= delivery.expires_at() {
                return Err(last.unwrap_or_else(|| unavailable("the code is over")));
            }
            let Some(permit) = self.breaker.enter() else {
                return Err(
                    last.unwrap_or_else(|| unavailable("the service failed just now; it is left alone"))
                );
            };
            // Whatever is under way is dropped at the deadline, so nothing goes on behind the caller's back. Whoever drops
            // all of this before has no word to say about the service.
            let Ok(tried) = tokio::time::timeout_at(until, once()).await else {
                permit.failed();
                return Err(unavailable("no answer in time"));
            };
            let (error, wait) = match tried {
                Try::Taken => {
                    permit.succeeded();
                    return Ok(());
                }
                Try::Refused(error) => {
                    permit.succeeded();
                    return Err(error);
                }
                Try::Unsure(error) => {
                    permit.failed();
                    return Err(error);
                }
                Try::Misconfigured(error) => {
                    permit.succeeded();
                    tracing::error!(target: "verify", "a courier is not set up for its service: {error:?}");
                    return Err(error);
                }
                Try::Again(error, wait) => {
                    permit.failed();
                    (error, wait)
                }
                Try::Throttled(error, wait) => {
                    permit.succeeded();
                    (error, wait)
                }
                Try::Queued(error) => {
                    // It was not asked: if this was the trial of a breaker that is half open, the next call is.
                    drop(permit);
                    (error, None)
                }
            };
            let wait = wait.unwrap_or_else(|| self.pause.saturating_mul(1 << (number - 1).min(8)));
            // Nobody waits for a try that will not be.
            if number >= self.tries || wait >= until.saturating_duration_since(Instant::now()) {
                return Err(error);
            }
            last = Some(error);
            tokio::time::sleep(wait).await;
        }
        Err(last.unwrap_or_else(|| unavailable("it was not tried")))
    }
}

/// An error that says no more than this.
pub(crate) fn unavailable(what: &'static str) -> CourierError {
    CourierError::new(CourierErrorKind::Unavailable).with_source(what)
}

impl fmt::Debug for Persistence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tries, pause, deadline, breaker, .. } = self;
        f.debug_struct("Persistence")
            .field("tries", tries)
            .field("pause", pause)
            .field("deadline", deadline)
            .field("breaker", breaker)
            .finish_non_exhaustive()
    }
}

/// The setters that every courier has.
macro_rules! persistent {
    ($courier:ident) => {
        impl $courier {
            /// How often one message is tried, as long as it surely has not left. Default: 3.
            #[must_use]
            pub const fn tries(mut self, tries: u32) -> Self {
                self.persistence.tries = tries;
                self
            }

            /// How long to wait before the second try, and twice as long each time. Default: 300 ms.
            #[must_use]
            pub const fn pause(mut self, pause: std::time::Duration) -> Self {
                self.persistence.pause = pause;
                self
            }

            /// How long all tries together may take. Default: 8 seconds, less than an engine waits.
            #[must_use]
            pub const fn deadline(mut self, deadline: std::time::Duration) -> Self {
                self.persistence.deadline = deadline;
                self
            }

            /// The breaker. Default: one of its own, as [`CircuitBreaker`](crate::CircuitBreaker) says.
            #[must_use]
            pub fn breaker(mut self, breaker: crate::CircuitBreaker) -> Self {
                self.persistence.breaker = breaker;
                self
            }

            /// Tells whether a code is still alive. Default: the machine's clock.
            #[must_use]
            pub fn clock(mut self, clock: impl verify_core::Clock) -> Self {
                self.persistence.clock = std::sync::Arc::new(clock);
                self
            }
        }
    };
}

pub(crate) use persistent;
