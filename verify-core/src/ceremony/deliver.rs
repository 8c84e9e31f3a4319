//! Delivering: after the answer, in a queue of fixed length, or before it.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::{Either, select};

use crate::audit::{self, Event, EventKind};
use crate::ceremony::spend::Reserved;
use crate::courier::{CourierErrorKind, Delivery};
use crate::engine::Core;

/// How many messages may be on their way at once; beyond it a send is refused before anything is spent.
#[derive(Debug)]
pub(crate) struct Queue {
    on_the_way: Arc<AtomicUsize>,
    most: usize,
}

impl Queue {
    pub(crate) fn new(most: usize) -> Self {
        Self { on_the_way: Arc::default(), most }
    }

    /// A place in the queue, unless it is full.
    pub(super) fn enter(&self) -> Option<Permit> {
        let permit = Permit(Arc::clone(&self.on_the_way));
        (permit.0.fetch_add(1, Ordering::Relaxed) < self.most).then_some(permit)
    }
}

/// A place in the queue; dropping it leaves the queue.
#[derive(Debug)]
pub(super) struct Permit(Arc<AtomicUsize>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is left to do once the request is answered: a message to hand to its courier.
///
/// An adapter runs it in the background with [`Errand::run_within`], for as long as the engine's
/// [deadline](crate::Engine::deadline). It comes after the answer because otherwise the answer would take as long as the
/// courier, and fail with it, for those who have an address, and for nobody else.
///
/// Whatever becomes of it is told, as an [`Event`] and in the log. A courier that fails or is too slow ends the wait, so
/// that the visitor may ask again at once. So is an errand that is dropped, before it ran or while it did, as when a
/// runtime shuts down; nothing can be awaited then, so the visitor may ask again when the wait is over.
#[must_use = "run it, or the message never leaves"]
pub struct Errand {
    core: Arc<Core>,
    delivery: Delivery,
    event: Event,
    reserved: Reserved,
    is_told: bool,
    _permit: Permit,
}

impl Errand {
    pub(super) fn new(
        core: &Arc<Core>,
        delivery: Delivery,
        event: Event,
        reserved: Reserved,
        permit: Permit,
    ) -> Self {
        Self { core: Arc::clone(core), delivery, event, reserved, is_told: false, _permit: permit }
    }

    /// Whether it takes no time and cannot fail, so that running it before the answer tells nothing.
    pub(super) fn is_instant(&self) -> bool {
        self.core.couriers.get(&self.delivery.channel()).is_some_and(|courier| courier.is_instant())
    }

    /// Hands the message to its courier, however long that takes; see [`Errand::run_within`], which does not wait for
    /// ever.
    ///
    /// # Errors
    /// The courier's, for whoever answers only after it.
    pub async fn run(self) -> Result<(), CourierErrorKind> {
        self.run_within(std::future::pending()).await
    }

    /// Hands the message to its courier, and gives up when `too_late` is there: the engine has no clock to wait by, so a
    /// timer of the caller's runtime. What became of it is told as an [`Event`], and if the message is not known to have
    /// left, nobody has to wait for the next one.
    ///
    /// # Errors
    /// The courier's, and [`CourierErrorKind::Unavailable`] for one that was too slow.
    pub async fn run_within(mut self, too_late: impl Future<Output = ()>) -> Result<(), CourierErrorKind> {
        let delivered = match select(pin!(self.deliver()), pin!(too_late)).await {
            Either::Left((delivered, _)) => delivered,
            Either::Right(_) => Err(CourierErrorKind::Unavailable),
        };
        self.tell(delivered);
        if delivered.is_err() && self.reserved.release(&self.core).await.is_err() {
            tracing::warn!(target: "verify", "the wait for the next message could not be ended");
        }
        delivered
    }

    async fn deliver(&self) -> Result<(), CourierErrorKind> {
        match self.core.couriers.get(&self.delivery.channel()) {
            Some(courier) => courier.deliver(&self.delivery).await.map_err(|error| error.kind()),
            None => Err(CourierErrorKind::Unavailable),
        }
    }

    /// Tells what became of it, once.
    fn tell(&mut self, delivered: Result<(), CourierErrorKind>) {
        self.is_told = true;
        self.event.at = self.core.clock.now();
        if let Err(kind) = delivered {
            let channel = self.delivery.channel().name();
            tracing::warn!(target: "verify", channel, ?kind, "a message was not delivered");
            self.event.kind = EventKind::DeliveryFailed;
        }
        audit::record(self.core.listener.as_ref(), &self.event);
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        if !self.is_told {
            self.tell(Err(CourierErrorKind::Unavailable));
        }
    }
}

impl fmt::Debug for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Errand").field("channel", &self.delivery.channel()).finish_non_exhaustive()
    }
}
