//! Laws about what goes wrong: calls given up, replies lost, no room, nobody there.

use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use bytes::Bytes;

use crate::conformance::kit::{Breach, Kit, LONG, Opened, Setup, failed};
use crate::store::{Store, StoreErrorKind};

/// How often a future is polled, at most, before it is dropped.
const POLLS: u32 = 6;
/// Calls in a row of which some replies get lost.
const CALLS: usize = 200;
/// Entries of 1 KiB after which a store with little room should be full.
const ENTRIES: usize = 200_000;
/// Patience with a store that should give up by itself; its own deadline is a matter of seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Law "a dropped future leaves before or after": a call that is given up half-way, because the client hung up,
/// has happened or has not. There is no third state, such as a counter that was created and never expires.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn dropped_future_is_before_or_after<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "a dropped future leaves before or after";
    let store = kit.store();
    let (one, two) = (Bytes::from_static(b"one"), Bytes::from_static(b"two"));
    for polls in 1..=POLLS {
        let key = kit.fresh_key();
        kit.wait_for(polled(store.insert(&key, one.clone(), kit.short()), polls))?;
        let stored = kit.ask(LAW, store.insert(&key, two.clone(), kit.short()))?;
        let seen = kit.ask(LAW, store.get(&key))?;
        if seen.is_some() && seen.as_ref() != Some(if stored { &two } else { &one }) {
            return Err(Breach::of(LAW, format!("`insert` dropped after {polls} polls left something else")));
        }
        if !kit.passes(|| Ok(kit.ask(LAW, store.get(&key))?.is_none()))? {
            return Err(Breach::of(
                LAW,
                format!("`insert` dropped after {polls} polls left what never expires"),
            ));
        }

        let key = kit.fresh_key();
        kit.ask(LAW, store.insert(&key, one.clone(), LONG))?;
        kit.wait_for(polled(store.take(&key), polls))?;
        let taken = kit.ask(LAW, store.take(&key))?;
        if taken.is_some_and(|taken| taken != one) || kit.ask(LAW, store.get(&key))?.is_some() {
            return Err(Breach::of(LAW, format!("`take` dropped after {polls} polls left something else")));
        }

        let key = kit.fresh_key();
        kit.wait_for(polled(store.add(&key, 5, kit.short()), polls))?;
        let sum = kit.ask(LAW, store.add(&key, 0, kit.short()))?;
        if sum != 0 && sum != 5 {
            return Err(Breach::of(LAW, format!("`add` of 5 dropped after {polls} polls left {sum}")));
        }
        if !kit.passes(|| Ok(kit.ask(LAW, store.add(&key, 0, kit.short()))? == 0))? {
            return Err(Breach::of(
                LAW,
                format!("`add` dropped after {polls} polls left what never expires"),
            ));
        }
    }
    Ok(())
}

/// Polls the future so many times, whenever it is woken, and then drops it.
async fn polled<F: Future>(future: F, polls: u32) {
    let mut future = Box::pin(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        left = left.saturating_sub(1);
        let done = future.as_mut().poll(context).is_ready();
        if done || left == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Law "replies are true": whatever a verb answers is what happened, once. When it is not known, it errs.
///
/// Breaks on a blind retry: if the reply to `take` is lost and the store asks again, it answers that there is nothing,
/// and a right code is told wrong; if `add` is asked again, one guess counts for two. With a link that loses replies
/// (`lossy:` of the macro) the law is put to the test; on a good link it holds the rest of the promise.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn replies_are_true<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "replies are true";
    let (store, counter, value) = (kit.store(), kit.fresh_key(), Bytes::from_static(b"once"));
    let mut errors = 0_usize;
    let mut counted = 0..=0_u64;
    for call in 0..CALLS {
        // Keeps calls out of step with a link that loses one reply in so many.
        for _ in 0..call % 3 {
            errors += usize::from(kit.wait_for(store.get(&counter))?.is_err());
        }
        let key = kit.fresh_key();
        let inserted = kit.wait_for(store.insert(&key, value.clone(), LONG))?;
        let taken = kit.wait_for(store.take(&key))?;
        errors += usize::from(inserted.is_err()) + usize::from(taken.is_err());
        if inserted.as_ref().is_ok_and(|stored| !stored) {
            let what = "the key is fresh, and `insert` says that it is present: was it sent twice?";
            return Err(Breach::of(LAW, format!("call {call}: {what}")));
        }
        if taken.is_ok_and(|taken| inserted.is_ok() && taken.as_ref() != Some(&value)) {
            let what = "nobody else asked, and `take` says there is nothing: was it sent twice?";
            return Err(Breach::of(LAW, format!("call {call}: {what}")));
        }
        match kit.wait_for(store.add(&counter, 1, LONG))? {
            Ok(sum) if !(counted.start() + 1..=counted.end() + 1).contains(&sum) => {
                let what = format!("the sum is {sum}, after at most {} additions", counted.end() + 1);
                return Err(Breach::of(LAW, format!("call {call}: {what}: was one sent twice, or lost?")));
            }
            Ok(sum) => counted = sum..=sum,
            // It may have happened, or not.
            Err(_) => {
                errors += 1;
                counted = *counted.start()..=counted.end() + 1;
            }
        }
    }
    match (kit.is_lossy(), errors) {
        (false, 0) | (true, 1..) => Ok(()),
        (false, _) => Err(Breach::of(LAW, format!("{errors} calls erred on a link that loses nothing"))),
        (true, 0) => {
            Err(Breach::of(LAW, "no reply was lost, or the store kept silent about it: it should have erred"))
        }
    }
}

/// Law "full refuses": a store without room errs with [`StoreErrorKind::Full`], and keeps what it has.
///
/// Breaks on eviction: what is evicted is a challenge that somebody is about to answer, or the count of wrong guesses.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn full_refuses<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "full refuses";
    let store = kit.store();
    let value_of = |number: usize| Bytes::from(format!("{number:1024}"));
    let counter = kit.fresh_key();
    let guesses = kit.ask(LAW, store.add(&counter, 4, LONG))?;

    let mut keys = Vec::new();
    let refused = loop {
        if keys.len() == ENTRIES {
            return Err(Breach::of(
                LAW,
                format!("{ENTRIES} entries of 1 KiB did not fill it: give it less room"),
            ));
        }
        let key = kit.fresh_key();
        match kit.wait_for(store.insert(&key, value_of(keys.len()), LONG))? {
            Ok(true) => keys.push(key),
            Ok(false) => {
                return Err(Breach::of(LAW, "`insert` of a fresh key stored nothing, without an error"));
            }
            Err(error) if error.kind() == StoreErrorKind::Full => break key,
            Err(error) => return Err(Breach::of(LAW, format!("not told as `Full`: {}", failed(&error)))),
        }
        // Whoever evicts starts with the oldest, as a rule; found here, it need not run into the limit above.
        if let (0, Some(oldest)) = (keys.len() % 64, keys.first())
            && kit.ask(LAW, store.get(oldest))?.is_none()
        {
            return Err(Breach::of(LAW, format!("after {} entries the first one is gone", keys.len())));
        }
    };
    if kit.ask(LAW, store.get(&refused))?.is_some() {
        return Err(Breach::of(LAW, "the value that was refused is there"));
    }
    match kit.wait_for(store.add(&counter, 1, LONG))? {
        Ok(sum) if sum == guesses + 1 => {}
        Err(error) if error.kind() == StoreErrorKind::Full => {}
        Ok(sum) => return Err(Breach::of(LAW, format!("the counter says {sum} and lost its {guesses}"))),
        Err(error) => return Err(Breach::of(LAW, format!("not told as `Full`: {}", failed(&error)))),
    }
    for (number, key) in keys.iter().enumerate() {
        if kit.ask(LAW, store.get(key))? != Some(value_of(number)) {
            return Err(Breach::of(
                LAW,
                format!("entry {number} of {} was dropped to make room", keys.len()),
            ));
        }
        if kit.ask(LAW, store.take(key))? != Some(value_of(number)) {
            return Err(Breach::of(
                LAW,
                format!("entry {number} of {} cannot be taken any more", keys.len()),
            ));
        }
    }
    if !kit.ask(LAW, store.insert(&refused, value_of(0), LONG))? {
        return Err(Breach::of(LAW, "emptied again, it stores nothing"));
    }
    Ok(())
}

/// Law "an unreachable backend errs": each verb fails within the store's own deadline, as [`Unavailable`] or
/// [`Timeout`]. Failing to open is fine as well.
///
/// [`Unavailable`]: StoreErrorKind::Unavailable
/// [`Timeout`]: StoreErrorKind::Timeout
///
/// Breaks on a store that waits for ever, so that requests pile up, and on one that answers as if nothing were there.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn unreachable_errs<F>(setup: Setup, open: impl FnOnce() -> F + Send + 'static) -> Result<(), Breach>
where
    F: Future<Output: Opened + Send> + Send,
{
    unreachable_within(PATIENCE, setup, open)
}

fn unreachable_within<F>(
    patience: Duration,
    setup: Setup,
    open: impl FnOnce() -> F + Send + 'static,
) -> Result<(), Breach>
where
    F: Future<Output: Opened + Send> + Send,
{
    const LAW: &str = "an unreachable backend errs";
    let (report, verdict) = mpsc::channel();
    thread::spawn(move || {
        let judged = setup.open(open()).map_or(Ok(()), |kit| every_verb_errs(LAW, &kit));
        // Nobody listens any more when patience ran out.
        report.send(judged).ok();
    });
    verdict.recv_timeout(patience).unwrap_or_else(|outcome| {
        Err(Breach::of(
            LAW,
            match outcome {
                mpsc::RecvTimeoutError::Timeout => format!("a call was still waiting after {patience:?}"),
                mpsc::RecvTimeoutError::Disconnected => "the store panicked".to_owned(),
            },
        ))
    })
}

fn every_verb_errs<S: Store>(law: &'static str, kit: &Kit<S>) -> Result<(), Breach> {
    let (store, key) = (kit.store(), kit.fresh_key());
    let value = Bytes::from_static(b"lost");
    let outcomes = [
        ("insert", kit.wait_for(store.insert(&key, value, LONG))?.err()),
        ("get", kit.wait_for(store.get(&key))?.err()),
        ("take", kit.wait_for(store.take(&key))?.err()),
        ("add", kit.wait_for(store.add(&key, 1, LONG))?.err()),
    ];
    for (verb, error) in outcomes {
        match error.as_ref().map(crate::store::StoreError::kind) {
            Some(StoreErrorKind::Unavailable | StoreErrorKind::Timeout) => {}
            Some(kind) => return Err(Breach::of(law, format!("`{verb}` calls it {kind:?}"))),
            None => return Err(Breach::of(law, format!("`{verb}` answers as if the backend were there"))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[test]
    fn a_store_that_waits_for_ever_is_not_waited_for() {
        let patience = Duration::from_millis(1);
        let breach =
            unreachable_within(patience, Setup::new(), std::future::pending::<MemoryStore>).unwrap_err();
        assert!(breach.to_string().contains("still waiting after 1ms"), "{breach}");
    }
}
