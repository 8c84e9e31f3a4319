//! Answering a proof of work: check first, mark as redeemed after, so that a wrong one burns nothing.

use bytes::Bytes;
use futures_util::future::try_join;

use crate::altcha;
use crate::audit::EventKind;
use crate::budgets::PERMANENT;
use crate::ceremony::{Ceremony, GRACE, Redeemed};
use crate::factor::Factor;
use crate::facts;
use crate::refusal::Refusal;

/// The names under which a challenge carries tickets: its own, and that of the code that is typed in with it.
pub(crate) const TICKET: &str = "ticket";
pub(crate) const CODE: &str = "code";

impl Ceremony<'_> {
    /// Checks the answer to a proof of work, and spends nothing.
    pub(crate) fn examine(&self, answer: &str) -> Result<(), Refusal> {
        let (Factor::Work(_), Some(puzzle)) = (&*self.factor, &self.ticket.puzzle) else {
            return Err(Refusal::SessionExpired);
        };
        self.refuse_worn_out()?;
        // A challenge from the endpoint carries its ticket; then that has to be the one that is answered. What else it
        // carries is what it says, since all of it is signed.
        let own = altcha::claimed(answer, TICKET);
        let code = altcha::claimed(answer, CODE);
        let mut data = Vec::with_capacity(2);
        data.extend(own.is_some().then_some((TICKET, self.sealed)));
        data.extend(code.as_deref().filter(|_| own.is_some()).map(|code| (CODE, code)));
        puzzle.check(self.core, &self.ticket, &data, answer, self.core.clock.now()).map_err(|refused| {
            let refusal = Refusal::from(refused);
            if refusal == Refusal::Wrong {
                self.core.misses.add(&self.ticket.id);
                self.record_as(EventKind::Failed, &self.ticket);
            }
            refusal
        })
    }

    /// Whether its proof of work was redeemed before.
    pub(crate) async fn is_redeemed(&self) -> Result<bool, Refusal> {
        let key = self.ticket.key(&self.core.keys).ok_or(Refusal::SessionExpired)?;
        Ok(self.core.store.get(&facts::redeemed(key, &self.ticket.id)).await?.is_some())
    }
}

/// Redeems a solved puzzle: of any number of callers, one is first.
pub(super) async fn redeem(ceremony: &Ceremony<'_>) -> Result<Redeemed, Refusal> {
    let Ceremony { core, ticket, facts, .. } = ceremony;
    let key = ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
    let life = ceremony.until(ticket.expires_at).saturating_add(GRACE);
    let (redeemed, revocations) = (facts::redeemed(key, &ticket.id), facts.revocations());
    let (first, revocations) = try_join(
        core.store.insert(&redeemed, Bytes::new(), life),
        core.store.add(&revocations, 0, PERMANENT),
    )
    .await?;
    if first {
        return Ok(Redeemed { ticket: ticket.clone(), revocations, recovery_codes_left: None });
    }
    ceremony.record_as(EventKind::Replayed, ticket);
    Err(Refusal::AlreadyUsed)
}
