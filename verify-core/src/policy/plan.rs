//! A policy, checked and laid out so that deciding costs two machine words and no allocation.

use std::sync::Arc;
use std::time::Duration;

use crate::binding::Binder;
use crate::clock::millis_of;
use crate::contact::Channel;
use crate::factor::{Factor, FactorTag};
use crate::policy::{Node, Policy, Requirement, chain};

/// More alternatives than this is a mistake, not a choice that a visitor can make.
const MAX_ALTERNATIVES: usize = 32;
const MAX_LEAVES: usize = 64;

/// One thing to prove, and how recently.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) factor: Arc<Factor>,
    pub(crate) tag: FactorTag,
    pub(crate) max_age_millis: u64,
    /// Its proof is for one transaction only.
    pub(crate) is_bound: bool,
    /// The leaves that it takes the place of, all of which have to have given way.
    pub(crate) behind: u64,
    /// The leaves that have to be met before its first message.
    pub(crate) price: u64,
}

/// The alternatives of a policy, each a set of leaves that must all be met.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) alternatives: Vec<u64>,
    /// How long nothing may be asked before the proofs are over.
    pub(crate) idle_millis: Option<u64>,
}

impl Plan {
    /// Checks and lays out; `cap` is the life of a clearance, beyond which no proof is carried.
    pub(crate) fn compile(policy: &Policy, cap: Duration) -> Result<Self, PolicyError> {
        let refuse = |what: String| Err(PolicyError { policy: policy.name.clone(), what });
        let fits = (1..=32).contains(&policy.name.len())
            && policy.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !fits {
            return refuse("a policy's name is 1 to 32 lower-case letters, digits or dashes".to_owned());
        }
        if policy.purpose.trim().is_empty()
            || policy.purpose.len() > 80
            || policy.purpose.chars().any(crate::text::is_unprintable)
        {
            return refuse("a purpose is 1 to 80 characters on one line".to_owned());
        }
        let Some(requirement) = &policy.requirement else {
            return refuse("it requires nothing: call `.require(..)`".to_owned());
        };
        let idle_millis = policy.idle.map(millis_of);
        let mut plan = Self { leaves: Vec::new(), alternatives: Vec::new(), idle_millis };
        match plan.expand(requirement, cap) {
            Err(what) => return refuse(what),
            Ok(alternatives) => {
                for mask in alternatives {
                    if !plan.alternatives.contains(&mask) {
                        plan.alternatives.push(mask);
                    }
                }
            }
        }
        if policy.idle.is_some_and(|limit| limit < Duration::from_secs(1)) {
            return refuse("an idle limit is a second at least".to_owned());
        }
        if policy.idle.is_some() && policy.binder.is_some() {
            return refuse("an approval is used once and never idle: `idle` is for access".to_owned());
        }
        if policy.exemptions.is_some() && policy.binder.is_none() {
            return refuse("exemptions are from approving a transaction: `.bind(..)` first".to_owned());
        }
        if let Some(what) = policy.pointless() {
            return refuse(what.to_owned());
        }
        if let Some(rules) = &policy.binding() {
            if let Some(fault) = rules.binder.fault() {
                return refuse(fault);
            }
            if rules.binder == Binder::Handler && rules.restore_on_5xx {
                return refuse(
                    "a handler's answer is not seen by its gate: `restore_on_5xx` needs the layer".to_owned(),
                );
            }
            for leaf in &mut plan.leaves {
                leaf.is_bound = leaf.factor.authenticates();
            }
            let approves = |mask: &u64| plan.leaves_of(*mask).any(|(_, leaf)| leaf.is_bound);
            if !plan.alternatives.iter().all(approves) {
                return refuse(
                    "a captcha, a proof of work or a check of a card approves nothing: ask for a code in every alternative"
                        .to_owned(),
                );
            }
        }
        if !policy.same_address
            && let Some(what) = plan.indistinct()
        {
            return refuse(what);
        }
        Ok(plan)
    }

    /// Whether the satisfied leaves meet at least one alternative.
    pub(crate) fn is_met(&self, satisfied: u64) -> bool {
        self.alternatives.iter().any(|mask| mask & satisfied == *mask)
    }

    /// The leaves that approve one transaction.
    pub(crate) fn bound(&self) -> u64 {
        let bound = self.leaves.iter().enumerate().filter(|(_, leaf)| leaf.is_bound);
        bound.fold(0, |mask, (index, _)| mask | 1 << index)
    }

    /// Whether it is time to note that proofs are in use, the last of which was seen at that moment: not with each request,
    /// since that costs a signature and a cookie.
    pub(crate) fn is_to_be_renewed(&self, seen_at: u64, now: u64) -> bool {
        self.idle_millis.is_some_and(|idle| now.saturating_sub(seen_at) >= idle / 5)
    }

    /// The leaves of one alternative.
    pub(crate) fn leaves_of(&self, mask: u64) -> impl Iterator<Item = (usize, &Leaf)> {
        self.leaves.iter().enumerate().filter(move |(index, _)| mask >> index & 1 == 1)
    }

    /// The leaves that are offered now: those that do not give way, and those whose betters do.
    pub(crate) fn offered(&self, now: u64) -> u64 {
        let mut gone = 0_u64;
        for (index, leaf) in self.leaves.iter().enumerate() {
            let gives_way = matches!(&*leaf.factor, Factor::Captcha(captcha) if captcha.gives_way(now));
            gone |= u64::from(gives_way) << index;
        }
        let leaves = self.leaves.iter().enumerate();
        let offered = leaves.filter(|(index, leaf)| gone >> index & 1 == 0 && leaf.behind & !gone == 0);
        offered.fold(0, |mask, (index, _)| mask | 1 << index)
    }

    /// What of these leaves is to be offered, and what comes before their messages.
    pub(crate) fn with_prices(&self, mask: u64) -> u64 {
        self.leaves_of(mask).fold(mask, |all, (_, leaf)| all | leaf.price)
    }

    /// The proofs of work, each with the code that every alternative with it asks for as well. An approval of a
    /// transaction is none of them: there is no transaction before the request.
    pub(crate) fn works(&self) -> Vec<(Leaf, Option<Leaf>)> {
        let works =
            self.leaves.iter().enumerate().filter(|(_, leaf)| matches!(&*leaf.factor, Factor::Work(_)));
        let code_of = |index: usize| {
            let with = self.alternatives.iter().filter(|mask| *mask >> index & 1 == 1);
            let common = with.copied().reduce(|all, mask| all & mask).unwrap_or(0);
            self.leaves_of(common)
                .map(|(_, leaf)| leaf)
                .find(|leaf| leaf.factor.authenticates() && !leaf.is_bound)
        };
        works.map(|(index, leaf)| (leaf.clone(), code_of(index).cloned())).collect()
    }

    /// The longest that a proof of that factor is good for here.
    pub(crate) fn age_of(&self, tag: FactorTag) -> u64 {
        let ages = self.leaves.iter().filter(|leaf| leaf.tag == tag).map(|leaf| leaf.max_age_millis);
        ages.max().unwrap_or(0)
    }

    pub(crate) fn leaf_of(&self, tag: FactorTag) -> Option<&Leaf> {
        self.leaves.iter().find(|leaf| leaf.tag == tag)
    }

    /// The disjunctive normal form of a requirement, as sets of leaves.
    fn expand(&mut self, requirement: &Requirement, cap: Duration) -> Result<Vec<u64>, String> {
        match &requirement.0 {
            Node::Leaf { factor, within } => {
                let age = self.age(factor, *within, cap)?;
                chain::refuse_stranded(factor)?;
                let price = self.place_price(factor, cap)?;
                Ok(vec![1 << self.place(factor, factor.tag(), age, 0, price)?])
            }
            Node::First(parts) => {
                refuse_hollow("first_of", parts)?;
                let mut all: Vec<u64> = Vec::new();
                let mut behind = 0;
                let mut first = None;
                for link in chain::links(parts)? {
                    let chain::Link { factor, within, gives_way } = link;
                    let age = self.age(factor, within, cap)?;
                    let tag = match first {
                        // A code is no worse where it comes from.
                        Some(first) if !factor.authenticates() => factor.tag().in_place_of(first),
                        _ => factor.tag(),
                    };
                    first = first.or(Some(tag));
                    let price = self.place_price(factor, cap)?;
                    let leaf = 1 << self.place(factor, tag, age, behind, price)?;
                    all.push(leaf);
                    if gives_way {
                        behind |= leaf;
                    }
                }
                within_bounds(all)
            }
            Node::Any(parts) => {
                refuse_hollow("any_of", parts)?;
                let mut all = Vec::new();
                for part in parts {
                    all.extend(self.expand(part, cap)?);
                }
                within_bounds(all)
            }
            Node::All(parts) => {
                refuse_hollow("all_of", parts)?;
                let mut product = vec![0_u64];
                for part in parts {
                    let choices = self.expand(part, cap)?;
                    product = product
                        .iter()
                        .flat_map(|left| choices.iter().map(move |right| left | right))
                        .collect();
                    product = within_bounds(product)?;
                }
                Ok(product)
            }
        }
    }

    /// How old its proof may be, in milliseconds, once the factor is found to make sense.
    fn age(&self, factor: &Factor, within: Option<Duration>, cap: Duration) -> Result<u64, String> {
        let age = within.unwrap_or(factor.lasts());
        if let Some(fault) = factor.fault() {
            return Err(format!("factor `{}`: {fault}", factor.name()));
        }
        if age.is_zero() || age > cap {
            return Err(format!(
                "factor `{}`: an age of {} s is zero or beyond the life of a clearance ({} s)",
                factor.name(),
                age.as_secs(),
                cap.as_secs()
            ));
        }
        Ok(millis_of(age))
    }

    /// The leaf that has to be met before the first message of this factor, if any.
    fn place_price(&mut self, factor: &Factor, cap: Duration) -> Result<u64, String> {
        let Some(price) = factor.price() else { return Ok(0) };
        chain::refuse_stranded(price)?;
        let age = self.age(price, None, cap)?;
        Ok(1 << self.place(price, price.tag(), age, 0, 0)?)
    }

    fn place(
        &mut self,
        factor: &Factor,
        tag: FactorTag,
        max_age_millis: u64,
        behind: u64,
        price: u64,
    ) -> Result<usize, String> {
        let same = |leaf: &Leaf| {
            (leaf.tag, leaf.max_age_millis, leaf.behind, leaf.price) == (tag, max_age_millis, behind, price)
        };
        if let Some(index) = self.leaves.iter().position(same) {
            return Ok(index);
        }
        if self.leaves.len() == MAX_LEAVES {
            return Err(format!("it names more than {MAX_LEAVES} different factors"));
        }
        let factor = Arc::new(factor.clone());
        self.leaves.push(Leaf { factor, tag, max_age_millis, is_bound: false, behind, price });
        Ok(self.leaves.len() - 1)
    }

    /// Two different codes to one kind of address prove that address once.
    fn indistinct(&self) -> Option<String> {
        let meets =
            |a: &[Channel], b: &[Channel]| a.iter().any(|a| b.iter().any(|b| a.shares_address_with(*b)));
        for mask in &self.alternatives {
            let leaves: Vec<&Leaf> = self.leaves_of(*mask).map(|(_, leaf)| leaf).collect();
            for (index, one) in leaves.iter().enumerate() {
                for other in leaves.iter().skip(index + 1).filter(|other| other.tag != one.tag) {
                    if meets(one.factor.channels(), other.factor.channels()) {
                        return Some(format!(
                            "`{}` and `{}` can reach the same address, so together they prove no more than one; \
                             call `.count_same_address_twice()` if that is meant",
                            one.factor.name(),
                            other.factor.name()
                        ));
                    }
                }
            }
        }
        None
    }
}

fn refuse_hollow(word: &str, parts: &[Requirement]) -> Result<(), String> {
    match parts {
        [] => Err(format!("an empty `{word}` can never be met or never be missed")),
        [first, rest @ ..] if !rest.is_empty() && rest.iter().all(|part| part == first) => {
            Err(format!("an `{word}` of one and the same thing asks for it once: write it once"))
        }
        _ => Ok(()),
    }
}

fn within_bounds(alternatives: Vec<u64>) -> Result<Vec<u64>, String> {
    if alternatives.len() > MAX_ALTERNATIVES {
        return Err(format!(
            "it has more than {MAX_ALTERNATIVES} alternatives: nobody can choose among so many"
        ));
    }
    Ok(alternatives)
}

/// A policy that makes no sense, with the reason and the cure. Found when the policy is compiled, never at a request.
#[derive(Debug, thiserror::Error)]
#[error("policy `{policy}`: {what}")]
#[non_exhaustive]
pub struct PolicyError {
    policy: String,
    what: String,
}

impl PolicyError {
    pub(crate) fn new(policy: &Policy, what: impl Into<String>) -> Self {
        Self { policy: policy.name.clone(), what: what.into() }
    }

    /// The policy that was refused.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.policy
    }
}
