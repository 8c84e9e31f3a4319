//! All cores at one challenge, and at many.

use std::num::NonZeroUsize;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use verify_core::Engine;
use verify_core::store::MemoryStore;

use super::WRONG;
use crate::cases::runtime;
use crate::ceremony::{CODE, Ceremonies, Open};
use crate::threads::{beside_one, timed};
use crate::world::{World, code};
use crate::{compare, cores};

/// Challenges that a thread opens before it checks each of them once.
const MANY: usize = 5_000;

fn ceremonies(engine: &Engine, first: u32) -> Ceremonies {
    let gate = engine.gate(verify_core::Policy::new("vault").require(code())).unwrap();
    Ceremonies::new(engine, &gate, first)
}

/// A world whose store has room for all that is opened here.
fn world() -> World {
    let capacity = NonZeroUsize::MIN.saturating_add(50_000_000);
    World::with(|builder| builder.store(MemoryStore::builder().capacity(capacity).build()))
}

/// Wrong checks of all cores beside those of one, each of challenges of its own in one store.
pub fn many(rounds: usize) -> f64 {
    let world = world();
    let firsts = (0..cores::count()).map(|core| u32::try_from(core).unwrap() * 10_000_000);
    let mut all: Vec<_> = firsts.map(|first| ceremonies(&world.engine, first)).collect();
    beside_one(&mut all, rounds, |ceremonies, start| {
        let runtime = runtime();
        let mut open = Vec::with_capacity(MANY);
        runtime.block_on(async {
            for _ in 0..MANY {
                open.push(ceremonies.send().await);
            }
        });
        timed(start, || {
            runtime.block_on(async {
                for challenge in &open {
                    assert!(!challenge.check(WRONG).await);
                }
            });
        })
    })
}

/// The same of one challenge: five are compared, and the rest is refused. The ratio to one core, and nobody got through.
pub fn one(rounds: usize) -> f64 {
    let world = world();
    let mut ceremonies = ceremonies(&world.engine, 0);
    let runtime = runtime();
    let mut found = Vec::new();
    for _ in 0..rounds {
        let open = runtime.block_on(ceremonies.send());
        let mut jobs: Vec<&Open> = vec![&open; cores::count()];
        found.push(beside_one(&mut jobs, 1, |open, start| {
            let runtime = crate::cases::runtime();
            timed(start, || {
                runtime.block_on(async {
                    for _ in 0..MANY {
                        assert!(!open.check(WRONG).await);
                    }
                });
            })
        }));
    }
    compare::median(found)
}

/// All cores answer one challenge rightly at the same moment: one of them gets through, each time.
pub fn race(rounds: usize) {
    let world = world();
    let mut ceremonies = ceremonies(&world.engine, 0);
    let runtime = runtime();
    for _ in 0..rounds {
        let open = runtime.block_on(ceremonies.send());
        let (start, passed) = (Barrier::new(cores::count()), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..cores::count() {
                scope.spawn(|| {
                    let runtime = crate::cases::runtime();
                    start.wait();
                    passed.fetch_add(usize::from(runtime.block_on(open.check(CODE))), Ordering::Relaxed);
                });
            }
        });
        assert_eq!(passed.into_inner(), 1, "of several who give the right answer, one gets through");
    }
}
