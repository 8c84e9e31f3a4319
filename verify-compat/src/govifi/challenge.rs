//! The challenge of a session: what the page sees of it, and sending its code.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};
use verify_core::{CaptchaVerifier, Contact, CourierErrorKind, Direct, Gate, RefusedKind, Reply, Subject};

use crate::detached;
use crate::govifi::ChallengeKind;
use crate::govifi::book::Slot;
use crate::govifi::fault::{Code, Fault};
use crate::govifi::inner::{Inner, factor};
use crate::govifi::session::{Challenge, Record};
use crate::json;
use crate::moment::at;

/// That a session's challenge is passed.
pub(crate) const PASSED: &[u8] = b"passed";

impl Inner {
    pub(crate) fn verifier(&self, kind: ChallengeKind) -> Option<&Arc<dyn CaptchaVerifier>> {
        self.captchas.iter().find(|verifier| verifier.widget().kind() == kind.name())
    }

    /// What has yet to be satisfied, if anything has.
    pub(crate) async fn pending<'r>(&self, record: &'r Record) -> Result<Option<&'r Challenge>, Fault> {
        let Some(challenge) = &record.challenge else { return Ok(None) };
        Ok((!self.book.is_marked(PASSED, record).await?).then_some(challenge))
    }

    /// The challenge as the page sees it, or null.
    pub(crate) async fn challenge(&self, record: &Record) -> Result<Value, Fault> {
        let Some(challenge) = self.pending(record).await? else { return Ok(Value::Null) };
        let sent = match challenge.kind.channel() {
            Some(_) => self.now() < self.book.sent(record, &self.settings).await?.until,
            None => false,
        };
        self.shown(challenge, sent)
    }

    fn shown(&self, challenge: &Challenge, sent: bool) -> Result<Value, Fault> {
        let kind = challenge.kind.name();
        match &challenge.to {
            Some(to) => {
                let hint = contact(to).ok_or_else(Fault::internal)?.hint();
                Ok(json!({ "type": kind, "delivery_hint": hint, "code_sent": sent }))
            }
            None => {
                let verifier = self.verifier(challenge.kind).ok_or_else(Fault::internal)?;
                Ok(json!({ "type": kind, "site_key": verifier.widget().site_key() }))
            }
        }
    }

    pub(crate) async fn send(self: &Arc<Self>, record: &Record) -> Result<Reply, Fault> {
        match self.require_open(record).await {
            Ok(()) => {}
            Err(fault) if fault.code == Code::SessionExpired => return self.gone(record, fault).await,
            Err(fault) => return Err(fault),
        }
        let Some(challenge) = self.pending(record).await? else {
            if self.settings.refuse_send_without_challenge {
                return Err(self.invalid("There is no challenge to send for"));
            }
            return Ok(json::reply(StatusCode::OK, &Value::Null));
        };
        if challenge.kind.channel().is_some() {
            self.dispatch(record, challenge).await?;
        }
        Ok(json::reply(StatusCode::OK, &self.shown(challenge, true)?))
    }

    async fn dispatch(&self, record: &Record, challenge: &Challenge) -> Result<(), Fault> {
        let now = self.now();
        if self.book.attempts(record, 0, now).await? >= u64::from(self.settings.attempts) {
            return Err(self.failed(false));
        }
        let slot = match self.book.take_slot(record, &self.settings, now).await? {
            Slot::Taken(slot) => slot,
            Slot::Same => return Ok(()),
            Slot::Spent => {
                let rest = record.expires.saturating_sub(now).div_ceil(1000);
                return Err(Fault::limited("No further code is sent for this session", rest));
            }
        };
        let sent = self.deliver(record, challenge).await;
        if sent.is_err() {
            // What is not known to have left is not used up: a courier that gave no answer may have sent it all the same, and then
            // a message more leaves than the settings say. The engine counts every one, and lets ten of a session leave at most.
            self.book.return_slot(record, slot).await?;
        }
        sent
    }

    async fn deliver(&self, record: &Record, challenge: &Challenge) -> Result<(), Fault> {
        let (direct, gate) = self.direct(record, challenge).ok_or_else(Fault::internal)?;
        let offer = direct.offer(gate, factor(challenge.kind))?;
        let mut dispatch = match direct.send(&offer, challenge.kind.channel()).await {
            Ok(dispatch) => dispatch,
            Err(refused) => {
                return Err(match refused.kind() {
                    RefusedKind::Expired => Fault::expired(),
                    RefusedKind::RateLimited => {
                        let wait = refused.retry_after().map_or(60, |wait| wait.as_secs());
                        Fault::limited("No further code is sent for this session", wait)
                    }
                    RefusedKind::Invalid => undeliverable(),
                    _ => refused.into(),
                });
            }
        };
        let Some(errand) = dispatch.errand() else { return Ok(()) };
        let too_late = detached::passed(self.engine.deadline());
        errand.run_within(too_late).await.map_err(|kind| match kind {
            CourierErrorKind::Refused => undeliverable(),
            _ => Fault::unavailable(),
        })
    }

    /// Acts for the payer of a session, whose codes end with it.
    pub(crate) fn direct(&self, record: &Record, challenge: &Challenge) -> Option<(Direct, &Gate)> {
        let to = contact(challenge.to.as_deref()?)?;
        let (_, gate) = self.gates.iter().find(|(kind, _)| *kind == challenge.kind)?;
        let subject = Subject::user(record.id.clone()).tenant("govifi");
        let direct = self.engine.direct(subject).to(to).budgets(&self.budgets).until(at(record.expires));
        Some((direct, gate))
    }

    /// A wrong answer, and whether another one may be right.
    pub(crate) fn failed(&self, another: bool) -> Fault {
        let message = if another { "The answer is wrong" } else { "Too many answers were wrong" };
        let fault = Fault::new(self.settings.challenge_status, Code::ChallengeFailed, message);
        if another { fault } else { fault.for_good() }
    }
}

fn contact(text: &str) -> Option<Contact> {
    Contact::phone(text).or_else(|_| Contact::email(text)).ok()
}

/// The address will never be reached: only another session, with another address, helps.
fn undeliverable() -> Fault {
    Fault::new(400, Code::ValidationError, "No code can be delivered to this payer").for_good()
}
