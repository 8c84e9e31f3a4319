//! Policies: which factors, in which combination, proven how recently.

use std::time::Duration;

use crate::binding::{Bind, Binder, Binding, DEFAULT_BODY_LIMIT};
use crate::exemption::Exemptions;
use crate::factor::{Approves, Factor};
use crate::preset::Preset;

mod chain;
mod plan;

pub use plan::PolicyError;
pub(crate) use plan::{Leaf, Plan};

/// What a route asks for. One value serves a route, a scope and a handler.
///
/// Nothing is checked here; whatever compiles the policy ([`Engine::gate`](crate::Engine::gate), the layers) refuses
/// nonsense with a [`PolicyError`] before the first request.
///
/// ```
/// use std::time::Duration;
/// use verify_core::{Channel, Factor, Policy, all_of, any_of};
///
/// let step_up = Factor::code("step-up").over([Channel::Sms]);
/// let by_mail = Factor::code("by-mail").over([Channel::Email]);
/// let human = Factor::proof_of_work("human");
///
/// // A proof of work, and one of two codes that is at most five minutes old.
/// let admin = Policy::new("admin")
///     .purpose("open the admin pages")
///     .require(all_of((human, any_of((step_up.within(Duration::from_secs(300)), by_mail)))));
/// # let _ = admin;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Policy {
    pub(crate) name: String,
    pub(crate) purpose: String,
    pub(crate) requirement: Option<Requirement>,
    pub(crate) same_address: bool,
    pub(crate) checks_revocation: bool,
    pub(crate) passes_preflights: bool,
    pub(crate) binder: Option<Binder>,
    pub(crate) orders: Orders,
    pub(crate) exemptions: Option<Exemptions>,
    pub(crate) idle: Option<Duration>,
    pub(crate) addresses_given: bool,
    pub(crate) presets: Vec<Preset>,
}

/// What is said of transactions, wherever it stands among the other settings.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Orders {
    body_limit: Option<usize>,
    up_to: bool,
    batches: bool,
    restore_on_5xx: bool,
}

/// How a policy is bound to what it approves.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BindingRules {
    pub(crate) binder: Binder,
    pub(crate) body_limit: usize,
    pub(crate) up_to: bool,
    pub(crate) batches: bool,
    pub(crate) restore_on_5xx: bool,
}

impl Policy {
    /// A policy by name: 1 to 32 lower-case letters, digits or dashes. The name appears in answers and in metrics.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            purpose: "continue".to_owned(),
            requirement: None,
            same_address: false,
            checks_revocation: false,
            passes_preflights: false,
            binder: None,
            orders: Orders::default(),
            exemptions: None,
            idle: None,
            addresses_given: false,
            presets: Vec::new(),
        }
    }

    /// A policy for payments: a code of this factor approves one transaction, once; the same as [`require`](Self::require) and
    /// [`bind`](Self::bind) in one, for which it takes a factor that can approve. A captcha or a proof of work does not compile
    /// here. How old an approval may be is the factor's [`lasts`](crate::CodeFactor::lasts).
    ///
    /// ```
    /// use verify_core::{Factor, Policy, Psd2};
    ///
    /// let order = || Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
    /// let transfer = Policy::payment("transfer", Factor::code("approval"), order());
    /// # let _ = transfer;
    /// ```
    ///
    /// ```compile_fail,E0277
    /// use verify_core::{Factor, Policy, Psd2};
    ///
    /// let order = || Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
    /// let transfer = Policy::payment("transfer", Factor::proof_of_work("human"), order());
    /// ```
    pub fn payment(name: impl Into<String>, approval: impl Approves, bind: impl Bind) -> Self {
        Self::new(name).require(approval.into_factor()).bind(bind)
    }

    /// What has to be satisfied. A second call replaces the first.
    pub fn require(mut self, requirement: impl Into<Requirement>) -> Self {
        self.requirement = Some(requirement.into());
        self
    }

    /// What passing is for, in words that follow "to": it stands in messages and on the page, so that nobody reads a
    /// code out without knowing what it opens (OWASP Transaction Authorization, 1.4). Default: `continue`.
    pub fn purpose(mut self, purpose: impl Into<String>) -> Self {
        self.purpose = purpose.into();
        self
    }

    /// Says that its codes go to addresses that the caller gives, by [`Direct::to`](crate::Direct::to), so that the engine
    /// needs no contacts for it. In front of a route, such a policy can send nothing.
    pub fn to_given_addresses(mut self) -> Self {
        self.addresses_given = true;
        self
    }

    /// Asks the store on every request whether the user's clearances were revoked on another machine. Off by default:
    /// it costs one read a request, where a clearance otherwise costs none.
    pub fn checks_revocation(mut self) -> Self {
        self.checks_revocation = true;
        self
    }

    /// Lets CORS preflights (`OPTIONS` with `Origin` and `Access-Control-Request-Method`) through to what is behind the
    /// gate. Off by default: the gate answers them itself, with 204 and without a permission, since anybody can dress a
    /// request as one and a handler that takes every method would run. Put the gate *inside* the CORS layer, which answers
    /// preflights before it; switch this on where the CORS layer stands behind the gate and nothing else answers `OPTIONS`.
    pub fn pass_preflights(mut self) -> Self {
        self.passes_preflights = true;
        self
    }

    /// Lets an `all_of` be met by two codes to the same kind of address. Off by default: two codes to one phone prove
    /// that phone once.
    pub fn count_same_address_twice(mut self) -> Self {
        self.same_address = true;
        self
    }

    /// Makes each approval one for a single transaction, and good for one execution (RTS 2018/389, 5).
    ///
    /// Give it a [`Psd2`](crate::Psd2), which says where the transaction stands in the body, or a closure that reads it:
    /// `|request: &BoundRequest, body: &[u8]| -> Result<Transaction, BindError>`. The gate reads the body once and hands it
    /// on unchanged. A code then approves this amount to this payee and nothing else; if anything of it changes, the code
    /// is dead.
    ///
    /// ```
    /// use verify_core::{BindError, BoundRequest, Factor, Policy, Transaction};
    ///
    /// fn order(request: &BoundRequest, body: &[u8]) -> Result<Transaction, BindError> {
    ///     Err(BindError::new("orders are closed"))
    /// }
    /// let orders = Policy::new("orders").require(Factor::code("approval")).bind(order);
    /// # let _ = orders;
    /// ```
    pub fn bind(mut self, bind: impl Bind) -> Self {
        self.binder = Some(bind.into_binding().0);
        self
    }

    /// The same, where the handler says which transaction it is about to execute: by a guard or an extractor of the
    /// adapters. As a layer or middleware such a policy lets nobody pass.
    pub fn bind_in_handler(self) -> Self {
        self.bind(Binding(Binder::Handler))
    }

    /// The longest body that is read to bind it; beyond it the answer is 413. Default: 64 KiB, more than any payment
    /// order. A policy that reads no body does not start with it.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.orders.body_limit = Some(bytes);
        self
    }

    /// Takes transactions of an amount *or less* (RTS 2018/389, 5(3)(a)) from a closure or a handler. Off by default.
    pub fn allow_up_to(mut self) -> Self {
        self.orders.up_to = true;
        self
    }

    /// Takes batches (RTS 2018/389, 5(3)(b)) from a closure or a handler. Off by default.
    pub fn allow_batches(mut self) -> Self {
        self.orders.batches = true;
        self
    }

    /// Gives an approval back when the handler answers with 500 or above. Off by default: a handler that failed may have
    /// failed after the money left, so an approval is spent by being used. Switch it on where the handler is known to
    /// undo what it began.
    pub fn restore_on_5xx(mut self) -> Self {
        self.orders.restore_on_5xx = true;
        self
    }

    /// Lets transactions pass without a challenge where one of these exemptions applies, and says so in the audit trail.
    /// None by default. What else the policy asks for, as a proof of work, is asked for all the same.
    pub fn exempt(mut self, exemptions: Exemptions) -> Self {
        self.exemptions = Some(exemptions);
        self
    }

    /// Ends the proofs of this policy when nothing was asked for so long, however young they are: five minutes at the most
    /// for access to a payment account (RTS 2018/389, 4(3)(d)). Each request that passes begins the time anew; the age of
    /// the proof, which runs from its verification, stays the cap. The client gets its renewed clearance with an answer now
    /// and then. Default: no such limit.
    pub fn idle(mut self, limit: Duration) -> Self {
        self.idle = Some(limit);
        self
    }

    /// Holds it to a standard: a policy that breaks one of its clauses does not start, and the error says which. Several can
    /// be named, and all of them have to be held. None by default.
    pub fn preset(mut self, preset: Preset) -> Self {
        self.presets.push(preset);
        self
    }

    /// How it is bound, if it is.
    pub(crate) fn binding(&self) -> Option<BindingRules> {
        let (binder, orders) = (self.binder.clone()?, self.orders);
        let (up_to, batches) = match &binder {
            Binder::Psd2(psd2) => (psd2.is_up_to(), psd2.is_batch()),
            Binder::Closure(_) | Binder::Handler => (false, false),
        };
        Some(BindingRules {
            binder,
            body_limit: orders.body_limit.unwrap_or(DEFAULT_BODY_LIMIT),
            up_to: up_to || orders.up_to,
            batches: batches || orders.batches,
            restore_on_5xx: orders.restore_on_5xx,
        })
    }

    /// What was said and has nothing to be about, which nobody would notice before it is too late.
    pub(crate) fn pointless(&self) -> Option<&'static str> {
        let Orders { body_limit, up_to, batches, restore_on_5xx } = self.orders;
        match &self.binder {
            None if up_to || batches || restore_on_5xx || body_limit.is_some() => {
                Some("its settings for transactions need `.bind(..)`")
            }
            Some(Binder::Handler) if body_limit.is_some() => {
                Some("its handler reads the body, so `body_limit` is the handler's: leave it out")
            }
            Some(_) if self.passes_preflights => {
                Some("`pass_preflights` is for access: answer CORS before a gate for transactions")
            }
            _ => None,
        }
    }

    /// Whether two values are one policy, so that both may bear its name.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        self.requirement == other.requirement
            && self.purpose == other.purpose
            && self.checks_revocation == other.checks_revocation
            && self.passes_preflights == other.passes_preflights
            && self.binder == other.binder
            && self.orders == other.orders
            && self.exemptions == other.exemptions
            && self.idle == other.idle
            && self.addresses_given == other.addresses_given
            && self.presets == other.presets
    }
}

/// A factor, or a combination of requirements.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement(pub(crate) Node);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Leaf { factor: Factor, within: Option<Duration> },
    All(Vec<Requirement>),
    Any(Vec<Requirement>),
    First(Vec<Requirement>),
}

impl Requirement {
    pub(crate) fn leaf(factor: Factor, within: Option<Duration>) -> Self {
        Self(Node::Leaf { factor, within })
    }
}

impl From<Factor> for Requirement {
    fn from(factor: Factor) -> Self {
        Self::leaf(factor, None)
    }
}

/// Every one of them has to be satisfied. Takes an array, a vector, or a tuple of up to six different things.
#[must_use]
pub fn all_of(requirements: impl Requirements) -> Requirement {
    Requirement(Node::All(requirements.into_requirements()))
}

/// One of them is enough; the visitor chooses. Takes an array, a vector, or a tuple of up to six different things.
#[must_use]
pub fn any_of(requirements: impl Requirements) -> Requirement {
    Requirement(Node::Any(requirements.into_requirements()))
}

/// The first of them that can be had: captchas, and behind them what takes their place while their vendors are down. A captcha
/// gives way only where it says so ([`Outage::Fallback`](crate::Outage::Fallback)). Once no vendor is left, the visitor
/// chooses among the rest.
///
/// What takes a vendor's place is as real as the vendor: it is checked as everywhere, it is offered only after this server has
/// asked the vendor in vain, and a proof of work or a captcha that was earned elsewhere does not count here.
///
/// ```
/// # use verify_core::{CaptchaContext, CaptchaError, CaptchaVerifier, Widget};
/// # #[derive(Debug)] struct Vendor(Widget);
/// # #[async_trait::async_trait] impl CaptchaVerifier for Vendor {
/// #     fn widget(&self) -> &Widget { &self.0 }
/// #     async fn verify(&self, _: &str, _: &CaptchaContext<'_>) -> Result<(), CaptchaError> { Ok(()) }
/// # }
/// # let vendor = Vendor(Widget::new("vendor", "Vendor", "key", "https://vendor.example/api.js"));
/// use verify_core::{Factor, Outage, Policy, first_of};
///
/// let captcha = Factor::captcha("human", vendor).when_down(Outage::Fallback);
/// let work = Factor::proof_of_work("work");
/// let code = Factor::code("by-phone");
/// let feed = Policy::new("feed").require(first_of((captcha, work, code)));
/// # let _ = feed;
/// ```
#[must_use]
pub fn first_of(requirements: impl Requirements) -> Requirement {
    Requirement(Node::First(requirements.into_requirements()))
}

/// A list of requirements: an array or vector of one type, or a tuple of several.
pub trait Requirements {
    /// The list.
    fn into_requirements(self) -> Vec<Requirement>;
}

impl<T: Into<Requirement>, const N: usize> Requirements for [T; N] {
    fn into_requirements(self) -> Vec<Requirement> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<Requirement>> Requirements for Vec<T> {
    fn into_requirements(self) -> Vec<Requirement> {
        self.into_iter().map(Into::into).collect()
    }
}

macro_rules! tuples {
    ($(($($name:ident)+))+) => {$(
        impl<$($name: Into<Requirement>),+> Requirements for ($($name,)+) {
            #[expect(non_snake_case, reason = "type names serve as variables here")]
            fn into_requirements(self) -> Vec<Requirement> {
                let ($($name,)+) = self;
                vec![$($name.into()),+]
            }
        }
    )+};
}

tuples! { (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) }
