//! What happens after a transaction's handler has answered: its approval is given back or stays spent, and the outcome is
//! kept for a client that asks again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use zeroize::Zeroizing;

use crate::audit::{self, Event, EventKind};
use crate::decision::Reply;
use crate::encoding::{Reader, Writer};
use crate::engine::Core;
use crate::facts::Executions;
use crate::keys::MasterKey;
use crate::reply::{self, Look};
use crate::store::{Key, StoreError};

/// How long the outcome of a request with an `Idempotency-Key` is kept.
pub(crate) const KEPT: Duration = Duration::from_secs(24 * 3600);

/// The longest answer that is kept whole; of a longer one only the status is.
const MAX_BODY: usize = 16 * 1024;

/// Told how the handler of a transaction has answered. An adapter that passes a request on with one in its
/// [`Passage`](crate::Passage) calls [`Settlement::settle`] with the answer, before the client gets it.
///
/// If it is dropped instead, the approval stays spent, and a request with the same `Idempotency-Key` is told that the
/// outcome is unknown: closed, not open. The log says so, since it is an adapter that has lost it, or a request that was
/// given up while its handler ran.
#[must_use = "settle it with the handler's answer"]
pub struct Settlement {
    pub(crate) core: Arc<Core>,
    /// What to give back if the handler failed and the policy says so.
    pub(crate) restore: Vec<Grant>,
    pub(crate) execution: Option<Execution>,
}

/// An approval that was used.
pub(crate) struct Grant {
    pub(crate) name: Key,
    pub(crate) left: Duration,
    pub(crate) event: Event,
}

/// A request with an `Idempotency-Key` that is being executed.
pub(crate) struct Execution {
    pub(crate) names: Executions,
    pub(crate) fingerprint: [u8; 16],
}

impl Settlement {
    /// The longest body that is worth handing over, in bytes; `None` where no body is kept.
    #[must_use]
    pub fn wants_body(&self) -> Option<usize> {
        self.execution.as_ref().map(|_| MAX_BODY)
    }

    /// Gives approvals back after a failure where the policy says so, and keeps the outcome, sealed. A store that does not
    /// answer leaves the approval spent.
    pub async fn settle(mut self, status: StatusCode, content_type: Option<&[u8]>, body: Option<&[u8]>) {
        let failed = status.is_server_error() && !self.restore.is_empty();
        let done = if failed { self.give_back().await } else { self.keep(status, content_type, body).await };
        if let Err(error) = done {
            tracing::error!(target: "verify", kind = ?error.kind(), "the outcome of a transaction could not be kept: {error}");
        }
        self.restore.clear();
        self.execution = None;
    }

    async fn give_back(&self) -> Result<(), StoreError> {
        let core = &self.core;
        for Grant { name, left, event } in &self.restore {
            core.store.insert(name, Bytes::new(), *left).await?;
            let event = Event { kind: EventKind::GrantRestored, at: core.clock.now(), ..event.clone() };
            audit::record(core.listener.as_ref(), &event);
        }
        if let Some(execution) = &self.execution {
            // In this order: a request in between is told that the outcome is unknown, and never runs beside another.
            core.store.take(&execution.names.begun).await?;
            core.store.take(&execution.names.running).await?;
        }
        Ok(())
    }

    async fn keep(
        &self,
        status: StatusCode,
        content_type: Option<&[u8]>,
        body: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let Some(Execution { names, fingerprint }) = &self.execution else { return Ok(()) };
        let mut plain = Writer::with_capacity(64);
        plain.fixed(fingerprint).u16(status.as_u16()).field(content_type.unwrap_or_default());
        match body.filter(|body| body.len() <= MAX_BODY) {
            Some(body) => plain.byte(1).field(body),
            None => plain.byte(0),
        };
        if let Some(sealed) = seal(self.core.keys.newest(), &plain.finish()) {
            self.core.store.insert(&names.outcome, sealed.into(), KEPT).await?;
        }
        Ok(())
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        // Whatever was settled has neither any more; and what never had one is lost without a loss.
        if !self.restore.is_empty() || self.execution.is_some() {
            tracing::warn!(
                target: "verify",
                approvals = self.restore.len(),
                "a transaction was not settled: its approval stays spent, and its outcome is not known"
            );
        }
    }
}

/// An outcome that was kept, if this request is the one that it belongs to.
pub(crate) enum Outcome {
    /// The answer, once more.
    Known(Reply),
    /// The answer was too long to be kept; its status is known.
    Executed,
    /// Another request has used this key.
    Other,
}

impl Outcome {
    pub(crate) fn read(core: &Core, sealed: &[u8], fingerprint: &[u8; 16], look: Look) -> Option<Self> {
        let plain = core.keys.all().find_map(|key| open(key, sealed))?;
        let mut reader = Reader::new(&plain);
        if reader.array::<16>()? != *fingerprint {
            return Some(Self::Other);
        }
        let status = StatusCode::from_u16(reader.u16()?).ok()?;
        let kind = HeaderValue::from_bytes(reader.field()?).ok()?;
        if reader.byte()? == 0 {
            return Some(Self::Executed);
        }
        let mut reply = reply::plain(status, kind, Bytes::copy_from_slice(reader.field()?), look);
        reply.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
        if reply.headers().get(header::CONTENT_TYPE).is_some_and(HeaderValue::is_empty) {
            reply.headers_mut().remove(header::CONTENT_TYPE);
        }
        Some(Self::Known(reply))
    }
}

/// An answer may hold amounts and names, so the store gets it sealed.
fn seal(key: &MasterKey, plain: &[u8]) -> Option<Vec<u8>> {
    key.outcome.seal(b"outcome", plain).ok()
}

fn open(key: &MasterKey, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    key.outcome.open(b"outcome", sealed)
}

impl fmt::Debug for Settlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settlement").field("grants", &self.restore.len()).finish_non_exhaustive()
    }
}
