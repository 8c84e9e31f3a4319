//! Presets: what a standard asks of a policy, as data, a clause at a time.

use std::fmt;
use std::time::Duration;

use crate::budgets::Budgets;
use crate::contact::Channel;
use crate::factor::Factor;
use crate::policy::{Leaf, Plan, Policy};

mod clauses;

/// What a standard asks of a policy. Give it to [`Policy::preset`]: a policy that breaks a clause of it does not start, and
/// the error says which.
///
/// A preset changes nothing by itself, so that what a policy does stands in the policy. What it cannot see, such as who may
/// change an address, stays with you.
///
/// ```
/// use verify_core::{AuthenticatorBook, Engine, Factor, KeyRing, Origin, Policy, Preset};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// let engine = Engine::builder(keys, Origin::parse("https://bank.example")?)
///     .authenticators(AuthenticatorBook::new())
///     .build()?;
/// let vault = || Policy::new("vault").preset(Preset::asvs_l2());
///
/// assert!(engine.gate(vault().require(Factor::totp("app").drift(0))).is_ok());
/// let refused = engine.gate(vault().require(Factor::totp("app"))).unwrap_err();
/// assert!(refused.to_string().contains("OWASP ASVS 5.0, 6.5.5"), "{refused}");
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    name: &'static str,
    clauses: &'static [Clause],
}

/// One clause of a preset, for whoever has to show what is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Clause {
    /// The standard and the number of the clause in it.
    pub number: &'static str,
    /// What it asks of a policy, in a sentence without its full stop.
    pub asks: &'static str,
    rule: Rule,
}

/// What can be asked, with its number where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Each way in needs something that says who asks.
    Authenticates,
    /// A code that is sent has so many digits at least.
    Digits(u8),
    /// A code that is sent lives so many seconds at most.
    Life(u64),
    /// The code of an app counts so many steps away at most.
    Drift(u8),
    /// A code by mail proves no one.
    NoMail,
    /// No code over the telephone network.
    NoTelephone,
    /// Whoever is offered a code over the telephone network is offered another way in as well.
    BesideTelephone,
    /// So many consecutive failures at most.
    Failures(u32),
    /// What follows is a block, not a wait alone.
    Blocks,
    /// Answers do not tell which part of them was wrong.
    Uniform,
    /// Access ends after so many idle seconds at most.
    Idle(u64),
}

/// What of the engine a preset looks at.
pub(crate) struct Settings<'e> {
    pub(crate) budgets: &'e Budgets,
    pub(crate) uniform: bool,
}

impl Preset {
    /// NIST SP 800-63B-4, as far as it speaks of one-time codes.
    #[must_use]
    pub const fn nist() -> Self {
        Self { name: "nist", clauses: clauses::NIST }
    }

    /// OWASP ASVS 5.0, level 2, as far as it speaks of one-time codes.
    #[must_use]
    pub const fn asvs_l2() -> Self {
        Self { name: "asvs_l2", clauses: clauses::ASVS_L2 }
    }

    /// OWASP ASVS 5.0, level 3, as far as it speaks of one-time codes.
    #[must_use]
    pub const fn asvs_l3() -> Self {
        Self { name: "asvs_l3", clauses: clauses::ASVS_L3 }
    }

    /// Delegated Regulation (EU) 2018/389, as far as it speaks of authentication codes.
    #[must_use]
    pub const fn psd2() -> Self {
        Self { name: "psd2", clauses: clauses::PSD2 }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it asks, clause by clause.
    #[must_use]
    pub const fn clauses(&self) -> &'static [Clause] {
        self.clauses
    }

    /// The first clause that a policy breaks, in words for its error.
    pub(crate) fn broken(&self, policy: &Policy, plan: &Plan, settings: &Settings<'_>) -> Option<String> {
        let broken = self.clauses.iter().find_map(|clause| {
            let what = clause.rule.broken(policy, plan, settings)?;
            Some((clause, what))
        });
        broken.map(|(clause, what)| {
            format!("{what}, and the preset `{}` asks that {} ({})", self.name, clause.asks, clause.number)
        })
    }
}

impl Rule {
    fn broken(self, policy: &Policy, plan: &Plan, settings: &Settings<'_>) -> Option<String> {
        let leaves = || plan.leaves.iter().map(|leaf| &*leaf.factor);
        let named = |factor: &Factor, what: &str| format!("factor `{}` {what}", factor.name());
        match self {
            Self::Authenticates => {
                let says_who =
                    |mask: &u64| plan.leaves_of(*mask).any(|(_, leaf)| leaf.factor.authenticates());
                let hollow = !plan.alternatives.iter().all(says_who);
                hollow.then(|| "one of its alternatives says nothing about who asks".to_owned())
            }
            Self::Digits(least) => leaves().find_map(|factor| match factor {
                Factor::Code(code) if code.digits < least => {
                    Some(named(factor, &format!("has {} digits", code.digits)))
                }
                _ => None,
            }),
            Self::Life(most) => leaves().find_map(|factor| match factor {
                Factor::Code(code) if code.lives > Duration::from_secs(most) => {
                    Some(named(factor, &format!("lives {} s", code.lives.as_secs())))
                }
                _ => None,
            }),
            Self::Drift(most) => leaves().find_map(|factor| match factor {
                Factor::Totp(app) if app.drift > most => {
                    Some(named(factor, &format!("counts {} steps away", app.drift)))
                }
                _ => None,
            }),
            Self::NoMail => {
                let by_mail = |factor: &&Factor| factor.channels().contains(&Channel::Email);
                leaves().find(by_mail).map(|factor| named(factor, "goes by mail"))
            }
            Self::NoTelephone => {
                leaves().find(|factor| is_telephone(factor)).map(|factor| named(factor, "goes by telephone"))
            }
            Self::BesideTelephone => {
                let needs_telephone =
                    |mask: &u64| plan.leaves_of(*mask).any(|(_, leaf)| only_telephone(leaf));
                let all = plan.alternatives.iter().all(needs_telephone);
                all.then(|| "every one of its alternatives needs the telephone network".to_owned())
            }
            Self::Failures(most) => {
                let count = settings.budgets.failures.count;
                (count > most).then(|| format!("the engine's budget takes {count} consecutive failures"))
            }
            Self::Blocks => settings.budgets.block.is_none().then(|| "the engine blocks nobody".to_owned()),
            Self::Uniform => (!settings.uniform).then(|| "the engine tells failures apart".to_owned()),
            Self::Idle(most) => {
                // An approval is used once; access is what can be idle.
                let idles = policy.binder.is_none()
                    && policy.idle.is_none_or(|limit| limit > Duration::from_secs(most));
                idles.then(|| format!("its proofs outlive {most} idle seconds"))
            }
        }
    }
}

/// Whether some of its codes go over the public switched telephone network.
fn is_telephone(factor: &Factor) -> bool {
    factor.channels().iter().any(|channel| matches!(channel, Channel::Sms | Channel::Voice))
}

/// Whether all of them do.
fn only_telephone(leaf: &Leaf) -> bool {
    let channels = leaf.factor.channels();
    !channels.is_empty() && channels.iter().all(|channel| matches!(channel, Channel::Sms | Channel::Voice))
}

impl fmt::Debug for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Preset").field(&self.name).finish()
    }
}
