//! What messages cost, and where they may go on going: looked at before anything is reserved, counted before a message leaves.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{try_join, try_join_all};

use crate::audit::EventKind;
use crate::budgets::{Conversion, Quota};
use crate::ceremony::Ceremony;
use crate::clock::millis_of;
use crate::contact::Contact;
use crate::facts;
use crate::refusal::Refusal;
use crate::store::Key;
use crate::ticket::{Opened, Ticket};

/// A day, from the first message that is counted in it.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A counter that this message goes to: by how much, and how far it may go.
struct Meter {
    name: Key,
    step: u32,
    most: u64,
    window: Duration,
    what: &'static str,
}

/// The counters of a message to this address; none for what nobody limits. A subject without an address has counters of its
/// own, so that its sends take the same steps as everybody's and nobody can tell.
fn meters(ceremony: &Ceremony<'_>, contact: Option<&Contact>, opened: &Opened) -> Vec<Meter> {
    let spending = ceremony.spending();
    if spending.per_prefix.is_empty() && spending.per_country.is_empty() && spending.cap.is_none() {
        return Vec::new();
    }
    let key = ceremony.core.keys.facts();
    let nowhere = ceremony.facts.identity().as_slice();
    let meter = |what: &'static str, whose: &[u8], quota: &Quota| Meter {
        name: facts::spending(key, what.as_bytes(), whose, *quota),
        step: 1,
        most: u64::from(quota.count),
        window: quota.window,
        what,
    };
    let mut meters = Vec::new();
    let country = contact.and_then(Contact::country);
    if opened.channel.is_phones() {
        meters.extend(spending.per_prefix.iter().map(|quota| meter("prefix", &opened.prefix, quota)));
        let whose = country.map_or(nowhere, |country| country.code().as_bytes());
        meters.extend(spending.per_country.iter().map(|quota| meter("country", whose, quota)));
    }
    if let Some(cap) = &spending.cap {
        let step = cap.price(opened.channel, country);
        if step > 0 {
            let whose = if contact.is_some() { &[] } else { nowhere };
            let name = facts::spending(key, b"money", whose, Quota::new(0, DAY));
            meters.push(Meter { name, step, most: cap.most.micros(), window: DAY, what: "money" });
        }
    }
    meters
}

/// Whether a message may go there as far as can be seen now; if not, what stands against it, and for how long.
pub(super) async fn look(
    ceremony: &Ceremony<'_>,
    contact: Option<&Contact>,
    opened: &Opened,
) -> Result<Result<(), Stop>, Refusal> {
    let core = ceremony.core;
    let meters = meters(ceremony, contact, opened);
    let counts =
        try_join_all(meters.iter().map(|meter| core.store.add(&meter.name, 0, meter.window))).await?;
    for (meter, count) in meters.iter().zip(counts) {
        if count.saturating_add(u64::from(meter.step)) > meter.most {
            return Ok(Err(Stop { what: meter.what, window: meter.window }));
        }
    }
    for (what, watch, place) in watches(ceremony, opened) {
        let names = Pair::of(ceremony, what, &place, &watch);
        let (sent, verified) = try_join(
            core.store.add(&names.sent, 0, names.life),
            core.store.add(&names.verified, 0, names.life),
        )
        .await?;
        if watch.is_low(sent, verified) {
            return Ok(Err(Stop { what, window: watch.window }));
        }
    }
    Ok(Ok(()))
}

/// Counts the message, before it leaves: of those that looked at the same time, not all get through.
pub(super) async fn count(
    ceremony: &Ceremony<'_>,
    contact: Option<&Contact>,
    ticket: &Ticket,
) -> Result<Result<(), Stop>, Refusal> {
    let core = ceremony.core;
    let Some(opened) = ticket.opened else { return Ok(Ok(())) };
    let meters = meters(ceremony, contact, &opened);
    let counts =
        try_join_all(meters.iter().map(|meter| core.store.add(&meter.name, meter.step, meter.window)))
            .await?;
    for (meter, count) in meters.iter().zip(counts) {
        if count > meter.most {
            return Ok(Err(Stop { what: meter.what, window: meter.window }));
        }
    }
    if let (Some(contact), Some(money)) = (contact, meters.iter().find(|meter| meter.what == "money")) {
        let country = contact.country().map_or("none", |country| country.code());
        metrics::counter!("verify_spent_micros_total", "channel" => opened.channel.name(), "country" => country)
            .increment(u64::from(money.step));
    }
    for (what, watch, place) in watches(ceremony, &opened) {
        let names = Pair::of(ceremony, what, &place, &watch);
        let (sent, verified) = try_join(
            core.store.add(&names.sent, 1, names.life),
            core.store.add(&names.verified, 0, names.life),
        )
        .await?;
        // The one that makes it low is the last to leave, and says so.
        if contact.is_some()
            && watch.is_low(sent, verified)
            && core.store.insert(&names.told, Bytes::new(), names.life).await?
        {
            tracing::warn!(target: "verify", what, calling_code = opened.calling_code, "codes are sent and not answered: nothing more goes there for a while");
            ceremony.record_for(EventKind::ConversionLow, ticket, what);
        }
    }
    Ok(Ok(()))
}

/// Counts a right answer where the code went to.
pub(super) async fn verified(ceremony: &Ceremony<'_>, opened: &Opened) -> Result<(), Refusal> {
    for (what, watch, place) in watches(ceremony, opened) {
        let names = Pair::of(ceremony, what, &place, &watch);
        ceremony.core.store.add(&names.verified, 1, names.life).await?;
    }
    Ok(())
}

/// What stands against a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    what: &'static str,
    window: Duration,
}

impl Stop {
    /// Tells it, and gives the refusal for whoever may be told.
    pub(super) fn tell(self, ceremony: &Ceremony<'_>) -> Refusal {
        metrics::counter!("verify_sends_stopped_total", "by" => self.what).increment(1);
        ceremony.record_for(EventKind::SendRefused, &ceremony.ticket, self.what);
        Refusal::RateLimited(self.window)
    }
}

/// Whether anything is counted by the range that a number is in.
pub(super) fn looks_at_prefixes(ceremony: &Ceremony<'_>) -> bool {
    let spending = ceremony.spending();
    spending.prefixes.is_some() || !spending.per_prefix.is_empty()
}

/// The watches that a number is under: what is watched, how, and a name of the place.
fn watches(ceremony: &Ceremony<'_>, opened: &Opened) -> Vec<(&'static str, Conversion, Vec<u8>)> {
    let spending = ceremony.spending();
    if !opened.channel.is_phones() {
        return Vec::new();
    }
    let prefix = spending.prefixes.map(|watch| ("prefix conversion", watch, opened.prefix.to_vec()));
    let country = spending
        .countries
        .map(|watch| ("country conversion", watch, opened.calling_code.to_be_bytes().to_vec()));
    prefix.into_iter().chain(country).collect()
}

/// The counters of one place in the present window.
struct Pair {
    sent: Key,
    verified: Key,
    told: Key,
    life: Duration,
}

impl Pair {
    fn of(ceremony: &Ceremony<'_>, what: &'static str, place: &[u8], watch: &Conversion) -> Self {
        let key = ceremony.core.keys.facts();
        let window = ceremony.now / millis_of(watch.window).max(1);
        let name = |kind: &str| {
            let kind = [what, " ", kind].concat();
            facts::conversion(key, kind.as_bytes(), place, window)
        };
        Self {
            sent: name("sent"),
            verified: name("verified"),
            told: name("told"),
            life: watch.window.saturating_mul(2),
        }
    }
}
