//! Captchas of other people's making: who is asked about a token, and what can come back.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;

mod outage;
mod widget;

pub(crate) use outage::Line;
pub use outage::Outage;
pub use widget::{Widget, WidgetApi, WidgetSigns, WidgetSources};

/// Asks a vendor whether a captcha's token is good. `verify-providers` brings hCaptcha, Cloudflare Turnstile and
/// reCAPTCHA (feature `siteverify`); another vendor is another implementation.
///
/// The engine keeps to itself that a token counts once, that its ticket is open, and what follows when the vendor is down;
/// everything that has to be read out of the vendor's answer is the verifier's: that the token was solved on our host, for
/// this action and this challenge, not long ago, and well enough. Answer within a few seconds: the adapters give up on a
/// request after the engine's deadline.
///
/// ```
/// use std::time::SystemTime;
/// use async_trait::async_trait;
/// use verify_core::{CaptchaContext, CaptchaError, CaptchaErrorKind, CaptchaVerifier, Rejection, Widget};
/// # fn block_on<F: Future>(future: F) -> F::Output {
/// #     let mut future = std::pin::pin!(future);
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     loop { if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) { return output } }
/// # }
///
/// #[derive(Debug)]
/// struct Doorman(Widget);
///
/// #[async_trait]
/// impl CaptchaVerifier for Doorman {
///     fn widget(&self) -> &Widget {
///         &self.0
///     }
///
///     async fn verify(&self, token: &str, context: &CaptchaContext<'_>) -> Result<(), CaptchaError> {
///         // Every doorman knows which house he stands in front of.
///         if token == format!("{}/{}", context.host(), context.binding()) {
///             return Ok(());
///         }
///         Err(CaptchaErrorKind::SolveAgain(Rejection::Invalid).into())
///     }
/// }
///
/// let doorman = Doorman(Widget::new("doorman", "Doorman", "front-door", "https://doorman.example/api.js"));
/// let context = CaptchaContext::new("bank.example", SystemTime::UNIX_EPOCH).with_binding("b1");
/// assert!(block_on(doorman.verify("bank.example/b1", &context)).is_ok());
/// let refused = block_on(doorman.verify("elsewhere.example/b1", &context)).unwrap_err();
/// assert_eq!(refused.kind(), CaptchaErrorKind::SolveAgain(Rejection::Invalid));
/// ```
#[async_trait]
pub trait CaptchaVerifier: fmt::Debug + Send + Sync + 'static {
    /// What a page and a client need in order to show the captcha.
    fn widget(&self) -> &Widget;

    /// Whether the token is good, for exactly this.
    ///
    /// # Errors
    /// Says by its [kind](CaptchaError::kind) who can do something about it: the visitor, the operator, or nobody for now.
    async fn verify(&self, token: &str, context: &CaptchaContext<'_>) -> Result<(), CaptchaError>;
}

#[async_trait]
impl<V: CaptchaVerifier + ?Sized> CaptchaVerifier for Arc<V> {
    fn widget(&self) -> &Widget {
        (**self).widget()
    }

    async fn verify(&self, token: &str, context: &CaptchaContext<'_>) -> Result<(), CaptchaError> {
        (**self).verify(token, context).await
    }
}

/// What a token has to be for. Made by the engine from the ticket that is being answered and from its own settings; nothing
/// in it comes from the request.
#[derive(Clone, Debug)]
pub struct CaptchaContext<'a> {
    host: &'a str,
    now: SystemTime,
    action: &'a str,
    binding: &'a str,
    attempt: &'a str,
}

impl<'a> CaptchaContext<'a> {
    /// A context for trying a verifier of one's own out: which host, and what time it is.
    #[must_use]
    pub const fn new(host: &'a str, now: SystemTime) -> Self {
        Self { host, now, action: "", binding: "", attempt: "" }
    }

    /// The same for an [action](Self::action).
    #[must_use]
    pub const fn with_action(self, action: &'a str) -> Self {
        Self { action, ..self }
    }

    /// The same for a [binding](Self::binding).
    #[must_use]
    pub const fn with_binding(self, binding: &'a str) -> Self {
        Self { binding, ..self }
    }

    /// The same under a name for this [attempt](Self::attempt).
    #[must_use]
    pub const fn with_attempt(self, attempt: &'a str) -> Self {
        Self { attempt, ..self }
    }

    /// The host on which it has to have been solved: that of the engine's [`Origin`](crate::Origin), without the port.
    #[must_use]
    pub const fn host(&self) -> &'a str {
        self.host
    }

    /// The time by the engine's clock.
    #[must_use]
    pub const fn now(&self) -> SystemTime {
        self.now
    }

    /// What it has to have been solved for: the policy's name, with underscores for dashes, since not every vendor takes
    /// those. 1 to 32 characters.
    #[must_use]
    pub const fn action(&self) -> &'a str {
        self.action
    }

    /// Which challenge it has to have been solved for, as 32 hexadecimal digits: a keyed digest of the ticket, which
    /// stands for its policy, its route and its subject.
    #[must_use]
    pub const fn binding(&self) -> &'a str {
        self.binding
    }

    /// A fresh UUID: the vendor's idempotency key, where it takes one, for every try of this one check.
    #[must_use]
    pub const fn attempt(&self) -> &'a str {
        self.attempt
    }
}

/// Why a token did not pass.
#[derive(Debug)]
pub struct CaptchaError {
    kind: CaptchaErrorKind,
    codes: Vec<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What kind of failure a [`CaptchaError`] is, by who can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CaptchaErrorKind {
    /// The visitor: solve another one.
    SolveAgain(Rejection),
    /// The visitor, perhaps: it was solved, and by something that the vendor takes for a machine.
    LowScore,
    /// The operator: a key, a secret or an address is wrong. Answered with 500, never as the visitor's mistake.
    Misconfigured,
    /// Nobody for now, and that is no outage: the vendor wants fewer questions of us, or too many requests of ours are under way
    /// to ask it. Answered with 503 whatever the [`Outage`], since whoever makes us ask often enough would open it.
    Busy,
    /// Nobody for now: the vendor did not answer, or not in its own language. What follows is up to the [`Outage`].
    Unavailable,
}

/// What was wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rejection {
    /// It is none of the vendor's.
    Invalid,
    /// It is too old, or its time cannot be right.
    Expired,
    /// The vendor has seen it before.
    Duplicate,
    /// It was solved on another host.
    Host,
    /// It was solved for something else.
    Action,
    /// It was solved for another challenge.
    Binding,
}

impl CaptchaErrorKind {
    /// The name in logs, events and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SolveAgain(rejection) => rejection.name(),
            Self::LowScore => "low_score",
            Self::Misconfigured => "misconfigured",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Rejection {
    /// The name in logs, events and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Expired => "expired",
            Self::Duplicate => "duplicate",
            Self::Host => "wrong_host",
            Self::Action => "wrong_action",
            Self::Binding => "wrong_binding",
        }
    }
}

impl CaptchaError {
    /// The same error with the vendor's own words for it, known or not; they go into the log. Whatever is not a short word
    /// is left out, so that nothing that was sent comes back that way.
    #[must_use]
    pub fn with_codes<'c>(mut self, codes: impl IntoIterator<Item = &'c str>) -> Self {
        let word = |code: &&str| {
            (1..=64).contains(&code.len())
                && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        self.codes.extend(codes.into_iter().filter(word).take(8).map(str::to_owned));
        self
    }

    /// The same error with what caused it, for whoever walks the source chain.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of failure this is.
    #[must_use]
    pub const fn kind(&self) -> CaptchaErrorKind {
        self.kind
    }

    /// The vendor's own words for it.
    #[must_use]
    pub fn codes(&self) -> &[String] {
        &self.codes
    }
}

impl From<CaptchaErrorKind> for CaptchaError {
    fn from(kind: CaptchaErrorKind) -> Self {
        Self { kind, codes: Vec::new(), source: None }
    }
}

impl From<Rejection> for CaptchaError {
    fn from(rejection: Rejection) -> Self {
        CaptchaErrorKind::SolveAgain(rejection).into()
    }
}

impl fmt::Display for CaptchaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            CaptchaErrorKind::SolveAgain(_) => "the captcha's token is not good for this: solve another one",
            CaptchaErrorKind::LowScore => "the captcha's vendor takes the visitor for a machine",
            CaptchaErrorKind::Misconfigured => {
                "the captcha's vendor refuses our keys: check the site key, the secret and the verify address"
            }
            CaptchaErrorKind::Busy => {
                "the captcha's vendor is asked too often, or could not be for all that is under way"
            }
            CaptchaErrorKind::Unavailable => "the captcha's vendor gave no answer that can be read",
        })?;
        write!(f, " ({}", self.kind.name())?;
        self.codes.iter().try_for_each(|code| write!(f, ", {code}"))?;
        f.write_str(")")
    }
}

impl Error for CaptchaError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captcha_rule_27_codes_are_words_and_nothing_that_was_sent() {
        let long = "x".repeat(65);
        let error = CaptchaError::from(Rejection::Duplicate).with_codes([
            "timeout-or-duplicate",
            "brand-new-code",
            "secret=0x123 & more",
            "",
            &long,
        ]);
        assert_eq!(error.codes(), ["timeout-or-duplicate", "brand-new-code"]);
        assert!(error.to_string().ends_with("(duplicate, timeout-or-duplicate, brand-new-code)"), "{error}");
        let many = CaptchaError::from(Rejection::Invalid).with_codes(std::iter::repeat_n("again", 50));
        assert_eq!(many.codes().len(), 8);
    }
}
