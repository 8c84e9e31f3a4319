//! What a proof of work costs at each step of its surge.

use std::ops::RangeInclusive;

use crate::altcha::v1;
use crate::factor::WorkFactor;

/// What to ask for, before anything is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Price {
    /// A number up to this one, in the first format.
    Number { algorithm: v1::Algorithm, max_number: u32 },
    /// A key with these digits, at this cost of a try.
    Prefix { digits: String, cost: u32 },
    /// The key of one of these counters.
    Counters(RangeInclusive<u32>),
}

impl Price {
    /// The factor's own price, doubled so many times.
    pub(super) fn at(factor: &WorkFactor, step: u32) -> Self {
        if let Some((algorithm, max_number)) = factor.first {
            return Self::Number { algorithm, max_number: doubled(max_number, step) };
        }
        if let Some(range) = &factor.counters {
            return Self::Counters(doubled(*range.start(), step)..=doubled(*range.end(), step));
        }
        let cost = factor.parameters([0; 16], [0; 16]).cost().get();
        let (more, rest) = (step / 4, step % 4);
        // A digit is worth four doublings, the cost of a try makes up for the rest. It goes down where it can, since the
        // server pays it with every check, and a flood is no time for that.
        let (more, cost) = match rest {
            2 | 3 if cost >= 1000 => (more + 1, cost >> (4 - rest)),
            _ => (more, doubled(cost, rest)),
        };
        let longer = "0".repeat(usize::try_from(more).unwrap_or(0));
        Self::Prefix { digits: format!("{}{longer}", factor.digits()), cost }
    }

    /// A prefix at no lower a price than these counters, on average.
    pub(super) fn instead_of(factor: &WorkFactor, counters: &RangeInclusive<u32>) -> Self {
        let cost = factor.parameters([0; 16], [0; 16]).cost().get();
        let tries = u64::from(*counters.start()).midpoint(u64::from(*counters.end())).max(1);
        // Sixteen to the power of these is at most as much as the tries, and less than a sixteenth of them is missing.
        let below = tries.ilog2() / 4;
        let short = tries.div_ceil(1 << (4 * below));
        let (count, cost) = if factor.algorithm.takes_memory() || short > 4 {
            (below + u32::from(short > 1), cost)
        } else {
            (below, u32::try_from(u64::from(cost).saturating_mul(short)).unwrap_or(u32::MAX))
        };
        Self::Prefix { digits: "0".repeat(usize::try_from(count.max(1)).unwrap_or(1)), cost }
    }

    /// How many tries it takes on average: what a progress bar has to go by.
    pub(super) fn tries(&self) -> u64 {
        match self {
            Self::Number { max_number, .. } => u64::from(*max_number) / 2,
            Self::Prefix { digits, .. } => {
                16_u64.saturating_pow(u32::try_from(digits.len()).unwrap_or(u32::MAX))
            }
            Self::Counters(range) => u64::from(*range.start()).midpoint(u64::from(*range.end())),
        }
    }
}

fn doubled(number: u32, times: u32) -> u32 {
    u32::try_from(u64::from(number) << times.min(31)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::altcha::Algorithm;
    use crate::{Factor, Limit, Surge};

    fn work(factor: &WorkFactor, step: u32) -> u64 {
        match Price::at(factor, step) {
            Price::Prefix { digits, cost } => {
                16_u64.pow(u32::try_from(digits.len()).unwrap()) * u64::from(cost)
            }
            other => other.tries(),
        }
    }

    #[test]
    fn captcha_rule_10_each_step_doubles_the_price_and_spares_the_server() {
        let surge = Surge::above(Limit::of(60).per(Duration::from_secs(60))).up_to(1024);
        let human = || Factor::proof_of_work("human").surge(surge);
        for factor in [
            human(),
            human().cost(1),
            human().algorithm(Algorithm::Sha512).cost(70).prefix("abc"),
            human().counters(5000..=10_000),
            human().first_format(v1::Algorithm::Sha256, 100_000),
        ] {
            assert_eq!(factor.fault(), None);
            for step in 0..=10 {
                assert_eq!(work(&factor, step), work(&factor, 0) << step, "{factor:?} at {step}");
                if let Price::Prefix { cost, .. } = Price::at(&factor, step)
                    && factor.cost.is_none()
                {
                    assert!(cost <= 10_000, "{cost} at {step}");
                }
            }
        }
    }

    #[test]
    fn captcha_rule_10_what_stands_in_for_counters_is_no_cheaper() {
        let factor = Factor::proof_of_work("human");
        for range in [1..=2, 16..=17, 100..=200, 5000..=10_000, 65_000..=66_000, 1..=1 << 30] {
            let Price::Prefix { digits, cost } = Price::instead_of(&factor, &range) else { panic!() };
            let tries = 16_u64.pow(u32::try_from(digits.len()).unwrap());
            let (work, asked) = (tries * u64::from(cost), Price::Counters(range.clone()).tries() * 5000);
            assert!(work >= asked && work <= 16 * asked, "{work} for {asked}: {digits} at {cost}");
        }
    }
}
