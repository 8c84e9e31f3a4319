//! What is noted of verifications beside the engine's challenges, in the engine's store.

use std::time::Duration;

use futures_util::future::{join_all, try_join, try_join3};
use serde::Serialize;
use serde::de::DeserializeOwned;
use verify_core::store::Key;
use verify_core::{Contact, Notes};

use crate::twilio::fault::Fault;
use crate::twilio::service::Service;
use crate::twilio::verification::{Attempt, End, Record};

/// Messages of one verification, as the original has it: five within its life.
pub(crate) const SENDS: u32 = 5;

/// Wrong answers of one verification, as the original has it.
pub(crate) const TRIES: u32 = 5;

/// The notes of all verifications.
pub(crate) struct Book {
    pub(crate) notes: Notes,
}

impl Book {
    /// The id of the attempt with that number.
    pub(crate) fn attempt_sid(&self, verification: &str, number: u64) -> String {
        let parts: [&[u8]; 3] = [b"attempt", verification.as_bytes(), &number.to_be_bytes()];
        format!("VL{}", self.notes.pseudonym(&parts))
    }

    /// Notes a start: the verification under its id, its number and its pair, and the attempt. Every start of one
    /// verification notes the same, so that any of them makes up for another that broke off.
    pub(crate) async fn enter(
        &self,
        record: &Record,
        contact: &Contact,
        attempt: &Attempt,
        is_first: bool,
        attempts_kept: Duration,
        now: u64,
    ) -> Result<(), Fault> {
        let kept = record.kept(now);
        let pair = pair_of(record);
        let latest = self.latest(&record.account, &record.service, contact, None);
        let latest_of_pair = self.latest(&record.account, &record.service, contact, pair.as_deref());
        let name = self.named(b"verification", &record.sid);
        try_join3(
            self.insert(&name, record, kept),
            self.insert(&self.named(b"attempt", &attempt.sid), attempt, kept.max(attempts_kept)),
            try_join(
                self.point(&latest, record, is_first, kept, now),
                self.point(&latest_of_pair, record, is_first, kept, now),
            ),
        )
        .await?;
        Ok(())
    }

    /// Makes a name stand for a verification: of a first start always, since nothing is newer; of a later one in place of
    /// nothing, or of one that is over. So a start that is slow does not hide a newer one, and one that broke off after it
    /// had opened its challenge is made up for.
    async fn point(
        &self,
        name: &Key,
        record: &Record,
        is_first: bool,
        kept: Duration,
        now: u64,
    ) -> Result<(), Fault> {
        let sid = record.sid.as_bytes();
        if self.notes.insert(name, sid, kept).await? {
            return Ok(());
        }
        if !is_first {
            let known = self.notes.get(name).await?;
            let known = known.as_ref().and_then(|known| std::str::from_utf8(known).ok());
            let known = known.filter(|known| *known != record.sid);
            let Some(other) = known else { return Ok(()) };
            if let Some(other) = self.find(other).await?
                && other.expires > now
                && self.ended(&other).await?.is_none()
            {
                return Ok(());
            }
        }
        self.notes.take(name).await?;
        self.notes.insert(name, sid, kept).await?;
        Ok(())
    }

    /// The verification of that id.
    pub(crate) async fn find(&self, sid: &str) -> Result<Option<Record>, Fault> {
        self.read(&self.named(b"verification", sid)).await
    }

    /// The newest verification of a number or address, or of it and one pair of amount and payee.
    pub(crate) async fn find_latest(
        &self,
        service: &Service,
        contact: &Contact,
        pair: Option<&[u8]>,
    ) -> Result<Option<Record>, Fault> {
        let name = self.latest(&service.account, service.sid(), contact, pair);
        let sid = self.notes.get(&name).await?;
        match sid.as_ref().and_then(|sid| std::str::from_utf8(sid).ok()) {
            Some(sid) => self.find(sid).await,
            None => Ok(None),
        }
    }

    /// The attempts of a verification, in their order.
    pub(crate) async fn attempts(&self, verification: &str) -> Result<Vec<Attempt>, Fault> {
        let find = |number| async move { self.attempt(&self.attempt_sid(verification, number)).await };
        let found = join_all((1..=u64::from(SENDS)).map(find)).await;
        let found: Result<Vec<_>, Fault> = found.into_iter().collect();
        Ok(found?.into_iter().flatten().collect())
    }

    pub(crate) async fn attempt(&self, sid: &str) -> Result<Option<Attempt>, Fault> {
        self.read(&self.named(b"attempt", sid)).await
    }

    /// Notes how a verification has ended; false if it had ended before.
    pub(crate) async fn end(&self, record: &Record, end: End) -> Result<bool, Fault> {
        self.insert(&self.named(b"end", &record.sid), &end, record.kept(end.at)).await
    }

    pub(crate) async fn ended(&self, record: &Record) -> Result<Option<End>, Fault> {
        self.read(&self.named(b"end", &record.sid)).await
    }

    /// Notes that the last answer was compared: what comes after it is too many.
    pub(crate) async fn spend(&self, record: &Record, now: u64) -> Result<(), Fault> {
        self.notes.insert(&self.named(b"spent", &record.sid), &[], record.kept(now)).await?;
        Ok(())
    }

    pub(crate) async fn is_spent(&self, record: &Record) -> Result<bool, Fault> {
        Ok(self.notes.get(&self.named(b"spent", &record.sid)).await?.is_some())
    }

    pub(crate) async fn insert(
        &self,
        name: &Key,
        value: &impl Serialize,
        ttl: Duration,
    ) -> Result<bool, Fault> {
        let text = zeroize::Zeroizing::new(serde_json::to_vec(value)?);
        Ok(self.notes.insert(name, &text, ttl).await?)
    }

    pub(crate) async fn read<T: DeserializeOwned>(&self, name: &Key) -> Result<Option<T>, Fault> {
        let note = self.notes.get(name).await?;
        Ok(note.map(|note| serde_json::from_slice(&note)).transpose()?)
    }

    fn named(&self, kind: &[u8], sid: &str) -> Key {
        self.notes.name(&[kind, sid.as_bytes()])
    }

    fn latest(&self, account: &str, service: &str, contact: &Contact, pair: Option<&[u8]>) -> Key {
        let kind: &[u8] = if pair.is_some() { b"latest-of-pair" } else { b"latest" };
        let (account, service) = (account.as_bytes(), service.as_bytes());
        self.notes.name(&[kind, account, service, contact.expose().as_bytes(), pair.unwrap_or_default()])
    }
}

fn pair_of(record: &Record) -> Option<Vec<u8>> {
    Some(Record::pair(record.amount.as_deref()?, record.payee.as_deref()?))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use serde_json::json;
    use verify_core::{Engine, KeyRing, Origin};

    use super::*;
    use crate::twilio::ServiceConfig;
    use crate::twilio::verification::{Channel, Status, Terms};

    /// The memory store never waits.
    fn now<F: Future>(future: F) -> F::Output {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("nothing is waited for"),
        }
    }

    fn record(digit: &str) -> Record {
        Record {
            sid: format!("VE{}", digit.repeat(32)),
            account: "AC".to_owned(),
            service: "VA".to_owned(),
            to: "+15017122661".to_owned(),
            amount: None,
            payee: None,
            ticket: String::new(),
            terms: Terms { digits: 6, ttl: 600, fresh: false },
            lookup: json!({}),
            is_test: false,
            created: 0,
            expires: 600_000,
        }
    }

    #[test]
    fn twilio_rule_28_a_number_stands_for_the_newest_verification_whatever_broke_off() {
        let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
        let engine = Engine::builder(keys, Origin::parse("https://bank.example").unwrap()).build().unwrap();
        let book = Book { notes: engine.notes("twilio") };
        let contact = Contact::phone("+15017122661").unwrap();
        let enter = |record: &Record, is_first: bool| {
            let attempt = Attempt {
                sid: book.attempt_sid(&record.sid, 1),
                account: record.account.clone(),
                service: record.service.clone(),
                verification: record.sid.clone(),
                to: record.to.clone(),
                channel: Channel::Sms,
                country: None,
                at: 0,
            };
            now(book.enter(record, &contact, &attempt, is_first, Duration::ZERO, 0)).unwrap();
        };
        let service = Service {
            account: "AC".to_owned(),
            declared: false,
            options: ServiceConfig::new("VA", "Owl Bank"),
            limits: Vec::new(),
            created: 0,
            updated: 0,
        };
        let latest = || now(book.find_latest(&service, &contact, None)).unwrap().unwrap().sid;
        let (first, second) = (record("1"), record("2"));
        enter(&first, true);
        now(book.end(&first, End { status: Status::Approved, at: 1 })).unwrap();
        // The first start of the second one broke off before it was noted; its next one makes up for it.
        enter(&second, false);
        assert_eq!(latest(), second.sid);
        // A start of the first one that was slow hides nothing.
        enter(&first, false);
        assert_eq!(latest(), second.sid);
        // And what begins anew is the newest.
        let third = record("3");
        enter(&third, true);
        enter(&second, false);
        assert_eq!(latest(), third.sid);
    }
}
