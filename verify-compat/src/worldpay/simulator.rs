//! An issuer for development, which does what the card tells it.

use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use verify_core::{Card, CardMatch, CardRisk};

use crate::worldpay::{CardDetails, Issuer, IssuerAnswer, IssuerError, IssuerInquiry};

/// An issuer for development: it knows no card, and does what the values of one tell it. Everybody can make it say yes.
///
/// | value | what it does |
/// |---|---|
/// | holder `REFUSED`, `REFUSED<nn>` | refuses, with code 5 or `nn` |
/// | holder `ERROR` | gives no answer: 500 |
/// | holder `LATER<n>` | approves, and its outcome can be retrieved after `n` seconds only |
/// | holder `NAME <word>` | approves, and says `<word>` of the name: `matched`, `partialMatched`, `notMatched`, `notChecked` |
/// | any other holder, or none | approves |
/// | an expiry in the past | refuses, with code 33 |
/// | security code, postcode or first line of the address `444` | not matched |
/// | `333` | not checked |
/// | `222` | not supported |
/// | anything else, as `555` | matched |
///
/// A security code of four digits goes by its last three. The holders `AUTHORISED`, `REFUSED`, `ERROR` and `REFUSED<nn>` are
/// those of the original's simulator for payments; the rest is ours.
///
/// ```
/// use verify_compat::worldpay::{AccountConfig, IssuerSimulator, Worldpay};
/// use verify_core::{Engine, KeyRing, Origin};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// let engine = Engine::builder(keys, Origin::parse("https://shop.example")?).build()?;
/// let builder = || {
///     Worldpay::builder(&engine)
///         .account(AccountConfig::new("merchant", "secret"))
///         .public_url("https://verify.example")
/// };
/// assert!(builder().issuer(IssuerSimulator::default()).build().is_ok());
/// assert!(builder().build().is_err(), "nobody is asked about cards unless somebody is named");
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct IssuerSimulator {}

/// What the codes of a refusal mean; those that are not here are said by their number.
const CODES: [(&str, &str); 14] = [
    ("4", "HOLD CARD"),
    ("5", "REFUSED"),
    ("8", "APPROVE AFTER IDENTIFICATION"),
    ("13", "INVALID AMOUNT"),
    ("15", "INVALID CARD ISSUER"),
    ("17", "ANNULATION BY CLIENT"),
    ("28", "ACCESS DENIED"),
    ("29", "IMPOSSIBLE REFERENCE NUMBER"),
    ("33", "CARD EXPIRED"),
    ("34", "FRAUD SUSPICION"),
    ("41", "LOST CARD"),
    ("43", "STOLEN CARD"),
    ("51", "LIMIT EXCEEDED"),
    ("76", "CARD BLOCKED"),
];

#[async_trait]
impl Issuer for IssuerSimulator {
    async fn verify(&self, inquiry: &IssuerInquiry) -> Result<IssuerAnswer, IssuerError> {
        let card = inquiry.card();
        let holder = card.holder().unwrap_or_default();
        let answer = if holder == "ERROR" {
            return Err(IssuerError::new().with_source("the simulator was told to give no answer"));
        } else if is_expired(card, inquiry) {
            refused("33")
        } else {
            match holder.strip_prefix("REFUSED") {
                Some("") => refused("5"),
                Some(code) if code.len() <= 3 && code.bytes().all(|byte| byte.is_ascii_digit()) => {
                    refused(code)
                }
                _ => IssuerAnswer::approved(),
            }
        };
        let mut answer = answer
            .with_scheme_reference(scheme_reference(inquiry.reference()))
            .with_details(details(card))
            .with(CardRisk::Cvc, told(card.cvc()));
        let address = card.address();
        answer = answer
            .with(CardRisk::Address, told(address.map(verify_core::CardAddress::street)))
            .with(CardRisk::Postcode, told(address.map(verify_core::CardAddress::postcode)));
        if let Some(result) = holder.strip_prefix("NAME ").and_then(name_result) {
            answer = answer.with(CardRisk::Name, result);
        }
        if let Some(seconds) = holder.strip_prefix("LATER").and_then(|text| text.parse::<u32>().ok()) {
            answer = answer.viewable_after(Duration::from_secs(seconds.into()));
        }
        Ok(answer)
    }
}

fn refused(code: &str) -> IssuerAnswer {
    let known = CODES.iter().find(|(known, _)| *known == code).map(|(_, words)| (*words).to_owned());
    let answer = IssuerAnswer::refused(code, known.unwrap_or_else(|| format!("REFUSED {code}")));
    match code {
        "4" | "41" | "43" | "76" => answer.with_advice("03"),
        _ => answer.with_advice("02"),
    }
}

fn told(value: Option<&str>) -> CardMatch {
    let Some(value) = value else { return CardMatch::NotSupplied };
    let last = value.len().checked_sub(3).filter(|_| value.len() == 4).and_then(|at| value.get(at..));
    match last.filter(|_| value.bytes().all(|byte| byte.is_ascii_digit())).unwrap_or(value) {
        "444" => CardMatch::NotMatched,
        "333" => CardMatch::NotChecked,
        "222" => CardMatch::NotSupported,
        _ => CardMatch::Matched,
    }
}

fn name_result(word: &str) -> Option<CardMatch> {
    match word {
        "matched" => Some(CardMatch::Matched),
        "partialMatched" => Some(CardMatch::PartiallyMatched),
        "notMatched" => Some(CardMatch::NotMatched),
        "notChecked" => Some(CardMatch::NotChecked),
        _ => None,
    }
}

/// Whether the last day of the card's last month is over.
fn is_expired(card: &Card, inquiry: &IssuerInquiry) -> bool {
    let Some((month, year)) = card.expiry() else { return false };
    let seconds = inquiry.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let Ok(now) = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).unwrap_or(i64::MAX)) else {
        return true;
    };
    (i32::from(year), month) < (now.year(), u8::from(now.month()))
}

/// The same for the same reference, as a scheme's would be.
fn scheme_reference(reference: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(reference).into();
    digest.iter().take(17).map(|byte| char::from(b'0' + byte % 10)).collect()
}

fn details(card: &Card) -> CardDetails {
    let brand = match card.number().unwrap_or("4") {
        number if number.starts_with("34") || number.starts_with("37") => "amex",
        number if number.starts_with(['5', '2']) => "mastercard",
        number if number.starts_with("35") => "jcb",
        number if number.starts_with("36") => "diners",
        number if number.starts_with('6') => "discover",
        _ => "visa",
    };
    let mut details = CardDetails {
        country: Some("GB".to_owned()),
        brand: Some(brand.to_owned()),
        funding: Some("debit".to_owned()),
        category: Some("consumer".to_owned()),
        issuer: Some("cardIssuer".to_owned()),
        ..CardDetails::default()
    };
    if card.token().is_some() {
        details.ends = Some(("444433".to_owned(), "1111".to_owned()));
        details.expiry = Some((12, 2035));
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_say_what_is_answered() {
        for (value, result) in [
            (None, CardMatch::NotSupplied),
            (Some("444"), CardMatch::NotMatched),
            (Some("5444"), CardMatch::NotMatched),
            (Some("333"), CardMatch::NotChecked),
            (Some("222"), CardMatch::NotSupported),
            (Some("555"), CardMatch::Matched),
            (Some("1 Road"), CardMatch::Matched),
            (Some("é44"), CardMatch::Matched),
        ] {
            assert_eq!(told(value), result, "{value:?}");
        }
    }

    #[test]
    fn a_card_is_good_until_the_end_of_its_last_month() {
        let inquiry = |seconds: u64| IssuerInquiry {
            card: Card::new("4444333322221111", 12, 2029).unwrap(),
            currency: "GBP".to_owned(),
            amount: None,
            entity: "default".to_owned(),
            reference: "r".to_owned(),
            is_on_file: false,
            is_moto: false,
            narrative: None,
            now: UNIX_EPOCH + Duration::from_secs(seconds),
        };
        // The first moment of 2030.
        let (last, over) = (inquiry(1_893_455_999), inquiry(1_893_456_000));
        assert!(!is_expired(&last.card, &last) && is_expired(&over.card, &over));
    }
}
