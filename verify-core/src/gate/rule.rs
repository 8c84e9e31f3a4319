//! Ruling: what a look could not settle, with the store and with the body.

use std::sync::Arc;

use bytes::Bytes;

use crate::ceremony::Ceremony;
use crate::decision::{Passage, Ruling};
use crate::engine::Core;
use crate::facts;
use crate::form::Form;
use crate::gate::{Carry, FORM_LIMIT, Gate, Inner};
use crate::inquiry::{Answered, Asking, Inquiry, Kind};
use crate::offer;
use crate::page::{self, Notice};
use crate::refusal::Refusal;
use crate::reply;
use crate::request::Provenance;

/// Any time will do for a counter that is only read.
const READ_ONLY: std::time::Duration = std::time::Duration::from_secs(1);

impl Gate {
    /// Rules on an inquiry, with the body where [`Decision::Read`](crate::Decision::Read) asked for it.
    pub async fn rule(&self, inquiry: Inquiry, body: Bytes) -> Ruling {
        let Inquiry { mut asking, kind, is_met } = inquiry;
        if is_met {
            match self.is_still_met(&mut asking).await {
                Ok(true) => {
                    let headers = self.renew(&mut asking);
                    return Ruling::Allow(Passage { headers, ..Passage::of(body) });
                }
                // Only now it shows that the limits of strangers are this one's too.
                Ok(false) => {
                    if let Err(refusal) = self.within_limits(&asking.source, matches!(kind, Kind::Inline(_)))
                    {
                        return Ruling::Respond(reply::problem(asking.look, refusal));
                    }
                }
                Err(refusal) => return self.refuse(&asking, refusal, None),
            }
        }
        match kind {
            Kind::Inline(answers) => match self.answer(&mut asking, &answers).await {
                Ok(()) => self.conclude(&mut asking, body, None).await,
                Err(refusal) => self.refuse_after_answers(&mut asking, refusal, None),
            },
            Kind::Form(_) => self.rule_on_form(asking, body).await,
            Kind::Order(presented) => self.rule_on_order(asking, presented, body).await,
            Kind::Head { posted } => {
                let carry = if posted { Carry::Lost } else { Carry::Nothing };
                Ruling::Respond(self.blocked(&asking, self.inner.core.now(), None, carry))
            }
            Kind::Endpoint { .. } | Kind::Carried(_) => Ruling::Respond(asking.refuse(Refusal::NotFound)),
        }
    }

    /// Notes that the proofs are in use, where an idle time is set: the header fields of the renewed clearance.
    fn renew(&self, asking: &mut Asking) -> Vec<(http::HeaderName, http::HeaderValue)> {
        let Inner { core, plan, .. } = &*self.inner;
        let now = core.now();
        let ours = asking.proofs.iter().filter(|proof| plan.leaf_of(proof.factor).is_some());
        let seen_at = ours.map(|proof| proof.seen_at).min().unwrap_or(now);
        if !plan.is_to_be_renewed(seen_at, now) {
            return Vec::new();
        }
        for proof in asking.proofs.iter_mut().filter(|proof| plan.leaf_of(proof.factor).is_some()) {
            proof.see(now);
        }
        offer::renewed(asking).headers
    }

    /// Drops what was revoked, and says whether the policy is met by the rest.
    pub(super) async fn is_still_met(&self, asking: &mut Asking) -> Result<bool, Refusal> {
        self.drop_revoked(asking).await?;
        let Inner { core, plan, .. } = &*self.inner;
        Ok(plan.is_met(self.met(asking, core.now()).fresh))
    }

    /// Drops what was revoked: in this process, and on any machine where the policy asks for that. What has just been proven is
    /// no exception, since its challenge may have been open before.
    pub(super) async fn drop_revoked(&self, asking: &mut Asking) -> Result<(), Refusal> {
        let Inner { core, policy, .. } = &*self.inner;
        let revoked = core.revocations.of(&asking.subject);
        asking.proofs.retain(|proof| !revoked.covers(proof));
        if policy.checks_revocation && !asking.proofs.is_empty() {
            let name = facts::revocations(core.keys.facts(), &asking.subject);
            let revocations = core.store.add(&name, 0, READ_ONLY).await?;
            asking.proofs.retain(|proof| proof.revocations == revocations);
        }
        Ok(())
    }

    /// Redeems each answer for a proof. What was proven before a refusal stays proven.
    pub(super) async fn answer(&self, asking: &mut Asking, answers: &[Answered]) -> Result<(), Refusal> {
        let Inner { core, plan, policy } = &*self.inner;
        if asking.provenance == Provenance::Foreign {
            return Err(Refusal::Foreign);
        }
        if !answers.is_empty() {
            core.within_shared_limit(&asking.source).await?;
        }
        for (sealed, answer) in answers {
            let (proof, factor) = {
                let ceremony = Ceremony::begin(core, &asking.subject, asking.source, sealed)?;
                // Only what this policy offers, and only what was offered for it.
                if ceremony.ticket.policy != policy.tag || plan.leaf_of(ceremony.ticket.factor).is_none() {
                    return Err(Refusal::SessionExpired);
                }
                (ceremony.answer(answer).await?, Arc::clone(&ceremony.factor))
            };
            asking.prove(proof, &factor);
        }
        Ok(())
    }

    /// Passes the request on if nothing is missing any more, with the new clearance for the answer.
    async fn conclude(&self, asking: &mut Asking, body: Bytes, form: Option<&Form>) -> Ruling {
        let is_met = match self.is_still_met(asking).await {
            Ok(is_met) => is_met,
            Err(refusal) => return self.refuse_after_answers(asking, refusal, form),
        };
        let cleared = offer::clear(asking);
        if is_met {
            return Ruling::Allow(Passage { headers: cleared.headers, ..Passage::of(body) });
        }
        let reply = self.blocked(asking, self.inner.core.now(), None, Carry::from(form));
        Ruling::Respond(reply::with_headers(reply, cleared.headers))
    }

    pub(super) fn refuse(&self, asking: &Asking, refusal: Refusal, form: Option<&Form>) -> Ruling {
        if refusal == Refusal::FellBack {
            let notice = Some(Notice::refused(refusal));
            return Ruling::Respond(self.blocked(asking, self.inner.core.now(), notice, Carry::from(form)));
        }
        if !asking.look.page {
            return Ruling::Respond(asking.refuse(refusal));
        }
        let (now, refusal) = (self.inner.core.now(), self.inner.core.told(refusal));
        let mut reply = self.blocked(asking, now, Some(Notice::refused(refusal)), Carry::from(form));
        if matches!(refusal, Refusal::Unavailable | Refusal::Misconfigured) {
            // The page helps to try again, and the status says that it is not the visitor's fault.
            *reply.status_mut() = refusal.words().status;
        }
        Ruling::Respond(reply::with_refusal_headers(reply, refusal))
    }

    /// Refuses one of several answers; those before it cannot be given again, so their clearance goes along.
    pub(super) fn refuse_after_answers(
        &self,
        asking: &mut Asking,
        refusal: Refusal,
        form: Option<&Form>,
    ) -> Ruling {
        if !asking.has_new_proof {
            return self.refuse(asking, refusal, form);
        }
        let cleared = offer::clear(asking);
        match self.refuse(asking, refusal, form) {
            Ruling::Respond(reply) => Ruling::Respond(reply::with_headers(reply, cleared.headers)),
            other => other,
        }
    }

    /// A form that a browser posted: the page's own, with an answer, or one that has just been blocked.
    async fn rule_on_form(&self, mut asking: Box<Asking>, body: Bytes) -> Ruling {
        let core: &Arc<Core> = &self.inner.core;
        let now = core.now();
        let own = asking.provenance != Provenance::Foreign;
        // Another site's fields are never carried: the page would post them again as our own.
        let Some(form) = Form::parse(&body).filter(|_| own) else {
            return Ruling::Respond(self.blocked(&asking, now, None, Carry::Lost));
        };
        if form.rest.len() > FORM_LIMIT {
            return Ruling::Respond(self.blocked_without_body(&asking));
        }
        let Some(sealed) = form.id.as_deref() else {
            return Ruling::Respond(self.blocked(&asking, now, None, Carry::Fields(&form)));
        };
        if let Err(refusal) = self.within_limits(&asking.source, true) {
            return self.refuse(&asking, refusal, Some(&form));
        }
        let answers = [(sealed.to_owned(), form.answer.clone().unwrap_or_default())];
        match self.answer(&mut asking, &answers).await {
            Ok(()) => self.conclude(&mut asking, form.rest.clone(), Some(&form)).await,
            Err(refusal) if refusal.may_be_tried_again() => {
                match page::code_again(&asking, sealed, refusal, Some(&form)).await {
                    Some(reply) => Ruling::Respond(reply),
                    None => self.refuse(&asking, refusal, Some(&form)),
                }
            }
            Err(refusal) => self.refuse(&asking, refusal, Some(&form)),
        }
    }
}
