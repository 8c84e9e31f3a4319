//! Exemptions from strong customer authentication (RTS 2018/389, 13 to 18): decisions with a reason, and never a challenge
//! that is missing.
//!
//! All of them are off until a policy takes them up. They are a right of the payment provider and no duty, so whatever is
//! in doubt is challenged.

use std::fmt;
use std::sync::Arc;

use crate::budgets::PERMANENT;
use crate::engine::Core;
use crate::facts;
use crate::refusal::Refusal;
use crate::subject::Subject;
use crate::transaction::{Currency, Money, Transaction};

/// An article of the RTS that a transaction was exempted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Article {
    /// Article 13: the payee is on a list that the payer has made.
    TrustedBeneficiary,
    /// Article 14: one of a series with the same amount and the same payee.
    Recurring,
    /// Article 15: between accounts of one holder at one provider.
    OwnAccount,
    /// Article 16: of low value, and few or little enough since the last authentication.
    LowValue,
    /// Article 18: of low risk, by the provider's analysis.
    RiskAnalysis,
}

impl Article {
    /// The name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TrustedBeneficiary => "13",
            Self::Recurring => "14",
            Self::OwnAccount => "15",
            Self::LowValue => "16",
            Self::RiskAnalysis => "18",
        }
    }
}

/// Why a transaction needed no challenge: for the audit trail, and for the figures that article 21 asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exempt {
    /// The article.
    pub article: Article,
    /// Of article 16, what stood before this transaction since the last authentication: a sum in minor units or a number of
    /// payments, as configured. Of article 18, the fraud rate that was reported, in millionths.
    pub input: Option<u64>,
}

/// How low-value payments are limited between two authentications (RTS 2018/389, 16(b) or (c): one of them, not both).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Sum(u64),
    Count(u64),
}

/// What counts as a low-value payment.
///
/// ```
/// use verify_core::{Currency, LowValue, Money};
///
/// let eur = |text: &str| Money::parse(text, Currency::parse("EUR").unwrap()).unwrap();
/// let by_sum = LowValue::up_to(eur("30.00")).together(eur("100.00"));
/// let by_count = LowValue::up_to(eur("30.00")).at_most(5);
/// # let _ = (by_sum, by_count);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "say how they are limited together: `.together(..)` or `.at_most(..)`"]
pub struct LowValueAmount(Money);

/// A whole rule for low-value payments; made by [`LowValue::up_to`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct LowValue {
    most: Money,
    since: Since,
}

impl LowValue {
    /// Payments of this amount or less, in its currency. The RTS allows EUR 30.
    pub const fn up_to(most: Money) -> LowValueAmount {
        LowValueAmount(most)
    }
}

impl LowValueAmount {
    /// As long as the payments before, since the last authentication, come to no more than this together. The RTS allows
    /// EUR 100.
    pub const fn together(self, most: Money) -> LowValue {
        LowValue { most: self.0, since: Since::Sum(most.minor()) }
    }

    /// As long as fewer than so many were made before, since the last authentication. The RTS allows five.
    pub const fn at_most(self, payments: u32) -> LowValue {
        LowValue { most: self.0, since: Since::Count(payments as u64) }
    }
}

/// One line of a table of article 18: up to this amount, if the provider's fraud rate is no higher than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RiskBand {
    most: Money,
    rate: u64,
}

impl RiskBand {
    /// The amount, and the reference fraud rate in millionths (0.13 % is 1300).
    #[must_use]
    pub const fn new(most: Money, rate: u64) -> Self {
        Self { most, rate }
    }

    /// The table of the RTS's annex for card payments, in euros: 0.13 % up to 100, 0.06 % up to 250, 0.01 % up to 500.
    /// Data, because laws change: check it against the text in force.
    #[must_use]
    pub fn cards() -> Vec<Self> {
        Self::table([(10_000, 1300), (25_000, 600), (50_000, 100)])
    }

    /// The same for credit transfers: 0.015 % up to 100, 0.01 % up to 250, 0.005 % up to 500.
    #[must_use]
    pub fn transfers() -> Vec<Self> {
        Self::table([(10_000, 150), (25_000, 100), (50_000, 50)])
    }

    fn table(lines: [(u64, u64); 3]) -> Vec<Self> {
        let Ok(euro) = Currency::parse("EUR") else { return Vec::new() };
        let band = |(minor, rate)| Money::from_minor(minor, euro).ok().map(|most| Self { most, rate });
        lines.into_iter().filter_map(band).collect()
    }
}

/// What the application's own analysis says of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Risk {
    rate: u64,
    suspicious: bool,
}

impl Risk {
    /// The provider's fraud rate for this kind of payment over the last 90 days, in millionths (RTS 2018/389, 18(2)(b) and
    /// 19), and whether any sign of article 18(2)(c) was seen: unusual spending, an unusual device, malware, a known
    /// scenario, an unusual or high-risk place of payer or payee.
    #[must_use]
    pub const fn new(fraud_rate_millionths: u64, suspicious: bool) -> Self {
        Self { rate: fraud_rate_millionths, suspicious }
    }
}

type Judge = Arc<dyn Fn(&Subject<'_>, &Transaction) -> bool + Send + Sync>;
type Analyse = Arc<dyn Fn(&Subject<'_>, &Transaction) -> Risk + Send + Sync>;

/// The exemptions that a policy takes up; given to [`Policy::exempt`](crate::Policy::exempt). A batch is exempted by none of
/// them.
#[derive(Clone, Default)]
#[must_use]
pub struct Exemptions {
    own: Option<Judge>,
    trusted: Option<Judge>,
    recurring: Option<Judge>,
    risk: Option<(Vec<RiskBand>, Analyse)>,
    low_value: Option<LowValue>,
}

impl Exemptions {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Article 13. The closure says whether the payee is on a list that *this payer* has made, with an authentication of its
    /// own.
    pub fn trusted_beneficiaries(
        mut self,
        is_trusted: impl Fn(&Subject<'_>, &Transaction) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.trusted = Some(Arc::new(is_trusted));
        self
    }

    /// Article 14. The closure says whether this is one of a series with exactly this amount and this payee, whose first was
    /// authenticated.
    pub fn recurring(
        mut self,
        is_recurring: impl Fn(&Subject<'_>, &Transaction) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.recurring = Some(Arc::new(is_recurring));
        self
    }

    /// Article 15. The closure says whether both accounts are this payer's, with this provider.
    pub fn own_accounts(
        mut self,
        is_own: impl Fn(&Subject<'_>, &Transaction) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.own = Some(Arc::new(is_own));
        self
    }

    /// Article 16. What was made since the last authentication is counted in the store; only an authentication that was
    /// applied begins the count anew.
    pub fn low_value(mut self, rule: LowValue) -> Self {
        self.low_value = Some(rule);
        self
    }

    /// Article 18. The closure reports what the application's analysis says; the table decides up to which amount.
    pub fn risk_analysis(
        mut self,
        table: Vec<RiskBand>,
        analyse: impl Fn(&Subject<'_>, &Transaction) -> Risk + Send + Sync + 'static,
    ) -> Self {
        self.risk = Some((table, Arc::new(analyse)));
        self
    }

    /// The first that applies; counting comes last, since it uses something up.
    pub(crate) async fn decide(
        &self,
        core: &Core,
        subject: &Subject<'_>,
        transaction: &Transaction,
    ) -> Result<Option<Exempt>, Refusal> {
        if transaction.is_batch() || transaction.is_up_to() {
            return Ok(None);
        }
        let says = |judge: &Option<Judge>| judge.as_ref().is_some_and(|judge| judge(subject, transaction));
        let plain = |article| Ok(Some(Exempt { article, input: None }));
        if says(&self.own) {
            return plain(Article::OwnAccount);
        }
        if says(&self.trusted) {
            return plain(Article::TrustedBeneficiary);
        }
        if says(&self.recurring) {
            return plain(Article::Recurring);
        }
        if let Some((table, analyse)) = &self.risk {
            let risk = analyse(subject, transaction);
            let covers = |band: &RiskBand| {
                band.most.currency() == transaction.total().currency()
                    && transaction.total().minor() <= band.most.minor()
                    && risk.rate <= band.rate
            };
            if !risk.suspicious && table.iter().any(covers) {
                return Ok(Some(Exempt { article: Article::RiskAnalysis, input: Some(risk.rate) }));
            }
        }
        match &self.low_value {
            Some(rule) => rule.decide(core, subject, transaction.total()).await,
            None => Ok(None),
        }
    }

    /// After an authentication that was applied, the count of low-value payments begins anew.
    pub(crate) async fn authenticated(&self, core: &Core, subject: &Subject<'_>) -> Result<(), Refusal> {
        if self.low_value.is_some() {
            core.store.add(&facts::authentications(core.keys.facts(), subject), 1, PERMANENT).await?;
        }
        Ok(())
    }
}

impl LowValue {
    async fn decide(
        &self,
        core: &Core,
        subject: &Subject<'_>,
        amount: Money,
    ) -> Result<Option<Exempt>, Refusal> {
        if amount.currency() != self.most.currency() || amount.minor() > self.most.minor() {
            return Ok(None);
        }
        let facts_key = core.keys.facts();
        let era = core.store.add(&facts::authentications(facts_key, subject), 0, PERMANENT).await?;
        let (step, most) = match self.since {
            Since::Sum(most) => (u32::try_from(amount.minor()).unwrap_or(u32::MAX), most),
            Since::Count(most) => (1, most.saturating_sub(1)),
        };
        let name = facts::low_value(facts_key, subject, era, amount.currency().code());
        // Looked at first, so that a payment that is challenged in the end counts for nothing; then counted, so that of
        // those that looked at the same time not all get through.
        let before = core.store.add(&name, 0, PERMANENT).await?;
        if before > most {
            return Ok(None);
        }
        let before = core.store.add(&name, step, PERMANENT).await?.saturating_sub(u64::from(step));
        let exempt = Exempt { article: Article::LowValue, input: Some(before) };
        Ok((before <= most).then_some(exempt))
    }
}

impl PartialEq for Exemptions {
    /// Closures cannot be compared: the same ones are, others are not.
    fn eq(&self, other: &Self) -> bool {
        let same = |one: &Option<Judge>, other: &Option<Judge>| match (one, other) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        let risk = match (&self.risk, &other.risk) {
            (None, None) => true,
            (Some((table, one)), Some((bands, other))) => table == bands && Arc::ptr_eq(one, other),
            _ => false,
        };
        risk && same(&self.own, &other.own)
            && same(&self.trusted, &other.trusted)
            && same(&self.recurring, &other.recurring)
            && self.low_value == other.low_value
    }
}

impl fmt::Debug for Exemptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exemptions").field("low_value", &self.low_value).finish_non_exhaustive()
    }
}
