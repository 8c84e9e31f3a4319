//! Scores, whose directions differ: so each has a type of its own.

/// How much reCAPTCHA trusts a visitor: 1.0 is good, 0.0 is a machine.
///
/// ```
/// use verify_providers::siteverify::Trust;
///
/// assert!(Trust::at_least(0.5).is_ok() && Trust::at_least(1.5).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Trust(f64);

/// How risky hCaptcha finds a visitor: 0.0 is safe, 1.0 is a machine.
///
/// ```
/// use verify_providers::siteverify::Risk;
///
/// assert!(Risk::at_most(0.7).is_ok() && Risk::at_most(-0.1).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Risk(f64);

/// A score is a number from 0 to 1.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a score is a number from 0 to 1")]
#[non_exhaustive]
pub struct InvalidScore;

impl Trust {
    /// The least that passes. Google suggests to begin with 0.5.
    ///
    /// # Errors
    /// When it is not from 0 to 1.
    pub fn at_least(score: f64) -> Result<Self, InvalidScore> {
        fits(score).map(Self)
    }
}

impl Risk {
    /// What passes where nobody has said: an account that gives scores is not asked for machines.
    pub(super) const DEFAULT: Self = Self(0.7);

    /// The most that passes.
    ///
    /// # Errors
    /// When it is not from 0 to 1.
    pub fn at_most(score: f64) -> Result<Self, InvalidScore> {
        fits(score).map(Self)
    }
}

fn fits(score: f64) -> Result<f64, InvalidScore> {
    if (0.0..=1.0).contains(&score) { Ok(score) } else { Err(InvalidScore) }
}

/// What is asked of an answer's score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Score {
    None,
    AtLeast(Trust),
    AtMost(Risk),
    /// An answer without a score passes.
    IfAny(Risk),
}

/// What became of a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Graded {
    Passed,
    TooLow,
    /// The account gives none, though one is asked for.
    Missing,
}

impl Score {
    pub(super) fn grade(self, score: Option<f64>) -> Graded {
        let passes = match (self, score) {
            (Self::None, _) | (Self::IfAny(_), None) => true,
            (_, None) => return Graded::Missing,
            (Self::AtLeast(Trust(least)), Some(score)) => (least..=1.0).contains(&score),
            (Self::AtMost(Risk(most)) | Self::IfAny(Risk(most)), Some(score)) => {
                (0.0..=most).contains(&score)
            }
        };
        if passes { Graded::Passed } else { Graded::TooLow }
    }

    /// The words that end the proofs of before when they change.
    pub(super) fn terms(self) -> String {
        match self {
            Self::None => String::new(),
            Self::AtLeast(Trust(least)) => format!("trust >= {least}"),
            Self::AtMost(Risk(most)) => format!("risk <= {most}"),
            Self::IfAny(Risk(most)) => format!("risk <= {most}, if any"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captcha_rule_25_high_is_good_for_one_vendor_and_bad_for_the_other() {
        let trust = Score::AtLeast(Trust::at_least(0.5).unwrap());
        let risk = Score::AtMost(Risk::at_most(0.5).unwrap());
        for (score, trusted, risky) in [
            (0.0, Graded::TooLow, Graded::Passed),
            (0.49, Graded::TooLow, Graded::Passed),
            (0.5, Graded::Passed, Graded::Passed),
            (0.51, Graded::Passed, Graded::TooLow),
            (1.0, Graded::Passed, Graded::TooLow),
            (1.1, Graded::TooLow, Graded::TooLow),
            (-0.1, Graded::TooLow, Graded::TooLow),
        ] {
            assert_eq!((trust.grade(Some(score)), risk.grade(Some(score))), (trusted, risky), "{score}");
        }
        assert_eq!((trust.grade(None), risk.grade(None)), (Graded::Missing, Graded::Missing));
        assert_eq!(Score::IfAny(Risk::DEFAULT).grade(None), Graded::Passed);
        assert_eq!(Score::IfAny(Risk::DEFAULT).grade(Some(1.0)), Graded::TooLow);
        for no in [f64::NAN, f64::INFINITY, -0.01, 1.01] {
            assert!(Trust::at_least(no).is_err() && Risk::at_most(no).is_err(), "{no}");
        }
    }
}
