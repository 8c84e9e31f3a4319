//! Setting an engine up: two arguments are required, everything else has a default that nobody should regret.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::audit::Event;
use crate::budgets::Budgets;
use crate::ceremony::{Misses, Over, Queue};
use crate::clock::{Clock, SystemClock};
use crate::code_service::CodeService;
use crate::contact::{Channel, Countries, NumberPlan};
use crate::cookies::Cookies;
use crate::courier::{Contacts, Courier, DEFAULT_DEADLINE, MessageTemplate, Text};
use crate::engine::delivery::Delivery;
use crate::engine::{
    BlockStatus, ConfigError, Core, Engine, LONGEST_DEADLINE, LanguageOf, MissingContacts, NotMe, Registry,
    Rotate, Rotated, SubjectOf,
};
use crate::keys::KeyRing;
use crate::limit::{Limiter, RequestLimits, SharedLimit};
use crate::offer::Links;
use crate::origin::Origin;
use crate::pin_service::PinService;
use crate::puzzle::Mill;
use crate::request::Head;
use crate::revocation::Revocations;
use crate::source::ClientIp;
use crate::store::{AnyStore, MemoryStore, Store};
use crate::subject::Subject;
use crate::totp::Authenticators;
use crate::transaction::AmountFormat;

mod messages;

/// Builds an [`Engine`]; made by [`Engine::builder`].
#[must_use]
pub struct EngineBuilder {
    keys: KeyRing,
    origin: Origin,
    also_from: Vec<Origin>,
    site: Option<String>,
    mount: String,
    store: Option<AnyStore>,
    couriers: BTreeMap<Channel, Arc<dyn Courier>>,
    code_services: BTreeMap<Channel, Arc<dyn CodeService>>,
    pin_service: Option<Arc<dyn PinService>>,
    templates: Vec<MessageTemplate>,
    language: Option<LanguageOf>,
    sms_parts: usize,
    not_me: NotMe,
    amounts: AmountFormat,
    contacts: Option<Arc<dyn Contacts>>,
    authenticators: Option<Arc<dyn Authenticators>>,
    countries: Option<Countries>,
    number_plan: Option<Arc<dyn NumberPlan>>,
    missing_contacts: MissingContacts,
    subject: Option<SubjectOf>,
    rotate: Option<Rotate>,
    client_ip: ClientIp,
    limits: RequestLimits,
    shared: bool,
    clock: Arc<dyn Clock>,
    budgets: Budgets,
    listener: Option<crate::audit::Listener>,
    clearance_life: Duration,
    deadline: Duration,
    queue: usize,
    status: BlockStatus,
    plain_http: bool,
    uniform: bool,
    #[cfg(feature = "danger-development")]
    inbox: Option<crate::courier::Inbox>,
}

impl EngineBuilder {
    pub(super) fn new(keys: KeyRing, origin: Origin) -> Self {
        Self {
            keys,
            origin,
            also_from: Vec::new(),
            site: None,
            mount: "/challenge".to_owned(),
            store: None,
            couriers: BTreeMap::new(),
            code_services: BTreeMap::new(),
            pin_service: None,
            templates: Vec::new(),
            language: None,
            sms_parts: 2,
            not_me: NotMe::default(),
            amounts: AmountFormat::default(),
            contacts: None,
            authenticators: None,
            countries: None,
            number_plan: None,
            missing_contacts: MissingContacts::default(),
            subject: None,
            rotate: None,
            client_ip: ClientIp::default(),
            limits: RequestLimits::default(),
            shared: false,
            clock: Arc::new(SystemClock),
            budgets: Budgets::default(),
            listener: None,
            clearance_life: Duration::from_secs(12 * 3600),
            deadline: DEFAULT_DEADLINE,
            queue: 1000,
            status: BlockStatus::default(),
            plain_http: false,
            uniform: false,
            #[cfg(feature = "danger-development")]
            inbox: None,
        }
    }

    /// The name of the site in messages and on pages: up to 40 characters on one line. Default: the origin's host.
    pub fn site(mut self, name: impl Into<String>) -> Self {
        self.site = Some(name.into());
        self
    }

    /// The path under which the endpoints are mounted. Default: `/challenge`.
    pub fn mount(mut self, path: impl Into<String>) -> Self {
        self.mount = path.into();
        self
    }

    /// Where facts are kept. Default: a [`MemoryStore`], which serves one process.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(AnyStore::of(store));
        self
    }

    /// Where the secrets of authenticator apps are kept, for [`Factor::totp`](crate::Factor::totp). None by default: a policy
    /// that needs one does not start.
    pub fn authenticators(mut self, authenticators: impl Authenticators) -> Self {
        self.authenticators = Some(Arc::new(authenticators));
        self
    }

    /// Who calls phones and asks for the PINs of [`Factor::reverse_pin`](crate::Factor::reverse_pin). Default: nobody, and a
    /// policy with such a factor does not start.
    pub fn pin_service(mut self, service: impl PinService) -> Self {
        self.pin_service = Some(Arc::new(service));
        self
    }

    /// Who asks, and in which [session](Subject::session). Whatever it says must have been authenticated. It comes after a
    /// [`Subject`] that the application's own middleware has put on the request; where neither knows, the subject is a visitor
    /// with an opaque cookie.
    pub fn subject(
        mut self,
        subject: impl for<'a> Fn(&Head<'a>) -> Option<Subject<'a>> + Send + Sync + 'static,
    ) -> Self {
        self.subject = Some(Box::new(subject));
        self
    }

    /// Runs after each success that lets the subject do more, before the clearance is made: start a new session here and say
    /// which it is (OWASP ASVS 7.2.4). The clearance is for that session; the old one's id carries none. Default: the
    /// session stays. It does as well after a proof of work, which says nothing of who asks, and after the approval of a
    /// transaction, which is made for the session that asked for it.
    pub fn on_verified(
        mut self,
        rotate: impl Fn(&Subject<'_>) -> Option<Rotated> + Send + Sync + 'static,
    ) -> Self {
        self.rotate = Some(Box::new(rotate));
        self
    }

    /// How the client's address is found. Default: the peer's; behind a proxy that is the proxy, so say so.
    pub fn client_ip(mut self, client_ip: ClientIp) -> Self {
        self.client_ip = client_ip;
        self
    }

    /// Answers every way in which an answer can fail alike, so that nobody learns which part was wrong (RTS 2018/389,
    /// 4(3)(a)): a wrong code, a used or cancelled challenge and an expired ticket all read `challenge_failed`. Default: they
    /// are told apart, which helps people who mistype.
    pub fn uniform_failures(mut self) -> Self {
        self.uniform = true;
        self
    }

    /// How often one source may call the endpoints and be blocked, in this process.
    pub fn limits(mut self, limits: RequestLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Counts calls of the endpoints, and answers in line, for all machines together: in the store, one round trip each.
    /// Blocked requests stay a matter of each process, since they cost no store call. Default: each process counts for
    /// itself, so that *k* of them let *k* times the limit pass.
    pub fn share_limits(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Further origins whose pages may answer challenges and act with a clearance: a front end on a host of its own, which
    /// calls this one by CORS with credentials. Name each one exactly; a sibling host that is not named is another party.
    /// Default: none, so only the engine's own origin counts.
    pub fn also_from(mut self, origins: impl IntoIterator<Item = Origin>) -> Self {
        self.also_from.extend(origins);
        self
    }

    /// Tells the time. Default: the machine's clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How much may be guessed and sent, counted in the store.
    pub fn budgets(mut self, budgets: Budgets) -> Self {
        self.budgets = budgets;
        self
    }

    /// Hears every audit event, on the thread that made it: be quick.
    pub fn on_event(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// The longest that any proof is carried, whatever a policy says: the absolute cap, up to 30 days. Default: 12
    /// hours.
    pub fn clearance_life(mut self, life: Duration) -> Self {
        self.clearance_life = life;
        self
    }

    /// How long one request may wait for store, contacts and courier together before it is answered with 503; at most 60
    /// seconds, which is longer than people and proxies wait. Default: 10 seconds.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The status of a blocked request. Default: [`BlockStatus::Forbidden`].
    pub fn block_status(mut self, status: BlockStatus) -> Self {
        self.status = status;
        self
    }

    /// Lets the origin be `http`, and drops `Secure` and the `__Host-` prefix from the cookies.
    #[cfg(feature = "danger-development")]
    pub fn danger_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Checks everything and builds.
    ///
    /// # Errors
    /// Names the setting that does not make sense and what to write instead.
    pub fn build(self) -> Result<Engine, ConfigError> {
        let delivery = Delivery {
            couriers: self.couriers,
            code_services: self.code_services,
            pin_service: self.pin_service,
        };
        #[cfg(feature = "danger-development")]
        let delivery = delivery.or_inbox(self.inbox.as_ref());
        delivery.check(self.plain_http, self.countries.is_some())?;
        if self.budgets.spending.cap.is_none() && delivery.pays_for_phones() {
            tracing::warn!(target: "verify", "messages to phones cost money, and nothing limits how much a day: `Budgets::daily_cap`");
        }
        if !self.origin.is_secure() && !self.plain_http {
            return Err(ConfigError::PlainHttp { origin: self.origin.to_string() });
        }
        let site = self.site.unwrap_or_else(|| self.origin.host().to_owned());
        if site.trim().is_empty()
            || site.chars().count() > 40
            || site.chars().any(crate::text::is_unprintable)
        {
            return Err(ConfigError::Site);
        }
        let mount = self.mount.trim_end_matches('/').to_owned();
        let clean = mount.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b));
        if !mount.starts_with('/') || mount.contains("//") || !clean {
            return Err(ConfigError::Mount);
        }
        let check = |template: &MessageTemplate| {
            let channel = template.channel();
            Text::check(template).map_err(|what| ConfigError::Text { channel, what })
        };
        let texts = self.templates.iter().map(check).collect::<Result<_, _>>()?;
        let day = Duration::from_secs(24 * 3600);
        if self.clearance_life.is_zero() || self.clearance_life > 30 * day {
            return Err(ConfigError::ClearanceLife);
        }
        if self.deadline.is_zero() || self.deadline > LONGEST_DEADLINE {
            return Err(ConfigError::Deadline { given: self.deadline });
        }
        if self.queue == 0 {
            return Err(ConfigError::Queue);
        }
        if let Some(what) = self.budgets.fault() {
            return Err(ConfigError::Budget { what });
        }
        if self.budgets.permanent_after.is_some() && self.budgets.block.is_none() {
            return Err(ConfigError::NoBlocks);
        }
        if let BlockStatus::Other(status) = self.status
            && (!status.is_client_error() || matches!(status.as_u16(), 401 | 428))
        {
            return Err(ConfigError::Status { status: status.as_u16() });
        }
        #[cfg(feature = "danger-development")]
        let cookies = if self.plain_http { Cookies::plain() } else { Cookies::secure() };
        #[cfg(not(feature = "danger-development"))]
        let cookies = Cookies::secure();
        let clock = self.clock;
        let store = self
            .store
            .unwrap_or_else(|| AnyStore::of(MemoryStore::builder().clock(Arc::clone(&clock)).build()));
        Ok(Engine {
            core: Arc::new(Core {
                keys: self.keys,
                origin: self.origin,
                also_from: self.also_from,
                site,
                links: Links::below(&mount).map_err(|_| ConfigError::Mount)?,
                mount,
                store,
                couriers: delivery.couriers,
                code_services: delivery.code_services,
                pin_service: delivery.pin_service,
                texts,
                language: self.language,
                sms_parts: self.sms_parts,
                not_me: self.not_me,
                amounts: self.amounts,
                contacts: self.contacts,
                authenticators: self.authenticators,
                countries: self.countries,
                number_plan: self.number_plan,
                missing_contacts: self.missing_contacts,
                subject: self.subject,
                rotate: self.rotate,
                client_ip: self.client_ip,
                shared: self.shared.then(|| SharedLimit::new(self.limits.challenges())).flatten(),
                challenges: Limiter::new(self.limits.challenges(), Arc::clone(&clock))?,
                blocked: Limiter::new(self.limits.blocked(), Arc::clone(&clock))?,
                clock,
                budgets: self.budgets,
                uniform: self.uniform,
                registry: Registry::default(),
                mill: Mill::default(),
                revocations: Revocations::default(),
                over: Over::default(),
                misses: Misses::default(),
                queue: Queue::new(self.queue),
                cookies,
                listener: self.listener,
                clearance_life: self.clearance_life,
                deadline: self.deadline,
                status: self.status,
                #[cfg(feature = "danger-development")]
                inbox: self.inbox,
            }),
        })
    }
}

impl fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("keys", &self.keys)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}
