//! Challenges without a request: for programs that serve an API of their own, and for back offices.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::ceremony::{Ceremony, Errand};
use crate::code::Code;
use crate::contact::Channel;
use crate::engine::{Core, Engine};
use crate::factor::Factor;
use crate::gate::Gate;
use crate::offer::Offer;
use crate::refusal::Refusal;
use crate::source::Source;
use crate::subject::Subject;
use crate::ticket::Ticket;

/// Runs challenges for one subject, with the same tickets, budgets and events as over the wire; made by
/// [`Engine::direct`].
///
/// Nothing here looks at a request, so whoever calls vouches for the subject, and limits how often strangers may make it
/// call.
///
/// ```
/// use verify_core::{Channel, Code, Contact, Engine, Factor, Inbox, KeyRing, Origin, Policy, RefusedKind, Subject};
/// # fn block_on<F: Future>(future: F) -> F::Output {
/// #     let mut future = std::pin::pin!(future);
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     loop { if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) { return output } }
/// # }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { block_on(async {
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// let inbox = Inbox::new();
/// let engine = Engine::builder(keys, Origin::parse("https://bank.example")?)
///     .inbox(inbox.clone())
///     .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
///     .build()?;
/// let gate = engine.gate(Policy::new("reset").require(Factor::code("by-phone")))?;
///
/// let alice = engine.direct(Subject::user("alice"));
/// let ticket = alice.offer_with_code(&gate, "by-phone", Code::chosen("4711")?)?;
/// let dispatch = alice.send(&ticket, Some(Channel::Sms)).await?;
/// assert_eq!(inbox.last_code("+12025550123").as_deref(), Some("4711"));
///
/// let refused = alice.check(dispatch.ticket(), "4712").await.unwrap_err();
/// assert_eq!(refused.kind(), RefusedKind::Wrong);
/// alice.check(dispatch.ticket(), "4711").await?;
/// # Ok(()) }) }
/// ```
#[derive(Clone)]
pub struct Direct {
    core: Arc<Core>,
    subject: Subject<'static>,
    source: Source,
}

impl Engine {
    /// Challenges for this subject without a request. They count for the source [`Source::UNKNOWN`] unless
    /// [`Direct::from_source`] says better.
    #[must_use]
    pub fn direct(&self, subject: Subject<'static>) -> Direct {
        Direct { core: Arc::clone(&self.core), subject, source: Source::UNKNOWN }
    }
}

impl Direct {
    /// On whose behalf, for the budget of messages per source.
    #[must_use]
    pub fn from_source(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    /// A ticket for one of a gate's factors, by its name. It costs no memory and no I/O.
    ///
    /// # Errors
    /// [`RefusedKind::NotOffered`] when the gate has no factor of that name.
    pub fn offer(&self, gate: &Gate, factor: &str) -> Result<String, Refused> {
        self.mint(gate, factor, None)
    }

    /// A ticket whose code the caller has chosen, instead of one that is derived. The code travels inside the ticket,
    /// sealed; it is never stored in the clear. While a challenge of this subject and factor is open, that one's code
    /// holds.
    ///
    /// # Errors
    /// As [`Direct::offer`], and for a factor that sends no code, or whose codes a service makes.
    pub fn offer_with_code(&self, gate: &Gate, factor: &str, code: Code) -> Result<String, Refused> {
        self.mint(gate, factor, Some(code))
    }

    fn mint(&self, gate: &Gate, factor: &str, code: Option<Code>) -> Result<String, Refused> {
        // A service makes its codes itself.
        let takes_codes = |factor: &Factor| {
            let mut channels = factor.channels().iter().peekable();
            channels.peek().is_some()
                && !channels.any(|channel| self.core.code_services.contains_key(channel))
        };
        let leaf = gate.leaf(factor).filter(|leaf| code.is_none() || takes_codes(&leaf.factor));
        let leaf = leaf.ok_or(Refused { kind: RefusedKind::NotOffered, retry_after: None })?;
        let (core, now) = (&*self.core, self.core.now());
        let seal = || {
            let ticket = Offer::ticket(core, &self.subject, gate.tag(), leaf, "/", now)?;
            Offer::seal(core, Ticket { chosen: code, ..ticket })
        };
        Ok(seal().map_err(Refusal::from)?.sealed)
    }

    /// Sends the code of a ticket over one of its factor's channels, or over the preferred one. Where the engine delivers
    /// after its answers, run the [errand](Dispatch::errand) that comes with it.
    ///
    /// # Errors
    /// Says by its [kind](Refused::kind) what can be done about it.
    pub async fn send(&self, ticket: &str, channel: Option<Channel>) -> Result<Dispatch, Refused> {
        let ceremony = self.begin(ticket)?;
        let sent = ceremony.send(channel.map(Channel::name)).await?;
        let sent = sent.ok_or(Refused { kind: RefusedKind::NotOffered, retry_after: None })?;
        let offer = Offer::seal(&self.core, sent.ticket).map_err(Refusal::from)?;
        Ok(Dispatch {
            expires_at: at(offer.ticket.expires_at),
            ticket: offer.sealed,
            resend_at: at(sent.resend_at),
            errand: sent.errand,
        })
    }

    /// Checks an answer and redeems the challenge: of any number of callers with the right answer, one succeeds.
    ///
    /// # Errors
    /// Says by its [kind](Refused::kind) what can be done about it.
    pub async fn check(&self, ticket: &str, answer: &str) -> Result<(), Refused> {
        self.begin(ticket)?.answer(answer).await?;
        Ok(())
    }

    /// Ends a challenge, whoever else holds its ticket.
    ///
    /// # Errors
    /// When the ticket is not this subject's or expired, or the store did not answer.
    pub async fn cancel(&self, ticket: &str) -> Result<(), Refused> {
        Ok(self.begin(ticket)?.cancel().await?)
    }

    fn begin(&self, ticket: &str) -> Result<Ceremony<'_>, Refused> {
        Ok(Ceremony::begin(&self.core, &self.subject, self.source, ticket)?)
    }
}

fn at(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}

/// A code that is on its way.
#[derive(Debug)]
pub struct Dispatch {
    ticket: String,
    expires_at: SystemTime,
    resend_at: SystemTime,
    errand: Option<Errand>,
}

impl Dispatch {
    /// The ticket of the challenge that is open now; answer this one.
    #[must_use]
    pub fn ticket(&self) -> &str {
        &self.ticket
    }

    /// Until when it can be answered.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    /// From when on the next message may be asked for.
    #[must_use]
    pub fn resend_at(&self) -> SystemTime {
        self.resend_at
    }

    /// The delivery, where it has not taken place yet.
    pub fn errand(&mut self) -> Option<Errand> {
        self.errand.take()
    }
}

/// Why a challenge did not go on.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the challenge was refused ({kind:?})")]
pub struct Refused {
    kind: RefusedKind,
    retry_after: Option<Duration>,
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusedKind {
    /// The answer or the channel has not the right form; nothing was spent.
    Invalid,
    /// The gate has no such factor, or the factor sends nothing.
    NotOffered,
    /// The answer is wrong, and another try is left.
    Wrong,
    /// The budget of guesses is used up.
    Locked,
    /// The challenge is used, over or was never sent.
    AlreadyUsed,
    /// The ticket is expired, forged, or another subject's.
    Expired,
    /// Too many messages: wait.
    RateLimited,
    /// The store, the courier or the contacts did not answer.
    Unavailable,
    /// The engine lacks a policy, a courier or contacts that this needs.
    Misconfigured,
}

impl Refused {
    /// What it means.
    #[must_use]
    pub const fn kind(&self) -> RefusedKind {
        self.kind
    }

    /// How long to wait, where waiting helps.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let mut retry_after = None;
        let kind = match refusal {
            Refusal::Wrong => RefusedKind::Wrong,
            Refusal::Locked => RefusedKind::Locked,
            Refusal::AlreadyUsed => RefusedKind::AlreadyUsed,
            Refusal::SessionExpired => RefusedKind::Expired,
            Refusal::RateLimited(wait) => {
                retry_after = Some(wait);
                RefusedKind::RateLimited
            }
            Refusal::Unavailable => RefusedKind::Unavailable,
            Refusal::Misconfigured => RefusedKind::Misconfigured,
            Refusal::Invalid(_)
            | Refusal::Foreign
            | Refusal::NotFound
            | Refusal::MethodNotAllowed(_)
            | Refusal::UnsupportedMediaType
            | Refusal::Executed
            | Refusal::OtherRequest
            | Refusal::TooLarge => RefusedKind::Invalid,
        };
        Self { kind, retry_after }
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct").field("subject", &self.subject).finish_non_exhaustive()
    }
}
