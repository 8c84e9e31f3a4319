//! Text messages by Twilio's Messaging.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Request, Response};
use serde::Deserialize;
use verify_core::{Channel, Courier, CourierError, CourierErrorKind, Delivery, Fetch, FetchErrorKind};

use crate::base_url;
use crate::credentials;
use crate::persistence::{Persistence, Try, persistent, unavailable};
use crate::sid::is_sid;

mod receipts;

pub use receipts::TwilioReceipts;

/// Twilio's own limit on how long a message may wait for its phone.
const LONGEST_LIFE: u64 = 36_000;

/// Sends text messages through a Twilio account (Programmable Messaging): a courier for [`Channel::Sms`].
///
/// | what happens | what follows |
/// |---|---|
/// | 201, or any other 2xx | taken, whatever the body says |
/// | no connection, no TLS, 429 | the same message again, up to three times within 8 seconds and while the code lives |
/// | 400 about the number: no mobile, not served, unsubscribed | [`Refused`](CourierErrorKind::Refused): the visitor chooses another channel |
/// | 401, 403, any other 4xx | an error in the log, since no visitor can help it |
/// | 500 and up, silence, half an answer | Twilio has no name by which it would know the message again, so it is not sent again |
/// | five failures in a row | nothing is tried for 30 seconds ([`CircuitBreaker`](crate::CircuitBreaker)) |
///
/// A message waits at Twilio for as long as its code lives, and no longer. What became of it comes back to
/// [`TwilioReceipts`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use verify_core::{Channel, Countries, Engine, KeyRing, Origin};
/// use verify_providers::{HttpClient, TwilioSms};
///
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// # let (account, token) = ("AC".to_owned() + &"a".repeat(32), "secret");
/// let sms = TwilioSms::new(HttpClient::new()?, &account, token, "+12025550100")?
///     .receipts_at("https://bank.example/receipts/twilio")?;
/// let engine = Engine::builder(keys, Origin::parse("https://bank.example")?)
///     .courier(Channel::Sms, sms)
///     .countries(Countries::only(["US", "CA"])?)
///     .build()?;
/// assert!(TwilioSms::new(HttpClient::new()?, "AC1", token, "+12025550100").is_err());
/// # let _ = engine;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct TwilioSms {
    client: Arc<dyn Fetch>,
    account: String,
    credentials: HeaderValue,
    sender: String,
    base_url: String,
    receipts_at: Option<String>,
    persistence: Persistence,
}

persistent!(TwilioSms);

impl TwilioSms {
    /// An account (`AC…`) with its token, and whom messages are from: a number, a short code, a name, or a messaging service
    /// (`MG…`). Calls nobody yet.
    ///
    /// # Errors
    /// When one of them has not the form that Twilio gives it.
    pub fn new(client: impl Fetch, account: &str, token: &str, sender: &str) -> Result<Self, TwilioSmsError> {
        if !is_sid("AC", account) {
            return Err(TwilioSmsError::Account);
        }
        let plain = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        if sender.is_empty() || sender.len() > 34 || !sender.bytes().all(plain) {
            return Err(TwilioSmsError::Sender);
        }
        Ok(Self {
            client: Arc::new(client),
            account: account.to_owned(),
            credentials: credentials::basic(account, token).ok_or(TwilioSmsError::Token)?,
            sender: sender.to_owned(),
            base_url: "https://api.twilio.com".to_owned(),
            receipts_at: None,
            persistence: Persistence::default(),
        })
    }

    /// Signs in with an API key (`SK…`) and its secret instead of the account's token.
    ///
    /// # Errors
    /// When one of them has not the form that Twilio gives it.
    pub fn api_key(mut self, key: &str, secret: &str) -> Result<Self, TwilioSmsError> {
        if !is_sid("SK", key) {
            return Err(TwilioSmsError::Account);
        }
        self.credentials = credentials::basic(key, secret).ok_or(TwilioSmsError::Token)?;
        Ok(self)
    }

    /// Where [`TwilioReceipts`] are mounted, as Twilio sees it. Default: nothing comes back.
    ///
    /// # Errors
    /// When it is not https without a query.
    pub fn receipts_at(mut self, url: &str) -> Result<Self, TwilioSmsError> {
        self.receipts_at = Some(address(url)?);
        Ok(self)
    }

    /// Another server that speaks this API. Default: `https://api.twilio.com`.
    ///
    /// # Errors
    /// When it is not https, unless it is this machine: the token and every code travel there.
    pub fn base_url(mut self, url: &str) -> Result<Self, TwilioSmsError> {
        self.base_url = base_url::safe(url).ok_or(TwilioSmsError::Address)?;
        Ok(self)
    }

    async fn once(&self, delivery: &Delivery) -> Try {
        let Some(request) = self.request(delivery) else {
            return Try::Misconfigured(unavailable("the message cannot be written as a request"));
        };
        match self.client.fetch(request).await {
            Ok(answer) => read(&answer),
            Err(error) => {
                let kind = error.kind();
                let error = CourierError::new(CourierErrorKind::Unavailable).with_source(error);
                match kind {
                    FetchErrorKind::Unsent => Try::Again(error, None),
                    FetchErrorKind::Busy => Try::Queued(error),
                    FetchErrorKind::Forbidden => Try::Misconfigured(error),
                    _ => Try::Unsure(error),
                }
            }
        }
    }

    fn request(&self, delivery: &Delivery) -> Option<Request<Bytes>> {
        let left = delivery.expires_at().duration_since(self.persistence.clock.now()).unwrap_or_default();
        let life = left.as_secs().clamp(1, LONGEST_LIFE).to_string();
        let from = if is_sid("MG", &self.sender) { "MessagingServiceSid" } else { "From" };
        // What the service gives back names the message, and nobody.
        let back = self.receipts_at.as_ref().map(|url| format!("{url}?receipt={}", delivery.receipt()));
        let mut form = vec![
            ("To", delivery.to().expose()),
            (from, self.sender.as_str()),
            ("Body", delivery.message().text()),
            ("ValidityPeriod", &life),
        ];
        form.extend(back.as_deref().map(|back| ("StatusCallback", back)));
        Request::post(format!("{}/2010-04-01/Accounts/{}/Messages.json", self.base_url, self.account))
            .header(AUTHORIZATION, self.credentials.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(serde_urlencoded::to_string(&form).ok()?.into())
            .ok()
    }
}

#[async_trait]
impl Courier for TwilioSms {
    async fn deliver(&self, delivery: &Delivery) -> Result<(), CourierError> {
        if delivery.channel() != Channel::Sms {
            return Err(unavailable("this courier delivers text messages: `.courier(Channel::Sms, ..)`"));
        }
        self.persistence.deliver(delivery, || self.once(delivery)).await
    }

    fn is_development(&self) -> bool {
        false
    }
}

/// What the API says of a message that it does not take.
#[derive(Deserialize)]
struct Body {
    code: u32,
}

/// Status and code go along; the message may repeat an address, so it does not.
fn read(answer: &Response<Bytes>) -> Try {
    let status = answer.status();
    if status.is_success() {
        return Try::Taken;
    }
    let code = serde_json::from_slice(answer.body()).ok().map(|body: Body| body.code);
    let error = |kind| {
        let code = code.map(|code| format!(", code {code}")).unwrap_or_default();
        CourierError::new(kind).with_source(format!("status {}{code}", status.as_u16()))
    };
    let failed = || error(CourierErrorKind::Unavailable);
    let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    match (status.as_u16(), code) {
        // Not a number, not reachable from this sender, a landline, a country that is not served, unsubscribed.
        (_, Some(21211 | 21214 | 21217 | 21408 | 21610 | 21612 | 21614 | 21635)) => {
            Try::Refused(error(CourierErrorKind::Refused))
        }
        (429, _) => Try::Throttled(failed(), seconds.map(Duration::from_secs)),
        (400..=499, _) => Try::Misconfigured(failed()),
        _ => Try::Unsure(failed()),
    }
}

fn address(url: &str) -> Result<String, TwilioSmsError> {
    if base_url::is_safe(url) { Ok(url.to_owned()) } else { Err(TwilioSmsError::Address) }
}

impl fmt::Debug for TwilioSms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioSms").field("persistence", &self.persistence).finish_non_exhaustive()
    }
}

/// What [`TwilioSms`] or [`TwilioReceipts`] was given makes no sense. It repeats nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TwilioSmsError {
    /// Not an account or a key.
    #[error("an account is AC, and a key SK, and 32 hexadecimal digits")]
    Account,
    /// Not a token.
    #[error("the token is empty, or has other characters than visible ASCII")]
    Token,
    /// Not a sender.
    #[error(
        "a sender is a number as +12025550100, a short code, a name of ASCII, or MG and 32 hexadecimal digits"
    )]
    Sender,
    /// Not an address to call.
    #[error("a URL is https without a query; plain http only on this machine")]
    Address,
}
