//! The factor behind proofs of work.

use std::time::Duration;

use crate::altcha::Algorithm;
use crate::factor::DEFAULT_AGE;

/// A proof of work in the ALTCHA v2 format, probabilistic mode; made by
/// [`Factor::proof_of_work`](crate::Factor::proof_of_work).
///
/// It prices requests and proves nothing about who makes them: it is no captcha in the strict sense and never
/// stands in for a code.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct WorkFactor {
    pub(crate) name: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) cost: u32,
    pub(crate) prefix: String,
    pub(crate) lives: Duration,
    pub(crate) lasts: Duration,
}

impl WorkFactor {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            algorithm: Algorithm::default(),
            cost: 5000,
            prefix: "00".to_owned(),
            lives: Duration::from_secs(600),
            lasts: DEFAULT_AGE,
        }
    }

    /// The key derivation. Default: PBKDF2 with SHA-256, which a browser computes natively, so that an attacker's
    /// own code gains little over it.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The cost of one derivation (iterations). Default: 5000, about half a millisecond of this server's time for
    /// the one derivation that checks a solution.
    pub fn cost(mut self, cost: u32) -> Self {
        self.cost = cost;
        self
    }

    /// What the derived key has to start with, in lower-case hexadecimal digits: each digit makes the search 16
    /// times longer and the check none. Default: `00`, hence 256 derivations on average.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a challenge can be answered, at most an hour. Default: ten minutes, enough for a slow phone.
    pub fn lives(mut self, life: Duration) -> Self {
        self.lives = life;
        self
    }

    /// How long its proof is good for where a policy does not say `within`. Default: 30 minutes.
    pub fn lasts(mut self, age: Duration) -> Self {
        self.lasts = age;
        self
    }

    pub(crate) fn fault(&self) -> Option<String> {
        let hex = self.prefix.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let fault = if !(1..=1_000_000).contains(&self.cost) {
            "the cost of a proof of work is 1 to 1,000,000"
        } else if !hex || !(1..=8).contains(&self.prefix.len()) {
            "the prefix of a proof of work is 1 to 8 lower-case hexadecimal digits"
        } else if self.lives.is_zero() || self.lives > Duration::from_secs(3600) {
            "a proof of work lives at most an hour"
        } else {
            return None;
        };
        Some(fault.to_owned())
    }
}
