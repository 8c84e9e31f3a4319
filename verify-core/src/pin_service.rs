//! Services that call a phone and ask for a PIN: the answer arrives from outside, when the call is over.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::ceremony::hear;
use crate::code::Code;
use crate::code_service::{CodeHandle, CodeServiceError};
use crate::contact::Contact;
use crate::engine::Engine;
use crate::store::StoreError;

/// A service that calls a phone, asks whoever answers for a PIN, and says afterwards what was dialled; given to
/// [`EngineBuilder::pin_service`](crate::EngineBuilder::pin_service).
///
/// [`call`](PinService::call) only places the call. What became of it is handed to [`Engine::hear`] under the order's
/// [token](PinOrder::token), whenever it arrives, before or after `call` returns; the visitor's own request is let in by that.
///
/// ```
/// use async_trait::async_trait;
/// use verify_core::{CodeHandle, CodeServiceError, PinOrder, PinService};
///
/// /// Calls nobody.
/// #[derive(Debug)]
/// struct Silence;
///
/// #[async_trait]
/// impl PinService for Silence {
///     async fn call(&self, order: &PinOrder) -> Result<Option<CodeHandle>, CodeServiceError> {
///         println!("a call that asks for {} digits", order.pin().expose().len());
///         Ok(None)
///     }
/// }
/// ```
#[async_trait]
pub trait PinService: fmt::Debug + Send + Sync + 'static {
    /// Places one call; `Ok` means that the service has taken it, and holds the service's own name for the call if it gave
    /// one. Keep a deadline, and repeat nothing that may have arrived: it rings twice, and costs two calls.
    ///
    /// # Errors
    /// Says by its [kind](CodeServiceError::kind) whether a later call may work.
    async fn call(&self, order: &PinOrder) -> Result<Option<CodeHandle>, CodeServiceError>;

    /// Whether this service asks the developer instead of a phone. The engine refuses to start with such a one beside a real
    /// courier. Default: no.
    fn is_development(&self) -> bool {
        false
    }

    /// Whether placing a call takes no time and cannot fail; see [`Courier::is_instant`](crate::Courier::is_instant).
    /// Default: no.
    fn is_instant(&self) -> bool {
        false
    }
}

/// One call to be placed.
#[derive(Debug)]
pub struct PinOrder {
    pub(crate) id: String,
    pub(crate) to: Contact,
    pub(crate) pin: Code,
    pub(crate) token: CallToken,
    pub(crate) placed_at: SystemTime,
    pub(crate) expires_at: SystemTime,
}

impl PinOrder {
    /// The same for every attempt at this call, different for every other (32 hexadecimal digits). No secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whom to call.
    #[must_use]
    pub fn to(&self) -> &Contact {
        &self.to
    }

    /// What has to be dialled. Whoever is called is never told it.
    #[must_use]
    pub fn pin(&self) -> &Code {
        &self.pin
    }

    /// What the answer to this call has to bring along: nobody but the service learns it.
    #[must_use]
    pub fn token(&self) -> &CallToken {
        &self.token
    }

    /// When the engine decided to call.
    #[must_use]
    pub fn placed_at(&self) -> SystemTime {
        self.placed_at
    }

    /// From when on the engine takes no answer.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }
}

/// The right to say what became of one call: 43 letters, digits, `-` and `_`, drawn at random. Whoever has it is believed, so
/// its `Debug` is redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct CallToken(pub(crate) Zeroizing<String>);

impl CallToken {
    /// The token as text, for the service and for nobody else. Keep it out of logs and errors.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CallToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallToken([redacted])")
    }
}

/// How a call ended. Whatever is not [`PinResult::Right`] lets nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PinResult {
    /// The PIN was dialled.
    Right,
    /// Something else was dialled, or nothing: a failed try.
    Wrong,
    /// Nobody was asked: no answer, a machine, a call that was stopped or could not be paid. Nobody has failed at anything.
    Unanswered,
}

/// What became of a call, with all that the service says of which call it was.
///
/// ```
/// use verify_core::{Contact, PinReport, PinResult};
///
/// let report = PinReport::of(PinResult::Right)
///     .handle("458521")
///     .to(Contact::phone("+12025550123")?);
/// # let _ = report;
/// # Ok::<(), verify_core::InvalidContact>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PinReport {
    pub(crate) result: PinResult,
    pub(crate) handle: Option<CodeHandle>,
    pub(crate) to: Option<Contact>,
}

impl PinReport {
    /// That a call ended so.
    pub const fn of(result: PinResult) -> Self {
        Self { result, handle: None, to: None }
    }

    /// The service's own name for the call. Where the engine knows it by then, a report with another one is not believed.
    pub fn handle(mut self, handle: impl Into<String>) -> Self {
        self.handle = Some(CodeHandle::new(handle));
        self
    }

    /// Who was called. A report of a call to somebody else is not believed.
    pub fn to(mut self, to: Contact) -> Self {
        self.to = Some(to);
        self
    }
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heard {
    /// It was entered; it is the first for its call.
    Entered,
    /// It was not: no such call is waiting for one, or it is not about this call. Nothing has changed.
    Ignored,
}

impl Engine {
    /// Enters what became of a call of a [`PinService`]. The first report of a call counts and all others are ignored, in
    /// whatever order they come; one of a challenge that is over, expired or called off is ignored as well.
    ///
    /// A right PIN lets nobody in by itself: it is redeemed once, by the visitor whose challenge it is. A wrong one is counted
    /// at once as a failed try of that visitor, by the engine's own budgets.
    ///
    /// The token is looked up under a keyed hash, so the time that this takes tells nothing about any other token.
    ///
    /// # Errors
    /// When the store did not answer; the report can be handed over again.
    pub async fn hear(&self, token: &str, report: &PinReport) -> Result<Heard, StoreError> {
        hear(&Arc::clone(&self.core), token, report).await
    }
}
