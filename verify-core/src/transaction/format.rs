//! Amounts for people to read; never part of what is bound.

use crate::transaction::Money;

/// How amounts are written on pages and in messages.
///
/// The currency is always its code: a sign such as `$` stands for a dozen of them. What people read is derived from the
/// value that is bound, and never read back.
///
/// ```
/// use verify_core::{AmountFormat, Currency, Money};
///
/// let money = Money::parse("1234.50", Currency::parse("EUR")?)?;
/// assert_eq!(AmountFormat::International.format(&money), "EUR 1,234.50");
/// assert_eq!(AmountFormat::Continental.format(&money), "1.234,50 EUR");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AmountFormat {
    /// `EUR 1,234.50`: English. The default, and within the SMS alphabet.
    #[default]
    International,
    /// `1.234,50 EUR`: German, Spanish, Italian, Dutch, Danish and many more. Within the SMS alphabet.
    Continental,
    /// `1 234,50 EUR` with spaces that do not break: French, Czech, Polish, the Nordic languages. An SMS with such a
    /// space is sent as Unicode, and holds 70 characters instead of 160 (3GPP TS 23.038).
    Spaced,
    /// `CHF 1'234.50`: Swiss. Within the SMS alphabet.
    Swiss,
}

impl AmountFormat {
    /// The amount as people write it there.
    #[must_use]
    pub fn format(self, money: &Money) -> String {
        let (grouping, point, code_first) = match self {
            Self::International => (',', '.', true),
            Self::Continental => ('.', ',', false),
            Self::Spaced => ('\u{a0}', ',', false),
            Self::Swiss => ('\'', '.', true),
        };
        let (whole, fraction) = money.parts();
        let mut number = String::with_capacity(whole.len() * 2);
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                number.push(grouping);
            }
            number.push(digit);
        }
        if !fraction.is_empty() {
            number.push(point);
            number.push_str(&fraction);
        }
        let code = money.currency().code();
        // A line that breaks between number and code is read as two things.
        let space = if self == Self::Spaced { '\u{a0}' } else { ' ' };
        if code_first { format!("{code}{space}{number}") } else { format!("{number}{space}{code}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::Currency;

    #[test]
    fn e55_amounts_are_grouped_and_keep_every_digit() {
        let show = |format: AmountFormat, text: &str, code: &str| {
            format.format(&Money::parse(text, Currency::parse(code).unwrap()).unwrap())
        };
        assert_eq!(show(AmountFormat::International, "0.05", "EUR"), "EUR 0.05");
        assert_eq!(show(AmountFormat::International, "999", "EUR"), "EUR 999.00");
        assert_eq!(show(AmountFormat::International, "1234567", "JPY"), "JPY 1,234,567");
        assert_eq!(show(AmountFormat::Continental, "1000000.5", "EUR"), "1.000.000,50 EUR");
        assert_eq!(show(AmountFormat::Spaced, "1234.567", "KWD"), "1\u{a0}234,567\u{a0}KWD");
        assert_eq!(show(AmountFormat::Swiss, "1234.5", "CHF"), "CHF 1'234.50");
    }
}
