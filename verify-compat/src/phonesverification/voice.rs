//! Who places the calls.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use verify_core::Contact;
use zeroize::Zeroizing;

use crate::phonesverification::outbox::Outbox;
use crate::phonesverification::status::Status;

/// Calls phones and listens to keys: a telephony service, or [`Handset`](crate::phonesverification::Handset) in development.
///
/// ```
/// use async_trait::async_trait;
/// use verify_compat::phonesverification::{CallEnd, Voice, VoiceCall};
///
/// /// Everybody's mailbox.
/// #[derive(Debug)]
/// struct Mailboxes;
///
/// #[async_trait]
/// impl Voice for Mailboxes {
///     async fn call(&self, call: &VoiceCall) -> CallEnd {
///         call.answered();
///         CallEnd::Machine
///     }
/// }
/// ```
#[async_trait]
pub trait Voice: fmt::Debug + Send + Sync + 'static {
    /// Places one call, once, and says how it ended: it waits for the phone to be answered, says [the text](VoiceCall::text), and
    /// listens for [as many keys](VoiceCall::pin_length) or until `#`. It ends by itself before
    /// [`Settings::call_seconds`](crate::phonesverification::Settings::call_seconds); beyond that it is dropped.
    async fn call(&self, call: &VoiceCall) -> CallEnd;

    /// Whether this asks the developer instead of a phone; it is told so at start-up. Default: no.
    fn is_development(&self) -> bool {
        false
    }
}

/// What happened in a call.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallEnd {
    /// Somebody answered and dialled these keys; whether they are the PIN is decided here, and not by who listens.
    Dialled(Zeroizing<String>),
    /// Somebody answered, and dialled nothing.
    Answered,
    /// A machine answered.
    Machine,
    /// Nobody answered: busy, switched off, refused by the carrier.
    NoAnswer,
    /// The call was stopped before it was answered.
    Cancelled,
    /// The account with the carrier has not enough money.
    NoMoney,
}

impl CallEnd {
    /// Somebody answered and dialled this.
    pub fn dialled(keys: impl Into<String>) -> Self {
        Self::Dialled(Zeroizing::new(keys.into()))
    }
}

impl fmt::Debug for CallEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dialled(_) => "Dialled([redacted])",
            Self::Answered => "Answered",
            Self::Machine => "Machine",
            Self::NoAnswer => "NoAnswer",
            Self::Cancelled => "Cancelled",
            Self::NoMoney => "NoMoney",
        })
    }
}

/// One call to be placed. The PIN is not in it: whoever calls has only to count keys.
pub struct VoiceCall {
    pub(super) id: u64,
    pub(super) to: Contact,
    pub(super) brand: Option<String>,
    pub(super) pin_length: usize,
    pub(super) outbox: Arc<Outbox>,
}

impl VoiceCall {
    /// The number of the request, another one for each.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Whom to call.
    #[must_use]
    pub fn to(&self) -> &Contact {
        &self.to
    }

    /// In whose name: up to 20 characters that somebody else has chosen.
    #[must_use]
    pub fn brand(&self) -> Option<&str> {
        self.brand.as_deref()
    }

    /// How many keys to listen for.
    #[must_use]
    pub fn pin_length(&self) -> usize {
        self.pin_length
    }

    /// What to say to whoever answers, in English.
    #[must_use]
    pub fn text(&self) -> String {
        let from = self.brand.as_deref().map(|brand| format!(" from {brand}")).unwrap_or_default();
        format!("This is a call{from}. Please dial the PIN that you see on your screen.")
    }

    /// Tells whoever asked for the call that the phone was answered. Calling it more than once tells nothing more.
    pub fn answered(&self) {
        self.outbox.push(Status::Delivered);
    }
}

impl fmt::Debug for VoiceCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VoiceCall").field("id", &self.id).finish_non_exhaustive()
    }
}
