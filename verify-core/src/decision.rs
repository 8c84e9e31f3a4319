//! What a gate says of a request, and what an adapter has to do about it.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use crate::ceremony::Errand;
use crate::inquiry::Inquiry;
use crate::settlement::Settlement;

/// A whole answer, ready to be sent.
pub type Reply = http::Response<Bytes>;

/// What [`Gate::decide`](crate::Gate::decide) says, without I/O.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an adapter that misses a case would let requests through or lose them"
)]
#[must_use]
pub enum Decision {
    /// Pass the request on as it is.
    Allow,
    /// Send this instead.
    Respond(Reply),
    /// Ask [`Gate::rule`](crate::Gate::rule), with an empty body; the request's own body stays where it is.
    Consult(Inquiry),
    /// Read the body, up to so many bytes (beyond, the answer is [`Inquiry::too_large`]) and for as long as the deadline (408
    /// beyond, with [`Inquiry::too_slow`]), and ask `rule` with it.
    Read(Inquiry, usize),
}

/// What [`Gate::rule`](crate::Gate::rule) says.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an adapter that misses a case would let requests through or lose them"
)]
#[must_use]
pub enum Ruling {
    /// Pass the request on.
    Allow(Passage),
    /// Send this instead.
    Respond(Reply),
    /// Send this instead, and then run the errand in the background: a message that is to be delivered.
    RespondThen(Reply, Box<Errand>),
}

impl Ruling {
    pub(crate) fn respond(reply: Reply, errand: Option<Errand>) -> Self {
        match errand {
            Some(errand) => Self::RespondThen(reply, Box::new(errand)),
            None => Self::Respond(reply),
        }
    }
}

/// How a request that has just earned its clearance is passed on. All three parts are an adapter's duty, in this order:
/// the body goes to the handler, the settlement hears how the handler answered (or failed), and the header fields go on
/// that answer. What is left out is lost: the code is spent all the same.
#[derive(Debug)]
#[non_exhaustive]
pub struct Passage {
    /// The body for the handler, where the gate asked to read it: what the client meant for the handler, and not the
    /// fields that were meant for the gate. The content length has to follow it.
    pub body: Bytes,
    /// Header fields to append to the handler's answer: the new clearance.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Who wants to hear how the handler answered: of a transaction, the store.
    pub settlement: Option<Settlement>,
}

impl Passage {
    pub(crate) fn of(body: Bytes) -> Self {
        Self { body, headers: Vec::new(), settlement: None }
    }
}
