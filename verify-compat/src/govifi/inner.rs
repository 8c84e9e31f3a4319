//! What answers: the engine, what is noted beside it, and which request goes where.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, StatusCode};
use serde_json::{Map, Value, json};
use verify_core::{Budgets, CaptchaVerifier, Engine, Errand, Gate, Reply};

use crate::detached;
use crate::govifi::access::{self, Accounts};
use crate::govifi::book::{Book, ENDED};
use crate::govifi::fault::{Code, Fault};
use crate::govifi::session::{Record, Scope, is_id};
use crate::govifi::webhook::{Told, Webhook};
use crate::govifi::{ChallengeKind, ChallengePolicy, Payments, Settings};
use crate::json;
use crate::moment;

/// The API behind its handle.
pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) accounts: Accounts,
    pub(crate) book: Book,
    pub(crate) settings: Settings,
    pub(crate) policy: Arc<dyn ChallengePolicy>,
    pub(crate) payments: Arc<dyn Payments>,
    pub(crate) captchas: Vec<Arc<dyn CaptchaVerifier>>,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) gates: Vec<(ChallengeKind, Gate)>,
}

/// The name of a code's policy and factor.
pub(crate) const fn factor(kind: ChallengeKind) -> &'static str {
    match kind {
        ChallengeKind::Email => "govifi-email",
        _ => "govifi-sms",
    }
}

impl Inner {
    pub(crate) async fn answer(self: &Arc<Self>, request: Request<Bytes>) -> Reply {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let mut segments = path.split('/').skip_while(|segment| *segment != "hosted-sessions").skip(1);
        let rest: Vec<&str> = segments.by_ref().collect();
        let mut record = None;
        let answered = match rest.as_slice() {
            [] | [""] => self.create_over_http(&parts, &body).await,
            [id, rest @ ..] => self.of_session(&parts, &body, id, rest, &mut record).await,
        };
        let mut reply = answered.unwrap_or_else(Fault::reply);
        access::share(&mut reply, &self.accounts, record.as_ref(), &parts.headers);
        reply
    }

    /// Refuses a request of which no more than its head was looked at. Pages can read it, if the origin is an account's: which
    /// origins a session has of its own is not known without the store.
    pub(crate) fn refuse(&self, head: &Parts, fault: Fault) -> Reply {
        let mut reply = fault.reply();
        access::share(&mut reply, &self.accounts, None, &head.headers);
        reply
    }

    async fn of_session(
        self: &Arc<Self>,
        parts: &Parts,
        body: &[u8],
        id: &str,
        rest: &[&str],
        found: &mut Option<Record>,
    ) -> Result<Reply, Fault> {
        let allow = match rest {
            [] => "GET",
            ["expire"] | ["confirm"] | ["challenge", "send"] => "POST",
            _ => return Err(Fault::no_path()),
        };
        if !is_id(id) {
            return Err(self.invalid("A session's id is cs_ and letters and digits"));
        }
        if parts.method == Method::OPTIONS {
            *found = self.book.find(id).await?;
            return access::preflight(&self.accounts, found.as_ref(), &parts.headers);
        }
        if parts.method.as_str() != allow {
            return Err(Fault::method(allow));
        }
        if rest == ["expire"] {
            let account = self.accounts.authenticate(&parts.headers).ok_or_else(Fault::no_credentials)?;
            let record = self.book.find(id).await?.filter(|record| record.account == account.uid);
            return self.expire_over_http(&record.ok_or_else(Fault::unknown)?).await;
        }
        let presented = access::bearer(&parts.headers).ok_or_else(Fault::no_credentials)?;
        let known = self.book.find(id).await?.ok_or_else(Fault::unknown)?;
        let server = self.accounts.authenticate(&parts.headers).filter(|_| rest.is_empty());
        if server.is_some_and(|account| account.uid == known.account) {
            return self.view(&known).await;
        }
        if !access::is_credential(&known, presented) {
            return Err(Fault::unknown());
        }
        let record = &*found.insert(known);
        access::check_origin(record, &parts.headers, self.settings.require_origin)?;
        let now = self.now();
        if self.book.requests(record, now).await? > u64::from(self.settings.requests_per_minute) {
            let rest = 60 - (now / 1000) % 60;
            return Err(Fault::limited("Too many requests of one credential", rest));
        }
        if !rest.is_empty() && record.asked.scope == Scope::Wallet {
            return Err(Fault::scope());
        }
        match rest {
            [] => self.view(record).await,
            ["confirm"] => self.confirm(parts, record, body).await,
            _ => {
                let (inner, record) = (Arc::clone(self), record.clone());
                // The message leaves, or its send is given back, whether or not the payer still waits.
                let sent = detached::finished(async move { inner.send(&record).await }).await;
                sent.unwrap_or_else(|| Err(Fault::unavailable()))
            }
        }
    }

    /// A request whose form is wrong.
    pub(crate) fn invalid(&self, message: &'static str) -> Fault {
        Fault::new(self.settings.validation_status, Code::ValidationError, message)
    }

    pub(crate) fn now(&self) -> u64 {
        moment::millis(self.engine.now())
    }

    /// Refuses what is paid or over. A session whose time is over ends here, unless it is being paid, or may have been: then
    /// nobody can say that it has expired.
    pub(crate) async fn require_open(self: &Arc<Self>, record: &Record) -> Result<(), Fault> {
        self.require_no_end(record).await?;
        if !record.is_over(self.engine.now()) {
            return Ok(());
        }
        if self.end(record).await? {
            return Err(Fault::expired());
        }
        // Whoever has the permit may have come to an end just now.
        self.require_no_end(record).await?;
        Err(Fault::under_way())
    }

    async fn require_no_end(&self, record: &Record) -> Result<(), Fault> {
        if self.book.completed(&record.id).await?.is_some() {
            return Err(Fault::confirmed());
        }
        if self.book.is_marked(ENDED, record).await? {
            return Err(Fault::expired());
        }
        Ok(())
    }

    /// The session as a page may see it: nothing of who the payer is.
    async fn view(self: &Arc<Self>, record: &Record) -> Result<Reply, Fault> {
        let status = match self.require_open(record).await {
            Ok(()) => "open",
            Err(fault) if fault.code == Code::AlreadyConfirmed => "completed",
            Err(fault) if fault.code == Code::SessionExpired => return self.gone(record, fault).await,
            Err(fault) => return Err(fault),
        };
        let asked = &record.asked;
        let mut body = json!({
            "session_id": record.id,
            "status": status,
            "scope": asked.scope,
            "amount": asked.amount,
            "currency": asked.currency,
            "line_items": asked.line_items,
            "allowed_methods": asked.allowed_methods,
            "setup_future_usage": asked.setup_future_usage.as_deref().unwrap_or("off"),
            "success_url": asked.success_url,
            "cancel_url": asked.cancel_url,
            "expires_at": moment::text(record.expires),
        });
        let challenge = match status {
            "open" => self.challenge(record).await?,
            _ => Value::Null,
        };
        if let Value::Object(members) = &mut body {
            members.insert("challenge".to_owned(), challenge);
        }
        Ok(json::reply(StatusCode::OK, &body))
    }

    /// Ends a session that nobody pays, and notes it, whether or not whoever asked still waits; says whether it could.
    pub(crate) async fn end(self: &Arc<Self>, record: &Record) -> Result<bool, Fault> {
        let (inner, record) = (Arc::clone(self), record.clone());
        let ended = detached::finished(async move { inner.book.end(&record, inner.now()).await }).await;
        ended.unwrap_or_else(|| Err(Fault::unavailable()))
    }

    /// The answer about a session that has expired. Whoever sees it first has its webhook sent.
    pub(crate) async fn gone(self: &Arc<Self>, record: &Record, fault: Fault) -> Result<Reply, Fault> {
        let mut reply = fault.reply();
        if let Some(errand) = self.tell_expired(record).await? {
            errand.leave_with(&mut reply);
        }
        Ok(reply)
    }

    /// Says by webhook that a session is paid, in the background: the payer does not wait for it, and whether the payer is
    /// still there makes no difference.
    pub(crate) fn tell_completed(&self, record: &Record) -> Option<Errand> {
        let webhook = self.webhook.as_ref()?;
        let errand = webhook.tell(&self.book.notes, record, &Told::Completed, self.now());
        detached::left(errand, self.engine.deadline())
    }

    /// Says by webhook that a session has expired, once, in the background; gives the webhook back where nothing runs there.
    /// Whoever notes first that it is told sends it, whether or not whoever asked still waits.
    pub(crate) async fn tell_expired(self: &Arc<Self>, record: &Record) -> Result<Option<Errand>, Fault> {
        if self.webhook.is_none() {
            return Ok(None);
        }
        let (inner, record) = (Arc::clone(self), record.clone());
        let told = detached::finished(async move {
            let now = inner.now();
            let Some(webhook) = &inner.webhook else { return Ok(None) };
            if !inner.book.mark(b"told", &record, now).await? {
                return Ok(None);
            }
            let errand = webhook.tell(&inner.book.notes, &record, &Told::Expired, now);
            Ok(detached::left(errand, inner.engine.deadline()))
        });
        told.await.unwrap_or_else(|| Err(Fault::unavailable()))
    }
}

/// The members of a JSON object.
pub(crate) fn members(body: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(body).ok()
}
