//! Couriers: who delivers a code, and whom to.

use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::code::Code;
use crate::contact::{Channel, Contact};
use crate::subject::Subject;

#[cfg(feature = "danger-development")]
mod inbox;
mod message;
mod sms;
mod template;
mod texts;
mod wording;

#[cfg(feature = "danger-development")]
pub use inbox::Inbox;
#[cfg(feature = "danger-development")]
pub(crate) use inbox::Letter;
pub use message::Message;
pub use sms::{SmsEncoding, SmsLength};
pub use texts::MessageTemplate;
pub(crate) use texts::Text;
pub(crate) use wording::{Approving, Wording, longest, whom};

/// Delivers messages over one channel or several.
///
/// The engine has committed to the send before it calls: a courier that fails costs the visitor one of the challenge's
/// messages, never a guess. Deliver within a few seconds or fail; the adapters give up on a request after the
/// engine's deadline. A message that may have left must not be sent a second time under another
/// [`id`](Delivery::id).
///
/// A courier over some provider's HTTP API is twenty lines. It sends once, hands the id on, and says no more of a failure
/// than what can be done about it:
///
/// ```
/// use async_trait::async_trait;
/// use bytes::Bytes;
/// use verify_core::{Courier, CourierError, CourierErrorKind, Delivery, Fetch};
///
/// #[derive(Debug)]
/// struct Carrier<F>(F);
///
/// #[async_trait]
/// impl<F: Fetch> Courier for Carrier<F> {
///     async fn deliver(&self, delivery: &Delivery) -> Result<(), CourierError> {
///         let unavailable = || CourierError::new(CourierErrorKind::Unavailable);
///         let request = http::Request::post("https://carrier.example/messages")
///             .header("idempotency-key", delivery.id())
///             .header("to", delivery.to().expose())
///             .body(Bytes::copy_from_slice(delivery.message().text().as_bytes()))
///             .map_err(|_| unavailable())?;
///         match self.0.fetch(request).await.map_err(|error| unavailable().with_source(error))?.status().as_u16() {
///             200..=299 => Ok(()),
///             422 => Err(CourierError::new(CourierErrorKind::Refused)), // not a phone
///             status => Err(unavailable().with_source(format!("status {status}"))),
///         }
///     }
///
///     fn is_development(&self) -> bool {
///         false
///     }
/// }
/// # fn block_on<F: Future>(future: F) -> F::Output {
/// #     let mut future = std::pin::pin!(future);
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     loop { if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) { return output } }
/// # }
/// # #[derive(Debug)] struct Answers(u16);
/// # #[async_trait] impl Fetch for Answers {
/// #     async fn fetch(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, verify_core::FetchError> {
/// #         let mut answer = http::Response::new(Bytes::new());
/// #         *answer.status_mut() = http::StatusCode::from_u16(self.0).unwrap();
/// #         Ok(answer)
/// #     }
/// # }
/// # use verify_core::{Channel, Contact, Countries, Engine, Factor, KeyRing, MissingContacts, Origin, Policy, RefusedKind, Subject};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # for (answer, sent) in [(200, Ok(())), (422, Err(RefusedKind::Invalid)), (500, Err(RefusedKind::Unavailable))] {
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// # let my_client = Answers(answer);
///
/// let engine = Engine::builder(keys, Origin::parse("https://bank.example")?)
///     .courier(Channel::Sms, Carrier(my_client))
///     .countries(Countries::only(["US"])?)
/// #     .missing_contacts(MissingContacts::Tell)
/// #     .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
///     .build()?;
/// # let gate = engine.gate(Policy::new("vault").require(Factor::code("step-up")))?;
/// # let alice = engine.direct(Subject::user("alice"));
/// # let came = block_on(alice.send(&alice.offer(&gate, "step-up")?, None)).map(drop).map_err(|refused| refused.kind());
/// # assert_eq!(came, sent);
/// # }
/// # Ok(()) }
/// ```
///
/// `verify-providers` has couriers over SMTP, Twilio and a signed webhook, which also try again where that is safe.
#[async_trait]
pub trait Courier: fmt::Debug + Send + Sync + 'static {
    /// Delivers one message; `Ok` means that the service has taken it.
    ///
    /// # Errors
    /// [`CourierErrorKind::Refused`] when this address will never be reached this way, [`CourierErrorKind::Unavailable`]
    /// when a later send may work.
    async fn deliver(&self, delivery: &Delivery) -> Result<(), CourierError>;

    /// Whether this courier shows codes to the developer instead of delivering them. The engine refuses to start with
    /// such a courier beside a real one.
    fn is_development(&self) -> bool;

    /// Whether delivering takes no time and cannot fail, as putting the message into a queue of one's own does. Such a
    /// courier is called before the request is answered, since its answer tells nothing. Default: no.
    fn is_instant(&self) -> bool {
        false
    }
}

/// One message on its way.
pub struct Delivery {
    pub(crate) id: [u8; 16],
    pub(crate) channel: Channel,
    pub(crate) to: Contact,
    pub(crate) message: Message,
    pub(crate) code: Code,
    pub(crate) sent_at: SystemTime,
    pub(crate) expires_at: SystemTime,
    pub(crate) receipt: String,
}

impl Delivery {
    /// The same for every attempt at this message, different for every other: hand it on as the service's idempotency
    /// key (32 hexadecimal digits).
    #[must_use]
    pub fn id(&self) -> String {
        crate::encoding::to_hex(&self.id)
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

    /// The rendered message.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The code alone, for services that have templates of their own.
    #[must_use]
    pub fn code(&self) -> &Code {
        &self.code
    }

    /// What the service gives back with a receipt, as part of the address that it calls or as a name for the message: with it
    /// [`Engine::receive`](crate::Engine::receive) tells what became of the message. Sealed, at most 250 characters of a URL.
    #[must_use]
    pub fn receipt(&self) -> &str {
        &self.receipt
    }

    /// When the engine decided to send.
    #[must_use]
    pub fn sent_at(&self) -> SystemTime {
        self.sent_at
    }

    /// From when on the message is worthless: do not retry beyond it.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { channel, to, message, code, .. } = self;
        f.debug_struct("Delivery")
            .field("id", &self.id())
            .field("channel", channel)
            .field("to", to)
            .field("message", message)
            .field("code", code)
            .finish_non_exhaustive()
    }
}

/// Says where a subject can be reached. A closure will do where no lookup has to be awaited:
///
/// ```
/// use verify_core::{Channel, Contact, Contacts, Subject};
///
/// let contacts = |subject: &Subject<'_>, channel: Channel| match (subject.id(), channel) {
///     ("alice", Channel::Sms) => Contact::phone("+12025550123").ok(),
///     _ => None,
/// };
/// # fn takes(_: impl Contacts) {}
/// # takes(contacts);
/// ```
#[async_trait]
pub trait Contacts: Send + Sync + 'static {
    /// The subject's confirmed address on that channel, or `None`. It is asked at send, never at a block.
    ///
    /// # Errors
    /// When the lookup failed; the send is then answered with 503.
    async fn contact(
        &self,
        subject: &Subject<'_>,
        channel: Channel,
    ) -> Result<Option<Contact>, ContactsError>;
}

#[async_trait]
impl<F> Contacts for F
where
    F: Fn(&Subject<'_>, Channel) -> Option<Contact> + Send + Sync + 'static,
{
    async fn contact(
        &self,
        subject: &Subject<'_>,
        channel: Channel,
    ) -> Result<Option<Contact>, ContactsError> {
        Ok(self(subject, channel))
    }
}

/// The lookup of an address failed.
#[derive(Debug, thiserror::Error)]
#[error("the address could not be looked up: see the source, and try again")]
pub struct ContactsError {
    source: Box<dyn Error + Send + Sync>,
}

impl ContactsError {
    /// Wraps whatever went wrong.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: source.into() }
    }
}

/// A message that was not delivered.
#[derive(Debug, thiserror::Error)]
#[error("the message was not delivered ({kind:?})")]
pub struct CourierError {
    kind: CourierErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What a failed delivery means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CourierErrorKind {
    /// The service will never deliver to this address over this channel.
    Refused,
    /// The service could not be reached, was too slow, or failed; a later send may work.
    Unavailable,
}

impl CourierError {
    /// An error of that kind.
    #[must_use]
    pub const fn new(kind: CourierErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// With what caused it. Keep addresses and codes out of the source.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What it means.
    #[must_use]
    pub const fn kind(&self) -> CourierErrorKind {
        self.kind
    }
}

/// How long a delivery, a lookup or a store may keep a request waiting before it is answered with 503: 10 seconds,
/// longer than any healthy service takes and shorter than any browser waits.
pub(crate) const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);
