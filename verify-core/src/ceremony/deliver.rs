//! Delivering: after the answer, in a queue of fixed length, or before it.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{Either, join_all, select};

#[cfg(doc)]
use crate::audit::Event;
use crate::audit::EventKind;
use crate::ceremony::about::About;
use crate::ceremony::ladder::Rung;
use crate::ceremony::letter::Letter;
use crate::ceremony::pin::Dial;
use crate::ceremony::remote::Order;
use crate::ceremony::send::UNREACHABLE;
use crate::ceremony::spend::Reserved;
use crate::contact::Channel;
use crate::courier::CourierErrorKind;
use crate::decision::Reply;
use crate::engine::Core;
use crate::refusal::Refusal;

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

/// An errand among the extensions of an answer, which have to be cloned.
#[derive(Clone)]
struct Left(Arc<Mutex<Option<Errand>>>);

/// What is left to do once the request is answered: a message to hand to its courier, or whatever an
/// [`Api`](crate::Api) leaves.
///
/// An adapter runs it in the background with [`Errand::run_within`], for as long as the engine's
/// [deadline](crate::Engine::deadline). It comes after the answer because otherwise the answer would take as long as the
/// courier, and fail with it, for those who have an address, and for nobody else.
///
/// Whatever becomes of a message is told, as an [`Event`] and in the log. A courier that fails or is too slow ends the wait,
/// so that the visitor may ask again at once. So is an errand that is dropped, before it ran or while it did, as when a
/// runtime shuts down; nothing can be awaited then, so the visitor may ask again when the wait is over. Of anything else
/// that is left, only what was too slow is told, in the log.
#[must_use = "run it, or the message never leaves"]
pub struct Errand(Vec<Work>);

enum Work {
    Deliver(Box<Message>),
    /// Behind a lock that is never taken, so that an errand can be shared as before.
    Other(Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>),
}

/// A message on its way, and what follows from how that goes.
struct Message {
    core: Arc<Core>,
    parcel: Parcel,
    about: About,
    reserved: Reserved,
    is_told: bool,
    /// Where it goes if its service will never deliver it.
    rung: Option<Rung>,
    _permit: Permit,
}

/// What leaves.
pub(super) enum Parcel {
    /// A message, for a courier.
    Message(Box<Letter>),
    /// An order, for a service that makes the code itself.
    Order(Box<Order>),
    /// A call that asks for a PIN.
    Call(Box<Dial>),
}

impl Parcel {
    fn channel(&self) -> Channel {
        match self {
            Self::Message(letter) => letter.channel(),
            Self::Order(order) => order.channel(),
            Self::Call(_) => Channel::Voice,
        }
    }

    async fn hand_over(&self, core: &Arc<Core>) -> Result<(), Refusal> {
        let letter = match self {
            Self::Message(letter) => letter,
            Self::Order(order) => return order.place(core).await,
            Self::Call(dial) => return dial.place(core).await,
        };
        let courier = core.couriers.get(&letter.channel()).ok_or(Refusal::Unavailable)?;
        let delivery = letter.write(core)?;
        courier.deliver(&delivery).await.map_err(|error| match error.kind() {
            CourierErrorKind::Refused => UNREACHABLE,
            CourierErrorKind::Unavailable => Refusal::Unavailable,
        })
    }
}

impl Errand {
    pub(super) fn new(
        core: &Arc<Core>,
        parcel: Parcel,
        about: About,
        reserved: Reserved,
        permit: Permit,
        rung: Option<Rung>,
    ) -> Self {
        let core = Arc::clone(core);
        let message = Message { core, parcel, about, reserved, is_told: false, rung, _permit: permit };
        Self(vec![Work::Deliver(Box::new(message))])
    }

    /// Anything else that is to be done after an answer.
    pub fn of(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(vec![Work::Other(Mutex::new(Box::pin(work)))])
    }

    /// Leaves this with an answer of an [`Api`](crate::Api), beside whatever was left with it before. The adapter then runs
    /// all of it in the background, at the same time.
    pub fn leave_with(self, reply: &mut Reply) {
        let mut left = Self::left_with(reply).unwrap_or(Self(Vec::new()));
        left.0.extend(self.0);
        reply.extensions_mut().insert(Left(Arc::new(Mutex::new(Some(left)))));
    }

    /// Lets a message go that nobody is to get: its code is known beforehand, as in a test. It counts as sent, and unlike one
    /// that is dropped it is not told as a failure.
    pub fn discard(self) {
        for work in self.0 {
            if let Work::Deliver(mut message) = work {
                message.is_told = true;
            }
        }
    }

    /// All that an answer of an [`Api`](crate::Api) leaves to do; for adapters.
    #[must_use = "run it, or the message never leaves"]
    pub fn left_with(reply: &mut Reply) -> Option<Self> {
        let Left(left) = reply.extensions_mut().remove()?;
        left.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether it takes no time and cannot fail, so that running it before the answer tells nothing.
    pub(super) fn is_instant(&self) -> bool {
        self.0.iter().all(|work| match work {
            Work::Deliver(message) => {
                let core = &message.core;
                if matches!(message.parcel, Parcel::Call(_)) {
                    return core.pin_service.as_ref().is_some_and(|service| service.is_instant());
                }
                let courier = core.couriers.get(&message.parcel.channel());
                courier.is_some_and(|courier| courier.is_instant())
            }
            Work::Other(_) => false,
        })
    }

    /// Hands the message to its courier, or has its service make and deliver the code, however long that takes; see
    /// [`Errand::run_within`], which does not wait for ever.
    ///
    /// # Errors
    /// The courier's, for whoever answers only after it.
    pub async fn run(self) -> Result<(), CourierErrorKind> {
        self.run_within(std::future::pending()).await
    }

    /// The same, giving up when `too_late` is there: the engine has no clock to wait by, so a timer of the caller's runtime.
    /// What became of it is told as an [`Event`], and if the message is not known to have left, nobody has to wait for the
    /// next one.
    ///
    /// # Errors
    /// The courier's, and [`CourierErrorKind::Unavailable`] for one that was too slow.
    pub async fn run_within(self, too_late: impl Future<Output = ()>) -> Result<(), CourierErrorKind> {
        self.finish(too_late).await.map_err(|refusal| match refusal {
            UNREACHABLE => CourierErrorKind::Refused,
            _ => CourierErrorKind::Unavailable,
        })
    }

    pub(super) async fn deliver(self) -> Result<(), Refusal> {
        self.finish(std::future::pending()).await
    }

    async fn finish(self, too_late: impl Future<Output = ()>) -> Result<(), Refusal> {
        let too_late = too_late.shared();
        let done = join_all(self.0.into_iter().map(|work| work.finish(too_late.clone()))).await;
        done.into_iter().collect()
    }
}

impl Work {
    async fn finish(self, too_late: impl Future<Output = ()>) -> Result<(), Refusal> {
        match self {
            Self::Deliver(message) => message.deliver(too_late).await,
            Self::Other(work) => {
                let work = work.into_inner().unwrap_or_else(PoisonError::into_inner);
                if let Either::Right(_) = select(work, pin!(too_late)).await {
                    tracing::warn!(target: "verify", "what was left to do after an answer took too long, and was broken off");
                }
                Ok(())
            }
        }
    }
}

impl Message {
    async fn deliver(self: Box<Self>, too_late: impl Future<Output = ()>) -> Result<(), Refusal> {
        let mut too_late = pin!(too_late);
        let mut message = self;
        loop {
            match message.hand_over(too_late.as_mut()).await {
                (Err(refusal), Some(next)) if refusal == UNREACHABLE => message = next,
                (delivered, _) => return delivered,
            }
        }
    }

    /// Hands it over; what follows from that, and the message that takes its place if it will never be delivered.
    async fn hand_over(
        mut self: Box<Self>,
        too_late: Pin<&mut impl Future<Output = ()>>,
    ) -> (Result<(), Refusal>, Option<Box<Self>>) {
        let delivered = match select(pin!(self.parcel.hand_over(&self.core)), too_late).await {
            Either::Left((delivered, _)) => delivered,
            Either::Right(_) => Err(Refusal::Unavailable),
        };
        self.tell(delivered);
        if let (Err(_), Parcel::Order(order)) = (delivered, &self.parcel)
            && order.note_failure(&self.core).await.is_err()
        {
            tracing::warn!(target: "verify", "a failed start could not be noted");
        }
        if delivered.is_err() && self.reserved.release(&self.core).await.is_err() {
            tracing::warn!(target: "verify", "the wait for the next message could not be ended");
        }
        let rung = self.rung.take().filter(|_| delivered == Err(UNREACHABLE));
        let core = Arc::clone(&self.core);
        let about = self.about.clone();
        // The next one takes a place in the queue of its own.
        drop(self);
        let next = match rung {
            Some(rung) => climb(&core, rung, about).await,
            None => None,
        };
        let next = next.and_then(|errand| {
            errand.0.into_iter().find_map(|work| match work {
                Work::Deliver(message) => Some(message),
                Work::Other(_) => None,
            })
        });
        (delivered, next)
    }

    /// Tells what became of it, once.
    fn tell(&mut self, delivered: Result<(), Refusal>) {
        self.is_told = true;
        let mut what = EventKind::Delivered;
        if let Err(refusal) = delivered {
            let kind = if refusal == UNREACHABLE { "Refused" } else { "Unavailable" };
            let channel = self.parcel.channel().name();
            tracing::warn!(target: "verify", channel, kind, "a message was not delivered");
            what = EventKind::DeliveryFailed;
        }
        self.about.record(&self.core, what, None);
    }
}

/// Takes the next step of the ladder. One that cannot be taken is told, as the message that failed was: nobody waits for it.
async fn climb(core: &Arc<Core>, rung: Rung, about: About) -> Option<Errand> {
    let channel = rung.channel();
    match rung.climb(Arc::clone(core), about.challenge).await {
        Ok(errand) => errand,
        Err(refusal) => {
            tracing::warn!(target: "verify", channel = channel.name(), ?refusal, "the next channel could not be tried");
            let about = About { channel: Some(channel), ..about };
            about.record(core, EventKind::DeliveryFailed, None);
            None
        }
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        if !self.is_told {
            self.tell(Err(Refusal::Unavailable));
        }
    }
}

impl fmt::Debug for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let channel = self.0.iter().find_map(|work| match work {
            Work::Deliver(message) => Some(message.parcel.channel()),
            Work::Other(_) => None,
        });
        f.debug_struct("Errand").field("channel", &channel).finish_non_exhaustive()
    }
}
