//! The engine: one value that knows the application, and from which gates and endpoints are made.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::audit::Listener;
use crate::budgets::Budgets;
use crate::ceremony::{Misses, Over, Queue};
use crate::clock::Clock;
use crate::code_service::CodeService;
use crate::contact::{Channel, Contact, Countries, NumberKind, NumberPlan};
use crate::cookies::Cookies;
use crate::courier::{self, Contacts, Courier, Text};
use crate::endpoints::Endpoints;
use crate::factor::{Factor, Resend};
use crate::gate::Gate;
use crate::keys::KeyRing;
use crate::limit::{Limiter, SharedLimit};
use crate::offer::Links;
use crate::origin::Origin;
use crate::pin_service::PinService;
use crate::policy::{Plan, Policy, PolicyError};
use crate::preset::Settings;
use crate::puzzle::Mill;
use crate::refusal::Refusal;
use crate::request::{Head, Provenance, RequestView, provenance};
use crate::revocation::Revocations;
use crate::source::{self, ClientIp, Source};
use crate::store::AnyStore;
use crate::subject::Subject;
use crate::totp::Authenticators;
use crate::transaction::AmountFormat;

mod builder;
mod config_error;
mod delivery;
mod lift;
mod presented;
mod registry;
mod settings;

pub use builder::EngineBuilder;
pub use config_error::ConfigError;
pub(crate) use registry::{PolicyInfo, Registry};
pub use settings::{BlockStatus, MissingContacts, NotMe};

/// How long a request may wait at the most.
pub(crate) const LONGEST_DEADLINE: Duration = Duration::from_secs(60);

/// The engine of one application. Cheap to clone; clones are one engine.
///
/// ```
/// use verify_core::{Channel, Contact, Countries, Engine, Factor, KeyRing, Origin, Policy, Subject};
/// # use verify_core::{Courier, CourierError, Delivery};
/// # #[derive(Debug)] struct Sms;
/// # #[async_trait::async_trait] impl Courier for Sms {
/// #     async fn deliver(&self, _: &Delivery) -> Result<(), CourierError> { Ok(()) }
/// #     fn is_development(&self) -> bool { false }
/// # }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # fn user_of(session: &str) -> Option<&'static str> { (session == "9c1f").then_some("alice") }
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// let engine = Engine::builder(keys, Origin::parse("https://bank.example")?)
///     .site("Demo Bank")
///     .courier(Channel::Sms, Sms)
///     .countries(Countries::only(["US", "CA"])?)
///     .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
///     .subject(|head| {
///         let session = head.cookie("sid")?;
///         Some(Subject::user(user_of(session)?).session(session)) // your own login: whose session is it?
///     })
///     .build()?;
///
/// let gate = engine.gate(Policy::new("vault").require(Factor::code("step-up")))?;
/// assert!(engine.gate(Policy::new("hollow")).is_err(), "a policy that asks for nothing does not start");
/// # let _ = gate;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Engine {
    pub(crate) core: Arc<Core>,
}

/// What the application's closure says of a request.
pub(crate) type SubjectOf = Box<dyn for<'a> Fn(&Head<'a>) -> Option<Subject<'a>> + Send + Sync>;

/// What somebody reads; see [`EngineBuilder::language`].
pub(crate) type LanguageOf = Box<dyn Fn(&Subject<'_>) -> Option<String> + Send + Sync>;

/// What the application does with a session that has just proven more; see [`EngineBuilder::on_verified`].
pub(crate) type Rotate = Box<dyn Fn(&Subject<'_>) -> Option<Rotated> + Send + Sync>;

/// The new session after a success: whom the clearance is for, and the cookies that make the browser that session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rotated {
    pub(crate) subject: Subject<'static>,
    /// Marked as sensitive, so that their `Debug` is redacted.
    pub(crate) cookies: Vec<http::HeaderValue>,
}

impl Rotated {
    /// The subject of the new session. The clearance is made for it; the old session's id carries none.
    #[must_use]
    pub fn to(subject: Subject<'static>) -> Self {
        Self { subject, cookies: Vec::new() }
    }

    /// A `Set-Cookie` value to send along.
    #[must_use]
    pub fn set_cookie(mut self, mut cookie: http::HeaderValue) -> Self {
        cookie.set_sensitive(true);
        self.cookies.push(cookie);
        self
    }
}

pub(crate) struct Core {
    pub(crate) keys: KeyRing,
    pub(crate) origin: Origin,
    pub(crate) also_from: Vec<Origin>,
    pub(crate) site: String,
    pub(crate) mount: String,
    pub(crate) links: Links,
    pub(crate) store: AnyStore,
    pub(crate) couriers: BTreeMap<Channel, Arc<dyn Courier>>,
    pub(crate) code_services: BTreeMap<Channel, Arc<dyn CodeService>>,
    pub(crate) pin_service: Option<Arc<dyn PinService>>,
    pub(crate) texts: Vec<Text>,
    pub(crate) language: Option<LanguageOf>,
    pub(crate) sms_parts: usize,
    pub(crate) not_me: NotMe,
    pub(crate) amounts: AmountFormat,
    pub(crate) contacts: Option<Arc<dyn Contacts>>,
    pub(crate) authenticators: Option<Arc<dyn Authenticators>>,
    pub(crate) countries: Option<Countries>,
    pub(crate) number_plan: Option<Arc<dyn NumberPlan>>,
    pub(crate) missing_contacts: MissingContacts,
    pub(crate) subject: Option<SubjectOf>,
    pub(crate) rotate: Option<Rotate>,
    pub(crate) client_ip: ClientIp,
    pub(crate) challenges: Limiter,
    pub(crate) shared: Option<SharedLimit>,
    pub(crate) blocked: Limiter,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) budgets: Budgets,
    pub(crate) uniform: bool,
    pub(crate) registry: Registry,
    pub(crate) mill: Mill,
    pub(crate) revocations: Revocations,
    pub(crate) over: Over,
    pub(crate) misses: Misses,
    pub(crate) queue: Queue,
    pub(crate) cookies: Cookies,
    pub(crate) listener: Option<Listener>,
    pub(crate) clearance_life: Duration,
    pub(crate) deadline: Duration,
    pub(crate) status: BlockStatus,
    #[cfg(feature = "danger-development")]
    pub(crate) inbox: Option<courier::Inbox>,
}

impl Engine {
    /// Starts to build: the keys that seal, and the public origin of the application. Everything else has a default.
    pub fn builder(keys: KeyRing, origin: Origin) -> EngineBuilder {
        EngineBuilder::new(keys, origin)
    }

    /// Compiles a policy into a gate, which an adapter puts in front of routes.
    ///
    /// # Errors
    /// When the policy makes no sense, names a channel that no courier serves, or contradicts a policy or a factor of
    /// the same name.
    pub fn gate(&self, policy: Policy) -> Result<Gate, PolicyError> {
        let plan = Plan::compile(&policy, self.core.clearance_life)?;
        for leaf in &plan.leaves {
            self.fits_services(&leaf.factor).map_err(|what| PolicyError::new(&policy, what))?;
            if matches!(&*leaf.factor, Factor::Totp(_)) && self.core.authenticators.is_none() {
                let what = "it asks for the code of an app, but the engine has no `.authenticators(..)`";
                return Err(PolicyError::new(&policy, what));
            }
            for channel in leaf.factor.channels() {
                let served = self.core.couriers.contains_key(channel)
                    || matches!(&*leaf.factor, Factor::ReversePin(_));
                if !served && !self.core.code_services.contains_key(channel) {
                    let name = leaf.factor.name();
                    let what = format!(
                        "factor `{name}` goes over {channel:?}, which has no courier: `.courier(Channel::{channel:?}, ..)`"
                    );
                    return Err(PolicyError::new(&policy, what));
                }
            }
            self.fits_an_sms(&policy, &leaf.factor).map_err(|what| PolicyError::new(&policy, what))?;
            if !leaf.factor.channels().is_empty() && self.core.contacts.is_none() && !policy.addresses_given {
                return Err(PolicyError::new(
                    &policy,
                    "it sends codes, but the engine has no `.contacts(..)`",
                ));
            }
        }
        let settings = Settings { budgets: &self.core.budgets, uniform: self.core.uniform };
        let broken = policy.presets.iter().find_map(|preset| preset.broken(&policy, &plan, &settings));
        if let Some(what) = broken {
            return Err(PolicyError::new(&policy, what));
        }
        let info = self.core.registry.enter(policy, &plan)?;
        Ok(Gate::new(Arc::clone(&self.core), plan, info))
    }

    /// One challenge has one code, so either one service makes it or the engine does. A call is placed by a service of its
    /// own.
    fn fits_services(&self, factor: &Factor) -> Result<(), String> {
        if matches!(factor, Factor::ReversePin(_)) && self.core.pin_service.is_none() {
            return Err(format!("factor `{}` needs somebody who calls: `.pin_service(..)`", factor.name()));
        }
        let Factor::Code(code) = factor else { return Ok(()) };
        let services = &self.core.code_services;
        let mut makers = code.channels.iter().map(|channel| services.get(channel));
        let Some(first) = makers.next() else { return Ok(()) };
        let same = |other: Option<&Arc<dyn CodeService>>| match (first, other) {
            (None, None) => true,
            (Some(first), Some(other)) => Arc::ptr_eq(first, other),
            _ => false,
        };
        if !makers.all(same) {
            let name = &code.name;
            return Err(format!(
                "factor `{name}` has channels of which one code service makes only some codes: split it"
            ));
        }
        if first.is_some() && code.resend == Resend::FreshCode {
            return Err("a code service sends the same code again: `Resend::SameCode`".to_owned());
        }
        Ok(())
    }

    /// What a text message of this policy can come to has to be known before it costs anything.
    fn fits_an_sms(&self, policy: &Policy, factor: &Factor) -> Result<(), String> {
        let (core, sms) = (&*self.core, Channel::Sms);
        if !factor.channels().contains(&sms) || core.code_services.contains_key(&sms) {
            return Ok(());
        }
        let longest = courier::longest(core, &policy.name, &policy.purpose, policy.binder.is_some());
        if longest.parts() > core.sms_parts {
            return Err(format!(
                "its text message may take {} parts, and {} are allowed: shorten the text, the purpose or the site's name, or \
                 say `.sms_parts({})`",
                longest.parts(),
                core.sms_parts,
                longest.parts()
            ));
        }
        Ok(())
    }

    /// The endpoints `send`, `check`, `status` and `cancel`, which an adapter mounts where
    /// [`EngineBuilder::mount`] says.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        Endpoints::new(Arc::clone(&self.core))
    }

    /// Whom the engine takes this request to be from, for handlers that act for the same subject as its gates: what the
    /// application's own middleware, [`EngineBuilder::subject`] or the visitor cookie says. `None` is a visitor without a
    /// cookie.
    #[must_use]
    pub fn subject_of(&self, request: &impl RequestView) -> Option<Subject<'static>> {
        self.core.subject_of(request).map(Subject::into_owned)
    }

    /// The present moment, by the engine's clock.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.core.clock.now()
    }

    /// The channels that have a courier.
    pub fn channels(&self) -> impl Iterator<Item = Channel> + '_ {
        self.core.couriers.keys().copied()
    }

    /// Whether messages may go to the country of a phone number, as
    /// [`countries`](EngineBuilder::countries) has it; an address of mail is in no country, and always fits. For whoever has a word
    /// of its own for it: a send to elsewhere is refused anyway, and noted as an event.
    #[must_use]
    pub fn allows_country_of(&self, contact: &Contact) -> bool {
        let countries = self.core.countries.as_ref().filter(|_| contact.is_phone());
        countries.is_none_or(|countries| countries.allows(contact))
    }

    /// How long an adapter lets one request wait for stores and couriers before it answers 503.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.core.deadline
    }
}

impl Core {
    pub(crate) fn now(&self) -> u64 {
        self.clock.unix_millis()
    }

    /// Why nothing is sent to an address, whoever it belongs to; nothing if it may be written to.
    pub(crate) fn barred(&self, contact: &Contact) -> Option<&'static str> {
        if !contact.is_phone() {
            return None;
        }
        let country = self.countries.as_ref().is_some_and(|countries| !countries.allows(contact));
        let kind = self.number_plan.as_ref().map_or(NumberKind::Ordinary, |plan| plan.kind(contact));
        match kind {
            _ if country => Some("country"),
            NumberKind::Ordinary => None,
            NumberKind::Premium => Some("premium_number"),
            NumberKind::Unreachable => Some("unreachable_number"),
        }
    }

    /// Counts a request that has passed this process's own limit against that of all machines, where there is one.
    pub(crate) async fn within_shared_limit(&self, source: &Source) -> Result<(), Refusal> {
        let Some(shared) = &self.shared else { return Ok(()) };
        let within = shared.check(&self.store, &self.keys, source, self.now()).await?;
        within.map_err(|wait| {
            metrics::counter!("verify_limited_calls_total", "by" => "store").increment(1);
            Refusal::RateLimited(wait.retry_after())
        })
    }

    /// What a client is told of a failed answer.
    pub(crate) fn told(&self, refusal: Refusal) -> Refusal {
        match refusal {
            Refusal::AlreadyUsed | Refusal::SessionExpired | Refusal::Unsolved(_) if self.uniform => {
                Refusal::Wrong
            }
            other => other,
        }
    }

    pub(crate) fn source(&self, view: &impl RequestView) -> Source {
        source::doubt(&self.client_ip, view);
        self.client_ip.resolve(view.peer(), |name| view.headers(name))
    }

    /// Where a request says it comes from.
    pub(crate) fn provenance(&self, view: &impl RequestView) -> Provenance {
        provenance(view, &self.origin, &self.also_from)
    }

    /// Who asks: the application's middleware, then its closure, then the visitor cookie. `None` is a visitor without
    /// a cookie.
    pub(crate) fn subject_of<'v>(&self, view: &'v impl RequestView) -> Option<Subject<'v>> {
        if let Some(subject) = view.subject() {
            return Some(subject.borrowed());
        }
        if let Some(subject_of) = &self.subject
            && let Some(subject) = subject_of(&Head::new(view))
        {
            return Some(subject);
        }
        self.cookies.visitor(view).map(Subject::visitor)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("origin", &self.core.origin)
            .field("store", &self.core.store)
            .finish_non_exhaustive()
    }
}
