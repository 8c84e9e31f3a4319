//! The client's side, natively: for command-line clients and for tests.

use std::fmt::{self, Debug, Formatter};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::derive::derive;
use super::{Challenge, Parameters, canonical_json, hex};

/// A counter whose key starts with the wanted digits. Whoever holds it may use it, so `Debug` hides the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Solution {
    counter: u32,
    derived_key: String,
}

/// Searches counters from zero to `max_counter`, in order and on this thread; `None` when no key fits.
///
/// With a prefix of `d` digits the expected number of tries is 16 to the power `d`, and one search in 150 takes
/// more than five times that, so leave room.
///
/// ```
/// use verify_core::altcha::{Algorithm, Parameters, solve};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let parameters =
///     Parameters::new([1; 16], [2; 16]).with_algorithm(Algorithm::Sha256).with_cost(1.try_into()?);
/// let solution = solve(&parameters, 100_000).ok_or("unlucky")?;
/// assert!(solution.derived_key().starts_with("00"));
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn solve(parameters: &Parameters, max_counter: u32) -> Option<Solution> {
    (0..=max_counter)
        .map(|counter| Solution { counter, derived_key: hex::encode(&derive(parameters, counter)) })
        .find(|found| found.derived_key.starts_with(parameters.key_prefix()))
}

impl Solution {
    /// The counter that was found.
    #[must_use]
    pub const fn counter(&self) -> u32 {
        self.counter
    }

    /// Its key in lower-case hex.
    #[must_use]
    pub fn derived_key(&self) -> &str {
        &self.derived_key
    }

    /// The text to send back, usually as the form field `altcha`: base64 of challenge and solution. The time taken,
    /// which nobody can check, is left out.
    #[must_use]
    pub fn payload(&self, challenge: &Challenge) -> String {
        STANDARD.encode(canonical_json(&json!({
            "challenge": challenge.to_value(),
            "solution": { "counter": self.counter, "derivedKey": self.derived_key },
        })))
    }
}

impl Debug for Solution {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Solution").finish_non_exhaustive()
    }
}
