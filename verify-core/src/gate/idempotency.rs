//! Requests that are sent twice: telling a client what became of the first time (draft-ietf-httpapi-idempotency-key-header).

use std::time::Duration;

use crate::decision::Reply;
use crate::engine::LONGEST_DEADLINE;
use crate::facts;
use crate::gate::{Gate, Inner};
use crate::inquiry::Asking;
use crate::refusal::Refusal;
use crate::settlement::{Execution, KEPT, Outcome};
use bytes::Bytes;
use futures_util::future::try_join;

/// As long as the longest deadline, within which a request has looked at its approvals or ended.
const LOOKING: Duration = LONGEST_DEADLINE;

impl Gate {
    /// What became of an earlier request with the same `Idempotency-Key`.
    pub(super) async fn known_outcome(
        &self,
        asking: &mut Asking,
        payload: &[u8],
    ) -> Result<Option<Reply>, Refusal> {
        let Inner { core, policy, .. } = &*self.inner;
        let key = asking.request.as_ref().and_then(|request| request.idempotency_key()).map(str::to_owned);
        let (Some(key), Some(bound)) = (key, &asking.bound) else { return Ok(None) };
        if key.is_empty() || key.len() > 255 || !key.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Err(Refusal::Invalid("`Idempotency-Key` is 1 to 255 visible ASCII characters"));
        }
        let names = facts::executions(core.keys.facts(), &asking.subject, &policy.tag.0, &key);
        let mut mac = core.keys.facts().binding.start();
        mac.update(b"fingerprint");
        mac.update(&bound.digest);
        mac.update(payload);
        let fingerprint = mac.finish_short();
        let (begun, outcome) = try_join(core.store.get(&names.begun), core.store.get(&names.outcome)).await?;
        asking.execution = Some(Execution { names, fingerprint });
        let known = match (outcome, begun) {
            (Some(sealed), _) => Outcome::read(core, &sealed, &fingerprint, asking.look),
            (None, Some(mark)) if mark.as_ref() == fingerprint => Some(Outcome::Executed),
            (None, Some(_)) => Some(Outcome::Other),
            (None, None) => return Ok(None),
        };
        Ok(Some(match known {
            Some(Outcome::Known(reply)) => reply,
            Some(Outcome::Executed) => asking.refuse(Refusal::Executed),
            Some(Outcome::Other) | None => asking.refuse(Refusal::OtherRequest),
        }))
    }

    /// Keeps others with the same `Idempotency-Key` out while this request is looking at its approvals: for a minute at the
    /// most, so that one that ends on the way, with nothing executed, can be sent again.
    pub(super) async fn begin_execution(
        &self,
        asking: &mut Asking,
    ) -> Result<Result<Option<Execution>, Reply>, Refusal> {
        let Some(execution) = asking.execution.take() else { return Ok(Ok(None)) };
        let core = &self.inner.core;
        if core.store.insert(&execution.names.running, execution.mark(), LOOKING).await? {
            return Ok(Ok(Some(execution)));
        }
        let running = core.store.get(&execution.names.running).await?;
        Ok(Err(asking.refuse(execution.refusal(running))))
    }

    /// The last step before the handler: from here on the request counts as executed. What to answer instead, if another
    /// one with its key was faster.
    pub(super) async fn commit(
        &self,
        asking: &Asking,
        execution: Option<&Execution>,
    ) -> Result<Option<Reply>, Refusal> {
        let Some(execution) = execution else { return Ok(None) };
        let (store, begun) = (&self.inner.core.store, &execution.names.begun);
        if store.insert(begun, execution.mark(), KEPT).await? {
            return Ok(None);
        }
        Ok(Some(asking.refuse(execution.refusal(store.get(begun).await?))))
    }

    /// Nothing is executed: the next request with this key may try.
    pub(super) async fn give_up(&self, execution: Option<Execution>) -> Result<(), Refusal> {
        if let Some(execution) = execution {
            self.inner.core.store.take(&execution.names.running).await?;
        }
        Ok(())
    }
}

impl Execution {
    fn mark(&self) -> Bytes {
        Bytes::copy_from_slice(&self.fingerprint)
    }

    /// What to tell a request whose key is another's, or its own from before.
    fn refusal(&self, mark: Option<Bytes>) -> Refusal {
        let same = mark.is_none_or(|mark| mark.as_ref() == self.fingerprint);
        if same { Refusal::Executed } else { Refusal::OtherRequest }
    }
}
