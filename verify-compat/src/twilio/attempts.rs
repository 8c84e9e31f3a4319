//! The log of attempts: entries under the numbers of a counter for each day, in the engine's store.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use verify_core::Reply;
use verify_core::store::Key;

use crate::moment;
use crate::twilio::call::Call;
use crate::twilio::date;
use crate::twilio::fault::Fault;
use crate::twilio::inner::Inner;
use crate::twilio::listing::Page;
use crate::twilio::reply;
use crate::twilio::sid;
use crate::twilio::verification::{Attempt, Channel, Record};

const DAY: u64 = 24 * 3_600_000;

/// Entries that are read at once.
const STRIDE: u64 = 100;

/// The most entries that one request looks at, the newest ones, so that none holds the store for long: each is three steps of
/// the store.
const MOST_READ: usize = 10_000;

/// Which attempts are asked for.
#[derive(Default)]
struct Filter {
    after: u64,
    before: u64,
    to: Option<String>,
    prefix: Option<String>,
    country: Option<String>,
    channel: Option<Channel>,
    /// A channel that sends nothing here: none fits.
    fits_none: bool,
    service: Option<String>,
    verification: Option<String>,
    converted: Option<bool>,
}

/// Parameters of a list that its addresses repeat.
const FILTERS: [&str; 9] = [
    "DateCreatedAfter",
    "DateCreatedBefore",
    "ChannelData.To",
    "DestinationPrefix",
    "Country",
    "Channel",
    "VerifyServiceSid",
    "VerificationSid",
    "Status",
];

impl Inner {
    /// How long attempts can be listed.
    pub(crate) fn attempts_kept(&self) -> Duration {
        Duration::from_secs(u64::from(self.settings.attempts_hours) * 3600)
    }

    /// Enters an attempt. A log that fails refuses nobody: it is told to the real one.
    pub(crate) async fn log_attempt(&self, attempt: &Attempt) {
        let kept = self.attempts_kept();
        if kept.is_zero() {
            return;
        }
        let day = attempt.at / DAY;
        let enter = async {
            let counter = self.counter(&attempt.account, day);
            let number = self.book.notes.add(&counter, 1, kept + Duration::from_millis(DAY)).await?;
            self.book.insert(&self.entry(&attempt.account, day, number), &attempt.sid, kept).await
        };
        if enter.await.is_err() {
            tracing::warn!(target: "verify", "an attempt could not be logged; its verification goes on");
        }
    }

    /// Notes that a verification was approved, for the attempts that led to it.
    pub(crate) async fn convert(&self, record: &Record) {
        let kept = self.attempts_kept();
        if !kept.is_zero() && self.book.notes.insert(&self.converted(&record.sid), &[], kept).await.is_err() {
            tracing::warn!(target: "verify", "a conversion could not be logged");
        }
    }

    pub(crate) async fn list_attempts(&self, call: &Call) -> Result<Reply, Fault> {
        let (page, filter) = (Page::of(call)?, Filter::of(call)?);
        let (before, size) = page.window();
        let wanted = before.saturating_add(size).saturating_add(1);
        let found = self.read_log(&call.account, &filter, wanted).await?;
        let more = found.len() >= wanted;
        let shown = found.iter().skip(before).take(size);
        let items = shown.map(|(attempt, converted)| json_of(call, attempt, *converted)).collect::<Vec<_>>();
        Ok(page.reply(call, "attempts", &items, more, &FILTERS))
    }

    pub(crate) async fn fetch_attempt(&self, call: &Call, sid: &str) -> Result<Reply, Fault> {
        let found = if sid::is("VL", sid) { self.book.attempt(sid).await? } else { None };
        let own = found.filter(|attempt| attempt.account == call.account);
        let attempt = own.ok_or_else(|| call.not_found())?;
        let converted = self.book.notes.get(&self.converted(&attempt.verification)).await?.is_some();
        Ok(reply::ok(&json_of(call, &attempt, converted)))
    }

    pub(crate) async fn sum_up_attempts(&self, call: &Call) -> Result<Reply, Fault> {
        let filter = Filter::of(call)?;
        let found = self.read_log(&call.account, &filter, MOST_READ).await?;
        let converted = found.iter().filter(|(_, converted)| *converted).count();
        let body = json!({
            "total_attempts": found.len(),
            "total_converted": converted,
            "total_unconverted": found.len() - converted,
            "conversion_rate_percentage": percentage(converted, found.len()),
            "url": call.url("Attempts/Summary"),
        });
        Ok(reply::ok(&body))
    }

    /// Reads the log backwards, the newest entry first, until there are so many that fit.
    async fn read_log(
        &self,
        account: &str,
        filter: &Filter,
        wanted: usize,
    ) -> Result<Vec<(Attempt, bool)>, Fault> {
        if filter.fits_none {
            return Ok(Vec::new());
        }
        let (now, kept) = (self.now(), self.attempts_kept().as_millis());
        let oldest = now.saturating_sub(u64::try_from(kept).unwrap_or(u64::MAX)).max(filter.after);
        let newest = now.min(filter.before);
        let (mut found, mut read) = (Vec::new(), 0);
        let days = oldest / DAY..=newest / DAY;
        for day in days.rev() {
            let counter = self.counter(account, day);
            let mut next = self.book.notes.add(&counter, 0, Duration::from_millis(DAY)).await?;
            while next > 0 && found.len() < wanted && read < MOST_READ {
                let first = next.saturating_sub(STRIDE);
                let numbers = (first + 1..=next).rev();
                let entries = join_all(numbers.map(|number| self.logged(account, day, number))).await;
                read += entries.len();
                for entry in entries {
                    found.extend(entry?.filter(|(attempt, converted)| filter.fits(attempt, *converted)));
                }
                next = first;
            }
        }
        if read >= MOST_READ {
            tracing::warn!(target: "verify", read, "there are more attempts than one request looks at; ask for a shorter time");
        }
        found.truncate(wanted);
        Ok(found)
    }

    async fn logged(&self, account: &str, day: u64, number: u64) -> Result<Option<(Attempt, bool)>, Fault> {
        let Some(sid) = self.book.read::<String>(&self.entry(account, day, number)).await? else {
            return Ok(None);
        };
        let Some(attempt) = self.book.attempt(&sid).await? else { return Ok(None) };
        let converted = self.book.notes.get(&self.converted(&attempt.verification)).await?.is_some();
        Ok(Some((attempt, converted)))
    }

    fn counter(&self, account: &str, day: u64) -> Key {
        self.book.notes.name(&[b"attempts", account.as_bytes(), &day.to_be_bytes()])
    }

    fn entry(&self, account: &str, day: u64, number: u64) -> Key {
        let parts: [&[u8]; 4] = [b"logged", account.as_bytes(), &day.to_be_bytes(), &number.to_be_bytes()];
        self.book.notes.name(&parts)
    }

    fn converted(&self, verification: &str) -> Key {
        self.book.notes.name(&[b"converted", verification.as_bytes()])
    }
}

impl Filter {
    fn of(call: &Call) -> Result<Self, Fault> {
        let query = &call.query;
        let text = |name| query.get(name).map(|text| text.map(str::to_owned));
        let moment = |name, default| match query.get(name)? {
            Some(text) => date::parse(text).ok_or_else(|| Fault::invalid(name)),
            None => Ok(default),
        };
        let id = |name, prefix| match text(name)? {
            Some(id) if !sid::is(prefix, &id) => Err(Fault::invalid(name)),
            id => Ok(id),
        };
        let fits_none = query.get("Channel")? == Some("rbm");
        let channel = match query.get("Channel")? {
            None | Some("rbm") => None,
            Some(name) => Some(Channel::from_name(name).ok_or_else(|| Fault::invalid("Channel"))?),
        };
        Ok(Self {
            after: moment("DateCreatedAfter", 0)?,
            before: moment("DateCreatedBefore", u64::MAX)?,
            to: text("ChannelData.To")?,
            prefix: text("DestinationPrefix")?,
            country: text("Country")?,
            channel,
            fits_none,
            service: id("VerifyServiceSid", "VA")?,
            verification: id("VerificationSid", "VE")?,
            converted: match query.get("Status")? {
                None => None,
                Some("converted") => Some(true),
                Some("unconverted") => Some(false),
                Some(_) => return Err(Fault::invalid("Status")),
            },
        })
    }

    fn fits(&self, attempt: &Attempt, converted: bool) -> bool {
        let is = |wanted: &Option<String>, has: &str| wanted.as_deref().is_none_or(|wanted| wanted == has);
        (self.after..=self.before).contains(&attempt.at)
            && is(&self.to, &attempt.to)
            && self.prefix.as_deref().is_none_or(|prefix| attempt.to.starts_with(prefix))
            && self.country.as_deref().is_none_or(|country| attempt.country.as_deref() == Some(country))
            && self.channel.is_none_or(|channel| channel == attempt.channel)
            && is(&self.service, &attempt.service)
            && is(&self.verification, &attempt.verification)
            && self.converted.is_none_or(|wanted| wanted == converted)
    }
}

fn json_of(call: &Call, attempt: &Attempt, converted: bool) -> Value {
    json!({
        "sid": attempt.sid,
        "account_sid": attempt.account,
        "service_sid": attempt.service,
        "verification_sid": attempt.verification,
        "date_created": moment::text(attempt.at),
        "date_updated": moment::text(attempt.at),
        "conversion_status": if converted { "converted" } else { "unconverted" },
        "channel": attempt.channel.name(),
        "price": null,
        "channel_data": { "to": attempt.to, "country": attempt.country },
        "url": call.url(&format!("Attempts/{}", attempt.sid)),
    })
}

/// Part of a whole in percent, with up to nine places after the point, as text.
fn percentage(part: usize, whole: usize) -> String {
    let Some(scaled) = (part as u128 * 100_000_000_000).checked_div(whole as u128) else {
        return "0".to_owned();
    };
    let text = format!("{}.{:09}", scaled / 1_000_000_000, scaled % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Waker};

    use async_trait::async_trait;
    use bytes::Bytes;
    use verify_core::{
        Courier, CourierError, Delivery, Engine, KeyRing, MemoryStore, Origin, Store, StoreError,
    };

    use super::*;
    use crate::twilio::{AccountConfig, TwilioVerifyApi};

    /// Counts how often it is read.
    #[derive(Clone, Debug, Default)]
    struct Counting(MemoryStore, Arc<AtomicUsize>);

    #[async_trait]
    impl Store for Counting {
        async fn insert(&self, key: &Key, value: Bytes, ttl: Duration) -> Result<bool, StoreError> {
            self.0.insert(key, value, ttl).await
        }

        async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.get(key).await
        }

        async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
            self.0.take(key).await
        }

        async fn add(&self, key: &Key, n: u32, ttl: Duration) -> Result<u64, StoreError> {
            self.0.add(key, n, ttl).await
        }
    }

    #[derive(Debug)]
    struct Carrier;

    #[async_trait]
    impl Courier for Carrier {
        async fn deliver(&self, _: &Delivery) -> Result<(), CourierError> {
            Ok(())
        }

        fn is_development(&self) -> bool {
            false
        }
    }

    /// The memory store never waits.
    fn ready<F: Future>(future: F) -> F::Output {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("nothing is waited for"),
        }
    }

    #[test]
    fn one_request_does_not_read_all_of_a_long_log() {
        let store = Counting::default();
        let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
        let engine =
            Engine::builder(keys, Origin::parse("https://bank.example").unwrap()).store(store.clone());
        let engine =
            engine.courier(verify_core::Channel::Sms, Carrier).countries(verify_core::Countries::any());
        let account = format!("AC{}", "a".repeat(32));
        let api = TwilioVerifyApi::builder(&engine.build().unwrap())
            .account(AccountConfig::new(&account, "0123456789abcdef"))
            .build()
            .unwrap();
        let inner = &api.inner;
        let (today, kept) = (inner.now() / DAY, inner.attempts_kept());
        ready(inner.book.notes.add(&inner.counter(&account, today), 250_000, kept)).unwrap();
        let filter = Filter { before: u64::MAX, ..Filter::default() };
        ready(inner.read_log(&account, &filter, usize::MAX)).unwrap();
        let read = store.1.load(Ordering::Relaxed);
        assert!((MOST_READ..2 * MOST_READ).contains(&read) && read < 20_000, "{read}");
    }

    #[test]
    fn a_rate_is_text_as_the_original_has_it() {
        assert_eq!(percentage(9, 11), "81.818181818");
        assert_eq!(
            (percentage(0, 0), percentage(0, 5), percentage(5, 5)),
            ("0".into(), "0".into(), "100".into())
        );
        assert_eq!(percentage(1, 8), "12.5");
    }
}
