//! The laws of what is configured, held against everything that keeps it, and against some that break them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::thread;

use async_trait::async_trait;
use bytes::Bytes;
use verify_compat::resources::conformance::{Breach, block_on, every_law};
use verify_compat::resources::{DurableResources, MemoryResources, Resources, ResourcesError};

#[test]
fn memory_resources_keep_the_laws() -> Result<(), Breach> {
    let resources = MemoryResources::default();
    every_law(&resources, |task| block_on(task))?;
    assert!(block_on(resources.list("")).unwrap().is_empty(), "the kit leaves nothing behind");
    Ok(())
}

#[test]
fn durable_resources_keep_the_laws() -> Result<(), Breach> {
    let file =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("laws-{}.redb", std::process::id()));
    let kept = every_law(&DurableResources::open(&file).unwrap(), |task| block_on(task));
    std::fs::remove_file(file).unwrap();
    kept
}

/// How one of them is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    InsertLooksFirst,
    ReplaceLooksFirst,
    ReplaceCreates,
    ReplaceIgnoresOld,
    RemovesOneOnly,
    ListsAnyOrder,
    CutsValues,
}

/// Correct but for one thing.
#[derive(Debug)]
struct Broken(MemoryResources, Fault);

/// Lets the other callers do what they are about to.
fn linger() {
    (0..50).for_each(|_| thread::yield_now());
}

#[async_trait]
impl Resources for Broken {
    async fn get(&self, name: &str) -> Result<Option<Bytes>, ResourcesError> {
        self.0.get(name).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, ResourcesError> {
        let mut found = self.0.list(prefix).await?;
        if self.1 == Fault::ListsAnyOrder {
            found.reverse();
        }
        Ok(found)
    }

    async fn insert(&self, name: &str, value: Bytes) -> Result<bool, ResourcesError> {
        if self.1 == Fault::InsertLooksFirst {
            let free = self.0.get(name).await?.is_none();
            linger();
            if free {
                self.0.put(name, value).await?;
            }
            return Ok(free);
        }
        let value = if self.1 == Fault::CutsValues { value.slice(..value.len().min(65_536)) } else { value };
        self.0.insert(name, value).await
    }

    async fn replace(&self, name: &str, old: &[u8], new: Bytes) -> Result<bool, ResourcesError> {
        match (self.1, self.0.get(name).await?) {
            (Fault::ReplaceCreates, None) => self.0.insert(name, new).await,
            (Fault::ReplaceIgnoresOld, Some(held)) => self.0.replace(name, &held, new).await,
            (Fault::ReplaceLooksFirst, held) => {
                let same = held.is_some_and(|held| held == old);
                linger();
                if same {
                    self.0.put(name, new).await?;
                }
                Ok(same)
            }
            _ => self.0.replace(name, old, new).await,
        }
    }

    async fn put(&self, name: &str, value: Bytes) -> Result<(), ResourcesError> {
        self.0.put(name, value).await
    }

    async fn remove(&self, prefix: &str) -> Result<(), ResourcesError> {
        match self.1 {
            Fault::RemovesOneOnly => match self.0.list(prefix).await?.last() {
                Some((name, _)) => self.0.remove(name).await,
                None => Ok(()),
            },
            _ => self.0.remove(prefix).await,
        }
    }
}

#[test]
fn each_fault_is_found_by_its_law() {
    for (fault, law) in [
        (Fault::InsertLooksFirst, "one insert winner"),
        (Fault::ReplaceLooksFirst, "one replace winner"),
        (Fault::ReplaceCreates, "only what was read is replaced"),
        (Fault::ReplaceIgnoresOld, "only what was read is replaced"),
        (Fault::RemovesOneOnly, "a prefix is listed and removed"),
        (Fault::ListsAnyOrder, "a prefix is listed and removed"),
        (Fault::CutsValues, "what is stored is read"),
    ] {
        let breach = every_law(&Broken(MemoryResources::default(), fault), |task| block_on(task));
        assert_eq!(breach.map_err(|breach| breach.law()), Err(law), "{fault:?}");
    }
}
