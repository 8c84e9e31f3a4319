//! The blocked answer: a page for a browser, a problem for a program.

use http::StatusCode;

use crate::clock::millis_of;
use crate::decision::Reply;
use crate::engine::BlockStatus;
use crate::gate::{Carry, Gate, Inner, Met};
use crate::inquiry::Asking;
use crate::offer::Offer;
use crate::page::{self, Notice};
use crate::policy::Leaf;
use crate::problem::{Problem, RequestId};
use crate::refusal::Refusal;
use crate::reply::{self, Look};
use crate::sealing::SealError;

/// Why a request is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Something is missing, or too old.
    Required,
    /// What it came with is for another transaction.
    Mismatch,
    /// What it came with was used.
    Used,
    /// It is not: an endpoint shows the page, with something to say that has this status.
    Told(StatusCode),
}

impl Gate {
    /// The blocked answer: a page, or a problem that lists what is missing in every alternative.
    pub(super) fn blocked(
        &self,
        asking: &Asking,
        now: u64,
        notice: Option<Notice>,
        carry: Carry<'_>,
    ) -> Reply {
        self.blocked_because(asking, now, notice, carry, Why::Required)
    }

    /// What is to be satisfied now, for a client that asks elsewhere than at the guarded address.
    pub(crate) fn offers(&self, asking: &Asking) -> Reply {
        self.blocked(asking, self.inner.core.now(), None, Carry::Nothing)
    }

    /// The blocked answer to a request whose body is not looked at: too long to be carried on.
    pub(crate) fn blocked_without_body(&self, asking: &Asking) -> Reply {
        self.blocked(asking, self.inner.core.now(), None, Carry::Lost)
    }

    pub(super) fn blocked_because(
        &self,
        asking: &Asking,
        now: u64,
        notice: Option<Notice>,
        carry: Carry<'_>,
        why: Why,
    ) -> Reply {
        let Inner { plan, policy, .. } = &*self.inner;
        let met = self.met(asking, now);
        // Of a chain, what can be had now; looked at once, since it may change any moment.
        let wanted = plan.offered(now) & !met.fresh;
        let offers = match self.mint(asking, wanted, now) {
            Ok(offers) => offers,
            Err(error) => return asking.refuse(error.into()),
        };
        let unmet = self.unmet(&offers, met.fresh);
        let reply = if asking.look.page {
            // One step at a time: the first that is missing in each alternative.
            let mut steps: Vec<page::Offered<'_>> = Vec::new();
            for (_, leaf, offer) in unmet.filter_map(|mut leaves| leaves.next()) {
                if !steps.iter().any(|step| step.offer.ticket.factor == leaf.tag) {
                    steps.push(page::Offered { offer, factor: &leaf.factor });
                }
            }
            page::challenge(asking, policy, &steps, notice, &carry, self.words(why).status)
        } else {
            let reason = |index, leaf: &Leaf| reason(why, met, index, leaf);
            self.problem(why, unmet, reason, now, RequestId::draw(), asking.look)
        };
        if !matches!(why, Why::Told(_)) {
            policy.count_blocked();
        }
        reply::with_visitor(self.marked(reply, why), asking)
    }

    /// Offers what is wanted.
    fn mint(&self, asking: &Asking, wanted: u64, now: u64) -> Result<Vec<Option<Offer>>, SealError> {
        let Inner { core, plan, policy } = &*self.inner;
        let bound = asking.bound.as_ref();
        let minted = plan.leaves.iter().enumerate().map(|(index, leaf)| {
            let mint = || Offer::mint(core, &asking.subject, bound, policy.tag, leaf, &asking.target, now);
            (wanted >> index & 1 == 1).then(mint).transpose()
        });
        let offers: Vec<Option<Offer>> = minted.collect::<Result<_, _>>()?;
        for (leaf, offer) in plan.leaves.iter().zip(&offers) {
            if let Some(puzzle) = offer.as_ref().and_then(|offer| offer.ticket.puzzle.as_ref()) {
                puzzle.record(&policy.name, leaf.factor.name());
            }
        }
        Ok(offers)
    }

    /// What is missing in each alternative that can be had, which is where all of it is offered.
    pub(super) fn unmet<'o>(
        &'o self,
        offers: &'o [Option<Offer>],
        met: u64,
    ) -> impl Iterator<Item = impl Iterator<Item = (usize, &'o Leaf, &'o Offer)>> {
        let plan = &self.inner.plan;
        let offer = |index: usize| offers.get(index).and_then(Option::as_ref);
        let can_be_had =
            move |mask: &&u64| plan.leaves_of(**mask & !met).all(|(index, _)| offer(index).is_some());
        plan.alternatives.iter().filter(can_be_had).map(move |mask| {
            // What a message costs has a place before the code's.
            let missing = plan.with_prices(mask & !met) & !met;
            plan.leaves_of(missing).filter_map(move |(index, leaf)| Some((index, leaf, offer(index)?)))
        })
    }

    /// The problem that lists what is missing in every alternative.
    pub(super) fn problem<'o>(
        &'o self,
        why: Why,
        unmet: impl Iterator<Item = impl Iterator<Item = (usize, &'o Leaf, &'o Offer)>>,
        reason: impl Fn(usize, &Leaf) -> &'o str,
        now: u64,
        request_id: RequestId,
        look: Look,
    ) -> Reply {
        let Inner { core, policy, .. } = &*self.inner;
        let words = self.words(why);
        let mut problem = Problem::named(&words, request_id);
        problem.policy = Some(&policy.name);
        let describe = |(index, leaf, offer): (usize, &'o Leaf, &'o Offer)| {
            offer.describe(core, &leaf.factor, reason(index, leaf), now)
        };
        problem.alternatives = Some(unmet.map(|leaves| leaves.map(describe).collect()).collect());
        reply::json(words.status, reply::PROBLEM, &problem, look)
    }

    /// With the header fields that tell a block from the application's own answers, where it is one.
    pub(super) fn marked(&self, mut reply: Reply, why: Why) -> Reply {
        let Inner { core, plan, policy } = &*self.inner;
        if matches!(why, Why::Told(_)) {
            return reply;
        }
        reply = reply::required(reply, &policy.name);
        if core.status == BlockStatus::StepUp && why == Why::Required {
            let ages = plan.leaves.iter().map(|leaf| leaf.max_age_millis);
            let age = ages.min().unwrap_or(millis_of(core.clearance_life)) / 1000;
            reply = reply::step_up(reply, &policy.name, age);
        }
        reply
    }

    fn words(&self, why: Why) -> reply::Words {
        match why {
            Why::Told(status) => reply::Words { status, ..self.words(Why::Required) },
            Why::Required => reply::Words {
                status: self.inner.core.status.code(),
                code: "challenge_required",
                title: "A challenge has to be satisfied first",
                recoverable: true,
            },
            Why::Mismatch => reply::Words {
                status: StatusCode::CONFLICT,
                code: "binding_mismatch",
                title: "This is not what was approved; the approval is void, ask for a new one",
                recoverable: true,
            },
            Why::Used => Refusal::AlreadyUsed.words(),
        }
    }
}

/// Why a leaf is asked for.
pub(super) fn reason(why: Why, met: Met, index: usize, leaf: &Leaf) -> &'static str {
    match why {
        Why::Mismatch if leaf.is_bound => "binding_mismatch",
        _ if met.stale >> index & 1 == 1 => "expired",
        _ => "missing",
    }
}
