//! The test kit that the author of [`Resources`] runs: a law each, held with real threads.
//!
//! ```
//! use verify_compat::resources::{MemoryResources, conformance};
//!
//! conformance::every_law(&MemoryResources::default(), |task| conformance::block_on(task))?;
//! # Ok::<(), conformance::Breach>(())
//! ```
//!
//! The second argument waits for a future, and is called from many threads: one over a database that needs a runtime enters
//! that runtime, the same one each time. What the kit writes begins with `conformance/` and something random, and is removed
//! when all laws hold.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Barrier;
use std::thread;

use bytes::Bytes;
pub use verify_core::conformance::{Breach, Task, block_on};

use crate::resources::{Resources, ResourcesError};

/// Callers at the same moment, and how often they meet.
const CALLERS: usize = 6;
const ROUNDS: usize = 100;

/// Holds all laws against these, one after the other.
///
/// # Errors
/// The first law that is broken.
pub fn every_law<R: Resources>(resources: &R, block_on: fn(Task<'_>)) -> Result<(), Breach> {
    let random = RandomState::new().hash_one(0_u8);
    let kit = Kit { resources, block_on, prefix: format!("conformance/{random:016x}/") };
    kit.what_is_stored_is_read()?;
    kit.a_prefix_is_listed_and_removed()?;
    kit.only_what_was_read_is_replaced()?;
    kit.one_insert_winner()?;
    kit.one_replace_winner()?;
    kit.no_change_is_lost()?;
    kit.nothing_removed_comes_back()?;
    kit.wait_for("remove", resources.remove(&kit.prefix))
}

struct Kit<'r, R> {
    resources: &'r R,
    block_on: fn(Task<'_>),
    prefix: String,
}

impl<R: Resources> Kit<'_, R> {
    fn wait_for<T: Send>(
        &self,
        law: &'static str,
        asked: impl Future<Output = Result<T, ResourcesError>> + Send,
    ) -> Result<T, Breach> {
        let mut answer = None;
        (self.block_on)(Box::pin(async { answer = Some(asked.await) }));
        let answer =
            answer.ok_or_else(|| Breach::of(law, "`block_on` returned before the future was ready"))?;
        answer.map_err(|_| Breach::of(law, "an error where none was expected"))
    }

    fn name(&self, name: impl std::fmt::Display) -> String {
        format!("{}{name}", self.prefix)
    }

    /// What all callers say, who call at the same moment.
    fn together<T: Send>(&self, call: impl Fn(usize) -> Result<T, Breach> + Sync) -> Result<Vec<T>, Breach> {
        let barrier = Barrier::new(CALLERS);
        thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS)
                .map(|caller| {
                    let (barrier, call) = (&barrier, &call);
                    scope.spawn(move || {
                        barrier.wait();
                        call(caller)
                    })
                })
                .collect();
            let died = || Breach::of("nothing panics", "a call panicked");
            callers.into_iter().map(|caller| caller.join().map_err(|_| died())?).collect()
        })
    }

    fn what_is_stored_is_read(&self) -> Result<(), Breach> {
        const LAW: &str = "what is stored is read";
        let every_byte: Bytes = (0..=u8::MAX).collect();
        for (number, value) in
            [Bytes::new(), every_byte, Bytes::from(vec![7; 200_000])].into_iter().enumerate()
        {
            let name = self.name(format_args!("exact/{number}"));
            let read = || self.wait_for(LAW, self.resources.get(&name));
            holds(LAW, read()?.is_none(), "what was never stored is there")?;
            holds(
                LAW,
                self.wait_for(LAW, self.resources.insert(&name, value.clone()))?,
                "a name that is free was taken",
            )?;
            holds(LAW, read()?.as_ref() == Some(&value), "other bytes came back than went in")?;
            holds(
                LAW,
                !self.wait_for(LAW, self.resources.insert(&name, "x".into()))?,
                "a name was given twice",
            )?;
            holds(LAW, read()?.as_ref() == Some(&value), "an insert that said no has changed the value")?;
            self.wait_for(LAW, self.resources.put(&name, "other".into()))?;
            holds(LAW, read()?.as_deref() == Some(b"other"), "what was put is not read")?;
        }
        Ok(())
    }

    fn a_prefix_is_listed_and_removed(&self) -> Result<(), Breach> {
        const LAW: &str = "a prefix is listed and removed";
        // Names that a pattern, a path or a collation would take for one another.
        let names = ["list/B", "list/a%", "list/a/1", "list/a/10", "list/a/2", "list/a_", "list/ab", "lisu"];
        for name in names.iter().rev() {
            self.wait_for(LAW, self.resources.put(&self.name(name), Bytes::from(*name)))?;
        }
        for prefix in ["list/", "list/a/", "list/a/1", "list/a_", "list/a%", "list/b", "lis"] {
            let listed = self.wait_for(LAW, self.resources.list(&self.name(prefix)))?;
            let expected = names.iter().filter(|name| name.starts_with(prefix));
            let expected = expected.map(|name| (self.name(name), Bytes::from(*name))).collect::<Vec<_>>();
            holds(LAW, listed == expected, &format!("{prefix} lists {listed:?}"))?;
        }
        for prefix in ["list/a_", "list/a/1"] {
            self.wait_for(LAW, self.resources.remove(&self.name(prefix)))?;
        }
        let left = self.wait_for(LAW, self.resources.list(&self.name("list/")))?;
        let left: Vec<_> = left.iter().filter_map(|(name, _)| name.strip_prefix(&self.prefix)).collect();
        holds(LAW, left == ["list/B", "list/a%", "list/a/2", "list/ab"], &format!("{left:?} was left"))
    }

    fn only_what_was_read_is_replaced(&self) -> Result<(), Breach> {
        const LAW: &str = "only what was read is replaced";
        let name = self.name("replaced");
        let replace = |old: &'static str, new: &'static str| {
            self.wait_for(LAW, self.resources.replace(&name, old.as_bytes(), new.into()))
        };
        let read = || self.wait_for(LAW, self.resources.get(&name));
        holds(LAW, !replace("", "new")? && read()?.is_none(), "nothing was replaced by something")?;
        self.wait_for(LAW, self.resources.put(&name, "first".into()))?;
        for other in ["", "firs", "first ", "FIRST"] {
            holds(LAW, !replace(other, "new")?, "another value than was read was replaced")?;
        }
        holds(LAW, read()?.as_deref() == Some(b"first"), "a replace that said no has changed the value")?;
        holds(LAW, replace("first", "second")?, "what was read was not replaced")?;
        holds(LAW, read()?.as_deref() == Some(b"second"), "a replace that said yes has changed nothing")
    }

    fn one_insert_winner(&self) -> Result<(), Breach> {
        const LAW: &str = "one insert winner";
        for round in 0..ROUNDS {
            let name = self.name(format_args!("insert/{round}"));
            let value = |caller: usize| Bytes::from(caller.to_string());
            let won =
                self.together(|caller| self.wait_for(LAW, self.resources.insert(&name, value(caller))))?;
            self.one_winner(LAW, &name, &won, value)?;
        }
        Ok(())
    }

    fn one_replace_winner(&self) -> Result<(), Breach> {
        const LAW: &str = "one replace winner";
        for round in 0..ROUNDS {
            let name = self.name(format_args!("replace/{round}"));
            self.wait_for(LAW, self.resources.put(&name, "old".into()))?;
            let value = |caller: usize| Bytes::from(caller.to_string());
            let won = self.together(|caller| {
                self.wait_for(LAW, self.resources.replace(&name, b"old", value(caller)))
            })?;
            self.one_winner(LAW, &name, &won, value)?;
        }
        Ok(())
    }

    /// One of the callers heard yes, and it is its value that is there.
    fn one_winner(
        &self,
        law: &'static str,
        name: &str,
        won: &[bool],
        value: impl Fn(usize) -> Bytes,
    ) -> Result<(), Breach> {
        let winners: Vec<usize> =
            won.iter().enumerate().filter(|(_, won)| **won).map(|(caller, _)| caller).collect();
        let [winner] = winners.as_slice() else {
            return Err(Breach::of(
                law,
                format!("{} of {CALLERS} concurrent callers heard yes", winners.len()),
            ));
        };
        let held = self.wait_for(law, self.resources.get(name))?;
        holds(law, held == Some(value(*winner)), "the value is not that of the caller who heard yes")
    }

    /// Read, add one, replace, and anew where that said no: as whatever is configured is changed.
    fn no_change_is_lost(&self) -> Result<(), Breach> {
        const LAW: &str = "no change is lost";
        const EACH: usize = 50;
        let name = self.name("count");
        self.wait_for(LAW, self.resources.put(&name, "0".into()))?;
        let seen = self.together(|_| {
            let mut seen = Vec::new();
            while seen.len() < EACH {
                let read = self.wait_for(LAW, self.resources.get(&name))?.unwrap_or_default();
                let count: usize =
                    std::str::from_utf8(&read).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
                let next = Bytes::from((count + 1).to_string());
                if self.wait_for(LAW, self.resources.replace(&name, &read, next))? {
                    seen.push(count);
                }
            }
            Ok(seen)
        })?;
        let seen: BTreeSet<usize> = seen.into_iter().flatten().collect();
        holds(LAW, seen.len() == CALLERS * EACH, "two callers have both changed one value")?;
        let held = self.wait_for(LAW, self.resources.get(&name))?;
        holds(LAW, held == Some((CALLERS * EACH).to_string().into()), "a change that was told is not there")
    }

    /// Whether a change comes before a removal or after it, what was removed is gone.
    fn nothing_removed_comes_back(&self) -> Result<(), Breach> {
        const LAW: &str = "nothing removed comes back";
        for round in 0..ROUNDS {
            let name = self.name(format_args!("removed/{round}"));
            self.wait_for(LAW, self.resources.put(&name, "old".into()))?;
            self.together(|caller| match caller {
                0 => self.wait_for(LAW, self.resources.remove(&name)),
                _ => self.wait_for(LAW, self.resources.replace(&name, b"old", "new".into())).map(drop),
            })?;
            let held = self.wait_for(LAW, self.resources.get(&name))?;
            holds(LAW, held.is_none(), "a replace has brought back what was removed")?;
        }
        Ok(())
    }
}

fn holds(law: &'static str, it_does: bool, or_else: &str) -> Result<(), Breach> {
    if it_does { Ok(()) } else { Err(Breach::of(law, or_else)) }
}
