//! What messages may cost: limits by who and where, a cap on the money, and a watch on numbers that nobody answers from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::budgets::{Budgets, Quota};
use crate::contact::{Channel, Country};

/// An amount of money in millionths of the unit that you count in, since a message costs less than a cent.
///
/// ```
/// use verify_core::Cost;
///
/// assert_eq!(Cost::units(50).micros(), 50_000_000);
/// assert!(Cost::of_micros(7_500) < Cost::units(1), "0.0075 of it");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost(u64);

impl Cost {
    /// So many whole units, as dollars or euros.
    #[must_use]
    pub const fn units(units: u32) -> Self {
        Self(units as u64 * 1_000_000)
    }

    /// So many millionths of a unit.
    #[must_use]
    pub const fn of_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// In millionths of a unit.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }
}

/// What a message over this channel to this country costs; the country is unknown for mail.
type PriceOf = Arc<dyn Fn(Channel, Option<Country>) -> Cost + Send + Sync>;

/// The most that messages may cost in 24 hours, which begin with the first of them. Beyond it nothing that costs anything
/// leaves, however it is asked for (OWASP API4:2023, spending limits).
///
/// ```
/// use verify_core::{Budgets, Channel, Cost, DailyCap};
///
/// let cap = DailyCap::of(Cost::units(50), |channel, country| match (channel, country) {
///     (Channel::Email, _) => Cost::default(),
///     (_, Some(country)) if country.code() == "DE" => Cost::of_micros(80_000),
///     _ => Cost::of_micros(120_000),
/// });
/// let budgets = Budgets::default().daily_cap(cap);
/// # let _ = budgets;
/// ```
#[derive(Clone)]
pub struct DailyCap {
    pub(crate) most: Cost,
    price: PriceOf,
}

impl DailyCap {
    /// At most so much a day, at these prices. A price is capped at 4,294 units, which no message costs.
    pub fn of(most: Cost, price: impl Fn(Channel, Option<Country>) -> Cost + Send + Sync + 'static) -> Self {
        Self { most, price: Arc::new(price) }
    }

    pub(crate) fn price(&self, channel: Channel, country: Option<Country>) -> u32 {
        u32::try_from((self.price)(channel, country).micros()).unwrap_or(u32::MAX)
    }
}

impl fmt::Debug for DailyCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DailyCap").field("most", &self.most).finish_non_exhaustive()
    }
}

/// When numbers that are written to and that nobody answers from are written to no more: somebody earns by the messages, and
/// nobody reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    pub(crate) least_sends: u32,
    pub(crate) percent: u8,
    pub(crate) window: Duration,
}

impl Conversion {
    /// Blocks once `least_sends` messages have left in a window and fewer than `percent` of a hundred were answered rightly.
    /// With the next window it is tried anew. Windows follow each other without a gap.
    #[must_use]
    pub const fn below(percent: u8, least_sends: u32, window: Duration) -> Self {
        Self { least_sends, percent, window }
    }

    pub(crate) fn is_low(&self, sent: u64, verified: u64) -> bool {
        sent >= u64::from(self.least_sends)
            && verified.saturating_mul(100) < sent.saturating_mul(u64::from(self.percent))
    }
}

/// The limits beside those of one address and one source.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spending {
    pub(crate) per_subject: Vec<Quota>,
    pub(crate) per_prefix: Vec<Quota>,
    pub(crate) per_country: Vec<Quota>,
    pub(crate) in_total: Vec<Quota>,
    pub(crate) cap: Option<DailyCap>,
    pub(crate) prefixes: Option<Conversion>,
    pub(crate) countries: Option<Conversion>,
}

impl Spending {
    /// Both: what the application allows in all, and what a caller of its own allows besides.
    pub(crate) fn and(&self, besides: &Self) -> Self {
        let both = |all: &[Quota], more: &[Quota]| {
            let mut quotas = all.to_vec();
            for quota in more {
                // Two of one window are one counter, and the smaller one holds.
                match quotas.iter_mut().find(|known| known.window == quota.window) {
                    Some(known) => known.count = known.count.min(quota.count),
                    None => quotas.push(*quota),
                }
            }
            quotas
        };
        Self {
            per_subject: both(&self.per_subject, &besides.per_subject),
            per_prefix: both(&self.per_prefix, &besides.per_prefix),
            per_country: both(&self.per_country, &besides.per_country),
            in_total: both(&self.in_total, &besides.in_total),
            cap: self.cap.clone().or_else(|| besides.cap.clone()),
            prefixes: self.prefixes.or(besides.prefixes),
            countries: self.countries.or(besides.countries),
        }
    }
}

impl Spending {
    pub(super) fn quotas(&self) -> impl Iterator<Item = &Quota> {
        let all = [&self.per_subject, &self.per_prefix, &self.per_country, &self.in_total];
        all.into_iter().flatten()
    }

    pub(super) fn fault(&self) -> Option<&'static str> {
        let mut watches = [self.prefixes, self.countries].into_iter().flatten();
        watches
            .any(|watch| watch.percent > 100 || watch.window.is_zero())
            .then_some("a conversion is at most 100 of a hundred, in a window longer than nothing")
    }
}

impl Budgets {
    /// Messages that one user may ask for, over all factors and addresses. Default: no such limit beside those of the
    /// challenge and the address.
    pub fn per_subject(mut self, quotas: impl IntoIterator<Item = Quota>) -> Self {
        self.spending.per_subject = quotas.into_iter().collect();
        self
    }

    /// Messages to one range of numbers: a number without its last four digits. Default: none, since how many customers
    /// share a range is yours to know.
    pub fn per_prefix(mut self, quotas: impl IntoIterator<Item = Quota>) -> Self {
        self.spending.per_prefix = quotas.into_iter().collect();
        self
    }

    /// Messages to one country. Default: none.
    pub fn per_country(mut self, quotas: impl IntoIterator<Item = Quota>) -> Self {
        self.spending.per_country = quotas.into_iter().collect();
        self
    }

    /// Messages in all, over all channels. Default: none.
    pub fn in_total(mut self, quotas: impl IntoIterator<Item = Quota>) -> Self {
        self.spending.in_total = quotas.into_iter().collect();
        self
    }

    /// The most that messages may cost in a day. Default: none; an engine with a real courier to phones says so at its start.
    pub fn daily_cap(mut self, cap: DailyCap) -> Self {
        self.spending.cap = Some(cap);
        self
    }

    /// Writes no more to a range of numbers that nobody answers from, and tells it as
    /// [`EventKind::ConversionLow`](crate::EventKind::ConversionLow). A range is a number without its last four digits.
    /// Default: no watch.
    pub fn watch_prefixes(mut self, conversion: Conversion) -> Self {
        self.spending.prefixes = Some(conversion);
        self
    }

    /// The same for a country.
    pub fn watch_countries(mut self, conversion: Conversion) -> Self {
        self.spending.countries = Some(conversion);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o12_conversion_is_low_below_its_share_and_not_before_enough_was_sent() {
        let watch = Conversion::below(10, 20, Duration::from_secs(3600));
        assert!(!watch.is_low(19, 0) && watch.is_low(20, 0));
        assert!(watch.is_low(20, 1) && !watch.is_low(20, 2), "two of twenty are ten of a hundred");
        assert!(!watch.is_low(0, 0));
    }

    #[test]
    fn o10_a_price_beyond_reason_is_capped_and_not_cut() {
        let cap = DailyCap::of(Cost::units(1), |_, _| Cost::of_micros(u64::MAX));
        assert_eq!(cap.price(Channel::Sms, None), u32::MAX);
    }
}
