//! A page's form that carries on what was blocked, away from the guarded address: a code is sent or called off, and the page
//! comes anew. Nothing is executed here, whatever the visitor has proven meanwhile.

use http::StatusCode;

use crate::ceremony::{Ceremony, Errand};
use crate::decision::{Reply, Ruling};
use crate::form::Form;
use crate::gate::blocked::Why;
use crate::gate::{Carry, Gate, Inner};
use crate::inquiry::{Action, Asking};
use crate::offer::Offer;
use crate::page::{self, Notice};
use crate::refusal::Refusal;
use crate::reply;

impl Gate {
    /// Does what the visitor asks for; `asking` names the address and the transaction that the ticket was sealed for.
    pub(crate) async fn carry_on(
        &self,
        asking: &mut Asking,
        action: Action,
        sealed: &str,
        form: &Form,
    ) -> Ruling {
        match self.do_for_carried(asking, action, sealed, form).await {
            Ok((reply, errand)) => Ruling::respond(reply, errand),
            Err(refusal) => {
                let refusal = self.inner.core.told(refusal);
                let (notice, status) = (Notice::refused(refusal), refusal.words().status);
                let reply = self.anew(asking, Some(notice), form, status);
                Ruling::Respond(reply::with_refusal_headers(reply, refusal))
            }
        }
    }

    async fn do_for_carried(
        &self,
        asking: &mut Asking,
        action: Action,
        sealed: &str,
        form: &Form,
    ) -> Result<(Reply, Option<Errand>), Refusal> {
        let Inner { core, policy, .. } = &*self.inner;
        core.within_shared_limit(&asking.source).await?;
        // An approval is for the request that uses it, and whether it was used is not known here.
        asking.proofs.retain(|proof| proof.binding.is_none());
        let is_met = self.is_still_met(asking).await?;
        let mut notice = None;
        if action == Action::Cancel {
            let cancelling =
                async { Ceremony::begin(core, &asking.subject, asking.source, sealed)?.cancel().await };
            match cancelling.await {
                Ok(_) => notice = Some(Notice::cancelled()),
                // Of an older page, or of the session before the success: nothing is open that could be called off.
                Err(Refusal::SessionExpired) if is_met => {}
                Err(refusal) => return Err(refusal),
            }
        } else if !is_met && let Some(sent) = self.send_code(asking, sealed, form).await? {
            return Ok(sent);
        }
        let reply = if is_met {
            page::ready(asking, policy, notice, form)
        } else {
            self.anew(asking, notice, form, StatusCode::OK)
        };
        Ok((reply, None))
    }

    /// Sends a code and shows the page to type it; `None` where there is nothing to send.
    async fn send_code(
        &self,
        asking: &Asking,
        sealed: &str,
        form: &Form,
    ) -> Result<Option<(Reply, Option<Errand>)>, Refusal> {
        let core = &self.inner.core;
        let ceremony = Ceremony::begin(core, &asking.subject, asking.source, sealed)?;
        if !ceremony.is_paid(&asking.proofs) {
            return Err(Refusal::Unpaid);
        }
        let Some(mut sent) = ceremony.send(form.channel.as_deref()).await? else { return Ok(None) };
        let offer = Offer::seal(core, sent.ticket.clone())?;
        let errand = sent.errand.take();
        let page = page::code_sent(asking, &ceremony.policy, &ceremony.factor, &offer, &sent, Some(form));
        Ok(Some((page, errand)))
    }

    fn anew(&self, asking: &Asking, notice: Option<Notice>, form: &Form, status: StatusCode) -> Reply {
        let now = self.inner.core.now();
        self.blocked_because(asking, now, notice, Carry::Fields(form), Why::Told(status))
    }
}
