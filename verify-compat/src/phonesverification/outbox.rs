//! The statuses of one call on their way to whoever is told, in their order.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

use crate::phonesverification::status::Status;

/// What has still to be told. Nothing comes after the last status, and none comes twice.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Status>,
    newest: Option<Status>,
    waker: Option<Waker>,
}

impl Outbox {
    pub(crate) fn push(&self, status: Status) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.newest.is_some_and(Status::is_last) || state.newest == Some(status) {
            return;
        }
        state.newest = Some(status);
        state.queue.push_back(status);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// Waits for the next one; nothing once the last one was handed out.
    pub(crate) async fn next(&self) -> Option<Status> {
        poll_fn(|context| {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(status) = state.queue.pop_front() {
                return Poll::Ready(Some(status));
            }
            if state.newest.is_some_and(Status::is_last) {
                return Poll::Ready(None);
            }
            state.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}
