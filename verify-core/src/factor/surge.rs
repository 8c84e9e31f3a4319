//! A price that follows the load.

use std::time::Duration;

use crate::limit::Limit;

/// How the price of a proof of work rises while more of them are asked for than usual; for
/// [`WorkFactor::surge`](super::WorkFactor::surge).
///
/// Up to the pace that it is made with, the price is the factor's own. Beyond it, what was issued too much piles up, and
/// for every pile of the pace's count the price doubles, up to the given multiple; below the pace the pile shrinks, one
/// step per period, and the price with it. So under a flood the price rises until the flood pays for itself or stops,
/// and is back a few periods later.
///
/// What is counted is what is **issued**, solved or not, in this process and for all policies that share the factor:
/// its proof counts for each of them, so a price per policy would be that of the quietest. Give policies that should not
/// share a price a factor each. What was asked is sealed in the ticket, so a raise changes nothing for challenges that
/// are being solved.
///
/// ```
/// use std::time::Duration;
/// use verify_core::{Factor, Limit, Surge};
///
/// let calm = Limit::of(600).per(Duration::from_secs(60));
/// let human = Factor::proof_of_work("human").surge(Surge::above(calm).up_to(16));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Surge {
    calm: Limit,
    most: u32,
}

impl Surge {
    /// The pace that is usual, over which the price rises: up to 16 times, unless [`Surge::up_to`] says otherwise.
    pub const fn above(calm: Limit) -> Self {
        Self { calm, most: 16 }
    }

    /// The largest multiple of the price, from 2 to 1024, rounded down to a power of two. Default: 16, which turns a
    /// second into a quarter of a minute: as much as a visitor who is let in at all may be made to wait.
    pub const fn up_to(mut self, times: u32) -> Self {
        self.most = times;
        self
    }

    /// How often the price may double.
    pub(crate) const fn steps(self) -> u32 {
        match self.most.checked_ilog2() {
            Some(steps) => steps,
            None => 0,
        }
    }

    /// The count and the period of the usual pace.
    pub(crate) const fn pace(self) -> Option<(u32, Duration)> {
        self.calm.pace()
    }

    pub(crate) fn fault(self) -> Option<&'static str> {
        let paced = self.pace().is_some_and(|(count, period)| {
            count > 0 && !period.is_zero() && period <= Duration::from_secs(24 * 3600)
        });
        if !paced {
            Some("a surge is above a count that is not zero in a period of at most a day")
        } else if !(2..=1024).contains(&self.most) {
            Some("a surge goes up to 2 to 1024 times the price")
        } else {
            None
        }
    }
}
