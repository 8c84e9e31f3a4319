//! Services that make, deliver and check codes themselves: the engine keeps policy, clearances and budgets, and never sees
//! the code.

use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::contact::{Channel, Contact};
use crate::subject::Subject;

/// A service that makes a code, delivers it and checks it, as hosted verification services do; given to
/// [`EngineBuilder::code_service`](crate::EngineBuilder::code_service).
///
/// The engine counts each try before it asks [`check`](CodeService::check), and redeems the challenge itself after the
/// service has said [`Verdict::Right`]: of many, one gets in, whatever the service says to the others. Whatever is not a
/// clear yes lets nobody in.
///
/// ```
/// use async_trait::async_trait;
/// use verify_core::{CodeAnswer, CodeHandle, CodeOrder, CodeService, CodeServiceError, Verdict};
///
/// /// A service whose code is always the same.
/// #[derive(Debug)]
/// struct Parrot;
///
/// #[async_trait]
/// impl CodeService for Parrot {
///     async fn start(&self, order: &CodeOrder) -> Result<CodeHandle, CodeServiceError> {
///         Ok(CodeHandle::new(order.id()))
///     }
///
///     async fn check(&self, answer: &CodeAnswer<'_>) -> Result<Verdict, CodeServiceError> {
///         Ok(if answer.code() == "471147" { Verdict::Right } else { Verdict::Wrong })
///     }
///
///     async fn cancel(&self, _: &CodeHandle) -> Result<(), CodeServiceError> {
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait CodeService: fmt::Debug + Send + Sync + 'static {
    /// Has a code made and delivered, or delivered once more where this challenge has one. `Ok` means that the service has
    /// taken it. Keep a deadline, and repeat nothing that may have arrived: it costs a message.
    ///
    /// # Errors
    /// Says by its [kind](CodeServiceError::kind) whether a later start may work.
    async fn start(&self, order: &CodeOrder) -> Result<CodeHandle, CodeServiceError>;

    /// Has an answer checked. A check that may have arrived must not be repeated: it may have used the code up.
    ///
    /// # Errors
    /// When there is no verdict; the try stays counted and nobody gets in.
    async fn check(&self, answer: &CodeAnswer<'_>) -> Result<Verdict, CodeServiceError>;

    /// How long the service may hold on to a code that it has made. For so long the engine remembers which challenge a
    /// [handle](CodeHandle) belongs to, so that a code which the service sends once more is good for no second challenge.
    /// Default: 24 hours, the longest that any code here lives.
    fn remembers(&self) -> Duration {
        Duration::from_secs(24 * 3600)
    }

    /// Ends a challenge at the service, so that the next one has another code. The engine goes on without it if it fails.
    ///
    /// # Errors
    /// When it may not have ended.
    async fn cancel(&self, handle: &CodeHandle) -> Result<(), CodeServiceError>;
}

/// What a service says of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The code is right, and used up now.
    Right,
    /// The code is wrong, and another try may be right.
    Wrong,
    /// The service takes no more tries for this challenge.
    Locked,
    /// The service knows no such challenge any more: it is expired, cancelled, or was approved before.
    Gone,
}

/// One code to be made and delivered.
#[derive(Debug)]
pub struct CodeOrder {
    pub(crate) id: String,
    pub(crate) channel: Channel,
    pub(crate) to: Contact,
    pub(crate) subject: Subject<'static>,
    pub(crate) payment: Option<PaymentText>,
    pub(crate) expires_at: SystemTime,
}

impl CodeOrder {
    /// The same for every attempt at this message, different for every other (32 hexadecimal digits).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The channel.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// The recipient.
    #[must_use]
    pub fn to(&self) -> &Contact {
        &self.to
    }

    /// Who the challenge is for, for services that know customers or orders by names of their own. It is personal data.
    #[must_use]
    pub fn subject(&self) -> &Subject<'static> {
        &self.subject
    }

    /// What the code approves, where it approves a transaction.
    #[must_use]
    pub fn payment(&self) -> Option<&PaymentText> {
        self.payment.as_ref()
    }

    /// From when on the engine takes no answer.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }
}

/// An answer to be checked.
#[derive(Debug)]
pub struct CodeAnswer<'a> {
    pub(crate) handle: &'a CodeHandle,
    pub(crate) code: Zeroizing<String>,
    pub(crate) payment: Option<PaymentText>,
}

impl CodeAnswer<'_> {
    /// What the service gave when the code was made.
    #[must_use]
    pub fn handle(&self) -> &CodeHandle {
        self.handle
    }

    /// What was typed: 4 to 10 letters or digits. Keep it out of logs, errors and URLs.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What the code approves, in the same words as when it was made.
    #[must_use]
    pub fn payment(&self) -> Option<&PaymentText> {
        self.payment.as_ref()
    }
}

/// A transaction in two texts, as services that link codes to payments take it. Its `Debug` is redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct PaymentText {
    pub(crate) amount: String,
    pub(crate) payee: String,
}

impl PaymentText {
    /// The amount with its currency, in the engine's [format](crate::EngineBuilder::amounts).
    #[must_use]
    pub fn amount(&self) -> &str {
        &self.amount
    }

    /// The payee's name and account; of a batch, the first one's name and how many others there are.
    #[must_use]
    pub fn payee(&self) -> &str {
        &self.payee
    }
}

impl fmt::Debug for PaymentText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PaymentText([redacted])")
    }
}

/// A service's own name for a challenge. The engine keeps it sealed, reads nothing into it, and shows it to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeHandle(Zeroizing<String>);

impl CodeHandle {
    /// Takes what the service gave.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// What the service gave.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CodeHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeHandle([redacted])")
    }
}

/// A service that did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("the code service did not do it ({kind:?})")]
pub struct CodeServiceError {
    kind: CodeServiceErrorKind,
    retry_after: Option<Duration>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What a failure of a code service means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeServiceErrorKind {
    /// The service will never deliver to this address over this channel.
    Refused,
    /// The service wants fewer requests, or fewer messages to this address: wait.
    RateLimited,
    /// The service does not take what it is asked for as it is set up: credentials, channels, options.
    Misconfigured,
    /// The service could not be reached, was too slow, or failed; a later attempt may work.
    Unavailable,
}

impl CodeServiceError {
    /// An error of that kind.
    #[must_use]
    pub const fn new(kind: CodeServiceErrorKind) -> Self {
        Self { kind, retry_after: None, source: None }
    }

    /// With how long the service wants to be left alone.
    #[must_use]
    pub const fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// With what caused it. Keep addresses and codes out of the source.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What it means.
    #[must_use]
    pub const fn kind(&self) -> CodeServiceErrorKind {
        self.kind
    }

    /// How long to wait, where the service has said so.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl From<CodeServiceErrorKind> for CodeServiceError {
    fn from(kind: CodeServiceErrorKind) -> Self {
        Self::new(kind)
    }
}
