//! The blocked answer: a page for a browser, a problem for a program.

use std::sync::Arc;

use http::StatusCode;

use crate::clock::millis_of;
use crate::decision::Reply;
use crate::engine::BlockStatus;
use crate::gate::{Carry, Gate, Inner};
use crate::inquiry::Asking;
use crate::offer::Offer;
use crate::page::{self, Notice};
use crate::problem::Problem;
use crate::refusal::Refusal;
use crate::reply;

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
        let words = self.words(why);
        let Inner { core, plan, policy } = &*self.inner;
        let met = self.met(asking, now);
        // Of a chain, what can be had now; looked at once, since it may change any moment.
        let offered = plan.offered(now);
        let minted: Result<Vec<Option<Offer>>, _> = plan
            .leaves
            .iter()
            .enumerate()
            .map(|(index, leaf)| {
                let wanted = offered & !met.fresh & 1 << index != 0;
                wanted.then(|| Offer::mint(asking, policy.tag, leaf, &asking.target, now)).transpose()
            })
            .collect();
        let offers = match minted {
            Ok(offers) => offers,
            Err(error) => return asking.refuse(error.into()),
        };
        for (leaf, offer) in plan.leaves.iter().zip(&offers) {
            if let Some(puzzle) = offer.as_ref().and_then(|offer| offer.ticket.puzzle.as_ref()) {
                puzzle.record(&policy.name, leaf.factor.name());
            }
        }
        let alternatives = plan.alternatives.iter().filter(|mask| *mask & !met.fresh & !offered == 0);
        let unmet = alternatives.map(|mask| {
            let missing = plan.with_prices(mask & !met.fresh) & !met.fresh;
            // What a message costs has a place before the code's.
            plan.leaves_of(missing).filter_map(|(index, leaf)| {
                let reason = match why {
                    Why::Mismatch if leaf.is_bound => "binding_mismatch",
                    _ if met.stale >> index & 1 == 1 => "expired",
                    _ => "missing",
                };
                offers.get(index).and_then(Option::as_ref).map(|offer| (offer, leaf, reason))
            })
        });
        let mut reply = if asking.look.page {
            // One step at a time: the first that is missing in each alternative.
            let mut steps: Vec<page::Offered<'_>> = Vec::new();
            for (offer, leaf, _) in unmet.filter_map(|mut leaves| leaves.next()) {
                if !steps.iter().any(|step| step.offer.ticket.factor == leaf.tag) {
                    steps.push(page::Offered { offer, factor: &leaf.factor });
                }
            }
            page::challenge(asking, policy, &steps, notice, &carry, words.status)
        } else {
            let mut problem = Problem::new(&words);
            problem.policy = Some(&policy.name);
            problem.alternatives = Some(
                unmet
                    .map(|leaves| {
                        leaves
                            .map(|(offer, leaf, reason)| offer.describe(core, &leaf.factor, reason, now))
                            .collect()
                    })
                    .collect(),
            );
            reply::json(words.status, reply::PROBLEM, &problem, asking.look)
        };
        if matches!(why, Why::Told(_)) {
            return reply::with_visitor(reply, asking);
        }
        metrics::counter!("verify_blocked_total", "policy" => Arc::clone(&policy.name)).increment(1);
        reply = reply::required(reply, &policy.name);
        if core.status == BlockStatus::StepUp && why == Why::Required {
            let ages = plan.leaves.iter().map(|leaf| leaf.max_age_millis);
            let age = ages.min().unwrap_or(millis_of(core.clearance_life)) / 1000;
            reply = reply::step_up(reply, &policy.name, age);
        }
        reply::with_visitor(reply, asking)
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
