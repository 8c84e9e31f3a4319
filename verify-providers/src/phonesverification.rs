//! PhonesVerification as the service that calls a phone and asks for a PIN.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE};
use verify_core::{
    CodeHandle, CodeServiceError, CodeServiceErrorKind, Engine, Fetch, FetchErrorKind, PinOrder, PinService,
};
use zeroize::Zeroizing;

use crate::base_url;
use crate::exchange::again_if_unsent;

mod answer;
mod callbacks;
mod datetime;
mod report;

pub use callbacks::PhonesVerificationCallbacks;

/// The most characters that a brand may have there.
const LONGEST_BRAND: usize = 20;

/// An account at PhonesVerification, for [`EngineBuilder::pin_service`](verify_core::EngineBuilder::pin_service). It places the
/// calls; what was dialled comes back as a callback, which [`callbacks`](PhonesVerification::callbacks) receive.
///
/// Callbacks of this service are not signed, and it numbers calls one after the other, so anybody could send one. Each call
/// therefore has an unguessable token of its own in its callback's path, without which nothing is believed; and with it, only
/// what is about this very call and number, and says yes twice.
///
/// A call is placed once, and once more only if the request certainly never left: what may have arrived has rung.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use verify_core::{Channel, Contact, Countries, Engine, Factor, KeyRing, Origin, Policy, Subject};
/// use verify_providers::{HttpClient, PhonesVerification};
///
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// let calls = PhonesVerification::new(HttpClient::new()?, "qd4cr4gd", "87548754", "https://bank.example/called")?
///     .brand("Owl Bank");
/// let engine = Engine::builder(keys, Origin::parse("https://bank.example")?)
///     .pin_service(calls.clone())
///     .countries(Countries::only(["US"])?)
///     .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
///     .build()?;
/// let vault = engine.gate(Policy::new("vault").require(Factor::reverse_pin("dial-in")))?;
/// let callbacks = calls.callbacks(&engine);
/// // axum:  .nest_service("/called", verify_tower::ApiService::new(callbacks))
/// // actix: .service(verify_actix::api("/called", callbacks))
/// # let _ = (vault, callbacks);
/// assert!(PhonesVerification::new(HttpClient::new()?, "k", "s", "http://bank.example/called").is_err(), "in the clear");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PhonesVerification {
    client: Arc<dyn Fetch>,
    key: String,
    secret: Zeroizing<String>,
    /// Where callbacks go, without a scheme and without a slash in the end.
    callback: String,
    callback_type: &'static str,
    url: String,
    path: String,
    brand: Option<String>,
}

impl PhonesVerification {
    /// An account, and the public address of its [callbacks](PhonesVerification::callbacks), to which each call appends a slash
    /// and its token. Calls nobody yet.
    ///
    /// # Errors
    /// When a credential is empty, or the address is not https without a query; plain http only to this machine.
    pub fn new(
        client: impl Fetch,
        key: &str,
        secret: &str,
        callback_url: &str,
    ) -> Result<Self, PhonesVerificationError> {
        if key.is_empty() || secret.is_empty() {
            return Err(PhonesVerificationError::Credentials);
        }
        let (scheme, rest) = split(callback_url).ok_or(PhonesVerificationError::CallbackUrl)?;
        Ok(Self {
            client: Arc::new(client),
            key: key.to_owned(),
            secret: Zeroizing::new(secret.to_owned()),
            callback: rest,
            callback_type: scheme,
            url: "https://phonesverification.com/app/api/json".to_owned(),
            path: "/tts/reversepinverification".to_owned(),
            brand: None,
        })
    }

    /// Another JSON base that speaks this API, as the gateway of this project has one. Default:
    /// `https://phonesverification.com/app/api/json`.
    ///
    /// # Errors
    /// When it is not https, unless it is this machine: the secret and every PIN travel there.
    pub fn base_url(mut self, url: &str) -> Result<Self, PhonesVerificationError> {
        let (scheme, rest) = split(url).ok_or(PhonesVerificationError::BaseUrl)?;
        self.url = format!("{scheme}://{rest}");
        Ok(self)
    }

    /// The path of the call behind the base. The service does not publish it; ask it for the right one. Default:
    /// `/tts/reversepinverification`, by analogy with its other paths.
    ///
    /// # Errors
    /// When it does not begin with a slash, or has anything but letters, digits, `-_.` and single slashes: it would end up in
    /// another place than behind the base, and the secret with it.
    pub fn path(mut self, path: impl Into<String>) -> Result<Self, PhonesVerificationError> {
        let path = path.into();
        if !is_path(&path) {
            return Err(PhonesVerificationError::Path);
        }
        self.path = path;
        Ok(self)
    }

    /// In whose name the calls are, as far as twenty characters go. Default: nobody's.
    #[must_use]
    pub fn brand(mut self, brand: &str) -> Self {
        let printable = brand.chars().filter(|c| !c.is_control());
        self.brand = Some(printable.take(LONGEST_BRAND).collect()).filter(|brand: &String| !brand.is_empty());
        self
    }

    /// What receives the callbacks, to be mounted where this account said they go. It hands what it believes to this engine,
    /// which is the one that has this service as its [`pin_service`](verify_core::EngineBuilder::pin_service).
    #[must_use]
    pub fn callbacks(&self, engine: &Engine) -> PhonesVerificationCallbacks {
        PhonesVerificationCallbacks::new(engine)
    }

    /// Posts the form, once, and once more if it certainly never left.
    async fn post(&self, form: &[(&str, &str)]) -> Result<http::Response<Bytes>, CodeServiceError> {
        let body = serde_urlencoded::to_string(form).map_err(|_| CodeServiceErrorKind::Misconfigured)?;
        let body = Bytes::from(body);
        let url = format!("{}{}", self.url, self.path);
        let request = || {
            Request::post(&url)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(ACCEPT, "application/json")
                .body(body.clone())
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
impl PinService for PhonesVerification {
    async fn call(&self, order: &PinOrder) -> Result<Option<CodeHandle>, CodeServiceError> {
        let callback = Zeroizing::new(format!("{}/{}", self.callback, order.token().expose()));
        let mut form = vec![
            ("apikey", self.key.as_str()),
            ("apisecret", self.secret.as_str()),
            ("number", order.to().expose().trim_start_matches('+')),
            ("pin", order.pin().expose()),
            ("callbackurl", callback.as_str()),
            ("callbackurltype", self.callback_type),
        ];
        form.extend(self.brand.as_deref().map(|brand| ("brand", brand)));
        answer::read(&self.post(&form).await?).map(Some)
    }
}

/// The scheme and what is behind it, of an address that secrets may travel to.
fn split(url: &str) -> Option<(&'static str, String)> {
    let url = base_url::safe(url)?;
    let (scheme, rest) = url.split_once("://")?;
    // As the callbacks' type has it.
    let scheme = if scheme.eq_ignore_ascii_case("https") { "https" } else { "http" };
    Some((scheme, rest.to_owned()))
}

/// A path below a base, and nothing that leads elsewhere.
fn is_path(path: &str) -> bool {
    let is_plain = |segment: &str| {
        let bytes = || segment.bytes();
        !matches!(segment, "" | "." | "..")
            && bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    path.strip_prefix('/').is_some_and(|path| path.split('/').all(is_plain))
}

impl fmt::Debug for PhonesVerification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PhonesVerification").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What [`PhonesVerification`] was given makes no sense. It repeats nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PhonesVerificationError {
    /// A credential is empty.
    #[error("key and secret are not empty: see the settings of the account, under API")]
    Credentials,
    /// Not an address for callbacks.
    #[error("the callback URL is https without a query; plain http only to this machine")]
    CallbackUrl,
    /// Not an address to call.
    #[error("the base URL is https without a query; plain http only to this machine")]
    BaseUrl,
    /// Not a path of a call.
    #[error(
        "the path begins with a slash and has letters, digits, `-_.` and single slashes: /tts/reversepinverification"
    )]
    Path,
}
