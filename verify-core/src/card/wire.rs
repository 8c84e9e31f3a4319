//! A card as an answer: the member of a call, the fields of a form, and the text in which it goes from there to the ceremony.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::card::{Card, CardAddress, InvalidCard};
use crate::refusal::Refusal;

/// What the fields of a card begin with in a form.
pub(crate) const CARD_FIELD: &str = "challenge-card-";

/// What a card begins with where it stands as a text. No header field can carry it, so a card comes in a body, which nobody
/// logs, and in no other way.
const MARK: char = '\n';

/// Longer than any card with its address, so that writing it moves nothing, and leaves nothing behind in memory.
const ROOM: usize = 8 * 1024;

/// A card as it was sent, before anything of it is looked at.
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wire {
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry_month: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry_year: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cvc: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<WireAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Secret>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WireAddress {
    street: Secret,
    postcode: Secret,
    city: Secret,
    country: Secret,
}

/// Wiped when it goes.
#[derive(Default)]
struct Secret(Zeroizing<String>);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(Zeroizing::new(text)))
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl Wire {
    /// Takes one field of a form, by its name without what all of them begin with; says whether it is one.
    pub(crate) fn take(&mut self, name: &str, value: String) -> bool {
        let value = Secret(Zeroizing::new(value));
        let slot = match name {
            "number" => &mut self.number,
            "cvc" => &mut self.cvc,
            "name" => &mut self.name,
            "token" => &mut self.token,
            "expiry" if self.expiry_month.is_none() => {
                // What is no date is a month that is none.
                let (month, year) = expiry(&value.0).unwrap_or((0, 0));
                (self.expiry_month, self.expiry_year) = (Some(month), Some(year));
                return true;
            }
            "street" | "postcode" | "city" | "country" => {
                let address = self.address.get_or_insert_default();
                let slot = match name {
                    "street" => &mut address.street,
                    "postcode" => &mut address.postcode,
                    "city" => &mut address.city,
                    _ => &mut address.country,
                };
                let is_new = slot.0.is_empty();
                *slot = value;
                return is_new;
            }
            _ => return false,
        };
        // A field that was left empty was not filled in.
        if value.0.is_empty() {
            return slot.is_none();
        }
        slot.replace(value).is_none()
    }

    /// The text that goes to the ceremony.
    pub(crate) fn text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(ROOM));
        bytes.push(MARK as u8);
        // Texts and numbers can always be written.
        let _ = serde_json::to_writer(&mut *bytes, self);
        let text = String::from_utf8(std::mem::take(&mut *bytes)).unwrap_or_default();
        Zeroizing::new(text)
    }
}

impl From<&Card> for Wire {
    fn from(card: &Card) -> Self {
        let secret = |text: &str| Secret(Zeroizing::new(text.to_owned()));
        let (month, year) = card.expiry().unzip();
        Self {
            number: card.number().map(secret),
            expiry_month: month,
            expiry_year: year,
            cvc: card.cvc().map(secret),
            name: card.holder().map(secret),
            address: card.address().map(|address| WireAddress {
                street: secret(address.street()),
                postcode: secret(address.postcode()),
                city: secret(address.city()),
                country: secret(address.country()),
            }),
            token: card.token().map(secret),
        }
    }
}

/// Reads a card from that text. What is wrong is named; nothing of it is repeated.
pub(crate) fn read(text: &str) -> Result<Card, Refusal> {
    const FORM: Refusal = Refusal::Invalid(
        "`card` is an object in the body: `number`, `expiry_month`, `expiry_year`, or `token`; and `cvc`, `name`, `address`",
    );
    let wire: Wire = text.strip_prefix(MARK).and_then(|json| serde_json::from_str(json).ok()).ok_or(FORM)?;
    let Wire { number, expiry_month, expiry_year, cvc, name, address, token } = &wire;
    let read = || -> Result<Option<Card>, InvalidCard> {
        let mut card = match (number, expiry_month, expiry_year, token) {
            (Some(number), Some(month), Some(year), None) => Card::new(&number.0, *month, *year)?,
            (None, None, None, Some(token)) => Card::from_token(&token.0)?,
            _ => return Ok(None),
        };
        if let Some(cvc) = cvc {
            card = card.with_cvc(&cvc.0)?;
        }
        if let Some(name) = name {
            card = card.with_holder(&name.0)?;
        }
        if let Some(WireAddress { street, postcode, city, country }) = address {
            card = card.with_address(CardAddress::new(&street.0, &postcode.0, &city.0, &country.0)?);
        }
        Ok(Some(card))
    };
    match read() {
        Ok(Some(card)) => Ok(card),
        Ok(None) => Err(FORM),
        Err(InvalidCard::Number) => {
            Err(Refusal::Invalid("the card number has a digit too many, too few or wrong"))
        }
        Err(InvalidCard::Expiry) => {
            Err(Refusal::Invalid("the card's expiry is a month and a year, as 05/35"))
        }
        Err(InvalidCard::Cvc) => Err(Refusal::Invalid("the card's security code is 3 or 4 digits")),
        Err(InvalidCard::Holder) => Err(Refusal::Invalid("the card holder's name is one line of text")),
        Err(InvalidCard::Address) => Err(Refusal::Invalid(
            "the billing address is street, postcode, city and a country of two letters",
        )),
        Err(InvalidCard::Token) => Err(Refusal::Invalid("the card's token is none")),
    }
}

/// Month and year as people and browsers type them: `5/35`, `05 / 2035`, `0535`.
fn expiry(text: &str) -> Option<(u8, u16)> {
    let text = text.trim();
    let (month, year) = match text.split_once(['/', '-', ' ']) {
        Some((month, year)) => (month, year.trim_start_matches([' ', '/', '-'])),
        None => text.split_at_checked(2)?,
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (month, year) = (month.trim(), year.trim());
    if !is_digits(month) || !is_digits(year) {
        return None;
    }
    let century = match year.len() {
        2 => 2000,
        4 => 0,
        _ => return None,
    };
    Some((month.parse().ok()?, year.parse::<u16>().ok()? + century))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Wire {
        let mut wire = Wire::default();
        for (name, value) in fields {
            assert!(wire.take(name, (*value).to_owned()), "{name}");
        }
        wire
    }

    #[test]
    fn a_form_and_an_object_are_one_card() {
        let card = Card::new("4444333322221111", 5, 2035).unwrap().with_cvc("123").unwrap();
        let card = card.with_address(CardAddress::new("1 Road", "NW1", "London", "GB").unwrap());
        let typed = form(&[
            ("number", "4444 3333 2222 1111"),
            ("expiry", "05/35"),
            ("cvc", "123"),
            ("name", ""),
            ("street", "1 Road"),
            ("postcode", "NW1"),
            ("city", "London"),
            ("country", "gb"),
        ]);
        assert_eq!(read(&typed.text()), Ok(card.clone()));
        assert_eq!(read(&Wire::from(&card).text()), Ok(card));
        let token = Card::from_token("https://vault.example/tokens/1").unwrap();
        assert_eq!(read(&Wire::from(&token).text()), Ok(token));
    }

    #[test]
    fn r60_a_card_comes_in_no_header_field() {
        let text = form(&[("number", "4444333322221111"), ("expiry", "05/35")]).text();
        assert!(http::HeaderValue::from_str(&text).is_err());
        assert!(read(text.trim_start()).is_err(), "without the mark it is no card");
    }

    #[test]
    fn r49_what_is_no_card_is_refused_without_repeating_it() {
        for json in [
            "",
            "[]",
            "null",
            "\"4444333322221111\"",
            "{}",
            r#"{"number":4444333322221111}"#,
            r#"{"number":"4444333322221111"}"#,
            r#"{"number":"4444333322221111","expiry_month":5,"expiry_year":2035,"pin":"1"}"#,
            r#"{"number":"4444333322221111","expiry_month":"5","expiry_year":2035}"#,
            r#"{"number":"4444333322221111","expiry_month":5,"expiry_year":2035,"token":"x"}"#,
            r#"{"number":"4444333322221111","number":"4444333322221111","expiry_month":5,"expiry_year":2035}"#,
        ] {
            let refused = read(&format!("{MARK}{json}")).unwrap_err();
            let Refusal::Invalid(what) = refused else { panic!("{refused:?}") };
            assert!(!what.contains("4444"), "{what}");
        }
    }

    #[test]
    fn an_expiry_is_read_as_people_type_it() {
        for good in ["05/35", "5/35", "05 / 2035", "0535", "052035", "05-35", " 05/35 "] {
            assert_eq!(expiry(good), Some((5, 2035)), "{good}");
        }
        for bad in ["", "5", "/", "05/", "05/335", "x5/35", "2035-05-01", "٠٥/٣٥", "+5/35"] {
            assert_eq!(expiry(bad), None, "{bad}");
        }
    }
}
