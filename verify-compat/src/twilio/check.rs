//! Checking a code.

use verify_core::{Direct, RefusedKind, Reply, Standing};

use crate::twilio::call::Call;
use crate::twilio::extras;
use crate::twilio::fault::Fault;
use crate::twilio::inner::Inner;
use crate::twilio::reply;
use crate::twilio::service::Service;
use crate::twilio::sid;
use crate::twilio::start::unavailable;
use crate::twilio::verification::{Attempt, End, Record, Status};
use crate::twilio::wish::{any_contact, pair, strict_phone};

impl Inner {
    pub(crate) async fn check(&self, call: &Call, service: &Service) -> Result<Reply, Fault> {
        let form = &call.form;
        let (to, by_sid) = (form.get("To")?, form.get("VerificationSid")?);
        if to.is_none() && by_sid.is_none() {
            return Err(Fault::of(60_221));
        }
        let pair = pair(form, service)?.map(|(amount, payee)| Record::pair(&amount, &payee));
        let code = form.get("Code")?.ok_or_else(|| Fault::invalid("Code"))?;
        if !(4..=10).contains(&code.chars().count()) {
            return Err(Fault::invalid("Code"));
        }
        let found = match by_sid {
            Some(sid) if !sid::is("VE", sid) => return Err(Fault::invalid("VerificationSid")),
            Some(sid) => self.book.find(sid).await?,
            None => {
                let contact = to.and_then(any_contact).ok_or_else(|| Fault::invalid("To"))?;
                let exact = self.book.find_latest(service, &contact, pair.as_deref()).await?;
                match exact {
                    // Another pair than was ever sent: an answer to the newest verification, and a wrong one.
                    None if pair.is_some() => self.book.find_latest(service, &contact, None).await?,
                    exact => exact,
                }
            }
        };
        let record = found.filter(|record| record.is_of(service)).ok_or_else(|| call.not_found())?;
        let (direct, _) = self.direct_of(&record)?;
        match self.book.ended(&record).await? {
            Some(End { status: Status::MaxAttemptsReached, .. }) => return Err(Fault::of(60_202)),
            Some(end) => return Err(extras::over(call, end.status)),
            None if record.expires <= self.now() => return Err(extras::over(call, Status::Expired)),
            None => {}
        }
        self.open_gate(record.terms)?;
        let asked = match &pair {
            Some(pair) => direct.clone().about(pair),
            None => direct.clone(),
        };
        // Before the code is redeemed: after that comes the note that it was, whatever becomes of the request.
        let attempts = self.book.attempts(&record.sid).await?;
        let checked = asked.check(&record.ticket, code).await;
        let now = self.now();
        let mut told = None;
        let (status, left) = match checked {
            Ok(()) => {
                let end = End { status: Status::Approved, at: now };
                told = self.finish(&record, &attempts, end).await;
                (end.status, None)
            }
            Err(refused) => match refused.kind() {
                RefusedKind::Wrong => {
                    let standing = self.standing(&direct, &record).await?;
                    (Status::Pending, standing.and_then(|standing| standing.tries_left))
                }
                RefusedKind::Locked if refused.is_last_try() => {
                    self.book.spend(&record, now).await?;
                    (Status::Pending, Some(0))
                }
                RefusedKind::Locked => return Ok(self.too_many(&record, &attempts, now).await),
                RefusedKind::Invalid => return Err(Fault::invalid("Code")),
                RefusedKind::AlreadyUsed | RefusedKind::Expired => return Err(call.not_found()),
                _ => return Err(unavailable(refused)),
            },
        };
        let mut reply = reply::created(&record.check_json(status, &attempts, now));
        extras::tell(&mut reply, left, record.expires);
        if let Some(errand) = told {
            errand.leave_with(&mut reply);
        }
        Ok(reply)
    }

    /// An answer beyond the last: it is compared with nothing, and the verification shows that it came.
    async fn too_many(&self, record: &Record, attempts: &[Attempt], now: u64) -> Reply {
        let mut reply = Fault::of(60_202).reply();
        let end = End { status: Status::MaxAttemptsReached, at: now };
        extras::tell(&mut reply, Some(0), record.expires);
        if let Some(errand) = self.finish(record, attempts, end).await {
            errand.leave_with(&mut reply);
        }
        reply
    }

    /// Who a verification is for, and how to act on it.
    pub(crate) fn direct_of(&self, record: &Record) -> Result<(Direct, verify_core::Contact), Fault> {
        let contact = strict_phone(&record.to).or_else(|| verify_core::Contact::email(&record.to).ok());
        let contact = contact.ok_or_else(|| Fault::invalid("To"))?;
        Ok((self.direct(&record.account, &record.service, &contact, record.is_test), contact))
    }

    /// How a verification stands in the engine, if it knows it yet.
    pub(crate) async fn standing(&self, direct: &Direct, record: &Record) -> Result<Option<Standing>, Fault> {
        match direct.standing(&record.ticket).await {
            Ok(standing) => Ok(Some(standing)),
            Err(refused) if refused.kind() == RefusedKind::Expired => Ok(None),
            Err(refused) => Err(unavailable(refused)),
        }
    }
}
