//! Captchas of hCaptcha, Cloudflare Turnstile and reCAPTCHA, asked about over their `siteverify` services.
//!
//! All of them answer `success`, and that is not enough: the token may have been solved on another site that uses the same
//! key, for another action, long ago, or by what the vendor itself takes for a machine. Everything that the vendor says is
//! held against what the engine asked for.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use verify_core::{Engine, Factor, KeyRing, Origin, Policy};
//! use verify_providers::HttpClient;
//! use verify_providers::siteverify::Siteverify;
//!
//! let client = HttpClient::new()?;
//! let turnstile = Siteverify::turnstile(client.clone(), "0x4AAAAAAA-site-key", "0x4AAAAAAA-secret").build()?;
//!
//! # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
//! let engine = Engine::builder(keys, Origin::parse("https://bank.example")?).build()?;
//! let feed = engine.gate(Policy::new("feed").require(Factor::captcha("human", turnstile)))?;
//!
//! // The keys that the vendors publish for tests let everybody in, so they do not start unless they are asked for by name.
//! let test = Siteverify::turnstile(client, "1x00000000000000000000AA", "1x0000000000000000000000000000000AA");
//! assert!(test.build().is_err());
//! # let _ = feed;
//! # Ok(()) }
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use verify_core::{
    CaptchaContext, CaptchaError, CaptchaErrorKind, CaptchaVerifier, Fetch, FetchErrorKind, Rejection, Widget,
};

mod answer;
mod builder;
mod checks;
mod codes;
mod enterprise;
mod keys;
mod score;
mod vendor;

pub use builder::{SiteverifyBuilder, SiteverifyError};
pub use score::{InvalidScore, Risk, Trust};

use crate::siteverify::answer::Answer;
use crate::siteverify::keys::Secret;
use crate::siteverify::score::Score;
use crate::siteverify::vendor::Vendor;

/// One captcha at one vendor; made by the functions that are named after the vendors.
///
/// The visitor's address is not sent along: it is personal data, and no vendor holds a token to it.
pub struct Siteverify {
    fetch: Arc<dyn Fetch>,
    vendor: Vendor,
    widget: Widget,
    url: Uri,
    secret: Secret,
    hosts: Vec<String>,
    score: Score,
    deadline: Duration,
    uses_test_keys: bool,
}

impl Siteverify {
    /// Cloudflare Turnstile: which signs host, action and challenge.
    pub fn turnstile(
        fetch: impl Fetch,
        site_key: impl Into<String>,
        secret: impl Into<String>,
    ) -> SiteverifyBuilder {
        SiteverifyBuilder::new(fetch, Vendor::Turnstile, site_key.into(), secret.into(), Score::None)
    }

    /// hCaptcha: which signs the host. If an answer has a score, which Enterprise accounts get, it may be 0.7 at the most.
    pub fn hcaptcha(
        fetch: impl Fetch,
        site_key: impl Into<String>,
        secret: impl Into<String>,
    ) -> SiteverifyBuilder {
        let score = Score::IfAny(Risk::DEFAULT);
        SiteverifyBuilder::new(fetch, Vendor::Hcaptcha, site_key.into(), secret.into(), score)
    }

    /// hCaptcha Enterprise: an answer has to have a score, and no higher one. 0 is safe, 1 is a machine.
    pub fn hcaptcha_enterprise(
        fetch: impl Fetch,
        site_key: impl Into<String>,
        secret: impl Into<String>,
        at_most: Risk,
    ) -> SiteverifyBuilder {
        let score = Score::AtMost(at_most);
        SiteverifyBuilder::new(fetch, Vendor::Hcaptcha, site_key.into(), secret.into(), score)
    }

    /// reCAPTCHA v2, the checkbox: which signs the host.
    pub fn recaptcha_v2(
        fetch: impl Fetch,
        site_key: impl Into<String>,
        secret: impl Into<String>,
    ) -> SiteverifyBuilder {
        SiteverifyBuilder::new(fetch, Vendor::RecaptchaV2, site_key.into(), secret.into(), Score::None)
    }

    /// reCAPTCHA v3: which signs host and action and shows nothing. An answer has to have a score, and no lower one. 1 is
    /// good, 0 is a machine.
    pub fn recaptcha_v3(
        fetch: impl Fetch,
        site_key: impl Into<String>,
        secret: impl Into<String>,
        at_least: Trust,
    ) -> SiteverifyBuilder {
        let score = Score::AtLeast(at_least);
        SiteverifyBuilder::new(fetch, Vendor::RecaptchaV3, site_key.into(), secret.into(), score)
    }

    /// reCAPTCHA Enterprise, with a key that shows nothing: as v3, asked about in a Google Cloud project with one of its API
    /// keys.
    pub fn recaptcha_enterprise(
        fetch: impl Fetch,
        site_key: impl Into<String>,
        project: &str,
        api_key: impl Into<String>,
        at_least: Trust,
    ) -> SiteverifyBuilder {
        let score = Score::AtLeast(at_least);
        SiteverifyBuilder::new(fetch, Vendor::RecaptchaEnterprise, site_key.into(), api_key.into(), score)
            .in_project(project)
    }

    async fn ask(&self, token: &str, context: &CaptchaContext<'_>) -> Result<Answer, CaptchaError> {
        let request = self.request(token, context)?;
        let answer = tokio::time::timeout(self.deadline, self.fetch.fetch(request)).await;
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.kind() == FetchErrorKind::Forbidden => {
                return Err(CaptchaError::from(CaptchaErrorKind::Misconfigured).with_source(error));
            }
            Ok(Err(error)) if error.kind() == FetchErrorKind::Busy => {
                return Err(CaptchaError::from(CaptchaErrorKind::Busy).with_source(error));
            }
            Ok(Err(error)) => {
                return Err(CaptchaError::from(CaptchaErrorKind::Unavailable).with_source(error));
            }
            Err(late) => return Err(CaptchaError::from(CaptchaErrorKind::Unavailable).with_source(late)),
        };
        self.read(&answer)
    }

    fn request(&self, token: &str, context: &CaptchaContext<'_>) -> Result<Request<Bytes>, CaptchaError> {
        let request = Request::post(self.url.clone()).header("accept", "application/json");
        let request = if self.vendor == Vendor::RecaptchaEnterprise {
            let event = enterprise::event(token, &self.widget, context);
            // An address stands in logs; a header field does not.
            request
                .header("x-goog-api-key", self.secret.header())
                .header("content-type", "application/json")
                .body(event)
        } else {
            request.header("content-type", "application/x-www-form-urlencoded").body(self.vendor.form(
                &self.secret,
                token,
                &self.widget,
                context,
            ))
        };
        request.map_err(|error| CaptchaError::from(CaptchaErrorKind::Misconfigured).with_source(error))
    }

    fn read(&self, answer: &Response<Bytes>) -> Result<Answer, CaptchaError> {
        let status = answer.status();
        let read = if self.vendor == Vendor::RecaptchaEnterprise {
            status.is_success().then(|| enterprise::read(answer.body())).flatten()
        } else {
            Answer::read(answer.body())
        };
        // Some vendors say what is wrong with a status of its own; one without a word for it says nothing that can be told.
        let refuses = |read: &Answer| status.is_client_error() && !read.success && !read.codes.is_empty();
        match read {
            // It is there, and we ask too often.
            _ if status == StatusCode::TOO_MANY_REQUESTS => Err(CaptchaErrorKind::Busy.into()),
            _ if status == StatusCode::REQUEST_TIMEOUT => Err(CaptchaErrorKind::Unavailable.into()),
            Some(read) if status.is_success() || refuses(&read) => Ok(read),
            _ if status.is_client_error() => Err(CaptchaErrorKind::Misconfigured.into()),
            _ => Err(CaptchaErrorKind::Unavailable.into()),
        }
    }

    async fn ask_and_judge(&self, token: &str, context: &CaptchaContext<'_>) -> Result<(), CaptchaError> {
        let answer = self.ask(token, context).await?;
        checks::judge(self, &answer, token, context)
    }

    /// Whether the same check may be sent once more: where nothing was sent, or the vendor tells repetitions from replays by the
    /// name of the attempt, if it has one.
    fn may_ask_again(&self, error: &CaptchaError, context: &CaptchaContext<'_>) -> bool {
        let is_known = self.vendor.knows_repetitions() && !context.attempt().is_empty();
        let unsent = || {
            let source = std::error::Error::source(error);
            let fetched = source.and_then(|source| source.downcast_ref::<verify_core::FetchError>());
            fetched.is_some_and(|error| error.kind() == FetchErrorKind::Unsent)
        };
        error.kind() == CaptchaErrorKind::Unavailable && (is_known || unsent())
    }
}

#[async_trait]
impl CaptchaVerifier for Siteverify {
    fn widget(&self) -> &Widget {
        &self.widget
    }

    async fn verify(&self, token: &str, context: &CaptchaContext<'_>) -> Result<(), CaptchaError> {
        let graphic = token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.is_empty() || token.len() > self.vendor.longest_token() || !graphic {
            return Err(Rejection::Invalid.into());
        }
        match self.ask_and_judge(token, context).await {
            Err(error) if self.may_ask_again(&error, context) => self.ask_and_judge(token, context).await,
            verdict => verdict,
        }
    }
}

impl fmt::Debug for Siteverify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Siteverify")
            .field("vendor", &self.vendor)
            .field("site_key", &self.widget.site_key())
            .finish_non_exhaustive()
    }
}
