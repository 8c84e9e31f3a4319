//! What answers: the engine and everything beside it, and which request goes where.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::{Method, Request, header};
use verify_core::{Budgets, Direct, Engine, Factor, Gate, Policy, PolicyError, Reply, Resend, Subject};

use crate::moment;
use crate::twilio::Settings;
use crate::twilio::accounts::Accounts;
use crate::twilio::book::{Book, SENDS, TRIES};
use crate::twilio::call::Call;
use crate::twilio::catalog::Catalog;
use crate::twilio::fault::Fault;
use crate::twilio::identity::Identities;
use crate::twilio::lookup::Lookup;
use crate::twilio::service::Service;
use crate::twilio::verification::Terms;
use crate::twilio::webhook::Webhook;

/// The API behind its handle.
pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) accounts: Accounts,
    pub(crate) catalog: Catalog,
    pub(crate) book: Book,
    pub(crate) settings: Settings,
    pub(crate) identities: Identities,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) lookup: Option<Arc<dyn Lookup>>,
    /// What the original counts, and nothing else: the caller answers for who makes it call.
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) gates: RwLock<HashMap<Terms, Gate>>,
}

/// The name of every code factor of this API.
pub(crate) fn factor(terms: Terms) -> String {
    let mode = if terms.fresh { "fresh" } else { "same" };
    format!("twilio-{}-{}-{mode}", terms.digits, terms.ttl)
}

impl Inner {
    /// Answers one request.
    pub(crate) async fn answer(self: &Arc<Self>, request: Request<bytes::Bytes>) -> Reply {
        self.try_answer(request).await.unwrap_or_else(Fault::reply)
    }

    async fn try_answer(self: &Arc<Self>, request: Request<bytes::Bytes>) -> Result<Reply, Fault> {
        let (parts, body) = request.into_parts();
        let Some(account) = self.accounts.admit(&parts.headers) else {
            return Err(Fault::of(20_003).with(
                header::WWW_AUTHENTICATE,
                http::HeaderValue::from_static("Basic realm=\"Twilio API\""),
            ));
        };
        let call = Call::new(account, &parts, &body, self.settings.public_url.as_deref())?;
        self.catalog.seed(self.now()).await?;
        self.route(&call).await
    }

    async fn route(self: &Arc<Self>, call: &Call) -> Result<Reply, Fault> {
        let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["Services"] => match take(call, &[Method::GET, Method::POST])? {
                Method::POST => self.create_service(call).await,
                _ => self.list_services(call).await,
            },
            ["Services", sid] => {
                take(call, &[Method::GET, Method::POST, Method::DELETE])?;
                let service = self.service(call, sid).await?;
                match call.method {
                    Method::POST => self.update_service(call, sid).await,
                    Method::DELETE => self.delete_service(&service).await,
                    _ => Ok(super::reply::ok(&service.json(call))),
                }
            }
            ["Services", sid, rest @ ..] => {
                let service = self.service(call, sid).await?;
                self.route_in_service(call, &service, rest).await
            }
            ["Attempts"] => {
                take(call, &[Method::GET])?;
                self.list_attempts(call).await
            }
            ["Attempts", "Summary"] => {
                take(call, &[Method::GET])?;
                self.sum_up_attempts(call).await
            }
            ["Attempts", sid] => {
                take(call, &[Method::GET])?;
                self.fetch_attempt(call, sid).await
            }
            ["SafeList", "Numbers"] => {
                take(call, &[Method::POST])?;
                self.add_safe_number(call).await
            }
            ["SafeList", "Numbers", number] => match take(call, &[Method::GET, Method::DELETE])? {
                Method::DELETE => self.delete_safe_number(call, number).await,
                _ => self.fetch_safe_number(call, number).await,
            },
            ["Templates"] => {
                take(call, &[Method::GET])?;
                // There are none: what messages say is decided here.
                Ok(super::listing::Page::of(call)?.of_all(call, "templates", &[]))
            }
            _ => Err(call.not_found()),
        }
    }

    async fn route_in_service(
        self: &Arc<Self>,
        call: &Call,
        service: &Service,
        rest: &[&str],
    ) -> Result<Reply, Fault> {
        match rest {
            ["Verifications"] => {
                take(call, &[Method::POST])?;
                self.start(call, service).await
            }
            ["Verifications", which] => match take(call, &[Method::GET, Method::POST])? {
                Method::POST => self.update_verification(call, service, which).await,
                _ => self.fetch_verification(call, service, which).await,
            },
            ["VerificationCheck"] => {
                take(call, &[Method::POST])?;
                self.check(call, service).await
            }
            ["RateLimits"] => match take(call, &[Method::GET, Method::POST])? {
                Method::POST => self.create_limit(call, service).await,
                _ => Self::list_limits(call, service),
            },
            ["RateLimits", sid] => {
                take(call, &[Method::GET, Method::POST, Method::DELETE])?;
                self.one_limit(call, service, sid).await
            }
            ["RateLimits", limit, "Buckets"] => match take(call, &[Method::GET, Method::POST])? {
                Method::POST => self.create_bucket(call, service, limit).await,
                _ => Self::list_buckets(call, service, limit),
            },
            ["RateLimits", limit, "Buckets", sid] => {
                take(call, &[Method::GET, Method::POST, Method::DELETE])?;
                self.one_bucket(call, service, limit, sid).await
            }
            // Entities, Factors and Challenges, Webhooks, AccessTokens, MessagingConfigurations, Passkeys: not served.
            _ => Err(call.not_found()),
        }
    }

    pub(crate) async fn service(&self, call: &Call, sid: &str) -> Result<Service, Fault> {
        if !super::sid::is("VA", sid) {
            return Err(call.not_found());
        }
        self.catalog.service(&call.account, sid).await?.ok_or_else(|| call.not_found())
    }

    /// The present moment, in milliseconds since 1970, by the engine's clock.
    pub(crate) fn now(&self) -> u64 {
        moment::millis(self.engine.now())
    }

    /// The terms of codes that a service has now.
    pub(crate) fn terms(&self, service: &Service) -> Terms {
        Terms {
            digits: service.options.code_length,
            ttl: service.ttl(&self.settings),
            fresh: service.sends_fresh_codes(&self.settings),
        }
    }

    /// Whoever has that number or address at that service, as long as it is that account's. Where the code is known
    /// beforehand it is somebody else, so that no message ever repeats such a code.
    pub(crate) fn direct(
        &self,
        account: &str,
        service: &str,
        contact: &verify_core::Contact,
        is_test: bool,
    ) -> Direct {
        let kind = if is_test { "/test" } else { "" };
        let tenant = format!("{account}/{service}{kind}");
        let subject = Subject::user(contact.expose().to_owned()).tenant(tenant);
        self.engine.direct(subject).to(contact.clone()).budgets(&self.budgets)
    }

    /// The engine's gate for codes of these terms. It is made when it is first needed, in each process, also for
    /// verifications that another process has started.
    pub(crate) fn gate(&self, terms: Terms) -> Result<Gate, PolicyError> {
        if let Some(gate) = self.gates.read().unwrap_or_else(PoisonError::into_inner).get(&terms) {
            return Ok(gate.clone());
        }
        let name = factor(terms);
        let codes = Factor::code(&name)
            .over(self.engine.channels())
            .lives_beyond_ten_minutes(Duration::from_secs(terms.ttl.into()))
            .tries(TRIES)
            .sends(SENDS)
            .resend(if terms.fresh { Resend::FreshCode } else { Resend::SameCode });
        let codes = match terms.digits {
            few @ ..6 => codes.digits_below_six(few),
            digits => codes.digits(digits),
        };
        let gate = self.engine.gate(Policy::new(&name).require(codes).to_given_addresses())?;
        let mut gates = self.gates.write().unwrap_or_else(PoisonError::into_inner);
        Ok(gates.entry(terms).or_insert(gate).clone())
    }

    pub(crate) fn open_gate(&self, terms: Terms) -> Result<Gate, Fault> {
        self.gate(terms).map_err(|error| {
            tracing::error!(target: "verify", "the engine refuses the codes of this service: {error}");
            Fault::of(20_500)
        })
    }
}

/// The method, if it is one of those that the resource takes.
fn take(call: &Call, methods: &[Method]) -> Result<Method, Fault> {
    if methods.contains(&call.method) {
        return Ok(call.method.clone());
    }
    let allowed = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    let allowed = http::HeaderValue::try_from(allowed);
    let fault = Fault::of(20_004);
    Err(match allowed {
        Ok(allowed) => fault.with(header::ALLOW, allowed),
        Err(_) => fault,
    })
}
