//! What is finished whoever waits for it.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::Instrument;

/// Runs to its end, even if whoever asked for it goes away or has waited long enough: an adapter drops the request then, and
/// what stands between a payment, a message or a code that was redeemed and the note of it must not be dropped with it.
/// Nothing, if it broke off all the same, with its runtime or by a panic.
///
/// Both adapters run on tokio. Where there is no runtime, it lasts as long as it is polled.
pub(crate) async fn finished<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let Ok(runtime) = Handle::try_current() else { return Some(work.await) };
    let (sender, result) = oneshot::channel();
    let work = async move {
        // Nobody may be there any more to hear it.
        sender.send(work.await).ok();
    };
    runtime.spawn(work.in_current_span());
    result.await.ok()
}

/// Runs an errand in the background, for so long at most, and gives it back where there is no runtime to run it: leave it with
/// the answer then.
#[cfg(any(feature = "twilio", feature = "govifi"))]
pub(crate) fn left(errand: verify_core::Errand, deadline: Duration) -> Option<verify_core::Errand> {
    let Ok(runtime) = Handle::try_current() else { return Some(errand) };
    runtime.spawn(errand.run_within(passed(deadline)).in_current_span());
    None
}

/// Is there once so much time has passed: what goes on by itself has nobody who would lose patience with it. Never, where there
/// is no runtime to tell.
pub(crate) async fn passed(time: Duration) {
    match Handle::try_current() {
        Ok(_) => tokio::time::sleep(time).await,
        Err(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Context, Waker};

    use tokio::sync::Notify;

    use super::*;

    #[test]
    fn what_nobody_waits_for_is_finished_and_what_panics_is_nothing() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (go, gone, is_done) =
            (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        runtime.block_on(async {
            let (go_on, went, done) = (Arc::clone(&go), Arc::clone(&gone), Arc::clone(&is_done));
            let work = async move {
                go_on.notified().await;
                done.store(true, Ordering::SeqCst);
                went.notify_one();
            };
            {
                let mut asked = pin!(finished(work));
                let mut context = Context::from_waker(Waker::noop());
                assert!(asked.as_mut().poll(&mut context).is_pending());
            }
            go.notify_one();
            gone.notified().await;
            assert_eq!(finished(async { panic!("as whoever takes the money may") }).await, None::<()>);
        });
        assert!(is_done.load(Ordering::SeqCst));
    }

    #[test]
    fn without_a_runtime_it_lasts_as_long_as_it_is_polled() {
        let mut asked = pin!(finished(async { 7 }));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(asked.as_mut().poll(&mut context), std::task::Poll::Ready(Some(7)));
    }
}
