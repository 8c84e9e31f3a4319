//! Amounts: whole minor units of a currency. There is no floating point anywhere.

use std::fmt;

use serde_json::Value;

use crate::transaction::Currency;

/// The largest amount, in minor units: far beyond any payment, and far below where 64 bits end or where JavaScript's
/// numbers stop being exact (2^53).
const MOST: u64 = 1_000_000_000_000_000;

/// An amount of money.
///
/// ```
/// use verify_core::{Currency, Money};
///
/// let eur = Currency::parse("EUR")?;
/// assert_eq!(Money::parse("10", eur)?, Money::parse("10.00", eur)?);
/// for refused in ["10.005", "1e1", "+10", "010.00", "10,00", ".5", "1 000"] {
///     assert!(Money::parse(refused, eur).is_err(), "never rounded, never guessed at");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: u64,
    currency: Currency,
}

impl Money {
    /// So many minor units: cents, yen, fils.
    ///
    /// # Errors
    /// When it is more than 10^15.
    pub const fn from_minor(minor: u64, currency: Currency) -> Result<Self, InvalidAmount> {
        if minor > MOST { Err(InvalidAmount::TooMuch) } else { Ok(Self { minor, currency }) }
    }

    /// Reads a decimal number as people and programs write it without doubt: digits, and perhaps a point and up to as
    /// many digits as the currency has. Everything else is refused before any parser sees it, because parsers differ:
    /// an exponent, a sign, leading zeros, a comma, a space, an underscore, other scripts' digits, a digit too many.
    ///
    /// # Errors
    /// Says what to write instead.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, InvalidAmount> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || fraction.is_some_and(|part| !digits(part)) {
            return Err(InvalidAmount::Form);
        }
        if whole.len() > 1 && whole.starts_with('0') {
            return Err(InvalidAmount::Form);
        }
        let places = usize::from(currency.exponent());
        let fraction = fraction.unwrap_or_default();
        if fraction.len() > places {
            return Err(InvalidAmount::TooPrecise { places: currency.exponent() });
        }
        let padding = "0".repeat(places - fraction.len());
        let mut minor = 0_u64;
        for digit in whole.bytes().chain(fraction.bytes()).chain(padding.bytes()) {
            minor = minor
                .checked_mul(10)
                .and_then(|minor| minor.checked_add(u64::from(digit - b'0')))
                .filter(|minor| *minor <= MOST)
                .ok_or(InvalidAmount::TooMuch)?;
        }
        Ok(Self { minor, currency })
    }

    /// Reads a member of a JSON document: a text as [`Money::parse`] takes it, or a whole number of major units. A number
    /// with a fraction or an exponent is refused, since somebody along the way keeps it as a float (RFC 8785, 3.2.2.3).
    ///
    /// # Errors
    /// Says what to write instead.
    pub fn from_json(value: &Value, currency: Currency) -> Result<Self, InvalidAmount> {
        match value {
            Value::String(text) => Self::parse(text, currency),
            Value::Number(number) => match number.as_u64() {
                Some(whole) => Self::parse(&whole.to_string(), currency),
                None => Err(InvalidAmount::Number),
            },
            _ => Err(InvalidAmount::Form),
        }
    }

    /// The number of minor units.
    #[must_use]
    pub const fn minor(&self) -> u64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// The sum, unless the currencies differ or it would be too much.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        Self::from_minor(self.minor.checked_add(other.minor)?, self.currency).ok()
    }

    /// The canonical text: as many decimal places as the currency has, `10.00`.
    #[must_use]
    pub fn to_decimal(&self) -> String {
        let (whole, fraction) = self.parts();
        if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") }
    }

    /// The digits before and behind the point.
    pub(super) fn parts(&self) -> (String, String) {
        let places = usize::from(self.currency.exponent());
        let digits = format!("{:0width$}", self.minor, width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        (whole.to_owned(), fraction.to_owned())
    }

    pub(super) const fn with_minor(self, minor: u64) -> Self {
        Self { minor, ..self }
    }
}

impl fmt::Debug for Money {
    /// What somebody pays is between them and their bank.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Money([redacted] {})", self.currency)
    }
}

/// The text is no amount. The message says what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAmount {
    /// Not a plain decimal number.
    #[error(
        "write the amount as digits with a point, such as 10.00: no sign, exponent, comma, space or leading zero"
    )]
    Form,
    /// A JSON number with a fraction or an exponent, or below zero.
    #[error(
        "write the amount as a text such as \"10.00\": a JSON number with a fraction or exponent may be rounded"
    )]
    Number,
    /// More decimal places than the currency has.
    #[error("the amount has more than the {places} decimal places of its currency: it is not rounded")]
    TooPrecise {
        /// The places that the currency has.
        places: u8,
    },
    /// Beyond 10^15 minor units.
    #[error("the amount is larger than any payment")]
    TooMuch,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    #[test]
    fn r26_e50_one_amount_has_one_value_however_it_is_written() {
        for text in ["10", "10.0", "10.00"] {
            assert_eq!(Money::parse(text, currency("EUR")).unwrap().minor(), 1000, "{text}");
        }
        assert_eq!(Money::parse("10", currency("JPY")).unwrap().minor(), 10);
        assert_eq!(Money::parse("0.001", currency("KWD")).unwrap().minor(), 1);
        assert_eq!(Money::parse("0", currency("EUR")).unwrap().minor(), 0);
    }

    #[test]
    fn e50_nothing_is_rounded() {
        assert_eq!(Money::parse("10.005", currency("EUR")), Err(InvalidAmount::TooPrecise { places: 2 }));
        assert_eq!(Money::parse("100.001", currency("EUR")), Err(InvalidAmount::TooPrecise { places: 2 }));
        assert_eq!(Money::parse("10.5", currency("JPY")), Err(InvalidAmount::TooPrecise { places: 0 }));
        assert_eq!(Money::parse("10.0", currency("JPY")), Err(InvalidAmount::TooPrecise { places: 0 }));
    }

    #[test]
    fn e52_what_parsers_disagree_about_is_refused() {
        for bad in [
            "1e1", "1e2", "+10", "-0", "-10", "1_000", "10.", ".5", "010.00", "00", "10,00", "1 000", " 10",
            "10 ", "1０", "NaN", "inf", "0x10", "10.0.0", "", ".", "10\n", "1'000", "\u{661}",
        ] {
            assert_eq!(Money::parse(bad, currency("EUR")), Err(InvalidAmount::Form), "{bad:?}");
        }
    }

    #[test]
    fn e53_json_numbers_are_whole_or_refused() {
        let read = |text: &str| Money::from_json(&serde_json::from_str(text).unwrap(), currency("EUR"));
        assert_eq!(read("10").unwrap().minor(), 1000);
        assert_eq!(read("\"10.00\"").unwrap().minor(), 1000);
        for bad in
            ["10.0", "10.00", "1e1", "-10", "-0", "1E2", "1e400"].iter().filter(|text| **text != "1e400")
        {
            assert_eq!(read(bad), Err(InvalidAmount::Number), "{bad}");
        }
        for bad in [json!(null), json!(true), json!([10]), json!({"amount": 10})] {
            assert_eq!(Money::from_json(&bad, currency("EUR")), Err(InvalidAmount::Form), "{bad}");
        }
    }

    #[test]
    fn e54_too_much_is_refused_and_sums_are_checked() {
        let most = Money::parse("10000000000000.00", currency("EUR")).unwrap();
        assert_eq!(most.minor(), MOST);
        for bad in ["10000000000000.01", "99999999999999999999999999", &"9".repeat(400)] {
            assert_eq!(Money::parse(bad, currency("EUR")), Err(InvalidAmount::TooMuch));
        }
        assert_eq!(most.checked_add(Money::parse("0.01", currency("EUR")).unwrap()), None);
        assert_eq!(most.checked_add(Money::parse("1", currency("USD")).unwrap()), None);
        assert!(Money::from_minor(u64::MAX, currency("EUR")).is_err());
    }

    /// The grammar, written down a second time and in another way.
    fn model(text: &str, places: usize) -> bool {
        let mut parts = text.split('.');
        let whole = parts.next().unwrap();
        let all = |part: &str| !part.is_empty() && part.chars().all(|c| "0123456789".contains(c));
        let leading = whole == "0" || !whole.starts_with('0');
        match (parts.next(), parts.next()) {
            (None, _) => all(whole) && leading,
            (Some(rest), None) => all(whole) && leading && all(rest) && rest.len() <= places,
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn e52_the_grammar_is_the_models(text in r"[-+]?[0-9]{0,4}[.,e_ ]?[0-9]{0,4}", three in any::<bool>()) {
            let currency = currency(if three { "KWD" } else { "EUR" });
            prop_assert_eq!(Money::parse(&text, currency).is_ok(), model(&text, usize::from(currency.exponent())), "{}", text);
        }

        #[test]
        fn e52_no_text_panics(text in ".*") {
            let _ = Money::parse(&text, currency("CLF"));
        }

        #[test]
        fn e50_the_canonical_text_reads_back(minor in 0..=MOST, code in prop_oneof![Just("JPY"), Just("EUR"), Just("KWD"), Just("CLF")]) {
            let money = Money::from_minor(minor, currency(code)).unwrap();
            prop_assert_eq!(Money::parse(&money.to_decimal(), currency(code)), Ok(money));
        }
    }
}
