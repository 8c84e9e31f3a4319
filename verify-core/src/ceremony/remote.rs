//! Challenges whose code somebody else makes and checks.
//!
//! The engine counts before it asks, as it does for its own codes, and redeems after: a service that says yes twice lets one
//! in, and one that is silent lets nobody in. Of the code it knows only the service's handle, sealed.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::try_join3;

use crate::audit::EventKind;
use crate::ceremony::answer::{self, Count};
use crate::ceremony::send::UNREACHABLE;
use crate::ceremony::{Ceremony, Redeemed, block};
use crate::code::Typed;
use crate::code_service::{
    CodeAnswer, CodeHandle, CodeOrder, CodeService, CodeServiceError, CodeServiceErrorKind, PaymentText,
    Verdict,
};
use crate::contact::Contact;
use crate::encoding::{Reader, Writer};
use crate::engine::Core;
use crate::factor::CodeFactor;
use crate::facts;
use crate::refusal::Refusal;
use crate::sealing::SealError;
use crate::store::{Key, StoreError};
use crate::ticket::{Opened, Ticket};

/// How long to wait where a service wants to be left alone and does not say how long.
const PATIENCE: Duration = Duration::from_secs(60);

/// An order on its way, and where the handle goes that comes back.
#[derive(Debug)]
pub(super) struct Order {
    order: CodeOrder,
    challenge: [u8; 16],
    handle: Key,
    expires_at: u64,
    life: Duration,
}

impl Order {
    pub(super) fn new(
        ceremony: &Ceremony<'_>,
        ticket: &Ticket,
        to: Contact,
        number: u64,
    ) -> Result<Self, Refusal> {
        let core = ceremony.core;
        let key = ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
        let opened = ticket.opened.ok_or(Refusal::Misconfigured)?;
        let order = CodeOrder {
            id: crate::encoding::to_hex(&facts::message(key, &ticket.id, number)),
            channel: opened.channel,
            to,
            subject: ceremony.subject.clone().into_owned(),
            payment: payment(core, ticket),
            expires_at: UNIX_EPOCH + Duration::from_millis(ticket.expires_at),
        };
        let handle = facts::handle(key, &ticket.id);
        Ok(Self {
            order,
            challenge: ticket.id,
            handle,
            expires_at: ticket.expires_at,
            life: ceremony.until(ticket.expires_at),
        })
    }

    pub(super) fn channel(&self) -> crate::contact::Channel {
        self.order.channel
    }

    /// Has the code made and delivered, and keeps its handle.
    ///
    /// A service that answers with a code which is out for something else already would let that code in here too. What it was
    /// out for may be over by our clock, since the service has one of its own: then the code is ended there, and another made.
    pub(super) async fn place(&self, core: &Core) -> Result<(), Refusal> {
        let service = core.code_services.get(&self.order.channel).ok_or(Refusal::Misconfigured)?;
        let mut handle = service.start(&self.order).await.map_err(|error| refusal(&error))?;
        match self.own(core, &**service, &handle).await? {
            Owner::Mine => {}
            Owner::Gone => {
                service.cancel(&handle).await.map_err(|error| refusal(&error))?;
                handle = service.start(&self.order).await.map_err(|error| refusal(&error))?;
                if self.own(core, &**service, &handle).await? != Owner::Mine {
                    return Err(self.mixed_up());
                }
            }
            Owner::Other => return Err(self.mixed_up()),
        }
        let sealed = core.keys.newest().seal_handle(handle.expose()).ok_or(SealError)?;
        if !core.store.insert(&self.handle, sealed.clone().into(), self.life).await? {
            core.store.take(&self.handle).await?;
            core.store.insert(&self.handle, sealed.into(), self.life).await?;
        }
        Ok(())
    }

    /// Whose a handle is: ours, if nobody had it before.
    async fn own(
        &self,
        core: &Core,
        service: &dyn CodeService,
        handle: &CodeHandle,
    ) -> Result<Owner, StoreError> {
        let name = facts::handle_owner(core.keys.facts(), handle.expose());
        let mut mine = Writer::with_capacity(24);
        mine.fixed(&self.challenge).u64(self.expires_at);
        let life = service.remembers().max(self.life);
        if core.store.insert(&name, mine.finish().into(), life).await? {
            return Ok(Owner::Mine);
        }
        let Some(owner) = core.store.get(&name).await? else { return Ok(Owner::Gone) };
        let mut reader = Reader::new(&owner);
        let (challenge, until) = (reader.array(), reader.u64().unwrap_or(u64::MAX));
        Ok(match challenge {
            Some(challenge) if challenge == self.challenge => Owner::Mine,
            _ if until <= core.now() => Owner::Gone,
            _ => Owner::Other,
        })
    }

    fn mixed_up(&self) -> Refusal {
        tracing::warn!(target: "verify", "the code service mixed two challenges up: give each factor a service of its own there");
        Refusal::RateLimited(self.life)
    }

    /// Notes that nothing is known to have left, unless something had before: answers are wrong then, as everybody's without
    /// an address are, and they are not held against the subject, who may well have got a code.
    pub(super) async fn note_failure(&self, core: &Core) -> Result<(), Refusal> {
        let sealed = core.keys.newest().seal_handle(UNSENT).ok_or(SealError)?;
        core.store.insert(&self.handle, sealed.into(), self.life).await?;
        Ok(())
    }
}

/// Whose a service's name for a challenge is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Mine,
    /// Another challenge's, which is over.
    Gone,
    /// Another challenge's.
    Other,
}

/// In the place of a handle, where the service has given none.
const UNSENT: &str = "";

/// What is approved, in words that are the same at start and at check.
fn payment(core: &Core, ticket: &Ticket) -> Option<PaymentText> {
    let transaction = &ticket.bound.as_ref()?.transaction;
    let amount = core.amounts.format(&transaction.total());
    let amount = if transaction.is_up_to() { format!("up to {amount}") } else { amount };
    let (name, account) = crate::courier::whom(transaction, false);
    let payee = if account.is_empty() { name } else { format!("{name}, {account}") };
    Some(PaymentText { amount, payee })
}

/// The try is counted, as a try and as a failure, before the service is asked; a success begins the failures anew.
pub(super) async fn answer(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    service: &Arc<dyn CodeService>,
    open: Ticket,
    opened: Opened,
    typed: &Typed,
) -> Result<Redeemed, Refusal> {
    let Ceremony { core, facts, .. } = ceremony;
    let key = open.key(&core.keys).ok_or(Refusal::SessionExpired)?;
    let tries_name = ceremony.tries(&open)?;
    let (life, window) = (ceremony.counted_until(&open), ceremony.budgets().failures.window);
    let (handle_name, failures_name) = (facts::handle(key, &open.id), facts.failures(opened.era));
    let handle = core.store.get(&handle_name).await?;
    let handle = handle.and_then(|sealed| core.keys.all().find_map(|key| key.open_handle(&sealed)));
    // Who may have got a code that the engine knows nothing of is not blamed for typing it.
    let blamed = u32::from(handle.as_deref() != Some(UNSENT));
    let (tries, failed, blocked) = try_join3(
        core.store.add(&tries_name, 1, life),
        core.store.add(&failures_name, blamed, window),
        block::stands(ceremony),
    )
    .await?;
    let count = Count { tries, failed, blocked };
    if blamed > 0 {
        answer::within_as_failure(ceremony, factor, &open, opened, count).await?;
    } else {
        answer::within(ceremony, factor, &open, count)?;
    }
    let handle = handle.filter(|handle| handle != UNSENT).map(CodeHandle::new);
    let verdict = match handle {
        // Whatever was typed, it is no answer to this: somebody has changed what it is about.
        _ if open.terms != ceremony.brief.terms => Ok(Verdict::Wrong),
        Some(handle) => {
            let code = typed.expose();
            service.check(&CodeAnswer { handle: &handle, code, payment: payment(core, &open) }).await
        }
        // Nothing has left, as for a subject without an address: no answer is right, and nobody can tell why. Of a
        // challenge that is over, its entry is gone as well.
        None => Ok(match ceremony.look().await? {
            Some(same) if same.id == open.id => Verdict::Wrong,
            _ => Verdict::Gone,
        }),
    };
    match verdict {
        Ok(Verdict::Right) => answer::redeem(ceremony, &open, opened, failed).await,
        Ok(Verdict::Wrong) => Err(answer::wrong(ceremony, factor, &open, opened, count).await?),
        Ok(Verdict::Locked) => {
            answer::lock(ceremony, factor, &open, opened, failed).await?;
            Err(Refusal::Locked)
        }
        Ok(Verdict::Gone) => {
            ceremony.record_as(EventKind::Replayed, &open);
            Err(Refusal::AlreadyUsed)
        }
        Err(error) => {
            // It was counted before it was asked about, or many at once would be asked about. If it was the last that the
            // budget allows, what follows from that follows now, or its user would be kept out and nobody told.
            if failed == u64::from(ceremony.budgets().failures.count) {
                answer::lock(ceremony, factor, &open, opened, failed).await?;
                block::begin(ceremony, &open).await?;
            }
            Err(refusal(&error))
        }
    }
}

/// Ends a challenge at its service, so that the next one has another code. Nothing waits for its success.
pub(super) async fn abandon(core: &Core, challenge: &Ticket) -> Result<(), StoreError> {
    let Some(opened) = challenge.opened else { return Ok(()) };
    let Some(service) = core.code_services.get(&opened.channel) else { return Ok(()) };
    let Some(key) = challenge.key(&core.keys) else { return Ok(()) };
    let Some(sealed) = core.store.take(&facts::handle(key, &challenge.id)).await? else { return Ok(()) };
    let handle = core.keys.all().find_map(|key| key.open_handle(&sealed)).filter(|handle| handle != UNSENT);
    let Some(handle) = handle else { return Ok(()) };
    let owner = facts::handle_owner(core.keys.facts(), &handle);
    match service.cancel(&CodeHandle::new(handle)).await {
        Ok(()) => core.store.take(&owner).await.map(|_| ()),
        Err(error) => {
            // The owner stays entered, so the old code cannot come back under a new challenge.
            told(&error);
            Ok(())
        }
    }
}

pub(super) fn refusal(error: &CodeServiceError) -> Refusal {
    match told(error) {
        CodeServiceErrorKind::Refused => UNREACHABLE,
        CodeServiceErrorKind::RateLimited => Refusal::RateLimited(error.retry_after().unwrap_or(PATIENCE)),
        CodeServiceErrorKind::Misconfigured => Refusal::Misconfigured,
        CodeServiceErrorKind::Unavailable => Refusal::Unavailable,
    }
}

/// The kind, once it was told to whoever runs this.
fn told(error: &CodeServiceError) -> CodeServiceErrorKind {
    let kind = error.kind();
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    if kind == CodeServiceErrorKind::Misconfigured {
        tracing::error!(target: "verify", "the code service is not set up for what it is asked: {source}");
    } else {
        tracing::warn!(target: "verify", ?kind, "the code service did not do what it was asked: {source}");
    }
    kind
}
