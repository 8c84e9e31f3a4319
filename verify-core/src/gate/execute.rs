//! One approval, one execution: taking the grants.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::audit::{self, Event, EventKind};
use crate::clearance::{Approval, Proof};
use crate::decision::{Passage, Reply, Ruling};
use crate::factor::FactorTag;
use crate::facts;
use crate::form::Form;
use crate::gate::blocked::Why;
use crate::gate::{Carry, Gate, Inner};
use crate::inquiry::Asking;
use crate::offer;
use crate::page::Notice;
use crate::refusal::Refusal;
use crate::reply;
use crate::settlement::{Grant, Settlement};

/// An approval that is about to be used.
struct Use {
    factor: FactorTag,
    approval: Approval,
    left: Duration,
    /// Its answer came with this very request, so there is no entry to take.
    is_new: bool,
}

/// What goes on to the handler.
pub(super) struct Proceed {
    pub(super) settlement: Settlement,
    /// Whether the client's clearance is to be replaced.
    pub(super) is_changed: bool,
}

/// Why nothing is executed after all.
enum Stop {
    /// Another request was faster.
    Used,
    /// The store did not answer.
    Refused(Refusal),
    /// Another request with its `Idempotency-Key` was faster.
    Instead(Reply),
}

impl Gate {
    /// Passes the request on if everything is approved: once.
    pub(super) async fn execute(
        &self,
        mut asking: Box<Asking>,
        payload: Bytes,
        form: Option<&Form>,
    ) -> Ruling {
        if let Err(refusal) = self.drop_revoked(&mut asking).await {
            return self.refuse_redeemed(&mut asking, refusal, form).await;
        }
        let Inner { core, plan, .. } = &*self.inner;
        let met = self.met(&asking, core.now());
        let outcome = if plan.is_met(met.fresh) {
            self.spend(&mut asking, met.fresh).await
        } else {
            match self.exempt(&mut asking, met.fresh).await {
                Ok(Some(exempted)) => Ok(exempted),
                Ok(None) => self.blocked_order(&mut asking, form).await.map(Err),
                Err(refusal) => Err(refusal),
            }
        };
        match outcome {
            Ok(Ok(Proceed { settlement, is_changed })) => {
                let headers = if is_changed { offer::clear(&mut asking).headers } else { Vec::new() };
                Ruling::Allow(Passage { headers, settlement: Some(settlement), ..Passage::of(payload) })
            }
            Ok(Err(ruling)) => ruling,
            Err(refusal) => self.refuse(&asking, refusal, form),
        }
    }

    /// Refuses after answers that may have been redeemed: their approvals are kept for the next attempt.
    pub(super) async fn refuse_redeemed(
        &self,
        asking: &mut Asking,
        refusal: Refusal,
        form: Option<&Form>,
    ) -> Ruling {
        match self.keep_redeemed(asking).await {
            Ok(()) => self.refuse_after_answers(asking, refusal, form),
            Err(refusal) => self.refuse(asking, refusal, form),
        }
    }

    /// Not everything is approved: for another transaction, or not yet.
    async fn blocked_order(&self, asking: &mut Asking, form: Option<&Form>) -> Result<Ruling, Refusal> {
        let fresh = std::mem::take(&mut asking.has_new_proof);
        let stray = if fresh {
            self.keep_redeemed(asking).await?;
            false
        } else {
            self.kill_stray_approvals(asking).await?
        };
        if stray {
            return Ok(self.mismatch(asking, form));
        }
        if !fresh && let Some(limited) = self.limited(asking) {
            return Ok(limited);
        }
        let cleared = fresh.then(|| offer::clear(asking));
        let reply = self.blocked(asking, self.inner.core.now(), None, Carry::from(form));
        Ok(Ruling::Respond(reply::with_headers(
            reply,
            cleared.map(|cleared| cleared.headers).unwrap_or_default(),
        )))
    }

    /// Uses the approvals of one alternative; whoever takes the first of them executes.
    async fn spend(&self, asking: &mut Asking, fresh: u64) -> Result<Result<Proceed, Ruling>, Refusal> {
        let execution = match self.begin_execution(asking).await? {
            Ok(execution) => execution,
            Err(reply) => return Ok(Err(Ruling::Respond(reply))),
        };
        let uses = self.uses(asking, fresh);
        let spent = match self.take(asking, &uses).await {
            Ok(true) => match self.commit(asking, execution.as_ref()).await {
                Ok(None) => Ok(()),
                Ok(Some(reply)) => Err(Stop::Instead(reply)),
                Err(refusal) => Err(Stop::Refused(refusal)),
            },
            Ok(false) => Err(Stop::Used),
            Err(refusal) => Err(Stop::Refused(refusal)),
        };
        let restores = self.inner.policy.binding().is_some_and(|rules| rules.restore_on_5xx);
        let used = |proof: &Proof| {
            let challenge = proof.binding.map(|approval| approval.challenge);
            uses.iter().any(|each| Some(each.approval.challenge) == challenge)
        };
        // Where an approval may be given back, the client keeps it; elsewhere it would only take up room.
        let is_stale = uses.iter().any(|each| each.is_new == restores);
        if !(restores && spent.is_ok()) {
            asking.proofs.retain(|proof| !used(proof));
        }
        match spent {
            Ok(()) => {
                let is_changed =
                    is_stale || asking.has_new_proof && asking.proofs.iter().any(|proof| !used(proof));
                let restore = self.record_uses(asking, &uses, restores);
                let settlement = Settlement { core: Arc::clone(&self.inner.core), restore, execution };
                Ok(Ok(Proceed { settlement, is_changed }))
            }
            Err(stop) => {
                self.give_up(execution).await?;
                match stop {
                    Stop::Refused(refusal) => Err(refusal),
                    Stop::Instead(reply) => Ok(Err(Ruling::Respond(reply))),
                    Stop::Used => {
                        if let Some(limited) = self.limited(asking) {
                            return Ok(Err(limited));
                        }
                        let (now, notice) = (self.inner.core.now(), Notice::refused(Refusal::AlreadyUsed));
                        let reply =
                            self.blocked_because(asking, now, Some(notice), Carry::Nothing, Why::Used);
                        Ok(Err(Ruling::Respond(reply)))
                    }
                }
            }
        }
    }

    /// Takes the grants, all in the order of the plan: of two requests with the same approvals, the one that is too late
    /// for the first leaves the others alone.
    async fn take(&self, asking: &Asking, uses: &[Use]) -> Result<bool, Refusal> {
        let core = &self.inner.core;
        for each in uses.iter().filter(|each| !each.is_new) {
            let name = facts::grant(core.keys.facts(), &each.approval.challenge);
            if core.store.take(&name).await?.is_none() {
                return Ok(false);
            }
        }
        if let Some(exemptions) = self.inner.policy.exemptions() {
            exemptions.authenticated(core, &asking.subject).await?;
        }
        Ok(true)
    }

    fn record_uses(&self, asking: &Asking, uses: &[Use], restores: bool) -> Vec<Grant> {
        let core = &self.inner.core;
        let mut restore = Vec::new();
        for each in uses {
            let event = self.event(EventKind::GrantUsed, asking, each.factor, &each.approval.challenge);
            audit::record(core.listener.as_ref(), &event);
            if restores {
                let name = facts::grant(core.keys.facts(), &each.approval.challenge);
                restore.push(Grant { name, left: each.left, event });
            }
        }
        restore
    }

    /// The approvals that one satisfied alternative takes.
    fn uses(&self, asking: &Asking, fresh: u64) -> Vec<Use> {
        let Inner { core, plan, policy } = &*self.inner;
        let Some(bound) = &asking.bound else { return Vec::new() };
        let mask = plan.alternatives.iter().find(|mask| **mask & fresh == **mask).copied().unwrap_or(0);
        let mut uses: Vec<Use> = Vec::new();
        for (_, leaf) in plan.leaves_of(mask).filter(|(_, leaf)| leaf.is_bound) {
            let proof = asking.proofs.iter().find(|proof| {
                proof.factor == leaf.tag && proof.binding.is_some_and(|approval| approval.is_for(bound))
            });
            let Some((proof, approval)) = proof.and_then(|proof| Some((proof, proof.binding?))) else {
                continue;
            };
            if uses.iter().any(|known| known.approval.challenge == approval.challenge) {
                continue;
            }
            let age = Duration::from_millis(core.now().saturating_sub(proof.verified_at));
            uses.push(Use {
                factor: leaf.tag,
                approval,
                left: policy.approval_life(leaf.tag).saturating_sub(age),
                is_new: asking.redeemed.contains(&approval.challenge),
            });
        }
        uses
    }

    /// Enters what was redeemed with this request and not used by it, so that a later one can use it.
    pub(super) async fn keep_redeemed(&self, asking: &mut Asking) -> Result<(), Refusal> {
        let Inner { core, policy, .. } = &*self.inner;
        let redeemed = std::mem::take(&mut asking.redeemed);
        for proof in &asking.proofs {
            if let Some(approval) = proof.binding.filter(|approval| redeemed.contains(&approval.challenge)) {
                let name = facts::grant(core.keys.facts(), &approval.challenge);
                core.store.insert(&name, Bytes::new(), policy.approval_life(proof.factor)).await?;
            }
        }
        Ok(())
    }

    pub(super) fn record(&self, kind: EventKind, asking: &Asking, factor: FactorTag, challenge: &[u8; 16]) {
        let event = self.event(kind, asking, factor, challenge);
        audit::record(self.inner.core.listener.as_ref(), &event);
    }

    pub(super) fn event(
        &self,
        kind: EventKind,
        asking: &Asking,
        factor: FactorTag,
        challenge: &[u8; 16],
    ) -> Event {
        let Inner { core, plan, policy } = &*self.inner;
        let facts_key = core.keys.facts();
        let subject = facts::short(&facts::identity(facts_key, &asking.subject));
        let factor = plan.leaf_of(factor).map_or("", |leaf| leaf.factor.name());
        Event::new(kind, core.clock.now(), &policy.name, factor, subject)
            .of(facts::pseudonym(facts_key, challenge))
    }
}
