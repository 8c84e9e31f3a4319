//! Currencies: ISO 4217 codes with the number of digits behind their decimal point.

use std::fmt;

/// Active currencies by the number of their minor digits. It is our own list, because being on it decides whether money
/// may be moved in it: precious metals, test codes and retired currencies (HRK; BGN since 2026) are not.
const BY_EXPONENT: [(u8, &str); 4] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC \
         CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR \
         JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD \
         NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN \
         SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

/// A currency that money can be moved in.
///
/// ```
/// use verify_core::Currency;
///
/// assert_eq!(Currency::parse("EUR")?.exponent(), 2);
/// assert_eq!(Currency::parse("JPY")?.exponent(), 0);
/// for refused in ["eur", "EURO", "XAU", "HRK", ""] {
///     assert!(Currency::parse(refused).is_err());
/// }
/// # Ok::<(), verify_core::UnknownCurrency>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency {
    code: &'static str,
    exponent: u8,
}

impl Currency {
    /// Reads an alphabetic code of ISO 4217, in capitals.
    ///
    /// # Errors
    /// When it is none that is in use for payments.
    pub fn parse(code: &str) -> Result<Self, UnknownCurrency> {
        for (exponent, codes) in BY_EXPONENT {
            if let Some(code) = codes.split_ascii_whitespace().find(|known| *known == code) {
                return Ok(Self { code, exponent });
            }
        }
        Err(UnknownCurrency)
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// How many digits stand behind the decimal point: 2 for most, 0 for the yen, 3 for some dinars.
    #[must_use]
    pub const fn exponent(&self) -> u8 {
        self.exponent
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

/// The text is no currency that money can be moved in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write the currency as its ISO 4217 code in capitals, such as EUR")]
#[non_exhaustive]
pub struct UnknownCurrency;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e51_exponents_are_those_of_the_standard() {
        for (code, exponent) in
            [("EUR", 2), ("USD", 2), ("JPY", 0), ("ISK", 0), ("KWD", 3), ("BHD", 3), ("CLF", 4), ("UYW", 4)]
        {
            assert_eq!(Currency::parse(code).map(|currency| currency.exponent()), Ok(exponent), "{code}");
        }
    }

    #[test]
    fn e51_what_is_no_money_is_refused() {
        for bad in [
            "XAU",
            "XXX",
            "XTS",
            "HRK",
            "BGN",
            "eur",
            "Eur",
            "EUR ",
            " EUR",
            "EURO",
            "EU",
            "",
            "978",
            "ＥＵＲ",
        ] {
            assert_eq!(Currency::parse(bad), Err(UnknownCurrency), "{bad:?}");
        }
    }

    #[test]
    fn e51_every_code_is_three_capitals_and_there_once() {
        let mut codes: Vec<&str> =
            BY_EXPONENT.iter().flat_map(|(_, codes)| codes.split_ascii_whitespace()).collect();
        assert!(codes.len() > 150);
        assert!(codes.iter().all(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase())));
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }
}
