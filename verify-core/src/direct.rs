//! Challenges without a request: for programs that serve an API of their own, and for back offices.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::budgets::Budgets;
use crate::card::{Card, Wire};
use crate::ceremony::{Brief, Ceremony};
use crate::clock::unix_millis;
use crate::code::Code;
use crate::contact::{Channel, Contact};
use crate::courier::Message;
use crate::engine::{Core, Engine};
use crate::factor::Factor;
use crate::facts;
use crate::gate::Gate;
use crate::offer::Offer;
use crate::refusal::Refusal;
use crate::source::Source;
use crate::subject::Subject;
use crate::ticket::Ticket;

mod dispatch;
mod refused;

pub use dispatch::Dispatch;
pub use refused::{Refused, RefusedKind};

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
    brief: Brief,
}

/// How a challenge stands, for whoever runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Standing {
    /// Whether it can be answered: it was sent, and is neither over nor guessed to death.
    pub is_pending: bool,
    /// How many answers will yet be compared; known while it is open.
    pub tries_left: Option<u64>,
    /// How many messages may yet be sent; known while it is open.
    pub sends_left: Option<u64>,
    /// Until when it can be answered.
    pub expires_at: SystemTime,
    /// Whether the open challenge has another code than this ticket brings along, which only one
    /// [with a code](Direct::offer_with_code) does: a send would repeat the other one.
    pub has_other_code: bool,
}

impl Engine {
    /// Challenges for this subject without a request. They count for the source [`Source::UNKNOWN`] unless
    /// [`Direct::from_source`] says better.
    #[must_use]
    pub fn direct(&self, subject: Subject<'static>) -> Direct {
        Direct { core: Arc::clone(&self.core), subject, source: Source::UNKNOWN, brief: Brief::default() }
    }
}

impl Direct {
    /// On whose behalf, for the budget of messages per source.
    #[must_use]
    pub fn from_source(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    /// Whom to deliver to, whatever the engine's contacts say. The message is then always left as an
    /// [errand](Dispatch::errand): run it before the answer to tell how it went, after it to answer at once, or drop it and
    /// nothing leaves.
    #[must_use]
    pub fn to(mut self, contact: Contact) -> Self {
        self.brief.to = Some(contact);
        self
    }

    /// What the challenge is about, byte for byte. Each has a challenge and a code of its own, and an answer counts as wrong
    /// unless it is given about the very same: so a code that was sent for one amount and payee approves no other.
    #[must_use]
    pub fn about(mut self, terms: &[u8]) -> Self {
        self.brief.terms = Some(facts::terms(self.core.keys.facts(), terms));
        self
    }

    /// When the challenge ends at the latest, also where its factor would let the code live longer: for a deadline that hangs
    /// on something else than the first message, as the end of a session or of a payment's evaluation. It is set with the
    /// first message and no resend moves it; a moment that has passed refuses with [`RefusedKind::Expired`]. Default: what
    /// the factor says.
    ///
    /// ```
    /// use std::time::Duration;
    /// # use verify_core::{Contact, Engine, Factor, Inbox, KeyRing, Origin, Policy, RefusedKind, Subject, Channel};
    /// # fn block_on<F: Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     loop { if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) { return output } }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { block_on(async {
    /// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
    /// # let engine = Engine::builder(keys, Origin::parse("https://bank.example")?)
    /// #     .inbox(Inbox::new())
    /// #     .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok())
    /// #     .build()?;
    /// # let gate = engine.gate(Policy::new("checkout").require(Factor::code("by-phone")))?;
    /// let session_ends = engine.now() + Duration::from_secs(60);
    /// let payer = engine.direct(Subject::user("session-1")).until(session_ends);
    /// let dispatch = payer.send(&payer.offer(&gate, "by-phone")?, None).await?;
    /// assert!(dispatch.expires_at() <= session_ends, "and not five minutes from now");
    ///
    /// let late = engine.direct(Subject::user("session-2")).until(engine.now() - Duration::from_secs(1));
    /// let refused = late.send(&late.offer(&gate, "by-phone")?, None).await.unwrap_err();
    /// assert_eq!(refused.kind(), RefusedKind::Expired);
    /// # Ok(()) }) }
    /// ```
    #[must_use]
    pub fn until(mut self, moment: SystemTime) -> Self {
        self.brief.until = Some(unix_millis(moment));
        self
    }

    /// How much may be guessed and sent. Default: the engine's budgets.
    #[must_use]
    pub fn budgets(mut self, budgets: &Arc<Budgets>) -> Self {
        self.brief.budgets = Some(Arc::clone(budgets));
        self
    }

    /// Writes the messages, given the channel, the code and how long it lives. Default: the engine's words.
    #[must_use]
    pub fn worded(
        mut self,
        words: impl Fn(Channel, &Code, Duration) -> Message + Send + Sync + 'static,
    ) -> Self {
        self.brief.words = Some(Arc::new(words));
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
    /// holds, and [`Standing::has_other_code`] tells whether it is another.
    ///
    /// # Errors
    /// As [`Direct::offer`], and for a factor that sends no code, or whose codes a service makes.
    pub fn offer_with_code(&self, gate: &Gate, factor: &str, code: Code) -> Result<String, Refused> {
        self.mint(gate, factor, Some(code))
    }

    fn mint(&self, gate: &Gate, factor: &str, code: Option<Code>) -> Result<String, Refused> {
        // A service makes its codes itself.
        let takes_codes = |factor: &Factor| {
            if let (Factor::ReversePin(_), Some(code)) = (factor, &code) {
                return code.is_pin();
            }
            let mut channels = factor.channels().iter().peekable();
            channels.peek().is_some()
                && !channels.any(|channel| self.core.code_services.contains_key(channel))
        };
        let leaf = gate.leaf(factor).filter(|leaf| code.is_none() || takes_codes(&leaf.factor));
        let leaf = leaf.ok_or(Refused::NOT_OFFERED)?;
        let (core, now) = (&*self.core, self.core.now());
        let seal = || {
            let ticket = Offer::ticket(core, &self.subject, gate.tag(), leaf, "/", now)?;
            let expires_at = self.brief.ends(ticket.expires_at);
            Offer::seal(core, Ticket { chosen: code, terms: self.brief.terms, expires_at, ..ticket })
        };
        Ok(seal().map_err(Refusal::from)?.sealed)
    }

    /// Sends the code of a ticket over one of its factor's channels, or over the preferred one. Where the engine delivers
    /// after its answers, run the [errand](Dispatch::errand) that comes with it. What a code comes
    /// [after](crate::CodeFactor::after) is not asked for here: it is for strangers, and whoever calls vouches for the subject.
    ///
    /// # Errors
    /// Says by its [kind](Refused::kind) what can be done about it.
    pub async fn send(&self, ticket: &str, channel: Option<Channel>) -> Result<Dispatch, Refused> {
        let ceremony = self.begin(ticket)?;
        let sent = ceremony.send(channel.map(Channel::name)).await?;
        let sent = sent.ok_or(Refused::NOT_OFFERED)?;
        Ok(Dispatch::of(&self.core, sent)?)
    }

    /// Checks an answer and redeems the challenge: of any number of callers with the right answer, one succeeds.
    ///
    /// # Errors
    /// Says by its [kind](Refused::kind) what can be done about it.
    pub async fn check(&self, ticket: &str, answer: &str) -> Result<(), Refused> {
        self.begin(ticket)?.answer(answer).await?;
        Ok(())
    }

    /// The same for a [card](crate::CardFactor): it is checked with its issuer, within the factor's budgets.
    ///
    /// # Errors
    /// Says by its [kind](Refused::kind) what can be done about it.
    pub async fn check_card(&self, ticket: &str, card: &Card) -> Result<(), Refused> {
        self.check(ticket, &Wire::from(card).text()).await
    }

    /// Ends a challenge, whoever else holds its ticket; says whether it was open until now.
    ///
    /// # Errors
    /// When the ticket is not this subject's or expired, or the store did not answer.
    pub async fn cancel(&self, ticket: &str) -> Result<bool, Refused> {
        Ok(self.begin(ticket)?.cancel().await?)
    }

    /// Ends a challenge as satisfied without an answer, because the caller knows better; says whether it was open until
    /// now.
    ///
    /// # Errors
    /// As [`Direct::cancel`].
    pub async fn approve(&self, ticket: &str) -> Result<bool, Refused> {
        Ok(self.begin(ticket)?.approve().await?)
    }

    /// How a challenge stands: the one that the ticket names or, by a ticket from before its send, the one that is open.
    ///
    /// # Errors
    /// As [`Direct::cancel`].
    pub async fn standing(&self, ticket: &str) -> Result<Standing, Refused> {
        let standing = self.begin(ticket)?.stand().await?;
        Ok(Standing {
            is_pending: standing.status == "pending",
            tries_left: standing.tries_left,
            sends_left: standing.sends_left,
            expires_at: dispatch::at(standing.expires_at),
            has_other_code: standing.has_other_code,
        })
    }

    fn begin<'c>(&'c self, ticket: &'c str) -> Result<Ceremony<'c>, Refused> {
        Ok(Ceremony::begin_with(&self.core, &self.subject, self.source, &self.brief, ticket)?)
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct").field("subject", &self.subject).finish_non_exhaustive()
    }
}
