//! The client's side of the first format, natively.

use std::fmt::{self, Debug, Formatter};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::super::canonical_json;
use super::Challenge;

/// The number that was hashed. Whoever holds it may use it, so `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Solution {
    number: u64,
}

impl Challenge {
    /// Searches numbers from zero to `max_number`, in order and on this thread; `None` when it is none of them.
    #[must_use]
    pub fn solve(&self, max_number: u64) -> Option<Solution> {
        (0..=max_number)
            .find(|number| self.algorithm.digest(&self.salt, *number) == self.challenge)
            .map(|number| Solution { number })
    }
}

impl Solution {
    /// The number that was found.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The text to send back, usually as the form field `altcha`: base64 of challenge and number. The time taken, which
    /// nobody can check, is left out.
    #[must_use]
    pub fn payload(&self, challenge: &Challenge) -> String {
        STANDARD.encode(canonical_json(&json!({
            "algorithm": challenge.algorithm.name(),
            "challenge": challenge.challenge,
            "number": self.number,
            "salt": challenge.salt,
            "signature": challenge.signature,
        })))
    }
}

impl Debug for Solution {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Solution").finish_non_exhaustive()
    }
}
