//! Transactions that need no approval.

use std::sync::Arc;

use crate::audit::{self, EventKind};
use crate::decision::Ruling;
use crate::factor::FactorTag;
use crate::gate::execute::Proceed;
use crate::gate::{Gate, Inner};
use crate::inquiry::Asking;
use crate::refusal::Refusal;
use crate::settlement::Settlement;

impl Gate {
    /// Executes without an approval, if an exemption of the policy applies. What the policy asks for besides approvals, as
    /// a proof of work, is asked for all the same: an exemption is from authentication (RTS 2018/389, 10 to 18).
    pub(super) async fn exempt(
        &self,
        asking: &mut Asking,
        fresh: u64,
    ) -> Result<Option<Result<Proceed, Ruling>>, Refusal> {
        let Inner { core, plan, policy } = &*self.inner;
        let (Some(exemptions), Some(bound)) = (policy.exemptions(), &asking.bound) else { return Ok(None) };
        if asking.is_approved() || !plan.is_met(fresh | plan.bound()) {
            return Ok(None);
        }
        let Some(exempt) = exemptions.decide(core, &asking.subject, &bound.transaction).await? else {
            return Ok(None);
        };
        let execution = match self.begin_execution(asking).await? {
            Ok(execution) => execution,
            Err(reply) => return Ok(Some(Err(Ruling::Respond(reply)))),
        };
        let committed = self.commit(asking, execution.as_ref()).await;
        if !matches!(committed, Ok(None)) {
            self.give_up(execution).await?;
            return Ok(committed?.map(Ruling::Respond).map(Err));
        }
        let mut event = self.event(EventKind::Exempted, asking, FactorTag([0; 8]), &[0; 16]);
        (event.challenge, event.exempt) = (String::new(), Some(exempt));
        audit::record(core.listener.as_ref(), &event);
        let settlement = Settlement { core: Arc::clone(core), restore: Vec::new(), execution };
        Ok(Some(Ok(Proceed { settlement, is_changed: asking.has_new_proof })))
    }
}
