//! The card in a body, by the names that each version has for its parts.

use verify_core::{Card, CardAddress};

use crate::worldpay::reader::{Members, Text};

/// What the parts of a card are called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Names {
    token: &'static str,
    expiry: &'static str,
    address: &'static str,
}

impl Names {
    pub(super) const FIVE: Self =
        Self { token: "card/tokenized", expiry: "cardExpiryDate", address: "verificationAddress" };
    pub(super) const SIX: Self =
        Self { token: "card/token", expiry: "expiryDate", address: "billingAddress" };

    pub(super) fn is_six(self) -> bool {
        self == Self::SIX
    }
}

/// The card, if all of it can be read.
pub(super) fn read(given: &Members<'_>, names: Names) -> Option<Card> {
    let kind = given.one_of("type", &["card/plain", names.token]);
    let cvc = given.text_if_any("cvc", Text::of(3, 4).where_it(is_digits));
    // Of neither kind, its members are those of a plain card to whoever reads the faults.
    let mut card = match kind {
        Some(kind) if kind == names.token => {
            let href = given.text("href", Text::of(1, 2048).where_it(is_visible))?;
            Card::from_token(href).ok()?
        }
        _ => plain(given, names)?,
    };
    if let Some(cvc) = cvc {
        card = card.with_cvc(cvc).ok()?;
    }
    kind.map(|_| card)
}

fn plain(given: &Members<'_>, names: Names) -> Option<Card> {
    let number = given.text("cardNumber", Text::of(12, 19).where_it(is_digits));
    let number = number.filter(|number| {
        let passes = Card::new(number, 1, 2000).is_ok();
        if !passes {
            given.fault("panFailedLuhnCheck", "Card number has failed the Luhn check", "cardNumber");
        }
        passes
    });
    let expiry = given.object(names.expiry).and_then(|expiry| {
        let (month, year) = (expiry.integer("month", 1, 12), expiry.integer("year", 1000, 9999));
        Some((u8::try_from(month?).ok()?, u16::try_from(year?).ok()?))
    });
    let holder = given.text_if_any("cardHolderName", Text::of(1, 255));
    let address = given.object_if_any(names.address).and_then(|given| address(&given));
    let (month, year) = expiry?;
    let mut card = Card::new(number?, month, year).ok()?;
    if let Some(holder) = holder {
        card = match card.with_holder(holder) {
            Ok(card) => card,
            Err(_) => {
                given.fault(
                    "stringFailedRegexCheck",
                    "String has characters that are not allowed",
                    "cardHolderName",
                );
                return None;
            }
        };
    }
    Some(match address {
        Some(address) => card.with_address(address),
        None => card,
    })
}

fn address(given: &Members<'_>) -> Option<CardAddress> {
    for (name, longest) in [("address2", 80), ("address3", 80), ("state", 30)] {
        given.text_if_any(name, Text::of(1, longest));
    }
    let street = given.text("address1", Text::of(1, 80));
    let postcode = given.text("postalCode", Text::of(1, 15));
    let city = given.text("city", Text::of(1, 50));
    let country = given
        .text("countryCode", Text::of(2, 2).where_it(|text| text.bytes().all(|b| b.is_ascii_uppercase())));
    let (street, postcode, city, country) = (street?, postcode?, city?, country?);
    let address = CardAddress::new(street, postcode, city, country).ok();
    if address.is_none() {
        given.fault("stringFailedRegexCheck", "String has characters that are not allowed", "address1");
    }
    address
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}
