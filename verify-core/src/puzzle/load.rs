//! How many challenges of a factor were issued of late.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::factor::Surge;

/// A pile that grows with every challenge and shrinks with time, as one number: the moment at which it is gone, in
/// microseconds since 1970. It takes no lock, so that it counts under any number of threads.
#[derive(Debug, Default)]
pub(crate) struct Load {
    gone_at: AtomicU64,
}

impl Load {
    /// Counts one challenge, and says how often its price is doubled.
    pub(super) fn count(&self, surge: Surge, now_millis: u64) -> u32 {
        let Some((count, period)) = surge.pace() else { return 0 };
        let period = u64::try_from(period.as_micros()).unwrap_or(u64::MAX).max(1);
        let one = (period / u64::from(count.max(1))).max(1);
        let now = now_millis.saturating_mul(1000);
        // The top of the pile: a flood that is over must not be paid for any longer than this. A clock that was set back
        // is brought down to it too.
        let most = now.saturating_add(period.saturating_mul(u64::from(surge.steps()) + 1)).saturating_sub(1);
        let grow = |gone_at: u64| gone_at.max(now).saturating_add(one).min(most);
        let before = self
            .gone_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |gone_at| Some(grow(gone_at)))
            .unwrap_or_else(|same| same);
        let pile = grow(before).saturating_sub(now) / period;
        u32::try_from(pile).unwrap_or(u32::MAX).min(surge.steps())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Limit;

    const NOW: u64 = 1_767_225_600_000;

    fn surge() -> Surge {
        Surge::above(Limit::of(100).per(Duration::from_secs(10))).up_to(8)
    }

    #[test]
    fn captcha_rule_10_the_pace_itself_costs_nothing_more() {
        let load = Load::default();
        for n in 0..10_000 {
            assert_eq!(load.count(surge(), NOW + n * 100), 0);
        }
    }

    #[test]
    fn captcha_rule_10_the_price_rises_under_a_flood_to_its_bound_and_falls_back() {
        let load = Load::default();
        let steps: Vec<u32> = (0..1000).map(|_| load.count(surge(), NOW)).collect();
        assert!(steps.is_sorted());
        assert_eq!((steps[98], steps[99], steps[198], steps[199], steps[999]), (0, 1, 1, 2, 3));
        // One step per period, and none left after as many periods as there are steps.
        assert_eq!(load.count(surge(), NOW + 11_000), 2);
        assert_eq!(load.count(surge(), NOW + 21_000), 1);
        assert_eq!(load.count(surge(), NOW + 40_000), 0);
    }

    #[test]
    fn captcha_rule_10_fifty_threads_are_all_counted() {
        let load = Load::default();
        std::thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| (0..6).for_each(|_| _ = load.count(surge(), NOW)));
            }
        });
        // 300 of them: as many as one thread would have piled up.
        assert_eq!(load.count(surge(), NOW), 3);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_keep_the_price_up() {
        let load = Load::default();
        (0..500).for_each(|_| _ = load.count(surge(), NOW));
        let hour = 3_600_000;
        assert_eq!(load.count(surge(), NOW - hour), 3);
        assert_eq!(load.count(surge(), NOW - hour + 40_000), 0);
    }
}
