//! A call that is under way: somebody dials, and somebody is told.

use std::sync::Arc;

use futures_util::future::join;
use subtle::ConstantTimeEq;
use verify_core::Errand;
use zeroize::Zeroizing;

use crate::phonesverification::callback::{Courier, Target, Told};
use crate::phonesverification::outbox::Outbox;
use crate::phonesverification::status::Status;
use crate::phonesverification::{CallEnd, Voice, VoiceCall};

/// A call that was accepted.
pub(crate) struct Placed {
    pub(crate) voice: Arc<dyn Voice>,
    pub(crate) courier: Courier,
    pub(crate) call: VoiceCall,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) pin: Zeroizing<String>,
    pub(crate) price: f64,
    pub(crate) callback: Option<Target>,
    /// When it was asked for.
    pub(crate) datetime: String,
}

impl Placed {
    /// All of it, to be done once the request is answered.
    pub(crate) fn errand(self) -> Errand {
        Errand::of(async move {
            join(self.ring(), self.tell_all()).await;
        })
    }

    async fn ring(&self) {
        self.outbox.push(Status::Sent);
        let end = self.voice.call(&self.call).await;
        self.outbox.push(self.status_of(&end));
    }

    fn status_of(&self, end: &CallEnd) -> Status {
        match end {
            CallEnd::Dialled(keys) => match self.pin.as_bytes().ct_eq(keys.as_bytes()).into() {
                true => Status::Verified,
                false => Status::Unverified,
            },
            CallEnd::Answered => Status::Unverified,
            CallEnd::Machine => Status::MachineHangup,
            CallEnd::NoAnswer => Status::Failed,
            CallEnd::Cancelled => Status::Stopped,
            CallEnd::NoMoney => Status::InsufficientBalance,
        }
    }

    /// One after the other, so that they arrive in their order as far as this end can see to it.
    async fn tell_all(&self) {
        while let Some(status) = self.outbox.next().await {
            let Some(target) = &self.callback else { continue };
            let told = Told {
                id: self.call.id,
                recipient: self.call.to.expose().trim_start_matches('+'),
                price: if status.is_charged() { self.price } else { 0.0 },
                datetime: &self.datetime,
                status,
            };
            self.courier.tell(target, &told).await;
        }
    }
}
