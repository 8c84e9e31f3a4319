//! What an issuer says of a card: one outcome with several results in it.

/// What of a card is compared with what its issuer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CardRisk {
    /// The security code on the card (CVC, CVV, CID).
    Cvc,
    /// The street of the billing address.
    Address,
    /// The postcode of the billing address.
    Postcode,
    /// The holder's name.
    Name,
}

impl CardRisk {
    /// The name on the wire and in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cvc => "cvc",
            Self::Address => "address",
            Self::Postcode => "postcode",
            Self::Name => "name",
        }
    }

    /// A number of its own, for digests.
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Cvc => 1,
            Self::Address => 2,
            Self::Postcode => 3,
            Self::Name => 4,
        }
    }
}

/// What came of one comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CardMatch {
    /// It is what the issuer knows.
    Matched,
    /// It is something else.
    NotMatched,
    /// Some of it is what the issuer knows.
    PartiallyMatched,
    /// The issuer has not compared it.
    NotChecked,
    /// There was nothing to compare.
    NotSupplied,
    /// The issuer does not compare it.
    NotSupported,
    /// The service used a word that is not known here.
    Unknown,
}

/// What an issuer says of a card. An account may be live and the security code wrong, so which results count is for the
/// [factor](crate::CardFactor::requires) to say.
///
/// ```
/// use verify_core::{CardMatch, CardOutcome, CardRisk};
///
/// let outcome = CardOutcome::verified()
///     .with(CardRisk::Cvc, CardMatch::Matched)
///     .with(CardRisk::Postcode, CardMatch::NotChecked);
/// assert!(outcome.passes(&[CardRisk::Cvc]));
/// assert!(!outcome.passes(&[CardRisk::Cvc, CardRisk::Postcode]), "not compared is not matched");
/// assert!(!outcome.passes(&[CardRisk::Name]), "and what is not mentioned is not matched either");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct CardOutcome {
    is_verified: bool,
    results: Vec<(CardRisk, CardMatch)>,
}

impl CardOutcome {
    /// The account is live.
    pub const fn verified() -> Self {
        Self { is_verified: true, results: Vec::new() }
    }

    /// The issuer says no.
    pub const fn not_verified() -> Self {
        Self { is_verified: false, results: Vec::new() }
    }

    /// The same with one more result.
    pub fn with(mut self, risk: CardRisk, result: CardMatch) -> Self {
        self.results.push((risk, result));
        self
    }

    /// Whether the account is live.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        self.is_verified
    }

    /// Every result, as the service gave them.
    pub fn results(&self) -> impl Iterator<Item = (CardRisk, CardMatch)> + '_ {
        self.results.iter().copied()
    }

    /// Whether the account is live and every one of these has matched. A risk with several results has matched if all of
    /// them have; one without any has not.
    #[must_use]
    pub fn passes(&self, required: &[CardRisk]) -> bool {
        let matched = |risk: &CardRisk| {
            let mut results = self.results.iter().filter(|(known, _)| known == risk).peekable();
            results.peek().is_some() && results.all(|(_, result)| *result == CardMatch::Matched)
        };
        self.is_verified && required.iter().all(matched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_result_that_does_not_match_outweighs_one_that_does() {
        let outcome = CardOutcome::verified().with(CardRisk::Name, CardMatch::Matched);
        assert!(outcome.passes(&[CardRisk::Name]));
        for other in [CardMatch::NotMatched, CardMatch::PartiallyMatched, CardMatch::Unknown] {
            assert!(!outcome.clone().with(CardRisk::Name, other).passes(&[CardRisk::Name]), "{other:?}");
        }
        let refused = CardOutcome::not_verified().with(CardRisk::Cvc, CardMatch::Matched);
        assert!(!refused.passes(&[]) && !refused.passes(&[CardRisk::Cvc]));
    }
}
