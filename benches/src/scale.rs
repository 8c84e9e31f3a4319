//! From a thousand open challenges to millions: what each takes of memory, and what an operation costs among so many.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::runtime::Runtime;
use verify_core::{Engine, Policy};

use crate::ceremony::{CODE, Ceremonies, Open};
use crate::compare::{Contender, ratios};
use crate::world::code;

pub mod blocked;
pub mod contention;
pub mod redis;
pub mod redis_benchmark;

/// A wrong code.
const WRONG: &str = "000000";

/// An hour, so that no challenge ends while it is measured; ten million take minutes to open.
const LIFE: Duration = Duration::from_secs(3600);

/// So many challenges that are open in one store. Some of them, from all over the store, are there to be answered.
#[derive(Debug)]
pub struct Population {
    name: String,
    ceremonies: Ceremonies,
    at_once: usize,
    fresh: VecDeque<Open>,
    tried: VecDeque<Open>,
}

/// What is done to one of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// One more is opened.
    Send,
    /// One is answered with a wrong code.
    Wrong,
    /// One is answered with the right code.
    Right,
}

impl Operation {
    /// All of them, in an order in which each finds challenges to work on.
    pub const ALL: [Self; 3] = [Self::Send, Self::Wrong, Self::Right];

    /// What it is called in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Send => "a send",
            Self::Wrong => "a wrong check",
            Self::Right => "a right check",
        }
    }
}

impl Population {
    /// None yet, in the store of this engine. So many operations are under way at once: one in memory, where none waits.
    pub fn new(name: impl Into<String>, engine: &Engine, at_once: usize) -> Self {
        let gate = engine.gate(Policy::new("vault").require(code().lives_beyond_ten_minutes(LIFE))).unwrap();
        Self {
            name: name.into(),
            ceremonies: Ceremonies::new(engine, &gate, 0),
            at_once,
            fresh: VecDeque::new(),
            tried: VecDeque::new(),
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens so many, and keeps the tickets of so many of them.
    pub async fn grow(&mut self, count: usize, kept: usize) {
        let every = (count / kept.max(1)).max(1);
        let Self { ceremonies, fresh, at_once, .. } = self;
        fresh.reserve_exact(count / every);
        let jobs = (0..count).map(|n| {
            let offered = ceremonies.offer();
            async move { (n, offered.send().await) }
        });
        each(*at_once, jobs, |(n, open)| {
            if n % every == 0 {
                fresh.push_back(open);
            }
        })
        .await;
    }

    /// The tickets that are kept, once more: they take as much of memory as those.
    pub fn tickets(&self) -> VecDeque<Open> {
        self.fresh.clone()
    }

    /// Does it so often.
    pub async fn run(&mut self, operation: Operation, times: usize) {
        let Self { ceremonies, fresh, tried, at_once, .. } = self;
        match operation {
            Operation::Send => {
                let jobs = (0..times).map(|_| ceremonies.offer().send());
                each(*at_once, jobs, |open| fresh.push_back(open)).await;
            }
            Operation::Wrong => {
                let jobs = (0..times).map(|_| {
                    let open = fresh.pop_front().expect("there are enough to answer");
                    async move { (open.check(WRONG).await, open) }
                });
                each(*at_once, jobs, |(right, open)| {
                    assert!(!right);
                    tried.push_back(open);
                })
                .await;
            }
            Operation::Right => {
                // Those that nothing was done to since they were opened are as cold as a visitor's would be.
                let jobs = (0..times).map(|_| {
                    let open = fresh.pop_front().or_else(|| tried.pop_front());
                    let open = open.expect("there are enough to answer");
                    async move { open.check(CODE).await }
                });
                each(*at_once, jobs, |right| assert!(right)).await;
            }
        }
    }
}

/// How many a population should keep to be compared so.
pub const fn kept(rounds: usize, times: usize) -> usize {
    2 * (rounds + 1) * times
}

/// What an operation costs in each of them, beside the first.
pub fn costs(
    runtime: &Runtime,
    populations: &mut [Population],
    operation: Operation,
    rounds: usize,
    times: u32,
) -> Vec<f64> {
    let mut contenders: Vec<_> = populations
        .iter_mut()
        .map(|population| {
            Contender::new(population.name.clone(), |times| {
                runtime.block_on(population.run(operation, times as usize));
            })
        })
        .collect();
    ratios(&mut contenders, rounds, times)
}

/// Does all of it, so many at once.
async fn each<F: Future>(at_once: usize, jobs: impl Iterator<Item = F>, mut done: impl FnMut(F::Output)) {
    if at_once == 1 {
        for job in jobs {
            done(job.await);
        }
        return;
    }
    let mut results = stream::iter(jobs).buffer_unordered(at_once);
    while let Some(result) = results.next().await {
        done(result);
    }
}

/// What this process holds of the machine's memory, in bytes.
pub fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells what a process holds");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it does");
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}
