//! Checking a code.

use std::sync::Arc;

use verify_core::{Direct, Errand, Refused, RefusedKind, Reply, Standing};
use zeroize::Zeroizing;

use crate::detached;
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

/// What an answer came to, once that is noted.
struct Checked {
    outcome: Result<(), Refused>,
    at: u64,
    /// A webhook that is left to send.
    told: Option<Errand>,
}

impl Inner {
    pub(crate) async fn check(self: &Arc<Self>, call: &Call, service: &Service) -> Result<Reply, Fault> {
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
        // Before the code is redeemed: after that comes the note that it was.
        let attempts = self.book.attempts(&record.sid).await?;
        let checked = {
            let (inner, record, attempts) = (Arc::clone(self), record.clone(), attempts.clone());
            let code = Zeroizing::new(code.to_owned());
            // A code that is used up is noted and told, whether or not the client still waits.
            detached::finished(async move { inner.redeem(&asked, &record, &attempts, &code).await }).await
        };
        let Checked { outcome, at, told } = checked.ok_or_else(|| Fault::of(20_500))??;
        let (mut reply, left) = match outcome {
            Ok(()) => (reply::created(&record.check_json(Status::Approved, &attempts, at)), None),
            Err(refused) => {
                let left = match refused.kind() {
                    RefusedKind::Wrong => {
                        let standing = self.standing(&direct, &record).await?;
                        standing.and_then(|standing| standing.tries_left)
                    }
                    RefusedKind::Locked => Some(0),
                    RefusedKind::Invalid => return Err(Fault::invalid("Code")),
                    RefusedKind::AlreadyUsed | RefusedKind::Expired => return Err(call.not_found()),
                    _ => return Err(unavailable(refused)),
                };
                let reply = match is_beyond_the_last(&refused) {
                    true => Fault::of(60_202).reply(),
                    false => reply::created(&record.check_json(Status::Pending, &attempts, at)),
                };
                (reply, left)
            }
        };
        extras::tell(&mut reply, left, record.expires);
        if let Some(errand) = told {
            errand.leave_with(&mut reply);
        }
        Ok(reply)
    }

    /// Has the engine compare an answer, and notes what that came to.
    async fn redeem(
        &self,
        asked: &Direct,
        record: &Record,
        attempts: &[Attempt],
        code: &str,
    ) -> Result<Checked, Fault> {
        let outcome = asked.check(&record.ticket, code).await;
        let at = self.now();
        let end = match &outcome {
            Ok(()) => Some(Status::Approved),
            Err(refused) if is_beyond_the_last(refused) => Some(Status::MaxAttemptsReached),
            Err(refused) => {
                if refused.is_last_try() {
                    self.book.spend(record, at).await?;
                }
                None
            }
        };
        let told = match end {
            Some(status) => self.finish(record, attempts, End { status, at }).await,
            None => None,
        };
        Ok(Checked { outcome, at, told })
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

/// Whether an answer came after the last: it is compared with nothing, and the verification shows that it came.
fn is_beyond_the_last(refused: &Refused) -> bool {
    refused.kind() == RefusedKind::Locked && !refused.is_last_try()
}
