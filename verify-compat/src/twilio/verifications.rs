//! Fetching a verification, and ending it.

use std::sync::Arc;

use futures_util::future::join;
use verify_core::{Errand, Refused, RefusedKind, Reply};

use crate::detached;
use crate::twilio::call::Call;
use crate::twilio::extras;
use crate::twilio::fault::Fault;
use crate::twilio::inner::Inner;
use crate::twilio::service::Service;
use crate::twilio::start::unavailable;
use crate::twilio::verification::{Attempt, End, Record, Status};
use crate::twilio::wish::any_contact;
use crate::twilio::{reply, sid};

impl Inner {
    pub(crate) async fn fetch_verification(
        &self,
        call: &Call,
        service: &Service,
        which: &str,
    ) -> Result<Reply, Fault> {
        let record = self.which(call, service, which).await?;
        let (direct, _) = self.direct_of(&record)?;
        let end = self.book.ended(&record).await?;
        let (status, left, at) = match end {
            Some(End { status: status @ (Status::Canceled | Status::MaxAttemptsReached), at }) => {
                (status, None, Some(at))
            }
            Some(end) => return Err(extras::over(call, end.status)),
            None if record.expires <= self.now() => return Err(extras::over(call, Status::Expired)),
            None => {
                self.open_gate(record.terms)?;
                let standing = self.standing(&direct, &record).await?;
                match standing.filter(|standing| standing.is_pending) {
                    Some(standing) => (Status::Pending, standing.tries_left, None),
                    None if self.book.is_spent(&record).await? => (Status::Pending, Some(0), None),
                    // Over, and the note of how is lost: closed, not open.
                    None => return Err(call.not_found()),
                }
            }
        };
        let attempts = self.book.attempts(&record.sid).await?;
        let updated = at.or(attempts.last().map(|attempt| attempt.at)).unwrap_or(record.created);
        let mut reply = reply::ok(&record.json(call, status, &attempts, updated));
        extras::tell(&mut reply, left, record.expires);
        Ok(reply)
    }

    pub(crate) async fn update_verification(
        self: &Arc<Self>,
        call: &Call,
        service: &Service,
        which: &str,
    ) -> Result<Reply, Fault> {
        let status = match call.form.require("Status")? {
            "canceled" => Status::Canceled,
            "approved" => Status::Approved,
            _ => return Err(Fault::invalid("Status")),
        };
        let record = self.which(call, service, which).await?;
        if status == Status::Approved && record.is_for_a_transaction() {
            // Nobody can vouch for a code that is bound to an amount and a payee without naming them.
            return Err(Fault::of(60_204));
        }
        let end = self.book.ended(&record).await?;
        let attempts = self.book.attempts(&record.sid).await?;
        if let Some(End { status: Status::Canceled, at }) = end
            && status == Status::Canceled
        {
            return Ok(reply::ok(&record.json(call, status, &attempts, at)));
        }
        let over = |status| extras::over(call, status);
        if let Some(end) = end {
            return Err(over(end.status));
        }
        if record.expires <= self.now() {
            return Err(over(Status::Expired));
        }
        self.open_gate(record.terms)?;
        let (direct, _) = self.direct_of(&record)?;
        let ended = {
            let (inner, record, attempts) = (Arc::clone(self), record.clone(), attempts.clone());
            // What has ended is noted and told, whether or not the client still waits.
            detached::finished(async move {
                let is_ended = match status {
                    Status::Approved => direct.approve(&record.ticket).await?,
                    _ => direct.cancel(&record.ticket).await?,
                };
                let at = inner.now();
                let told = match is_ended {
                    true => inner.finish(&record, &attempts, End { status, at }).await,
                    false => None,
                };
                Ok::<_, Refused>((is_ended, at, told))
            })
            .await
        };
        let (at, told) = match ended.ok_or_else(|| Fault::of(20_500))? {
            Ok((true, at, told)) => (at, told),
            Ok((false, ..)) => return Err(call.not_found()),
            Err(refused) if refused.kind() == RefusedKind::Expired => return Err(over(Status::Expired)),
            Err(refused) => return Err(unavailable(refused)),
        };
        let mut reply = reply::ok(&record.json(call, status, &attempts, at));
        if let Some(errand) = told {
            errand.leave_with(&mut reply);
        }
        Ok(reply)
    }

    /// The verification of that id, or the newest one of that number or address.
    async fn which(&self, call: &Call, service: &Service, which: &str) -> Result<Record, Fault> {
        let found = match any_contact(which) {
            _ if sid::is("VE", which) => self.book.find(which).await?,
            Some(contact) => self.book.find_latest(service, &contact, None).await?,
            None => None,
        };
        found.filter(|record| record.is_of(service)).ok_or_else(|| call.not_found())
    }

    /// Notes that a verification is over, and tells whoever wants to know, in the background; where nothing runs there, it says
    /// what is left to do. It comes right after the engine has ended it, and a note that fails takes nothing back: the answer is
    /// what the engine has said.
    pub(crate) async fn finish(&self, record: &Record, attempts: &[Attempt], end: End) -> Option<Errand> {
        let convert = async {
            if end.status == Status::Approved {
                self.convert(record).await;
            }
        };
        let is_first = match join(self.book.end(record, end), convert).await {
            (Ok(is_first), ()) => is_first,
            (Err(_), ()) => {
                tracing::warn!(target: "verify", "how a verification ended could not be noted; it has ended all the same");
                false
            }
        };
        let webhook = self.webhook.as_ref().filter(|_| is_first)?;
        let channel = attempts.last().map(|attempt| attempt.channel);
        let errand = webhook.tell(&self.book.notes, record, channel, end);
        detached::left(errand, self.engine.deadline())
    }
}
