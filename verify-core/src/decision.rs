//! What a gate says of a request, and what an adapter has to do about it.

use std::fmt;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use crate::ceremony::Errand;
use crate::inquiry::Inquiry;
use crate::settlement::Settlement;

/// A whole answer, ready to be sent.
pub type Reply = http::Response<Bytes>;

/// What [`Gate::decide`](crate::Gate::decide) says, without I/O.
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

/// An answer without what its fields and its body say: a clearance stands in both.
struct Shown<'a>(&'a Reply);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(reply) = self;
        let names: Vec<_> = reply.headers().keys().collect();
        f.debug_struct("Reply")
            .field("status", &reply.status())
            .field("headers", &names)
            .field("body", &format_args!("[{} bytes]", reply.body().len()))
            .finish()
    }
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => f.write_str("Allow"),
            Self::Respond(reply) => f.debug_tuple("Respond").field(&Shown(reply)).finish(),
            Self::Consult(inquiry) => f.debug_tuple("Consult").field(inquiry).finish(),
            Self::Read(inquiry, most) => f.debug_tuple("Read").field(inquiry).field(most).finish(),
        }
    }
}

impl fmt::Debug for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow(passage) => f.debug_tuple("Allow").field(passage).finish(),
            Self::Respond(reply) => f.debug_tuple("Respond").field(&Shown(reply)).finish(),
            Self::RespondThen(reply, errand) => {
                f.debug_tuple("RespondThen").field(&Shown(reply)).field(errand).finish()
            }
        }
    }
}

impl fmt::Debug for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Passage")
            .field("headers", &names)
            .field("body", &format_args!("[{} bytes]", self.body.len()))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r60_what_is_printed_of_an_answer_or_a_passage_says_nothing_of_it() {
        let reply = || {
            let secret = HeaderValue::from_static("__Host-clearance=c1.k1.hunter2");
            let mut reply =
                Reply::new(Bytes::from_static(br#"{"clearance":"c1.k1.hunter2","pin":"hunter2"}"#));
            reply.headers_mut().insert(http::header::SET_COOKIE, secret);
            reply
        };
        let passage = || Passage {
            headers: vec![(http::header::SET_COOKIE, HeaderValue::from_static("c1.k1.hunter2"))],
            ..Passage::of(Bytes::from_static(b"amount=1&challenge-answer=hunter2"))
        };
        let printed = [
            format!("{:?}", Decision::Respond(reply())),
            format!("{:#?}", Ruling::Respond(reply())),
            format!("{:?}", Ruling::Allow(passage())),
            format!("{:?}", passage()),
        ];
        for printed in printed {
            assert!(printed.contains("set-cookie") && printed.contains("bytes]"), "{printed}");
            assert!(!printed.contains("hunter2"), "{printed}");
        }
    }
}
