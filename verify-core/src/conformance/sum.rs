//! Laws about what a counter says: exact sums, up to where they stop, and looks that leave no trace.

use std::time::Duration;

use crate::conformance::kit::{Breach, Kit, LONG};
use crate::store::Store;

/// The life asked for by looks, which must not have a say in it.
const TOO_LONG: Duration = Duration::from_secs(3_600);

/// Law "large sums are exact": a sum of more than 32 bits is neither cut off nor rounded.
///
/// Breaks on a counter in a number that is too small: in SQL, an `INTEGER` column where a `BIGINT` belongs.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn large_sums_are_exact<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "large sums are exact";
    let key = kit.fresh_key();
    let mut expected = 0_u64;
    for n in [1, u32::MAX, u32::MAX, 1, u32::MAX, 0] {
        expected = expected.saturating_add(u64::from(n));
        let sum = kit.ask(LAW, kit.store().add(&key, n, LONG))?;
        if sum != expected {
            return Err(Breach::of(LAW, format!("adding {n} gives {sum} instead of {expected}")));
        }
    }
    Ok(())
}

/// Law "sums stop at the top": an addition that goes beyond the end of the backend's number gives that end, and leaves
/// no less than there was.
///
/// Breaks on a sum that wraps, which hands out all guesses anew, and on one that fails, which refuses everybody until the
/// counter expires. Needs a store whose counters start just below their end (`near_top:` of the macro), since nobody
/// gets there by adding.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn sums_stop_at_the_top<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "sums stop at the top";
    let key = kit.fresh_key();
    let add = |n| kit.ask(LAW, kit.store().add(&key, n, LONG));
    let (below, top, still, seen) = (add(1)?, add(u32::MAX)?, add(u32::MAX)?, add(0)?);
    if top < below || still < top {
        return Err(Breach::of(LAW, format!("the sum goes from {below} to {top} and {still}")));
    }
    if still != top {
        let what = format!("from {below}, two additions of {} do not reach the top", u32::MAX);
        return Err(Breach::of(LAW, format!("{what}: give it counters that start nearer to it")));
    }
    if seen < below {
        return Err(Breach::of(LAW, format!("the sum was {below}, and {seen} is left of it at the top")));
    }
    Ok(())
}

/// Law "a look creates nothing": `add` of nought tells the sum, and leaves no trace where there is no counter.
///
/// Breaks on a counter that begins when it is first looked at: its window is then over too early, and the guesses that
/// were counted in it are forgotten, or ends too late. And whoever only asks would fill the store.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn a_look_creates_nothing<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "a look creates nothing";
    let key = kit.fresh_key();
    let look = || kit.ask(LAW, kit.store().add(&key, 0, TOO_LONG));
    if look()? != 0 || look()? != 0 {
        return Err(Breach::of(LAW, "a counter that nobody added to is not nought"));
    }
    // If a look began the counter, it lasts for as long as the look said.
    if kit.ask(LAW, kit.store().add(&key, 1, kit.short()))? != 1 {
        return Err(Breach::of(LAW, "after looks alone, an addition of one does not give one"));
    }
    if !kit.passes(|| Ok(look()? == 0))? {
        return Err(Breach::of(
            LAW,
            "the counter ends when a look said, instead of when its first addition did",
        ));
    }
    Ok(())
}
