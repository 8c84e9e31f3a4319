//! Laws about what is stored, and under which name.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;

use crate::conformance::kit::{Breach, Kit, LONG};
use crate::store::{Key, Store};

/// Law "exact bytes": what comes out is what went in: nothing, any byte, and 64 KiB.
///
/// Breaks on a store that keeps text, trims, or ends at a zero byte.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn exact_bytes<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "exact bytes";
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let mut values: Vec<(String, Vec<u8>)> = vec![
        ("an empty value".into(), Vec::new()),
        ("a line end".into(), b"\r\n".to_vec()),
        ("text with spaces around it".into(), b"  a b  ".to_vec()),
        ("digits, which are not a number".into(), b"007".to_vec()),
        ("all 256 bytes".into(), every_byte.clone()),
        ("64 KiB".into(), every_byte.repeat(256)),
    ];
    values.extend(every_byte.iter().map(|byte| (format!("the single byte {byte:#04x}"), vec![*byte])));
    for (name, value) in values {
        let (key, value) = (kit.fresh_key(), Bytes::from(value));
        let stored = kit.ask(LAW, kit.store().insert(&key, value.clone(), LONG))?;
        let repeated = kit.ask(LAW, kit.store().insert(&key, Bytes::from_static(b"other"), LONG))?;
        let seen = kit.ask(LAW, kit.store().get(&key))?;
        let taken = kit.ask(LAW, kit.store().take(&key))?;
        let left = kit.ask(LAW, kit.store().get(&key))?;
        if !stored
            || repeated
            || seen.as_ref() != Some(&value)
            || taken.as_ref() != Some(&value)
            || left.is_some()
        {
            return Err(Breach::of(LAW, format!("{name} does not come back as it was stored, once")));
        }
    }
    Ok(())
}

/// Law "hostile keys": any 16 bytes are a key, and different bytes are different keys.
///
/// Breaks on keys that are treated as text, patterns, or C strings. Two of these keys are the same in each run, so
/// runs that share a backend at the same moment may disturb each other here.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn hostile_keys<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "hostile keys";
    let mut keys = vec![Key::new([0; 16]), Key::new([u8::MAX; 16])];
    for special in
        [0, b'\n', b'\r', b' ', b'{', b'}', b'*', b'?', b'[', b'\\', b'\'', b'"', b';', b'%', b'_', 0x80]
    {
        let random = *kit.fresh_key().as_bytes();
        for place in [0, 8, 15] {
            let mut bytes = random;
            if let Some(byte) = bytes.get_mut(place) {
                *byte = special;
            }
            keys.push(Key::new(bytes));
            // One that differs from it behind the special byte.
            if let (0..15, [.., last]) = (place, &mut bytes) {
                *last ^= 1;
                keys.push(Key::new(bytes));
            }
        }
        keys.push(Key::new(random.map(|byte| byte.to_ascii_uppercase())));
        keys.push(Key::new(random.map(|byte| byte.to_ascii_lowercase())));
    }
    keys.sort_unstable();
    keys.dedup();

    let mut sums = Vec::with_capacity(keys.len());
    for key in &keys {
        kit.ask(LAW, kit.store().take(key))?;
        sums.push(kit.ask(LAW, kit.store().add(key, 0, LONG))?);
    }
    for key in &keys {
        let stored = kit.ask(LAW, kit.store().insert(key, Bytes::from(key.to_string()), LONG))?;
        kit.ask(LAW, kit.store().add(key, 1, LONG))?;
        if !stored {
            return Err(Breach::of(LAW, format!("{key} is taken for another key by `insert`")));
        }
    }
    for (key, before) in keys.iter().zip(sums) {
        if kit.ask(LAW, kit.store().add(key, 0, LONG))? != before.saturating_add(1) {
            return Err(Breach::of(LAW, format!("{key} is taken for another key by `add`")));
        }
        let seen = kit.ask(LAW, kit.store().get(key))?;
        let taken = kit.ask(LAW, kit.store().take(key))?;
        if seen != Some(Bytes::from(key.to_string())) || taken != seen {
            return Err(Breach::of(LAW, format!("{key} does not lead to its own value")));
        }
    }
    Ok(())
}

/// Law "values and counters never meet": one key may name a value and a counter, and neither knows of the other.
///
/// Breaks on a store that keeps both in one place: `add` on a value errs, or `take` resets a count.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn values_and_counters_never_meet<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "values and counters never meet";
    let (value_first, counter_first) = (kit.fresh_key(), kit.fresh_key());
    let value = Bytes::from_static(b"41");

    let inserted = kit.ask(LAW, kit.store().insert(&value_first, value.clone(), LONG))?;
    if !inserted || kit.ask(LAW, kit.store().add(&value_first, 1, LONG))? != 1 {
        return Err(Breach::of(LAW, "a counter does not start at zero where there is a value"));
    }
    kit.ask(LAW, kit.store().add(&counter_first, 1, LONG))?;
    if kit.ask(LAW, kit.store().get(&counter_first))?.is_some() {
        return Err(Breach::of(LAW, "`get` sees a counter"));
    }
    if kit.ask(LAW, kit.store().take(&counter_first))?.is_some() {
        return Err(Breach::of(LAW, "`take` gets a counter"));
    }
    if !kit.ask(LAW, kit.store().insert(&counter_first, value.clone(), LONG))? {
        return Err(Breach::of(LAW, "a counter is in the way of a value"));
    }
    for key in [value_first, counter_first] {
        if kit.ask(LAW, kit.store().add(&key, 1, LONG))? != 2 {
            return Err(Breach::of(LAW, "a value, or taking one, changes the counter of the same key"));
        }
        if kit.ask(LAW, kit.store().take(&key))?.as_ref() != Some(&value) {
            return Err(Breach::of(LAW, "a counter changes the value of the same key"));
        }
        if kit.ask(LAW, kit.store().add(&key, 0, LONG))? != 2 {
            return Err(Breach::of(LAW, "`take` resets the counter of the same key"));
        }
    }
    Ok(())
}

/// Law "handles are one store": behind `Arc`, `Box` and `dyn Store`, and from any thread, it is the same store.
///
/// Breaks on state that is kept per handle or per thread: then each worker of a server has its own.
///
/// # Errors
///
/// The [`Breach`], if the store breaks the law.
pub fn handles_are_one_store<S: Store>(kit: &Kit<S>) -> Result<(), Breach> {
    const LAW: &str = "handles are one store";
    let shared: Arc<dyn Store> = Arc::<S>::clone(kit.store());
    let boxed: Box<dyn Store> = Box::new(Arc::<S>::clone(kit.store()));
    let handles: [&dyn Store; 3] = [kit.store(), &shared, &boxed];
    let counter = kit.fresh_key();
    let mut sum = 0;
    for writer in handles {
        for reader in handles {
            let (key, value) = (kit.fresh_key(), Bytes::from_static(b"shared"));
            let stored = elsewhere(|| kit.ask(LAW, writer.insert(&key, value.clone(), LONG)))?;
            let repeated = elsewhere(|| kit.ask(LAW, reader.insert(&key, value.clone(), LONG)))?;
            let taken = elsewhere(|| kit.ask(LAW, reader.take(&key)))?;
            let left = elsewhere(|| kit.ask(LAW, writer.get(&key)))?;
            if !stored || repeated || taken.as_ref() != Some(&value) || left.is_some() {
                return Err(Breach::of(LAW, "what one handle stores, another does not find, or not once"));
            }
            sum += 1;
            if elsewhere(|| kit.ask(LAW, reader.add(&counter, 1, LONG)))? != sum {
                return Err(Breach::of(LAW, "handles count apart"));
            }
        }
    }
    Ok(())
}

/// Runs it on a thread of its own.
fn elsewhere<T: Send>(run: impl FnOnce() -> Result<T, Breach> + Send) -> Result<T, Breach> {
    thread::scope(|scope| scope.spawn(run).join().unwrap_or_else(|panic| resume_unwind(panic)))
}
