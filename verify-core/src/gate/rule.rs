//! Ruling: what a look could not settle, with the store and with the body.

use bytes::Bytes;

use crate::ceremony::Ceremony;
use crate::decision::{Passage, Ruling};
use crate::encoding::Reader;
use crate::facts;
use crate::form::Form;
use crate::gate::{Carry, FORM_LIMIT, Gate, Inner};
use crate::inquiry::{Asking, Inquiry, Kind};
use crate::offer::{self, Offer};
use crate::page::{self, Notice};
use crate::refusal::Refusal;
use crate::reply;
use crate::request::Provenance;

impl Gate {
    /// Rules on an inquiry, with the body where [`Decision::Read`] asked for it.
    pub async fn rule(&self, inquiry: Inquiry, body: Bytes) -> Ruling {
        let Inquiry { mut asking, kind } = inquiry;
        match kind {
            Kind::Revocation => self.look_up_revocation(asking).await,
            Kind::Inline(answers) => match self.answer(&mut asking, &answers).await {
                Ok(()) => self.conclude(&asking, body, None),
                Err(refusal) => self.refuse(&asking, refusal, None),
            },
            Kind::Form => self.rule_on_form(asking, body).await,
            Kind::Endpoint { .. } => Ruling::Respond(asking.refuse(Refusal::NotFound)),
        }
    }

    async fn look_up_revocation(&self, mut asking: Box<Asking>) -> Ruling {
        let Inner { core, plan, .. } = &*self.inner;
        let name = facts::revoked(core.keys.oldest(), &asking.subject);
        let void = match core.store.get(&name).await {
            Ok(None) => 0,
            Ok(Some(value)) => Reader::new(&value).u64().unwrap_or(u64::MAX),
            Err(error) => return Ruling::Respond(asking.refuse(error.into())),
        };
        asking.proofs.retain(|proof| proof.verified_at > void);
        let now = core.now();
        if plan.is_met(self.met(&asking, now).fresh) {
            return Ruling::Allow(Passage { body: Bytes::new(), headers: Vec::new() });
        }
        Ruling::Respond(self.blocked(&asking, now, None, Carry::Nothing))
    }

    /// Redeems each answer for a proof. What was proven before a refusal stays proven.
    async fn answer(&self, asking: &mut Asking, answers: &[(String, String)]) -> Result<(), Refusal> {
        let Inner { core, plan, policy } = &*self.inner;
        if asking.provenance == Provenance::Foreign {
            return Err(Refusal::Foreign);
        }
        for (sealed, answer) in answers {
            let proof = {
                let ceremony = Ceremony::begin(core, &asking.subject, asking.source, sealed)?;
                // Only what this policy offers, and only what was offered for it.
                if ceremony.ticket.policy != policy.tag || plan.leaf_of(ceremony.ticket.factor).is_none() {
                    return Err(Refusal::SessionExpired);
                }
                ceremony.answer(answer).await?
            };
            asking.prove(proof);
        }
        Ok(())
    }

    /// Passes the request on if nothing is missing any more, with the new clearance for the answer.
    fn conclude(&self, asking: &Asking, body: Bytes, form: Option<&Form>) -> Ruling {
        let now = self.inner.core.now();
        let cleared = offer::clear(asking);
        if self.inner.plan.is_met(self.met(asking, now).fresh) {
            return Ruling::Allow(Passage { body, headers: cleared.headers });
        }
        let reply = self.blocked(asking, now, None, Carry::from(form));
        Ruling::Respond(reply::with_headers(reply, cleared.headers))
    }

    fn refuse(&self, asking: &Asking, refusal: Refusal, form: Option<&Form>) -> Ruling {
        if !asking.look.page {
            return Ruling::Respond(asking.refuse(refusal));
        }
        let now = self.inner.core.now();
        let reply = self.blocked(asking, now, Some(Notice::refused(refusal)), Carry::from(form));
        Ruling::Respond(reply::with_refusal_headers(reply, refusal))
    }

    /// A form that a browser posted: the page's own, with an answer or a wish, or one that has just been blocked.
    async fn rule_on_form(&self, mut asking: Box<Asking>, body: Bytes) -> Ruling {
        let now = self.inner.core.now();
        let own = asking.provenance != Provenance::Foreign;
        // Another site's fields are never carried: the page would post them again as our own.
        let Some(form) = Form::parse(&body).filter(|_| own) else {
            return Ruling::Respond(self.blocked(&asking, now, None, Carry::Lost));
        };
        if form.rest.len() > FORM_LIMIT {
            return Ruling::Respond(asking.refuse(Refusal::TooLarge));
        }
        let Some(sealed) = form.id.as_deref() else {
            return Ruling::Respond(self.blocked(&asking, now, None, Carry::Fields(&form)));
        };
        if let Err(wait) = self.inner.core.challenges.check(&asking.source) {
            return self.refuse(&asking, Refusal::RateLimited(wait.retry_after()), Some(&form));
        }
        match form.action.as_deref() {
            Some("send") => self.send_for_form(&asking, sealed, &form).await,
            Some("cancel") => {
                let begun = Ceremony::begin(&self.inner.core, &asking.subject, asking.source, sealed);
                let cancelled = match begun {
                    Ok(ceremony) => ceremony.cancel().await,
                    Err(refusal) => Err(refusal),
                };
                match cancelled {
                    Ok(()) => {
                        let notice = Some(Notice::cancelled());
                        Ruling::Respond(self.blocked(&asking, now, notice, Carry::Fields(&form)))
                    }
                    Err(refusal) => self.refuse(&asking, refusal, Some(&form)),
                }
            }
            _ => {
                let answers = [(sealed.to_owned(), form.answer.clone().unwrap_or_default())];
                match self.answer(&mut asking, &answers).await {
                    Ok(()) => self.conclude(&asking, form.rest.clone(), Some(&form)),
                    Err(refusal @ (Refusal::Wrong | Refusal::Invalid(_))) => {
                        match page::code_again(&asking, sealed, refusal, Some(&form)).await {
                            Some(reply) => Ruling::Respond(reply),
                            None => self.refuse(&asking, refusal, Some(&form)),
                        }
                    }
                    Err(refusal) => self.refuse(&asking, refusal, Some(&form)),
                }
            }
        }
    }

    async fn send_for_form(&self, asking: &Asking, sealed: &str, form: &Form) -> Ruling {
        let core = &self.inner.core;
        let sending = async {
            let ceremony = Ceremony::begin(core, &asking.subject, asking.source, sealed)?;
            let Some(sent) = ceremony.send(form.channel.as_deref()).await? else { return Ok(None) };
            let offer = Offer::seal(core, sent.ticket.clone())?;
            Ok(Some(page::code_sent(asking, &ceremony.policy, &ceremony.factor, &offer, &sent, Some(form))))
        };
        match sending.await {
            Ok(Some(page)) => Ruling::Respond(page),
            Ok(None) => Ruling::Respond(self.blocked(asking, core.now(), None, Carry::Fields(form))),
            Err(refusal) => self.refuse(asking, refusal, Some(form)),
        }
    }
}
