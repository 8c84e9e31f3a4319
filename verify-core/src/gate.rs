//! The gate in front of a route: decides by looking, and rules when looking is not enough.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderValue};
use serde_json::{Value, json};

use crate::ceremony::Ceremony;
use crate::clearance::Proof;
use crate::clock::millis_of;
use crate::decision::{Decision, Passage, Reply, Ruling};
use crate::encoding::Reader;
use crate::engine::{BlockStatus, Core, PolicyInfo};
use crate::facts;
use crate::form::Form;
use crate::inquiry::{Asking, Inquiry, Kind, look};
use crate::offer::{self, Offer};
use crate::page::{self, Notice};
use crate::policy::Plan;
use crate::refusal::Refusal;
use crate::reply::{self, CHALLENGE_REQUIRED};
use crate::request::{Provenance, RequestView, content_type_is, is_preflight};

/// The largest form that is read to be handed on: 64 KiB, more than any form that people fill in.
const FORM_LIMIT: usize = 64 * 1024;

/// More answers in one request than any policy has factors for.
const MAX_ANSWERS: usize = 8;

/// A compiled policy, ready to judge requests; made by [`Engine::gate`](crate::Engine::gate).
#[derive(Clone)]
pub struct Gate {
    inner: Arc<Inner>,
}

struct Inner {
    core: Arc<Core>,
    plan: Plan,
    policy: Arc<PolicyInfo>,
}

/// Which leaves are met, and which are met by nothing but a proof that is too old.
#[derive(Clone, Copy, Default)]
struct Met {
    fresh: u64,
    stale: u64,
}

impl Met {
    fn count(&mut self, plan: &Plan, proof: &Proof, now: u64) {
        for (index, leaf) in plan.leaves.iter().enumerate() {
            if leaf.tag == proof.factor && proof.binding.is_none() {
                let fresh = now < proof.verified_at.saturating_add(leaf.max_age_millis);
                *(if fresh { &mut self.fresh } else { &mut self.stale }) |= 1 << index;
            }
        }
    }
}

impl Gate {
    pub(crate) fn new(core: Arc<Core>, plan: Plan, policy: Arc<PolicyInfo>) -> Self {
        Self { inner: Arc::new(Inner { core, plan, policy }) }
    }

    /// The policy's name.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.inner.policy.name
    }

    /// How long an adapter waits for [`Gate::rule`].
    #[must_use]
    pub fn deadline(&self) -> std::time::Duration {
        self.inner.core.deadline
    }

    /// Decides by looking at the head of the request: no I/O, and no allocation when it allows.
    ///
    /// The route is whatever the gate was put in front of; paths are never compared, so no spelling of a path leads
    /// around it. Every method is guarded; only a CORS preflight passes, which carries no credentials.
    pub fn decide(&self, request: &impl RequestView) -> Decision {
        self.look_at(request, true)
    }

    /// Decides as [`Gate::decide`] does where the body is out of reach, as it is inside a handler: it never asks to
    /// read, and a browser whose form was blocked is told to send it again.
    pub fn decide_without_body(&self, request: &impl RequestView) -> Decision {
        self.look_at(request, false)
    }

    fn look_at(&self, request: &impl RequestView, may_read: bool) -> Decision {
        let Inner { core, plan, policy } = &*self.inner;
        if is_preflight(request) {
            return Decision::Allow;
        }
        let now = core.now();
        if let Some(subject) = core.subject_of(request) {
            let mut met = Met::default();
            core.proofs(request, &subject, now, |proof| met.count(plan, &proof, now));
            if plan.is_met(met.fresh) {
                if !policy.checks_revocation {
                    return Decision::Allow;
                }
                return self.inquire(request, now, |_| Kind::Revocation);
            }
        }
        self.block(request, now, may_read)
    }

    /// Rules on an inquiry, with the body where [`Decision::Read`] asked for it.
    pub async fn rule(&self, inquiry: Inquiry, body: Bytes) -> Ruling {
        let Inquiry { mut asking, kind } = inquiry;
        match kind {
            Kind::Revocation => self.look_up_revocation(asking).await,
            Kind::Inline(answers) => match self.answer(&mut asking, &answers).await {
                Ok(()) => self.conclude(&asking, body, None),
                Err(refusal) => self.refuse(&asking, refusal, None),
            },
            Kind::Form { readable } => self.rule_on_form(asking, body, readable).await,
            Kind::Endpoint { .. } => Ruling::Respond(asking.refuse(Refusal::NotFound)),
        }
    }

    fn inquire(&self, request: &impl RequestView, now: u64, kind: impl FnOnce(&Asking) -> Kind) -> Decision {
        match Asking::new(&self.inner.core, request, now) {
            Ok(asking) => {
                let kind = kind(&asking);
                Decision::Consult(Inquiry { asking: Box::new(asking), kind })
            }
            Err(refusal) => Decision::Respond(reply::problem(look(request), refusal)),
        }
    }

    /// No clearance: limit first, then see whether the request carries an answer, else offer the challenges.
    fn block(&self, request: &impl RequestView, now: u64, may_read: bool) -> Decision {
        let core = &self.inner.core;
        let answers = inline_answers(request);
        let limiter = if answers.is_some() { &core.challenges } else { &core.blocked };
        if let Err(wait) = limiter.check(&core.source(request)) {
            metrics::counter!("verify_limited_total", "policy" => self.inner.policy.name.to_string())
                .increment(1);
            return Decision::Respond(reply::problem(
                look(request),
                Refusal::RateLimited(wait.retry_after()),
            ));
        }
        let asking = match Asking::new(core, request, now) {
            Ok(asking) => asking,
            Err(refusal) => return Decision::Respond(reply::problem(look(request), refusal)),
        };
        match answers {
            Some(Ok(answers)) => {
                return Decision::Consult(Inquiry { asking: Box::new(asking), kind: Kind::Inline(answers) });
            }
            Some(Err(refusal)) => return Decision::Respond(asking.refuse(refusal)),
            None => {}
        }
        // A form that a browser posts is read, so that its page can carry the fields on and its answer can be found.
        if asking.look.page && !matches!(request.method(), "GET" | "HEAD") {
            let readable = may_read
                && content_type_is(request, "application/x-www-form-urlencoded")
                && request.headers("content-encoding").next().is_none();
            if readable {
                let inquiry = Inquiry { asking: Box::new(asking), kind: Kind::Form { readable } };
                return Decision::Read(inquiry, FORM_LIMIT);
            }
            return Decision::Respond(self.blocked(&asking, now, None, Carry::Lost));
        }
        Decision::Respond(self.blocked(&asking, now, None, Carry::Nothing))
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

    async fn rule_on_form(&self, mut asking: Box<Asking>, body: Bytes, readable: bool) -> Ruling {
        let now = self.inner.core.now();
        let Some(form) = readable.then(|| Form::parse(&body)).flatten() else {
            return Ruling::Respond(self.blocked(&asking, now, None, Carry::Lost));
        };
        let Some(sealed) = form.id.as_deref() else {
            return Ruling::Respond(self.blocked(&asking, now, None, Carry::Fields(&form)));
        };
        let core = &self.inner.core;
        if let Err(wait) = core.challenges.check(&asking.source) {
            return self.refuse(&asking, Refusal::RateLimited(wait.retry_after()), Some(&form));
        }
        if asking.provenance == Provenance::Foreign {
            return self.refuse(&asking, Refusal::Foreign, Some(&form));
        }
        match form.action.as_deref() {
            Some("send") => {
                let outcome = async {
                    let ceremony = Ceremony::begin(core, &asking.subject, asking.source, sealed)?;
                    let sent = ceremony.send(form.channel.as_deref()).await?;
                    let offer = sent
                        .map(|sent| Offer::seal(core, sent.ticket.clone()).map(|offer| (offer, sent)))
                        .transpose()?;
                    Ok::<_, Refusal>((offer, ceremony.policy, ceremony.factor))
                };
                match outcome.await {
                    Ok((Some((offer, sent)), policy, factor)) => Ruling::Respond(page::code_sent(
                        &asking,
                        &policy,
                        &factor,
                        &offer,
                        &sent,
                        Some(&form),
                    )),
                    Ok((None, ..)) => Ruling::Respond(self.blocked(&asking, now, None, Carry::Fields(&form))),
                    Err(refusal) => self.refuse(&asking, refusal, Some(&form)),
                }
            }
            Some("cancel") => {
                let outcome =
                    async { Ceremony::begin(core, &asking.subject, asking.source, sealed)?.cancel().await };
                match outcome.await {
                    Ok(()) => Ruling::Respond(self.blocked(
                        &asking,
                        now,
                        Some(Notice::cancelled()),
                        Carry::Fields(&form),
                    )),
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

    fn met(&self, asking: &Asking, now: u64) -> Met {
        let mut met = Met::default();
        for proof in &asking.proofs {
            met.count(&self.inner.plan, proof, now);
        }
        met
    }

    /// The blocked answer: a page, or a problem that lists what is missing in every alternative.
    fn blocked(&self, asking: &Asking, now: u64, notice: Option<Notice>, carry: Carry<'_>) -> Reply {
        let Inner { core, plan, policy } = &*self.inner;
        let met = self.met(asking, now);
        let minted: Result<Vec<Option<Offer>>, _> = plan
            .leaves
            .iter()
            .enumerate()
            .map(|(index, leaf)| {
                let wanted = met.fresh >> index & 1 == 0;
                wanted.then(|| Offer::mint(asking, policy.tag, leaf, &asking.target, now)).transpose()
            })
            .collect();
        let offers = match minted {
            Ok(offers) => offers,
            Err(error) => return asking.refuse(error.into()),
        };
        metrics::counter!("verify_blocked_total", "policy" => policy.name.to_string()).increment(1);
        let unmet = plan.alternatives.iter().map(|mask| {
            plan.leaves_of(*mask & !met.fresh).filter_map(|(index, leaf)| {
                let reason = if met.stale >> index & 1 == 1 { "expired" } else { "missing" };
                offers.get(index).and_then(Option::as_ref).map(|offer| (offer, leaf, reason))
            })
        });
        let mut reply = if asking.look.page {
            // One step at a time: the first that is missing in each alternative.
            let mut steps: Vec<page::Offered<'_>> = Vec::new();
            for (offer, leaf, _) in unmet.filter_map(|mut leaves| leaves.next()) {
                if !steps.iter().any(|step| step.factor.tag() == leaf.tag) {
                    steps.push(page::Offered { offer, factor: &leaf.factor });
                }
            }
            page::challenge(asking, policy, &steps, notice, &carry, self.status())
        } else {
            let alternatives: Vec<Vec<Value>> = unmet
                .map(|leaves| {
                    leaves.map(|(offer, leaf, reason)| offer.json(core, &leaf.factor, reason, now)).collect()
                })
                .collect();
            let words = reply::Words {
                status: self.status(),
                code: "challenge_required",
                title: "A challenge has to be satisfied first",
                recoverable: true,
            };
            let mut body = reply::problem_body(&words);
            if let Value::Object(members) = &mut body {
                members.insert("policy".to_owned(), json!(&*policy.name));
                members.insert("alternatives".to_owned(), json!(alternatives));
            }
            reply::json(words.status, "application/problem+json", &body, asking.look)
        };
        if let Ok(name) = HeaderValue::from_str(&policy.name) {
            reply.headers_mut().insert(CHALLENGE_REQUIRED, name);
        }
        if core.status == BlockStatus::StepUp {
            self.ask_for_step_up(&mut reply);
        }
        reply::with_visitor(reply, asking)
    }

    fn status(&self) -> StatusCode {
        match self.inner.core.status {
            BlockStatus::Forbidden => StatusCode::FORBIDDEN,
            BlockStatus::StepUp => StatusCode::UNAUTHORIZED,
            BlockStatus::Other(status) => status,
        }
    }

    /// RFC 9470, section 3: how recent the authentication has to be, in seconds.
    fn ask_for_step_up(&self, reply: &mut Reply) {
        let ages = self.inner.plan.leaves.iter().map(|leaf| leaf.max_age_millis);
        let age = ages.min().unwrap_or(millis_of(self.inner.core.clearance_life)) / 1000;
        let text = format!(
            "Bearer error=\"insufficient_user_authentication\", \
             error_description=\"A different authentication level is required\", \
             acr_values=\"{}\", max_age=\"{age}\"",
            self.inner.policy.name
        );
        if let Ok(value) = HeaderValue::from_str(&text) {
            reply.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
    }
}

/// What becomes of the body of a request that was blocked.
pub(crate) enum Carry<'a> {
    /// There was none.
    Nothing,
    /// A form, whose fields the page posts again together with the answer.
    Fields(&'a Form),
    /// A body that no page can post again; the visitor has to be told.
    Lost,
}

impl<'a> From<Option<&'a Form>> for Carry<'a> {
    fn from(form: Option<&'a Form>) -> Self {
        form.map_or(Self::Nothing, Self::Fields)
    }
}

/// The answers in the header fields, if any: as many tickets as answers, in the same order.
#[expect(clippy::type_complexity, reason = "absent, refused or there: three states that are used once")]
fn inline_answers(request: &impl RequestView) -> Option<Result<Vec<(String, String)>, Refusal>> {
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).ok();
    let ids: Vec<_> = request.headers("challenge-id").take(MAX_ANSWERS + 1).map(text).collect();
    let answers: Vec<_> = request.headers("challenge-answer").take(MAX_ANSWERS + 1).map(text).collect();
    if ids.is_empty() && answers.is_empty() {
        return None;
    }
    if ids.len() != answers.len() || ids.len() > MAX_ANSWERS {
        return Some(Err(Refusal::Invalid(
            "send one `Challenge-Answer` for each `Challenge-Id`, at most eight",
        )));
    }
    let pairs =
        ids.into_iter().zip(answers).map(|(id, answer)| Some((id?, answer?))).collect::<Option<Vec<_>>>();
    Some(pairs.ok_or(Refusal::Invalid("`Challenge-Id` and `Challenge-Answer` are ASCII text")))
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("policy", &self.inner.policy.name).finish_non_exhaustive()
    }
}
