//! Requests that name a transaction: read it, and make sure that whatever they present is for this one.

use bytes::Bytes;

use crate::audit::EventKind;
use crate::binding::{BindError, Binder, Bound, BoundRequest};
use crate::ceremony::Ceremony;
use crate::clearance::Proof;
use crate::clock::millis_of;
use crate::decision::{Decision, Reply, Ruling};
use crate::facts;
use crate::form::Form;
use crate::gate::blocked::Why;
use crate::gate::{Carry, Gate, OWN_FIELDS, in_line};
use crate::inquiry::{Answered, Asking, Inquiry, Kind, Presented, Seen, look};
use crate::page::{self, Notice};
use crate::policy::BindingRules;
use crate::refusal::Refusal;
use crate::reply;
use crate::request::{Provenance, RequestView, is_preflight};
use crate::transaction::Transaction;

const FORM: &str = "application/x-www-form-urlencoded";

impl Gate {
    /// Decides about a request whose transaction the handler names, having parsed it: the value that is bound is the
    /// value that it will execute. For policies with [`Policy::bind_in_handler`](crate::Policy::bind_in_handler). The body
    /// that was parsed goes to [`Gate::rule`], so that a browser's form can be answered in place.
    pub fn decide_transaction(
        &self,
        request: &impl RequestView,
        transaction: Result<Transaction, BindError>,
    ) -> Decision {
        match self.begin_order(request) {
            Ok(inquiry) => self.decide_admitted(inquiry, transaction),
            Err(reply) => Decision::Respond(*reply),
        }
    }

    /// Decides as [`Gate::decide_transaction`] does, in two steps, for whoever reads the body himself: this one looks at the
    /// head alone and comes before anything is read, so that whoever asks too often is refused first. A request that it
    /// admits is counted, and goes to [`Gate::decide_admitted`] with the transaction that was read. Until then the inquiry has
    /// the answers to a body that does not arrive, such as [`Inquiry::too_slow`].
    ///
    /// # Errors
    /// What to answer without reading: 429, 415 to a body that is compressed, or what else there is to say to the head.
    pub fn admit(&self, request: &impl RequestView) -> Result<Inquiry, Box<Reply>> {
        let inquiry = self.begin_order(request)?;
        if is_encoded(request) {
            return Err(Box::new(self.unreadable_kind(&inquiry.asking)));
        }
        Ok(inquiry)
    }

    /// The second step, with an inquiry of [`Gate::admit`] at this gate: nothing is counted once more.
    pub fn decide_admitted(
        &self,
        mut inquiry: Inquiry,
        transaction: Result<Transaction, BindError>,
    ) -> Decision {
        let asking = &mut inquiry.asking;
        let (Some(rules), Kind::Order(_)) = (self.inner.policy.binding(), &inquiry.kind) else {
            let policy = &self.inner.policy.name;
            tracing::error!(target: "verify", %policy, "an inquiry was not admitted at this gate: `Gate::admit` comes first");
            return Decision::Respond(asking.refuse(Refusal::Misconfigured));
        };
        match transaction.and_then(|transaction| self.bound(asking, rules, transaction)) {
            Ok(bound) => asking.bound = Some(bound),
            Err(error) => return Decision::Respond(self.unbindable(asking, &error)),
        }
        Decision::Consult(inquiry)
    }

    /// The head of a request whose handler names the transaction.
    fn begin_order(&self, request: &impl RequestView) -> Result<Inquiry, Box<Reply>> {
        if self.inner.policy.binding().is_none() {
            let what = "it binds no transaction: `.bind_in_handler()`";
            return Err(Box::new(self.misconfigured(request, what)));
        }
        if is_preflight(request) {
            return Err(Box::new(reply::no_content()));
        }
        let (asking, presented) = self.ask(request)?;
        Ok(Inquiry { asking, kind: Kind::Order(presented), is_met: false })
    }

    /// Looks at the head of a request whose transaction is in its body.
    pub(super) fn look_at_order(
        &self,
        request: &impl RequestView,
        rules: &BindingRules,
        may_read: bool,
    ) -> Decision {
        if rules.binder == Binder::Handler {
            let what = "its handler names the transaction: ask inside the handler";
            return Decision::Respond(self.misconfigured(request, what));
        }
        if !may_read {
            let what = "it reads the body: use the layer, or `.bind_in_handler()`";
            return Decision::Respond(self.misconfigured(request, what));
        }
        let (asking, presented) = match self.ask(request) {
            Ok(asking) => asking,
            Err(reply) => return Decision::Respond(*reply),
        };
        let readable = asking.request.as_ref().is_some_and(|request| rules.binder.takes(request));
        if is_encoded(request) || !readable {
            return Decision::Respond(self.unreadable_kind(&asking));
        }
        Decision::Read(
            Inquiry { asking, kind: Kind::Order(presented), is_met: false },
            rules.body_limit.saturating_add(OWN_FIELDS),
        )
    }

    /// Without a body there is no transaction to offer a challenge for; that one is needed is said all the same.
    fn unreadable_kind(&self, asking: &Asking) -> Reply {
        reply::required(asking.refuse(Refusal::UnsupportedMediaType), &self.inner.policy.name)
    }

    fn misconfigured(&self, request: &impl RequestView, what: &str) -> Reply {
        let policy = &self.inner.policy.name;
        tracing::error!(target: "verify", %policy, "a gate is in the wrong place and lets nobody pass: {what}");
        reply::problem(look(request), Refusal::Misconfigured)
    }

    /// Who asks, within the limits of strangers unless they come with an approval.
    fn ask(&self, request: &impl RequestView) -> Result<(Box<Asking>, Vec<Presented>), Box<Reply>> {
        let core = &self.inner.core;
        let now = core.now();
        let refuse = |refusal| Box::new(reply::problem(look(request), refusal));
        let presented = in_line::presented(request).map_err(refuse)?;
        let mut seen =
            Seen { source: core.source(request), subject: core.subject_of(request), has_proofs: false };
        let mut is_waived = false;
        if let Some(subject) = &seen.subject {
            core.proofs(request, subject, now, |proof| {
                seen.has_proofs = true;
                is_waived |= self.is_usable(proof, now);
            });
        }
        if !is_waived {
            self.within_limits(&seen.source, !presented.is_empty()).map_err(refuse)?;
        }
        let asker = seen.asker(core).map_err(|error| refuse(error.into()))?;
        let mut asking = Asking::of(core, request, now, asker);
        (asking.request, asking.is_waived) = (Some(BoundRequest::of(request)), is_waived);
        Ok((Box::new(asking), presented))
    }

    /// Whether a proof is an approval at this gate that may not have been used yet, whatever it approves.
    fn is_usable(&self, proof: &Proof, now: u64) -> bool {
        let life = millis_of(self.inner.policy.approval_life(proof.factor));
        proof.binding.is_some_and(|approval| approval.policy == self.tag())
            && now < proof.verified_at.saturating_add(life)
    }

    /// Asks the limits of strangers after all, of whoever came with an approval that was good for nothing: the answer, if it is
    /// one too many.
    pub(super) fn limited(&self, asking: &mut Asking) -> Option<Ruling> {
        let is_stranger = std::mem::take(&mut asking.is_waived);
        let refusal = is_stranger.then(|| self.within_limits(&asking.source, false).err()).flatten()?;
        Some(Ruling::Respond(reply::problem(asking.look, refusal)))
    }

    /// The transaction of a request, if the policy takes its kind.
    fn bound(
        &self,
        asking: &Asking,
        rules: &BindingRules,
        transaction: Transaction,
    ) -> Result<Bound, BindError> {
        if transaction.is_batch() && !rules.batches {
            return Err(BindError::new("several payments at once are not taken here: send one"));
        }
        if transaction.is_up_to() && !rules.up_to {
            return Err(BindError::new("an amount that may be fallen short of is not taken here"));
        }
        let request = asking.request.as_ref().ok_or_else(|| BindError::new("there is no request"))?;
        Ok(Bound::new(&self.inner.core, self.inner.policy.tag, &asking.subject, request, transaction))
    }

    fn unbindable(&self, asking: &Asking, error: &BindError) -> Reply {
        if asking.look.page { page::unbindable(asking, error) } else { reply::unbindable(asking.look, error) }
    }

    /// Rules on a request that names a transaction, in its body or already.
    pub(super) async fn rule_on_order(
        &self,
        mut asking: Box<Asking>,
        mut presented: Vec<Presented>,
        body: Bytes,
    ) -> Ruling {
        let Some(rules) = self.inner.policy.binding() else {
            return Ruling::Respond(asking.refuse(Refusal::Misconfigured));
        };
        let mut payload = body;
        let mut form = None;
        let Some(request) = asking.request.clone() else {
            return Ruling::Respond(asking.refuse(Refusal::Misconfigured));
        };
        if request.is(FORM) {
            if asking.look.page && asking.provenance == Provenance::Foreign {
                // Another site's fields are never carried: the page would post them again as our own.
                return Ruling::Respond(asking.refuse(Refusal::Foreign));
            }
            let Some(parsed) = Form::parse(&payload) else {
                let error = BindError::new("the form is not UTF-8, or has a field of the gate twice");
                return Ruling::Respond(self.unbindable(&asking, &error));
            };
            payload = parsed.rest.clone();
            form = Some(parsed);
        }
        if asking.bound.is_none() {
            if payload.len() > rules.body_limit {
                return Ruling::Respond(asking.refuse(Refusal::TooLarge));
            }
            let read = rules.binder.read(&request, &payload);
            match read.and_then(|transaction| self.bound(&asking, rules, transaction)) {
                Ok(bound) => asking.bound = Some(bound),
                Err(error) => return Ruling::Respond(self.unbindable(&asking, &error)),
            }
        }
        let form = form.as_ref();
        match self.known_outcome(&mut asking, &payload).await {
            Ok(None) => {}
            Ok(Some(reply)) => return Ruling::Respond(reply),
            Err(refusal) => return self.refuse(&asking, refusal, form),
        }
        if let Some(form) = form
            && let Some(ticket) = &form.id
        {
            presented.push(Presented { ticket: ticket.clone(), answer: form.answer.clone() });
        }
        match self.kill_strays(&mut asking, &presented).await {
            Ok(false) => {}
            Ok(true) => return self.mismatch(&mut asking, form),
            Err(refusal) => return self.refuse(&asking, refusal, form),
        }
        let answers: Vec<Answered> =
            presented.into_iter().filter_map(|each| Some((each.ticket, each.answer?))).collect();
        match self.answer(&mut asking, &answers).await {
            Ok(()) => self.execute(asking, payload, form).await,
            Err(refusal) if refusal.may_be_tried_again() && form.is_some() => {
                let sealed = form.and_then(|form| form.id.as_deref()).unwrap_or_default();
                match page::code_again(&asking, sealed, refusal, form).await {
                    Some(reply) => Ruling::Respond(reply),
                    None => self.refuse(&asking, refusal, form),
                }
            }
            Err(refusal) => self.refuse_redeemed(&mut asking, refusal, form).await,
        }
    }

    /// Ends every challenge and every approval that a request presents by a ticket for another transaction than its own,
    /// and says whether there was one.
    async fn kill_strays(&self, asking: &mut Asking, presented: &[Presented]) -> Result<bool, Refusal> {
        let core = &self.inner.core;
        let Some(bound) = asking.bound.clone() else { return Ok(false) };
        let mut found = false;
        for Presented { ticket, .. } in presented {
            let Ok(ceremony) = Ceremony::begin(core, &asking.subject, asking.source, ticket) else {
                continue;
            };
            let Some(theirs) = ceremony.ticket.bound.as_ref() else { continue };
            if ceremony.ticket.policy != self.inner.policy.tag || theirs.approves(&bound) {
                continue;
            }
            found = true;
            let challenge = ceremony.kill().await?;
            let grant = facts::grant(core.keys.facts(), &challenge.id);
            core.store.take(&grant).await?;
            ceremony.record_as(EventKind::BindingMismatch, &challenge);
        }
        Ok(found)
    }

    /// Ends the approvals of this policy that a request carries, all of them for other transactions than its own: says
    /// whether any was alive.
    pub(super) async fn kill_stray_approvals(&self, asking: &mut Asking) -> Result<bool, Refusal> {
        let core = &self.inner.core;
        let mut found = false;
        let proofs = std::mem::take(&mut asking.proofs);
        for proof in proofs {
            let stray = proof.binding.filter(|approval| approval.policy == self.inner.policy.tag);
            let Some(approval) = stray else {
                asking.proofs.push(proof);
                continue;
            };
            let name = facts::grant(core.keys.facts(), &approval.challenge);
            if core.store.take(&name).await?.is_some() {
                found = true;
                self.record(EventKind::BindingMismatch, asking, proof.factor, &approval.challenge);
            }
        }
        Ok(found)
    }

    /// 409, with new challenges for what is asked now; what was approved before is dead.
    pub(super) fn mismatch(&self, asking: &mut Asking, form: Option<&Form>) -> Ruling {
        if let Some(limited) = self.limited(asking) {
            return limited;
        }
        let now = self.inner.core.now();
        let notice = Notice::mismatch();
        Ruling::Respond(self.blocked_because(asking, now, Some(notice), Carry::from(form), Why::Mismatch))
    }
}

/// Whether the body is compressed: read as it is, it is something else than what the handler would read.
fn is_encoded(request: &impl RequestView) -> bool {
    request.headers("content-encoding").any(|coding| !coding.eq_ignore_ascii_case(b"identity"))
}

/// What a form carries for its handler: the bytes as they came, less the fields that are the gate's. A form that cannot
/// be taken apart is returned as it is.
#[must_use]
pub fn form_payload(body: &Bytes) -> Bytes {
    Form::parse(body).map_or_else(|| body.clone(), |form| form.rest)
}
