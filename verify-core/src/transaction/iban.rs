//! International bank account numbers (ISO 13616).

use std::fmt;

/// The length of an IBAN in each country of the registry that SWIFT keeps.
const LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 \
    DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 \
    KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 \
    PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 \
    YE30";

/// An account by its IBAN, in the electronic form: capitals, without spaces.
///
/// ```
/// use verify_core::Iban;
///
/// let iban = Iban::parse("de89 3704 0044 0532 0130 00")?;
/// assert_eq!(iban.grouped(), "DE89 3704 0044 0532 0130 00");
/// assert!(Iban::parse("DE88 3704 0044 0532 0130 00").is_err(), "a digit that was mistyped is found");
/// # Ok::<(), verify_core::InvalidIban>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Iban(String);

impl Iban {
    /// Reads an IBAN in its printed or its electronic form, in either case.
    ///
    /// # Errors
    /// Says what is wrong: other characters, a country that has none, another length, or check digits that do not fit.
    pub fn parse(text: &str) -> Result<Self, InvalidIban> {
        if text.len() > 64 {
            return Err(InvalidIban::Form);
        }
        let kept: String = text.chars().filter(|c| *c != ' ').collect();
        if kept.len() < 5 || !kept.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(InvalidIban::Form);
        }
        let kept = kept.to_ascii_uppercase();
        let (head, rest) = kept.split_at_checked(4).ok_or(InvalidIban::Form)?;
        let (country, check) = head.split_at_checked(2).ok_or(InvalidIban::Form)?;
        if !check.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidIban::Form);
        }
        let length = LENGTHS.split_ascii_whitespace().find_map(|entry| entry.strip_prefix(country));
        let length: usize = length.and_then(|digits| digits.parse().ok()).ok_or(InvalidIban::Country)?;
        if kept.len() != length {
            return Err(InvalidIban::Length { expected: length });
        }
        // ISO 7064, MOD 97-10: the head goes last, letters count from ten.
        let remainder =
            rest.chars().chain(head.chars()).filter_map(|c| c.to_digit(36)).fold(0_u32, |sum, value| {
                if value < 10 { (sum * 10 + value) % 97 } else { (sum * 100 + value) % 97 }
            });
        if remainder == 1 { Ok(Self(kept)) } else { Err(InvalidIban::Check) }
    }

    /// The electronic form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The printed form, in groups of four.
    #[must_use]
    pub fn grouped(&self) -> String {
        grouped(&self.0)
    }
}

pub(super) fn grouped(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

impl fmt::Debug for Iban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Iban([redacted])")
    }
}

/// The text is no IBAN. The message says what to look at, and does not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidIban {
    /// Other characters than letters, digits and spaces.
    #[error("an IBAN is a country's two letters, two check digits, then letters and digits")]
    Form,
    /// A country without IBANs.
    #[error("the first two letters are no country that has IBANs")]
    Country,
    /// Another length than the country's.
    #[error("an IBAN of that country has {expected} characters: look for one too many or too few")]
    Length {
        /// The right length.
        expected: usize,
    },
    /// The check digits do not fit.
    #[error("the check digits do not fit: look for a character that was mistyped")]
    Check,
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: [&str; 8] = [
        "GB29NWBK60161331926819",
        "DE89370400440532013000",
        "FR1420041010050500013M02606",
        "NL91ABNA0417164300",
        "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S",
        "SA0380000000608010167519",
        "BR1800360305000010009795493C1",
    ];

    #[test]
    fn e57_ibans_are_checked_and_stored_in_electronic_form() {
        for text in VALID {
            let iban = Iban::parse(text).unwrap();
            assert_eq!(iban.as_str(), text);
            assert_eq!(Iban::parse(&iban.grouped()).unwrap(), iban);
            assert_eq!(Iban::parse(&format!(" {} ", text.to_lowercase())).unwrap(), iban);
        }
    }

    #[test]
    fn e57_every_mistyped_digit_is_found() {
        let good = VALID[1];
        for at in 4..good.len() {
            for digit in '0'..='9' {
                let mut text: Vec<char> = good.chars().collect();
                if text[at] == digit {
                    continue;
                }
                text[at] = digit;
                assert_eq!(Iban::parse(&text.iter().collect::<String>()), Err(InvalidIban::Check));
            }
        }
        assert_eq!(Iban::parse("GB29NWBK60161331926818"), Err(InvalidIban::Check));
    }

    #[test]
    fn e57_other_texts_are_refused_with_the_reason() {
        assert_eq!(Iban::parse("US64SVBKUS6S3300958879"), Err(InvalidIban::Country));
        assert_eq!(Iban::parse("DE8937040044053201300"), Err(InvalidIban::Length { expected: 22 }));
        for bad in [
            "",
            "DE",
            "DE89-3704-0044",
            "DEXX370400440532013000",
            "DE89\t370400440532013000",
            "ＤＥ89",
            "D\u{c9}89",
        ] {
            assert_eq!(Iban::parse(bad), Err(InvalidIban::Form), "{bad:?}");
        }
        assert_eq!(Iban::parse(&"1".repeat(1000)), Err(InvalidIban::Form));
    }

    #[test]
    fn e57_the_table_has_each_country_once() {
        let mut countries: Vec<&str> =
            LENGTHS.split_ascii_whitespace().map(|entry| entry.get(..2).unwrap()).collect();
        let count = countries.len();
        assert!(count > 80);
        countries.dedup();
        assert_eq!(countries.len(), count);
    }
}
