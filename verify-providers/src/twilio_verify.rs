//! Twilio Verify as the maker, deliverer and checker of codes.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, Response};
use verify_core::{
    Channel, CodeAnswer, CodeHandle, CodeOrder, CodeService, CodeServiceError, CodeServiceErrorKind, Fetch,
    FetchErrorKind, PaymentText, Verdict,
};

use crate::base_url;
use crate::credentials;
use crate::exchange::again_if_unsent;
use crate::sid::is_sid;

mod answer;
mod meaning;

use answer::{Refusal, Verification};
use meaning::{Call, Meaning};

/// A Verify service of a Twilio account, for
/// [`EngineBuilder::code_service`](verify_core::EngineBuilder::code_service). Twilio makes, delivers and checks the codes; the
/// engine keeps policies, clearances and budgets.
///
/// Give each factor a Verify service of its own: within one, all of a number's open challenges have one code. A factor that
/// approves payments needs a service with PSD2 enabled; one that links nothing to the code is refused as misconfigured.
///
/// Nothing is sent twice unless it certainly never left: a start that arrived has cost a message, and a check may have used
/// the code up.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use verify_core::{Channel, Engine, KeyRing, Origin};
/// use verify_providers::{HttpClient, TwilioVerify};
///
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// # let (account, token, service) = ("AC".to_owned() + &"a".repeat(32), "secret", "VA".to_owned() + &"b".repeat(32));
/// let twilio = TwilioVerify::new(HttpClient::new()?, &account, token, &service)?;
/// let engine = Engine::builder(keys, Origin::parse("https://bank.example")?)
///     .code_service([Channel::Sms, Channel::Voice], twilio)
///     .build()?;
/// # let _ = engine;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct TwilioVerify {
    client: Arc<dyn Fetch>,
    credentials: HeaderValue,
    service: String,
    base_url: String,
    locale: Option<String>,
}

impl TwilioVerify {
    /// A service (`VA…`) of an account (`AC…` with its token, or `SK…` with its secret). Calls nobody yet.
    ///
    /// # Errors
    /// When one of them has not the form that Twilio gives it.
    pub fn new(
        client: impl Fetch,
        account: &str,
        token: &str,
        service: &str,
    ) -> Result<Self, TwilioVerifyError> {
        if !is_sid("AC", account) && !is_sid("SK", account) {
            return Err(TwilioVerifyError::Account);
        }
        if !is_sid("VA", service) {
            return Err(TwilioVerifyError::Service);
        }
        Ok(Self {
            client: Arc::new(client),
            credentials: credentials::basic(account, token).ok_or(TwilioVerifyError::Token)?,
            service: service.to_owned(),
            base_url: "https://verify.twilio.com".to_owned(),
            locale: None,
        })
    }

    /// Another server that speaks this API, as the gateway of this project does. Default: `https://verify.twilio.com`.
    ///
    /// # Errors
    /// When it is not https, unless it is this machine: the token and every code travel there.
    pub fn base_url(mut self, url: &str) -> Result<Self, TwilioVerifyError> {
        self.base_url = base_url::safe(url).ok_or(TwilioVerifyError::BaseUrl)?;
        Ok(self)
    }

    /// The language of the messages, as Twilio names it (`de`, `pt-BR`). Default: Twilio's guess by the country of the
    /// number.
    #[must_use]
    pub fn locale(mut self, locale: impl Into<String>) -> Self {
        self.locale = Some(locale.into());
        self
    }

    /// Posts a form, once, and once more if it certainly never left.
    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Response<Bytes>, CodeServiceError> {
        let encode = || serde_urlencoded::to_string(form).map_err(|_| CodeServiceErrorKind::Misconfigured);
        let url = format!("{}/v2/Services/{}/{path}", self.base_url, self.service);
        let request = || {
            Request::post(&url)
                .header(AUTHORIZATION, self.credentials.clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(ACCEPT, "application/json")
                .body(encode()?.into())
                .map_err(|_| CodeServiceErrorKind::Misconfigured.into())
        };
        again_if_unsent(&*self.client, request, |error| {
            let kind = match error.kind() {
                FetchErrorKind::Forbidden => CodeServiceErrorKind::Misconfigured,
                _ => CodeServiceErrorKind::Unavailable,
            };
            CodeServiceError::new(kind).with_source(error)
        })
        .await
    }
}

#[async_trait]
impl CodeService for TwilioVerify {
    async fn start(&self, order: &CodeOrder) -> Result<CodeHandle, CodeServiceError> {
        let channel = match order.channel() {
            Channel::Sms => "sms",
            Channel::Voice => "call",
            Channel::Email => "email",
            Channel::WhatsApp => "whatsapp",
            _ => return Err(CodeServiceErrorKind::Misconfigured.into()),
        };
        let mut form = vec![("To", order.to().expose()), ("Channel", channel)];
        form.extend(self.locale.as_deref().map(|locale| ("Locale", locale)));
        form.extend(payment(order.payment()));
        let answer = self.post("Verifications", &form).await?;
        if !answer.status().is_success() {
            return Err(Refusal::read(&answer).error(Call::Start));
        }
        let started = Verification::read(answer.body()).filter(|started| is_sid("VE", &started.sid));
        // It may have been taken all the same; whoever asks again gets the same code.
        let started = started.ok_or_else(|| unreadable("a start"))?;
        if !started.is_linked_to(order.payment()) {
            return Err(unlinked());
        }
        Ok(CodeHandle::new(started.sid))
    }

    async fn check(&self, answer: &CodeAnswer<'_>) -> Result<Verdict, CodeServiceError> {
        let handle = answer.handle().expose();
        let mut form = vec![("Code", answer.code()), ("VerificationSid", handle)];
        form.extend(payment(answer.payment()));
        let reply = self.post("VerificationCheck", &form).await?;
        if !reply.status().is_success() {
            let refusal = Refusal::read(&reply);
            return match refusal.meaning(Call::Check) {
                Meaning::Wrong => Ok(Verdict::Wrong),
                Meaning::Locked => Ok(Verdict::Locked),
                Meaning::Gone => Ok(Verdict::Gone),
                _ => Err(refusal.error(Call::Check)),
            };
        }
        let checked = Verification::read(reply.body()).filter(|checked| checked.sid == handle);
        let checked = checked.ok_or_else(|| unreadable("a check"))?;
        match checked.status.as_str() {
            // A yes to something else than was asked is none.
            "approved" if checked.valid && checked.is_linked_to(answer.payment()) => Ok(Verdict::Right),
            "approved" => Err(unlinked()),
            "pending" => Ok(Verdict::Wrong),
            "max_attempts_reached" => Ok(Verdict::Locked),
            "canceled" | "expired" | "deleted" | "failed" => Ok(Verdict::Gone),
            _ => Err(unreadable("a check")),
        }
    }

    async fn cancel(&self, handle: &CodeHandle) -> Result<(), CodeServiceError> {
        let path = format!("Verifications/{}", handle.expose());
        let answer = self.post(&path, &[("Status", "canceled")]).await?;
        if answer.status().is_success() {
            return Ok(());
        }
        let refusal = Refusal::read(&answer);
        match refusal.meaning(Call::Cancel) {
            // It is over there already. A 404 of anybody else's says nothing about it.
            Meaning::Gone => Ok(()),
            _ => Err(refusal.error(Call::Cancel)),
        }
    }
}

fn payment(payment: Option<&PaymentText>) -> impl Iterator<Item = (&'static str, &str)> {
    payment.into_iter().flat_map(|payment| [("Amount", payment.amount()), ("Payee", payment.payee())])
}

fn unreadable(what: &str) -> CodeServiceError {
    let what = format!("the answer to {what} is not one of this API");
    CodeServiceError::new(CodeServiceErrorKind::Unavailable).with_source(what)
}

fn unlinked() -> CodeServiceError {
    let what = "the service has not linked the code to amount and payee: enable PSD2 for it";
    CodeServiceError::new(CodeServiceErrorKind::Misconfigured).with_source(what)
}

impl fmt::Debug for TwilioVerify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioVerify").field("service", &self.service).finish_non_exhaustive()
    }
}

/// What [`TwilioVerify`] was given makes no sense. It repeats nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TwilioVerifyError {
    /// Not an account or a key.
    #[error("an account is AC, and a key SK, and 32 hexadecimal digits")]
    Account,
    /// Not a token.
    #[error("the token is empty, or has other characters than visible ASCII")]
    Token,
    /// Not a Verify service.
    #[error("a Verify service is VA and 32 hexadecimal digits")]
    Service,
    /// Not an address to call.
    #[error("the base URL is https without a query; plain http only to this machine")]
    BaseUrl,
}
