//! What can be done with a ticket: send its code, answer it, ask how it stands, cancel it.
//!
//! Every step is count first, decide after; and a challenge is over by taking its one entry away, so that of any
//! number of concurrent requests one wins and a store that lost its memory lets nobody in.
//!
//! A ticket from before its send is a handle to whatever challenge its subject has open for this; the ticket that a send
//! returns names that one challenge. The id of a challenge, from which its code is derived, is drawn when it is opened and
//! never used again, so nothing that is sent later can bring an old code back to life.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::audit::{self, EventKind, Pseudonym};
use crate::budgets::{Budgets, Spending};
use crate::clearance::{Approval, Proof};
use crate::clock::millis_of;
use crate::engine::{Core, PolicyInfo};
use crate::factor::Factor;
use crate::facts::{self, SubjectFacts, Who};
use crate::refusal::Refusal;
use crate::source::Source;
use crate::store::Key;
use crate::subject::Subject;
use crate::ticket::Ticket;

mod about;
mod answer;
mod block;
mod brief;
mod captcha;
mod card;
mod cooldown;
mod deliver;
mod ladder;
mod letter;
mod link;
mod lockout;
mod misses;
mod over;
mod pin;
mod receipt;
mod remote;
mod report;
mod send;
mod spend;
mod spending;
mod stand;
mod token;
mod totp;
mod wish;
mod work;

use about::About;
pub(crate) use brief::Brief;
pub(crate) use captcha::Bond;
pub use deliver::Errand;
pub(crate) use deliver::Queue;
pub(crate) use link::{Link, Opening};
pub(crate) use misses::Misses;
pub(crate) use over::Over;
pub(crate) use pin::{DIALLED, hear};
pub use receipt::{Fate, ReceiptOutcome};
pub(crate) use report::Report;
pub(crate) use send::Sent;
pub(crate) use stand::Standing;
pub(crate) use totp::mark_step;
pub(crate) use work::{CODE, TICKET};

/// How much longer than a ticket its counters live: room for clocks that disagree.
const GRACE: Duration = Duration::from_secs(60);

/// A ticket that was opened for the subject it was sealed for, with all that is needed to act on it.
pub(crate) struct Ceremony<'c> {
    core: &'c Arc<Core>,
    subject: &'c Subject<'c>,
    source: Source,
    /// The ticket as it was presented.
    sealed: &'c str,
    pub(crate) ticket: Ticket,
    pub(crate) policy: Arc<PolicyInfo>,
    pub(crate) factor: Arc<Factor>,
    facts: SubjectFacts<'c>,
    brief: &'c Brief,
    now: u64,
}

impl<'c> Ceremony<'c> {
    /// Opens the ticket; whatever is wrong with it, the answer is the same.
    pub(crate) fn begin(
        core: &'c Arc<Core>,
        subject: &'c Subject<'c>,
        source: Source,
        sealed: &'c str,
    ) -> Result<Self, Refusal> {
        Self::begin_with(core, subject, source, Brief::NOTHING, sealed)
    }

    /// The same, for a caller that knows some of it better than the engine does.
    pub(crate) fn begin_with(
        core: &'c Arc<Core>,
        subject: &'c Subject<'c>,
        source: Source,
        brief: &'c Brief,
        sealed: &'c str,
    ) -> Result<Self, Refusal> {
        let now = core.now();
        let ticket = Ticket::open(&core.keys, sealed).ok_or(Refusal::SessionExpired)?;
        if ticket.key(&core.keys).is_none() || ticket.is_expired(now) {
            return Err(Refusal::SessionExpired);
        }
        let who = Who::of(core.keys.facts(), subject);
        if ticket.subject != who.whole {
            return Err(Refusal::SessionExpired);
        }
        let facts =
            SubjectFacts::new(core.keys.facts(), who, ticket.factor, ticket.bound.as_deref(), ticket.terms);
        let Some((policy, factor)) = core.registry.find(ticket.policy, ticket.factor) else {
            tracing::error!(
                target: "verify",
                "a ticket is of a policy, or of a factor, that no gate of this process has: make each gate (`Engine::gate`) in every process that serves the endpoints, and before it does"
            );
            return Err(Refusal::Misconfigured);
        };
        Ok(Self { core, subject, source, sealed, ticket, policy, factor, facts, brief, now })
    }

    /// Sends, for a code; for anything else there is nothing to send. A captcha takes the wish for the visitor's word that it
    /// does not load.
    pub(crate) async fn send(&self, channel: Option<&str>) -> Result<Option<Sent>, Refusal> {
        match &*self.factor {
            Factor::Code(code) => send::send(self, code, channel).await.map(Some),
            Factor::ReversePin(pin) => pin::send(self, &pin.pin, channel).await.map(Some),
            Factor::Work(_) | Factor::Totp(_) | Factor::Card(_) => Ok(None),
            Factor::Captcha(captcha) => captcha::probe(self, captcha).await.map(|()| None),
        }
    }

    /// Whether what comes before the first message is among these proofs. What is open has had its first message.
    pub(crate) fn is_paid(&self, proofs: &[Proof]) -> bool {
        let Some(price) = self.factor.price().filter(|_| self.ticket.opened.is_none()) else { return true };
        let (tag, age) = (price.tag(), millis_of(price.lasts()));
        proofs.iter().any(|proof| proof.factor == tag && self.now < proof.verified_at.saturating_add(age))
    }

    /// Checks an answer and redeems the challenge: one proof for one success.
    pub(crate) async fn answer(&self, answer: &str) -> Result<Proof, Refusal> {
        Ok(self.answer_telling(answer).await?.proof)
    }

    /// The same, with what the visitor should be told beside it.
    pub(crate) async fn answer_telling(&self, answer: &str) -> Result<Answered, Refusal> {
        let redeemed = match &*self.factor {
            Factor::Code(code) => answer::code(self, code, answer).await?,
            Factor::ReversePin(pin) => pin::redeem(self, &pin.pin, answer).await?,
            Factor::Work(_) => {
                self.examine(answer)?;
                work::redeem(self).await?
            }
            Factor::Captcha(captcha) => captcha::captcha(self, captcha, answer).await?,
            Factor::Totp(app) => totp::totp(self, app, answer).await?,
            Factor::Card(factor) => card::card(self, factor, answer).await?,
        };
        let recovery_codes_left = redeemed.recovery_codes_left;
        Ok(Answered { proof: self.prove(redeemed)?, recovery_codes_left })
    }

    /// Redeems a proof of work that was [examined](Self::examine) already.
    pub(crate) async fn redeem(&self) -> Result<Proof, Refusal> {
        self.prove(work::redeem(self).await?)
    }

    fn prove(&self, redeemed: Redeemed) -> Result<Proof, Refusal> {
        let Redeemed { ticket, revocations, .. } = redeemed;
        let proof = Proof {
            factor: self.ticket.factor,
            verified_at: self.now,
            seen_at: self.now,
            longest_pause: 0,
            revocations,
            binding: ticket.bound.as_ref().map(|bound| Approval {
                policy: ticket.policy,
                digest: bound.digest,
                challenge: ticket.id,
                limit: bound.limit(),
            }),
        };
        // It would open nothing: to be told so is better than to be blocked again.
        if self.core.revocations.of(self.subject).is_later_than(&proof) {
            self.record_for(EventKind::Replayed, &ticket, "revoked");
            return Err(Refusal::AlreadyUsed);
        }
        self.record_as(EventKind::Verified, &ticket);
        Ok(proof)
    }

    /// Enters the approval of a transaction for the request that will use it.
    pub(crate) async fn enter_grant(&self, proof: &Proof) -> Result<(), Refusal> {
        if let Some(approval) = &proof.binding {
            let name = facts::grant(self.core.keys.facts(), &approval.challenge);
            let life = self.policy.approval_life(proof.factor);
            self.core.store.insert(&name, Bytes::new(), life).await?;
        }
        Ok(())
    }

    /// Ends the challenge, whoever else holds its ticket; says whether it was open until now.
    pub(crate) async fn cancel(&self) -> Result<bool, Refusal> {
        self.end(EventKind::Cancelled).await
    }

    /// Ends the challenge as satisfied, without an answer; says whether it was open until now.
    pub(crate) async fn approve(&self) -> Result<bool, Refusal> {
        self.end(EventKind::Verified).await
    }

    async fn end(&self, how: EventKind) -> Result<bool, Refusal> {
        let Some(open) = self.find().await? else { return Ok(false) };
        let Some(open) = self.close(&open).await? else { return Ok(false) };
        // Its message has left all the same: the wait stays, and is nobody's open challenge any more.
        cooldown::disown(self).await?;
        self.record_as(how, &open);
        Ok(true)
    }

    /// What messages may cost: in the whole application, however they are asked for, and here besides.
    fn spending(&self) -> Cow<'c, Spending> {
        let all = &self.core.budgets.spending;
        match &self.brief.budgets {
            None => Cow::Borrowed(all),
            Some(here) => Cow::Owned(all.and(&here.spending)),
        }
    }

    /// How much may be guessed and sent here.
    fn budgets(&self) -> &Budgets {
        self.brief.budgets.as_deref().unwrap_or(&self.core.budgets)
    }

    /// Ends whatever the ticket stands for, since somebody has changed what it was about; returns what it was.
    pub(crate) async fn kill(&self) -> Result<Ticket, Refusal> {
        let found = self.find().await?;
        if let Some(open) = &found {
            self.close(open).await?;
            cooldown::disown(self).await?;
        }
        Ok(found.map_or_else(|| self.ticket.clone(), Cow::into_owned))
    }

    /// How it stands.
    pub(crate) async fn stand(&self) -> Result<Standing, Refusal> {
        stand::stand(self).await
    }

    /// The challenge that the ticket names or, from before the send, the one that its subject has open.
    async fn find(&self) -> Result<Option<Cow<'_, Ticket>>, Refusal> {
        if self.ticket.opened.is_some() {
            return Ok(Some(Cow::Borrowed(&self.ticket)));
        }
        Ok(self.look().await?.map(Cow::Owned))
    }

    /// The challenge that is open for this subject, factor and binding.
    async fn look(&self) -> Result<Option<Ticket>, Refusal> {
        let entry = self.core.store.get(&self.facts.open()).await?;
        Ok(entry.and_then(|entry| self.alive(&entry)))
    }

    /// Opens what was stored under a subject's open challenge, while it can be answered.
    fn alive(&self, entry: &[u8]) -> Option<Ticket> {
        let name = self.facts.open();
        let open = Ticket::restore(&self.core.keys, &name, entry, &self.ticket)?;
        (!open.is_expired(self.now)).then_some(open)
    }

    /// Takes an entry away that nobody can open any more, as of a key that was dropped: it would stand in the way of the
    /// next challenge for as long as it lives. What somebody has opened in the meantime is put back.
    async fn make_room(&self) -> Result<(), Refusal> {
        let name = self.facts.open();
        let Some(entry) = self.core.store.take(&name).await? else { return Ok(()) };
        if let Some(open) = self.alive(&entry) {
            self.core.store.insert(&name, entry, self.until(open.expires_at)).await?;
        }
        Ok(())
    }

    /// Takes the open entry away and returns it, if it is that challenge's.
    async fn close(&self, challenge: &Ticket) -> Result<Option<Ticket>, Refusal> {
        let taken = self.core.store.take(&self.facts.open()).await?;
        let closed = self.own(taken, challenge).await?;
        if let Some(closed) = &closed {
            remote::abandon(self.core, closed).await?;
        }
        Ok(closed)
    }

    /// The entry that was taken, if it is that challenge's and still alive. The entry of a later challenge of the same
    /// subject is put back: somebody came with the right answer to a dead one.
    async fn own(&self, taken: Option<Bytes>, challenge: &Ticket) -> Result<Option<Ticket>, Refusal> {
        let Some(entry) = taken else { return Ok(None) };
        let Some(open) = self.alive(&entry) else { return Ok(None) };
        if open.id == challenge.id {
            return Ok(Some(open));
        }
        self.core.store.insert(&self.facts.open(), entry, self.until(open.expires_at)).await?;
        Ok(None)
    }

    /// The time from now to that moment, and never zero.
    fn until(&self, moment: u64) -> Duration {
        Duration::from_millis(moment.saturating_sub(self.now).max(1))
    }

    /// How long the counters of a challenge live.
    fn counted_until(&self, challenge: &Ticket) -> Duration {
        self.until(challenge.expires_at).saturating_add(GRACE)
    }

    /// Where the tries of a challenge are counted.
    fn tries(&self, challenge: &Ticket) -> Result<Key, Refusal> {
        let key = challenge.key(&self.core.keys).ok_or(Refusal::SessionExpired)?;
        Ok(facts::tries(key, &challenge.id))
    }

    /// How many messages of a challenge have left, so many more with them. The first opened it, and is counted by that: most
    /// challenges need no counter.
    async fn messages(&self, challenge: &Ticket, more: u32) -> Result<u64, Refusal> {
        let key = challenge.key(&self.core.keys).ok_or(Refusal::SessionExpired)?;
        let sends = facts::sends(key, &challenge.id);
        let further = self.core.store.add(&sends, more, self.counted_until(challenge)).await?;
        Ok(further.saturating_add(1))
    }

    pub(crate) fn record_as(&self, kind: EventKind, ticket: &Ticket) {
        self.record(kind, ticket, None);
    }

    /// The same with the reason for it.
    pub(crate) fn record_for(&self, kind: EventKind, ticket: &Ticket, reason: &'static str) {
        self.record(kind, ticket, Some(reason));
    }

    fn record(&self, kind: EventKind, ticket: &Ticket, reason: Option<&'static str>) {
        if audit::is_heard(self.core.listener.as_ref()) {
            self.about(ticket).record(self.core, kind, reason);
        } else {
            let (channel, calling_code) = ticket.opened.map(|o| (o.channel, o.calling_code)).unzip();
            self.policy.counters.count(kind, channel, calling_code.unwrap_or(0));
        }
    }

    /// The name of a challenge in events.
    fn pseudonym(&self, ticket: &Ticket) -> Pseudonym {
        facts::pseudonym(self.core.keys.facts(), &ticket.id)
    }

    fn about(&self, ticket: &Ticket) -> About {
        About {
            policy: Arc::clone(&self.policy),
            factor: Arc::clone(&self.factor),
            challenge: self.pseudonym(ticket),
            subject: facts::short(self.facts.identity()),
            channel: ticket.opened.map(|opened| opened.channel),
            calling_code: ticket.opened.map_or(0, |opened| opened.calling_code),
        }
    }
}

/// A challenge that was just redeemed.
pub(crate) struct Redeemed {
    /// As it was opened.
    ticket: Ticket,
    revocations: u64,
    /// Where a recovery code was used up: how many are left.
    recovery_codes_left: Option<u32>,
}

/// A factor that was just satisfied, and what to tell about it.
pub(crate) struct Answered {
    pub(crate) proof: Proof,
    pub(crate) recovery_codes_left: Option<u32>,
}
