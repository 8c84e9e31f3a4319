//! One approval, one execution: taking the grant, and telling a client that asks twice what became of the first time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hmac::Mac;

use crate::audit::{self, Event, EventKind};
use crate::clearance::Approval;
use crate::decision::{Passage, Reply, Ruling};
use crate::encoding::to_hex;
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
use crate::settlement::{Execution, Grant, KEPT, Outcome, Settlement};
use crate::ticket::truncate;

/// An approval that is about to be used.
struct Use {
    factor: FactorTag,
    approval: Approval,
    left: Duration,
    /// Its answer came with this very request, so there is no entry to take.
    is_new: bool,
}

impl Gate {
    /// Passes the request on if everything is approved: once.
    pub(super) async fn execute(
        &self,
        mut asking: Box<Asking>,
        payload: Bytes,
        form: Option<&Form>,
    ) -> Ruling {
        let Inner { core, plan, .. } = &*self.inner;
        let now = core.now();
        let met = self.met(&asking, now);
        let outcome = if plan.is_met(met.fresh) {
            self.spend(&mut asking, met.fresh).await
        } else {
            self.blocked_order(&mut asking, form).await.map(Err)
        };
        match outcome {
            Ok(Ok(settlement)) => {
                let headers = if settlement.restore.is_empty() {
                    Vec::new()
                } else {
                    offer::clear(&mut asking).headers
                };
                Ruling::Allow(Passage { headers, settlement: Some(settlement), ..Passage::of(payload) })
            }
            Ok(Err(ruling)) => ruling,
            Err(refusal) => self.refuse(&asking, refusal, form),
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
        let cleared = fresh.then(|| offer::clear(asking));
        let reply = self.blocked(asking, self.inner.core.now(), None, Carry::from(form));
        Ok(Ruling::Respond(reply::with_headers(
            reply,
            cleared.map(|cleared| cleared.headers).unwrap_or_default(),
        )))
    }

    /// Takes the grants of one alternative; whoever takes the last one executes.
    async fn spend(&self, asking: &mut Asking, fresh: u64) -> Result<Result<Settlement, Ruling>, Refusal> {
        let Inner { core, policy, .. } = &*self.inner;
        let execution = match self.begin_execution(asking).await? {
            Ok(execution) => execution,
            Err(reply) => return Ok(Err(Ruling::Respond(reply))),
        };
        let uses = self.uses(asking, fresh);
        let mut lost = false;
        for each in uses.iter().filter(|each| !each.is_new) {
            let name = facts::grant(core.keys.oldest(), &each.approval.challenge);
            lost |= core.store.take(&name).await?.is_none();
        }
        let used = |proof: &crate::clearance::Proof| {
            proof
                .binding
                .is_some_and(|known| uses.iter().any(|each| each.approval.challenge == known.challenge))
        };
        asking.proofs.retain(|proof| !used(proof));
        if lost {
            if let Some(execution) = execution {
                core.store.take(&execution.running).await?;
            }
            let (now, notice) = (core.now(), Notice::refused(Refusal::AlreadyUsed));
            let reply = self.blocked_because(asking, now, Some(notice), Carry::Nothing, Why::Used);
            return Ok(Err(Ruling::Respond(reply)));
        }
        let restores = policy.binding().is_some_and(|rules| rules.restore_on_5xx);
        let mut restore = Vec::new();
        for each in &uses {
            let event = self.event(EventKind::GrantUsed, asking, each.factor, &each.approval.challenge);
            audit::record(core.listener.as_ref(), &event);
            if restores {
                let name = facts::grant(core.keys.oldest(), &each.approval.challenge);
                restore.push(Grant { name, left: each.left, event });
            }
        }
        if let Some(exemptions) = policy.exemptions() {
            exemptions.authenticated(core, &asking.subject).await?;
        }
        Ok(Ok(Settlement { core: Arc::clone(core), restore, execution }))
    }

    /// Passes a transaction on without a challenge, if an exemption of the policy applies.
    pub(super) async fn exempt(
        &self,
        asking: &mut Asking,
        payload: &Bytes,
    ) -> Result<Option<Ruling>, Refusal> {
        let Inner { core, policy, .. } = &*self.inner;
        let (Some(exemptions), Some(bound)) = (policy.exemptions(), &asking.bound) else { return Ok(None) };
        let Some(exempt) = exemptions.decide(core, &asking.subject, &bound.transaction).await? else {
            return Ok(None);
        };
        let execution = match self.begin_execution(asking).await? {
            Ok(execution) => execution,
            Err(reply) => return Ok(Some(Ruling::Respond(reply))),
        };
        let mut event = self.event(EventKind::Exempted, asking, FactorTag([0; 8]), &[0; 16]);
        (event.challenge, event.exempt) = (String::new(), Some(exempt));
        audit::record(core.listener.as_ref(), &event);
        let settlement = Settlement { core: Arc::clone(core), restore: Vec::new(), execution };
        Ok(Some(Ruling::Allow(Passage { settlement: Some(settlement), ..Passage::of(payload.clone()) })))
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
                let name = facts::grant(core.keys.oldest(), &approval.challenge);
                core.store.insert(&name, Bytes::new(), policy.approval_life(proof.factor)).await?;
            }
        }
        Ok(())
    }

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
        let (running, outcome) = facts::executions(core.keys.oldest(), &asking.subject, &policy.tag.0, &key);
        let mut mac = core.keys.oldest().binding.clone();
        mac.update(b"fingerprint");
        mac.update(&bound.digest);
        mac.update(payload);
        let fingerprint = truncate(mac);
        asking.execution = Some(Execution { running, outcome, fingerprint });
        let Some(sealed) = core.store.get(&outcome).await? else { return Ok(None) };
        Ok(Some(match Outcome::read(core, &sealed, &fingerprint, asking.look) {
            Some(Outcome::Known(reply)) => reply,
            Some(Outcome::Executed) => asking.refuse(Refusal::Executed),
            Some(Outcome::Other) | None => asking.refuse(Refusal::OtherRequest),
        }))
    }

    /// Marks the request as being executed: of those with one `Idempotency-Key`, one is.
    async fn begin_execution(
        &self,
        asking: &mut Asking,
    ) -> Result<Result<Option<Execution>, Reply>, Refusal> {
        let Some(execution) = asking.execution.take() else { return Ok(Ok(None)) };
        let core = &self.inner.core;
        let mark = Bytes::copy_from_slice(&execution.fingerprint);
        if core.store.insert(&execution.running, mark, KEPT).await? {
            return Ok(Ok(Some(execution)));
        }
        let running = core.store.get(&execution.running).await?;
        let same = running.is_none_or(|mark| mark.as_ref() == execution.fingerprint);
        Ok(Err(asking.refuse(if same { Refusal::Executed } else { Refusal::OtherRequest })))
    }

    pub(super) fn record(&self, kind: EventKind, asking: &Asking, factor: FactorTag, challenge: &[u8; 16]) {
        let event = self.event(kind, asking, factor, challenge);
        audit::record(self.inner.core.listener.as_ref(), &event);
    }

    fn event(&self, kind: EventKind, asking: &Asking, factor: FactorTag, challenge: &[u8; 16]) -> Event {
        let Inner { core, plan, policy } = &*self.inner;
        let key = core.keys.newest();
        let short = |bytes: &[u8]| to_hex(bytes.first_chunk::<8>().map_or(&[], |chunk| chunk.as_slice()));
        let facts = facts::SubjectFacts::new(core.keys.oldest(), &asking.subject, factor, None, None);
        Event {
            kind,
            at: core.clock.now(),
            policy: policy.name.clone(),
            factor: plan.leaf_of(factor).map(|leaf| leaf.factor.name().to_owned()).unwrap_or_default(),
            challenge: short(&facts::message(key, challenge, u64::MAX)),
            subject: short(facts.identity()),
            channel: None,
            calling_code: 0,
            exempt: None,
        }
    }
}
