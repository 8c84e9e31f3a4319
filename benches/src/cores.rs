//! Keeps a thread on one core, so that a client and its server do not take turns on one.

use std::time::Duration;

/// How many cores this process may use.
pub fn count() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Keeps this thread, and those that it will start, on the n-th core of those that the process may use; begins anew where
/// there are fewer. Does nothing where the system knows no such thing.
pub fn pin(nth: usize) {
    #[cfg(target_os = "linux")]
    linux::pin(nth);
    #[cfg(not(target_os = "linux"))]
    let _ = nth;
}

/// How long this thread has kept a core busy; `None` where the system does not say.
pub fn busy() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    return Some(linux::busy());
    #[cfg(not(target_os = "linux"))]
    None
}

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::LazyLock;
    use std::time::Duration;

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    use rustix::time::{ClockId, clock_gettime};

    /// Those of the process, found before any thread was kept from them.
    static ALLOWED: LazyLock<Vec<usize>> = LazyLock::new(|| {
        let allowed = sched_getaffinity(None).unwrap();
        (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect()
    });

    pub(super) fn pin(nth: usize) {
        let mut cores = CpuSet::new();
        cores.set(ALLOWED[nth % ALLOWED.len()]);
        sched_setaffinity(None, &cores).unwrap();
    }

    pub(super) fn busy() -> Duration {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
    }
}
