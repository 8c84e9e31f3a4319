//! A card as its holder gives it, or a token that stands for one.

use std::fmt;

use zeroize::Zeroizing;

use crate::text::is_unprintable;

/// A card as its holder gives it, or a service's token for one. It is wiped from memory when it goes, has a redacted `Debug`
/// and no `Display`, and goes to its [`CardVerifier`](crate::CardVerifier) and nowhere else.
///
/// ```
/// use verify_core::{Card, InvalidCard};
///
/// let card = Card::new("4444 3333 2222 1111", 5, 2035)?.with_cvc("123")?;
/// assert_eq!(card.number(), Some("4444333322221111"));
/// assert!(!format!("{card:?}").contains("4444"));
/// assert_eq!(Card::new("4444 3333 2222 1112", 5, 2035).unwrap_err(), InvalidCard::Number);
/// # Ok::<(), InvalidCard>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Card {
    kind: Kind,
    cvc: Option<Zeroizing<String>>,
    holder: Option<Zeroizing<String>>,
    address: Option<CardAddress>,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Plain { number: Zeroizing<String>, month: u8, year: u16 },
    Token(Zeroizing<String>),
}

/// A billing address, as far as issuers compare it. Its `Debug` is redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct CardAddress {
    street: Zeroizing<String>,
    postcode: Zeroizing<String>,
    city: Zeroizing<String>,
    country: String,
}

/// What of a card has not its form. It repeats nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCard {
    /// Not the number of a card.
    #[error("a card number is 12 to 19 digits, the last of which is a check digit (ISO/IEC 7812-1)")]
    Number,
    /// Not a month.
    #[error("a card's expiry is a month from 1 to 12 and a year of four digits")]
    Expiry,
    /// Not a security code.
    #[error("a card's security code is 3 or 4 digits")]
    Cvc,
    /// Not a name.
    #[error("a card holder's name is one line of 1 to 255 characters")]
    Holder,
    /// Not an address.
    #[error("a billing address is street, postcode and city on one line each, and a country of two letters")]
    Address,
    /// Not a token.
    #[error("a card's token is 1 to 2048 visible ASCII characters")]
    Token,
}

impl Card {
    /// A card by its number, which may have spaces and dashes in it, and the last month in which it is good.
    ///
    /// # Errors
    /// When one of them has not its form. Whether the card is still good is for its issuer to say.
    pub fn new(number: &str, month: u8, year: u16) -> Result<Self, InvalidCard> {
        let mut digits = Zeroizing::new(String::with_capacity(20));
        for c in number.chars().filter(|c| !matches!(c, ' ' | '-')) {
            if !c.is_ascii_digit() || digits.len() == 19 {
                return Err(InvalidCard::Number);
            }
            digits.push(c);
        }
        if digits.len() < 12 || !passes_luhn(&digits) {
            return Err(InvalidCard::Number);
        }
        if !(1..=12).contains(&month) || !(1000..=9999).contains(&year) {
            return Err(InvalidCard::Expiry);
        }
        Ok(Self::of(Kind::Plain { number: digits, month, year }))
    }

    /// A card that a service knows by this token, as Worldpay does by the address of one.
    ///
    /// # Errors
    /// When it cannot be a token.
    pub fn from_token(token: &str) -> Result<Self, InvalidCard> {
        let fits = (1..=2048).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits {
            return Err(InvalidCard::Token);
        }
        Ok(Self::of(Kind::Token(Zeroizing::new(token.to_owned()))))
    }

    const fn of(kind: Kind) -> Self {
        Self { kind, cvc: None, holder: None, address: None }
    }

    /// With the security code.
    ///
    /// # Errors
    /// When it is not 3 or 4 digits.
    pub fn with_cvc(mut self, cvc: &str) -> Result<Self, InvalidCard> {
        if !(3..=4).contains(&cvc.len()) || !cvc.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidCard::Cvc);
        }
        self.cvc = Some(Zeroizing::new(cvc.to_owned()));
        Ok(self)
    }

    /// With the holder's name.
    ///
    /// # Errors
    /// When it is empty, too long or not on one line.
    pub fn with_holder(mut self, name: &str) -> Result<Self, InvalidCard> {
        self.holder = Some(line(name, 255).ok_or(InvalidCard::Holder)?);
        Ok(self)
    }

    /// With the billing address.
    #[must_use]
    pub fn with_address(mut self, address: CardAddress) -> Self {
        self.address = Some(address);
        self
    }

    /// The number, without spaces, unless it is a token.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        match &self.kind {
            Kind::Plain { number, .. } => Some(number),
            Kind::Token(_) => None,
        }
    }

    /// Month and year of the expiry, unless it is a token.
    #[must_use]
    pub const fn expiry(&self) -> Option<(u8, u16)> {
        match &self.kind {
            Kind::Plain { month, year, .. } => Some((*month, *year)),
            Kind::Token(_) => None,
        }
    }

    /// The token, if it is one.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        match &self.kind {
            Kind::Plain { .. } => None,
            Kind::Token(token) => Some(token),
        }
    }

    /// The security code.
    #[must_use]
    pub fn cvc(&self) -> Option<&str> {
        self.cvc.as_ref().map(|cvc| cvc.as_str())
    }

    /// The holder's name.
    #[must_use]
    pub fn holder(&self) -> Option<&str> {
        self.holder.as_ref().map(|name| name.as_str())
    }

    /// The billing address.
    #[must_use]
    pub const fn address(&self) -> Option<&CardAddress> {
        self.address.as_ref()
    }
}

impl CardAddress {
    /// Street, postcode, city, and the country's two letters (ISO 3166-1).
    ///
    /// # Errors
    /// When one of them is empty, too long (80, 15 and 50 characters) or not on one line.
    pub fn new(street: &str, postcode: &str, city: &str, country: &str) -> Result<Self, InvalidCard> {
        let is_country = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphabetic());
        let read = || {
            let (street, postcode, city) = (line(street, 80)?, line(postcode, 15)?, line(city, 50)?);
            Some(Self { street, postcode, city, country: country.to_ascii_uppercase() })
        };
        read().filter(|_| is_country).ok_or(InvalidCard::Address)
    }

    /// The street and number.
    #[must_use]
    pub fn street(&self) -> &str {
        &self.street
    }

    /// The postcode.
    #[must_use]
    pub fn postcode(&self) -> &str {
        &self.postcode
    }

    /// The city.
    #[must_use]
    pub fn city(&self) -> &str {
        &self.city
    }

    /// The country's two letters, in capitals.
    #[must_use]
    pub fn country(&self) -> &str {
        &self.country
    }
}

/// A text on one line, trimmed, that is neither empty nor longer than that.
fn line(text: &str, most: usize) -> Option<Zeroizing<String>> {
    let text = text.trim();
    let fits = (1..=most).contains(&text.chars().count()) && !text.chars().any(is_unprintable);
    fits.then(|| Zeroizing::new(text.to_owned()))
}

/// The check digit of ISO/IEC 7812-1, annex B.
fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte.saturating_sub(b'0'));
            match place % 2 {
                0 => digit,
                _ if digit < 5 => digit * 2,
                _ => digit * 2 - 9,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Card([redacted])")
    }
}

impl fmt::Debug for CardAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardAddress([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_its_check_digit_and_nothing_but_digits() {
        for good in ["4444333322221111", "5555555555554444", "3434 343434 34343", "4444-3333-2222-1111"] {
            assert!(Card::new(good, 1, 2030).is_ok(), "{good}");
        }
        for bad in
            ["", "0", "4444333322221112", "44443333222211110000", "4444x33322221111", "４444333322221111"]
        {
            assert_eq!(Card::new(bad, 1, 2030).unwrap_err(), InvalidCard::Number, "{bad}");
        }
        for (month, year) in [(0, 2030), (13, 2030), (1, 30)] {
            assert_eq!(Card::new("4444333322221111", month, year).unwrap_err(), InvalidCard::Expiry);
        }
    }

    #[test]
    fn r60_nothing_of_a_card_is_shown() {
        let address = CardAddress::new("221B Baker Street", "NW1 6XE", "London", "gb").unwrap();
        assert_eq!(format!("{address:?}"), "CardAddress([redacted])");
        let card = Card::new("4444333322221111", 5, 2035).unwrap().with_cvc("987").unwrap();
        let card = card.with_holder("Sherlock Holmes").unwrap().with_address(address);
        assert_eq!(format!("{card:?}"), "Card([redacted])");
        assert!(Card::from_token("a b").is_err() && CardAddress::new("a", "b", "c\nd", "GB").is_err());
    }
}
