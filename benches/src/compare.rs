//! Takes turns between what is compared, so that a machine that slows down slows all of it.

use std::time::{Duration, Instant};

/// One of the things that are compared.
pub struct Contender<'c> {
    /// What it is called in the table.
    pub name: String,
    run: Box<dyn FnMut(u32) + 'c>,
}

impl<'c> Contender<'c> {
    /// Something that can be done so many times.
    pub fn new(name: impl Into<String>, run: impl FnMut(u32) + 'c) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }

    fn time(&mut self, times: u32) -> Duration {
        let begun = Instant::now();
        (self.run)(times);
        begun.elapsed()
    }
}

impl std::fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contender").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How long each took beside the first, which takes 1: the median over all rounds of the ratio within a round. Each goes
/// first in some rounds, and what is first in a round is timed when its caches are as cold as those of the others.
pub fn ratios(contenders: &mut [Contender<'_>], rounds: usize, times: u32) -> Vec<f64> {
    for contender in &mut *contenders {
        contender.time(times);
    }
    let mut ratios = vec![Vec::with_capacity(rounds); contenders.len()];
    for round in 0..rounds {
        let mut took = vec![Duration::ZERO; contenders.len()];
        for turn in 0..contenders.len() {
            let index = (turn + round) % contenders.len();
            took[index] = contenders[index].time(times);
        }
        for (ratios, time) in ratios.iter_mut().zip(&took) {
            ratios.push(time.as_secs_f64() / took[0].as_secs_f64());
        }
    }
    ratios.into_iter().map(median).collect()
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
