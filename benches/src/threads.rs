//! What all cores get done beside one, without sockets: on a machine of two cores a client would have none of its own.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::cases::runtime;
use crate::compare::median;
use crate::cores;
use crate::on_axum::Route;

/// The requests that all of these routes answer, each on a thread and a core of its own, in the time in which the first one
/// answers one when it is alone.
pub fn routes(routes: &mut [Route], rounds: usize, times: u32) -> f64 {
    beside_one(routes, rounds, |route, start| {
        let runtime = runtime();
        runtime.block_on(route.ask(times / 10));
        timed(start, || runtime.block_on(route.ask(times)))
    })
}

/// How long a piece of work took, once all are ready for theirs.
pub fn timed(start: &Barrier, work: impl FnOnce()) -> Duration {
    start.wait();
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// What all jobs get done beside what the first one gets done alone: the median over the rounds of the ratio within a round.
/// A job makes ready, and says by [`timed`] how long it took; all have the same to do.
pub fn beside_one<J: Send>(
    jobs: &mut [J],
    rounds: usize,
    work: impl Fn(&mut J, &Barrier) -> Duration + Sync,
) -> f64 {
    let ratio = |round: usize| {
        let all_first = round % 2 == 1;
        let mut rates = [0.0, 0.0];
        for all in [all_first, !all_first] {
            rates[usize::from(all)] = rate(if all { &mut *jobs } else { &mut jobs[..1] }, &work);
        }
        rates[1] / rates[0]
    };
    median((0..rounds).map(ratio).collect())
}

/// How often a second the work is done by all of them together.
fn rate<J: Send>(jobs: &mut [J], work: &(impl Fn(&mut J, &Barrier) -> Duration + Sync)) -> f64 {
    let start = Barrier::new(jobs.len());
    thread::scope(|scope| {
        let begin = |(core, job)| {
            let start = &start;
            scope.spawn(move || {
                cores::pin(core);
                work(job, start)
            })
        };
        let threads: Vec<_> = jobs.iter_mut().enumerate().map(begin).collect();
        threads.into_iter().map(|thread| 1.0 / thread.join().unwrap().as_secs_f64()).sum()
    })
}
