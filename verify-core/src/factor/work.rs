//! The factor behind proofs of work.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::altcha::{Algorithm, Parameters, v1};
use crate::factor::{DEFAULT_AGE, Surge};

/// What the server sets aside for one derivation at most: 64 MiB.
const MOST_MEMORY: u64 = 64 << 20;

/// A larger number of the first format is no puzzle any more, but a punishment: a browser tries it for an hour.
const MOST_NUMBER: u64 = 1 << 30;

/// A proof of work in an ALTCHA format; made by [`Factor::proof_of_work`](crate::Factor::proof_of_work).
///
/// It prices requests and proves nothing about who makes them: it is no captcha in the strict sense and never
/// stands in for a code.
///
/// What is asked is said here and nowhere else: it travels sealed in the ticket, and nothing that a client sends can make
/// it cheaper.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct WorkFactor {
    pub(crate) name: String,
    pub(crate) first: Option<(v1::Algorithm, u32)>,
    pub(crate) algorithm: Algorithm,
    pub(crate) cost: Option<u32>,
    pub(crate) memory_cost: Option<u32>,
    pub(crate) parallelism: Option<u32>,
    pub(crate) prefix: Option<String>,
    pub(crate) counters: Option<RangeInclusive<u32>>,
    pub(crate) surge: Option<Surge>,
    pub(crate) lives: Duration,
    pub(crate) lasts: Duration,
}

impl WorkFactor {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            first: None,
            algorithm: Algorithm::default(),
            cost: None,
            memory_cost: None,
            parallelism: None,
            prefix: None,
            counters: None,
            surge: None,
            lives: Duration::from_secs(600),
            lasts: DEFAULT_AGE,
        }
    }

    /// Asks in the [first format](v1) instead, for clients that speak nothing else: the number is drawn from zero to
    /// `max_number`, of which half are tried on average. A browser tries some hundred thousand a second, specialised code
    /// a hundred times as many. Default: the second format.
    pub fn first_format(mut self, algorithm: v1::Algorithm, max_number: u32) -> Self {
        self.first = Some((algorithm, max_number));
        self
    }

    /// The key derivation. Default: PBKDF2 with SHA-256, which a browser computes natively, so that an attacker's
    /// own code gains little over it.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The cost of one derivation (iterations, passes of Argon2id, N of scrypt). Default: 5000, about half a
    /// millisecond of this server's time for the one derivation that checks a solution; 2 passes; 16,384.
    pub fn cost(mut self, cost: u32) -> Self {
        self.cost = Some(cost);
        self
    }

    /// The memory of one derivation: KiB for Argon2id, the block size r for scrypt; at most 64 MiB in all. Default: 19 MiB
    /// (OWASP's least for passwords), or r = 8 and with it 16 MiB.
    pub fn memory_cost(mut self, memory_cost: u32) -> Self {
        self.memory_cost = Some(memory_cost);
        self
    }

    /// The lanes of Argon2id, or the p of scrypt. Default: 1, since the server computes them one after the other.
    pub fn parallelism(mut self, parallelism: u32) -> Self {
        self.parallelism = Some(parallelism);
        self
    }

    /// What the derived key has to start with, in lower-case hexadecimal digits: each digit makes the search 16
    /// times longer and the check none. Default: `00`, hence 256 derivations on average.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Draws the answer from this range of counters instead ("deterministic mode"): everybody does about the same work,
    /// luck aside, and a check costs two HMACs. ALTCHA advises 5000 to 10,000 for PBKDF2, 100 to 200 for Argon2id.
    /// Default: not; the answer is whatever fits [`WorkFactor::prefix`].
    ///
    /// Issuing then costs a derivation, for anybody who asks. So the engine spends at most a tenth of one core on it;
    /// beyond that it asks for a prefix at no lower a price, until the flood is over.
    pub fn counters(mut self, range: RangeInclusive<u32>) -> Self {
        self.counters = Some(range);
        self
    }

    /// Lets the price rise with the load. Default: it stays what it is.
    pub fn surge(mut self, surge: Surge) -> Self {
        self.surge = Some(surge);
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

    /// The wanted digits.
    pub(crate) fn digits(&self) -> &str {
        self.prefix.as_deref().unwrap_or(Parameters::DEFAULT_KEY_PREFIX)
    }

    /// Algorithm, cost and memory, over a nonce and a salt that are somebody else's business.
    pub(crate) fn parameters(&self, nonce: [u8; 16], salt: [u8; 16]) -> Parameters {
        let mut parameters = Parameters::new(nonce, salt).with_algorithm(self.algorithm);
        if let Some(cost) = self.cost.and_then(NonZeroU32::new) {
            parameters = parameters.with_cost(cost);
        }
        if let Some(memory) = self.memory_cost.and_then(NonZeroU32::new) {
            parameters = parameters.with_memory_cost(memory);
        }
        if let Some(lanes) = self.parallelism.and_then(NonZeroU32::new) {
            parameters = parameters.with_parallelism(lanes);
        }
        parameters
    }

    pub(crate) fn fault(&self) -> Option<String> {
        let fault = self.first_fault().or_else(|| self.second_fault());
        let fault = fault.or_else(|| self.surge.and_then(Surge::fault)).or_else(|| {
            let too_long = self.lives.is_zero() || self.lives > Duration::from_secs(3600);
            too_long.then_some("a proof of work lives at most an hour")
        });
        fault.map(str::to_owned)
    }

    fn first_fault(&self) -> Option<&'static str> {
        let (_, max_number) = self.first?;
        let second = self.cost.is_some()
            || self.memory_cost.is_some()
            || self.parallelism.is_some()
            || self.prefix.is_some()
            || self.counters.is_some()
            || self.algorithm != Algorithm::default();
        if second {
            return Some(
                "the first format knows neither cost, memory, prefix, counters nor another algorithm",
            );
        }
        let most = u64::from(max_number) << self.steps();
        (max_number < 1000 || most > MOST_NUMBER)
            .then_some("the largest number of a proof of work is 1000 to 2^30, at the top of its surge too")
    }

    fn second_fault(&self) -> Option<&'static str> {
        let prefix = self.digits();
        let hex = prefix.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let parameters = self.parameters([0; 16], [0; 16]);
        let zero = [self.cost, self.memory_cost, self.parallelism].contains(&Some(0));
        let cost = parameters.cost().get();
        let memory = parameters.memory_cost().map_or(0, NonZeroU32::get);
        if zero || !(1..=1_000_000).contains(&cost) {
            Some("the cost of a proof of work is 1 to 1,000,000, and neither memory nor lanes are zero")
        } else if !hex || !(1..=8).contains(&prefix.len()) {
            Some("the prefix of a proof of work is 1 to 8 lower-case hexadecimal digits")
        } else if parameters.check().is_err() {
            Some("the algorithm of a proof of work does not take this cost, this memory or these lanes")
        } else if self.algorithm.memory(cost, memory) > MOST_MEMORY {
            Some("a proof of work takes at most 64 MiB of the server's memory")
        } else if self.counters.is_some() && self.prefix.is_some() {
            Some("a proof of work has a prefix or counters: with counters the server knows the prefix")
        } else if let Some(range) = &self.counters {
            let most = u64::from(*range.end()) << self.steps();
            (range.start() >= range.end() || most > u64::from(u32::MAX) / 2)
                .then_some("the counters of a proof of work are a range, at the top of its surge below 2^31")
        } else if self.algorithm.takes_memory() && self.surge.is_some() {
            Some("a proof of work that takes memory follows the load by its counters: `.counters(..)`")
        } else {
            None
        }
    }

    /// How often its price may double.
    fn steps(&self) -> u32 {
        self.surge.map_or(0, Surge::steps)
    }
}
