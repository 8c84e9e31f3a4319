//! What the endpoints know of policies and factors.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use metrics::Label;

use crate::audit::{self, Counters};
use crate::engine::Core;
use crate::exemption::Exemptions;
use crate::factor::{Factor, FactorTag};
use crate::gate::{FORM_LIMIT, Gate, Usual};
use crate::policy::{BindingRules, Leaf, Plan, Policy, PolicyError};
use crate::puzzle::Load;
use crate::ticket::PolicyTag;

/// The policies and factors that gates were made for, so that the endpoints know what a ticket speaks of.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    entries: RwLock<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    policies: BTreeMap<PolicyTag, Arc<PolicyInfo>>,
    factors: BTreeMap<FactorTag, Arc<Factor>>,
    /// What was issued of the factors whose price follows the load.
    loads: BTreeMap<FactorTag, Arc<Load>>,
}

/// What is remembered of a policy.
#[derive(Debug)]
pub(crate) struct PolicyInfo {
    pub(crate) tag: PolicyTag,
    pub(crate) name: Arc<str>,
    pub(crate) counters: Counters,
    pub(crate) purpose: String,
    pub(crate) checks_revocation: bool,
    /// How long an approval is good for, by factor; empty where nothing is bound.
    approvals: Vec<(FactorTag, Duration)>,
    factors: Vec<FactorTag>,
    binding: Option<BindingRules>,
    /// Its proofs of work, each with the code that always has to be given along with it, if there is one.
    pub(crate) works: Vec<(Leaf, Option<Leaf>)>,
    /// What its blocked answers are counted as, put together once.
    blocked_total: metrics::Key,
    /// The usual blocked answer, once it was given.
    pub(crate) usual: OnceLock<Option<Usual>>,
    policy: Policy,
    plan: Plan,
}

impl PolicyInfo {
    pub(crate) fn binding(&self) -> Option<&BindingRules> {
        self.binding.as_ref()
    }

    /// The gate of this policy, for who comes to the endpoints.
    pub(crate) fn gate(self: &Arc<Self>, core: &Arc<Core>) -> Gate {
        Gate::new(Arc::clone(core), self.plan.clone(), Arc::clone(self))
    }

    pub(crate) fn passes_preflights(&self) -> bool {
        self.policy.passes_preflights
    }

    pub(crate) fn exemptions(&self) -> Option<&Exemptions> {
        self.policy.exemptions.as_ref()
    }

    /// Counts a blocked answer.
    pub(crate) fn count_blocked(&self) {
        audit::increment(&self.blocked_total);
    }

    pub(crate) fn approval_life(&self, factor: FactorTag) -> Duration {
        self.approvals.iter().find(|(tag, _)| *tag == factor).map_or(Duration::ZERO, |(_, life)| *life)
    }
}

impl Registry {
    pub(super) fn enter(&self, policy: Policy, plan: &Plan) -> Result<Arc<PolicyInfo>, PolicyError> {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let tag = PolicyTag::of(&policy.name);
        if entries.policies.get(&tag).is_some_and(|known| !known.policy.says_the_same(&policy)) {
            return Err(PolicyError::new(
                &policy,
                "another policy of that name asks for something else: rename one",
            ));
        }
        for leaf in &plan.leaves {
            let clashes = |known: &&Arc<Factor>| known.name() == leaf.factor.name() && **known != leaf.factor;
            if let Some(known) = entries.factors.values().find(clashes) {
                let what = format!(
                    "another factor is named `{}` and differs: rename one, or share one value",
                    known.name()
                );
                return Err(PolicyError::new(&policy, what));
            }
        }
        for leaf in &plan.leaves {
            entries.factors.insert(leaf.tag, Arc::clone(&leaf.factor));
            if matches!(&*leaf.factor, Factor::Work(work) if work.surge.is_some()) {
                entries.loads.entry(leaf.tag).or_default();
            }
        }
        let name: Arc<str> = policy.name.as_str().into();
        let info = Arc::new(PolicyInfo {
            tag,
            counters: Counters::of(&name),
            name,
            purpose: policy.purpose.clone(),
            checks_revocation: policy.checks_revocation,
            works: plan.works(),
            blocked_total: metrics::Key::from_parts(
                "verify_blocked_total",
                vec![Label::new("policy", policy.name.clone())],
            ),
            usual: OnceLock::new(),
            factors: plan.leaves.iter().map(|leaf| leaf.tag).collect(),
            approvals: plan
                .leaves
                .iter()
                .filter(|leaf| leaf.is_bound)
                .map(|leaf| (leaf.tag, Duration::from_millis(plan.age_of(leaf.tag))))
                .collect(),
            binding: policy.binding(),
            policy,
            plan: plan.clone(),
        });
        Ok(Arc::clone(entries.policies.entry(tag).or_insert(info)))
    }

    /// Every factor of that name, with a policy that asks for it.
    pub(super) fn named(&self, name: &str) -> Vec<(Arc<Factor>, Arc<str>)> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let factors = entries.factors.values().filter(|factor| factor.name() == name);
        let policy = |tag: FactorTag| {
            let asks = |info: &&Arc<PolicyInfo>| info.factors.contains(&tag);
            entries.policies.values().find(asks).map_or_else(|| "".into(), |info| Arc::clone(&info.name))
        };
        factors.map(|factor| (Arc::clone(factor), policy(factor.tag()))).collect()
    }

    /// What was issued of a factor, if its price follows that.
    pub(crate) fn load(&self, factor: FactorTag) -> Option<Arc<Load>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.loads.get(&factor).map(Arc::clone)
    }

    /// The policy of that name.
    pub(crate) fn policy(&self, name: &str) -> Option<Arc<PolicyInfo>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.policies.get(&PolicyTag::of(name)).map(Arc::clone)
    }

    /// The policy of a ticket.
    pub(crate) fn tagged(&self, tag: PolicyTag) -> Option<Arc<PolicyInfo>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.policies.get(&tag).map(Arc::clone)
    }

    /// The longest body that any policy reads, beside the fields that are the gate's.
    pub(crate) fn longest_body(&self) -> usize {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let bound = entries.policies.values().filter_map(|info| info.binding().map(|rules| rules.body_limit));
        bound.max().unwrap_or_default().max(FORM_LIMIT)
    }

    pub(crate) fn find(
        &self,
        policy: PolicyTag,
        factor: FactorTag,
    ) -> Option<(Arc<PolicyInfo>, Arc<Factor>)> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        Some((Arc::clone(entries.policies.get(&policy)?), Arc::clone(entries.factors.get(&factor)?)))
    }
}
