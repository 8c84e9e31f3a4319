//! Starting a verification, and sending its code again.

use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use serde_json::Value;
use verify_core::{Code, CourierErrorKind, Direct, Dispatch, Refused, RefusedKind, Reply};

use crate::twilio::book::TRIES;
use crate::twilio::call::Call;
use crate::twilio::extras;
use crate::twilio::fault::Fault;
use crate::twilio::identity::Identity;
use crate::twilio::inner::{Inner, factor};
use crate::twilio::reply;
use crate::twilio::service::Service;
use crate::twilio::verification::{Attempt, Channel, Record, Status, Terms};
use crate::twilio::wish::Wish;
use crate::{detached, moment};

impl Inner {
    pub(crate) async fn start(&self, call: &Call, service: &Service) -> Result<Reply, Fault> {
        let wish = Wish::read(call, service, &self.settings)?;
        let carrier = match &self.lookup {
            Some(lookup) if service.options.lookup_enabled && !wish.is_mail() => {
                lookup.carrier(&wish.contact).await
            }
            _ => None,
        };
        let channel = self.channel(&wish, service, carrier.as_ref())?;
        let terms = self.terms(service);
        let gate = self.open_gate(terms)?;
        let identity = self.identities.find(&wish.contact, self.engine.now());
        let wording = wish.wording(service);
        let mut direct = self
            .direct(&service.account, service.sid(), &wish.contact, identity.is_some())
            .worded(move |channel, code, life| wording.message(channel, code, life));
        if let Some(pair) = wish.bytes() {
            direct = direct.about(&pair);
        }
        let chosen = identity.map(|identity| identity.code.clone()).or_else(|| wish.code.clone());
        let offer = offer(&direct, &gate, terms, chosen)?;
        if identity.is_none() && wish.code.is_some() {
            // One verification has one code, and as many messages and answers as it has: another code does not renew them.
            let standing = direct.standing(&offer).await.map_err(unavailable)?;
            if standing.is_pending && standing.has_other_code {
                return Err(Fault::invalid("CustomCode"));
            }
        }

        let is_abroad = !self.engine.allows_country_of(&wish.contact);
        let claims = Self::claims(service, &wish.counted);
        if !claims.is_empty() && !is_abroad {
            // Look at everything that may refuse before anything is counted.
            self.within_limits(&claims, false).await?;
            if let Some(fault) = self.sent_too_often(&direct, &offer).await? {
                return Err(fault);
            }
            self.within_limits(&claims, true).await?;
        }
        let mut dispatch = match direct.send(&offer, Some(channel.of_engine())).await {
            Ok(dispatch) => dispatch,
            Err(refused) if is_abroad && refused.kind() == RefusedKind::Invalid => {
                return Err(Fault::of(60_605));
            }
            Err(refused) => return Err(self.refused(&direct, &offer, refused).await),
        };
        let country = carrier.as_ref().and_then(|carrier| carrier.country.clone());
        let lookup = carrier.map_or_else(|| Value::Object(serde_json::Map::new()), |carrier| carrier.json());
        let record = Self::record(service, &wish, terms, &dispatch, lookup, identity);
        let number = dispatch.number().unwrap_or(1);
        let attempt = self.attempt(&record, number, channel, country);
        let (is_first, kept, now) = (number == 1, self.attempts_kept(), self.now());
        self.book.enter(&record, &wish.contact, &attempt, is_first, kept, now).await?;
        self.log_attempt(&attempt).await;

        let errand = dispatch.errand();
        match (identity, errand) {
            (Some(_), errand) => {
                if let Some(errand) = errand {
                    errand.discard();
                }
                tracing::warn!(
                    target: "verify",
                    verification = %record.sid,
                    "TEST IDENTITY: its code is fixed by the configuration, and nothing was delivered"
                );
            }
            (None, Some(errand)) => {
                // It has been counted, and goes on though the client hangs up.
                let delivered = errand.run_within(detached::passed(self.engine.deadline()));
                let unknown = Err(CourierErrorKind::Unavailable);
                detached::finished(delivered).await.unwrap_or(unknown).map_err(undelivered)?;
            }
            (None, None) => {}
        }
        let mut attempts = self.book.attempts(&record.sid).await?;
        attempts.retain(|known| known.sid != attempt.sid);
        attempts.push(attempt);
        let left = match is_first {
            true => Some(u64::from(TRIES)),
            false => self.standing(&direct, &record).await?.and_then(|standing| standing.tries_left),
        };
        let body = record.json(call, Status::Pending, &attempts, now);
        let mut reply = reply::created(&body);
        extras::tell(&mut reply, left, record.expires);
        Ok(reply)
    }

    /// The channel that was asked for, if it has a courier and reaches the number; for `auto`, the first that does.
    fn channel(
        &self,
        wish: &Wish,
        service: &Service,
        carrier: Option<&super::lookup::Carrier>,
    ) -> Result<Channel, Fault> {
        let has = |channel: Channel| self.engine.channels().any(|known| known == channel.of_engine());
        let is_landline = service.options.skip_sms_to_landlines
            && carrier.is_some_and(|carrier| carrier.line == super::lookup::LineType::Landline);
        match wish.channel {
            Some(Channel::Sms) if is_landline => Err(Fault::of(60_205)),
            Some(channel) if has(channel) => Ok(channel),
            Some(Channel::Email) => Err(Fault::of(60_217)),
            Some(_) => Err(Fault::of(60_223)),
            None => {
                let order = self.settings.auto.iter().filter_map(|name| Channel::from_name(name));
                let speaks = !wish.is_for_a_transaction() || self.settings.psd2_over_voice;
                order
                    .filter(|channel| wish.is_mail() == (*channel == Channel::Email))
                    .filter(|channel| speaks || *channel != Channel::Call)
                    .filter(|channel| !is_landline || *channel != Channel::Sms)
                    .find(|channel| has(*channel))
                    .ok_or_else(|| Fault::of(60_223))
            }
        }
    }

    fn record(
        service: &Service,
        wish: &Wish,
        terms: Terms,
        dispatch: &Dispatch,
        lookup: Value,
        identity: Option<&Identity>,
    ) -> Record {
        let ends = moment::millis(dispatch.expires_at());
        let (amount, payee) = wish.pair.clone().unzip();
        Record {
            sid: format!("VE{}", dispatch.challenge()),
            account: service.account.clone(),
            service: service.sid().to_owned(),
            to: wish.to.clone(),
            amount,
            payee,
            ticket: dispatch.ticket().to_owned(),
            terms,
            lookup,
            is_test: identity.is_some(),
            // By its end, so that every start of one verification notes the same.
            created: ends.saturating_sub(u64::from(terms.ttl) * 1000),
            expires: identity.map_or(ends, |identity| ends.min(identity.until)),
        }
    }

    fn attempt(&self, record: &Record, number: u64, channel: Channel, country: Option<String>) -> Attempt {
        Attempt {
            sid: self.book.attempt_sid(&record.sid, number),
            account: record.account.clone(),
            service: record.service.clone(),
            verification: record.sid.clone(),
            to: record.to.clone(),
            channel,
            country,
            at: self.now(),
        }
    }

    /// Whether the open challenge has sent all that it may.
    async fn sent_too_often(&self, direct: &Direct, offer: &str) -> Result<Option<Fault>, Fault> {
        let standing = direct.standing(offer).await.map_err(unavailable)?;
        let spent = standing.sends_left == Some(0);
        Ok(spent.then(|| Fault::of(60_203).with(RETRY_AFTER, self.until(standing.expires_at))))
    }

    /// What a send that the engine has refused is told as.
    async fn refused(&self, direct: &Direct, offer: &str, refused: Refused) -> Fault {
        match refused.kind() {
            RefusedKind::RateLimited => match self.sent_too_often(direct, offer).await {
                Ok(Some(too_often)) => too_often,
                // Guessed to death, and to be waited out: the answer that the original documents for it.
                Ok(None) => {
                    let wait = refused.retry_after().unwrap_or(Duration::from_secs(1));
                    Fault::of(60_202).with(RETRY_AFTER, wait.as_secs().max(1))
                }
                Err(fault) => fault,
            },
            RefusedKind::Invalid => Fault::invalid("To"),
            _ => unavailable(refused),
        }
    }

    /// Whole seconds from now to then, at least one.
    pub(crate) fn until(&self, then: SystemTime) -> u64 {
        let then = moment::millis(then);
        then.saturating_sub(self.now()).div_ceil(1000).max(1)
    }
}

/// A ticket of the engine for this wish.
fn offer(
    direct: &Direct,
    gate: &verify_core::Gate,
    terms: Terms,
    chosen: Option<Code>,
) -> Result<String, Fault> {
    let name = factor(terms);
    let offer = match chosen {
        Some(code) => direct.offer_with_code(gate, &name, code),
        None => direct.offer(gate, &name),
    };
    offer.map_err(unavailable)
}

/// The engine could not do what it was asked, whatever the client wrote.
pub(crate) fn unavailable(refused: Refused) -> Fault {
    match refused.kind() {
        RefusedKind::Misconfigured | RefusedKind::NotOffered => {
            tracing::error!(target: "verify", kind = ?refused.kind(), "the engine lacks what this API needs");
            Fault::of(20_500)
        }
        _ => Fault::of(20_503).with(RETRY_AFTER, 5_u64),
    }
}

fn undelivered(kind: CourierErrorKind) -> Fault {
    match kind {
        CourierErrorKind::Refused => Fault::invalid("To"),
        _ => Fault::of(20_503).with(RETRY_AFTER, 5_u64),
    }
}
