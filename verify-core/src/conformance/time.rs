//! Laws about time: what is over is gone, and nothing moves the end.

use std::time::Duration;

use bytes::Bytes;

use crate::conformance::kit::{Breach, Kit, LONG};
use crate::store::{Key, Store};

const ONE: Bytes = Bytes::from_static(b"one");
const TWO: Bytes = Bytes::from_static(b"two");
/// The life asked for by calls that must not have a say in it.
const TOO_LONG: Duration = Duration::from_secs(3_600);

/// Law "values expire": a value is there until its time is over, then it is absent, and others are untouched.
///
/// Breaks on a store that forgets the time-to-live, or counts it in the wrong unit.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn values_expire<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "values expire";
    let (brief, lasting) = (kit.fresh_key(), kit.fresh_key());
    kit.ask(LAW, kit.store().insert(&brief, ONE, kit.short()))?;
    kit.ask(LAW, kit.store().insert(&lasting, TWO, TOO_LONG))?;
    kit.almost_passes();
    if kit.holds_the_clock() && kit.ask(LAW, kit.store().get(&brief))? != Some(ONE) {
        return Err(Breach::of(LAW, "the value is gone before its time"));
    }
    if !kit.passes(|| Ok(kit.ask(LAW, kit.store().get(&brief))?.is_none()))? {
        return Err(Breach::of(LAW, "`get` still finds the value after its time"));
    }
    if kit.ask(LAW, kit.store().take(&brief))?.is_some() {
        return Err(Breach::of(LAW, "`take` still gets the value after its time"));
    }
    if kit.ask(LAW, kit.store().take(&lasting))? != Some(TWO) {
        return Err(Breach::of(LAW, "a value that had longer to live is gone as well"));
    }
    Ok(())
}

/// Law "counters expire": when a counter's time is over, counting starts afresh.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn counters_expire<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "counters expire";
    let (brief, lasting) = (kit.fresh_key(), kit.fresh_key());
    kit.ask(LAW, kit.store().add(&brief, 7, kit.short()))?;
    kit.ask(LAW, kit.store().add(&lasting, 9, TOO_LONG))?;
    kit.almost_passes();
    if kit.holds_the_clock() && kit.ask(LAW, kit.store().add(&brief, 0, kit.short()))? != 7 {
        return Err(Breach::of(LAW, "the counter is gone before its time"));
    }
    if !kit.passes(|| Ok(kit.ask(LAW, kit.store().add(&brief, 0, kit.short()))? == 0))? {
        return Err(Breach::of(LAW, "the counter keeps its sum after its time"));
    }
    if kit.ask(LAW, kit.store().add(&lasting, 1, TOO_LONG))? != 10 {
        return Err(Breach::of(LAW, "a counter that had longer to live lost its sum as well"));
    }
    Ok(())
}

/// Law "insert after expiry": a value whose time is over does not stand in the way of a new one.
///
/// Breaks on a store that hides what has expired from `get`, and trips over it in `insert`: in SQL,
/// an `ON CONFLICT DO NOTHING` that meets a row that is out of date.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn insert_after_expiry<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "insert after expiry";
    let key = kit.fresh_key();
    kit.ask(LAW, kit.store().insert(&key, ONE, kit.short()))?;
    if !kit.passes(|| kit.ask(LAW, kit.store().insert(&key, TWO, LONG)))? {
        return Err(Breach::of(LAW, "`insert` meets a value whose time is over, and stores nothing"));
    }
    if kit.ask(LAW, kit.store().get(&key))? != Some(TWO) {
        return Err(Breach::of(
            LAW,
            "after `insert` over a value whose time is over, the new value is not there",
        ));
    }
    if kit.ask(LAW, kit.store().insert(&key, ONE, LONG))? {
        return Err(Breach::of(LAW, "the second value of a key can be overwritten"));
    }
    Ok(())
}

/// Law "window is set at first touch": only the call that creates an entry says how long it lives.
///
/// Breaks on a counter whose time is set anew at each addition: somebody who keeps guessing keeps it from ever ending,
/// or, with a limit on it, locks its owner out for good.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn window_is_set_at_first_touch<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "window is set at first touch";
    if !touched_then_gone(LAW, kit, |key, life| Ok(kit.ask(LAW, kit.store().add(key, 1, life))? == 1))? {
        return Err(Breach::of(LAW, "later additions prolong the life of a counter"));
    }
    // The same for a value: an `insert` that finds one leaves its time alone.
    let put = |key: &Key, life| {
        let stored = kit.ask(LAW, kit.store().insert(key, ONE, life))?;
        Ok(stored || kit.ask(LAW, kit.store().get(key))?.is_none())
    };
    if !touched_then_gone(LAW, kit, put)? {
        return Err(Breach::of(LAW, "an `insert` that stores nothing prolongs the life of what it found"));
    }
    Ok(())
}

/// Creates an entry, and touches it with calls that ask for more time; whether it ends all the same.
///
/// `touch` says whether it found none.
fn touched_then_gone<S: Store>(
    law: &'static str,
    kit: &Kit<S>,
    touch: impl Fn(&Key, Duration) -> Result<bool, Breach>,
) -> Result<bool, Breach> {
    for life in kit.lives() {
        let key = kit.fresh_key();
        touch(&key, life)?;
        // On a slow machine its life may already be over. Then nothing is shown: it needs a longer one.
        if !touch(&key, TOO_LONG)? {
            return kit.passes(|| touch(&key, TOO_LONG));
        }
    }
    Err(Breach::of(law, "of two calls one after the other, the second never finds what the first one made"))
}
