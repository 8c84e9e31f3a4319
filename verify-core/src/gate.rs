//! The gate in front of a route: decides by looking at the head of a request.

use std::fmt;
use std::sync::Arc;

use crate::binding::Bound;
use crate::clearance::Proof;
use crate::decision::Decision;
use crate::engine::{Core, PolicyInfo};
use crate::form::Form;
use crate::inquiry::{Asking, Inquiry, Kind, Seen, look};
use crate::policy::{Leaf, Plan};
use crate::refusal::Refusal;
use crate::reply;
use crate::request::{RequestView, content_type_is, is_preflight, single};
use crate::source::Source;
use crate::ticket::PolicyTag;

mod blocked;
mod carried;
mod execute;
mod exempt;
mod idempotency;
mod in_line;
mod order;
mod rule;
mod usual;

pub use order::form_payload;
pub(crate) use usual::Usual;

/// The largest form that is handed on: 64 KiB, more than any form that people fill in.
pub(crate) const FORM_LIMIT: usize = 64 * 1024;

/// Room for the gate's own fields beside it: a ticket and a solved proof of work.
pub(crate) const OWN_FIELDS: usize = 24 * 1024;

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
    fn count(&mut self, plan: &Plan, proof: &Proof, now: u64, bound: Option<&Bound>) {
        for (index, leaf) in plan.leaves.iter().enumerate() {
            // An approval is for its one transaction, and no proof of anything else.
            let fits = match &proof.binding {
                None => !leaf.is_bound,
                Some(approval) => leaf.is_bound && bound.is_some_and(|bound| approval.is_for(bound)),
            };
            if leaf.tag == proof.factor && fits {
                let used = plan.idle_millis.is_none_or(|idle| proof.is_in_use(idle, now));
                let fresh = used && now < proof.verified_at.saturating_add(leaf.max_age_millis);
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

    /// How long an adapter waits for a body that is to be read, then once more for [`Gate::rule`], and of a transaction once more
    /// until the store was told what became of it.
    #[must_use]
    pub fn deadline(&self) -> std::time::Duration {
        self.inner.core.deadline
    }

    /// Decides by looking at the head of the request: no I/O, and no allocation when it allows.
    ///
    /// The route is whatever the gate was put in front of; paths are never compared, so no spelling of a path leads
    /// around it. Every method is guarded. A CORS preflight is no request for the route: the gate answers it, with no
    /// challenge and no permission, unless the policy [passes preflights](crate::Policy::pass_preflights).
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
            return if policy.passes_preflights() {
                Decision::Allow
            } else {
                Decision::Respond(reply::no_content())
            };
        }
        let now = core.now();
        if let Some(rules) = policy.binding() {
            return self.look_at_order(request, rules, may_read);
        }
        let (mut is_met, mut has_proofs) = (false, false);
        let subject = core.subject_of(request);
        if let Some(subject) = &subject {
            let mut met = Met::default();
            let mut seen_at = u64::MAX;
            is_met = core.any_clearance(request, |token| {
                core.proofs_of(token, subject, now, |proof| {
                    has_proofs = true;
                    met.count(plan, proof, now, None);
                    if plan.leaf_of(proof.factor).is_some() {
                        seen_at = seen_at.min(proof.seen_at);
                    }
                });
                plan.is_met(met.fresh)
            });
            if is_met && !policy.checks_revocation && !plan.is_to_be_renewed(seen_at, now) {
                return Decision::Allow;
            }
        }
        let seen = Seen { source: core.source(request), subject, has_proofs };
        self.block(request, now, may_read, is_met, seen)
    }

    /// No clearance, or one that may be revoked: limit first, then see whether the request carries an answer, else offer
    /// the challenges.
    fn block<'v>(
        &self,
        request: &'v impl RequestView,
        now: u64,
        may_read: bool,
        is_met: bool,
        seen: Seen<'v>,
    ) -> Decision {
        let core = &self.inner.core;
        let answers = in_line::answers(request);
        if !is_met && let Err(refusal) = self.within_limits(&seen.source, answers.is_some()) {
            return Decision::Respond(reply::problem(look(request), refusal));
        }
        let asker = match seen.asker(core) {
            Ok(asker) => asker,
            Err(error) => return Decision::Respond(reply::problem(look(request), error.into())),
        };
        if answers.is_none()
            && !is_met
            && let Some(reply) = self.usual(request, now, &asker)
        {
            return Decision::Respond(reply);
        }
        let asking = Box::new(Asking::of(core, request, now, asker));
        match answers {
            Some(Ok(answers)) => {
                return Decision::Consult(Inquiry { asking, kind: Kind::Inline(answers), is_met });
            }
            // Whoever has proven everything is let through, and not told what is wrong with an answer that nobody needs.
            Some(Err(refusal)) if !is_met => return Decision::Respond(asking.refuse(refusal)),
            Some(Err(_)) | None => {}
        }
        let posted = asking.look.page && !matches!(request.method(), "GET" | "HEAD");
        // A form that a browser posts is read, so that its page can carry the fields on and its answer can be found.
        if posted && may_read && is_form(request) && is_readable(request, is_met) {
            let kind = Kind::Form(self.clone());
            return Decision::Read(Inquiry { asking, kind, is_met }, FORM_LIMIT + OWN_FIELDS);
        }
        if is_met {
            return Decision::Consult(Inquiry { asking, kind: Kind::Head { posted }, is_met });
        }
        let carry = if posted { Carry::Lost } else { Carry::Nothing };
        Decision::Respond(self.blocked(&asking, now, None, carry))
    }

    /// The limits of those who have no clearance: one for requests that answer, another for those that do not.
    fn within_limits(&self, source: &Source, answers: bool) -> Result<(), Refusal> {
        let Inner { core, policy, .. } = &*self.inner;
        let limiter = if answers { &core.challenges } else { &core.blocked };
        limiter.check(source).map_err(|wait| {
            metrics::counter!("verify_limited_total", "policy" => Arc::clone(&policy.name)).increment(1);
            Refusal::RateLimited(wait.retry_after())
        })
    }

    /// The leaf of the factor with that name.
    pub(crate) fn leaf(&self, factor: &str) -> Option<&Leaf> {
        self.inner.plan.leaves.iter().find(|leaf| leaf.factor.name() == factor)
    }

    pub(crate) fn tag(&self) -> PolicyTag {
        self.inner.policy.tag
    }

    /// What the proofs that came with a request meet.
    fn met(&self, asking: &Asking, now: u64) -> Met {
        let mut met = Met::default();
        for proof in &asking.proofs {
            met.count(&self.inner.plan, proof, now, asking.bound.as_ref());
        }
        met
    }
}

/// What becomes of the body of a request that was blocked.
#[derive(Clone, Copy)]
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

fn is_form(request: &impl RequestView) -> bool {
    content_type_is(request, "application/x-www-form-urlencoded")
        && request.headers("content-encoding").next().is_none()
}

/// Whether the gate reads a form: not one that is too long by its own word. Of one that does not say, as it comes in chunks,
/// it finds out; but whoever has proven everything is not to hear of the gate's limits.
fn is_readable(request: &impl RequestView, is_met: bool) -> bool {
    let length = single(request, "content-length").and_then(|value| std::str::from_utf8(value).ok());
    match length.and_then(|text| text.parse::<usize>().ok()) {
        Some(length) => length <= FORM_LIMIT + OWN_FIELDS,
        None => !is_met,
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("policy", &self.inner.policy.name).finish_non_exhaustive()
    }
}
