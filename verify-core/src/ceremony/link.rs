//! Links that stand for the code that they came with: whoever opens one need not type.

use std::sync::Arc;

use bytes::Bytes;

use crate::audit::EventKind;
use crate::ceremony::answer::Count;
use crate::ceremony::token::{self, Kind};
use crate::ceremony::{Answered, Brief, Ceremony, Redeemed, answer, send};
use crate::engine::{Core, PolicyInfo};
use crate::factor::{CodeFactor, Factor, LinkOpens};
use crate::facts::{self, Who};
use crate::refusal::Refusal;
use crate::source::Source;
use crate::subject::Subject;
use crate::ticket::Ticket;

/// What stands for an answer that was given by a link, on another device. No code looks like it.
pub(crate) const OPENED: &str = "~opened";

/// What the link of a mail holds: the challenge, sealed once more, so that neither is good for the other.
pub(crate) struct Link {
    sealed: String,
    ticket: Ticket,
    policy: Arc<PolicyInfo>,
    factor: Arc<Factor>,
}

/// What became of a link.
pub(crate) enum Opening {
    /// It was opened where the challenge began: the factor is satisfied there.
    Here(Box<Answered>),
    /// It was opened elsewhere: where the challenge began, the next answer is right.
    Elsewhere,
    /// It was opened elsewhere, which its factor does not allow.
    NotHere,
}

impl Link {
    /// The token for a challenge whose mail is about to leave.
    pub(super) fn seal(core: &Core, ticket: &Ticket) -> Option<String> {
        let sealed = ticket.seal(core.keys.newest()).ok()?;
        token::seal(&core.keys, Kind::Link, sealed.as_bytes())
    }

    /// Opens a token, while its challenge could still be answered. It asks nobody, so that whoever follows every link of a mail
    /// spends nothing.
    pub(crate) fn open(core: &Core, text: &str) -> Result<Self, Refusal> {
        let plain = token::open(&core.keys, Kind::Link, text).ok_or(Refusal::SessionExpired)?;
        let sealed = String::from_utf8(plain.to_vec()).map_err(|_| Refusal::SessionExpired)?;
        let ticket = Ticket::open(&core.keys, &sealed).ok_or(Refusal::SessionExpired)?;
        if ticket.is_expired(core.now()) {
            return Err(Refusal::SessionExpired);
        }
        let (policy, factor) =
            core.registry.find(ticket.policy, ticket.factor).ok_or(Refusal::Misconfigured)?;
        Ok(Self { sealed, ticket, policy, factor })
    }

    /// What it is for.
    pub(crate) fn purpose(&self) -> &str {
        &self.policy.purpose
    }

    /// Where its challenge began.
    pub(crate) fn return_to(&self) -> &str {
        &self.ticket.return_to
    }

    pub(crate) fn factor(&self) -> &Arc<Factor> {
        &self.factor
    }

    /// Whether this is the subject that the challenge began with, as far as its cookies tell.
    pub(crate) fn is_of(&self, core: &Core, subject: &Subject<'_>) -> bool {
        self.ticket.key(&core.keys).is_some()
            && self.ticket.subject == Who::of(core.keys.facts(), subject).whole
    }

    /// Gives the answer that it stands for.
    pub(crate) async fn act(
        &self,
        core: &Arc<Core>,
        subject: &Subject<'_>,
        source: Source,
    ) -> Result<Opening, Refusal> {
        let Factor::Code(factor) = &*self.factor else { return Err(Refusal::SessionExpired) };
        if self.is_of(core, subject) {
            let ceremony = Ceremony::begin_with(core, subject, source, Brief::NOTHING, &self.sealed)?;
            let code = send::code_of(ceremony.core, factor.digits, &self.ticket, 0)?;
            return Ok(Opening::Here(Box::new(ceremony.answer_telling(code.expose()).await?)));
        }
        if factor.link != Some(LinkOpens::Anywhere) {
            return Ok(Opening::NotHere);
        }
        let key = self.ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
        let left = self.ticket.expires_at.saturating_sub(core.now()).max(1);
        let life = std::time::Duration::from_millis(left);
        // Whether the challenge is still open is for the one who redeems: a fact lets nobody in.
        core.store.insert(&facts::dialled(key, &self.ticket.id), Bytes::new(), life).await?;
        Ok(Opening::Elsewhere)
    }
}

/// Redeems a challenge whose link was opened on another device. Asking costs nothing, however often.
pub(super) async fn redeem(ceremony: &Ceremony<'_>, factor: &CodeFactor) -> Result<Redeemed, Refusal> {
    let core = ceremony.core;
    let found = ceremony.find().await?;
    let Some((open, opened)) = found.and_then(|open| open.opened.map(|opened| (open, opened))) else {
        ceremony.record_as(EventKind::Replayed, &ceremony.ticket);
        return Err(Refusal::AlreadyUsed);
    };
    if open.terms != ceremony.brief.terms {
        // What was opened is no answer to this: somebody has changed what it is about.
        return Err(Refusal::Wrong);
    }
    let standing = answer::looked_at(ceremony, &open, &opened).await?;
    if !is_opened(ceremony, &open).await? {
        let gone = ceremony.look().await?.is_none_or(|same| same.id != open.id);
        return Err(if gone { Refusal::AlreadyUsed } else { Refusal::Pending });
    }
    let Count { tries, failed, blocked } = standing;
    answer::within(ceremony, factor, &open, Count { tries, failed: failed.saturating_add(1), blocked })?;
    let redeemed = answer::redeem(ceremony, &open, opened, failed).await?;
    if let Some(key) = redeemed.ticket.key(&core.keys) {
        core.store.take(&facts::dialled(key, &redeemed.ticket.id)).await?;
    }
    Ok(redeemed)
}

/// Whether the link of an open challenge was opened elsewhere.
pub(super) async fn is_opened(ceremony: &Ceremony<'_>, open: &Ticket) -> Result<bool, Refusal> {
    let key = open.key(&ceremony.core.keys).ok_or(Refusal::SessionExpired)?;
    Ok(ceremony.core.store.get(&facts::dialled(key, &open.id)).await?.is_some())
}
